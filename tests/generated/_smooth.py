"""Smooth objectives of scikit-learn, minimised by Newton's method to rounding."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.linalg import eigh
from sklearn.linear_model import (
    GammaRegressor,
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
    RidgeClassifier,
    TweedieRegressor,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import LinearSVC, LinearSVR
from sklearn.utils.class_weight import compute_class_weight

from ._losses import (
    BinaryLog,
    Deviance,
    Loss,
    SignedLog,
    Softmax,
    Squared,
    SquaredEpsilonInsensitive,
    SquaredHinge,
    one_or_more,
    signs,
)
from ._rows import NoTruth


@dataclass
class Smooth:
    """``factor Σ s loss(θ x, y) + ½ penalty · θ²``; in mean form the penalty grows with Σ s."""

    loss: Loss
    encode: object
    intercept: bool
    factor: float
    penalty: float
    mean: bool = False
    penalised_intercept: float = 0.0
    class_weight: object = None
    counts_weights: bool = False
    n_classes: int = 0

    def fit(self, rows, start=None):
        """Return the optimum on some rows."""
        return Optimum(self, rows, start)


class Optimum:
    """The optimum on some rows, found in centred and scaled coordinates."""

    def __init__(self, model, rows, start=None):
        self.model, self.rows = model, rows
        used = rows.X[rows.weights > 0]
        if not len(used):
            raise NoTruth("no row is left")
        centred = model.intercept and not model.penalised_intercept
        self.centre = used.mean(axis=0) if centred else np.zeros(rows.X.shape[1])
        spread = np.abs(used - self.centre).max(axis=0)
        self.spread = np.where(spread > 0, spread, 1)
        self.y = model.encode(rows.y)
        self.s = model.factor * rows.weights * self._balance()
        self.design = self.designed(rows.X)
        n_outputs = self.y.shape[1] if self.y.ndim == 2 else getattr(model.loss, "n_classes", 1)
        self.theta = np.zeros((n_outputs, self.design.shape[1]))
        if start is not None:
            self.theta = self.coordinates(start.user_theta())
        self._solve()

    def _balance(self):
        """Return the class weight of every row."""
        model, rows = self.model, self.rows
        if model.class_weight is None:
            return np.ones(len(rows.y))
        weights = rows.weights if model.counts_weights else None
        classes = np.unique(rows.y)
        each = compute_class_weight(
            model.class_weight, classes=classes, y=rows.y, sample_weight=weights
        )
        return each[np.searchsorted(classes, rows.y)]

    def designed(self, X):
        """Return the rows of the design: centred, scaled, with a column of ones."""
        scaled = (X - self.centre) / self.spread
        return np.column_stack([scaled, np.ones(len(X))]) if self.model.intercept else scaled

    def coordinates(self, theta):
        """Return parameters (K, P) of the user's columns in the coordinates here; linear."""
        if not self.model.intercept:
            return theta * self.spread
        coefficients, intercepts = theta[:, :-1], theta[:, -1]
        moved = intercepts + coefficients @ self.centre
        return np.column_stack([coefficients * self.spread, moved])

    def user_theta(self):
        """Return the parameters (K, P) in the user's columns."""
        if not self.model.intercept:
            return self.theta / self.spread
        coefficients = self.theta[:, :-1] / self.spread
        return np.column_stack([coefficients, self.theta[:, -1] - coefficients @ self.centre])

    @cached_property
    def ridge(self):
        """The penalty of each column of theta."""
        model = self.model
        strength = model.penalty * (self.rows.weights.sum() if model.mean else 1)
        each = strength / self.spread**2
        if not model.intercept:
            return each
        return np.append(each, model.penalised_intercept)

    def value(self, theta):
        """Return the objective."""
        with np.errstate(over="ignore", invalid="ignore"):
            losses = self.model.loss.values(self.design @ theta.T, self.y)
            return self.s @ losses + 0.5 * np.sum(self.ridge * theta**2)

    def gradient(self, theta):
        """Return the gradient (K, P)."""
        slopes = self.s[:, None] * self.model.loss.slopes(self.design @ theta.T, self.y)
        return slopes.T @ self.design + self.ridge * theta

    def hessian(self, theta):
        """Return the Hessian (K P, K P)."""
        curvatures = self.s[:, None, None] * self.model.loss.curvatures(
            self.design @ theta.T, self.y
        )
        n_outputs, n_columns = theta.shape
        whole = np.einsum("ikl,ip,iq->kplq", curvatures, self.design, self.design, optimize=True)
        whole = whole.reshape(n_outputs * n_columns, -1)
        whole[np.diag_indices_from(whole)] += np.tile(self.ridge, n_outputs)
        return whole

    def _solve(self):
        value = self.value(self.theta)
        for _ in range(200):
            gradient = self.gradient(self.theta)
            if not np.isfinite(gradient).all():
                raise NoTruth("the objective overflows")
            step = self.inverse(self.hessian(self.theta)) @ gradient.ravel()
            decrement = gradient.ravel() @ step
            length = 1.0
            while length > 1e-12:
                theta = self.theta - length * step.reshape(self.theta.shape)
                after = self.value(theta)
                if after <= value - 0.1 * length * decrement or decrement < 1e-14 * abs(value):
                    break
                length /= 2
            previous, (self.theta, value) = decrement, (theta, after)
            if decrement < 1e-26 * max(abs(value), 1e-300) or not decrement > 0:
                break
        gradient = self.gradient(self.theta)
        self.inverted = self.inverse(self.hessian(self.theta))
        #: Length of the step that is left, in the norm of H.
        self.left = float(np.sqrt(max(gradient.ravel() @ self.inverted @ gradient.ravel(), 0)))
        size = np.sqrt(max(abs(value), 1e-300))
        if not self.left < 1e-7 * size or np.abs(self.design @ self.theta.T).max() > 300 * max(
            1, np.abs(self.y).max() if self.y.dtype.kind == "f" else 1
        ):
            raise NoTruth(f"no optimum is reached: {self.left:.1e} left, {previous:.1e} before")

    @staticmethod
    def inverse(hessian):
        """Return the pseudo-inverse, its parameters scaled alike: flat directions do not move."""
        values, vectors, scale = alike(hessian)
        kept = values > 1e-13 * values[-1]
        return scale * ((vectors[:, kept] / values[kept]) @ vectors[:, kept].T) * scale[:, None]

    @cached_property
    def is_flat(self):
        """Whether the Hessian has directions that are flat, or too flat to judge by."""
        values = alike(self.hessian(self.theta))[0]
        flat = 0
        if isinstance(self.model.loss, Softmax) and self.model.intercept:
            flat = 1
        if isinstance(self.model.loss, Softmax) and not self.model.penalty:
            flat = self.design.shape[1]
        return values[flat] < 1e-10 * values[-1]

    def raw(self, X):
        """Return raw predictions (n, K)."""
        return self.designed(X) @ self.theta.T

    def losses(self, X, y):
        """Return the loss of each row, as the explainer tells it."""
        return self.model.loss.values(self.raw(X), self.model.encode(y))


def alike(hessian):
    """Return eigenvalues and vectors of a Hessian scaled to ones on its diagonal, and the scale."""
    sizes = np.diag(hessian)
    scale = 1 / np.sqrt(np.where(sizes > 0, sizes, 1))
    return *eigh(scale * hessian * scale[:, None]), scale


def smooth_truth(estimator, rows):
    """Return the smooth objective that an estimator minimises, or None."""
    kind = type(estimator)
    if kind is LogisticRegression and not estimator.l1_ratio:
        return logistic_truth(estimator, int(rows.y.max()) + 1)
    if kind is OneVsRestClassifier and not estimator.estimator.l1_ratio:
        n_classes = int(rows.y.max()) + 1
        one = logistic_truth(estimator.estimator, 2)
        encode = lambda y: signs(y, n_classes)  # noqa: E731
        return replace(one, loss=SignedLog(), encode=encode, n_classes=n_classes)
    if kind in (Ridge, LinearRegression):
        penalty = 2 * getattr(estimator, "alpha", 0.0)
        return Smooth(Squared(), one_or_more, estimator.fit_intercept, 1.0, penalty)
    if kind is RidgeClassifier:
        n_classes = int(rows.y.max()) + 1
        return Smooth(
            Squared(), lambda y: signs(y, n_classes), True, 1.0, 2 * estimator.alpha,
            class_weight=estimator.class_weight, n_classes=n_classes,
        )  # fmt: skip
    if kind in (PoissonRegressor, GammaRegressor, TweedieRegressor):
        power = {PoissonRegressor: 1, GammaRegressor: 2}.get(kind) or estimator.power
        return Smooth(
            Deviance(power), np.asarray, estimator.fit_intercept, 0.5, estimator.alpha, mean=True
        )
    if kind is LinearSVC and estimator.loss == "squared_hinge":
        n_classes = int(rows.y.max()) + 1
        return Smooth(
            SquaredHinge(), lambda y: signs(y, n_classes), True, estimator.C, 1.0,
            penalised_intercept=1.0, n_classes=n_classes,
        )  # fmt: skip
    if kind is LinearSVR and estimator.loss == "squared_epsilon_insensitive":
        loss = SquaredEpsilonInsensitive(estimator.epsilon)
        return Smooth(loss, one_or_more, True, estimator.C, 1.0, penalised_intercept=1.0)
    return None


def logistic_truth(estimator, n_classes):
    """Return the objective of a LogisticRegression."""
    finite = np.isfinite(estimator.C)
    liblinear = estimator.solver == "liblinear"
    loss = BinaryLog() if n_classes == 2 else Softmax(n_classes)
    return Smooth(
        loss,
        np.asarray,
        estimator.fit_intercept,
        estimator.C if finite else 1.0,
        1.0 if finite else 0.0,
        penalised_intercept=1.0 if liblinear and estimator.fit_intercept else 0.0,
        class_weight=estimator.class_weight,
        counts_weights=True,
        n_classes=n_classes,
    )
