"""The estimator fitted on cleaned rows, all of them or those of the other folds."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, is_classifier

from .._sklearn_private import _check_method_params, _safe_indexing
from ..adapters import fit_clone
from ._actions import Gain, TrainingRows, gain
from ._out_of_sample import cross_predicted, splits_of


@dataclass(frozen=True, eq=False)
class Refitting:
    """An estimator that can be fitted on what cleaning left.

    Parameters
    ----------
    estimator : estimator
        It is cloned.
    X : array-like of n rows
    params : dict
        What else its ``fit`` takes.
    cv, n_jobs
        As in ``LabelCleaner``. Folds of a number are drawn with the same seed each time.
    """

    estimator: BaseEstimator
    X: Any
    params: dict[str, Any]
    cv: Any
    n_jobs: int | None

    def fit(self, rows: TrainingRows) -> BaseEstimator:
        """Return the estimator fitted on rows; ValueError where it cannot be."""
        kept = np.flatnonzero(rows.kept)
        left = rows.take(kept)
        others = _check_method_params(self.X, self.params, indices=kept)
        try:
            X = _safe_indexing(self.X, kept)
            return fit_clone(self.estimator, X, left.labels, left.weights, **others)
        except ValueError as error:
            raise ValueError(
                f"The estimator cannot be fitted on the {len(kept)} cleaned rows: {error} Use "
                "action='keep', or flag fewer with `contamination`."
            ) from error

    def held_out(self, rows: TrainingRows, given: TrainingRows) -> np.ndarray:
        """Return what the estimator, fitted on the other folds, predicts of every row of weight.

        Folds, and the columns of probabilities, are those of the ``given`` rows.
        """
        counted, classes = given.counted, None
        params = _check_method_params(self.X, self.params, indices=counted)
        X, rows, given = _safe_indexing(self.X, counted), rows.take(counted), given.take(counted)
        if is_classifier(self.estimator):
            classes = np.unique(np.asarray(given.labels))
        folds = splits_of(self.cv, X, given.labels, classes is not None, 0, params)
        data = X, rows.labels, rows.weights, params, self.n_jobs, rows.kept, classes
        return cross_predicted(self.estimator, folds, *data)

    def gain(self, before: TrainingRows, after: TrainingRows, share: float) -> Gain:
        """Return what an action does to the loss of rows that are held out."""
        was, becomes = (self.held_out(rows, before) for rows in (before, after))
        labels = np.asarray(before.labels)[before.counted]
        return gain(was, becomes, np.unique(labels, return_inverse=True)[1], share)
