"""Losses of the margin ``y raw``, y being ±1."""

from dataclasses import dataclass

import autograd.numpy as anp
import numpy as np

from ._loss import Loss


@dataclass(frozen=True)
class SquaredHinge(Loss):
    """The squared hinge ``max(0, 1 - y raw)²``; y is ±1, summed over outputs."""

    separable = True

    def __call__(self, raw, y):
        return anp.sum(anp.maximum(1 - y * raw, 0) ** 2, axis=-1)

    def width(self, raw, y):
        """Return 0: rows that cross the margin change the curvature at once."""
        return 0.0


@dataclass(frozen=True)
class ModifiedHuber(Loss):
    """The squared hinge, continued as the line ``-4 y raw`` below a margin of -1 (Zhang 2004)."""

    separable = True

    def __call__(self, raw, y):
        margin = y * raw
        return anp.sum(
            anp.where(margin >= -1, anp.maximum(1 - margin, 0) ** 2, -4 * margin), axis=-1
        )

    def width(self, raw, y):
        """Return 0: rows that cross a margin of 1 or -1 change the curvature at once."""
        return 0.0

    def probabilities(self, raw):
        """Return ``(1 + raw) / 2``, clipped and normalised (Zhang 2004); shape (n, n_classes)."""
        shares = np.clip((1 + raw) / 2, 0, 1)
        if shares.shape[1] == 1:
            return np.hstack([1 - shares, shares])
        totals = shares.sum(axis=1, keepdims=True)
        return np.where(totals > 0, shares / np.where(totals > 0, totals, 1), 1 / raw.shape[1])
