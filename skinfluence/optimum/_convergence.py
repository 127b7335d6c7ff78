"""How far a fit is from its optimum, beside how far removing a typical row would move it."""

from dataclasses import replace

import numpy as np
from scipy.sparse import issparse
from sklearn.exceptions import ConvergenceWarning

from .._warnings import warn
from ..operators import Hessian
from ._rounding import meets_every_target, rounding

#: Decrements, beside that of a typical row, at which a fit is at its optimum. Where a group leaves
#: classes all but separable behind, H falls by as much, and what the fit left grows.
AT_OPTIMUM = 1e-8
#: Numbers in X up to which its rank is found, where H is singular.
DENSE = 10**7
#: Rounding of kernels, beside the ridge added to them, from which solutions are made of it.
LOST = 1e-2
#: Moves of a prediction, beside those by a median row, that are a little.
LITTLE = 10


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


def can_follow(problem, inverse, tolerance):
    """Tell whether there is an optimum to follow to, and an inverse to do it with."""
    damped = not np.array_equal(inverse.hessian.ridge, problem.penalty)
    return not (tolerance is None or damped or not inverse.exact)


def stopped_short(problem, decrement, typical, threshold=0.1):
    """Tell whether a fit is far from its optimum, beside what removing a row would move it."""
    far = decrement > threshold * typical and decrement**2 > rounding(problem)
    return far and not meets_every_target(problem)


def distance_left(problem, inverse, decrement, typical):
    """Return how far a fit is from its optimum, in the norm of H.

    0 where that is rounding, and inf where it cannot be seen: where curvature is lost, or kernels
    are too large for the penalty beside them.
    """
    if curvature_is_lost(problem, inverse) or kernel_is_lost(problem):
        return np.inf
    return decrement if stopped_short(problem, decrement, typical, AT_OPTIMUM) else 0.0


def kernel_is_lost(problem):
    """Tell whether the rounding of kernels is no longer small beside the ridge added to them.

    Of an objective ``Σ s_i (y_i - Φ_i θ)² / 2 + α ‖θ‖² / 2`` the solution is that of K + α / s.
    """
    if not (problem.in_kernel_features and problem.loss.quadratic):
        return False
    diagonal = problem.predictor.row_norms(problem.X)
    ridge = problem.penalty[: problem.predictor.n_coefficients].min(initial=np.inf)
    largest = float((problem.weights * diagonal).max(initial=0))
    return len(diagonal) * np.finfo(float).eps * largest > LOST * ridge


def curvature_is_lost(problem, inverse):
    """Tell whether H is singular along directions that do move predictions.

    Predictions have then gone where the loss is flat to rounding, as a Poisson regression's do for
    zeros that a column tells from the rest: the optimum is not there, but at infinity.
    """
    X, K = problem.X, problem.n_outputs
    lost = problem.norm is None and problem.predictor.is_linear and not problem.penalised
    lost = lost and not problem.loss.quadratic and inverse.order is not None
    missing = inverse.full_rank - inverse.rank if lost else 0
    if missing <= 0 or X.shape[0] * X.shape[1] > DENSE:
        return False
    columns = np.asarray(X.toarray() if issparse(X) else X, dtype=float)
    if problem.predictor.fit_intercept:
        columns = np.column_stack([columns, np.ones(len(columns))])
    columns = columns[problem.weights > 0]
    largest = np.abs(columns).max(axis=0, initial=0)
    rank = np.linalg.matrix_rank(columns / np.where(largest > 0, largest, 1))
    return missing > K * (columns.shape[1] - rank)


def stopped_a_little_short(problem, inverse):
    """Tell whether a fit is not at its optimum, and no further than some rows would move it.

    No prediction of a training row moves by more than ``LITTLE`` times what the removal of a median
    row moves the prediction that it moves most. Curved predictions may have another optimum nearby,
    and are let be.
    """
    if not (problem.predictor.is_linear and inverse.exact):
        return False
    decrement, typical = newton_decrement(problem, inverse), typical_decrement(problem, inverse)
    if not stopped_short(problem, decrement, typical, AT_OPTIMUM):
        return False
    own = typical_gradients(problem)
    steps = inverse @ np.vstack([problem.gradient(), own]).T
    moves = np.abs(problem.predictor.jvp(problem.X, steps)).max(axis=(0, 1))
    return len(own) > 0 and bool(moves[0] <= LITTLE * np.median(moves[1:]))


def check_convergence(problem, inverse, *, frozen=False, refined=False, threshold=0.1):
    """Return the fit's Newton decrement and the median row's; warn where the ratio is large.

    Parameters
    ----------
    problem, inverse
        The fitted problem, and H⁻¹.
    frozen : bool, default=False
        Whether the fit was the user's, so that the data given may not be its training data.
    refined : bool or "auto", default=False
        Whether Newton's method has tried to reach the optimum already; with "auto" it would have,
        had it been near.
    threshold : float, default=0.1
        Ratio above which a ``ConvergenceWarning`` is given.
    """
    decrement = newton_decrement(problem, inverse)
    typical = typical_decrement(problem, inverse)
    if stopped_short(problem, decrement, typical, threshold):
        reason = "`estimator` was not fitted on this X and y, or it" if frozen else "The fit"
        remedy = "Set refine=True, or fit with a smaller `tol` and a larger `max_iter`."
        if refined == "auto":
            remedy = "Fit with a smaller `tol` and a larger `max_iter`."
        elif refined:
            reason, remedy = "Newton's method", "The classes may be separable: add a penalty."
        ratio = decrement / max(typical, np.finfo(float).tiny)
        warn(
            f"{reason} stopped short of its optimum: it is {ratio:.2g} times as far from it as "
            f"removing a typical row would move it, and influences are off by as much. {remedy}",
            ConvergenceWarning,
        )
    return decrement, typical
