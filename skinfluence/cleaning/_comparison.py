"""What cleaning did: the rows, and how good the model is out of sample, before and after."""

from typing import Any

import numpy as np
from sklearn.metrics import balanced_accuracy_score

from ._actions import TINY, corrected_losses
from ._training_rows import TrainingRows

#: Equal bins of confidence that the calibration error is taken over.
BINS = 10


def counts_of(rows: TrainingRows, classes: np.ndarray | None) -> dict[str, float]:
    """Return how many rows there are, and of each class."""
    kept = np.asarray(rows.labels)[rows.kept]
    counts: dict[str, float] = {"rows": len(kept)}
    if classes is not None:
        counts |= {f"rows of {label}": int(np.sum(kept == label)) for label in classes.tolist()}
    return counts


def figures_of_classes(
    probabilities: np.ndarray, codes: np.ndarray, share: float
) -> dict[str, float]:
    """Return accuracy, log loss and calibration of out-of-sample probabilities.

    The corrected log loss is told through the noise of the labels (``_actions``).
    """
    predicted = probabilities.argmax(axis=1)
    return {
        "accuracy": float(np.mean(predicted == codes)),
        "balanced accuracy": float(balanced_accuracy_score(codes, predicted)),
        "log loss": float(np.mean(corrected_losses(probabilities, codes, 0.0))),
        "log loss, corrected for noise": float(
            np.mean(corrected_losses(probabilities, codes, share))
        ),
        "calibration error": calibration_error(probabilities, codes),
    }


def calibration_error(probabilities: np.ndarray, codes: np.ndarray) -> float:
    """Return the mean difference of confidence and accuracy over ten bins (Guo et al. 2017)."""
    confidence = np.clip(probabilities.max(axis=1), TINY, 1)
    right = probabilities.argmax(axis=1) == codes
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    off = np.bincount(bins, weights=right - confidence, minlength=BINS)
    return float(np.abs(off).sum() / len(codes))


def figures_of_values(predicted: np.ndarray, y: Any) -> dict[str, float]:
    """Return the errors of out-of-sample predictions of a regression."""
    given = np.asarray(y, dtype=float).reshape(len(predicted), -1)
    residuals = given - np.reshape(predicted, given.shape)
    return {
        "root mean squared error": float(np.sqrt(np.mean(residuals**2))),
        "mean absolute error": float(np.mean(np.abs(residuals))),
    }
