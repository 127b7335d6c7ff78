"""SmoothedLinearSVC: a linear support vector machine without the kink.

Σ_i s_i t log(1 + exp((1 - y_i (x_i · coef + intercept)) / t)) + ½ ‖coef‖² / C
"""

from copy import copy
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from ._parameters import check_at_least
from ._sklearn_private import LinearClassifierMixin
from ._typing import MatrixLike
from ._warnings import warn
from .adapters import as_problem, encode_features
from .adapters._linear import class_weighted, ridge_penalty
from .losses import SmoothHinge
from .operators import Hessian
from .optimum import newton_steps
from .predictors import LinearPredictor
from .problem import Labels, Problem
from .problem._weights import row_weights
from .solvers import resolve_solver

#: Factor by which the temperature falls while Newton's method is led to the one asked for.
COOLING = 0.1


class SmoothedLinearSVC(LinearClassifierMixin, BaseEstimator):
    """Linear support vector classifier trained on the smooth hinge itself.

    Its losses have derivatives everywhere, so that its influences are those of the model that was
    trained (Koh and Liang 2017, section 4.2). The intercept is free of the penalty. Several
    classes are told apart one against the rest, and a row weighs the same for all of them.

    Parameters
    ----------
    C : float, default=1.0
        Inverse of the penalty's strength, > 0, on the sum of the losses.
    temperature : float, default=0.1
        Width t > 0 of the smoothing, in units of the margin; the hinge is its limit at 0.
    fit_intercept : bool, default=True
        Whether to fit an intercept.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, as in ``LogisticRegression``.
    tol : float, default=1e-10
        What the objective may yet fall by, about, over its value at coefficients of 0.
    max_iter : int, default=1000
        Newton steps.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels.
    coef_ : ndarray of shape (1, n_features) or (n_classes, n_features)
        Coefficients.
    intercept_ : ndarray of shape (1,) or (n_classes,)
        Intercepts, 0 without ``fit_intercept``.
    n_iter_ : int
        Newton steps taken.
    n_features_in_ : int
        Number of features.

    References
    ----------
    Koh, P. W. and Liang, P. (2017). Understanding Black-box Predictions via Influence Functions.
    ICML.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.preprocessing import scale
    >>> from skinfluence import SmoothedLinearSVC
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> X = scale(X)
    >>> SmoothedLinearSVC().fit(X[100:], y[100:]).score(X[:100], y[:100])
    0.97
    """

    classes_: np.ndarray
    coef_: np.ndarray
    intercept_: np.ndarray
    n_iter_: int
    n_features_in_: int

    def __init__(
        self,
        C: float = 1.0,
        *,
        temperature: float = 0.1,
        fit_intercept: bool = True,
        class_weight: dict[Any, float] | Literal["balanced"] | None = None,
        tol: float = 1e-10,
        max_iter: int = 1000,
    ) -> None:
        self.C = C
        self.temperature = temperature
        self.fit_intercept = fit_intercept
        self.class_weight = class_weight
        self.tol = tol
        self.max_iter = max_iter

    def fit(
        self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> "SmoothedLinearSVC":
        """Minimise the objective by Newton's method, cooling down to ``temperature``.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows.
        y : array-like of shape (n_samples,)
            Their labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights >= 0.

        Returns
        -------
        self : SmoothedLinearSVC
        """
        check_at_least(self, "C", 0, strict=True)
        check_at_least(self, "temperature", 0, strict=True)
        check_at_least(self, "tol", 0)
        check_at_least(self, "max_iter", 1, whole=True)
        fitted = copy(self)  # which takes the place of this one when it is whole
        X, y = validate_data(fitted, X, y, accept_sparse="csr", dtype=[np.float64, np.float32])
        check_classification_targets(y)
        fitted.classes_ = np.unique(y)
        if len(fitted.classes_) < 2:
            raise ValueError("y must hold at least two classes; got one class.")
        problem = _problem(fitted, X, y, sample_weight)
        problem, fitted.n_iter_ = self._minimise(problem)
        coef, fitted.intercept_ = problem.predictor.unflatten(problem.theta)
        fitted.coef_ = coef.copy()
        self.__dict__ = fitted.__dict__
        return self

    def _minimise(self, problem):
        """Return the problem at its optimum, and how many steps that took."""
        count, tolerance = 0, self.tol * problem.objective()
        for temperature in _cooling(self.temperature):
            loss = SmoothHinge(temperature, smoothed=False)
            problem = replace(problem, loss=loss)
            solver = resolve_solver("auto", Hessian(problem))
            for after in newton_steps(problem, solver, tolerance):
                problem, count = after, count + 1
                if count == self.max_iter:
                    warn(
                        f"The optimum was not reached in {self.max_iter} Newton steps; raise "
                        "`max_iter` or `tol`.",
                        ConvergenceWarning,
                    )
                    return problem, count
        return problem, count

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _cooling(temperature):
    """Return falling temperatures that end in the given one."""
    steps = max(0, int(np.ceil(np.log(temperature) / np.log(COOLING))))
    return [*(COOLING**i for i in range(steps)), temperature]


def _problem(estimator, X, y, sample_weight):
    """Return the problem at coefficients of 0."""
    targets = Labels(estimator.classes_, -1.0)
    predictor = LinearPredictor(targets.n_outputs, X.shape[1], bool(estimator.fit_intercept))
    weights = row_weights(sample_weight, X)
    weighted = class_weighted(estimator, targets.codes(y), weights, weights)
    penalty = ridge_penalty(predictor, 1 / estimator.C, X.dtype)
    theta, encoded = np.zeros(predictor.n_parameters, X.dtype), targets.encode(y, X.dtype)
    loss, (weights, reweighting) = SmoothHinge(estimator.temperature, smoothed=False), weighted
    known = theta, X, encoded, weights, penalty, targets, reweighting
    return Problem(loss, predictor, *known)


@as_problem.register(SmoothedLinearSVC, penalty="C")
def _smoothed_linear_svc(estimator, X, y, sample_weight=None):
    problem = _problem(estimator, encode_features(estimator, X), y, sample_weight)
    return problem.at(problem.predictor.flatten(estimator.coef_, estimator.intercept_))
