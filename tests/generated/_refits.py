"""scikit-learn's estimators, fitted again at tight tolerances, and their noise."""

from copy import deepcopy
from dataclasses import dataclass

import numpy as np
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import VotingClassifier, VotingRegressor
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import (
    ElasticNet,
    HuberRegressor,
    Lasso,
    LogisticRegression,
    MultiTaskLasso,
    QuantileRegressor,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputRegressor
from sklearn.svm import SVC, SVR, LinearSVC, LinearSVR

from ._losses import Squared, one_or_more, signs
from ._machines import holds_intercepts, polish
from ._rows import NoTruth, Rows
from ._smooth import Optimum
from ._sparse_logistic import SparseLogistic

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
    OneVsRestClassifier: {},
    MultiOutputRegressor: {},
    VotingClassifier: {},
    VotingRegressor: {},
    TransformedTargetRegressor: {},
}


def tight_parts(estimator):
    """Return tight tolerances of the estimators inside one."""
    tight = {"tol": 1e-12, "max_iter": 1_000_000}
    names = [name.rpartition("__") for name in estimator.get_params()]
    return {f"{part}__{name}": tight[name] for part, _, name in names if part and name in tight}


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
        estimator = clone(estimator).set_params(**tight_parts(estimator), **TIGHT[kind])
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
            self.again = other_vertex(self.fitted, rows, known)
            return
        self.again = clone(estimator).fit(rows.X[order], rows.y[order], **again)
        if isinstance(estimator, HuberRegressor):
            self.fitted = self.again = polished(self.fitted, rows)
        if isinstance(estimator, Lasso | MultiTaskLasso) and not is_the_only_one(self.fitted, rows):
            raise NoTruth("one of several optima")
        if getattr(self.fitted, "fit_status_", 0):
            raise NoTruth("the refit did not converge")
        if isinstance(estimator, SVC | SVR) and not holds_intercepts(self.fitted, rows.weights):
            raise NoTruth("an interval of intercepts is as good, of which rounding chooses")
        if isinstance(estimator, SVC | SVR):
            polish(self.fitted, rows)
            polish(self.again, Rows(rows.X[order], rows.y[order], rows.weights[order]))
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


def other_vertex(regressor, rows, known):
    """Return the fit of a quantile a little off that is furthest from the fit itself."""
    fits = []
    for off in (-1e-7, 1e-7):
        quantile = np.clip(regressor.quantile + off, 1e-9, 1 - 1e-9)
        fits.append(clone(regressor).set_params(quantile=quantile).fit(rows.X, rows.y, **known))
    at = regressor.predict(rows.X)
    return max(fits, key=lambda each: np.abs(each.predict(rows.X) - at).max())


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
