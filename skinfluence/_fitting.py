"""Fit any estimator, its sample weights handed to the step that learns from them."""

import numpy as np
import sklearn
from sklearn.base import MetaEstimatorMixin, clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from .problems import final_estimator, weight_argument


def check_weights(sample_weight, X):
    """Return the weights of the rows of X as an array of shape (n,); None stays None.

    Raises
    ------
    ValueError
        If there is not one finite weight >= 0 for every row, or if all are 0.
    """
    if sample_weight is None:
        return None
    weights = _check_sample_weight(sample_weight, X)
    least = weights.min(initial=0)
    if least < 0:
        raise ValueError(
            f"`sample_weight` must be >= 0; got {least:g}. Give 0 to rows that should not count."
        )
    if not np.any(weights):
        raise ValueError("`sample_weight` must be positive for some row; got zeros only.")
    return weights


def fit_clone(estimator, X, y, sample_weight=None):
    """Clone and fit; a ``FrozenEstimator`` is returned as it is.

    Raises
    ------
    TypeError
        If weights are given and the estimator cannot take them.
    """
    estimator = clone(estimator)
    if isinstance(estimator, FrozenEstimator):
        check_is_fitted(estimator)
        return estimator
    if sample_weight is None:
        return estimator.fit(X, y)
    if sklearn.get_config()["enable_metadata_routing"]:
        return estimator.fit(X, y, sample_weight=sample_weight)
    argument = weight_argument(estimator)
    if argument is None:
        raise TypeError(_no_weights(final_estimator(estimator)))
    return estimator.fit(X, y, **{argument: sample_weight})


def _no_weights(estimator):
    message = f"{type(estimator).__name__} does not take `sample_weight`"
    if not isinstance(estimator, MetaEstimatorMixin):
        return f"{message}."
    return (
        f"{message}, or the estimator inside it does not, while metadata routing is off. Use "
        "sklearn.set_config(enable_metadata_routing=True), and set_fit_request(sample_weight=True) "
        "on the estimator inside."
    )
