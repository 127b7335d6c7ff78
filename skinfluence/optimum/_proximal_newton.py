"""Proximal Newton: the optimum of an objective whose penalty has a kink.

At each theta the smooth part is replaced by its quadratic model, and the step is to the minimum of

    gradient · d + ½ dᵀ H d + norm(theta + d)

(Lee, Sun and Saunders 2014), which an active-set method finds (``_quadratic_model``). Columns of X
that are far from zero are centred: with a free intercept only that moves with them.
"""

from dataclasses import replace

import numpy as np
from sklearn.utils.sparsefuncs import mean_variance_axis

from .._typing import is_sparse
from ..operators import Hessian
from ..problem import Problem
from ._line_search import backtrack
from ._quadratic_model import QuadraticModel
from ._rounding import gradient_rounding, objective_rounding, rounding, stagnates

#: Standard deviations that the mean of a column is from zero, from which it is far.
FAR = 10


def proximal_newton(problem: Problem, max_steps: int = 50) -> tuple[bool, Problem]:
    """Take proximal Newton steps from theta to the optimum of a problem with a norm.

    Parameters
    ----------
    problem : Problem
        With a ``norm``.
    max_steps : int, default=50
        Steps after which it is given up.

    Returns
    -------
    reached : bool
        Whether the optimum was reached, to rounding.
    problem : Problem
        The same problem at the end.
    """
    centre = _centre(problem)
    if centre is None:
        return _descend(problem, max_steps)
    reached, end = _descend(problem.centred(centre), max_steps)
    return reached, problem.at(_uncentred(end, centre))


def _descend(problem, max_steps):
    """Take the steps; return whether the optimum was reached, and the problem at the end.

    A fit that is worse than none, as where it has hardly begun, may be where nothing curves: it is
    left for zero.
    """
    nowhere, previous = problem.at(np.zeros_like(problem.theta)), np.inf
    if nowhere.objective() < problem.objective():
        problem = nowhere
    for _ in range(max_steps):
        if np.all(np.abs(problem.gradient()) <= gradient_rounding(problem)):
            return True, problem
        target = _model_minimum(problem)
        step = target - problem.theta
        decrement = _slope_along(problem, step)
        if not decrement > rounding(problem) or stagnates(problem, decrement, previous):
            last = problem.at(target)
            better = np.linalg.norm(last.gradient()) < np.linalg.norm(problem.gradient())
            reached = decrement >= -objective_rounding(problem, problem.objective())
            return bool(reached), last if reached and better else problem
        gain = problem.norm.value(problem.theta) - problem.norm.value(target)
        promised = float(gain - problem.smooth_gradient() @ step)
        if not -objective_rounding(problem, problem.objective()) <= promised < np.inf:
            break  # the model is rounding
        problem, length = backtrack(problem, step, promised)
        if length == 0 or (problem.loss.quadratic and length < 1):
            break  # so is one that is exact and does not fall all the way
        previous = np.inf if 0 < length < 1 else decrement
    return False, problem


def _model_minimum(problem):
    """Return where the quadratic model at theta, plus the norm, is least; shape (P,).

    Only features that are free, or that the gradient would free, take part.
    """
    free = problem.norm.free(problem.theta) | (problem.gradient() != 0)
    part, positions = problem.active_set(free)
    hessian = Hessian(replace(part, norm=None))
    matrix, flat = hessian.dense(), hessian.flat_directions
    flat = flat[:, ~flat[part.norm.positions.ravel()].any(axis=0)]  # the norm is flat there too
    if flat.shape[1]:  # along which nothing changes: keep where theta stands
        matrix += np.mean(np.diag(matrix)) * (flat @ flat.T)
    smooth = problem.smooth_gradient()[positions]
    with np.errstate(over="ignore", invalid="ignore"):  # of steps where next to nothing curves
        step = QuadraticModel(matrix, smooth, part.theta, part.norm).minimum() - part.theta
    target = problem.theta.copy()
    target[positions] = part.theta + step - flat @ (flat.T @ step)
    sizes = problem.norm.sizes(target)  # of a group that is about to be held only rounding is left
    rounded = sizes <= 16 * np.finfo(target.dtype).eps * sizes.max(initial=0)
    target[problem.norm.positions[rounded].ravel()] = 0
    return target


def _slope_along(problem, step):
    """Return how fast the objective falls at theta along a step, without a difference of norms."""
    norm, smooth = problem.norm, problem.smooth_gradient()
    held = np.where(norm.sizes(problem.theta) == 0, norm.strength, 0)
    slope = (smooth + norm.gradient(problem.theta)) @ step + held @ norm.sizes(step)
    return -float(slope)


def _centre(problem):
    """Return the means of columns far from zero, 0 for the others; None if none is.

    None too where columns cannot be moved: no intercept, or a penalised one.
    """
    predictor, end, X = problem.predictor, problem.predictor.n_coefficients, problem.X
    bare = not (problem.penalty[end:].any() or np.any(problem.norm.positions >= end))
    if not (predictor.has_dual and predictor.fit_intercept and bare):
        return None
    mean = (problem.weights @ X / problem.weights.sum()).astype(X.dtype)
    variance = mean_variance_axis(X, axis=0)[1] if is_sparse(X) else np.var(X, axis=0)
    far = np.abs(mean) > FAR * np.sqrt(variance)
    return np.where(far, mean, 0) if far.any() else None


def _uncentred(problem, centre):
    """Return theta in the coordinates that a problem had before it was centred, shape (P,)."""
    coef, intercept = problem.predictor.unflatten(problem.theta)
    return problem.predictor.flatten(coef, intercept - coef @ centre)
