"""Losses of raw predictions (n, K) and targets, with slopes (n, K) and curvatures (n, K, K)."""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, log_softmax, softmax, xlogy


class Loss:
    """A loss by its values, slopes (n, K) and curvatures (n, K, K)."""


def diagonal(values):
    """Return curvatures of separable outputs."""
    return values[:, :, None] * np.eye(values.shape[1])


class BinaryLog(Loss):
    def values(self, raw, y):
        return np.logaddexp(0, np.where(y == 1, -1, 1) * raw[:, 0])

    def slopes(self, raw, y):
        return expit(raw) - y[:, None]

    def curvatures(self, raw, y):
        return (expit(raw) * expit(-raw))[:, :, None]


class SignedLog(Loss):
    """Log losses summed over outputs, of signs (n, K)."""

    def values(self, raw, y):
        return np.logaddexp(0, -y * raw).sum(axis=1)

    def slopes(self, raw, y):
        return -y * expit(-y * raw)

    def curvatures(self, raw, y):
        return diagonal(expit(raw) * expit(-raw))


@dataclass
class Softmax(Loss):
    n_classes: int

    def values(self, raw, y):
        return -np.take_along_axis(log_softmax(raw, axis=1), y[:, None], axis=1)[:, 0]

    def slopes(self, raw, y):
        return softmax(raw, axis=1) - np.eye(self.n_classes)[y]

    def curvatures(self, raw, y):
        chances = softmax(raw, axis=1)
        return diagonal(chances) - chances[:, :, None] * chances[:, None, :]


class Squared(Loss):
    def values(self, raw, y):
        return np.sum((y - raw) ** 2, axis=1)

    def slopes(self, raw, y):
        return 2 * (raw - y)

    def curvatures(self, raw, y):
        return diagonal(np.full_like(raw, 2.0))


@dataclass
class Deviance(Loss):
    """Tweedie's deviance with a log link; 1 is Poisson's, 2 is Gamma's."""

    power: float

    def values(self, raw, y):
        p, raw = self.power, raw[:, 0]
        if p == 1:
            return 2 * (np.exp(raw) - y * raw + xlogy(y, y) - y)
        if p == 2:
            return 2 * (raw - np.log(y) + y * np.exp(-raw) - 1)
        falls, rises = np.exp((1 - p) * raw), np.exp((2 - p) * raw)
        constant = np.maximum(y, 0) ** (2 - p) / ((1 - p) * (2 - p))
        return 2 * (constant - y * falls / (1 - p) + rises / (2 - p))

    def slopes(self, raw, y):
        p = self.power
        return 2 * (np.exp((2 - p) * raw) - y[:, None] * np.exp((1 - p) * raw))

    def curvatures(self, raw, y):
        p = self.power
        falls, rises = np.exp((1 - p) * raw), np.exp((2 - p) * raw)
        return 2 * ((2 - p) * rises - (1 - p) * y[:, None] * falls)[:, :, None]


class SquaredHinge(Loss):
    """Summed over outputs, of signs (n, K)."""

    def values(self, raw, y):
        return np.sum(np.maximum(1 - y * raw, 0) ** 2, axis=1)

    def slopes(self, raw, y):
        return -2 * y * np.maximum(1 - y * raw, 0)

    def curvatures(self, raw, y):
        return diagonal(2.0 * (y * raw < 1))


@dataclass
class SquaredEpsilonInsensitive(Loss):
    epsilon: float

    def values(self, raw, y):
        return np.sum(np.maximum(np.abs(raw - y) - self.epsilon, 0) ** 2, axis=1)

    def slopes(self, raw, y):
        return 2 * np.sign(raw - y) * np.maximum(np.abs(raw - y) - self.epsilon, 0)

    def curvatures(self, raw, y):
        return diagonal(2.0 * (np.abs(raw - y) > self.epsilon))


def one_or_more(y):
    """Return targets as columns of numbers."""
    return np.asarray(y, float).reshape(len(y), -1)


def signs(y, n_classes):
    """Return codes as signs (n, K), one column of two classes."""
    if n_classes == 2:
        return np.where(y == 1, 1.0, -1.0)[:, None]
    return np.where(np.eye(n_classes)[y] == 1, 1.0, -1.0)
