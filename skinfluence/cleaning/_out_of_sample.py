"""What is predicted of every training row by a model that has not seen it.

Of an estimator with an adapter that is the model without the row, by Newton steps; of bagged trees
the votes of those that did not draw it (Breiman 1996, "Out-of-bag estimation"); of any other the
model of the folds that it is not in. Folds are shuffled, and stratified for a classifier.
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

from .._sklearn_private import _check_method_params, _num_samples, _safe_indexing
from ..adapters import final_estimator, fit_clone
from ._scored_model import ScoredModel

#: Largest difference of a row's given probabilities from a sum of 1.
ROUNDING = 1e-3


@dataclass(frozen=True, eq=False)
class OutOfSample:
    """Predictions of every training row by a model that has not seen it.

    Parameters
    ----------
    source : {"leave_one_out", "out_of_bag", "cross_validation", "given"}
        Where they are from.
    predicted : ndarray of shape (n,) or (n, n_outputs)
        In the user's labels or units.
    label_scores : ndarray of shape (n,)
        Suspicion of every label, higher is worse.
    probabilities : ndarray of shape (n, K) or None
        Of the classes; None of a regression.
    classes : ndarray of shape (K,) or None
        In the order of the columns.
    codes : ndarray of int of shape (n,) or None
        The given classes, as columns.
    residuals : ndarray of shape (n,) or None
        Of a regression: sizes of studentised residuals, of the model without each row where it is
        one, ``|y - ŷ₋| √(1 - h)``.
    scored : ScoredModel or None
        The model without each row, where it is one.
    penalty : float or None
        The penalty that it was scored with.
    """

    source: str
    predicted: np.ndarray
    label_scores: np.ndarray
    probabilities: np.ndarray | None = None
    classes: np.ndarray | None = None
    codes: np.ndarray | None = None
    residuals: np.ndarray | None = None
    scored: ScoredModel | None = None
    penalty: float | None = None

    @classmethod
    def of_model(cls, scored: ScoredModel, penalty: float | None, score: str, y: Any):
        """Return the predictions of the model without each row, and one of its scores."""
        raw, codes = scored.raw_without(), scored.codes(y)
        probabilities = scored.probabilities(raw)
        predicted, scores = scored.predicted(raw, probabilities), scored.label_scores(score, raw)
        classes, residuals = None, None
        if probabilities is None:
            fitted = scored.problem.targets.decode(scored.problem.raw)
            residuals = np.sqrt(_residuals(y, predicted) * _residuals(y, fitted))
        else:
            classes = scored.classes
        known = probabilities, classes, codes, residuals, scored, penalty
        return cls("leave_one_out", predicted, scores, *known)

    @classmethod
    def of_probabilities(cls, source: str, probabilities: np.ndarray, y: Any):
        """Return those of class probabilities, scored by their log loss."""
        classes, codes = np.unique(np.asarray(y), return_inverse=True)
        of_given = probabilities[np.arange(len(codes)), codes]
        scores = -np.log(np.maximum(of_given, np.finfo(float).tiny))
        predicted = classes[probabilities.argmax(axis=1)]
        return cls(source, predicted, scores, probabilities, classes, codes)

    @classmethod
    def of_values(cls, source: str, predicted: np.ndarray, y: Any):
        """Return those of a regression, scored by their squared error."""
        residuals = _residuals(y, predicted)
        return cls(source, predicted, residuals**2, residuals=residuals)


def _residuals(y, predicted):
    """Return the sizes of residuals, over all outputs; shape (n,)."""
    given = np.asarray(y, dtype=float).reshape(len(predicted), -1)
    return np.linalg.norm(given - np.reshape(predicted, given.shape), axis=1)


def check_probabilities(pred_probs: Any, y: Any) -> np.ndarray:
    """Return out-of-sample probabilities as they were given; ValueError if they are none."""
    probabilities, classes = np.asarray(pred_probs, dtype=float), np.unique(np.asarray(y))
    if probabilities.shape != (len(y), len(classes)):
        raise ValueError(
            "`pred_probs` must have a row for each row of y and a column for each of its classes, "
            f"in sorted order: shape {(len(y), len(classes))}; got {probabilities.shape}."
        )
    sums = probabilities.sum(axis=1)
    if not (np.all(probabilities >= 0) and np.all(np.abs(sums - 1) <= ROUNDING)):
        raise ValueError(
            "`pred_probs` must be probabilities: every entry >= 0, and every row with a sum of 1. "
            "Give those of `cross_val_predict(..., method='predict_proba')`."
        )
    return probabilities / sums[:, None]


def held_out(
    estimator: BaseEstimator,
    X: Any,
    y: Any,
    sample_weight: Any,
    params: dict[str, Any],
    *,
    cv: Any,
    random_state: Any,
    n_jobs: int | None,
) -> OutOfSample:
    """Return the predictions of models that were fitted without each row.

    Parameters
    ----------
    estimator : estimator
        Any; it is cloned.
    X, y, sample_weight, params
        What it is fitted with.
    cv, random_state, n_jobs
        As in ``LabelCleaner``.
    """
    tree, classifies = final_estimator(estimator), is_classifier(estimator)
    if "oob_score" in tree.get_params(deep=False) and getattr(tree, "bootstrap", False):
        found, source = _out_of_bag(estimator, X, y, sample_weight, params), "out_of_bag"
    else:
        folds = splits_of(cv, X, y, classifies, random_state, params)
        known = X, y, sample_weight, params, n_jobs
        found, source = cross_predicted(estimator, folds, *known), "cross_validation"
    if classifies:
        return OutOfSample.of_probabilities(source, found, y)
    return OutOfSample.of_values(source, found, y)


def splits_of(
    cv: Any, X: Any, y: Any, classifies: bool, random_state: Any, params: dict[str, Any]
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return folds: for a number shuffled, stratified ones; with ``groups``, whole groups."""
    groups, n = params.get("groups"), _num_samples(X)
    if not isinstance(cv, (int, np.integer)):
        folds = list(check_cv(cv, y, classifier=classifies).split(X, y, groups))
        held = np.concatenate([np.zeros(0, dtype=int), *(np.arange(n)[test] for _, test in folds)])
        if not np.array_equal(np.sort(held), np.arange(n)):
            raise ValueError(
                f"`cv` must hold out each of the {n} rows once, as KFold and StratifiedKFold do; "
                f"got {cv!r}. An iterator can be used once only: give a list of its folds."
            )
        return folds
    if groups is not None:
        splitter: Any = StratifiedGroupKFold if classifies else GroupKFold
        return list(splitter(min(cv, len(np.unique(groups)))).split(X, y, groups))
    smallest = np.unique(np.asarray(y), return_counts=True)[1].min() if classifies else 0
    shuffled = {"shuffle": True, "random_state": random_state}
    if smallest >= 2:
        return list(StratifiedKFold(int(min(cv, smallest)), **shuffled).split(X, y))
    return list(KFold(min(cv, _num_samples(X)), **shuffled).split(X, y))


def cross_predicted(
    estimator: BaseEstimator,
    folds: list[tuple[np.ndarray, np.ndarray]],
    X: Any,
    y: Any,
    sample_weight: Any,
    params: dict[str, Any],
    n_jobs: int | None = None,
    kept: np.ndarray | None = None,
    classes: np.ndarray | None = None,
) -> np.ndarray:
    """Return class probabilities (n, K) of every row, or values, by the folds it is not in.

    ``kept`` are the rows that may be fitted on, all by default; ``classes`` those of the columns.
    """
    predict: Callable[..., Any] = _values
    if is_classifier(estimator):
        classes = np.unique(np.asarray(y)) if classes is None else classes
        predict = ProbabilitiesOf(classes)

    def fold(train, test):
        train = train if kept is None else train[kept[train]]
        weights = None if sample_weight is None else _safe_indexing(sample_weight, train)
        others = _check_method_params(X, params, indices=train)
        rows = _safe_indexing(X, train), _safe_indexing(y, train)
        fitted = fit_clone(estimator, *rows, weights, **others)
        return predict(fitted, _safe_indexing(X, test))

    parts = Parallel(n_jobs=n_jobs)(delayed(fold)(train, test) for train, test in folds)
    found = np.zeros((_num_samples(X), *parts[0].shape[1:]))
    for (_, test), part in zip(folds, parts):
        found[test] = part
    return found


def _values(fitted, X):
    return np.asarray(fitted.predict(X), dtype=float)


@dataclass(frozen=True)
class ProbabilitiesOf:
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


def _out_of_bag(estimator, X, y, sample_weight, params):
    """Return the votes of the trees that have not drawn each row; shares where all have."""
    voting = clone(estimator)
    final_estimator(voting).set_params(oob_score=True)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Some inputs do not have OOB scores")
        warnings.filterwarnings("ignore", "invalid value encountered", RuntimeWarning)
        trees = final_estimator(fit_clone(voting, X, y, sample_weight, **params))
    found = getattr(trees, "oob_decision_function_", None)
    if found is None:
        found = trees.oob_prediction_
    unseen = np.ones(len(found), dtype=bool)
    for drawn in trees.estimators_samples_:
        unseen &= np.isin(np.arange(len(found)), drawn)
    found[unseen] = np.mean(found[~unseen], axis=0)
    return found
