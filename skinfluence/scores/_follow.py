"""Follow rows that one Newton step does not settle to the optimum of the objective without them.

Which those are is free to know. The square of a step's decrement δ, its length in the Hessian's
norm, is at least ``Σ_i s_i (J_i Δ)ᵀ A_i (J_i Δ)``: weighted by curvature, predictions move by

    δ / (Σ_i s_i tr A_i / K)^½

at most, root mean square. By that, in units of the loss's ``width``, its curvature changes along
the step, and so much of its length is the step off: measured on binary, multinomial and
heavy-tailed fits, less in 97 of 100 rows. Rows above ``settled`` have their residual computed,

    r = F'_{-j}(theta + Δ),        Δ ← Δ - H_{-j}⁻¹ r,

one pass over the data for all of them, with the inverse that is there already (bent to what the
earlier steps saw, ``_quasi_newton``). The decrement of r relative to δ is the row's certificate.
Where it was c before and is q c now, the next is about q² c: the step that meets the tolerance is
taken and not checked again, unless the loss has kinks: past one a step tells little of the next.
Rows that do not contract are left to ``_descent``, unless the loss has kinks, and those that are
not settled there to full Newton steps.
"""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from .._blocks import row_blocks
from .._warnings import warn
from ..operators import Removal
from ._convergence import refine
from ._descent import Descent
from ._preconditioned import Nearby
from ._quasi_newton import bend, bent, dots

#: Steps with the inverse at theta that a row may take.
MAX_STEPS = 5
#: Certificate after a step, over q² c (measured: 0.4 to 1.4).
NEXT = 1.5
#: A row goes on while a step leaves less than this share of the residual before it.
CONTRACTS = 0.5


def abrupt(problem):
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


def unsettled(rows, surrounding, steps, settled):
    """Tell which rows go on; ``steps`` is the R whose H⁻¹ Rᵀ is their Newton step.

    ``settled`` is the root mean square move of predictions, in widths of the loss, that is let be.
    """
    problem, first_order = surrounding.problem, surrounding.first_order
    limit = (settled * problem.loss.width(problem.raw, problem.y)) ** 2 * surrounding.curvature
    weights = problem.reweighting.own_weights(problem.weights, rows)
    gradients = weights[:, None] * problem.gradients[rows]
    open_ = np.ones(len(rows), dtype=bool)
    bounds = surrounding.inverse.leverage_bounds
    if bounds is not None and not len(steps.directions):
        open_ = ~(np.abs(gradients * steps.own.gradients)[:, 0] * bounds[rows] <= limit)
    steps = steps.part(open_)
    squares = np.einsum("nk,nk->n", gradients[open_], first_order.own_change(rows[open_], steps))
    if len(steps.directions):
        solved = surrounding.inverse @ steps.directions.T
        squares += np.einsum("nq,nq->n", steps.coefficients, steps @ solved)
    open_[open_] = ~((np.abs(squares) <= limit) & (squares >= 0))
    return open_


def follow(rows, surrounding, steps, solver, tolerance):
    """Return the change of theta at the optimum without each row, and the certificates.

    Parameters
    ----------
    rows : ndarray of int of shape (n_rows,)
        Members of the surrounding.
    surrounding : Surrounding
        Their problem and inverse.
    steps : Removal
        The R whose H⁻¹ Rᵀ is their Newton step.
    solver : object with ``invert``
        For the full Newton steps of rows that do not converge.
    tolerance : float
        Decrement of the residual at which to stop, relative to that of the first step.

    Returns
    -------
    change : ndarray of shape (n_rows, P)
    certificates : ndarray of shape (n_rows,)
        The last residual that was computed. The step that it asks for has been taken since.
    """
    change = np.empty((len(rows), len(surrounding.problem.theta)), dtype=steps.dtype)
    certificates = np.empty(len(rows))
    for block in row_blocks(len(rows), 16 * change.itemsize * change.shape[1]):
        parts = rows[block], surrounding, steps.part(block)
        change[block], certificates[block], open_ = _contract(*parts, tolerance)
        if len(open_):
            hard = rows[block][open_]
            ends = _descend(hard, surrounding, steps.part(block).part(open_), solver, tolerance)
            change[block][open_], certificates[block][open_] = ends
            _warn(hard, ends[1], tolerance)
    return change, certificates


def _contract(rows, surrounding, steps, tolerance):
    """Take quasi-Newton steps; return Δ, certificates, and which rows are left."""
    change = surrounding.solve(steps)
    removal = Removal(surrounding.problem, rows).dense()
    first = dots(removal, change)
    first, before = np.where(first > 0, first, 1), np.ones(len(rows))
    certificates, going, hard = np.ones(len(rows)), np.arange(len(rows)), []
    bends, last = [], (change, -removal, -change)
    for _ in range(MAX_STEPS):
        residual = surrounding.residual(rows[going], change[going])
        solved = surrounding.solve_without(rows[going], residual)
        bends.append(bend(*last, residual, solved, tangent=not bends))
        step = -bent(residual, solved, bends)
        left = np.sqrt(np.maximum(dots(residual, solved), 0) / first[going])
        contracts = left <= CONTRACTS * before[going]
        change[going[contracts]] += step[contracts]
        certificates[going] = left
        expected = left if abrupt(surrounding.problem) else NEXT * left**2 / before[going]
        settled = expected <= tolerance
        hard.append(going[~contracts])
        before[going], kept = left, contracts & ~settled
        going = going[kept]
        if not len(going):
            break
        bends = [tuple(part[kept] for part in bend) for bend in bends]
        last = step[kept], residual[kept], solved[kept]
    return change, certificates, np.concatenate([*hard, going])


def _descend(rows, surrounding, steps, solver, tolerance):
    """Return Δ and certificates of rows that do not contract."""
    descent, problem = Descent.start(rows, surrounding, steps), surrounding.problem
    if problem.predictor.curved or abrupt(problem):  # no straight line, or no smooth slope along it
        change, certificates = np.zeros_like(descent.change), np.full(len(rows), np.inf)
        solver = Nearby(surrounding.inverse) if problem.predictor.curved else solver
    else:
        change, certificates = descent.run(tolerance)
    index, left_over = np.arange(problem.n_rows), problem.gradient()
    for i in np.flatnonzero(~(certificates <= tolerance)):
        without = problem.without(index == rows[i]).at(problem.theta + change[i])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # _warn names the row
            change[i] = refine(without, solver).theta - problem.theta
        residual = surrounding.residual(rows[i : i + 1], change[i : i + 1]) + left_over
        square = dots(residual, surrounding.solve_without(rows[i : i + 1], residual))[0]
        certificates[i] = np.sqrt(max(square, 0) / descent.first[i])
    return change, certificates


def _warn(rows, certificates, tolerance):
    """Warn of the rows that were not settled."""
    for row, left in zip(rows, certificates):
        if not left <= tolerance:
            warn(
                f"The optimum without row {row} was not reached: {left:.2g} of the residual is "
                "left. The classes may be separable without it: add a penalty, or use "
                'method="retrain" for it.',
                ConvergenceWarning,
            )
