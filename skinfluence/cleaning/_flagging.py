"""How many labels are wrong, and which rows are flagged for it, by the model without each row."""

import numpy as np
from numpy.typing import ArrayLike


def estimated_errors(
    y: ArrayLike,
    predicted: np.ndarray,
    probabilities: np.ndarray | None,
    codes: np.ndarray | None,
) -> int:
    """Count the labels that look wrong: of classes by probabilities, of values by residuals.

    Parameters
    ----------
    y : array-like of shape (n,) or (n, n_outputs)
        The labels or values that were given.
    predicted : ndarray of the same shape
        What the model without each row predicts, in the same units.
    probabilities : ndarray of shape (n, n_classes) or None
        Its class probabilities; None on a regression.
    codes : ndarray of int of shape (n,) or None
        Given classes, -1 for rows that are not counted; None on a regression.
    """
    if probabilities is not None and codes is not None:
        return confident_errors(probabilities[codes >= 0], codes[codes >= 0])
    n_rows = len(predicted)
    given = np.asarray(y, dtype=float).reshape(n_rows, -1)
    residuals = given - np.reshape(predicted, (n_rows, -1))
    return outlying(np.linalg.norm(residuals, axis=1))


def flag(ranking: np.ndarray, count: int, codes: np.ndarray | None = None) -> np.ndarray:
    """Return the mask of the first rows of a ranking; where ``codes`` are given, no whole class.

    A class of which every row is among the first keeps the last of these.
    """
    flagged = np.zeros(len(ranking), dtype=bool)
    flagged[ranking[:count]] = True
    for members in [] if codes is None else np.arange(codes.max() + 1)[:, None] == codes:
        if flagged[members].all():
            flagged[ranking[members[ranking]][-1]] = False
    return flagged


def confident_errors(probabilities: np.ndarray, codes: np.ndarray) -> int:
    """Count the labels that another class contradicts with confidence.

    A row counts for class k if its probability of k reaches the mean that rows labelled k have
    themselves; it is an error where the most probable such class is not its own (Northcutt,
    Jiang and Chuang 2021, "Confident Learning", equation 1: the off-diagonal of the confident
    joint).

    Parameters
    ----------
    probabilities : ndarray of shape (n, n_classes)
        Out-of-sample class probabilities.
    codes : ndarray of int of shape (n,)
        Given classes.

    Returns
    -------
    count : int
    """
    n_classes = probabilities.shape[1]
    counts = np.bincount(codes, minlength=n_classes)
    right = probabilities[np.arange(len(codes)), codes]
    own = np.bincount(codes, weights=right, minlength=n_classes)
    thresholds = np.where(counts > 0, own / np.maximum(counts, 1), np.inf)
    confident = np.where(probabilities >= thresholds, probabilities, -1)
    return int(np.sum((confident.max(axis=1) >= 0) & (confident.argmax(axis=1) != codes)))


def outlying(residuals: np.ndarray) -> int:
    """Count residuals further than 3.5 robust deviations from the median.

    The modified z-score of Iglewicz and Hoaglin (1993), from the median absolute deviation.

    Parameters
    ----------
    residuals : ndarray of shape (n,)
        Sizes of the leave-one-out residuals, >= 0.
    """
    deviation = 1.4826 * np.median(residuals)
    rounding = 1e-8 * residuals.max(initial=0)
    return int(np.sum(residuals > max(3.5 * deviation, rounding)))
