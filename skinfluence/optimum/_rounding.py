"""Where the optimum cannot be told from its neighbourhood in floating point."""

import numpy as np


def rounding(problem):
    """Return the square of a decrement that is zero to rounding.

    The optimum itself is flat to ``eps^1.25`` of the objective. Where that is nothing, because
    every target is met, the rounding of raw predictions remains: an error δ_i of raw_i leaves a
    decrement of at most ``Σ s_i A_i δ_i²``.
    """
    eps = np.finfo(problem.theta.dtype).eps
    sizes = np.maximum(_sizes(problem), np.abs(problem.y)) ** 2
    return eps**1.25 * abs(problem.objective()) + _decrement_of(problem, sizes)


def meets_every_target(problem):
    """Tell whether the objective is 0 to the rounding of what raw predictions are sums of.

    Of a fit that was solved stably a residual may be as large as the rounding of terms of
    ``‖J_i‖ ‖theta‖``, and its decrement and those of its rows are made of nothing else. Not where
    its penalty can be seen, which residuals pay for.
    """
    if not problem.predictor.is_linear:
        return False
    penalty = 0.5 * problem.penalty @ problem.theta**2
    if penalty > _decrement_of(problem, problem.term_sizes**2):
        return False
    terms = problem.predictor.row_norms(problem.X) * np.sum(problem.theta**2)
    return 0 <= problem.objective() <= _decrement_of(problem, terms[:, None])


def _decrement_of(problem, sizes):
    """Return the square of the decrement of errors in raw predictions of the given size squared."""
    return (10 * np.finfo(problem.theta.dtype).eps) ** 2 * float(
        problem.weights @ _curved(problem, sizes)
    )


def _curved(problem, sizes):
    return np.einsum("nkk,nk->n", problem.curvatures, sizes)


def pull_rounding(problem, rows):
    """Return the relative error of the gradient of each row's loss, of a raw prediction rounded.

    Where a target is met to rounding it is made of nothing else. Shape (n_rows,).
    """
    eps, pulls = np.finfo(problem.theta.dtype).eps, np.abs(problem.gradients[rows]).sum(axis=1)
    off = eps * np.einsum("nkk,nk->n", np.abs(problem.curvatures[rows]), _terms(problem)[rows])
    return np.where(pulls > 0, off / np.where(pulls > 0, pulls, 1), 0.0)


def residual_rounding(problem, weights=None):
    """Return the length in H of the rounding of a gradient summed over rows of some weights.

    An error δ_i of raw_i leaves at most ``Σ s_i A_i δ_i²`` of it, squared. The weights are those of
    the problem by default.
    """
    curved = _curved(problem, _terms(problem) ** 2)
    total = float((problem.weights if weights is None else weights) @ np.maximum(curved, 0))
    return float(np.finfo(problem.theta.dtype).eps) * total**0.5


def _terms(problem):
    """Return the size of what the gradient of every row's loss is a difference of, (n, K)."""
    sizes = problem.term_sizes
    return np.maximum(sizes, np.abs(problem.y)) if problem.loss.quadratic else sizes


def objective_rounding(problem, value):
    """Return the error that rounding leaves in the objective, whose value is known."""
    moved = np.einsum("nk,nk->n", np.abs(problem.gradients), _sizes(problem))
    eps = np.finfo(problem.theta.dtype).eps
    return eps * (abs(value) + float(problem.weights @ moved))


def gradient_rounding(problem):
    """Return the error that rounding leaves in the gradient of a linear model, shape (P,)."""
    curved = np.abs(np.einsum("nkk->nk", problem.curvatures)) * _sizes(problem)
    pulls = problem.weights[:, None] * (np.abs(problem.gradients) + curved)
    terms = problem.predictor.vjp(abs(problem.X), pulls[:, :, None])[:, 0]
    return np.finfo(problem.theta.dtype).eps * (terms + problem.penalty * np.abs(problem.theta))


def _sizes(problem):
    """Return the size of what raw predictions are summed from, which they are rounded by; (n, K).

    Columns far from zero make ``x_i · coef`` and the intercept large where their sum is not.
    """
    return np.maximum(np.abs(problem.raw), problem.predictor.offset_size(problem.theta))


def stagnates(problem, decrement, previous):
    """Tell whether steps no longer shrink, where the objective cannot see them: that is rounding.

    Far from the optimum of a loss in pieces they may grow before they shrink.
    """
    eps = np.finfo(problem.theta.dtype).eps
    return decrement > previous / 2 and decrement < 100 * eps * abs(problem.objective())
