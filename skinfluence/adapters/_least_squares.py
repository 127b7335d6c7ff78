"""The estimators that minimise squared error with a ridge penalty, or none."""

import numpy as np
from numpy.typing import ArrayLike
from sklearn.linear_model import (
    ARDRegression,
    BayesianRidge,
    LinearRegression,
    Ridge,
    RidgeClassifier,
    RidgeClassifierCV,
    RidgeCV,
)

from .._typing import MatrixLike
from ..losses import SquaredError
from ..problem import Continuous, Labels, Problem
from ..problem._weights import WeightsLike, row_weights
from ._adapter import Adapter, register, unsupported
from ._as_problem import as_problem
from ._hooks import encode_features
from ._linear import class_weighted, linear_parameters, ridge_penalty


@as_problem.register(LinearRegression)
def _linear_regression(
    estimator: LinearRegression, X: MatrixLike, y: ArrayLike, sample_weight: WeightsLike = None
) -> Problem:
    """Minimise ``Σ s_i ‖y_i - raw_i‖²``."""
    if estimator.positive:
        raise unsupported("LinearRegression(positive=True)")
    return least_squares(estimator, X, y, sample_weight, alpha=0.0)


@as_problem.register(Ridge, penalty="alpha")
def _ridge(
    estimator: Ridge, X: MatrixLike, y: ArrayLike, sample_weight: WeightsLike = None
) -> Problem:
    """Minimise ``Σ s_i ‖y_i - raw_i‖² + Σ_k alpha_k ‖coef_k‖²``."""
    if estimator.positive:
        raise unsupported("Ridge(positive=True)")
    return least_squares(estimator, X, y, sample_weight, alpha=estimator.alpha)


@register(RidgeCV)
class ChosenRidge(Adapter):
    """As Ridge, at the alpha that it chose."""

    def problem(
        self,
        estimator: RidgeCV,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: WeightsLike = None,
    ) -> Problem:
        return least_squares(estimator, X, y, sample_weight, alpha=estimator.alpha_)

    def held(self, estimator: RidgeCV) -> Ridge:
        return Ridge(alpha=estimator.alpha_, fit_intercept=estimator.fit_intercept, tol=1e-12)


def least_squares(
    estimator: LinearRegression | Ridge | RidgeCV | BayesianRidge | ARDRegression,
    X: MatrixLike,
    y: ArrayLike,
    sample_weight: WeightsLike,
    alpha: float | np.ndarray,
) -> Problem:
    """Minimise ``Σ s_i ‖y_i - raw_i‖² + Σ_k alpha_k ‖coef_k‖²``, whatever found alpha."""
    X = encode_features(estimator, X)
    predictor, theta = linear_parameters(estimator, X)
    targets = Continuous(predictor.n_outputs, estimator.coef_.ndim == 1)
    return Problem(
        loss=SquaredError(),
        predictor=predictor,
        theta=theta,
        X=X,
        y=targets.encode(y, X.dtype),
        weights=row_weights(sample_weight, X),
        penalty=ridge_penalty(predictor, 2 * np.asarray(alpha), X.dtype),
        targets=targets,
    )


@as_problem.register(RidgeClassifier, penalty="alpha")
def _ridge_classifier(
    estimator: RidgeClassifier, X: MatrixLike, y: ArrayLike, sample_weight: WeightsLike = None
) -> Problem:
    if estimator.positive:
        raise unsupported("RidgeClassifier(positive=True)")
    return _least_squares_of_signs(estimator, X, y, sample_weight, alpha=estimator.alpha)


@register(RidgeClassifierCV)
class ChosenRidgeClassifier(Adapter):
    """As RidgeClassifier, at the alpha that it chose."""

    def problem(
        self,
        estimator: RidgeClassifierCV,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: WeightsLike = None,
    ) -> Problem:
        return _least_squares_of_signs(estimator, X, y, sample_weight, alpha=estimator.alpha_)

    def held(self, estimator: RidgeClassifierCV) -> RidgeClassifier:
        return RidgeClassifier(
            alpha=estimator.alpha_,
            fit_intercept=estimator.fit_intercept,
            class_weight=estimator.class_weight,
            tol=1e-12,
        )


def _least_squares_of_signs(
    estimator: RidgeClassifier | RidgeClassifierCV,
    X: MatrixLike,
    y: ArrayLike,
    sample_weight: WeightsLike,
    alpha: float,
) -> Problem:
    """Minimise ``Σ s_i Σ_k (±1 - raw_ik)² + alpha ‖coef‖²``; class counts are unweighted."""
    if np.ndim(y) > 1 and np.shape(y)[1] > 1:
        raise unsupported("RidgeClassifier with several labels a row")
    X = encode_features(estimator, X)
    predictor, theta = linear_parameters(estimator, X)
    targets = Labels(estimator.classes_, negative=-1.0)
    weights = row_weights(sample_weight, X)
    mass = np.ones(len(weights))
    weights, reweighting = class_weighted(estimator, targets.codes(y), weights, mass)
    return Problem(
        loss=SquaredError(),
        predictor=predictor,
        theta=theta,
        X=X,
        y=targets.encode(y, X.dtype),
        weights=weights,
        penalty=ridge_penalty(predictor, 2 * np.asarray(alpha), X.dtype),
        targets=targets,
        reweighting=reweighting,
    )
