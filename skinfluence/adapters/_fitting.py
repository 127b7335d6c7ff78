"""Fit any estimator, its sample weights handed to the step that learns from them."""

import numpy as np
import sklearn
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone
from sklearn.utils.validation import check_is_fitted

from .._sklearn_private import _check_sample_weight
from .._typing import MatrixLike
from ._adapter import adapter_of
from ._hooks import weight_argument
from ._wrappers import final_estimator


def check_weights(sample_weight: ArrayLike | None, X: MatrixLike) -> np.ndarray | None:
    """Return the weights of the rows of X as an array of shape (n,); None stays None.

    Parameters
    ----------
    sample_weight : array-like of shape (n,) or None
        As a user gives them.
    X : array-like of n rows
        The rows.

    Returns
    -------
    weights : ndarray of shape (n,) or None
        Floating.

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


def fit_clone(
    estimator: BaseEstimator,
    X: MatrixLike,
    y: ArrayLike,
    sample_weight: ArrayLike | None = None,
) -> BaseEstimator:
    """Clone and fit; a ``FrozenEstimator`` is returned as it is.

    Parameters
    ----------
    estimator : estimator
        Any; a Pipeline's last step gets the weights.
    X, y : array-like of n rows
        The training rows and their targets.
    sample_weight : array-like of shape (n,), default=None
        Their weights.

    Returns
    -------
    estimator : fitted estimator
        The clone.

    Raises
    ------
    TypeError
        If weights are given and the estimator cannot take them.
    """
    estimator = clone(estimator)
    if adapter_of(estimator).freezes:
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


def _no_weights(estimator: BaseEstimator) -> str:
    message = f"{type(estimator).__name__} does not take `sample_weight`"
    if not isinstance(estimator, MetaEstimatorMixin):
        return f"{message}."
    return (
        f"{message}, or the estimator inside it does not, while metadata routing is off. Use "
        "sklearn.set_config(enable_metadata_routing=True), and set_fit_request(sample_weight=True) "
        "on the estimator inside."
    )
