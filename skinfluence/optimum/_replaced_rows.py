"""Newton steps on the objective in which a row is another one, for many rows at once.

The curvature of the old row leaves H and that of the new one comes: with
``U = [J_oldᵀ, J_newᵀ]`` (P, 2K) and ``C = diag(-s A_old, s' A_new)``, where the weights of the
others stay,

    Δtheta = (H + U C Uᵀ)⁻¹ U u,      u = (s g_old, -s' g_new)                 (``_woodbury``)

a system of order 2K. Where the weights of others change, with the label of a row of balanced
classes, H is inverted again. The step is exact for squared error. Rows that one step does not
settle, and all rows where a norm holds parameters at zero or the prediction is curved, are followed
to the optimum by full steps.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .._blocks import row_blocks
from ..operators import Replacement
from ..problem import NewRows, Problem, replace_rows
from ..solvers import Inverse
from ._changed_objective import ChangedObjectives
from ._ends import Ends
from ._quasi_newton import dots
from ._woodbury import core, solve_core

#: Condition of the small systems from which a row's H is inverted again.
ILL_CONDITIONED = 1e6
#: Moves of the replaced row's own prediction that are let be, in units of ``settled`` widths: with
#: a small curvature before and after it does not show in the decrement.
OWN_MOVE = 2


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
    settled : float or None
        Share of its length by which a step may be off without the row being followed; None
        follows no row.
    """

    problem: Problem
    inverse: Inverse
    solver: Any
    settled: float | None = 0.05

    def ends(self, new: NewRows) -> Ends:
        """Return where the optimum goes when each row is replaced alone; nothing is certified."""
        P, K = len(self.problem.theta), self.problem.n_outputs
        ends = Ends.empty(len(new), P, self.problem.theta.dtype)
        row_bytes = 6 * K * P * ends.changes.itemsize
        for block in row_blocks(len(new), row_bytes, self.inverse.hessian.block_size):
            ends.changes[block] = self._block(new.take(block))
        return ends

    def _block(self, new):
        replacement = Replacement(self.problem, new)
        change, lost = self._woodbury(replacement)
        for i in np.flatnonzero(lost | replacement.reweighted):
            hessian = self.inverse.hessian.of(replace_rows(self.problem, new.take([i])))
            row = Replacement(self.problem, new.take([i])).dense()
            change[i] = (self.solver.invert(hessian) @ row.T)[:, 0]
        if self.settled is not None:
            for i in np.flatnonzero(self._unsettled(replacement, change)):
                replaced = replace_rows(self.problem, new.take([i]))
                change[i] = self._objectives.between_optima(replaced)
        return change

    @cached_property
    def _objectives(self):
        return ChangedObjectives(self.problem, self.inverse, self.solver)

    def _woodbury(self, replacement):
        """Return the steps, and which rows they are of no use for."""
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
        lost = ~(np.linalg.cond(system) < ILL_CONDITIONED)
        system[lost] = np.eye(order)
        pushes = solve_core(system, np.hstack([old.gradients, -new.gradients]))
        return np.einsum("pbk,bk->bp", solved, pushes), lost

    def _unsettled(self, replacement, change):
        """Tell which rows go on: predictions, or the row's own, move too far for one step."""
        problem = self.problem
        if problem.norm is not None or not problem.predictor.is_linear:
            return np.ones(len(change), dtype=bool)
        if problem.loss.quadratic:
            return np.zeros(len(change), dtype=bool)
        width, settled = problem.loss.width(problem.raw, problem.y), self.settled or 0.0
        squares = dots(replacement.dense(), change)
        limit = (settled * width) ** 2 * self._curvature
        sides = replacement.old, replacement.new
        own = [problem.predictor.row_jvp(side.X, change) for side in sides]
        far = np.abs(np.hstack(own)).max(axis=1) > OWN_MOVE * settled * width
        return far | ~((squares <= limit) & (squares >= 0))

    @cached_property
    def _curvature(self):
        """The curvature of an output summed over rows: its mean over outputs."""
        return float(np.einsum("nkk->", self.inverse.hessian.curvatures)) / self.problem.n_outputs
