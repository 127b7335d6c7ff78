"""What is done with flagged rows before the last fit, and whether that helps.

The gain of an action is the fall of the out-of-sample log loss of *all* rows, told through the
noise matrix (Patrini et al. 2017, "Making deep neural networks robust to label noise", forward
correction): with p_i the probabilities of a model, the given label of row i has the probability
``Σ_k T_gk p_ik``, so that a model is rewarded for the true labels and not for the noise. Of rows
that are believed alone the loss always falls when the others are dropped. T is that of the lower
end of the interval of the share of wrong labels: what the estimate leaves open does not speak for
an action.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ._training_rows import TrainingRows

#: Smallest probability of a given label: no row counts for more than its logarithm.
TINY = 1e-7


@dataclass(frozen=True)
class Gain:
    """What an action does to the out-of-sample log loss, corrected for noise.

    Attributes
    ----------
    change : float
        After minus before, the mean over the rows; below 0 where the action helps.
    standard_error : float
        Of that mean, of paired rows.
    """

    change: float
    standard_error: float

    @property
    def helps(self) -> bool:
        """Whether the fall exceeds its standard error."""
        return self.change < -self.standard_error


def gain(before: np.ndarray, after: np.ndarray, codes: np.ndarray, share: float) -> Gain:
    """Return the gain of an action.

    Parameters
    ----------
    before, after : ndarray of shape (n, K)
        Out-of-sample probabilities of the model as it was, and of that after the action.
    codes : ndarray of int of shape (n,)
        Given classes.
    share : float
        Of wrong labels, the same for every pair of classes.
    """
    change = corrected_losses(after, codes, share) - corrected_losses(before, codes, share)
    error = np.std(change) / np.sqrt(len(change))
    return Gain(float(change.mean()), float(error))


def corrected_losses(probabilities: np.ndarray, codes: np.ndarray, share: float) -> np.ndarray:
    """Return ``-log Σ_k T_gk p_ik`` of the given labels, shape (n,)."""
    other = share / (probabilities.shape[1] - 1)
    right = probabilities[np.arange(len(codes)), codes]
    return -np.log(np.maximum(other + (1 - share - other) * right, TINY))


def after_action(
    action: str,
    rows: TrainingRows,
    flagged: np.ndarray,
    suggested: np.ndarray,
    wrong: np.ndarray | None,
) -> TrainingRows:
    """Return what is fitted on after an action.

    Parameters
    ----------
    action : {"drop", "relabel", "reweight", "keep"}
    rows : TrainingRows
    flagged : ndarray of bool of shape (n,)
    suggested : ndarray of shape (n,)
        Labels that flagged rows get.
    wrong : ndarray of shape (n,) or None
        Probability that each label is wrong, which rows are weighted against; nan counts as 0.
    """
    if action == "drop":
        return replace(rows, kept=rows.kept & ~flagged)
    if action == "relabel":
        return replace(rows, labels=with_labels(rows.labels, flagged, suggested))
    if action == "reweight" and wrong is not None:
        weights = np.maximum(1 - np.nan_to_num(wrong), TINY)
        return replace(rows, weights=weights if rows.weights is None else weights * rows.weights)
    return rows


def with_labels(y: Any, changed: np.ndarray, labels: Any) -> Any:
    """Return a copy of y, in its own type, in which some labels are others.

    Parameters
    ----------
    y : array-like of shape (n,)
    changed : ndarray of bool of shape (n,)
    labels : array-like of shape (n,)
        Of which those of the changed rows are taken.
    """
    if hasattr(y, "to_numpy") and not hasattr(y, "iloc"):  # a Series of polars
        return type(y)(y.name, with_labels(y.to_numpy(), changed, labels), dtype=y.dtype)
    labels = np.asarray(labels)
    copy = y.copy() if hasattr(y, "iloc") else np.array(y)
    if not hasattr(copy, "iloc") and copy.dtype.kind in "US":
        copy = copy.astype(np.result_type(copy, labels.astype(copy.dtype.kind)))
    target = copy.iloc if hasattr(copy, "iloc") else copy
    target[np.flatnonzero(changed)] = labels[changed]
    return copy
