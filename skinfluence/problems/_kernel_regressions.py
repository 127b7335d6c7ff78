"""Adapters of the kernel models that minimise squared error.

    Σ s_i (y_i - f(x_i))² + alpha ‖f‖²

The mean of a Gaussian process is kernel ridge regression at the variance of its noise.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import cholesky
from sklearn.base import clone
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import DotProduct
from sklearn.kernel_ridge import KernelRidge

from ..losses import SquaredError
from ..predictors import LinearPredictor
from ._as_problem import as_problem, assign, penalty_parameter, unsupported
from ._kernels import KernelModel, PairwiseKernel, kernel_features, precomputed
from ._linear import ridge_penalty, row_weights
from ._problem import Problem
from ._response import Shifted
from ._targets import Continuous, ShiftedTargets
from ._wrappers import encode_features, held


@as_problem.register(KernelRidge)
def _kernel_ridge(estimator, X, y, sample_weight=None):
    rows = encode_features(estimator, X)
    if estimator.kernel == "linear":
        features, model = rows, KernelModel(rows)
    elif estimator.kernel == "precomputed":
        features, encoder = kernel_features(precomputed, rows, square=True)
        model = KernelModel(rows, encoder, square=True)
    else:
        features, encoder = kernel_features(_kernel(estimator), rows)
        model = KernelModel(rows, encoder)
    dual = estimator.dual_coef_
    targets = Continuous(dual.reshape(len(dual), -1).shape[1], dual.ndim == 1)
    return _squares(features, model, y, sample_weight, dual, estimator.alpha, targets)


def _kernel(estimator):
    if callable(estimator.kernel):
        return PairwiseKernel(estimator.kernel, estimator.kernel_params or {})
    names = ("gamma", "degree", "coef0")
    return PairwiseKernel(estimator.kernel, {name: getattr(estimator, name) for name in names})


@as_problem.register(GaussianProcessRegressor)
def _gaussian_process(estimator, X, y, sample_weight=None):
    """Minimise ``Σ (y_i - f(x_i))² + noise ‖f‖²``, the mean of y held if it was taken off."""
    if not estimator.kernel_.requires_vector_input:
        raise unsupported("GaussianProcessRegressor on rows that are no vectors")
    rows, noise = encode_features(estimator, X), _noise(estimator, X)
    dual = estimator.alpha_ * estimator._y_train_std
    shift = np.atleast_1d(estimator._y_train_mean).astype(rows.dtype)
    targets = ShiftedTargets(dual.reshape(len(dual), -1).shape[1], dual.ndim == 1, Shifted(shift))
    if _is_linear(estimator.kernel_):
        features, model = rows, KernelModel(rows)
    else:
        features, encoder = kernel_features(estimator.kernel_, rows)
        model = KernelModel(rows, encoder)
    return _squares(features, model, y, sample_weight, dual, noise, targets)


def _is_linear(kernel):
    return type(kernel) is DotProduct and kernel.sigma_0 == 0


def _noise(estimator, X):
    """Return the variance of the noise, that of a WhiteKernel included."""
    if np.ndim(estimator.alpha):
        reason = "a noise for every row belongs to the rows; give one number, or use KernelRidge"
        raise unsupported("GaussianProcessRegressor with an array alpha", reason)
    kernel = estimator.kernel_
    white = kernel.diag(X) - np.einsum("ii->i", kernel(X, X))
    if np.ptp(white) > 1e-8 * max(np.abs(white).max(initial=0), estimator.alpha):
        raise unsupported("GaussianProcessRegressor with noise that differs from row to row")
    return float(estimator.alpha + np.mean(white))


def _squares(features, model, y, sample_weight, dual, alpha, targets):
    predictor = LinearPredictor(targets.n_outputs, features.shape[1], fit_intercept=False)
    coef = (features.T @ dual.reshape(len(dual), -1)).T
    return Problem(
        SquaredError(),
        predictor,
        predictor.flatten(coef, 0.0).astype(features.dtype),
        features,
        targets.encode(y, features.dtype),
        row_weights(sample_weight, features),
        ridge_penalty(predictor, 2 * np.asarray(alpha), features.dtype),
        targets,
        kernel=model,
    )


@assign.register(KernelRidge)
def _assign_ridge(estimator, problem):
    coefficients = problem.kernel.coefficients(problem)
    estimator.dual_coef_ = coefficients[:, 0] if estimator.dual_coef_.ndim == 1 else coefficients
    estimator.X_fit_ = problem.kernel.rows
    if estimator.kernel == "precomputed":
        estimator.n_features_in_ = len(problem.kernel.rows)


@assign.register(GaussianProcessRegressor)
def _assign_process(estimator, problem):
    coefficients, y = problem.kernel.coefficients(problem), problem.y
    if estimator.alpha_.ndim == 1:
        coefficients, y = coefficients[:, 0], y[:, 0]
    estimator.alpha_ = coefficients / estimator._y_train_std
    estimator.y_train_ = y / estimator._y_train_std
    estimator.X_train_ = problem.kernel.rows
    gram = estimator.kernel_(estimator.X_train_)
    gram[np.diag_indices_from(gram)] += estimator.alpha
    estimator.L_ = cholesky(gram, lower=True)


@held.register(KernelRidge)
def _hold(estimator):
    """Return a ridge regression on features: the kernel is held."""
    return KernelRidge(alpha=clone(estimator).alpha)


@held.register(GaussianProcessRegressor)
def _hold_process(estimator):
    noise = _noise(estimator, estimator.X_train_)
    return HeldProcess(noise, estimator._y_train_mean)


@dataclass(frozen=True)
class HeldProcess:
    """A Gaussian process on features, its kernel, its noise and what it takes off y held."""

    noise: float
    mean: Any

    def fit(self, X, y):
        """Return a fitted process."""
        kernel = DotProduct(0.0, "fixed")
        process = GaussianProcessRegressor(kernel, alpha=self.noise, optimizer=None)
        process.fit(X, np.asarray(y, dtype=float) - self.mean)
        process._y_train_mean = self.mean
        return process


@penalty_parameter.register(KernelRidge)
@penalty_parameter.register(GaussianProcessRegressor)
def _alpha(estimator):
    return "alpha"
