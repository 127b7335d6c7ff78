"""The one line search: the longest of the steps 1, ½, ¼, … along which the objective falls.

F(theta + t step) <= F(theta) - 10⁻⁴ t decrement + rounding        (Armijo 1966)
"""

import numpy as np

from ..problem import Problem
from ._rounding import objective_rounding

#: Share of the fall that the gradient promises which must come true.
SUFFICIENT = 1e-4
#: The shortest step: what moves no parameter by more is rounding.
SHORTEST = 1e-10


def backtrack(
    problem: Problem, step: np.ndarray, decrement: float, tilt: np.ndarray | None = None
) -> tuple[Problem, float]:
    """Move a problem along a step to where its objective is lower.

    Parameters
    ----------
    problem : Problem
        The problem at theta.
    step : ndarray of shape (P,)
        A direction along which the objective falls.
    decrement : float
        What it falls by to first order along the whole step.
    tilt : ndarray of shape (P,), default=None
        Gradient of a linear term that is taken off the objective: what a fit left at its theta.

    Returns
    -------
    problem : Problem
        After the step; as it came where no length falls.
    length : float
        Of the step that was taken, 1 for the whole; 0 where none was.
    """

    def value(moved):
        return moved.objective() - (0.0 if tilt is None else float(tilt @ moved.theta))

    before = value(problem)
    slack = 10 * objective_rounding(problem, before)
    length, shortest = 1.0, SHORTEST / max(1.0, np.abs(step).max(initial=0))
    linear = problem.predictor.has_dual
    moved = problem.predictor.jvp(problem.X, step[:, None])[:, :, 0] if linear else None
    while length > shortest:
        tried = after = problem.at(problem.theta + problem.theta.dtype.type(length) * step)
        if linear:  # its predictions are known without another product with X, to rounding
            tried = problem.at(after.theta)
            tried.__dict__["raw"] = problem.raw + problem.theta.dtype.type(length) * moved
        with np.errstate(over="ignore", invalid="ignore"):  # of a step where nothing curves
            fallen = value(tried) <= before - SUFFICIENT * length * decrement + slack
        if fallen:
            return after, length
        length /= 2
    return problem, 0.0
