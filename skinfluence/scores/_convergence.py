"""How far a fit is from its optimum, and Newton steps that take it there."""

from dataclasses import replace

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from .._warnings import warn
from ..operators import Hessian
from ._preconditioned import Nearby, descending
from ._proximal import proximal_newton
from ._rounding import objective_rounding, rounding, stagnates

#: Factor by which a smoothed loss is cooled to its temperature where Newton's method fails at it.
COOLING = 0.3


def newton_decrement(problem, inverse):
    """Return ``sqrt(∇ᵀ H⁻¹ ∇)`` of the objective: the length of the step to the optimum in H."""
    gradient = problem.gradient()
    square = max(gradient @ (inverse @ gradient), 0.0)
    if problem.free is not None:  # what freeing a parameter that is held at zero would gain
        held, diagonal = ~problem.free, Hessian(replace(problem, norm=None)).diagonal()
        square += np.sum(gradient[held] ** 2 / np.where(diagonal[held] > 0, diagonal[held], 1))
    return float(np.sqrt(square))


def typical_decrement(problem, inverse, n_rows=None):
    """Return the median decrement that removing a row would cause: the yardstick for the fit's.

    It is taken over ``n_rows`` rows, evenly spaced among those that push at all: their weight is
    positive, and their loss not flat. By default they are 32, or 8 where nothing is factored and
    every row is a solve of its own.
    """
    n_rows = n_rows or (8 if inverse.rcond is None else 32)
    own = typical_gradients(problem, n_rows)
    if not len(own):
        return 0.0
    squares = np.einsum("np,pn->n", own, inverse @ own.T)
    return float(np.sqrt(np.median(np.maximum(squares, 0))))


def typical_gradients(problem, n_rows=32):
    """Return the weighted gradients in theta of rows evenly spaced among those that push."""
    rows = np.flatnonzero((problem.weights > 0) & problem.gradients.any(axis=1))
    rows = rows[np.linspace(0, len(rows) - 1, min(n_rows, len(rows))).astype(int)]
    gradients = problem.weights[rows, None] * problem.gradients[rows]
    return problem.predictor.row_gradients(problem.X[rows], gradients)


def stopped_short(problem, decrement, typical, threshold=0.1):
    """Tell whether a fit is far from its optimum, beside what removing a row would move it."""
    return decrement > threshold * typical and decrement**2 > rounding(problem)


def check_convergence(problem, inverse, *, frozen=False, refined=False, threshold=0.1):
    """Return the fit's Newton decrement and the median row's; warn where the ratio is large.

    Parameters
    ----------
    problem, inverse
        The fitted problem, and H⁻¹.
    frozen : bool, default=False
        Whether the fit was the user's, so that the data given may not be its training data.
    refined : bool, default=False
        Whether Newton's method has tried to reach the optimum already.
    threshold : float, default=0.1
        Ratio above which a ``ConvergenceWarning`` is given.
    """
    decrement = newton_decrement(problem, inverse)
    typical = typical_decrement(problem, inverse)
    if stopped_short(problem, decrement, typical, threshold):
        reason = "`estimator` was not fitted on this X and y, or it" if frozen else "The fit"
        remedy = "Set refine=True, or fit with a smaller `tol` and a larger `max_iter`."
        if refined:
            reason, remedy = "Newton's method", "The classes may be separable: add a penalty."
        ratio = decrement / max(typical, np.finfo(float).tiny)
        warn(
            f"{reason} stopped short of its optimum: it is {ratio:.2g} times as far from it as "
            f"removing a typical row would move it, and influences are off by as much. {remedy}",
            ConvergenceWarning,
        )
    return decrement, typical


def newton_steps(problem, solver, tolerance=0.0):
    """Yield the problem after each Newton step with a line search; at its optimum last.

    ``tolerance`` is a squared decrement, about twice what the objective may yet fall by, at which
    to take the last step; rounding is another. Where H was factored for the first step, that factor
    preconditions the others.
    """
    previous = np.inf
    while True:
        gradient = problem.gradient()
        inverse = descending(solver, Hessian(problem))
        if getattr(inverse, "rcond", None):
            solver = Nearby(inverse)
        step = -(inverse @ gradient)
        decrement = float(-(gradient @ step))
        enough = max(rounding(problem), tolerance)
        if not decrement > enough or stagnates(problem, decrement, previous):
            last = problem.at(problem.theta + step)
            better = np.linalg.norm(last.gradient()) < np.linalg.norm(gradient)
            yield last if better else problem
            return
        problem, full = _line_search(problem, step, decrement)
        previous = decrement if full else np.inf
        yield problem


def refine(problem, solver, max_steps=50):
    """Take Newton steps from the fitted theta to the optimum of the objective.

    Where the Hessian is indefinite, as it may be for a curved prediction, a step has enough
    damping to fall: it comes to a local minimum nearby.

    Parameters
    ----------
    problem : Problem
        The problem at the theta that ``fit`` returned.
    solver : object with ``invert``
        Solves for each step.
    max_steps : int, default=50
        Steps after which a ``ConvergenceWarning`` is given.

    Returns
    -------
    problem : Problem
        The same problem at the optimum, to rounding.
    """
    if problem.norm is not None:
        return proximal_newton(problem, max_steps)
    reached, end = _descend(problem, solver, max_steps)
    if not reached and problem.loss.smoothed:
        reached, end = _cool(problem, solver, max_steps)
    if not reached:
        warn(
            f"Newton's method did not reach the optimum in {max_steps} steps; the classes may be "
            "separable, or the rows few enough to be fitted exactly. Add a penalty.",
            ConvergenceWarning,
        )
    return end


def _descend(problem, solver, max_steps):
    """Take Newton steps; return whether the optimum was reached, and the problem at the end."""
    for count, after in enumerate(newton_steps(problem, solver)):
        if count == max_steps:
            return False, problem
        problem = after
    return True, problem


def _cool(problem, solver, max_steps):
    """Follow the optimum from a wide smoothing down to the problem's own, where kinks are sharp."""
    temperature = problem.loss.temperature
    steps = max(1, int(np.ceil(np.log(temperature) / np.log(COOLING))))
    reached = False
    for warm in (*(COOLING**i for i in range(steps)), temperature):
        reached, problem = _descend(problem.at_temperature(warm), solver, max_steps)
    return reached, problem


def _line_search(problem, step, decrement):
    """Return the problem after the longest of steps 1, ½, ¼, … that decreases, and if it was 1."""
    before = problem.objective()
    slack = 10 * objective_rounding(problem, before)
    length, shortest = 1.0, 1e-10 / max(1.0, np.abs(step).max())
    linear = problem.predictor.has_dual
    moved = problem.predictor.jvp(problem.X, step[:, None])[:, :, 0] if linear else None
    while length > shortest:
        tried = after = problem.at(problem.theta + length * step)
        if linear:  # its predictions are known without another product with X, to rounding
            tried = problem.at(after.theta)
            tried.__dict__["raw"] = problem.raw + length * moved
        with np.errstate(over="ignore", invalid="ignore"):  # of a step where nothing curves
            value = tried.objective()
        if value <= before - 1e-4 * length * decrement + slack:
            return after, length == 1.0
        length /= 2
    return problem, True
