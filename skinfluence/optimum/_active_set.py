"""Where a norm holds parameters at zero: does the removal of a row change the active set?

With the active set of theta the objective is smooth, and the Newton step is taken there. It is
right as long as the set is that of the new optimum: no group in it passes zero, and no group that
is held is pulled harder than its strength. Both are read off the shortest subgradient at the end of
the step, which is zero at the optimum and only there; rows where it is not are followed by proximal
Newton steps.
"""

import numpy as np

from .._blocks import row_blocks
from ..operators import Removal
from ._ends import Ends
from ._newton_steps import refine, to_optimum
from ._quasi_newton import dots

#: Largest subgradient left by a step that is exact with its active set, relative to the row's own
#: push: anything more shows another set.
EXACT = 1e-7


def subgradient_left(rows, system, change):
    """Return the subgradient left by each row's step, over its push; ``change`` is (n_rows, P).

    It is the larger of two ratios: of the largest entries, and of the lengths in H₋⁻¹, which is
    that of the step that is left over the one that was taken. What the fit left at theta is let be.
    """
    problem, norm = system.problem, system.inverse.hessian.problem.norm
    left_over = 2 * np.abs(problem.gradient()).max()
    base, penalty = problem.smooth_gradient(), problem.norm.gradient(problem.theta)
    left = np.zeros(len(rows))
    for block in row_blocks(len(rows), 16 * change.itemsize * change.shape[1]):
        shares = problem.penalty_shares(rows[block])[:, None]
        residual, _ = system.residual(rows[block], change[block])
        smooth = base + shares * penalty + residual
        rest = norm.subgradient(problem.theta + change[block], smooth)
        push = np.abs(Removal(problem, rows[block]).dense()).max(axis=1)
        excess = np.maximum(np.abs(rest).max(axis=1) - left_over, 0)
        left[block] = excess / np.where(push > 0, push, np.inf)
        rest[(excess == 0) | (push == 0)] = 0
        squares = dots(rest, system.solve_without(rows[block], rest))
        lengths = system.lengths(rows[block], change[block])
        further = np.sqrt(np.maximum(squares, 0)) / np.where(lengths > 0, lengths, np.inf)
        left[block] = np.maximum(left[block], further)
    return left


def follow_active_sets(rows, system, solver, tolerance) -> Ends:
    """Return the change of theta at the optimum without each row, and what is left there.

    It is counted from the optimum with the row, which is where a fit ends that converged. Of a
    quadratic loss an optimum is proved by its subgradient, which is zero there and only there.
    """
    problem = system.problem
    # Where the fit should have ended: where it did, since another may be as good.
    optimum = refine(problem, solver).theta if system.short else problem.theta
    index, removals = np.arange(problem.n_rows), Removal(problem, rows).dense()
    ends = Ends.empty(len(rows), len(optimum), optimum.dtype)
    for i, (row, removal) in enumerate(zip(rows, removals)):
        reached, end = to_optimum(problem.without(index == row).at(optimum), solver)
        push = np.abs(removal).max()
        left = np.abs(end.gradient()).max() / push if push > 0 else 0.0
        left = min(left, tolerance) if reached else left  # nothing more can be seen of it
        ends.proved[i] = problem.loss.quadratic and left <= EXACT
        ends.changes[i] = end.theta - optimum
        ends.certificates[i] = 0.0 if ends.proved[i] else left
    return ends
