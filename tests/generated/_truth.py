"""Really fitted again: the optimum of a changed training set, without a line of the library.

``Smooth`` minimises scikit-learn's objective by Newton's method, written out here, to rounding.
``Refit`` fits scikit-learn's estimator at tight tolerances, and states its own noise: what another
order of the same rows changes. ``truth_of`` chooses; it raises ``NoTruth`` where neither can judge.
"""

from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse
from scipy.linalg import eigh
from scipy.optimize import minimize
from scipy.special import expit, log_softmax, softmax, xlogy
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import VotingClassifier, VotingRegressor
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import (
    ElasticNet,
    GammaRegressor,
    HuberRegressor,
    Lasso,
    LinearRegression,
    LogisticRegression,
    MultiTaskLasso,
    PoissonRegressor,
    QuantileRegressor,
    Ridge,
    RidgeClassifier,
    TweedieRegressor,
)
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import Pipeline
from sklearn.svm import SVC, SVR, LinearSVC, LinearSVR
from sklearn.utils.class_weight import compute_class_weight


class NoTruth(Exception):
    """Nothing here can say what is right."""


@dataclass(frozen=True)
class Rows:
    """Training rows: features as the last estimator takes them, codes or targets, and weights."""

    X: np.ndarray
    y: np.ndarray
    weights: np.ndarray

    def without(self, rows):
        """Return what is left without some rows."""
        keep = np.ones(len(self.X), bool)
        keep[rows] = False
        return Rows(self.X[keep], self.y[keep], self.weights[keep])

    def replaced(self, row, x, y):
        """Return the rows with one of them replaced."""
        X, targets = self.X.copy(), self.y.copy()
        X[row], targets[row] = x, y
        return Rows(X, targets, self.weights)

    def reweighted(self, row, weight):
        """Return the rows with another weight of one."""
        weights = self.weights.copy()
        weights[row] = weight
        return Rows(self.X, self.y, weights)


def dense(X):
    """Return features as a dense float64 array."""
    return np.asarray(X.todense() if sparse.issparse(X) else X, dtype=float)


def truth_of(case):
    """Return the truth of a case: a ``Smooth`` or a ``Refit``, holding its training rows."""
    estimator, transform = case.fresh(), lambda X: dense(case.handed(X))
    X = transform(case.X)
    weights = np.ones(len(X)) if case.weights is None else case.weights
    if isinstance(estimator, GridSearchCV):
        known = {} if case.weights is None else {"sample_weight": case.weights}
        estimator = clone(estimator.fit(case.handed(case.X), case.y, **known).best_estimator_)
    if isinstance(estimator, Pipeline):
        steps = estimator[:-1]
        X = dense(steps.fit_transform(case.handed(case.X), case.targets(case.y)))
        transform = lambda rows: dense(steps.transform(case.handed(rows)))  # noqa: E731
        estimator = clone(estimator[-1])
    rows = Rows(X, case.y, weights)
    smooth = smooth_truth(estimator, rows)
    if smooth is not None:
        return Truth(smooth, rows, transform(case.X_test), transform)
    return Truth(Refit.of(estimator, rows, case.seed), rows, transform(case.X_test), transform)


@dataclass
class Truth:
    """A model that can be fitted again, its training rows, and rows to look at."""

    model: object
    rows: Rows
    X_test: np.ndarray
    transform: object

    @cached_property
    def before(self):
        """The fit on all rows."""
        return self.model.fit(self.rows)

    @property
    def is_smooth(self):
        """Whether parameters and the norm of the Hessian are known."""
        return isinstance(self.model, Smooth)


# -- Losses, of raw predictions (n, K) and targets ------------------------------------------------


class Loss:
    """A loss by its values, slopes (n, K) and curvatures (n, K, K)."""


def diagonal(values):
    """Return curvatures of separable outputs."""
    return values[:, :, None] * np.eye(values.shape[1])


class BinaryLog(Loss):
    def values(self, raw, y):
        return np.logaddexp(0, np.where(y == 1, -1, 1) * raw[:, 0])

    def slopes(self, raw, y):
        return expit(raw) - y[:, None]

    def curvatures(self, raw, y):
        return (expit(raw) * expit(-raw))[:, :, None]


@dataclass
class Softmax(Loss):
    n_classes: int

    def values(self, raw, y):
        return -np.take_along_axis(log_softmax(raw, axis=1), y[:, None], axis=1)[:, 0]

    def slopes(self, raw, y):
        return softmax(raw, axis=1) - np.eye(self.n_classes)[y]

    def curvatures(self, raw, y):
        chances = softmax(raw, axis=1)
        return diagonal(chances) - chances[:, :, None] * chances[:, None, :]


class Squared(Loss):
    def values(self, raw, y):
        return np.sum((y - raw) ** 2, axis=1)

    def slopes(self, raw, y):
        return 2 * (raw - y)

    def curvatures(self, raw, y):
        return diagonal(np.full_like(raw, 2.0))


@dataclass
class Deviance(Loss):
    """Tweedie's deviance with a log link; 1 is Poisson's, 2 is Gamma's."""

    power: float

    def values(self, raw, y):
        p, raw = self.power, raw[:, 0]
        if p == 1:
            return 2 * (np.exp(raw) - y * raw + xlogy(y, y) - y)
        if p == 2:
            return 2 * (raw - np.log(y) + y * np.exp(-raw) - 1)
        falls, rises = np.exp((1 - p) * raw), np.exp((2 - p) * raw)
        constant = np.maximum(y, 0) ** (2 - p) / ((1 - p) * (2 - p))
        return 2 * (constant - y * falls / (1 - p) + rises / (2 - p))

    def slopes(self, raw, y):
        p = self.power
        return 2 * (np.exp((2 - p) * raw) - y[:, None] * np.exp((1 - p) * raw))

    def curvatures(self, raw, y):
        p = self.power
        falls, rises = np.exp((1 - p) * raw), np.exp((2 - p) * raw)
        return 2 * ((2 - p) * rises - (1 - p) * y[:, None] * falls)[:, :, None]


class SquaredHinge(Loss):
    """Summed over outputs, of signs (n, K)."""

    def values(self, raw, y):
        return np.sum(np.maximum(1 - y * raw, 0) ** 2, axis=1)

    def slopes(self, raw, y):
        return -2 * y * np.maximum(1 - y * raw, 0)

    def curvatures(self, raw, y):
        return diagonal(2.0 * (y * raw < 1))


@dataclass
class SquaredEpsilonInsensitive(Loss):
    epsilon: float

    def values(self, raw, y):
        return np.sum(np.maximum(np.abs(raw - y) - self.epsilon, 0) ** 2, axis=1)

    def slopes(self, raw, y):
        return 2 * np.sign(raw - y) * np.maximum(np.abs(raw - y) - self.epsilon, 0)

    def curvatures(self, raw, y):
        return diagonal(2.0 * (np.abs(raw - y) > self.epsilon))


# -- Smooth objectives ----------------------------------------------------------------------------


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


def one_or_more(y):
    """Return targets as columns of numbers."""
    return np.asarray(y, float).reshape(len(y), -1)


def signs(y, n_classes):
    """Return codes as signs (n, K), one column of two classes."""
    if n_classes == 2:
        return np.where(y == 1, 1.0, -1.0)[:, None]
    return np.where(np.eye(n_classes)[y] == 1, 1.0, -1.0)


def smooth_truth(estimator, rows):
    """Return the smooth objective that an estimator minimises, or None."""
    kind = type(estimator)
    if kind is LogisticRegression and not estimator.l1_ratio:
        return logistic_truth(estimator, int(rows.y.max()) + 1)
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


# -- Estimators of scikit-learn, fitted tightly ---------------------------------------------------

TIGHT = {
    HuberRegressor: {"tol": 1e-12, "max_iter": 1_000_000},
    Lasso: {"tol": 1e-14, "max_iter": 10_000_000},
    ElasticNet: {"tol": 1e-14, "max_iter": 10_000_000},
    MultiTaskLasso: {"tol": 1e-14, "max_iter": 10_000_000},
    LogisticRegression: {},
    SVC: {"tol": 1e-10, "max_iter": 5_000_000, "decision_function_shape": "ovo"},
    SVR: {"tol": 1e-10, "max_iter": 5_000_000},
    LinearSVC: {"tol": 1e-10, "max_iter": 1_000_000},
    LinearSVR: {"tol": 1e-10, "max_iter": 1_000_000},
    QuantileRegressor: {"solver_options": {"dual_feasibility_tolerance": 1e-10}},
    KernelRidge: {},
    GaussianProcessRegressor: {},
    OneVsRestClassifier: {"estimator__tol": 1e-12, "estimator__max_iter": 1_000_000},
    MultiOutputRegressor: {},
    VotingClassifier: {},
    VotingRegressor: {},
    TransformedTargetRegressor: {},
}


@dataclass
class Refit:
    """scikit-learn's estimator at tight tolerances, data-dependent settings held."""

    estimator: object
    n_classes: int
    seed: int

    @classmethod
    def of(cls, estimator, rows, seed):
        """Return the truth of an estimator that has one."""
        kind = type(estimator)
        if kind not in TIGHT:
            raise NoTruth(f"of {kind.__name__}")
        of_distances = "rbf" in repr(estimator) or isinstance(estimator, SVC | SVR)
        if of_distances and np.abs(rows.X).max() > 1e3:  # which have lost their digits
            raise NoTruth("of kernels of columns far from zero")
        if kind is LogisticRegression:
            return SparseLogistic(estimator, int(rows.y.max()) + 1)
        estimator = clone(estimator).set_params(**TIGHT[kind])
        if getattr(estimator, "gamma", None) == "scale":
            spread = rows.X.var()
            estimator.set_params(gamma=1 / (rows.X.shape[1] * spread) if spread else 1.0)
        n_classes = int(rows.y.max()) + 1 if rows.y.dtype.kind == "i" else 0
        return cls(estimator, n_classes, seed)

    def fit(self, rows, start=None):
        """Return the fit on some rows."""
        if self.n_classes and len(np.unique(rows.y[rows.weights > 0])) < self.n_classes:
            raise NoTruth("a class is gone")
        return Refitted(self, rows)


class Refitted:
    """A fit, and another one in another order of the rows, which tells its noise."""

    def __init__(self, model, rows):
        self.model = model
        kept = rows.weights > 0
        rows = Rows(rows.X[kept], rows.y[kept], rows.weights[kept])
        order = np.random.default_rng(model.seed).permutation(len(rows.X))
        estimator = clone(model.estimator)
        self.shift, self.scale = 0.0, 1.0
        if isinstance(estimator, HuberRegressor | SVR):  # whose solvers stop by the size of y
            self.shift = np.mean(rows.y)
        if isinstance(estimator, HuberRegressor):
            self.scale = np.std(rows.y) or 1.0
            estimator.set_params(alpha=estimator.alpha * self.scale)
        rows = Rows(rows.X, self._within(rows.y), rows.weights)
        known = {} if (rows.weights == 1).all() else {"sample_weight": rows.weights}
        again = {name: values[order] for name, values in known.items()}
        self.fitted = clone(estimator).fit(rows.X, rows.y, **known)
        if isinstance(estimator, QuantileRegressor):  # of which another vertex may be as good
            tiny = (
                1e-9 * np.std(rows.y) * np.random.default_rng(model.seed).normal(size=len(rows.y))
            )
            rows = Rows(rows.X, rows.y + tiny, rows.weights)
        self.again = clone(estimator).fit(rows.X[order], rows.y[order], **again)
        if isinstance(estimator, HuberRegressor):
            self.fitted = self.again = polished(self.fitted, rows)
        if isinstance(estimator, Lasso | MultiTaskLasso) and not is_the_only_one(self.fitted, rows):
            raise NoTruth("one of several optima")
        if getattr(self.fitted, "fit_status_", 0):
            raise NoTruth("the refit did not converge")
        if isinstance(estimator, SVC | SVR) and not holds_intercepts(self.fitted, rows.weights):
            raise NoTruth("an interval of intercepts is as good, of which rounding chooses")
        if (
            getattr(self.fitted, "n_iter_", 0) is not None
            and np.max(getattr(self.fitted, "n_iter_", 0))
            >= getattr(self.fitted, "max_iter", np.inf)
            > 0
        ):
            raise NoTruth("the refit did not converge")

    def _within(self, y):
        return y if self.shift == 0 and self.scale == 1 else (y - self.shift) / self.scale

    def _of(self, fitted, X):
        for name in ("decision_function", "predict_proba", "predict"):
            if hasattr(fitted, name):
                return getattr(fitted, name)(X).reshape(len(X), -1)
        raise NoTruth("predicts nothing")

    def raw(self, X):
        """Return what the estimator predicts with (n, K)."""
        told = self._of(self.fitted, X)
        if isinstance(self.fitted, SVC) and self.model.n_classes > 2:  # as its users see it
            told = deepcopy(self.fitted).set_params(decision_function_shape="ovr")
            return told.decision_function(X)
        return told if self.scale == 1 and self.shift == 0 else told * self.scale + self.shift

    def losses(self, X, y, fitted=None):
        """Return the loss of each row, as the explainer tells it."""
        fitted = self.fitted if fitted is None else fitted
        within = self._within(y)
        return self.scale * refitted_losses(
            fitted, self._of(fitted, X), within, self.model.n_classes
        )

    def raw_noise(self, X):
        """Return how far two fits of the same rows are apart."""
        return self.scale * np.abs(self._of(self.fitted, X) - self._of(self.again, X))

    def loss_noise(self, X, y):
        """Return how far two fits of the same rows are apart, in losses."""
        return np.abs(self.losses(X, y) - self.losses(X, y, self.again))


@dataclass
class SparseLogistic:
    """A logistic regression with a norm in its penalty: a quasi-Newton method within bounds finds
    the signs, Newton's method the optimum of that sign, and the conditions of optimality confirm.
    """

    estimator: object
    n_classes: int

    def fit(self, rows, start=None):
        """Return the fit on some rows."""
        if len(np.unique(rows.y[rows.weights > 0])) < self.n_classes:
            raise NoTruth("a class is gone")
        return SparseOptimum(self, rows)


class SparseOptimum:
    """The optimum of a ``SparseLogistic`` on some rows."""

    def __init__(self, model, rows):
        self.model = model
        estimator = model.estimator
        self.loss = BinaryLog() if model.n_classes == 2 else Softmax(model.n_classes)
        self.n_outputs = 1 if model.n_classes == 2 else model.n_classes
        if estimator.class_weight is not None:
            raise NoTruth("of balanced classes")
        self.s = estimator.C * rows.weights
        self.design, self.y = np.column_stack([rows.X, np.ones(len(rows.X))]), rows.y
        self.l1 = np.append(np.full(rows.X.shape[1], estimator.l1_ratio), 0.0)
        self.l2 = np.append(np.full(rows.X.shape[1], 1 - estimator.l1_ratio), 0.0)
        self.theta = self._solve()

    def _slopes(self, theta):
        raw = self.design @ theta.T
        return (self.s[:, None] * self.loss.slopes(raw, self.y)).T @ self.design + self.l2 * theta

    def _solve(self):
        shape = (self.n_outputs, self.design.shape[1])
        spread = np.maximum(np.abs(self.design).max(axis=0), 1e-300)

        def objective(parts):
            up, down = parts.reshape(2, *shape) / spread
            theta = up - down
            slopes = self._slopes(theta)
            losses = self.s @ self.loss.values(self.design @ theta.T, self.y)
            value = losses + 0.5 * np.sum(self.l2 * theta**2) + np.sum(self.l1 * (up + down))
            both = np.array([slopes + self.l1, self.l1 - slopes]) / spread
            return value, both.ravel()

        found = minimize(
            objective, np.zeros(2 * np.prod(shape)), jac=True, method="L-BFGS-B",
            bounds=[(0, None)] * (2 * int(np.prod(shape))),
            options={"maxiter": 20_000, "maxfun": 40_000, "ftol": 1e-16, "gtol": 1e-9},
        )  # fmt: skip
        up, down = found.x.reshape(2, *shape) / spread
        theta = up - down
        size = np.abs(theta * spread).max()
        free = (np.abs(theta * spread) > 1e-7 * size) | (self.l1 == 0)
        signs_held = np.where(free, np.sign(theta), 0) * self.l1
        theta = np.where(free, theta, 0)
        for _ in range(50):
            slopes = (self._slopes(theta) + signs_held)[free]
            curvatures = self.s[:, None, None] * self.loss.curvatures(self.design @ theta.T, self.y)
            hessian = np.einsum("ikl,ip,iq->kplq", curvatures, self.design, self.design)
            hessian = hessian.reshape(np.prod(shape), -1)
            hessian[np.diag_indices_from(hessian)] += np.tile(self.l2, shape[0])
            step = Optimum.inverse(hessian[np.ix_(free.ravel(), free.ravel())]) @ slopes
            theta[free] -= step
            if slopes @ step < 1e-24:
                break
        slopes = self._slopes(theta)
        kept = np.sign(theta) == np.sign(signs_held) if self.l1.any() else True
        held = np.abs(slopes) <= self.l1 * (1 + 1e-6)
        if not (np.where(free, kept | (self.l1 == 0), held)).all() or (
            np.abs((slopes + signs_held) / spread)[free].max(initial=0) > 1e-7
        ):
            raise NoTruth("the conditions of optimality are not met")
        return theta

    def raw(self, X):
        """Return raw predictions (n, K)."""
        return np.column_stack([X, np.ones(len(X))]) @ self.theta.T

    def losses(self, X, y):
        """Return the loss of each row."""
        return self.loss.values(self.raw(X), y)

    def raw_noise(self, X):
        """Return what rounding leaves."""
        return 1e-9 * np.abs(self.raw(X))

    def loss_noise(self, X, y):
        """Return what rounding leaves, in losses."""
        return 1e-9 * np.abs(self.raw(X)).max(axis=1)


def is_the_only_one(lasso, rows):
    """Return whether the columns that are pulled as hard as can be are independent."""
    weights = rows.weights / rows.weights.sum()
    centred = rows.X - lasso.fit_intercept * (weights @ rows.X)
    residual = rows.y - lasso.predict(rows.X)
    pulls = centred.T @ (weights * residual.T).T
    pulls = np.abs(pulls) if pulls.ndim == 1 else np.linalg.norm(pulls, axis=1)
    pulled = centred[:, pulls > (1 - 1e-4) * lasso.alpha]
    spread = np.abs(pulled).max(axis=0, initial=0)
    return np.linalg.matrix_rank(pulled / np.where(spread > 0, spread, 1)) == pulled.shape[1]


def holds_intercepts(machine, weights):
    """Return whether every intercept is held by a dual coefficient between its bounds."""
    duals = np.abs(machine.dual_coef_)
    bounds = machine.C * weights[machine.support_]
    between = (duals > 1e-7 * bounds) & (duals < (1 - 1e-7) * bounds)
    if isinstance(machine, SVR) or len(machine.classes_) == 2:
        return between.any()
    owner = np.repeat(np.arange(len(machine.classes_)), machine.n_support_)
    held = []
    for first in range(len(machine.classes_)):
        for second in range(first + 1, len(machine.classes_)):
            of_first, of_second = (
                between[second - 1, owner == first],
                between[first, owner == second],
            )
            held.append(of_first.any() or of_second.any())
    return all(held)


def polished(estimator, rows):
    """Return a HuberRegressor at its optimum, by Newton's method from where its solver stopped."""
    spread = np.maximum(np.abs(rows.X).max(axis=0), 1e-300)
    design = np.column_stack([rows.X / spread, np.ones(len(rows.X))])
    ridge = np.append(estimator.alpha / spread**2, 0.0)
    bend, s, y = estimator.epsilon, rows.weights, rows.y
    theta = np.concatenate([estimator.coef_ * spread, [estimator.intercept_, estimator.scale_]])

    def objective(theta):
        scale = theta[-1]
        away = np.abs(y - design @ theta[:-1]) / scale
        bent = np.where(away <= bend, away**2, 2 * bend * away - bend**2)
        return s @ (scale + bent * scale) + np.sum(ridge * theta[:-1] ** 2)

    def slopes(theta):
        scale, away = theta[-1], (design @ theta[:-1] - y) / theta[-1]
        inner = np.abs(away) <= bend
        pull = 2 * np.where(inner, away, bend * np.sign(away))
        of_scale = s @ (1 - np.where(inner, away**2, bend**2))
        gradient = np.append(design.T @ (s * pull) + 2 * ridge * theta[:-1], of_scale)
        curved = s * inner / scale
        block = 2 * (design.T * curved) @ design + np.diag(2 * ridge)
        cross = -2 * design.T @ (curved * away)
        return gradient, np.block([[block, cross[:, None]], [cross, 2 * (curved @ away**2)]])

    value = objective(theta)
    for _ in range(200):
        gradient, hessian = slopes(theta)
        step = Optimum.inverse(hessian) @ gradient
        length = min(1.0, 0.9 * theta[-1] / step[-1]) if step[-1] > 0 else 1.0
        while length > 1e-10 and objective(theta - length * step) > value:
            length /= 2
        theta, before = theta - length * step, value
        value = objective(theta)
        if gradient @ step < 1e-22 * abs(value) or not value < before:
            break
    if gradient @ step > 1e-12 * abs(value) or theta[-1] < 1e-6 * np.abs(y).max():
        raise NoTruth("the scale or the optimum is not found")
    fitted = clone(estimator)
    fitted.coef_, fitted.intercept_, fitted.scale_ = theta[:-2] / spread, theta[-2], theta[-1]
    return fitted


def refitted_losses(estimator, raw, y, n_classes):
    """Return the losses of raw predictions, by the class of estimator."""
    kind = type(estimator)
    if kind is QuantileRegressor:
        above = y - raw[:, 0]
        return np.maximum(estimator.quantile * above, (estimator.quantile - 1) * above)
    if kind in (SVR, LinearSVR):
        return np.maximum(np.abs(y - raw[:, 0]) - estimator.epsilon, 0)
    if kind is HuberRegressor:
        scale, bend = estimator.scale_, estimator.epsilon
        away = np.abs(y - raw[:, 0])
        outer = 2 * bend * away - scale * bend**2
        return scale + np.where(away <= bend * scale, away**2 / scale, outer)
    if kind is TransformedTargetRegressor:
        raise NoTruth("losses of transformed targets")
    if not n_classes:
        return Squared().values(raw, one_or_more(y))
    if kind is VotingClassifier:
        return -np.log(np.take_along_axis(raw, y[:, None], axis=1)[:, 0])
    if kind is SVC and n_classes > 2:
        return pair_losses(raw, y, n_classes)
    if kind in (SVC, LinearSVC):
        return np.maximum(1 - signs(y, n_classes) * raw, 0).sum(axis=1)
    if kind is OneVsRestClassifier:
        return np.logaddexp(0, -signs(y, n_classes) * raw).sum(axis=1)
    raise NoTruth(f"no loss of {kind.__name__}")


def pair_losses(raw, y, n_classes):
    """Return the sum of the hinges of the pairs that hold the true class; positive is the first."""
    total = np.zeros(len(raw))
    pairs = [(a, b) for a in range(n_classes) for b in range(a + 1, n_classes)]
    for pair, (first, second) in enumerate(pairs):
        margin = np.where(y == first, 1, -1) * raw[:, pair]
        total += np.where((y == first) | (y == second), np.maximum(1 - margin, 0), 0)
    return total
