"""Newton steps from a theta to the optimum of an objective.

    theta ← theta - t H⁻¹ ∇F(theta),        t = 1, ½, ¼, … until F falls

until the decrement ``√(∇Fᵀ H⁻¹ ∇F)`` is zero to rounding.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from .._warnings import warn
from ..operators import Hessian
from ..problem import Problem
from ._iterate import Iterate, span_of
from ._preconditioned import PreconditionedSolver, invert_or_damp
from ._proximal_newton import proximal_newton
from ._rounding import stagnates

#: Factor by which a smoothed loss is cooled to its temperature where Newton's method fails at it.
COOLING = 0.3
#: M times the largest move of a prediction by a step, from which on steps shrink as they will.
NEAR = 0.25


def newton_steps(
    problem: Problem, solver: Any, tolerance: float = 0.0, tilt: np.ndarray | None = None
) -> Iterator[Problem]:
    """Yield the problem after each Newton step with a line search; at its optimum last.

    Parameters
    ----------
    problem : Problem
        Where to start.
    solver : object with ``invert``
        Solves for each step. Where H was factored for the first, that factor preconditions the
        others.
    tolerance : float, default=0.0
        A squared decrement, about twice what the objective may yet fall by, at which to take the
        last step; rounding is another.
    tilt : ndarray of shape (P,), default=None
        Gradient of a linear term that is taken off the objective.
    """
    previous = np.inf
    while True:
        inverse = invert_or_damp(solver, Hessian(problem))
        if getattr(inverse, "rcond", None):
            solver = PreconditionedSolver(inverse)
        now = Iterate(problem, inverse, tilt)
        enough = max(now.rounding, tolerance)
        if not now.decrement > enough or stagnates(problem, now.decrement, previous):
            yield now.finish().problem
            return
        after, length = now.search()
        previous = np.inf if 0 < length < 1 else now.decrement
        problem = after.problem
        yield problem


def refine(problem: Problem, solver: Any, max_steps: int = 50) -> Problem:
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
    reached, end = to_optimum(problem, solver, max_steps)
    if not reached:
        stronger = "Add a penalty." if problem.norm is None else "Use a stronger penalty."
        warn(
            f"Newton's method did not reach the optimum in {max_steps} steps; the classes may be "
            f"separable, or the rows few enough to be fitted exactly. {stronger}",
            ConvergenceWarning,
        )
    return end


def to_optimum(
    problem: Problem, solver: Any, max_steps: int = 50, tilt: np.ndarray | None = None
) -> tuple[bool, Problem]:
    """Take the same steps without a word; return whether the optimum was reached, and the end."""
    if problem.norm is not None:
        return proximal_newton(problem, max_steps)
    reached, end = _descend(problem, solver, max_steps, tilt)
    if not reached and problem.loss.smoothed:
        reached, end = _cool(problem, solver, max_steps, tilt)
    return reached, end


def _descend(problem, solver, max_steps, tilt):
    """Take Newton steps; return whether the optimum was reached, and the problem at the end."""
    steps = [problem]
    for count, after in enumerate(newton_steps(problem, solver, tilt=tilt)):
        if count == max_steps:
            return False, steps[-1]
        steps = [*steps[-2:], after]
    # The last but one, since the very last is rounding. Where there is no optimum, each moves a
    # margin as far as the one before, until nothing of it can be seen.
    if len(steps) < 3:
        return True, steps[-1]
    before, after, end = steps
    return not span_of(before, after.theta - before.theta) > NEAR, end


def _cool(problem, solver, max_steps, tilt):
    """Follow the optimum from a wide smoothing down to the problem's own, where kinks are sharp."""
    temperature = problem.loss.temperature
    steps = max(1, int(np.ceil(np.log(temperature) / np.log(COOLING))))
    reached = False
    for warm in (*(COOLING**i for i in range(steps)), temperature):
        reached, problem = _descend(problem.at_temperature(warm), solver, max_steps, tilt)
    return reached, problem
