"""Models of the other rows: of folds, and of trees that did not draw a row.

Folds are shuffled, and stratified for a classifier. Of bagged trees the votes of those that did not
draw a row are taken (Breiman 1996, "Out-of-bag estimation"). A row of weight 0 is not there:
nothing is fitted on it, and the folds of the others are what they are without it.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from scipy.special import expit, softmax
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    StratifiedGroupKFold,
    StratifiedKFold,
    check_cv,
)

from .._sklearn_private import _num_samples, _safe_indexing
from ..adapters import final_estimator
from ._out_of_sample import OutOfSample
from ._training_rows import TrainingRows


@dataclass(frozen=True)
class HoldingOut:
    """How rows are held out.

    Parameters
    ----------
    cv, random_state, n_jobs
        As in ``LabelCleaner``.
    """

    cv: Any
    random_state: Any
    n_jobs: int | None

    def out_of_sample(self, estimator: BaseEstimator, rows: TrainingRows) -> OutOfSample:
        """Return the predictions of models that were fitted without each row."""
        if _draws_rows(estimator):
            found, source = _out_of_bag(estimator, rows), "out_of_bag"
        else:
            found, source = self.predicted(estimator, rows, rows), "cross_validation"
        if is_classifier(estimator):
            return OutOfSample.of_probabilities(source, found, rows.labels)
        return OutOfSample.of_values(source, found, rows.labels)

    def predicted(
        self, estimator: BaseEstimator, rows: TrainingRows, given: TrainingRows
    ) -> np.ndarray:
        """Return what the estimator, fitted on other folds, predicts of every row.

        Parameters
        ----------
        estimator : estimator
            It is cloned.
        rows : TrainingRows
            What is fitted on.
        given : TrainingRows
            The rows as they were given: folds, and the columns of probabilities, are theirs.

        Returns
        -------
        predicted : ndarray of shape (n, K) or (n,) or (n, n_outputs)
            Of a classifier the probabilities of the classes.
        """
        predict, usable = _predicting(estimator, given), rows.kept & rows.counted

        def fold(train, test):
            fitted = rows.take(train[usable[train]]).fit(estimator)
            return predict(fitted, _safe_indexing(rows.X, test))

        folds = self.folds(given, is_classifier(estimator))
        parts = Parallel(n_jobs=self.n_jobs)(delayed(fold)(*each) for each in folds)
        found = np.zeros((len(usable), *parts[0].shape[1:]))
        for (_, test), part in zip(folds, parts):
            found[test] = part
        return found

    def folds(self, rows: TrainingRows, classifies: bool) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return (train, test) of every fold: a number's, or those that the user has."""
        if isinstance(self.cv, (int, np.integer)):
            return self._of_number(rows, classifies)
        n, groups = len(rows.kept), rows.params.get("groups")
        splitter = check_cv(self.cv, rows.labels, classifier=classifies)
        folds = [
            (np.arange(n)[train], np.arange(n)[test])
            for train, test in splitter.split(rows.X, rows.labels, groups)
        ]
        held = np.concatenate([np.zeros(0, dtype=int), *(test for _, test in folds)])
        if not np.array_equal(np.sort(held), np.arange(n)):
            raise ValueError(
                f"`cv` must hold out each of the {n} rows once, as KFold and StratifiedKFold do; "
                f"got {self.cv!r}. An iterator can be used once only: give a list of its folds."
            )
        return folds

    def _of_number(self, rows, classifies):
        """Return folds of the rows of weight; the others are predicted in the first."""
        places, others = np.flatnonzero(rows.counted), np.flatnonzero(~rows.counted)
        part = rows.take(places)
        folds = self._splitter(part, classifies).split(
            part.X, part.labels, part.params.get("groups")
        )
        folds = [(places[train], places[test]) for train, test in folds]
        first, held = folds[0]
        return [(first, np.append(held, others)), *folds[1:]]

    def _splitter(self, rows, classifies):
        """Return how a number of folds is drawn; with ``groups``, whole groups."""
        groups = rows.params.get("groups")
        if groups is not None:
            kind: Any = StratifiedGroupKFold if classifies else GroupKFold
            return kind(min(self.cv, len(np.unique(groups))))
        labels = np.asarray(rows.labels)
        smallest = np.unique(labels, return_counts=True)[1].min() if classifies else 0
        shuffled = {"shuffle": True, "random_state": self.random_state}
        if smallest >= 2:
            return StratifiedKFold(int(min(self.cv, smallest)), **shuffled)
        return KFold(min(self.cv, _num_samples(rows.X)), **shuffled)


def _draws_rows(estimator):
    trees = final_estimator(estimator)
    return "oob_score" in trees.get_params(deep=False) and getattr(trees, "bootstrap", False)


def _out_of_bag(estimator, rows):
    """Return the votes of the trees that have not drawn each row; their mean where all have."""
    counted = np.flatnonzero(rows.counted)
    voting = clone(estimator)
    final_estimator(voting).set_params(oob_score=True)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Some inputs do not have OOB scores")
        warnings.filterwarnings("ignore", "invalid value encountered", RuntimeWarning)
        fitted = rows.take(counted).fit(voting)
    trees: Any = final_estimator(fitted)
    votes = getattr(trees, "oob_decision_function_", None)
    votes = trees.oob_prediction_ if votes is None else votes
    unseen = np.ones(len(votes), dtype=bool)
    for drawn in trees.estimators_samples_:
        unseen &= np.isin(np.arange(len(votes)), drawn)
    votes[unseen] = np.mean(votes[~unseen], axis=0)
    found = np.zeros((len(rows.kept), *votes.shape[1:]))
    found[counted] = votes
    if len(others := np.flatnonzero(~rows.counted)):
        found[others] = _predicting(estimator, rows)(fitted, _safe_indexing(rows.X, others))
    return found


def _predicting(estimator, rows) -> Callable[[Any, Any], np.ndarray]:
    """Return what predicts: values, or the probabilities of the classes of rows."""
    if not is_classifier(estimator):
        return _values
    return _ProbabilitiesOf(np.unique(np.asarray(rows.labels)))


def _values(fitted, X):
    return np.asarray(fitted.predict(X), dtype=float)


@dataclass(frozen=True)
class _ProbabilitiesOf:
    """Probabilities of classes, some of which a fold may not have."""

    classes: np.ndarray

    def __call__(self, fitted, X):
        """Return the probabilities of rows, shape (m, K)."""
        found = np.zeros((_num_samples(X), len(self.classes)))
        found[:, np.searchsorted(self.classes, fitted.classes_)] = _probabilities(fitted, X)
        return found


def _probabilities(fitted, X):
    if hasattr(fitted, "predict_proba"):
        return fitted.predict_proba(X)
    if not hasattr(fitted, "decision_function"):
        raise TypeError(
            f"{type(fitted).__name__} has neither `predict_proba` nor `decision_function`, so that "
            "how sure it is of a label is not known. Give `fit(..., pred_probs=...)`."
        )
    values, K = fitted.decision_function(X), len(fitted.classes_)
    if values.ndim == 1:
        return np.column_stack([expit(-values), expit(values)])
    pairs = getattr(final_estimator(fitted), "decision_function_shape", None) == "ovo"
    return softmax(_of_pairs(values, K) if pairs else values, axis=1)


def _of_pairs(values, n_classes):
    """Return the sums over pairs of classes, (n, K), of decision values of each, "ovo"."""
    sums = np.zeros((len(values), n_classes))
    for value, (one, other) in zip(values.T, combinations(range(n_classes), 2)):
        sums[:, one] += value
        sums[:, other] -= value
    return sums
