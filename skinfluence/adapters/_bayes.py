"""The Bayesian regressions, at the precisions that they found.

Given those, the mean of the posterior is a ridge regression, with one penalty for all
coefficients or one for each:

    Σ s_i (y_i - raw_i)² + Σ_j (lambda_j / alpha) coef_j²
"""

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike
from sklearn.linear_model import ARDRegression, BayesianRidge, Ridge
from sklearn.utils.validation import validate_data

from .._typing import MatrixLike
from ..penalties import l1_norm
from ..problem import Problem
from ..problem._weights import WeightsLike
from ._adapter import Adapter, register
from ._least_squares import least_squares


@register(BayesianRidge)
class OnePrecision(Adapter):
    """A precision for all coefficients: a Ridge is what a refit is."""

    def problem(
        self,
        estimator: BayesianRidge,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: WeightsLike = None,
    ) -> Problem:
        alpha = estimator.lambda_ / estimator.alpha_
        return least_squares(estimator, X, y, sample_weight, alpha)

    def held(self, estimator: BayesianRidge) -> Ridge:
        alpha = estimator.lambda_ / estimator.alpha_
        return Ridge(alpha=alpha, fit_intercept=estimator.fit_intercept, tol=1e-12)


@register(ARDRegression)
class Precisions(Adapter):
    """A precision for each coefficient; those that were pruned stay at 0."""

    def problem(
        self,
        estimator: ARDRegression,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: WeightsLike = None,
    ) -> Problem:
        problem = least_squares(estimator, X, y, sample_weight, alpha=0.0)
        penalty = np.zeros_like(problem.penalty)
        penalty[: len(estimator.coef_)] = 2 * estimator.lambda_ / estimator.alpha_
        pruned, strongest = np.zeros_like(problem.theta), np.finfo(problem.theta.dtype).max ** 0.5
        pruned[: len(estimator.coef_)] = np.where(estimator.coef_ == 0, strongest, 0)
        norm = l1_norm(pruned) if pruned.any() else None
        return replace(problem, penalty=penalty, norm=norm)

    def held(self, estimator: ARDRegression) -> "PrecisionsHeld":
        ratios = np.where(estimator.coef_ == 0, np.inf, estimator.lambda_ / estimator.alpha_)
        return PrecisionsHeld(ratios, fit_intercept=estimator.fit_intercept)


class PrecisionsHeld(ARDRegression):
    """An ARDRegression whose precisions are given: what a refit without a row fits.

    Parameters
    ----------
    ratios : ndarray of shape (p,)
        ``lambda_ / alpha_``; infinite where a coefficient was pruned.
    fit_intercept : bool, default=True
        As in ARDRegression.
    """

    def __init__(self, ratios: np.ndarray, *, fit_intercept: bool = True) -> None:
        self.ratios = ratios
        self.fit_intercept = fit_intercept

    def fit(self, X: MatrixLike, y: ArrayLike) -> "PrecisionsHeld":
        """Solve for the coefficients that were not pruned."""
        X, target = validate_data(self, X, y, dtype=[np.float64, np.float32], y_numeric=True)
        X_mean, y_mean = X.mean(axis=0), target.mean()
        if not self.fit_intercept:
            X_mean, y_mean = np.zeros_like(X_mean), 0.0
        kept = np.isfinite(self.ratios)
        part = (X - X_mean)[:, kept]
        self.coef_ = np.zeros(X.shape[1], dtype=X.dtype)
        matrix = part.T @ part + np.diag(self.ratios[kept])
        self.coef_[kept] = np.linalg.solve(matrix, part.T @ (target - y_mean))
        self.intercept_ = y_mean - X_mean @ self.coef_
        self.lambda_, self.alpha_ = np.where(kept, self.ratios, 1.0), 1.0
        return self
