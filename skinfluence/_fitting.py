"""Fit any estimator, its sample weights handed to the step that learns from them."""

import sklearn
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted, has_fit_parameter

from .problems import final_estimator


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
    final = final_estimator(estimator)
    if not has_fit_parameter(final, "sample_weight"):
        raise TypeError(f"{type(final).__name__} does not take `sample_weight`.")
    return estimator.fit(X, y, **{_weight_argument(estimator): sample_weight})


def _weight_argument(estimator):
    """Return ``step__sample_weight`` of the last step, through nested Pipelines."""
    if isinstance(estimator, Pipeline):
        name, last = estimator.steps[-1]
        return f"{name}__{_weight_argument(last)}"
    return "sample_weight"
