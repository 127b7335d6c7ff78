"""Dual coefficients of losses in straight pieces, ``a_i = -s_i`` times the slope of the loss.

At a kink the loss has no slope, and the others tell: ``D w = Σ a_i x_i``, in which the a of the
rows at a kink are solved for, and sum to what leaves an intercept without a penalty unmoved.
"""

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse
from scipy.linalg import lstsq
from scipy.optimize import lsq_linear

if TYPE_CHECKING:
    from ._problem import Problem

#: Root of the rounding up to which a row is at a kink, relative to the size of raw predictions.
AT_KINK = 10
#: Relative fall of the squares at which coefficients within bounds are found.
BOUNDED = 1e-14


def loss_pieces(problem: "Problem") -> list[tuple[np.ndarray, np.ndarray] | None]:
    """Return the kinks and slopes of every output's trained loss; None where it has no pieces."""
    found: list[tuple[np.ndarray, np.ndarray] | None] = []
    y = problem.y.astype(float)
    for loss, outputs in problem.loss.blocks(problem.n_outputs):
        alone = outputs.stop - outputs.start == 1
        pieces = loss.pieces(y[:, outputs.start]) if alone else None
        found += [pieces] * (outputs.stop - outputs.start)
    return found


def kinked_duals(problem: "Problem") -> np.ndarray:
    """Return the dual coefficients of every output, shape (n, K).

    Those of a loss that is smooth, or smoothed, are minus its weighted gradients.
    """
    if not problem.loss.smoothed or problem.loss.temperature > 0:
        return -problem.weights[:, None] * problem.gradients
    duals = -problem.weights.astype(float)[:, None] * problem.gradients
    for k, pieces in enumerate(loss_pieces(problem)):
        if pieces is not None:
            _solve_at_kinks(problem, k, duals, *pieces)
    return duals


def _solve_at_kinks(problem, k, duals, kinks, slopes):
    """Fill in the coefficients of the rows of an output that are at a kink."""
    raw = problem.raw[:, k].astype(float)
    near = AT_KINK * np.sqrt(np.finfo(problem.theta.dtype).eps) * max(1.0, np.abs(raw).max())
    moved = slopes[:, 0] < slopes[:, -1]
    at = np.flatnonzero(
        moved & (problem.weights > 0) & np.any(abs(raw[:, None] - kinks) <= near, 1)
    )
    if not len(at):
        return
    duals[at, k] = 0
    _, where = problem.predictor.block(slice(k, k + 1))
    penalty = problem.penalty[where].astype(float)
    target = penalty * problem.theta[where].astype(float)
    rows = _with_ones(problem.X, len(where))
    target = target - np.asarray(rows.T @ duals[:, k]).ravel()
    scale = np.where(penalty > 0, 1 / np.sqrt(np.where(penalty > 0, penalty, 1)), 1)
    system = (_dense(rows[at]) * scale).T
    found = lstsq(system, target * scale, lapack_driver="gelsy", check_finite=False)[0]
    below = np.argmin(abs(raw[at, None] - kinks[at]), axis=1)
    bounds = -problem.weights[at].astype(float) * slopes[at, below]
    least = -problem.weights[at].astype(float) * slopes[at, below + 1]
    if np.any((found < least) | (found > bounds)):  # of many rows at a kink, others will do
        known = {"method": "bvls", "tol": BOUNDED, "max_iter": 100 * len(at)}
        found = lsq_linear(system, target * scale, (least, bounds), **known).x
    duals[at, k] = np.clip(found, least, bounds)


def _with_ones(X, n_parameters):
    """Return rows as the Jacobian of one output has them, with the column of the intercept."""
    X = X.astype(float)
    if X.shape[1] == n_parameters:
        return X
    ones = np.ones((X.shape[0], 1))
    return (
        sparse.csr_matrix(sparse.hstack([X, ones])) if sparse.issparse(X) else np.hstack([X, ones])
    )


def _dense(rows):
    return rows.toarray() if sparse.issparse(rows) else rows
