"""Minimise the objective without a row, for many rows at once.

Polak-Ribière conjugate gradients, preconditioned by the inverse Hessian without the row at theta,
with a line search that needs gradients only. With r the residual gradient and z = H_{-j}⁻¹ r,

    d ← -z + max(0, r·(z - z_old) / r_old·z_old) d,        Δ ← Δ + t d,    F'(Δ + t d)·d ≈ 0

Predictions are linear in theta, so a line search moves along ``raw + t J d`` and never touches X.
The gradient that a fit left at theta is taken off throughout: what is followed is the removal.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..operators import Removal
from ._quasi_newton import dots
from ._surrounding import weights_of_others

#: Directions a row may take before it is left to full Newton steps.
MAX_DIRECTIONS = 30
#: A length is accepted where the slope has fallen to this share of the first.
SLOPE = 0.1


@dataclass(eq=False)
class Descent:
    """The state of rows that are being left out; build it with ``Descent.start``.

    Parameters
    ----------
    rows : ndarray of int of shape (b,)
        The rows, each left out alone.
    surrounding : Surrounding
        The problem, and the inverse that preconditions.
    weights : ndarray of shape (n, b)
        Weights of all rows once each has left.
    change : ndarray of shape (b, P)
        Δ, the change of theta so far.
    raw : ndarray of shape (n, b, K)
        Raw predictions of all rows at theta + Δ.
    residual, step : ndarray of shape (b, P)
        The gradient at theta without each row, and H_{-j}⁻¹ times it.
    left_over : ndarray of shape (P,)
        Gradient of the full objective at theta, 0 if the fit converged.
    """

    rows: np.ndarray
    surrounding: Any
    weights: np.ndarray
    change: np.ndarray
    raw: np.ndarray
    residual: np.ndarray
    step: np.ndarray
    left_over: np.ndarray

    @classmethod
    def start(cls, rows, surrounding, steps):
        """Begin at theta, where the gradient is -R and the first direction the Newton step."""
        problem = surrounding.problem
        change = np.zeros((len(rows), len(problem.theta)), dtype=problem.theta.dtype)
        raw = np.repeat(problem.raw[:, None], len(rows), axis=1)
        weights = np.broadcast_to(weights_of_others(problem, rows), raw.shape[:2]).copy()
        weights[rows, np.arange(len(rows))] = 0
        removal, newton = Removal(problem, rows).dense(), surrounding.solve(steps)
        left_over = problem.gradient()
        return cls(rows, surrounding, weights, change, raw, -removal, -newton, left_over)

    @property
    def first(self):
        """Squared decrement of the first step, shape (b,)."""
        first = dots(self.residual, self.step)
        return np.where(first > 0, first, 1)

    def run(self, tolerance):
        """Descend until the residuals are below ``tolerance`` of the first.

        Returns
        -------
        change : ndarray of shape (b, P)
            Δ, after the step that the last residual asks for where that is small.
        certificates : ndarray of shape (b,)
            The last residual, relative to the first.
        """
        active, direction = np.arange(len(self.rows)), np.zeros_like(self.change)
        residual, step, first = self.residual, self.step, self.first
        squares, certificates = first, np.ones(len(self.rows))
        for _ in range(MAX_DIRECTIONS):
            direction = direction - step
            gradients = self._search(active, direction, residual)
            new = self._residual(active, gradients)
            new_step = self.surrounding.solve_without(self.rows[active], new)
            new_squares = np.maximum(dots(new, new_step), 0)
            certificates[active] = np.sqrt(new_squares / first)
            going = ~(new_squares <= tolerance**2 * first)
            self.change[active[~going]] -= new_step[~going]
            if not going.any():
                break
            ratio = (new_squares - dots(new, step)) / np.where(squares > 0, squares, 1)
            direction = np.maximum(ratio, 0)[:, None] * direction
            downhill = dots(new, direction - new_step) < 0
            direction[~downhill] = 0
            active, direction, residual = active[going], direction[going], new[going]
            step, squares, first = new_step[going], new_squares[going], first[going]
        return self.change, certificates

    def _search(self, active, direction, residual):
        """Move along each direction to where the slope is nearly 0; return gradients there."""
        problem = self.surrounding.problem
        moved = problem.predictor.jvp(problem.X, direction.T).transpose(0, 2, 1)
        bend = dots(direction, self._penalty(active) * direction)
        slope = dots(residual, direction)
        linear = dots(direction, self._penalty_gradient(active))
        low, slope_low = np.zeros_like(slope), slope
        high, slope_high = np.full_like(slope, np.inf), np.full_like(slope, np.inf)
        length, raw = np.ones_like(slope), self.raw[:, active]
        for _ in range(12):
            gradients = self._gradients(active, raw + length[:, None] * moved)
            now = np.einsum("nbk,nbk->b", gradients, moved) + linear + length * bend
            if np.all(np.abs(now) <= SLOPE * np.abs(slope)):
                break
            short = now < 0
            low, slope_low = np.where(short, length, low), np.where(short, now, slope_low)
            high, slope_high = np.where(short, high, length), np.where(short, slope_high, now)
            settled = np.abs(now) <= SLOPE * np.abs(slope)
            length = np.where(settled, length, _next_length(low, slope_low, high, slope_high))
        else:
            gradients = self._gradients(active, raw + length[:, None] * moved)
        self.change[active] += length[:, None] * direction
        self.raw[:, active] = raw + length[:, None] * moved
        return gradients

    def _gradients(self, active, raw):
        """Return the weighted gradients of all rows' losses, (n, b, K)."""
        problem = self.surrounding.problem
        return problem.loss.gradient(raw, problem.y[:, None]) * self.weights[:, active, None]

    def _residual(self, active, gradients):
        """Return the gradient of the objective without each row, (b, P)."""
        problem = self.surrounding.problem
        data = problem.predictor.vjp(problem.X, gradients.transpose(0, 2, 1)).T
        return data + self._penalty_gradient(active)

    def _penalty_gradient(self, active):
        problem = self.surrounding.problem
        gradient = self._penalty(active) * (problem.theta + self.change[active])
        return gradient - self.left_over

    def _penalty(self, active):
        """Return the diagonal of the penalty's Hessian without each row, (b, P)."""
        problem = self.surrounding.problem
        return problem.penalty * (1 - problem.penalty_shares(self.rows[active]))[:, None]


def _next_length(low, slope_low, high, slope_high):
    """Return twice ``low`` while there is no upper end, then the secant, kept off the ends."""
    bracketed = np.isfinite(high)
    width = np.where(bracketed, high - low, 1)
    share = np.where(bracketed, -slope_low / np.where(bracketed, slope_high - slope_low, 1), 0)
    return np.where(bracketed, low + np.clip(share, 0.1, 0.9) * width, 2 * low)
