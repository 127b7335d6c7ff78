"""What the adapters of linear models share: parameters, penalties, weights."""

from inspect import signature

import numpy as np
from numpy.typing import DTypeLike
from sklearn.base import BaseEstimator
from sklearn.utils.class_weight import compute_class_weight

from .._typing import MatrixLike
from ..penalties import GroupNorm, l1_norm
from ..predictors import LinearPredictor
from ..problem._reweighting import (
    BalancedClasses,
    FixedClassWeights,
    FixedWeights,
    Reweighting,
)


def linear_parameters(
    estimator: BaseEstimator, X: MatrixLike
) -> tuple[LinearPredictor, np.ndarray]:
    """Return the predictor and theta of an estimator with ``coef_`` and ``intercept_``."""
    coef = np.atleast_2d(estimator.coef_)
    n_outputs, n_features = coef.shape
    predictor = LinearPredictor(n_outputs, n_features, estimator.fit_intercept)
    return predictor, predictor.flatten(coef, estimator.intercept_).astype(X.dtype)


def ridge_penalty(
    predictor: LinearPredictor, alpha: float | np.ndarray, dtype: DTypeLike
) -> np.ndarray:
    """Return the diagonal penalty: alpha (a number, or one an output) on the coefficients."""
    penalty = np.zeros(predictor.n_parameters, dtype=dtype)
    by_output = np.broadcast_to(alpha, (predictor.n_outputs,))
    penalty[: predictor.n_coefficients] = np.repeat(by_output, predictor.n_features)
    return penalty


def spread(y: np.ndarray, weights: np.ndarray) -> float:
    """Return the standard deviation of a column of targets, 1 if it has none."""
    mean = np.average(y, axis=0, weights=weights)
    variance = np.average((y - mean) ** 2, axis=0, weights=weights)
    return float(np.sqrt(variance[0])) or 1.0


def class_weighted(
    estimator: BaseEstimator, codes: np.ndarray, weights: np.ndarray, mass: np.ndarray
) -> tuple[np.ndarray, Reweighting]:
    """Multiply weights by the class weights; return them and how they change on removal.

    ``mass`` is what a row counts for where the class weights are balanced.
    """
    if estimator.class_weight is None:
        return weights, FixedWeights()
    reweighting: BalancedClasses | FixedClassWeights
    if estimator.class_weight == "balanced":
        reweighting = BalancedClasses(codes, mass)
        class_weights = reweighting.class_weights()
    else:
        given, classes = estimator.class_weight, estimator.classes_
        class_weights = compute_class_weight(given, classes=classes, y=classes[codes])
        reweighting = FixedClassWeights(codes, class_weights, weights)
    return weights * class_weights[codes].astype(weights.dtype), reweighting


def balanced_mass(weights: np.ndarray) -> np.ndarray:
    """Return what rows count for in class_weight="balanced": their weight, until 1.7 one each."""
    counts_weights = "sample_weight" in signature(compute_class_weight).parameters
    return weights if counts_weights else np.ones(len(weights))


def l1_penalty(predictor: LinearPredictor, strength: float, dtype: DTypeLike) -> GroupNorm | None:
    """Return the l1 norm of the coefficients, not of the intercepts; None without strength."""
    if strength == 0:
        return None
    strengths = np.zeros(predictor.n_parameters, dtype=dtype)
    strengths[: predictor.n_coefficients] = strength
    return l1_norm(strengths)
