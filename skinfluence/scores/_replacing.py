"""Newton steps on the objective in which a row is another one.

The curvature of the old row leaves H and that of the new one comes: with
``U = [J_oldᵀ, J_newᵀ]`` (P, 2K) and ``C = diag(-s A_old, s' A_new)``, where the weights of the
others stay,

    Δtheta = (H + U C Uᵀ)⁻¹ U u = H⁻¹ U (I + C Uᵀ H⁻¹ U)⁻¹ u,      u = (s g_old, -s' g_new)

a system of order 2K (Woodbury 1950). Where they change, with the label of a row of balanced
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
from ..problems import Problem, replace_rows
from ._convergence import refine
from ._quasi_newton import dots

#: Condition of the small systems from which a row's H is inverted again.
ILL_CONDITIONED = 1e6
#: Moves of the replaced row's own prediction that are let be, in units of ``settled`` widths: with
#: a small curvature before and after it does not show in the decrement.
OWN_MOVE = 2


@dataclass(frozen=True, eq=False)
class Replacing:
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
    inverse: Any
    solver: Any
    settled: float | None = 0.05

    def changes(self, new):
        """Return the change of theta when each row is replaced alone, shape (n_rows, P)."""
        P, K = len(self.problem.theta), self.problem.n_outputs
        changes = np.empty((len(new), P), dtype=self.problem.theta.dtype)
        row_bytes = 6 * K * P * changes.itemsize
        for block in row_blocks(len(new), row_bytes, self.inverse.hessian.block_size):
            changes[block] = self._block(new.take(block))
        return changes

    def _block(self, new):
        replacement = Replacement(self.problem, new)
        change, open_ = self._woodbury(replacement)
        for i in np.flatnonzero(open_ | replacement.reweighted):
            hessian = self.inverse.hessian.of(replace_rows(self.problem, new.take([i])))
            row = Replacement(self.problem, new.take([i])).dense()
            change[i] = (self.solver.invert(hessian) @ row.T)[:, 0]
        if self.settled is not None:
            for i in np.flatnonzero(self._unsettled(replacement, change)):
                change[i] = self._follow(new.take([i]))
        return change

    def _woodbury(self, replacement):
        """Return the steps, and which rows they are of no use for."""
        predictor = self.problem.predictor
        old, new = replacement.old, replacement.new
        jacobian = np.hstack([predictor.jacobian(old.X), predictor.jacobian(new.X)])
        b, order, P = jacobian.shape
        solved = (self.inverse @ jacobian.reshape(-1, P).T).reshape(P, b, order)
        gram = np.einsum("bkp,pbl->bkl", jacobian, solved, optimize=True)
        K, (before, after) = order // 2, replacement.curvatures
        system = np.concatenate([-before @ gram[:, :K], after @ gram[:, K:]], axis=1)
        system += np.eye(order, dtype=system.dtype)
        pushes = np.hstack([old.gradients, -new.gradients])
        open_ = ~(np.linalg.cond(system) < ILL_CONDITIONED)
        system[open_] = np.eye(order)
        pushes = np.linalg.solve(system, pushes[:, :, None])[:, :, 0]
        return np.einsum("pbk,bk->bp", solved, pushes), open_

    def _unsettled(self, replacement, change):
        """Tell which rows go on: predictions, or the row's own, move too far for one step."""
        problem = self.problem
        if problem.norm is not None or problem.predictor.curved:
            return np.ones(len(change), dtype=bool)
        if problem.loss.quadratic:
            return np.zeros(len(change), dtype=bool)
        width = problem.loss.width(problem.raw, problem.y)
        squares = dots(replacement.dense(), change)
        limit = (self.settled * width) ** 2 * self._curvature
        sides = replacement.old, replacement.new
        own = [problem.predictor.row_jvp(side.X, change) for side in sides]
        far = np.abs(np.hstack(own)).max(axis=1) > OWN_MOVE * self.settled * width
        return far | ~((squares <= limit) & (squares >= 0))

    @cached_property
    def _curvature(self):
        """The curvature of an output summed over rows: its mean over outputs."""
        return float(np.einsum("nkk->", self.inverse.hessian.curvatures)) / self.problem.n_outputs

    @cached_property
    def _optimum(self):
        return refine(self.problem, self.solver).theta

    def _follow(self, new):
        """Return the change between the optima with the old row and with the new one."""
        replaced = replace_rows(self.problem, new).at(self._optimum)
        return refine(replaced, self.solver).theta - self._optimum
