"""Every private name of scikit-learn that this package uses, and what each is taken for.

A private name may go with any release, so all of them stand here, and
``tests/test_private_names.py`` says what they must be. Two more are overridden rather than used, in
``_diagnostics_of_fit``: ``_repr_html_inner`` and ``_get_fitted_attr_html``.
"""

from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import VotingClassifier, VotingRegressor
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.linear_model._base import LinearClassifierMixin  # predicts from coef_ and intercept_
from sklearn.model_selection._search import BaseSearchCV  # GridSearchCV and everything like it
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC, SVR
from sklearn.utils import _safe_indexing  # rows of an array, a sparse matrix, a frame or a list
from sklearn.utils.metaestimators import _safe_split  # the same of a fold, a kernel's columns too
from sklearn.utils.multiclass import _ovr_decision_function  # votes of pairs, ties broken
from sklearn.utils.validation import (
    _check_method_params,  # arguments of ``fit``, those with a value a row at some rows only
    _check_sample_weight,  # weights as an array; ones for None
    _num_samples,  # the number of rows of anything
)

__all__ = [
    "BaseSearchCV",
    "LinearClassifierMixin",
    "_check_method_params",
    "_check_sample_weight",
    "_num_samples",
    "_ovr_decision_function",
    "_safe_indexing",
    "_safe_split",
    "columns_of",
    "fitted_on_sparse",
    "has_several_labels",
    "kernel_gamma",
    "libsvm_solution",
    "set_libsvm_solution",
    "set_target_mean",
    "target_scale",
    "voter_weights",
]


def voter_weights(estimator: VotingClassifier | VotingRegressor) -> list[float] | None:
    """Return the weights of the voters that are not "drop"; None if all count the same."""
    return estimator._weights_not_none


def has_several_labels(estimator: MLPClassifier) -> bool:
    """Tell whether a network was fitted on an indicator of several labels a row."""
    return estimator._label_binarizer.y_type_.startswith("multilabel")


def target_scale(estimator: GaussianProcessRegressor) -> tuple[Any, Any]:
    """Return what was taken off y, and what y was then divided by: a number each, or an array."""
    return estimator._y_train_mean, estimator._y_train_std


def set_target_mean(estimator: GaussianProcessRegressor, mean: Any) -> None:
    """Make a fitted process add ``mean`` to what it predicts."""
    estimator._y_train_mean = mean


def columns_of(estimator: ColumnTransformer, name: str) -> Any:
    """Return the indices of the columns that a transformer takes."""
    return estimator._transformer_to_input_indices[name]


def kernel_gamma(estimator: SVC | SVR) -> float:
    """Return gamma as it was fitted, "scale" and "auto" worked out."""
    return estimator._gamma


def libsvm_solution(estimator: SVC | SVR) -> tuple[Any, np.ndarray]:
    """Return the dual coefficients and intercepts with libsvm's signs.

    For two classes they are minus ``dual_coef_`` and ``intercept_``; else the same.
    """
    return estimator._dual_coef_, estimator._intercept_


def fitted_on_sparse(estimator: SVC | SVR) -> bool:
    """Tell whether a machine was fitted on sparse rows, so that its coefficients are sparse too."""
    return estimator._sparse


def set_libsvm_solution(
    estimator: SVC | SVR, rows: Any, counts: np.ndarray, dual: Any, intercept: np.ndarray
) -> None:
    """Write the solution that ``predict`` hands to libsvm, with its signs.

    ``counts`` are the numbers of support vectors of the classes. A kernel that is a function is
    evaluated at all training ``rows``.
    """
    estimator._n_support = counts.astype(np.int32)
    estimator._dual_coef_, estimator._intercept_ = dual, intercept
    if callable(estimator.kernel):
        estimator._BaseLibSVM__Xfit = rows
