"""Support vector machines to the rounding of doubles: libsvm keeps its kernel in single precision.

With what is free and what is at its bound as libsvm left it, the duals and the intercept of each
machine solve K β + b = target on the free rows, Σ β = 0.
"""

import numpy as np
from sklearn.metrics.pairwise import pairwise_kernels
from sklearn.svm import SVR

from ._rows import NoTruth

#: A dual this near to 0 or to its bound, relative to the bound, is at it.
AT_BOUND = 1e-7


def pairs(machine):
    """Yield (first SVs, their row of duals, second SVs, theirs) of every machine inside."""
    if isinstance(machine, SVR) or len(machine.classes_) == 2:
        every = np.arange(len(machine.support_))
        yield every, 0, every[:0], 0
        return
    owner = np.repeat(np.arange(len(machine.classes_)), machine.n_support_)
    for first in range(len(machine.classes_)):
        for second in range(first + 1, len(machine.classes_)):
            of_first, of_second = np.flatnonzero(owner == first), np.flatnonzero(owner == second)
            yield of_first, second - 1, of_second, first


def between_bounds(machine, weights):
    """Return which duals, as in ``dual_coef_``, are between their bounds."""
    bounds = machine.C * weights[machine.support_]
    duals = np.abs(machine.dual_coef_)
    return (duals > AT_BOUND * bounds) & (duals < (1 - AT_BOUND) * bounds)


def holds_intercepts(machine, weights):
    """Return whether every intercept is held by a dual coefficient between its bounds."""
    free = between_bounds(machine, weights)
    return all(free[i, a].any() or free[j, b].any() for a, i, b, j in pairs(machine))


def polish(machine, rows):
    """Move the duals and intercepts of a fitted machine to where double precision has them."""
    free, duals = between_bounds(machine, rows.weights), np.array(machine.dual_coef_)
    intercepts = np.array(machine.intercept_)
    X, y = rows.X[machine.support_], rows.y[machine.support_]
    settings = {name: getattr(machine, name) for name in ("degree", "coef0")}
    settings |= {"gamma": machine._gamma, "filter_params": True}
    gram = pairwise_kernels(X, metric=machine.kernel, **settings)
    for pair, (a, i, b, j) in enumerate(pairs(machine)):
        members, own = np.r_[a, b], np.r_[duals[i, a], duals[j, b]]
        held = np.r_[free[i, a], free[j, b]]
        signs, target = np.sign(own), np.sign(own)
        if isinstance(machine, SVR):
            target = y[members] - machine.epsilon * signs
        kernel = gram[np.ix_(members, members)]
        n = int(held.sum())
        system = np.ones((n + 1, n + 1))
        system[:n, :n], system[n, n] = kernel[np.ix_(held, held)], 0
        fixed = own[~held]
        known = np.r_[target[held] - kernel[np.ix_(held, ~held)] @ fixed, -fixed.sum()]
        found = np.linalg.lstsq(system, known, rcond=None)[0]
        if np.abs(system @ found - known).max() > 1e-8 * max(1, np.abs(known).max()):
            raise NoTruth("rounding chooses which rows are on the margin")
        own[held] = found[:n]
        bound = machine.C * rows.weights[machine.support_[members]]
        if (own * signs < 0).any() or (own * signs > bound * (1 + AT_BOUND)).any():
            raise NoTruth("rounding chooses which rows are on the margin")
        duals[i, a], duals[j, b] = own[: len(a)], own[len(a) :]
        intercepts[pair] = found[n]
    machine.dual_coef_, machine.intercept_ = duals, intercepts
    require_optimum(machine, rows, free, settings)
    turned = -1 if not isinstance(machine, SVR) and len(machine.classes_) == 2 else 1
    machine._dual_coef_, machine._intercept_ = turned * duals, turned * intercepts


def require_optimum(machine, rows, free, settings):
    """Raise ``NoTruth`` unless every row is on the side of its margin that its dual says."""
    gram = pairwise_kernels(rows.X, rows.X[machine.support_], metric=machine.kernel, **settings)
    others = np.setdiff1d(np.arange(len(rows.y)), machine.support_)
    for pair, (a, i, b, j) in enumerate(pairs(machine)):
        told = gram[:, a] @ machine.dual_coef_[i, a] + gram[:, b] @ machine.dual_coef_[j, b]
        told += machine.intercept_[pair]
        if isinstance(machine, SVR):
            within = np.abs(rows.y - told) - machine.epsilon
            outside, at_bound = within[others], -within[machine.support_[~free[0]]]
        else:
            held = np.r_[a[~free[i, a]], b[~free[j, b]]]
            signs = np.sign(np.r_[machine.dual_coef_[i, a], machine.dual_coef_[j, b]])
            signs = signs[~np.r_[free[i, a], free[j, b]]]
            at_bound = signs * told[machine.support_[held]] - 1
            if len(machine.classes_) == 2:
                sides, among = np.where(rows.y == machine.classes_[1], 1, -1), others
            else:
                first, second = pairs_of(machine)[pair]
                sides = np.where(rows.y == machine.classes_[first], 1, -1)
                among = others[np.isin(rows.y[others], machine.classes_[[first, second]])]
            outside = 1 - (sides * told)[among]
        size = 1e-7 * (1 + np.abs(told).max())
        if max(outside.max(initial=0), at_bound.max(initial=0)) > size:
            raise NoTruth("rounding chooses which rows are on the margin")


def pairs_of(machine):
    """Return the pairs of classes of a machine of several."""
    n = len(machine.classes_)
    return [(first, second) for first in range(n) for second in range(first + 1, n)]
