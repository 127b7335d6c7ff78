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
from ._certificate import curvature_missed, distance
from ._convergence import newton_decrement
from ._quasi_newton import dots
from ._woodbury import core, solve_core

#: Rows of the data in a block, and the numbers a block of predictions may hold besides.
BLOCK_ROWS, IN_CACHE = 512, 2**16
#: Of how many rows one is taken for far from the others, its moves being found exactly.
FAR = 20
#: Relative difference of the H that a row leaves from the one that is shared, that is let be.
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
    short : float, default=0.0
        How far the fit is from its optimum, in the norm of H.
    """

    members: np.ndarray
    problem: Problem
    inverse: Inverse
    short: float = 0.0

    def solve(self, removal):
        """Return H⁻¹ Rᵀ, one row a row of R; shape (n_rows, P)."""
        return (self.inverse @ removal.dense().T).T

    def own_curvatures(self, rows):
        """Return s'_j A_j as it stands in H, shape (n_rows, K, K)."""
        return self.inverse.hessian.curvatures[rows]

    def left(self, rows):
        """Return I - s'_j A_j P_j, shape (n_rows, K, K)."""
        return core(-self.own_curvatures(rows), self.inverse.leverages(rows))

    def kept(self, rows):
        """Return the least share of H that each row leaves of it, ``1 - ℓ_j``; shape (n_rows,).

        ℓ_j is the largest eigenvalue of ``s'_j A_j P_j``: H₋ is at least ``(1 - ℓ_j) H``.
        """
        left = self.left(rows)
        if left.shape[1] == 1:
            return left[:, 0, 0].astype(float)
        return np.linalg.eigvals(left).real.min(axis=1)

    def solve_without(self, rows, residual):
        """Return H_{-j}⁻¹ residual_j, one row a row; shape (n_rows, P)."""
        predictor, X = self.problem.predictor, take_rows(self.problem.X, rows)
        own = predictor.row_jvp(X, (self.inverse @ residual.T).T)
        curved = np.einsum("nkl,nl->nk", self.own_curvatures(rows), own)
        added = predictor.row_gradients(X, solve_core(self.left(rows), curved))
        return (self.inverse @ (residual + added).T).T

    def residual(self, rows, change):
        """Return F'_{-j}(theta + Δ_j) for Δ = ``change``, and how far predictions have moved.

        Returns
        -------
        residual : ndarray of shape (n_rows, P)
        span : ndarray of shape (n_rows,)
            The largest ``M |J_i Δ_j|``; nan where the loss has no M.
        """
        problem, b = self.problem, len(rows)
        if not problem.predictor.is_linear:
            return self._nonlinear_residual(rows, change), np.full(b, np.nan)
        concordance, spans = problem.loss.self_concordance, np.zeros(b)
        weights, own = weights_of_others(problem, rows), np.arange(b)
        kept = 1 - problem.penalty_shares(rows)[:, None]
        residual = kept * problem.penalty * change - Removal(problem, rows).dense()
        row_bytes = 6 * b * problem.n_outputs * change.itemsize
        at_most = max(BLOCK_ROWS, IN_CACHE // (b * problem.n_outputs))
        for block in row_blocks(problem.n_rows, row_bytes, at_most=at_most):
            X, y = problem.X[block], problem.y[block, None]
            raw = problem.predictor.jvp(X, change.T).transpose(0, 2, 1)
            here = (rows >= block.start) & (rows < block.stop)
            if concordance is not None:
                span = problem.loss.span(raw)
                span[rows[here] - block.start, own[here]] = 0
                np.maximum(spans, span.max(axis=0), out=spans)
            raw += problem.raw[block, None]
            pull = problem.loss.gradient(raw, y)
            pull -= problem.gradients[block, None]
            pull *= weights[block, :, None]
            pull[rows[here] - block.start, own[here]] = 0
            residual += problem.predictor.vjp(X, pull.transpose(0, 2, 1)).T
        return residual, spans * (np.nan if concordance is None else concordance)

    def missed(self, rows, change):
        """Return a bound on what a quadratic misses of the moves by Δ_j = ``change``.

        It takes one product with the data, where the residual takes two.

        Returns
        -------
        squares : ndarray of shape (n_rows,)
            At least ``Σ_i φ(M |d_i|)² s'_i d_iᵀ A_i d_i`` of the moves d_i of the other rows: in a
            block of them φ(x) / x, which rises, is taken where x is largest.
        span : ndarray of shape (n_rows,)
            The largest ``M |d_i|``.
        """
        problem, own = self.problem, np.arange(len(rows))
        concordance = problem.loss.self_concordance
        squares, spans = np.zeros((2, len(rows)))
        row_bytes = 6 * len(rows) * problem.n_outputs * change.itemsize
        for block in row_blocks(problem.n_rows, row_bytes, at_most=BLOCK_ROWS):
            moves = problem.predictor.jvp(problem.X[block], change.T).transpose(0, 2, 1)
            here = (rows >= block.start) & (rows < block.stop)
            moves[rows[here] - block.start, own[here]] = 0
            moves[problem.weights[block] == 0] = 0
            curvatures = self.own_curvatures(block)
            if problem.n_outputs == 1:
                square = np.square(moves[..., 0], out=moves[..., 0])
                largest = np.sqrt(square.max(axis=0, initial=0))
                fourth = curvatures[:, 0, 0] @ np.square(square, out=square)
            else:
                span = problem.loss.span(moves)
                largest = span.max(axis=0, initial=0)
                curved = np.einsum("nbk,nkl,nbl->nb", moves, curvatures, moves, optimize=True)
                fourth = np.einsum("nb,nb->b", span**2, curved)
            largest = concordance * largest.astype(float)
            np.maximum(spans, largest, out=spans)
            rise = curvature_missed(largest) / np.where(largest > 0, largest, 1)
            squares += (rise * concordance) ** 2 * fourth
        return squares, spans

    def lengths(self, rows, change):
        """Return ``‖Δ_j‖`` in the norm of H₋ for Δ = ``change``; shape (n_rows,)."""
        return np.sqrt(np.maximum(dots(change, self.curve(rows, change)), 0))

    def curve(self, rows, change):
        """Return ``H₋ Δ_j``, one row a row; shape (n_rows, P)."""
        predictor, X = self.problem.predictor, take_rows(self.problem.X, rows)
        own = np.einsum("nkl,nl->nk", self.own_curvatures(rows), predictor.row_jvp(X, change))
        return (self.inverse.hessian @ change.T).T - predictor.row_gradients(X, own)

    def _nonlinear_residual(self, rows, change):
        """Return the same, one gradient of the whole objective a row."""
        problem, residual = self.problem, np.empty_like(change)
        index, left_over = np.arange(problem.n_rows), problem.gradient()
        for i, row in enumerate(rows):
            moved = problem.without(index == row).at(problem.theta + change[i])
            residual[i] = moved.gradient() - left_over
        return residual

    def uneven(self, rows):
        """Return by how much the H that each row leaves differs from the members', relative.

        The penalty that it takes along may differ, and the class weights that it leaves: where
        every term of H₋ is within a factor 1 ± u of the shared one's, so is H₋, and of its own
        length a step is off by u / (1 - u) at most.
        """
        problem, shared = self.problem, self.inverse.hessian.problem
        off = np.zeros(len(rows))
        if problem.mass is not None and problem.penalty.any():
            kept = shared.penalty.max() / problem.penalty.max()
            off = np.abs(1 - problem.penalty_shares(rows) - kept) / kept
        classes = problem.reweighting.memberships()
        if len(classes):
            left = 1 + problem.reweighting.coefficients(rows)
            of_class = (classes & (problem.weights > 0)).argmax(axis=1)
            taken = shared.weights[of_class] / problem.weights[of_class]
            off = np.maximum(off, np.abs(left / taken - 1).max(axis=1))
        return np.where(off < 1, off / np.where(off < 1, 1 - off, 1), np.inf)

    def left_by_fit(self, rows, lengths):
        """Return what each change may be off by since the fit stopped short, relative to it.

        Before and after the change the optimum is as far as that from where it is told to be.

        Returns
        -------
        plain : ndarray of shape (n_rows,)
            In the norm of H₋ at the fit.
        grown : ndarray of shape (n_rows,)
            As H may fall on the way; inf where it may vanish.
        """
        plain = self._in_units(2 * self.short, rows, lengths)
        reach = np.nan_to_num(self.reach(rows, lengths), nan=0.0)
        return plain, distance(plain, reach, reach)

    def fit_residual(self, rows, lengths):
        """Return the length of the gradient that the fit left in H₋, in units of ``lengths``; (b,).

        It is no part of what is followed. Where H falls on the way by as much as that is small, as
        without the only row of a class, the optimum that is followed to is made of it.
        """
        return self._in_units(self.decrement, rows, lengths)

    @cached_property
    def decrement(self):
        """Length of the gradient that the fit left, in H."""
        return newton_decrement(self.problem, self.inverse)

    def _in_units(self, distance, rows, lengths):
        """Return what a distance in H is in H₋ at most, in units of ``lengths``; (n_rows,)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return distance / (lengths * np.sqrt(np.maximum(self.kept(rows), 0)))

    @cached_property
    def reaches(self):
        """``M √h_i``: how far row i's prediction moves, in M, by a change of length 1 in H; (n,).

        None where the loss has no M, or H has neither a factor nor a ridge to tell it by. Rows of
        no weight do not count.
        """
        problem, inverse = self.problem, self.inverse
        concordance = problem.loss.self_concordance
        if concordance is None or not problem.predictor.is_linear:
            return None
        if inverse.order is not None:
            squares = problem.loss.span_squared(inverse.leverages(np.arange(problem.n_rows)))
        elif inverse.leverage_bounds is not None:
            squares = inverse.leverage_bounds
        else:
            return None
        reaches = concordance * np.sqrt(np.maximum(squares.astype(float), 0))
        return np.where(problem.weights > 0, reaches, 0)

    def moves_of_far(self, removal):
        """Return the change by H⁻¹ Rᵀ of the predictions of the far rows, (b, n_far, K)."""
        moves = removal @ self._solved_for_far
        return moves.reshape(len(moves), -1, self.problem.n_outputs)

    @property
    def far_rows(self):
        """The rows of the largest reach, in that order, as the predictor takes them."""
        weighted = np.count_nonzero(self.problem.weights)
        return take_rows(self.problem.X, self.in_order[: weighted // FAR + 1])

    @cached_property
    def _solved_for_far(self):
        jacobian = self.problem.predictor.jacobian(self.far_rows)
        return self.inverse @ jacobian.reshape(-1, jacobian.shape[2]).T

    def reach(self, rows, lengths, own=0.0, after=0):
        """Return b, a bound on ``M |J_i Δ|`` of the other rows for a Δ of some length in H₋.

        Parameters
        ----------
        rows, lengths : ndarray of shape (b,)
            The rows that leave, and the lengths.
        own : float or ndarray of shape (b,), default=0.0
            ``M √h`` of a row that comes in place of each.
        after : int, default=0
            Of the rows that come after so many in the order of reach.
        """
        if self.reaches is None:
            return np.full(len(rows), np.nan)
        order = self.in_order[after : after + 2]
        largest = np.append(self.reaches[order], [0, 0])
        others = np.where(rows == order[0], largest[1], largest[0]) if len(order) else 0.0
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.maximum(others, own) * lengths / np.sqrt(np.maximum(self.kept(rows), 0))

    @cached_property
    def in_order(self):
        """The rows in the order of their reach, the largest first."""
        return np.argsort(-self.reaches, kind="stable")


def weights_of_others(problem, rows):
    """Return the weights of the others once each of ``rows`` has left, (n, n_rows) or (n, 1)."""
    reweighting = problem.reweighting
    ratios = 1 + reweighting.coefficients(rows) @ reweighting.memberships()
    ratios = ratios.T.astype(problem.weights.dtype)
    return problem.weights[:, None] * (ratios if ratios.shape[0] > 1 else 1)
