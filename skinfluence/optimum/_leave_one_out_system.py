"""The leave-one-out system: H without a row, and the gradient of the objective without it.

    H_{-j}⁻¹ = H⁻¹ + H⁻¹ J_jᵀ (I - s'A P_j)⁻¹ s'A J_j H⁻¹                (``_woodbury``)
    F'_{-j}(theta + Δ) = -R_j + Σ_{i≠j} s'_i J_iᵀ (g_i(theta + Δ) - g_i(theta)) + penalty' Δ

The gradient that a fit left at theta is not in it: what is followed is the removal.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .._blocks import row_blocks, take_rows
from ..operators import Removal
from ..problem import Problem
from ..solvers import Inverse
from ._woodbury import core, solve_core

#: Rows of the data in a block, and the numbers a block of predictions may hold besides.
BLOCK_ROWS, IN_CACHE = 512, 2**16
#: Difference of the share of the penalty that a row takes, from the mean share, that is let be.
UNEVEN = 1e-3


@dataclass(frozen=True, eq=False)
class LeaveOneOutSystem:
    """Rows that leave the same H behind, each left out alone.

    Parameters
    ----------
    members : ndarray of bool of shape (n,)
        The rows.
    problem : Problem
        The fitted problem.
    inverse : Inverse
        H⁻¹ with the weights that the others have when a member has left.
    negligible : ndarray of bool of shape (n,)
        Rows whose leverage is left out of their step.
    """

    members: np.ndarray
    problem: Problem
    inverse: Inverse
    negligible: np.ndarray

    def solve(self, removal):
        """Return H⁻¹ Rᵀ, one row a row of R; shape (n_rows, P)."""
        return (self.inverse @ removal.dense().T).T

    def own_curvatures(self, rows):
        """Return s'_j A_j as it stands in H, shape (n_rows, K, K)."""
        return self.inverse.hessian.curvatures[rows]

    def left(self, rows):
        """Return I - s'_j A_j P_j, shape (n_rows, K, K)."""
        matters = ~self.negligible[rows]
        left = np.tile(np.eye(self.problem.n_outputs), (len(rows), 1, 1))
        curvatures = self.own_curvatures(rows[matters])
        left[matters] = core(-curvatures, self.inverse.leverages(rows[matters]))
        return left

    def solve_without(self, rows, residual):
        """Return H_{-j}⁻¹ residual_j, one row a row; shape (n_rows, P)."""
        predictor, X = self.problem.predictor, take_rows(self.problem.X, rows)
        own = predictor.row_jvp(X, (self.inverse @ residual.T).T)
        curved = np.einsum("nkl,nl->nk", self.own_curvatures(rows), own)
        added = predictor.row_gradients(X, solve_core(self.left(rows), curved))
        return (self.inverse @ (residual + added).T).T

    def residual(self, rows, change):
        """Return F'_{-j}(theta + Δ_j) for Δ = ``change``, one row a row; shape (n_rows, P)."""
        problem, b = self.problem, len(rows)
        if not problem.predictor.is_linear:
            return self._nonlinear_residual(rows, change)
        weights, own = weights_of_others(problem, rows), np.arange(b)
        kept = 1 - problem.penalty_shares(rows)[:, None]
        residual = kept * problem.penalty * change - Removal(problem, rows).dense()
        row_bytes = 6 * b * problem.n_outputs * change.itemsize
        at_most = max(BLOCK_ROWS, IN_CACHE // (b * problem.n_outputs))
        for block in row_blocks(problem.n_rows, row_bytes, at_most=at_most):
            X, y = problem.X[block], problem.y[block, None]
            raw = problem.predictor.jvp(X, change.T).transpose(0, 2, 1)
            raw += problem.raw[block, None]
            pull = problem.loss.gradient(raw, y)
            pull -= problem.gradients[block, None]
            pull *= weights[block, :, None]
            here = (rows >= block.start) & (rows < block.stop)
            pull[rows[here] - block.start, own[here]] = 0
            residual += problem.predictor.vjp(X, pull.transpose(0, 2, 1)).T
        return residual

    def _nonlinear_residual(self, rows, change):
        """Return the same, one gradient of the whole objective a row."""
        problem, residual = self.problem, np.empty_like(change)
        index, left_over = np.arange(problem.n_rows), problem.gradient()
        for i, row in enumerate(rows):
            moved = problem.without(index == row).at(problem.theta + change[i])
            residual[i] = moved.gradient() - left_over
        return residual

    def uneven(self, rows):
        """Tell which rows leave another share of the penalty behind than H has it, by 1e-3."""
        problem = self.problem
        if problem.mass is None or not problem.penalty.any():
            return np.zeros(len(rows), dtype=bool)
        kept = self.inverse.hessian.problem.penalty.max() / problem.penalty.max()
        return np.abs(1 - problem.penalty_shares(rows) - kept) > UNEVEN

    @cached_property
    def curvature(self):
        """Σ_i s'_i tr A_i, the curvature of an output summed over rows: its mean over outputs."""
        curvatures = self.inverse.hessian.curvatures
        return float(np.einsum("nkk->", curvatures)) / curvatures.shape[1]


def weights_of_others(problem, rows):
    """Return the weights of the others once each of ``rows`` has left, (n, n_rows) or (n, 1)."""
    reweighting = problem.reweighting
    ratios = 1 + reweighting.coefficients(rows) @ reweighting.memberships()
    ratios = ratios.T.astype(problem.weights.dtype)
    return problem.weights[:, None] * (ratios if ratios.shape[0] > 1 else 1)
