"""Follow rows that one Newton step does not settle to the optimum of the objective without them.

    r = F'_{-j}(theta + Δ),        Δ ← Δ - H_{-j}⁻¹ r,

one pass over the data for all of them, with the inverse that is there already. How far the optimum
is from r is a theorem where the loss is self-concordant (``_certificate``), before the step and
after it: rows go on until that is below the tolerance, the inverse bent to what the earlier steps
saw (``_quasi_newton``).

Of other losses, and of curved predictions, the decrement of r relative to that of the first step
is all there is. Where it was c before and is q c now, the next is about q² c: the step that meets
the tolerance is taken and not checked again, unless the loss has kinks: past one a step tells
little of the next. Rows that do not contract go on by full Newton steps, one row after the other.
"""

import numpy as np

from .._blocks import row_blocks
from ..operators import Hessian, Removal
from ..solvers import Direct
from ._certificate import distance, distance_after_step, growth, relative_error
from ._ends import Ends
from ._iterate import span_of
from ._newton_steps import to_optimum
from ._preconditioned import PreconditionedSolver, invert_or_damp
from ._quasi_newton import curvature_pair, dots, solve_lbfgs
from ._rounding import rounding

#: Steps with the inverse at theta that a row may take: a full one costs as much as P / 4 of them.
MAX_STEPS = 20
#: Decrement after a step, over q² c (measured: 0.4 to 1.4).
NEXT = 1.5
#: A row goes on while a step leaves less than this share of the residual before it.
CONTRACTS = 0.8
#: Rows that are followed go on to this share of the tolerance, since steps are quick near the end;
#: to the second where the residual is all that is known, of which an error may be 20 times as much.
FOLLOWED, MEASURED = 0.1, 2e-3


def has_kinks(problem):
    """Tell whether the curvature changes at a kink, so that a step tells little of the next."""
    loss = problem.loss
    return loss.smoothed or loss.width(problem.raw, problem.y) == 0


def follow(rows, system, steps, solver, tolerance) -> Ends:
    """Return the change of theta at the optimum without each row, and the certificates.

    Parameters
    ----------
    rows : ndarray of int of shape (n_rows,)
        Members of the system.
    system : LeaveOneOutSystem
        Their problem and inverse.
    steps : Removal
        The R whose H⁻¹ Rᵀ is their Newton step.
    solver : object with ``invert``
        For the full Newton steps of rows that do not converge.
    tolerance : float
        Relative error of the change at which to stop.

    Returns
    -------
    ends : Ends
        What is not proved is the last residual that was computed, relative to the first step; the
        step that it asks for has been taken since.
    """
    ends = Ends.empty(len(rows), len(system.problem.theta), steps.dtype)
    for block in row_blocks(len(rows), 16 * ends.changes.itemsize * ends.changes.shape[1]):
        part = ends.part(block)
        hard, first = _contract(rows[block], system, steps.part(block), tolerance, part)
        for i in hard:
            end = part.part(slice(i, i + 1))
            _full_steps(rows[block][i : i + 1], system, solver, end, first[i : i + 1], tolerance)
    return ends


def _contract(rows, system, steps, tolerance, ends):
    """Take quasi-Newton steps; return the rows that are left, and the first decrements squared."""
    change = ends.changes
    change[:] = system.solve(steps)
    removal = Removal(system.problem, rows).dense()
    first = dots(removal, change)
    first, before = np.where(first > 0, first, 1), np.ones(len(rows))
    going, hard = np.arange(len(rows)), []
    known = system.problem.loss.self_concordance is not None and not has_kinks(system.problem)
    enough = tolerance * (FOLLOWED if known else MEASURED)
    last, pairs = (change, -removal, -change), list[tuple[np.ndarray, ...]]()
    for _ in range(MAX_STEPS):
        residual, span = system.residual(rows[going], change[going])
        solved = system.solve_without(rows[going], residual)
        left = np.sqrt(np.maximum(dots(residual, solved), 0) / first[going])
        along = dots(change[going], residual + removal[going])  # the mean H on the way, twice
        known, improves = _proved(system, rows[going], first[going], left, span, along)
        proved, done = _note(ends, going, left, known, tolerance)
        change[going[done & improves]] -= solved[done & improves]
        pairs.append(curvature_pair(*last, residual, solved, tangent=not pairs))
        step = -solve_lbfgs(residual, solved, pairs)
        contracts = ~done & (left <= CONTRACTS * before[going])
        change[going[contracts]] += step[contracts]
        expected = left if has_kinks(system.problem) else NEXT * left**2 / before[going]
        settled = contracts & np.isnan(span) & (left <= tolerance) & (expected <= enough)
        hard.append(going[~contracts & ~proved])
        before[going], kept = left, contracts & ~settled
        going = going[kept]
        if not len(going):
            break
        pairs = [tuple(part[kept] for part in pair) for pair in pairs]
        last = step[kept], residual[kept], solved[kept]
    return np.concatenate([*hard, going]), first


def _note(ends, rows, left, known, tolerance):
    """Keep what is known of rows; return whether it is proved, and far enough."""
    proved = known <= tolerance
    ends.certificates[rows], ends.proved[rows] = np.where(proved, known, left), proved
    return proved, known <= tolerance * FOLLOWED


def _proved(system, rows, first, left, span, along):
    """Return the error that is proved, and whether the step that was found lowers it.

    ``along`` is Δᵀ H̄ Δ, H̄ the mean Hessian on the way: a bound on the length of Δ.
    """
    sizes = np.sqrt(np.maximum(along, 0) / growth(span) / first)
    reach = system.reach(rows, np.sqrt(first))
    uneven = system.uneven(rows)
    by_fit = system.fit_residual(rows, np.sqrt(first))
    known = distance((left + by_fit) * (1 + uneven), span, reach)
    after = distance_after_step(known, span, reach, uneven)
    improves = after < known
    sizes = np.where(improves, sizes - left, sizes)
    return relative_error(np.where(improves, after, known), sizes), improves


def _full_steps(rows, system, solver, end, first, tolerance):
    """Take one row to the optimum without it by full Newton steps."""
    problem = system.problem
    without = problem.without(np.arange(problem.n_rows) == rows[0])
    if not has_kinks(problem):  # else neither H nor what was reached is of use past a kink
        solver = PreconditionedSolver(system.inverse)
        if end.certificates[0] < 1:  # nearer to the optimum than theta is
            without = without.at(problem.theta + end.changes[0])
    reached, after = to_optimum(without, solver, tilt=problem.gradient())
    end.changes[0] = after.theta - problem.theta
    residual, span = system.residual(rows, end.changes)
    square = dots(residual, system.solve_without(rows, residual))
    left = np.sqrt(np.maximum(square, 0) / first).astype(float)
    sizes = system.lengths(rows, end.changes) / np.sqrt(first)
    unexplained = left + system.fit_residual(rows, np.sqrt(first))
    known = relative_error(distance(unexplained, span, system.reach(rows, np.sqrt(first))), sizes)
    end.proved[:] = known <= tolerance
    if end.proved[0]:
        end.certificates[:] = known
        return
    if reached and left**2 * first <= rounding(problem):  # and nothing more can be seen of it
        left = np.minimum(left, tolerance)
    end.certificates[:] = np.maximum(left, _span_left(after, system.inverse)) if reached else np.inf


def _span_left(problem, inverse):
    """Return M times the largest move of a prediction by the next step, inf where there is none.

    It is not small where there is no optimum, as without a row that alone keeps classes from being
    separable: each step adds as much to a margin as the last, while H vanishes.
    """
    loss = problem.loss
    if loss.self_concordance is None or not problem.predictor.is_linear:
        return 0.0
    here = invert_or_damp(Direct(), Hessian(problem, block_size=inverse.hessian.block_size))
    if here.rank < inverse.rank:
        return np.inf
    return span_of(problem, here @ problem.gradient())
