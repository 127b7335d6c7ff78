"""What the adapters of linear models share: parameters, penalties, weights."""

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


def l1_penalty(predictor, strength, dtype):
    """Return the l1 norm of the coefficients, not of the intercepts; None without strength."""
    if strength == 0:
        return None
    strengths = np.zeros(predictor.n_parameters, dtype=dtype)
    strengths[: predictor.n_coefficients] = strength
    return l1_norm(strengths)
