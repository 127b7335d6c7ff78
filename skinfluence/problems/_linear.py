"""What the adapters of linear models share: parameters, penalties, weights."""

from inspect import signature

import numpy as np
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.validation import _check_sample_weight

from ..penalties import l1_norm
from ..predictors import LinearPredictor
from ._reweighting import BalancedClasses, FixedClassWeights, FixedWeights


def linear_parameters(estimator, X):
    """Return the predictor and theta of an estimator with ``coef_`` and ``intercept_``."""
    coef = np.atleast_2d(estimator.coef_)
    predictor = LinearPredictor(*coef.shape, fit_intercept=estimator.fit_intercept)
    return predictor, predictor.flatten(coef, estimator.intercept_).astype(X.dtype)


def ridge_penalty(predictor, alpha, dtype):
    """Return the diagonal penalty: alpha (a number, or one an output) on the coefficients."""
    penalty = np.zeros(predictor.n_parameters, dtype=dtype)
    by_output = np.broadcast_to(alpha, (predictor.n_outputs,))
    penalty[: predictor.n_coefficients] = np.repeat(by_output, predictor.n_features)
    return penalty


def row_weights(sample_weight, X):
    """Return sample weights >= 0 in the dtype of X, ones if there are none, shape (n,)."""
    return _check_sample_weight(sample_weight, X, dtype=X.dtype, ensure_non_negative=True)


def spread(y, weights):
    """Return the standard deviation of a column of targets, 1 if it has none."""
    mean = np.average(y, axis=0, weights=weights)
    variance = np.average((y - mean) ** 2, axis=0, weights=weights)
    return float(np.sqrt(variance[0])) or 1.0


def class_weighted(estimator, codes, weights, mass):
    """Multiply weights by the class weights; return them and how they change on removal.

    ``mass`` is what a row counts for where the class weights are balanced.
    """
    if estimator.class_weight is None:
        return weights, FixedWeights()
    if estimator.class_weight == "balanced":
        balanced = BalancedClasses(codes, mass)
        class_weights, reweighting = balanced.class_weights(), balanced
    else:
        classes = estimator.classes_
        class_weights = compute_class_weight(
            estimator.class_weight, classes=classes, y=classes[codes]
        )
        reweighting = FixedClassWeights(codes, class_weights, weights)
    return weights * class_weights[codes].astype(weights.dtype), reweighting


def balanced_mass(weights):
    """Return what rows count for in class_weight="balanced": their weight, until 1.7 one each."""
    counts_weights = "sample_weight" in signature(compute_class_weight).parameters
    return weights if counts_weights else np.ones(len(weights))


def l1_penalty(predictor, strength, dtype):
    """Return the l1 norm of the coefficients, not of the intercepts; None without strength."""
    if strength == 0:
        return None
    strengths = np.zeros(predictor.n_parameters, dtype=dtype)
    strengths[: predictor.n_coefficients] = strength
    return l1_norm(strengths)
