"""Losses of residuals that grow less than their square, or ignore small ones."""

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

#: Slope in -σ of Huber's loss where σ < 0, beside its own of epsilon² - 1.
STEEP = 1e3


@dataclass(frozen=True)
class HuberWithScale(Loss):
    """Huber's loss with its scale, ``σ + σ H((y - location) / σ)``; raw is (location, σ).

    ``H(z) = z²`` up to epsilon and ``2 epsilon |z| - epsilon²`` beyond; jointly convex in the
    location and σ (Huber and Ronchetti 2009, section 7.7). It is a row's term of the objective.
    Where σ <= 0 every row is beyond epsilon, and the loss rises steeply: so continued it stays
    convex, and a line search that overshoots σ = 0 comes back.

    Parameters
    ----------
    epsilon : float, default=1.35
        Size of a residual where the parabola ends, >= 1, in units of σ.
    """

    epsilon: float = 1.35

    def __call__(self, raw: Array, y: Array) -> Array:
        scale, size = raw[..., 1], anp.abs(y[..., 0] - raw[..., 0])
        inlier = (size <= self.epsilon * scale) & (scale > 0)
        outer = 2 * self.epsilon * size + (1 - self.epsilon**2) * scale
        outer = outer + STEEP * anp.maximum(-scale, 0)
        return anp.where(inlier, scale + size**2 / anp.where(inlier, scale, 1), outer)

    def width(self, raw: Array, y: Array) -> float:
        """Return where the parabola ends, σ epsilon."""
        return self.epsilon * float(np.mean(raw[..., 1]))


@dataclass(frozen=True)
class HuberLoss(Loss):
    """Huber's loss of fixed width: ``r² / 2``, from epsilon on ``epsilon |r| - epsilon² / 2``.

    Parameters
    ----------
    epsilon : float, default=0.1
        Size of a residual where the parabola ends, > 0, in units of y.
    """

    epsilon: float = 0.1
    separable = True

    def __call__(self, raw: Array, y: Array) -> Array:
        size = anp.abs(raw - y)
        outer = self.epsilon * size - self.epsilon**2 / 2
        return anp.sum(anp.where(size <= self.epsilon, size**2 / 2, outer), axis=-1)

    def width(self, raw: Array, y: Array) -> float:
        """Return where the parabola ends, epsilon."""
        return self.epsilon


@dataclass(frozen=True)
class SquaredEpsilonInsensitive(Loss):
    """The square of what ``|y - raw|`` exceeds epsilon by.

    Parameters
    ----------
    epsilon : float, default=0.1
        Half the width of the tube, >= 0, in units of y.
    """

    epsilon: float = 0.1
    separable = True

    def __call__(self, raw: Array, y: Array) -> Array:
        return anp.sum(anp.maximum(anp.abs(raw - y) - self.epsilon, 0) ** 2, axis=-1)

    def width(self, raw: Array, y: Array) -> float:
        """Return 0: rows that enter or leave the tube change the curvature at once."""
        return 0.0 if self.epsilon > 0 else np.inf


@dataclass(frozen=True)
class SmoothEpsilonInsensitive(Loss):
    """What ``|y - raw|`` exceeds epsilon by, both kinks smoothed as that of ``SmoothHinge``.

    Parameters
    ----------
    epsilon : float
        Half the width of the tube.
    spread : float, default=1.0
        Standard deviation of y, the unit of ``temperature``.
    temperature : float, default=1e-3
        t >= 0, in units of ``spread``; 0 is the loss with its kinks.
    """

    epsilon: float
    spread: float = 1.0
    temperature: float = 1e-3
    separable = True
    smoothed = True

    def __call__(self, raw: Array, y: Array) -> Array:
        above, below = (positive_part(*part) for part in self._beyond(raw, y))
        return anp.sum(above, axis=-1) + anp.sum(below, axis=-1)

    def gradient(self, raw: Array, y: Array) -> Array:
        """Differentiate in the raw prediction."""
        above, below = (slope_of_positive_part(*part) for part in self._beyond(raw, y))
        return above - below

    def hessian(self, raw: Array, y: Array) -> Array:
        """Differentiate twice."""
        above, below = (curvature_of_positive_part(*part) for part in self._beyond(raw, y))
        return diagonal(above + below)

    def _beyond(self, raw: Array, y: Array) -> tuple[tuple[Array, float], tuple[Array, float]]:
        """Return how far the residual is above and below the tube, each with the width."""
        width, residual = self.temperature * self.spread, raw - y
        return (residual - self.epsilon, width), (-residual - self.epsilon, width)

    @property
    def self_concordance(self) -> float | None:
        """One over the width of the smoothing; None at 0, where the loss has its kink."""
        return 1 / (self.temperature * self.spread) if self.temperature > 0 else None

    def width(self, raw: Array, y: Array) -> float:
        """Return the width of the smoothing."""
        return self.temperature * self.spread

    def pieces(self, y: Array) -> tuple[Array, Array] | None:
        """Return those of the tube: it has a kink on either side of y, or at y if it is empty."""
        slopes, kinks = np.array([-1, 0, 1], dtype=y.dtype), [y - self.epsilon, y + self.epsilon]
        if self.epsilon == 0:
            slopes, kinks = slopes[[0, 2]], [y]
        return np.column_stack(kinks), np.broadcast_to(slopes, (len(y), len(slopes)))


@dataclass(frozen=True)
class SmoothPinball(Loss):
    """The pinball loss, its kink smoothed: ``q r + t log(1 + exp(-r / t))``, r = y - raw.

    It exceeds the pinball loss ``max(q r, (q - 1) r)`` by at most ``t log 2``.

    Parameters
    ----------
    quantile : float in (0, 1)
        q.
    spread : float
        Standard deviation of y, the unit of ``temperature``.
    temperature : float, default=1e-3
        t >= 0, in units of ``spread``; 0 is the pinball loss itself.
    """

    quantile: float
    spread: float = 1.0
    temperature: float = 1e-3
    separable = True
    smoothed = True

    def __call__(self, raw: Array, y: Array) -> Array:
        width, residual = self.temperature * self.spread, y - raw
        return anp.sum(self.quantile * residual + positive_part(-residual, width), axis=-1)

    def gradient(self, raw: Array, y: Array) -> Array:
        """Differentiate in the raw prediction."""
        return slope_of_positive_part(raw - y, self.temperature * self.spread) - self.quantile

    def hessian(self, raw: Array, y: Array) -> Array:
        """Differentiate twice."""
        return diagonal(curvature_of_positive_part(raw - y, self.temperature * self.spread))

    @property
    def self_concordance(self) -> float | None:
        """One over the width of the smoothing; None at 0, where the loss has its kink."""
        return 1 / (self.temperature * self.spread) if self.temperature > 0 else None

    def width(self, raw: Array, y: Array) -> float:
        """Return the width of the smoothing."""
        return self.temperature * self.spread

    def pieces(self, y: Array) -> tuple[Array, Array] | None:
        """Return the pinball's: its kink at y."""
        slopes = np.array([-self.quantile, 1 - self.quantile], dtype=y.dtype)
        return y[:, None], np.broadcast_to(slopes, (len(y), 2))
