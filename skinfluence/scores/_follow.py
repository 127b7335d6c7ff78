"""Follow rows that one Newton step does not settle to the optimum of the objective without them.

Which those are is free to know. The step's decrement δ (its length in the Hessian's norm), times
the standard deviation ν that a typical row's prediction has under H⁻¹, bounds the relative error
of the step: measured over linear, multinomial and heavy-tailed fits it is below ½ ν δ. Rows with
ν δ > 0.1 take chord steps, which compute the gradient anew and reuse the factor,

    Δ ← Δ - H_{-j}⁻¹ ∇F_{-j}(theta + Δ),    H_{-j}⁻¹ = H⁻¹ + H⁻¹ J_jᵀ (I - s'A P_j)⁻¹ s'A J_j H⁻¹

until the residual's own decrement is below ``tolerance`` δ; what is left after a few takes full
Newton steps.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .._blocks import row_blocks, take_rows
from ._convergence import refine
from ._first_order import FirstOrder

#: ν δ above which a row's step is checked and followed.
SETTLED = 0.1
#: Chord steps before full Newton steps take over.
CHORD_STEPS = 12


@dataclass(frozen=True, eq=False)
class Surrounding:
    """Rows that leave the same H behind.

    Parameters
    ----------
    members : ndarray of bool of shape (n,)
        The rows.
    first_order : FirstOrder
        Their problem, and the inverse of the H with the weights that the others then have.
    """

    members: np.ndarray
    first_order: FirstOrder

    @property
    def problem(self):
        """The fitted problem."""
        return self.first_order.problem

    @property
    def inverse(self):
        """H⁻¹ with the weights that the others have when a member has left."""
        return self.first_order.inverse

    def solve(self, removal):
        """Return H⁻¹ Rᵀ, one row a row of R; shape (n_rows, P)."""
        return (self.inverse @ removal.dense().T).T

    def own_curvatures(self, rows):
        """Return s'_j A_j, shape (n_rows, K, K)."""
        problem = self.problem
        weights = problem.reweighting.own_weights(problem.weights, rows)
        return weights[:, None, None] * problem.curvatures[rows]

    def left(self, rows):
        """Return I - s'_j A_j P_j, shape (n_rows, K, K)."""
        curvatures = self.own_curvatures(rows)
        return np.eye(curvatures.shape[1]) - curvatures @ self.inverse.leverages(rows)

    @cached_property
    def typical_deviation(self):
        """ν: root mean square deviation of a raw prediction under H⁻¹, weighted by curvature."""
        n = self.problem.n_rows
        rows = np.unique(np.linspace(0, n - 1, min(n, 256)).astype(int))
        curvatures = self.inverse.hessian.curvatures[rows]
        variance = np.einsum("nkl,nlk->", curvatures, self.inverse.leverages(rows))
        total = np.einsum("nkk->", curvatures)
        return float(np.sqrt(variance / total)) if total > 0 else 0.0


def unsettled(rows, surrounding, steps):
    """Tell for which rows ν δ > 0.1; ``steps`` is the R whose H⁻¹ Rᵀ is their Newton step."""
    first_order = surrounding.first_order
    weights = surrounding.problem.reweighting.own_weights(surrounding.problem.weights, rows)
    gradients = weights[:, None] * surrounding.problem.gradients[rows]
    squares = np.einsum("nk,nk->n", gradients, first_order.own_change(rows, steps))
    if len(steps.directions):
        solved = surrounding.inverse @ steps.directions.T
        squares += np.einsum("nq,nq->n", steps.coefficients, steps @ solved)
    return surrounding.typical_deviation * np.sqrt(np.maximum(squares, 0)) > SETTLED


def follow(rows, surrounding, start, solver, tolerance):
    """Return the change of theta at the optimum without each row, shape (n_rows, P).

    Parameters
    ----------
    rows : ndarray of int of shape (n_rows,)
        Members of the surrounding.
    start : ndarray of shape (n_rows, P)
        Their first Newton steps.
    solver : object with ``invert``
        For the full Newton steps.
    tolerance : float
        Decrement of the residual at which to stop, relative to that of the first step.
    """
    change = start.copy()
    size = 4 * surrounding.problem.n_rows * surrounding.problem.y.shape[1] * change.itemsize
    for block in row_blocks(len(rows), size, None):
        change[block] = _chord(rows[block], surrounding, start[block], solver, tolerance)
    return change


def _chord(rows, surrounding, start, solver, tolerance):
    change, running = start.copy(), np.arange(len(rows))
    lengths = np.sqrt(_quadratic(start, (surrounding.inverse.hessian @ start.T).T))
    for _ in range(CHORD_STEPS):
        residual = _residual(rows[running], surrounding, change[running])
        step = _solve_without(rows[running], surrounding, residual)
        change[running] -= step
        decrement = np.sqrt(_quadratic(residual, step))
        running = running[~(decrement <= tolerance * lengths[running])]
        if not len(running):
            return change
    for i in running:
        change[i] = _full_steps(rows[i], surrounding, start[i], solver)
    return change


def _residual(rows, surrounding, change):
    """Return the gradient of the objective without each row at theta + change, (n_rows, P)."""
    problem = surrounding.problem
    predictor, loss = problem.predictor, problem.loss
    raw = problem.raw[:, None] + predictor.jvp(problem.X, change.T).transpose(0, 2, 1)
    gradients = loss.gradient(raw, problem.y[:, None]) * _weights_without(problem, rows)[:, :, None]
    data = predictor.vjp(problem.X, gradients.transpose(0, 2, 1)).T
    return data + problem.penalty * (problem.theta + change)


def _weights_without(problem, rows):
    """Return the weights of all rows once each of ``rows`` has left, shape (n, n_rows)."""
    reweighting = problem.reweighting
    ratios = 1 + reweighting.coefficients(rows) @ reweighting.memberships()
    weights = problem.weights[:, None] * ratios.T.astype(problem.weights.dtype)
    weights[rows, np.arange(len(rows))] = 0
    return weights


def _solve_without(rows, surrounding, residual):
    """Return H_{-j}⁻¹ residual_j, one row a row; shape (n_rows, P)."""
    predictor = surrounding.problem.predictor
    X = take_rows(surrounding.problem.X, rows)
    own = predictor.row_jvp(X, (surrounding.inverse @ residual.T).T)
    curved = np.einsum("nkl,nl->nk", surrounding.own_curvatures(rows), own)
    added = np.linalg.solve(surrounding.left(rows), curved[:, :, None])[:, :, 0]
    return (surrounding.inverse @ (residual + predictor.row_gradients(X, added)).T).T


def _full_steps(row, surrounding, start, solver):
    problem = surrounding.problem
    weights = _weights_without(problem, np.array([row]))[:, 0]
    without = problem.reweighted(weights).at(problem.theta + start)
    return refine(without, solver).theta - problem.theta


def _quadratic(vectors, images):
    return np.maximum(np.einsum("np,np->n", vectors, images), 0)
