"""What is predicted of every training row by a model that has not seen it.

Of an estimator with an adapter that is the model without the row, by Newton steps; of others see
``_holding_out``.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

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
    classes = np.unique(np.asarray(y))
    if hasattr(pred_probs, "iloc"):  # of a frame, by the names of classes
        names = {str(label): label for label in pred_probs.columns}
        if set(names) == {str(label) for label in classes.tolist()}:
            pred_probs = pred_probs[[names[str(label)] for label in classes.tolist()]]
    probabilities = np.asarray(pred_probs, dtype=float)
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
