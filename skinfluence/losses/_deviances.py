"""Squared error, and the deviances of generalised linear models."""

from dataclasses import dataclass
from typing import ClassVar

import autograd.numpy as anp
import numpy as np
from scipy.special import xlogy

from .._typing import Array
from ._loss import Dispersion, Loss, sum_outputs

#: The smallest number above 0.
POSITIVE = float(np.nextafter(np.float32(0), np.float32(1)))


@dataclass(frozen=True)
class SquaredError(Loss):
    """Squared error ``sum_k (y_k - raw_k)²``, not halved."""

    separable = True
    quadratic = True
    dispersion: ClassVar[Dispersion] = "pearson"

    def __call__(self, raw: Array, y: Array) -> Array:
        return anp.sum((raw - y) ** 2, axis=-1)

    def change(self, raw: Array, y: Array, delta: Array) -> Array:
        """Evaluate ``sum_k delta_k (delta_k + 2 (raw_k - y_k))``."""
        return sum_outputs(delta * (delta + 2 * (raw - y)))


@dataclass(frozen=True)
class PoissonDeviance(Loss):
    """Poisson deviance ``2 (y log(y / μ) - y + μ)`` of ``μ = exp(raw)``, not halved."""

    separable = True
    self_concordance: ClassVar[float | None] = 1.0
    dispersion: ClassVar[Dispersion] = 1.0
    least_target = 0.0

    def __call__(self, raw: Array, y: Array) -> Array:
        return anp.sum(2 * (anp.exp(raw) - y * raw + xlogy(y, y) - y), axis=-1)


@dataclass(frozen=True)
class GammaDeviance(Loss):
    """Gamma deviance ``2 (log(μ / y) + y / μ - 1)`` of ``μ = exp(raw)``, not halved."""

    separable = True
    self_concordance: ClassVar[float | None] = 1.0
    dispersion: ClassVar[Dispersion] = "pearson"
    least_target = POSITIVE

    def __call__(self, raw: Array, y: Array) -> Array:
        return anp.sum(2 * (raw - np.log(y) + y * anp.exp(-raw) - 1), axis=-1)

    def expected_hessian(self, raw: Array, y: Array) -> Array:
        """Return the Hessian where y is its mean."""
        return self.hessian(raw, np.exp(raw))


@dataclass(frozen=True)
class TweedieDeviance(Loss):
    """Tweedie deviance of a power other than 1 and 2, not halved (Jørgensen 1987).

    Parameters
    ----------
    power : float
        p: the variance is proportional to ``μ^p``. 1 and 2 are the Poisson and Gamma deviances.
    log_link : bool, default=True
        Whether μ is ``exp(raw)``, or raw itself.
    """

    power: float
    log_link: bool = True
    separable = True
    dispersion: ClassVar[Dispersion] = "pearson"

    @property
    def self_concordance(self) -> float | None:
        """The larger of p - 1 and 2 - p, of a log link and 1 <= p <= 2.

        The curvature is then a sum of ``exp((1 - p) raw)`` and ``exp((2 - p) raw)``.
        """
        p = self.power
        return max(p - 1, 2 - p) if self.log_link and 1 <= p <= 2 else None

    @property
    def least_target(self) -> float:
        """The smallest y that the loss is defined for."""
        return -np.inf if self.power <= 0 else 0.0 if self.power < 2 else POSITIVE

    def __call__(self, raw: Array, y: Array) -> Array:
        p, log_mean = self.power, raw if self.log_link else anp.log(raw)
        known = np.maximum(y, 0) ** (2 - p) / ((1 - p) * (2 - p))
        slope = y * anp.exp((1 - p) * log_mean) / (1 - p)
        return anp.sum(2 * (known - slope + anp.exp((2 - p) * log_mean) / (2 - p)), axis=-1)

    def expected_hessian(self, raw: Array, y: Array) -> Array:
        """Return the Hessian where y is its mean."""
        return self.hessian(raw, np.exp(raw) if self.log_link else raw)

    def width(self, raw: Array, y: Array) -> float:
        """Return 1, or the mean prediction where that is the mean of y itself."""
        return 1.0 if self.log_link else float(np.mean(raw))
