"""Log losses of classifiers."""

from dataclasses import dataclass
from typing import ClassVar

import autograd.numpy as anp
import numpy as np
from autograd.scipy.special import logsumexp
from scipy.special import expit, softmax

from .._typing import Array
from ._loss import Dispersion, Loss, sum_outputs


@dataclass(frozen=True)
class LogLoss(Loss):
    """Binary log loss of the log-odds, summed over outputs (one-vs-rest when K > 1).

    ``y_k`` is 0 or 1. It is written in the signed margin, so that a well classified row keeps
    the leading digits of its small gradient.
    """

    separable = True
    self_concordance: ClassVar[float | None] = 1.0
    dispersion: ClassVar[Dispersion] = 1.0

    def __call__(self, raw: Array, y: Array) -> Array:
        return anp.sum(anp.logaddexp(0.0, (1.0 - 2.0 * y) * raw), axis=-1)

    def gradient(self, raw: Array, y: Array) -> Array:
        """Differentiate in the raw prediction: ``s expit(s raw)`` with ``s = 1 - 2y``.

        Autograd's derivative of logaddexp is the same, and takes ten times as long.
        """
        sign = 1 - 2 * y
        return sign * expit(sign * raw)

    def change(self, raw: Array, y: Array, delta: Array) -> Array:
        """Evaluate ``log(1 + p (exp(d) - 1))``, p the chance of the other class, d towards it.

        Where p is above ½ it is ``d + log(1 + (1 - p) (exp(-d) - 1))``, which is the same: the
        factor stays below ½ and no digits cancel.
        """
        sign = 1 - 2 * y
        wrong = sign * raw > 0
        towards = np.where(wrong, -sign, sign)
        with np.errstate(over="ignore", invalid="ignore"):
            change = np.multiply(towards, delta)
            np.expm1(change, out=change)
            change *= expit(-np.abs(raw))
            np.log1p(change, out=change)
        if np.any(wrong):
            change += wrong * (sign * delta)
        return self._where_finite(sum_outputs(change), raw, y, delta)

    def probabilities(self, raw: Array) -> Array:
        """Return class probabilities, shape (n_samples, 2), or (n_samples, K) if K > 1."""
        positive = expit(raw)
        if raw.shape[-1] == 1:
            return np.hstack([expit(-raw), positive])
        total = positive.sum(axis=1, keepdims=True)
        return np.where(total > 0, positive / np.where(total > 0, total, 1), 1 / raw.shape[-1])


@dataclass(frozen=True)
class MultilabelLogLoss(LogLoss):
    """The sum of the binary log losses of K labels, any number of which a row may have."""

    def probabilities(self, raw: Array) -> Array:
        """Return the probability of every label, shape (n_samples, K); rows do not sum to 1."""
        return expit(raw)


@dataclass(frozen=True)
class MultinomialLogLoss(Loss):
    """Softmax log loss ``log sum_k exp(raw_k) - raw_y``; ``y`` is one-hot, shape (..., K)."""

    shift_invariant = True
    self_concordance: ClassVar[float | None] = 1.0
    dispersion: ClassVar[Dispersion] = 1.0

    def __call__(self, raw: Array, y: Array) -> Array:
        return logsumexp(raw, axis=-1) - anp.sum(y * raw, axis=-1)

    def change(self, raw: Array, y: Array, delta: Array) -> Array:
        """Evaluate ``log(1 + sum_k p_k (exp(d_k) - 1)) + delta_c - delta_y``, d = delta - delta_c.

        c is the most likely class, so that the logarithm's argument is at least 1 / K.
        """
        likely = raw == raw.max(axis=-1, keepdims=True)
        likely = (likely / likely.sum(axis=-1, keepdims=True)).astype(raw.dtype, copy=False)
        centre = np.sum(likely * delta, axis=-1)
        with np.errstate(over="ignore", invalid="ignore"):
            relative = softmax(raw, axis=-1) * np.expm1(delta - centre[..., None])
            change = np.log1p(relative.sum(axis=-1))
            change += np.sum((likely - y) * delta, axis=-1)
        return self._where_finite(change, raw, y, delta)

    def probabilities(self, raw: Array) -> Array:
        """Return class probabilities, shape (n_samples, K)."""
        return softmax(raw, axis=-1)


@dataclass(frozen=True)
class NegativeLogProbability(Loss):
    """Log loss of a predicted probability, for models known only by their ``predict_proba``."""

    def __call__(self, raw: Array, y: Array) -> Array:
        right = y * raw + (1 - y) * (1 - raw) if raw.shape[-1] == 1 else y * raw
        return -anp.log(anp.maximum(anp.sum(right, axis=-1), np.finfo(raw.dtype).eps))

    def probabilities(self, raw: Array) -> Array:
        """Return class probabilities, shape (n_samples, 2), or (n_samples, K) if K > 1."""
        return np.hstack([1 - raw, raw]) if raw.shape[-1] == 1 else raw
