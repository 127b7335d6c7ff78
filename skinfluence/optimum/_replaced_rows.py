"""Newton steps on the objective in which a row is another one, for many rows at once.

The curvature of the old row leaves H and that of the new one comes: with
``U = [J_oldᵀ, J_newᵀ]`` (P, 2K) and ``C = diag(-s A_old, s' A_new)``, where the weights of the
others stay,

    Δtheta = (H + U C Uᵀ)⁻¹ U u,      u = (s g_old, -s' g_new)                 (``_woodbury``)

a system of order 2K. Where the weights of others change, with the label of a row of balanced
classes, H is inverted again. The step is exact for squared error. How much a step leaves is bounded
as it is for a row that leaves (``_one_step``), the row that comes being one more that moves. Rows
of which that is too much, and all rows where a norm holds parameters at zero or the prediction is
curved, are followed to the optimum by full steps.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .._blocks import row_blocks
from ..changes import ChangedObjective
from ..operators import Replacement
from ..problem import NewRows, Problem, replace_rows, with_rows
from ..solvers import Inverse
from ._changed_objective import ChangedObjectives
from ._ends import Ends
from ._exactness import WORST, error_of, exact_to
from ._leave_one_out_system import LeaveOneOutSystem
from ._one_step import by_moves, by_reach
from ._quasi_newton import dots
from ._support_machines import SupportMachines
from ._woodbury import ChangedInverse, core, solve_core

#: Condition of the small systems from which a row's H is inverted again.
ILL_CONDITIONED = 1e6


@dataclass(frozen=True, eq=False)
class ReplacedRows:
    """Where the optimum goes when each row is replaced alone.

    Parameters
    ----------
    problem : Problem
        The fitted problem.
    inverse : Inverse
        H⁻¹ at its theta.
    solver : object with ``invert``
        Inverts H again where it must be.
    tolerance : float or None, default=0.05
        Relative error of a change, to which rows are followed; None follows no row.
    machines : SupportMachines or None, default=None
        The trained machines whose optima are gone to, where these can be followed exactly.
    short : float, default=0.0
        How far the fit is from its optimum, in the norm of H.
    """

    problem: Problem
    inverse: Inverse
    solver: Any
    tolerance: float | None = 0.05
    machines: SupportMachines | None = None
    short: float = 0.0

    def ends(self, new: NewRows) -> Ends:
        """Return where the optimum goes when each row is replaced alone."""
        P, K = len(self.problem.theta), self.problem.n_outputs
        ends = Ends.empty(len(new), P, self.problem.theta.dtype)
        row_bytes = 6 * K * P * ends.changes.itemsize
        for block in row_blocks(len(new), row_bytes, self.inverse.hessian.block_size):
            self._block(new.take(block), ends.part(block))
        return ends

    def _block(self, new, ends):
        replacement = Replacement(self.problem, new)
        ends.changes[:], conditions = self._woodbury(replacement)
        lost = ~(conditions < ILL_CONDITIONED) | replacement.reweighted
        if self._objectives.is_exact:
            self._solve(replacement, new, ends, conditions, lost)
            return
        for i in np.flatnonzero(lost):
            hessian = self.inverse.hessian.of(replace_rows(self.problem, new.take([i])))
            row = Replacement(self.problem, new.take([i])).dense()
            ends.changes[i] = (self.solver.invert(hessian) @ row.T)[:, 0]
        if not self._objectives.follows:
            return
        ends.certificates[:] = self._certificates(replacement, ends.changes)
        ends.proved[:] = ends.certificates <= self.tolerance
        removals = replacement.dense()
        for i in np.flatnonzero(~ends.proved):
            change = ChangedObjective(replace_rows(self.problem, new.take([i])), removals[i])
            ends.changes[i], ends.certificates[i], ends.proved[i] = self._objectives.end(change)

    def _solve(self, replacement, new, ends, conditions, lost):
        """Note which steps are exact: of those that may not be, the worst are looked at first."""
        ends.certificates[:], ends.proved[:] = 0.0, True
        removals = replacement.dense()

        def solve(i):
            change = ChangedObjective(replace_rows(self.problem, new.take([i])), removals[i])
            if lost[i]:
                return self._objectives.end(change)
            return self._objectives.solved(change, self._inverse_of(replacement, i))

        errors = np.where(lost, np.inf, error_of(self.inverse) * conditions)
        doubtful = np.argsort(-errors, kind="stable")[: np.sum(errors > exact_to(removals.dtype))]
        must, looked_at = np.count_nonzero(lost), np.count_nonzero(lost) + WORST
        for count, i in enumerate(doubtful):
            if count >= looked_at and np.all(ends.proved[doubtful[must:looked_at]]):
                break
            ends.changes[i], ends.certificates[i], ends.proved[i] = solve(i)

    def _inverse_of(self, replacement, i):
        """Return the inverse of H with one row replaced, by Woodbury."""
        X = with_rows(replacement.old.X[[i, i]], np.array([1]), replacement.new.X[[i]])
        before, after = (part[i] for part in replacement.curvatures)
        return ChangedInverse(self.inverse, X, np.stack([-before, after]))

    @cached_property
    def _objectives(self):
        known = self.problem, self.inverse, self.solver, self.tolerance
        return ChangedObjectives(*known, self.machines, self.short)

    @cached_property
    def _system(self):
        every = np.ones(self.problem.n_rows, dtype=bool)
        return LeaveOneOutSystem(every, self.problem, self.inverse)

    def _woodbury(self, replacement):
        """Return the steps, and the conditions of their systems."""
        predictor = self.problem.predictor
        old, new = replacement.old, replacement.new
        jacobian = np.hstack([predictor.jacobian(old.X), predictor.jacobian(new.X)])
        b, order, P = jacobian.shape
        solved = (self.inverse @ jacobian.reshape(-1, P).T).reshape(P, b, order)
        gram = np.einsum("bkp,pbl->bkl", jacobian, solved, optimize=True)
        K, (before, after) = order // 2, replacement.curvatures
        curvatures = np.zeros_like(gram)
        curvatures[:, :K, :K], curvatures[:, K:, K:] = -before, after
        system = core(curvatures, gram)
        conditions = np.linalg.cond(system)
        system[~(conditions < ILL_CONDITIONED)] = np.eye(order)
        pushes = solve_core(system, np.hstack([old.gradients, -new.gradients]))
        return np.einsum("pbk,bk->bp", solved, pushes), conditions

    def _certificates(self, replacement, change):
        """Return what is known of the error of one step, inf where that is nothing."""
        problem, system = self.problem, self._system
        every = problem.norm is not None or self.machines is not None
        if every or not problem.predictor.is_linear:
            return np.full(len(change), np.inf)
        if system.reaches is None:
            return np.full(len(change), np.inf)
        lengths = np.sqrt(np.maximum(dots(replacement.dense(), change), 0))
        new = problem.predictor.jacobian(replacement.new.X)
        solved = (self.inverse @ new.reshape(-1, new.shape[2]).T).T.reshape(new.shape)
        gram = np.einsum("bkp,blp->bkl", new, solved)
        own = problem.loss.self_concordance * np.sqrt(problem.loss.span_squared(gram))
        known = by_reach(replacement.rows, system, lengths, own)
        going = np.flatnonzero(~(known <= (self.tolerance or 0.0)))
        if len(going):
            part = replacement.rows[going], system, lengths[going]
            moves = problem.predictor.jvp(system.far_rows, change[going].T).transpose(2, 0, 1)
            known[going] = by_moves(*part, moves, own[going])
        return np.where(replacement.reweighted, np.inf, known)
