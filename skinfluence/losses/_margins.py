"""Losses of the margin ``y raw``, y being ±1."""

from dataclasses import dataclass

import autograd.numpy as anp
import numpy as np

from .._typing import Array
from ._loss import (
    Loss,
    curvature_of_positive_part,
    diagonal,
    positive_part,
    slope_of_positive_part,
)


@dataclass(frozen=True)
class SmoothHinge(Loss):
    """The hinge ``max(0, 1 - s)``, its kink smoothed: ``t log(1 + exp((1 - s) / t))``, s = y raw.

    y is ±1, summed over outputs. It exceeds the hinge by at most ``t log 2`` (Koh and Liang 2017,
    section 4.2).

    Parameters
    ----------
    temperature : float, default=1e-3
        t >= 0, in units of the margin; 0 is the hinge itself.
    smoothed : bool, default=True
        Whether it stands for the hinge; False where an estimator is trained on it.
    """

    temperature: float = 1e-3
    smoothed: bool = True
    separable = True

    def __call__(self, raw: Array, y: Array) -> Array:
        return anp.sum(positive_part(1 - y * raw, self.temperature), axis=-1)

    def gradient(self, raw: Array, y: Array) -> Array:
        """Differentiate in the raw prediction."""
        return -y * slope_of_positive_part(1 - y * raw, self.temperature)

    def hessian(self, raw: Array, y: Array) -> Array:
        """Differentiate twice."""
        return diagonal(y**2 * curvature_of_positive_part(1 - y * raw, self.temperature))

    @property
    def self_concordance(self) -> float | None:
        """One over the width of the smoothing; None at 0, where the loss has its kink."""
        return 1 / self.temperature if self.temperature > 0 else None

    def width(self, raw: Array, y: Array) -> float:
        """Return the width of the smoothing."""
        return self.temperature

    def pieces(self, y: Array) -> tuple[Array, Array] | None:
        """Return the hinge's: its kink at ``raw = y``; a row of y = 0 has no loss."""
        if not self.smoothed:
            return None
        return y[:, None], np.column_stack([-np.maximum(y, 0), np.maximum(-y, 0)])


@dataclass(frozen=True)
class SquaredHinge(Loss):
    """The squared hinge ``max(0, 1 - y raw)²``; y is ±1, summed over outputs."""

    separable = True

    def __call__(self, raw: Array, y: Array) -> Array:
        return anp.sum(anp.maximum(1 - y * raw, 0) ** 2, axis=-1)

    def width(self, raw: Array, y: Array) -> float:
        """Return 0: rows that cross the margin change the curvature at once."""
        return 0.0


@dataclass(frozen=True)
class ModifiedHuber(Loss):
    """The squared hinge, continued as the line ``-4 y raw`` below a margin of -1 (Zhang 2004)."""

    separable = True

    def __call__(self, raw: Array, y: Array) -> Array:
        margin = y * raw
        return anp.sum(
            anp.where(margin >= -1, anp.maximum(1 - margin, 0) ** 2, -4 * margin), axis=-1
        )

    def width(self, raw: Array, y: Array) -> float:
        """Return 0: rows that cross a margin of 1 or -1 change the curvature at once."""
        return 0.0

    def probabilities(self, raw: Array) -> Array:
        """Return ``(1 + raw) / 2``, clipped and normalised (Zhang 2004); shape (n, n_classes)."""
        shares = np.clip((1 + raw) / 2, 0, 1)
        if shares.shape[1] == 1:
            return np.hstack([1 - shares, shares])
        totals = shares.sum(axis=1, keepdims=True)
        return np.where(totals > 0, shares / np.where(totals > 0, totals, 1), 1 / raw.shape[1])
