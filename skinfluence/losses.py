"""Losses, pointwise in the raw prediction: ``loss(raw, y) -> (n_samples,)``.

A loss is one line of ``autograd.numpy`` over the last axis (the K outputs), and never sees X,
weights or penalties. Autograd turns it into the two factors everything else is built from:

    gradient  g_i = d loss_i / d raw_i      (n_samples, K)
    hessian   A_i = d² loss_i / d raw_i²    (n_samples, K, K)

``raw`` is the prediction before the link, ``y`` the encoded target; both have shape
(n_samples, K), or anything that broadcasts to a common shape (..., K).
"""

from dataclasses import dataclass

import autograd.numpy as anp
import numpy as np
from autograd import elementwise_grad, make_vjp
from autograd.scipy.special import logsumexp
from scipy.special import expit, softmax

__all__ = ["LogLoss", "Loss", "MultinomialLogLoss", "NegativeLogProbability", "SquaredError"]


@dataclass(frozen=True)
class Loss:
    """Base class: a subclass writes ``__call__``, autograd does the rest.

    Attributes
    ----------
    separable : bool
        Whether the loss is a sum over the K outputs, so that every ``hessian`` is diagonal.
    shift_invariant : bool
        Whether adding the same number to all K raw predictions leaves the loss as it is.
    quadratic : bool
        Whether the Hessian does not depend on the prediction, so that a Newton step is exact.
    """

    separable = False
    shift_invariant = False
    quadratic = False

    def __call__(self, raw, y):
        """Evaluate the loss of every row, summed over outputs, unweighted.

        Parameters
        ----------
        raw, y : ndarray of shape (..., K)
            Raw predictions and encoded targets.

        Returns
        -------
        losses : ndarray of shape (...)
        """
        raise NotImplementedError

    def gradient(self, raw, y):
        """Differentiate the loss in the raw prediction.

        Returns
        -------
        gradient : ndarray of shape (n_samples, K)
        """
        return elementwise_grad(self)(np.asarray(raw), np.asarray(y))

    def hessian(self, raw, y):
        """Differentiate the loss twice in the raw prediction.

        Returns
        -------
        hessian : ndarray of shape (n_samples, K, K)
        """
        raw, y = np.asarray(raw), np.asarray(y)
        n_outputs = raw.shape[-1]
        vjp, gradient = make_vjp(lambda r: elementwise_grad(self)(r, y))(raw)
        hessian = np.zeros((*gradient.shape, n_outputs), dtype=gradient.dtype)
        if self.separable:
            diagonal = np.arange(n_outputs)
            hessian[:, diagonal, diagonal] = vjp(np.ones_like(gradient))
            return hessian
        for k, unit in enumerate(np.eye(n_outputs, dtype=gradient.dtype)):
            hessian[:, :, k] = vjp(np.broadcast_to(unit, gradient.shape))
        return hessian


@dataclass(frozen=True)
class SquaredError(Loss):
    """Squared error ``sum_k (y_k - raw_k)²``, not halved."""

    separable = True
    quadratic = True

    def __call__(self, raw, y):
        return anp.sum((raw - y) ** 2, axis=-1)


@dataclass(frozen=True)
class LogLoss(Loss):
    """Binary log loss of the log-odds, summed over outputs (one-vs-rest when K > 1).

    ``y_k`` is 0 or 1. It is written in the signed margin, so that a well classified row keeps
    the leading digits of its small gradient.
    """

    separable = True

    def __call__(self, raw, y):
        return anp.sum(anp.logaddexp(0.0, (1.0 - 2.0 * y) * raw), axis=-1)

    def probabilities(self, raw):
        """Return class probabilities, shape (n_samples, 2), or (n_samples, K) if K > 1."""
        positive = expit(raw)
        if raw.shape[-1] == 1:
            return np.hstack([expit(-raw), positive])
        total = positive.sum(axis=1, keepdims=True)
        return np.where(total > 0, positive / np.where(total > 0, total, 1), 1 / raw.shape[-1])


@dataclass(frozen=True)
class MultinomialLogLoss(Loss):
    """Softmax log loss ``log sum_k exp(raw_k) - raw_y``; ``y`` is one-hot, shape (..., K)."""

    shift_invariant = True

    def __call__(self, raw, y):
        return logsumexp(raw, axis=-1) - anp.sum(y * raw, axis=-1)

    def probabilities(self, raw):
        """Return class probabilities, shape (n_samples, K)."""
        return softmax(raw, axis=-1)


@dataclass(frozen=True)
class NegativeLogProbability(Loss):
    """Log loss of a predicted probability, for models known only by their ``predict_proba``."""

    def __call__(self, raw, y):
        right = y * raw + (1 - y) * (1 - raw) if raw.shape[-1] == 1 else y * raw
        return -anp.log(anp.maximum(anp.sum(right, axis=-1), np.finfo(raw.dtype).eps))

    def probabilities(self, raw):
        """Return class probabilities, shape (n_samples, 2), or (n_samples, K) if K > 1."""
        return np.hstack([1 - raw, raw]) if raw.shape[-1] == 1 else raw
