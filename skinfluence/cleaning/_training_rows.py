"""What a model is fitted on: rows, their labels, weights, and which of them are left."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from .._sklearn_private import _check_method_params, _num_samples, _safe_indexing
from ..adapters import fit_clone


@dataclass(frozen=True, eq=False)
class TrainingRows:
    """What a fit is made on.

    Parameters
    ----------
    X : array-like of n rows
    labels : array-like of shape (n,)
    weights : ndarray of shape (n,) or None
        A row of weight 0 is not there.
    params : dict
        What else ``fit`` takes.
    kept : ndarray of bool of shape (n,)
        The rows of the fit.
    """

    X: Any
    labels: Any
    weights: np.ndarray | None
    params: dict[str, Any]
    kept: np.ndarray

    @classmethod
    def every(
        cls, X: Any, labels: Any, weights: np.ndarray | None, params: dict[str, Any] | None = None
    ) -> "TrainingRows":
        """Return all rows, as they were given."""
        return cls(X, labels, weights, params or {}, np.ones(_num_samples(X), dtype=bool))

    @property
    def counted(self) -> np.ndarray:
        """Mask of the rows of positive weight."""
        return np.ones(len(self.kept), dtype=bool) if self.weights is None else self.weights > 0

    def take(self, rows: np.ndarray) -> "TrainingRows":
        """Return some of the rows."""
        weights = None if self.weights is None else self.weights[rows]
        params = _check_method_params(self.X, self.params, indices=rows)
        X, labels = _safe_indexing(self.X, rows), _safe_indexing(self.labels, rows)
        return TrainingRows(X, labels, weights, params, self.kept[rows])

    def fit(self, estimator: BaseEstimator) -> BaseEstimator:
        """Return a clone that is fitted on the rows that are kept."""
        left = self if self.kept.all() else self.take(np.flatnonzero(self.kept))
        return fit_clone(estimator, left.X, left.labels, left.weights, **left.params)
