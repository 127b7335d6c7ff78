"""Fit any estimator, its sample weights handed to the step that learns from them."""

from typing import Any

import numpy as np
import sklearn
from numpy.typing import ArrayLike
from scipy import sparse
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone, is_classifier
from sklearn.utils.validation import check_is_fitted

from .._sklearn_private import _check_sample_weight
from .._typing import MatrixLike
from ._adapter import adapter_of
from ._hooks import weight_argument
from ._training_features import last_step, require_no_samplers, watch_fit
from ._wrappers import final_estimator, final_is_frozen


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


def counted_classes(
    estimator: BaseEstimator, y: Any, sample_weight: np.ndarray | None
) -> tuple[Any, np.ndarray | None]:
    """Return y without the classes whose rows all weigh 0, and the mask of these rows.

    A classifier would know such a class and have seen nothing of it. Its rows get the label of
    another class: since they weigh 0, the fit is that without them. Where there are none, y is
    returned as it is, and None. ValueError where rows that weigh 0 are counted to balance classes.
    """
    if sample_weight is None or np.all(sample_weight > 0) or sparse.issparse(y):
        return y, None
    learns_labels = is_classifier(estimator) and not final_is_frozen(estimator)
    if not learns_labels or np.shape(y)[:1] != sample_weight.shape:
        return y, None
    counted, labels = sample_weight > 0, np.array(y)
    columns = labels.reshape(len(labels), -1)
    lost = np.column_stack([_lost(column, counted) for column in columns.T])
    for column, missing in zip(columns.T, lost.T):
        column[missing] = column[counted][0]
    if not lost.any():
        return y, None
    for column in columns.T:
        if len(set(column.tolist())) == 1:
            raise ValueError(
                f"Only the class {column[0]!r} has rows of positive weight, and a classifier needs "
                "two; leave fewer weights at 0."
            )
    params = estimator.get_params().items()
    if any(name.split("__")[-1] == "class_weight" and str(to) == "balanced" for name, to in params):
        raise ValueError(
            "Every row of some class has weight 0, and class_weight='balanced' may count them all "
            f"the same; leave the rows of class {np.reshape(y, lost.shape)[lost][0]!r} out."
        )
    return labels, np.any(lost, axis=1)


def _lost(labels: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """Return the mask of the rows whose label no counted row has, missing labels left out."""
    known = set(labels[counted].tolist())
    return np.array([_is_label(label) and label not in known for label in labels.tolist()])


def _is_label(value: Any) -> bool:
    return value is not None and value == value  # nan is not


def fit_clone(
    estimator: BaseEstimator,
    X: MatrixLike,
    y: ArrayLike,
    sample_weight: ArrayLike | None = None,
    **params: Any,
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
    **params : dict
        What else its ``fit`` takes, such as ``groups`` of a search.

    Returns
    -------
    estimator : fitted estimator
        The clone.

    Raises
    ------
    TypeError
        If weights are given and the estimator cannot take them, and for a Pipeline that resamples.
    """
    return fit_watched(estimator, X, y, sample_weight, **params)[0]


def fit_watched(
    estimator: BaseEstimator,
    X: MatrixLike,
    y: ArrayLike,
    sample_weight: ArrayLike | None = None,
    **params: Any,
) -> tuple[BaseEstimator, Any]:
    """Clone and fit, as ``fit_clone``; return also X as the last step of a Pipeline saw it.

    That is X itself where there is no Pipeline, and None where the fit was not seen, as that of a
    ``FrozenEstimator``.
    """
    estimator = clone(estimator)
    require_no_samplers(estimator)
    if adapter_of(estimator).freezes:
        check_is_fitted(estimator)
        return estimator, None
    if sample_weight is not None:
        params[_weights_named(estimator)] = sample_weight
    last = last_step(estimator)
    if last is estimator:
        return estimator.fit(X, y, **params), X
    seen = watch_fit(last)
    fitted = estimator.fit(X, y, **params)
    vars(last).pop("fit", None)  # where a clone of it was fitted, which nobody saw
    return fitted, seen[0] if seen else None


def _weights_named(estimator: BaseEstimator) -> str:
    """Return the name under which ``fit`` takes weights; TypeError if it takes none."""
    if sklearn.get_config()["enable_metadata_routing"]:
        return "sample_weight"
    argument = weight_argument(estimator)
    if argument is None:
        raise TypeError(_no_weights(final_estimator(estimator)))
    return argument


def _no_weights(estimator: BaseEstimator) -> str:
    message = f"{type(estimator).__name__} does not take `sample_weight`"
    if not isinstance(estimator, MetaEstimatorMixin):
        return f"{message}."
    return (
        f"{message}, or the estimator inside it does not, while metadata routing is off. Use "
        "sklearn.set_config(enable_metadata_routing=True), and set_fit_request(sample_weight=True) "
        "on the estimator inside."
    )
