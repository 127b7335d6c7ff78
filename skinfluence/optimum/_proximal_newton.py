"""Proximal Newton: the optimum of an objective whose penalty has a kink.

At each theta the smooth part is replaced by its quadratic model, and the step is to the minimum of

    gradient · d + ½ dᵀ H d + norm(theta + d)

(Lee, Sun and Saunders 2014). That is found by coordinate descent over the groups, which finds the
active set, alternating with Newton steps on it, which find the point (Friedman et al. 2010).
"""

from dataclasses import replace

import numpy as np

from ..operators import Hessian
from ..problem import Problem
from ._line_search import backtrack
from ._rounding import rounding, stagnates

#: Sweeps over the groups after which a quadratic model is left as it is.
MAX_SWEEPS = 500


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
    previous, norm = np.inf, problem.norm
    assert norm is not None
    for _ in range(max_steps):
        target = _model_minimum(problem)
        step = target - problem.theta
        smooth = problem.smooth_gradient()
        gain = norm.value(problem.theta) - norm.value(target)
        decrement = float(gain - smooth @ step)
        if not decrement > rounding(problem) or stagnates(problem, decrement, previous):
            last = problem.at(target)
            better = np.linalg.norm(last.gradient()) < np.linalg.norm(problem.gradient())
            return True, last if better else problem
        problem, length = backtrack(problem, step, decrement)
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
    step = minimise_model(matrix, smooth, part.theta, part.norm) - part.theta
    target = problem.theta.copy()
    target[positions] = part.theta + step - flat @ (flat.T @ step)
    return target


def minimise_model(matrix, gradient, start, norm):
    """Minimise ``gradient · (u - start) + ½ (u - start)ᵀ matrix (u - start) + norm(u)`` over u.

    Parameters
    ----------
    matrix : ndarray of shape (P, P)
        Positive semi-definite.
    gradient, start : ndarray of shape (P,)
        Gradient of the smooth part at ``start``.
    norm : GroupNorm
        The part with the kink.

    Returns
    -------
    minimum : ndarray of shape (P,)
    """
    eps = np.finfo(gradient.dtype).eps
    point, slope = start.copy(), gradient.copy()
    single = np.setdiff1d(np.arange(len(start)), norm.positions)
    groups = [(where, strength) for where, strength in zip(norm.positions, norm.strength)]
    groups += [(np.array([k]), 0.0) for k in single]
    bounds = [np.linalg.norm(matrix[np.ix_(where, where)], 2) for where, _ in groups]
    rounding = np.abs(matrix) @ np.abs(point) + np.abs(gradient)
    for _ in range(MAX_SWEEPS):
        point, slope = _newton_on_active_set(matrix, point, slope, norm)
        if np.all(np.abs(norm.subgradient(point, slope)) <= 10 * eps * rounding):
            break
        for (where, strength), bound in zip(groups, bounds):
            if bound <= 0:
                continue
            new = _shrink(point[where] - slope[where] / bound, strength / bound)
            if np.any(new != point[where]):
                slope = slope + matrix[:, where] @ (new - point[where])
                point[where] = new
    return point


def _shrink(values, threshold):
    """Return the group moved towards 0 by ``threshold``, its proximal point."""
    size = np.linalg.norm(values)
    return values * (max(size - threshold, 0) / size) if size > 0 else values


def _newton_on_active_set(matrix, point, slope, norm):
    """Step to the minimum on ``point``'s active set if the model falls; return point and slope."""
    free = norm.free(point)
    active = matrix[np.ix_(free, free)]
    coupling = norm.hessian(point)
    if coupling is not None:
        active = active + coupling[free][:, free].toarray()
    try:
        step = np.linalg.solve(active, -norm.subgradient(point, slope)[free])
    except np.linalg.LinAlgError:
        return point, slope
    moved = matrix[:, free] @ step
    new = point.copy()
    new[free] += step
    change = slope[free] @ step + 0.5 * step @ moved[free] + norm.value(new) - norm.value(point)
    if not change <= 0 or np.any(norm.free(new) != free):
        return point, slope
    return new, slope + moved
