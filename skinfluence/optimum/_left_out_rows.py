"""Exact Newton steps on the objective without a row, for many rows at once.

Woodbury takes the row's own curvature out of H. With g, A the gradient and Hessian of row j's loss
in its raw prediction, s' its weight and ``P_j = J_j H⁻¹ J_jᵀ``,

    Δtheta_j = H⁻¹ (J_jᵀ u_j - Σ_d c_jd D_d),      u_j = (I - s' A P_j)⁻¹ s' (g + A δ_j)

which is the first-order line with s' g replaced by u_j. The shared directions D_d, and the change
δ_j of the row's own prediction that they cause, are zero unless classes are balanced; then H is
that of the changed weights. The step is exact for squared error. Rows that one step does not settle
are followed to their optimum (``_many_rows``, ``_active_set``).

Where the prediction is curved in theta, H is exact, the row's own share of it is its Gauss-Newton
block, ``s' J_jᵀ A_j J_j``, and predictions are evaluated at ``theta + Δtheta_j``.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from .._blocks import row_blocks
from ..operators import Removal
from ..problem import Problem
from ..solvers import Inverse
from ._active_set import EXACT, follow_active_sets, subgradient_left
from ._convergence import can_follow
from ._ends import Ends
from ._leave_one_out_system import LeaveOneOutSystem
from ._many_rows import follow, has_kinks, negligible, unsettled
from ._woodbury import smallest_singular_values, solve_core

#: Rows scored at once: enough for BLAS, few enough for their predictions to stay in the cache.
BLOCK_ROWS = 512


class FollowedRows:
    """The rows that were followed so far, and where they ended: a cache, and nothing else."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[np.ndarray, float]] = {}

    def missing(self, rows: np.ndarray) -> np.ndarray:
        """Return the distinct rows that were not followed yet."""
        return np.array([j for j in np.unique(rows) if j not in self._known], dtype=int)

    def add(self, rows: np.ndarray, ends: Ends) -> None:
        """Keep where rows ended."""
        pairs = zip(ends.changes, ends.certificates.tolist())
        self._known.update(zip(rows.tolist(), pairs))

    def among(self, rows: np.ndarray) -> np.ndarray:
        """Return where in ``rows`` those that were followed stand."""
        return np.array([i for i, j in enumerate(rows.tolist()) if j in self._known], dtype=int)

    def changes(self, rows: np.ndarray, n_parameters: int) -> np.ndarray:
        """Return the change of theta of rows that were followed, shape (n_rows, P)."""
        changes = [self._known[j][0] for j in rows.tolist()]
        return np.reshape(changes, (len(rows), n_parameters))

    def certificates(self, rows: np.ndarray) -> np.ndarray:
        """Return what was left to go of each row, nan for those that were not followed."""
        return np.array([self._known.get(j, (None, np.nan))[1] for j in rows.tolist()], dtype=float)


@dataclass(frozen=True, eq=False)
class LeftOutRows:
    """Where the optimum goes when each row is left out alone.

    Parameters
    ----------
    problem : Problem
        The fitted problem.
    inverse : Inverse
        H⁻¹ at its theta.
    solver : object with ``invert``
        Inverts H again where the removal of a row changes the weights of the others.
    tolerance : float or None, default=1e-4
        Rows that one step does not settle are followed until their residual, relative to their
        step, is below it, or below a tenth of ``settled``. None, damping and stochastic solvers
        take one step for every row.
    settled : float, default=0.05
        Share of its length by which a row's step may be off without the row being followed; 0
        follows every row.
    followed : FollowedRows
        Where rows that were followed are kept.
    """

    problem: Problem
    inverse: Inverse
    solver: Any
    tolerance: float | None = 1e-4
    settled: float = 0.05
    followed: FollowedRows = field(default_factory=FollowedRows)

    @cached_property
    def systems(self) -> list[LeaveOneOutSystem]:
        """Rows that share an H when they leave, with the inverse of that H."""
        parts = []
        for members, others in self.problem.leave_one_out_problems():
            inverse = self.inverse
            if others is not self.problem:
                inverse = self.solver.invert(self.inverse.hessian.of(others))
            if self._follows:
                small = negligible(self.problem, inverse, self.settled)
            else:
                small = np.zeros(self.problem.n_rows, dtype=bool)
            parts.append(LeaveOneOutSystem(members, self.problem, inverse, small))
        return parts

    def raw_changes(self, X: Any) -> Callable[[np.ndarray], Iterator[tuple[Any, np.ndarray]]]:
        """Return blocks of (positions, change of the raw predictions of X) for the given rows.

        The changes are of shape (m, b, K); positions index the rows.
        """
        m, K = X.shape[0], self.problem.n_outputs
        moved = self.problem.raw_changes
        if not self.problem.predictor.is_linear or m * K > self.problem.n_rows:
            return lambda rows: self._solved_for_rows(X, rows)
        # fewer questions than training rows: solve for the questions
        jacobian = self.problem.predictor.jacobian(X).reshape(m * K, -1)
        solved = [system.inverse @ jacobian.T for system in self.systems]

        def blocks(rows):
            for part, positions, steps in self._steps(rows):
                for block in row_blocks(len(positions), 1, BLOCK_ROWS):
                    product = (steps.part(block) @ solved[part]).T
                    yield positions[block], product.reshape(m, K, -1).transpose(0, 2, 1)
            positions = self.followed.among(rows)
            if len(positions):
                yield positions, moved(X, self._followed_changes(rows[positions]))

        return blocks

    def _solved_for_rows(self, X, rows):
        changes = self.changes(rows)
        for block in row_blocks(len(rows), 1, BLOCK_ROWS):
            yield np.r_[block], self.problem.raw_changes(X, changes[block])

    def changes(self, rows: np.ndarray) -> np.ndarray:
        """Return the change of theta without each row, shape (n_rows, P)."""
        change = np.empty((len(rows), len(self.problem.theta)), dtype=self.problem.theta.dtype)
        for part, positions, steps in self._steps(rows):
            change[positions] = self.systems[part].solve(steps)
        positions = self.followed.among(rows)
        change[positions] = self._followed_changes(rows[positions])
        return change

    def own_raw_changes(self, rows: np.ndarray) -> np.ndarray:
        """Return the change of every row's own raw prediction, ``P_j u_j + δ_j``; (n_rows, K)."""
        if not self.problem.predictor.is_linear:
            return self.problem.own_raw_changes(rows, self.changes(rows))
        change = np.empty((len(rows), self.problem.n_outputs), dtype=self.problem.theta.dtype)
        for part, positions, steps in self._steps(rows):
            change[positions] = steps.own_change(self.systems[part].inverse)
        positions = self.followed.among(rows)
        own = rows[positions]
        change[positions] = self.problem.own_raw_changes(own, self._followed_changes(own))
        return change

    def _followed_changes(self, rows):
        return self.followed.changes(rows, len(self.problem.theta))

    def _steps(self, rows):
        """Yield (part, positions in rows, R with u_j in place of s' g), and follow where needed."""
        reweighting = self.problem.reweighting
        reweighting.own_weights(self.problem.weights, rows)  # raises where a class would be lost
        for part, system in enumerate(self.systems):
            positions = np.flatnonzero(system.members[rows])
            if len(positions):
                steps = self._step(rows[positions], system)
                self._settle(rows[positions], system, steps)
                yield part, positions, steps

    def _step(self, rows, system):
        removal = Removal(self.problem, rows)
        curvatures = system.own_curvatures(rows)
        shared = removal.shared_change(system.inverse)
        own = removal.own.gradients + np.einsum("nkl,nl->nk", curvatures, shared)
        left = system.left(rows)
        _require_support(left, rows)
        return removal.with_own(solve_core(left, own))

    @property
    def _follows(self):
        """Whether there is an optimum to follow to, and an inverse to do it with."""
        exact = self.problem.loss.quadratic and self.problem.norm is None
        exact = exact and self.problem.predictor.is_linear
        exact = exact and (self.problem.mass is None or not self.problem.penalty.any())
        return not exact and can_follow(self.problem, self.inverse, self.tolerance)

    def _settle(self, rows, system, steps):
        """Follow the rows that one step does not settle, unless that is done already."""
        if not self._follows:
            return
        new = self.followed.missing(rows[self._unsettled(rows, system, steps)])
        if not len(new):
            return
        if self.problem.norm is None:
            steps = self._step(new, system)
            ends = follow(new, system, steps, self.solver, self._residual_tolerance)
        else:
            ends = follow_active_sets(new, system, self.solver)
        self.followed.add(new, ends)

    @property
    def _residual_tolerance(self):
        """Residual to follow rows to, relative to their first step."""
        tolerance = self.tolerance or 0.0
        return tolerance if has_kinks(self.problem) else max(tolerance, self.settled / 10)

    def _unsettled(self, rows, system, steps):
        """Tell which rows one step does not settle."""
        if self.problem.norm is not None:
            let_be = EXACT if self.problem.loss.quadratic else self.settled / 5
            return subgradient_left(rows, system, system.solve(steps)) > let_be
        uneven = system.uneven(rows)
        if not self.problem.predictor.is_linear:  # how far a step may go is not free to know
            return np.ones(len(rows), dtype=bool)
        if self.problem.loss.quadratic:
            return uneven
        return uneven | unsettled(rows, system, steps, self.settled)


def _require_support(left, rows):
    """Raise ValueError where a row alone determines some parameter, so that its leverage is 1."""
    alone = ~(smallest_singular_values(left) > 100 * np.finfo(left.dtype).eps)
    if np.any(alone):
        raise ValueError(
            f"Row(s) {rows[alone][:5].tolist()} have leverage 1: they alone determine some "
            "parameter, and the fit without them is not unique. Add a penalty or `damping`, leave "
            'them out of `rows`, or use method="retrain".'
        )
