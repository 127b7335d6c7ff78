"""Responses: from raw predictions to what ``predict`` returns, in the units users see.

response(raw)                     (..., K) -> (..., K')
response.derivative(raw, change)  its change to first order
response.change(raw, change)      its change
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.special import expit, softmax


class Response(Protocol):
    """What is told of raw predictions, and how it changes with them."""

    def __call__(self, raw: np.ndarray) -> np.ndarray:
        """Return what the estimator says for raw predictions."""

    def derivative(self, raw: np.ndarray, change: np.ndarray) -> np.ndarray:
        """Return the change of the response when raw predictions change a little."""

    def change(self, raw: np.ndarray, change: np.ndarray) -> np.ndarray:
        """Return the response at ``raw + change`` minus that at ``raw``."""


class TargetTransformer(Protocol):
    """A fitted transformer of targets; scikit-learn's are."""

    def transform(self, y: np.ndarray) -> np.ndarray:
        """Return y as the estimator was fitted on it."""

    def inverse_transform(self, y: np.ndarray) -> np.ndarray:
        """Return y in the user's units."""


@dataclass(frozen=True)
class Identity:
    """The raw prediction itself: ``decision_function``, and regressions without a link."""

    def __call__(self, raw: np.ndarray) -> np.ndarray:
        """Return what the estimator says for raw predictions."""
        return raw

    def derivative(self, raw: np.ndarray, change: np.ndarray) -> np.ndarray:
        """Return the change of the response when raw predictions change a little."""
        return change

    def change(self, raw: np.ndarray, change: np.ndarray) -> np.ndarray:
        """Return the response at ``raw + change`` minus that at ``raw``."""
        return change


@dataclass(frozen=True)
class Exponential(Identity):
    """The inverse of the log link."""

    def __call__(self, raw: np.ndarray) -> np.ndarray:
        return np.exp(raw)

    def derivative(self, raw: np.ndarray, change: np.ndarray) -> np.ndarray:
        return np.exp(raw) * change

    def change(self, raw: np.ndarray, change: np.ndarray) -> np.ndarray:
        return np.exp(raw) * np.expm1(change)


@dataclass(frozen=True, eq=False)
class Shifted(Identity):
    """The raw prediction and what was taken off y before the fit, a number an output."""

    shift: np.ndarray

    def __call__(self, raw: np.ndarray) -> np.ndarray:
        return raw + self.shift


@dataclass(frozen=True)
class Location(Identity):
    """The first output, where the second is a scale."""

    def __call__(self, raw: np.ndarray) -> np.ndarray:
        return raw[..., :1]

    def derivative(self, raw: np.ndarray, change: np.ndarray) -> np.ndarray:
        return change[..., :1]

    def change(self, raw: np.ndarray, change: np.ndarray) -> np.ndarray:
        return change[..., :1]


@dataclass(frozen=True)
class Negated(Identity):
    """The raw prediction, positive for the other class."""

    def __call__(self, raw: np.ndarray) -> np.ndarray:
        return -raw

    def derivative(self, raw: np.ndarray, change: np.ndarray) -> np.ndarray:
        return -change

    def change(self, raw: np.ndarray, change: np.ndarray) -> np.ndarray:
        return -change


@dataclass(frozen=True, eq=False)
class Votes(Identity):
    """The votes that each class wins from pairs of classes, and less than 1/3 by their values.

        votes_k + c_k / (3 (|c_k| + 1)),        c = raw · members

    as scikit-learn's SVC tells them. To first order the votes stay.

    Parameters
    ----------
    members : ndarray of shape (n_pairs, n_classes)
        1 for the second class of a pair, -1 for the first, else 0.
    """

    members: np.ndarray

    def __call__(self, raw: np.ndarray) -> np.ndarray:
        votes = np.where(raw > 0, 1.0, -1.0) @ self.members / 2 + np.abs(self.members).sum(0) / 2
        total = raw @ self.members
        return votes + total / (3 * (np.abs(total) + 1))

    def derivative(self, raw: np.ndarray, change: np.ndarray) -> np.ndarray:
        return change @ self.members / (3 * (np.abs(raw @ self.members) + 1) ** 2)

    def change(self, raw: np.ndarray, change: np.ndarray) -> np.ndarray:
        return self(raw + change) - self(raw)


@dataclass(frozen=True)
class Average(Identity):
    """The average prediction of several regressions, one output each."""

    weights: tuple[float, ...]

    def __call__(self, raw: np.ndarray) -> np.ndarray:
        return raw @ np.array(self.weights, dtype=raw.dtype)[:, None]

    def derivative(self, raw: np.ndarray, change: np.ndarray) -> np.ndarray:
        return self(change)

    def change(self, raw: np.ndarray, change: np.ndarray) -> np.ndarray:
        return self(change)


@dataclass(frozen=True)
class AverageProbability(Identity):
    """The average of the class probabilities of several log-linear models.

    Parameters
    ----------
    n_classes : int
        Two classes are one output each, the log-odds of the second, whose probability is given.
    weights : tuple of float
        One a model, which sum to 1.
    """

    n_classes: int
    weights: tuple[float, ...]

    def _split(self, raw: np.ndarray) -> Iterator[tuple[float, np.ndarray]]:
        return zip(self.weights, np.split(raw, len(self.weights), axis=-1))

    def _probabilities(self, raw: np.ndarray) -> np.ndarray:
        return expit(raw) if self.n_classes == 2 else softmax(raw, axis=-1)

    def __call__(self, raw: np.ndarray) -> np.ndarray:
        terms = [raw.dtype.type(w) * self._probabilities(part) for w, part in self._split(raw)]
        return np.sum(terms, axis=0)

    def derivative(self, raw: np.ndarray, change: np.ndarray) -> np.ndarray:
        terms = []
        for (weight, part), (_, moved) in zip(self._split(raw), self._split(change)):
            p = self._probabilities(part)
            pull = p * moved if self.n_classes == 2 else np.sum(p * moved, axis=-1, keepdims=True)
            terms.append(raw.dtype.type(weight) * p * (moved - pull))
        return np.sum(terms, axis=0)

    def change(self, raw: np.ndarray, change: np.ndarray) -> np.ndarray:
        return self(raw + change) - self(raw)


@dataclass(frozen=True)
class Inverted(Identity):
    """A response taken back to the user's units by a fitted target transformer.

    Parameters
    ----------
    inner : Response
        Response of the estimator that was fitted on transformed targets.
    transformer : TargetTransformer
        Its ``inverse_transform`` takes (n_samples, K').
    """

    inner: Response
    transformer: TargetTransformer

    def __call__(self, raw: np.ndarray) -> np.ndarray:
        response = self.inner(raw)
        flat = np.reshape(response, (-1, response.shape[-1]))
        if not len(flat):  # which scikit-learn's transformers refuse
            return response
        inverted = np.reshape(self.transformer.inverse_transform(flat), (len(flat), -1))
        return inverted.reshape(*response.shape[:-1], inverted.shape[1])

    def derivative(self, raw: np.ndarray, change: np.ndarray) -> np.ndarray:
        """Return the change by central differences, for the transformer may be anything."""
        wide, terms = raw.astype(np.float64), []
        for k, unit in enumerate(np.eye(raw.shape[-1])):
            step = np.cbrt(np.finfo(np.float64).eps) * (1 + np.abs(wide[..., k, None]))
            slope = (self(wide + step * unit) - self(wide - step * unit)) / (2 * step)
            terms.append(slope * change[..., k, None])
        return np.sum(terms, axis=0).astype(change.dtype)

    def change(self, raw: np.ndarray, change: np.ndarray) -> np.ndarray:
        wide = raw.astype(np.float64)
        return (self(wide + change) - self(wide)).astype(change.dtype)
