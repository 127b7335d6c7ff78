"""Follow rows that one Newton step does not settle to the optimum of the objective without them.

Which rows need more steps is known for free. The square of a step's decrement δ, its length in the
Hessian's norm, is at least ``Σ_i s_i (J_i Δ)ᵀ A_i (J_i Δ)``: weighted by curvature, predictions
move by

    δ / (Σ_i s_i tr A_i / K)^½

at most, root mean square. By that, in units of the loss's ``width``, its curvature changes along
the step, and so much of its length is the step off: measured on binary, multinomial and
heavy-tailed fits, less in 97 of 100 rows. Rows above ``settled`` have their residual computed,

    r = F'_{-j}(theta + Δ),        Δ ← Δ - H_{-j}⁻¹ r,

one pass over the data for all of them, with the inverse that is there already (bent to what the
earlier steps saw, ``_quasi_newton``). The decrement of r relative to δ is the row's certificate.
Where it was c before and is q c now, the next is about q² c: the step that meets the tolerance is
taken and not checked again, unless the loss has kinks: past one a step tells little of the next.
Rows that do not contract go on by full Newton steps, one row after the other.
"""

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from .._blocks import row_blocks
from .._warnings import warn
from ..operators import Removal
from ._ends import Ends
from ._newton_steps import to_optimum
from ._preconditioned import PreconditionedSolver
from ._quasi_newton import curvature_pair, dots, solve_lbfgs
from ._rounding import rounding

#: Steps with the inverse at theta that a row may take.
MAX_STEPS = 5
#: Certificate after a step, over q² c (measured: 0.4 to 1.4).
NEXT = 1.5
#: A row goes on while a step leaves less than this share of the residual before it.
CONTRACTS = 0.5


def has_kinks(problem):
    """Tell whether the curvature changes at a kink, so that a step tells little of the next."""
    loss = problem.loss
    return loss.smoothed or loss.width(problem.raw, problem.y) == 0


def negligible(problem, inverse, settled):
    """Tell which rows have so small a share in H that their step need not take it out.

    ``1 - s a h`` is 1 to a tenth of ``settled`` by a bound on h, so that h need not be known.
    """
    if inverse.leverage_bounds is None:
        return np.zeros(problem.n_rows, dtype=bool)
    shares = inverse.hessian.curvatures[:, 0, 0] * inverse.leverage_bounds
    return shares <= settled / 10


def unsettled(rows, system, steps, settled):
    """Tell which rows go on; ``steps`` is the R whose H⁻¹ Rᵀ is their Newton step.

    ``settled`` is the root mean square move of predictions, in widths of the loss, that is let be.
    """
    problem = system.problem
    limit = (settled * problem.loss.width(problem.raw, problem.y)) ** 2 * system.curvature
    weights = problem.reweighting.own_weights(problem.weights, rows)
    gradients = weights[:, None] * problem.gradients[rows]
    going = np.ones(len(rows), dtype=bool)
    bounds = system.inverse.leverage_bounds
    if bounds is not None and not len(steps.directions):
        going = ~(np.abs(gradients * steps.own.gradients)[:, 0] * bounds[rows] <= limit)
    steps = steps.part(going)
    squares = np.einsum("nk,nk->n", gradients[going], steps.own_change(system.inverse))
    if len(steps.directions):
        solved = system.inverse @ steps.directions.T
        squares += np.einsum("nq,nq->n", steps.coefficients, steps @ solved)
    going[going] = ~((np.abs(squares) <= limit) & (squares >= 0))
    return going


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
        Decrement of the residual at which to stop, relative to that of the first step.

    Returns
    -------
    ends : Ends
        Its certificates are the last residual that was computed; the step that it asks for has
        been taken since.
    """
    ends = Ends.empty(len(rows), len(system.problem.theta), steps.dtype)
    enough = rounding(system.problem)
    unreached: list[tuple[int, float]] = []
    for block in row_blocks(len(rows), 16 * ends.changes.itemsize * ends.changes.shape[1]):
        part = ends.part(block)
        hard, first = _contract(rows[block], system, steps.part(block), tolerance, part)
        for i in hard:
            end = part.part(slice(i, i + 1))
            reached = _full_steps(rows[block][i], system, solver, end, first[i])
            left = end.certificates[0]
            if not (left <= tolerance or (reached and left**2 * first[i] <= enough)):
                unreached.append((rows[block][i], left))
    _warn(unreached)
    return ends


def _contract(rows, system, steps, tolerance, ends):
    """Take quasi-Newton steps; return the rows that are left, and the first decrements squared."""
    change, certificates = ends.changes, ends.certificates
    change[:] = system.solve(steps)
    removal = Removal(system.problem, rows).dense()
    first = dots(removal, change)
    first, before = np.where(first > 0, first, 1), np.ones(len(rows))
    going, hard = np.arange(len(rows)), []
    pairs: list[tuple[np.ndarray, ...]] = []
    last = change, -removal, -change
    for _ in range(MAX_STEPS):
        residual = system.residual(rows[going], change[going])
        solved = system.solve_without(rows[going], residual)
        pairs.append(curvature_pair(*last, residual, solved, tangent=not pairs))
        step = -solve_lbfgs(residual, solved, pairs)
        left = np.sqrt(np.maximum(dots(residual, solved), 0) / first[going])
        contracts = left <= CONTRACTS * before[going]
        change[going[contracts]] += step[contracts]
        certificates[going] = left
        expected = left if has_kinks(system.problem) else NEXT * left**2 / before[going]
        hard.append(going[~contracts])
        before[going], kept = left, contracts & ~(expected <= tolerance)
        going = going[kept]
        if not len(going):
            break
        pairs = [tuple(part[kept] for part in pair) for pair in pairs]
        last = step[kept], residual[kept], solved[kept]
    return np.concatenate([*hard, going]), first


def _full_steps(row, system, solver, end, first):
    """Take one row to the optimum without it by full Newton steps; tell whether they came there."""
    problem = system.problem
    without = problem.without(np.arange(problem.n_rows) == row)
    if not has_kinks(problem):  # else neither H nor what was reached is of use past a kink
        solver = PreconditionedSolver(system.inverse)
        if end.certificates[0] < 1:  # nearer to the optimum than theta is
            without = without.at(problem.theta + end.changes[0])
    reached, after = to_optimum(without, solver, tilt=problem.gradient())
    end.changes[0] = after.theta - problem.theta
    rows = np.array([row])
    residual = system.residual(rows, end.changes)
    square = dots(residual, system.solve_without(rows, residual))[0]
    end.certificates[0] = np.sqrt(max(square, 0) / first)
    return reached


def _warn(unreached):
    """Warn of the rows that were not settled, once."""
    if unreached:
        rows, left = zip(*unreached)
        warn(
            f"The optimum without {len(rows)} row(s) was not reached, such as "
            f"{[int(row) for row in rows[:5]]}: up to {max(left):.2g} of the residual is left. The "
            "classes may be separable without them: add a penalty, or use "
            'method="retrain" for them.',
            ConvergenceWarning,
        )
