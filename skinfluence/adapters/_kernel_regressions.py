"""The kernel models that minimise squared error.

    Σ s_i (y_i - f(x_i))² + alpha ‖f‖²

The mean of a Gaussian process is kernel ridge regression at the variance of its noise.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import cholesky
from sklearn.base import clone
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import DotProduct, Kernel
from sklearn.kernel_ridge import KernelRidge

from .._sklearn_private import set_target_mean, target_scale
from .._typing import MatrixLike
from ..losses import SquaredError
from ..predictors import LinearPredictor
from ..problem import Continuous, Problem
from ..problem._kernels import (
    KernelModel,
    PairwiseKernel,
    kernel_model,
    model_of,
    precomputed,
)
from ..problem._response import Shifted
from ..problem._targets import ShiftedTargets
from ..problem._weights import WeightsLike, row_weights
from ._adapter import Adapter, register, unsupported
from ._hooks import encode_features
from ._linear import ridge_penalty


@register(KernelRidge)
class RidgeOfKernel(Adapter):
    """A ridge regression on the kernel's features, which are held."""

    penalty = "alpha"

    def problem(
        self,
        estimator: KernelRidge,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: WeightsLike = None,
    ) -> Problem:
        rows = encode_features(estimator, X)
        features, model = kernel_model(_kernel(estimator), rows)
        dual = estimator.dual_coef_
        targets = Continuous(dual.reshape(len(dual), -1).shape[1], dual.ndim == 1)
        return _squares(features, model, y, sample_weight, dual, estimator.alpha, targets)

    def assign(self, estimator: KernelRidge, problem: Problem) -> None:
        model = model_of(problem)
        coefficients, one = model.coefficients(problem), estimator.dual_coef_.ndim == 1
        estimator.dual_coef_ = coefficients[:, 0] if one else coefficients
        estimator.X_fit_ = model.rows
        if estimator.kernel == "precomputed":
            estimator.n_features_in_ = len(model.rows)

    def held(self, estimator: KernelRidge) -> KernelRidge:
        return KernelRidge(alpha=clone(estimator).alpha)


def _kernel(estimator: KernelRidge) -> Callable | None:
    if estimator.kernel == "linear":
        return None
    if estimator.kernel == "precomputed":
        return precomputed
    if callable(estimator.kernel):
        return PairwiseKernel(estimator.kernel, estimator.kernel_params or {})
    names = ("gamma", "degree", "coef0")
    return PairwiseKernel(estimator.kernel, {name: getattr(estimator, name) for name in names})


@register(GaussianProcessRegressor)
class Process(Adapter):
    """The kernel, the variance of the noise and what is taken off y are held."""

    penalty = "alpha"

    def problem(
        self,
        estimator: GaussianProcessRegressor,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: WeightsLike = None,
    ) -> Problem:
        """Minimise ``Σ (y_i - f(x_i))² + noise ‖f‖²``, the mean of y held if it was taken off."""
        if not estimator.kernel_.requires_vector_input:
            raise unsupported("GaussianProcessRegressor on rows that are no vectors")
        rows = encode_features(estimator, X)
        noise = _noise(estimator, rows)
        mean, scale = target_scale(estimator)
        dual, shift = estimator.alpha_ * scale, np.atleast_1d(mean).astype(rows.dtype)
        n_outputs = dual.reshape(len(dual), -1).shape[1]
        targets = ShiftedTargets(n_outputs, dual.ndim == 1, response=Shifted(shift))
        kernel = None if _is_linear(estimator.kernel_) else estimator.kernel_
        features, model = kernel_model(kernel, rows)
        return _squares(features, model, y, sample_weight, dual, noise, targets)

    def assign(self, estimator: GaussianProcessRegressor, problem: Problem) -> None:
        model, (_, scale) = model_of(problem), target_scale(estimator)
        coefficients, y = model.coefficients(problem), problem.y
        if estimator.alpha_.ndim == 1:
            coefficients, y = coefficients[:, 0], y[:, 0]
        estimator.alpha_ = coefficients / scale
        estimator.y_train_ = y / scale
        estimator.X_train_ = model.rows
        gram = estimator.kernel_(estimator.X_train_)
        gram[np.diag_indices_from(gram)] += estimator.alpha
        estimator.L_ = cholesky(gram, lower=True)

    def held(self, estimator: GaussianProcessRegressor) -> "HeldProcess":
        mean, _ = target_scale(estimator)
        return HeldProcess(_noise(estimator, estimator.X_train_), mean)


def _is_linear(kernel: Kernel) -> bool:
    return type(kernel) is DotProduct and kernel.sigma_0 == 0


def _noise(estimator: GaussianProcessRegressor, X: MatrixLike) -> float:
    """Return the variance of the noise, that of a WhiteKernel included."""
    if np.ndim(estimator.alpha):
        reason = "a noise for every row belongs to the rows; give one number, or use KernelRidge"
        raise unsupported("GaussianProcessRegressor with an array alpha", reason)
    kernel = estimator.kernel_
    white = kernel.diag(X) - np.einsum("ii->i", kernel(X, X))
    if np.ptp(white) > 1e-8 * max(np.abs(white).max(initial=0), estimator.alpha):
        raise unsupported("GaussianProcessRegressor with noise that differs from row to row")
    return float(estimator.alpha + np.mean(white))


def _squares(
    features: MatrixLike,
    model: KernelModel,
    y: ArrayLike,
    sample_weight: WeightsLike,
    dual: np.ndarray,
    alpha: float | np.ndarray,
    targets: Continuous,
) -> Problem:
    predictor = LinearPredictor(targets.n_outputs, features.shape[1], fit_intercept=False)
    coef = (features.T @ dual.reshape(len(dual), -1)).T
    return Problem(
        SquaredError(),
        predictor,
        predictor.flatten(coef, np.zeros(targets.n_outputs)).astype(features.dtype),
        features,
        targets.encode(y, features.dtype),
        row_weights(sample_weight, features),
        ridge_penalty(predictor, 2 * np.asarray(alpha), features.dtype),
        targets,
        kernel=model,
    )


@dataclass(frozen=True)
class HeldProcess:
    """A Gaussian process on features, its kernel, its noise and what it takes off y held."""

    noise: float
    mean: np.ndarray

    def fit(self, X: MatrixLike, y: ArrayLike) -> GaussianProcessRegressor:
        """Return a fitted process."""
        kernel = DotProduct(0.0, "fixed")
        process = GaussianProcessRegressor(kernel, alpha=self.noise, optimizer=None)
        process.fit(X, np.asarray(y, dtype=float) - self.mean)
        set_target_mean(process, self.mean)
        return process
