"""The base of all losses: a pointwise function, and its derivatives by autograd."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

import autograd.numpy as anp
import numpy as np
from autograd import elementwise_grad, make_vjp
from scipy.special import expit

from .._tracing import TRACING
from .._typing import Array

#: Variance of the gradient over the expected Hessian; see ``Loss.dispersion``.
Dispersion: TypeAlias = float | Literal["pearson"] | None


@dataclass(frozen=True)
class Loss:
    """Base class: a subclass writes ``__call__``, autograd does the rest.

    What the properties say of a loss, a subclass says by class attributes of the same names.
    """

    @property
    def separable(self) -> bool:
        """Whether the loss is a sum over the K outputs, so that every ``hessian`` is diagonal."""
        return False

    @property
    def shift_invariant(self) -> bool:
        """Whether adding the same number to all K raw predictions leaves the loss as it is."""
        return False

    @property
    def quadratic(self) -> bool:
        """Whether the Hessian does not depend on the prediction, so that a Newton step is exact."""
        return False

    @property
    def self_concordance(self) -> float | None:
        """M, where the third derivative is at most M times the second; None where it is not.

        Then ``A(raw + delta)`` is between ``exp(-M |delta|)`` and ``exp(M |delta|)`` times
        ``A(raw)``, with ``|delta|`` the ``span`` (generalised self-concordance: Bach 2010; Sun and
        Tran-Dinh 2019).
        """
        return 0.0 if self.quadratic else None

    @property
    def smoothed(self) -> bool:
        """Whether it stands for a loss with a kink that the estimator was trained on.

        Such a loss has a field ``temperature``, the width of the smoothing; at 0 it has the kink.
        """
        return False

    @property
    def dispersion(self) -> Dispersion:
        """Variance of the gradient over the expected Hessian under the loss's own distribution.

        It is 1 for a negative log-likelihood, or for a deviance that estimators halve; "pearson"
        where the data must tell; None if the loss is no log-likelihood.
        """
        return None

    @property
    def least_target(self) -> float:
        """The smallest y that the loss is defined for."""
        return -np.inf

    @property
    def predicts(self) -> bool:
        """Whether raw is a prediction, which does not depend on y. It is not where it is a loss."""
        return True

    if TYPE_CHECKING:

        @property
        def temperature(self) -> float:
            """Width of the smoothing, of a loss that is smoothed."""

        def probabilities(self, raw: Array) -> Array:
            """Return class probabilities, (n_samples, n_classes), of a loss of classifiers."""

    def __call__(self, raw: Array, y: Array) -> Array:
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

    def change(self, raw: Array, y: Array, delta: Array) -> Array:
        """Evaluate ``loss(raw + delta) - loss(raw)``.

        Parameters
        ----------
        raw, y, delta : ndarray of shape (..., K)
            Raw predictions, encoded targets, and the change of the predictions.

        Returns
        -------
        change : ndarray of shape (...)
        """
        return self(raw + delta, y) - self(raw, y)

    def _where_finite(self, change: Array, raw: Array, y: Array, delta: Array) -> Array:
        """Return ``change`` with the subtraction where its exponentials have overflowed."""
        if not np.isfinite(change.sum()):  # one pass, where a mask would be two
            change = np.where(np.isfinite(change), change, Loss.change(self, raw, y, delta))
        return change

    def gradient(self, raw: Array, y: Array) -> Array:
        """Differentiate the loss in the raw prediction.

        Returns
        -------
        gradient : ndarray of shape (n_samples, K)
        """
        raw = np.asarray(raw)
        with TRACING:
            return elementwise_grad(self)(raw, np.asarray(y)).astype(raw.dtype, copy=False)

    def hessian(self, raw: Array, y: Array) -> Array:
        """Differentiate the loss twice in the raw prediction.

        Returns
        -------
        hessian : ndarray of shape (n_samples, K, K)
        """
        raw, y = np.asarray(raw), np.asarray(y)
        n_outputs = raw.shape[-1]
        with TRACING:
            vjp, gradient = make_vjp(lambda r: elementwise_grad(self)(r, y))(raw)
        hessian = np.zeros((*gradient.shape, n_outputs), dtype=raw.dtype)
        if self.separable:
            diagonal = np.arange(n_outputs)
            hessian[:, diagonal, diagonal] = vjp(np.ones_like(gradient))
            return hessian
        for k, unit in enumerate(np.eye(n_outputs, dtype=gradient.dtype)):
            hessian[:, :, k] = vjp(np.broadcast_to(unit, gradient.shape))
        return hessian

    def expected_hessian(self, raw: Array, y: Array) -> Array:
        """Return the mean of ``hessian`` over y, shape (n_samples, K, K).

        It is ``hessian`` itself where that does not depend on y: squared error, canonical links.
        A deviance under another link, whose Hessian is linear in y, overrides it with
        ``hessian(raw, mean)``.
        """
        return self.hessian(raw, y)

    def at_temperature(self, temperature: float) -> Loss:
        """Return the loss smoothed by this width, with its kink at 0; itself if it has none."""
        width = {"temperature": temperature}
        return replace(self, **width) if self.smoothed else self

    @property
    def trained(self) -> Loss:
        """The loss that the estimator was trained on: this one, without its smoothing."""
        return self.at_temperature(0.0)

    def pieces(self, y: Array) -> tuple[Array, Array] | None:
        """Return the pieces of one output's trained loss where that is piecewise linear.

        Parameters
        ----------
        y : ndarray of shape (n_samples,)
            Encoded targets of the output.

        Returns
        -------
        pieces : (kinks, slopes) or None
            The raw predictions where each row's loss has a kink, ascending, shape (n_samples, m),
            and its slopes before, between and after them, shape (n_samples, m + 1).
        """
        return None

    def blocks(self, n_outputs: int) -> list[tuple[Loss, slice]]:
        """Split the outputs into blocks whose losses add up, so that they do not interact.

        Returns
        -------
        blocks : list of (Loss, slice)
            The loss of each block, and its outputs: one each if the loss is separable.
        """
        if not self.separable:
            return [(self, slice(0, n_outputs))]
        return [(self, slice(k, k + 1)) for k in range(n_outputs)]

    def span(self, delta: Array) -> Array:
        """Return how far a change of raw predictions is from one that leaves the curvature alone.

        Parameters
        ----------
        delta : ndarray of shape (..., K)
            The change.

        Returns
        -------
        span : ndarray of shape (...)
            The largest change of an output; or its range, where a shift of all is none.
        """
        if self.shift_invariant:
            return delta.max(axis=-1) - delta.min(axis=-1)
        return np.abs(delta[..., 0]) if delta.shape[-1] == 1 else np.abs(delta).max(axis=-1)

    def span_squared(self, gram: Array) -> Array:
        """Return the largest ``span(delta)²`` where ``deltaᵀ gram⁻¹ delta <= 1``.

        Parameters
        ----------
        gram : ndarray of shape (..., K, K)
            Of a row's predictions, such as a leverage.

        Returns
        -------
        squares : ndarray of shape (...)
            Their squares.
        """
        variances = np.einsum("...kk->...k", gram)
        if not self.shift_invariant:
            return variances.max(axis=-1)
        apart = variances[..., :, None] + variances[..., None, :] - 2 * gram
        return np.maximum(apart.max(axis=(-2, -1)), 0)

    def largest_change(self, raw: Array, y: Array, gram: Array) -> Array:
        """Return a bound on ``|loss(raw + delta) - loss(raw)|`` where ``deltaᵀ gram⁻¹ delta <= 1``.

        The loss is convex, and largest at an end: of every output, where these do not interact; and
        where a shift of all changes nothing, of what the others move from that of the row's class.

        Parameters
        ----------
        raw, y : ndarray of shape (..., K)
            Raw predictions and encoded targets.
        gram : ndarray of shape (..., K, K)
            What the change is within.

        Returns
        -------
        bound : ndarray of shape (...)
            It is nan where the outputs interact otherwise.
        """
        n_outputs = raw.shape[-1]
        variances = np.einsum("...kk->...k", gram)
        if self.separable or n_outputs == 1:
            radius = np.sqrt(np.maximum(variances, 0))
            units = np.eye(n_outputs, dtype=raw.dtype)
            ends = [radius[..., k, None] * units[k] for k in range(n_outputs)]
            return np.sum([self._further(raw, y, end) for end in ends], axis=0)
        if self.shift_invariant:
            own = np.argmax(y, axis=-1)[..., None]
            beside = np.take_along_axis(gram, own[..., None, :], axis=-2)[..., 0, :]
            apart = variances + np.take_along_axis(beside, own, axis=-1) - 2 * beside
            return self._further(raw, y, np.sqrt(np.maximum(apart, 0)))
        return np.full(np.broadcast_shapes(raw.shape, gram.shape[:-1])[:-1], np.nan)

    def _further(self, raw: Array, y: Array, delta: Array) -> Array:
        """Return the larger change of the loss at two opposite ends."""
        return np.maximum(np.abs(self.change(raw, y, delta)), np.abs(self.change(raw, y, -delta)))

    def width(self, raw: Array, y: Array) -> float:
        """Return the change of a prediction over which the curvature changes by its own size.

        It is 1 for losses of a logit or of a log mean, and for margins.
        """
        return 1.0


def sum_outputs(terms: Array) -> Array:
    """Return the sum over the last axis; without a pass over the terms where it has length 1."""
    return terms[..., 0] if terms.shape[-1] == 1 else terms.sum(axis=-1)


def positive_part(x: Array, width: float) -> Array:
    """Return ``max(x, 0)``, its kink smoothed: ``width log(1 + exp(x / width))``."""
    return width * anp.logaddexp(0.0, x / width) if width > 0 else anp.maximum(x, 0)


def slope_of_positive_part(x: Array, width: float) -> Array:
    """Return the first derivative of ``positive_part``; autograd's is the same, and slower."""
    return expit(x / width) if width > 0 else np.heaviside(x, x.dtype.type(0.5))


def curvature_of_positive_part(x: Array, width: float) -> Array:
    """Return the second derivative of ``positive_part``, all its digits where it is tiny."""
    return expit(x / width) * expit(-x / width) / width if width > 0 else np.zeros_like(x)


def diagonal(curvatures: Array) -> Array:
    """Return the diagonal matrices (n, K, K) of curvatures (n, K)."""
    return curvatures[:, :, None] * np.eye(curvatures.shape[1], dtype=curvatures.dtype)
