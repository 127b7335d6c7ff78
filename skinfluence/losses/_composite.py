"""Losses of estimators that are made of several, each with outputs of its own."""

from dataclasses import dataclass, replace
from functools import reduce
from operator import add

import autograd.numpy as anp
import numpy as np
from autograd.scipy.special import logsumexp

from .._typing import Array
from ._loss import Dispersion, Loss, diagonal


@dataclass(frozen=True)
class PairwiseLoss(Loss):
    """A binary loss summed over the pairs of classes that a row belongs to (one-vs-one).

    ``y_k`` is 1 if the row is of the pair's second class, -1 if of its first, and 0 if of neither:
    then output k has no loss.

    Parameters
    ----------
    loss : Loss
        The binary loss of every pair, separable.
    negative : float, default=0.0
        What ``loss`` calls the first class; it calls the second 1.
    """

    loss: Loss
    negative: float = 0.0
    separable = True

    @property
    def quadratic(self) -> bool:
        """Whether the loss of a pair is."""
        return self.loss.quadratic

    @property
    def self_concordance(self) -> float | None:
        """That of the loss of a pair."""
        return self.loss.self_concordance

    @property
    def dispersion(self) -> Dispersion:
        """That of the loss of a pair, over the rows of its two classes."""
        return self.loss.dispersion

    @property
    def smoothed(self) -> bool:
        """Whether the loss of a pair is."""
        return self.loss.smoothed

    @property
    def temperature(self) -> float:
        """That of the loss of a pair."""
        return self.loss.temperature

    def at_temperature(self, temperature: float) -> Loss:
        """Return the sum of the losses of pairs smoothed by this width."""
        return replace(self, loss=self.loss.at_temperature(temperature))

    def _code(self, y: Array) -> Array:
        return np.where(y > 0, 1, self.negative).astype(y.dtype)

    def __call__(self, raw: Array, y: Array) -> Array:
        return anp.sum(anp.abs(y) * self.loss(raw[..., None], self._code(y)[..., None]), axis=-1)

    def gradient(self, raw: Array, y: Array) -> Array:
        """Differentiate the loss of every pair; 0 where the row is of neither class."""
        gradient = self.loss.gradient(raw[..., None], self._code(y)[..., None])
        return np.abs(y) * gradient[..., 0]

    def hessian(self, raw: Array, y: Array) -> Array:
        """Differentiate the loss of every pair twice; 0 where the row is of neither class."""
        hessian = self.loss.hessian(raw.reshape(-1, 1), self._code(y).reshape(-1, 1))
        return diagonal(np.abs(y) * hessian.reshape(raw.shape))

    def width(self, raw: Array, y: Array) -> float:
        """Return the width of the loss of a pair."""
        return self.loss.width(raw, y)

    def pieces(self, y: Array) -> tuple[Array, Array] | None:
        """Return those of the loss of a pair; a row of neither class has slopes of 0."""
        pieces = self.loss.pieces(self._code(y))
        return pieces and (pieces[0], np.abs(y)[:, None] * pieces[1])


@dataclass(frozen=True)
class SumOfLosses(Loss):
    """The sum of losses that each take their own outputs: those of estimators fitted apart.

    Parameters
    ----------
    parts : tuple of (Loss, int)
        The losses, and how many outputs each takes.
    """

    parts: tuple[tuple[Loss, int], ...]

    @property
    def separable(self) -> bool:
        """Whether every part is a sum over its outputs."""
        return all(loss.separable or size == 1 for loss, size in self.parts)

    @property
    def quadratic(self) -> bool:
        """Whether every part is."""
        return all(loss.quadratic for loss, _ in self.parts)

    @property
    def self_concordance(self) -> float | None:
        """The largest of the parts', None where a part has none."""
        known = [loss.self_concordance for loss, _ in self.parts]
        return None if None in known else max(m for m in known if m is not None)

    def span(self, delta: Array) -> Array:
        """Return the largest span of a part."""
        spans = [loss.span(delta[..., outputs]) for loss, outputs in self.split()]
        return np.max(spans, axis=0)

    def span_squared(self, gram: Array) -> Array:
        """Return the largest of the parts'."""
        parts = self.split()
        return np.max([loss.span_squared(gram[..., own, own]) for loss, own in parts], axis=0)

    def largest_change(self, raw: Array, y: Array, gram: Array) -> Array:
        """Return the sum of the parts' bounds."""
        bounds = (
            loss.largest_change(raw[..., own], y[..., own], gram[..., own, own])
            for loss, own in self.split()
        )
        return reduce(add, bounds)

    @property
    def smoothed(self) -> bool:
        """Whether some part is."""
        return any(loss.smoothed for loss, _ in self.parts)

    @property
    def temperature(self) -> float:
        """The least of the parts'."""
        return min(loss.temperature for loss, _ in self.parts if loss.smoothed)

    def at_temperature(self, temperature: float) -> Loss:
        """Return the sum of the parts smoothed by this width."""
        parts = ((loss.at_temperature(temperature), size) for loss, size in self.parts)
        return replace(self, parts=tuple(parts))

    def split(self) -> list[tuple[Loss, slice]]:
        """Return every part with the slice of its outputs."""
        stops = np.cumsum([size for _, size in self.parts]).tolist()
        return [(loss, slice(end - size, end)) for (loss, size), end in zip(self.parts, stops)]

    def blocks(self, n_outputs: int) -> list[tuple[Loss, slice]]:
        """Split the outputs into the blocks of every part."""
        return [
            (inner, slice(outputs.start + block.start, outputs.start + block.stop))
            for loss, outputs in self.split()
            for inner, block in loss.blocks(outputs.stop - outputs.start)
        ]

    def __call__(self, raw: Array, y: Array) -> Array:
        losses = (loss(raw[..., outputs], y[..., outputs]) for loss, outputs in self.split())
        return reduce(add, losses)

    def gradient(self, raw: Array, y: Array) -> Array:
        """Differentiate every part, side by side."""
        parts = self.split()
        gradients = [loss.gradient(raw[..., outputs], y[..., outputs]) for loss, outputs in parts]
        return np.concatenate(gradients, axis=-1)

    def hessian(self, raw: Array, y: Array) -> Array:
        """Differentiate every part twice, one diagonal block each."""
        return self._block_diagonal("hessian", raw, y)

    def expected_hessian(self, raw: Array, y: Array) -> Array:
        """Return the mean of ``hessian`` over y."""
        return self._block_diagonal("expected_hessian", raw, y)

    def _block_diagonal(self, name: str, raw: Array, y: Array) -> Array:
        matrix = np.zeros((*raw.shape, raw.shape[-1]), dtype=raw.dtype)
        for loss, outputs in self.split():
            block = getattr(loss, name)(raw[..., outputs], y[..., outputs])
            matrix[..., outputs, outputs] = block
        return matrix

    def width(self, raw: Array, y: Array) -> float:
        """Return the least width of the parts."""
        return min(loss.width(raw[..., part], y[..., part]) for loss, part in self.split())

    def probabilities(self, raw: Array) -> list[Array]:  # type: ignore[override]  # several targets
        """Return the class probabilities of every part, as a list."""
        return [loss.probabilities(raw[..., outputs]) for loss, outputs in self.split()]


@dataclass(frozen=True)
class AverageLogLoss(Loss):
    """Log loss of an average of predicted probabilities, ``-log Σ_m w_m exp(-loss_m)``.

    Parameters
    ----------
    parts : SumOfLosses
        Log losses of the estimators that are averaged: minus the log of the right class's
        probability.
    weights : tuple of float
        w, which sum to 1.
    """

    parts: SumOfLosses
    weights: tuple[float, ...]

    def __call__(self, raw: Array, y: Array) -> Array:
        parts = self.parts.split()
        losses = [loss(raw[..., outputs], y[..., outputs]) for loss, outputs in parts]
        weights = np.reshape(self.weights, (-1,) + (1,) * losses[0].ndim)
        return -logsumexp(-anp.array(losses), b=weights.astype(raw.dtype), axis=0)

    def probabilities(self, raw: Array) -> Array:
        """Return class probabilities, shape (n_samples, n_classes)."""
        parts = zip(self.weights, self.parts.probabilities(raw))
        return reduce(add, (raw.dtype.type(weight) * part for weight, part in parts))


@dataclass(frozen=True)
class AverageSquaredError(Loss):
    """Squared error ``(y - Σ_m w_m raw_m)²`` of an average of predictions.

    Parameters
    ----------
    weights : tuple of float of length K
        Weight w of every prediction; they sum to 1.
    """

    weights: tuple[float, ...]

    def __call__(self, raw: Array, y: Array) -> Array:
        average = anp.sum(raw * np.array(self.weights, dtype=raw.dtype), axis=-1)
        return (average - y[..., 0]) ** 2
