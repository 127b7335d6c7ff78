"""Adapters of the estimators that minimise squared error with a ridge penalty, or none."""

import numpy as np
from sklearn.linear_model import (
    LinearRegression,
    Ridge,
    RidgeClassifier,
    RidgeClassifierCV,
    RidgeCV,
)

from ..losses import SquaredError
from ._as_problem import as_problem, penalty_parameter, unsupported
from ._linear import class_weighted, linear_parameters, ridge_penalty, row_weights
from ._problem import Problem
from ._targets import Continuous, Labels
from ._wrappers import encode_features, held


@as_problem.register(LinearRegression)
def _linear_regression(estimator, X, y, sample_weight=None):
    """Minimise ``Σ s_i ‖y_i - raw_i‖²``."""
    if estimator.positive:
        raise unsupported("LinearRegression(positive=True)")
    return _least_squares(estimator, X, y, sample_weight, alpha=0.0)


@as_problem.register(Ridge)
def _ridge(estimator, X, y, sample_weight=None):
    """Minimise ``Σ s_i ‖y_i - raw_i‖² + Σ_k alpha_k ‖coef_k‖²``."""
    if estimator.positive:
        raise unsupported("Ridge(positive=True)")
    return _least_squares(estimator, X, y, sample_weight, alpha=estimator.alpha)


@as_problem.register(RidgeCV)
def _ridge_cv(estimator, X, y, sample_weight=None):
    """As Ridge, at the alpha that it chose."""
    return _least_squares(estimator, X, y, sample_weight, alpha=estimator.alpha_)


def _least_squares(estimator, X, y, sample_weight, alpha):
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


@as_problem.register(RidgeClassifier)
def _ridge_classifier(estimator, X, y, sample_weight=None):
    if estimator.positive:
        raise unsupported("RidgeClassifier(positive=True)")
    return _least_squares_of_signs(estimator, X, y, sample_weight, alpha=estimator.alpha)


@as_problem.register(RidgeClassifierCV)
def _ridge_classifier_cv(estimator, X, y, sample_weight=None):
    """As RidgeClassifier, at the alpha that it chose."""
    return _least_squares_of_signs(estimator, X, y, sample_weight, alpha=estimator.alpha_)


def _least_squares_of_signs(estimator, X, y, sample_weight, alpha):
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


@penalty_parameter.register(Ridge)
@penalty_parameter.register(RidgeClassifier)
def _ridge_parameter(estimator):
    return "alpha"


@held.register(RidgeCV)
def _hold_ridge(estimator):
    return Ridge(alpha=estimator.alpha_, fit_intercept=estimator.fit_intercept, tol=1e-12)


@held.register(RidgeClassifierCV)
def _hold_ridge_classifier(estimator):
    return RidgeClassifier(
        alpha=estimator.alpha_,
        fit_intercept=estimator.fit_intercept,
        class_weight=estimator.class_weight,
        tol=1e-12,
    )
