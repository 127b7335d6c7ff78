"""Follow rows that one Newton step does not settle to the optimum of the objective without them.

Which those are is free to know. The step's decrement δ (its length in the Hessian's norm), times
the standard deviation ν that a typical row's prediction has under H⁻¹, bounds the relative error
of the step: measured over linear, multinomial and heavy-tailed fits it is below ½ ν δ. Rows with
ν δ > 0.1 go on. Their objective without the row, F_{-j}, is minimised by nonlinear conjugate
gradients, all rows at once, preconditioned by the factor that is there already,

    H_{-j}⁻¹ = H⁻¹ + H⁻¹ J_jᵀ (I - s'A P_j)⁻¹ s'A J_j H⁻¹,

so that the first direction is the Newton step and a later one costs a pass over the data. A row
stops where the decrement of its residual gradient is below ``tolerance`` δ: its certificate.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .._blocks import row_blocks
from ._convergence import refine
from ._descent import Descent, weights_without
from ._first_order import FirstOrder

#: ν δ above which a row's step is checked and followed.
SETTLED = 0.1


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
        """Return s'_j A_j as it stands in H, shape (n_rows, K, K)."""
        return self.inverse.hessian.curvatures[rows]

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
    settled = surrounding.typical_deviation**2 * np.abs(squares) <= SETTLED**2
    return ~(settled & (squares >= 0))


def follow(rows, surrounding, solver, tolerance):
    """Return the change of theta at the optimum without each row, shape (n_rows, P).

    Parameters
    ----------
    rows : ndarray of int of shape (n_rows,)
        Members of the surrounding.
    surrounding : Surrounding
        Their problem and inverse.
    solver : object with ``invert``
        For the full Newton steps of rows that do not converge.
    tolerance : float
        Decrement of the residual at which to stop, relative to that of the first step.
    """
    problem = surrounding.problem
    n, K = problem.y.shape
    change = np.empty((len(rows), len(problem.theta)), dtype=problem.theta.dtype)
    row_bytes = 64 * (n * K + len(problem.theta)) * change.itemsize
    for block in row_blocks(len(rows), row_bytes, None):
        descent = Descent.start(rows[block], surrounding)
        change[block] = descent.run(tolerance)
        for i in np.flatnonzero(descent.unfinished):
            row = rows[block][i]
            change[block][i] = _full_steps(row, surrounding, change[block][i], solver)
    return change


def _full_steps(row, surrounding, start, solver):
    problem = surrounding.problem
    weights = weights_without(problem, np.array([row]))[:, 0]
    without = problem.reweighted(weights).at(problem.theta + start)
    return refine(without, solver).theta - problem.theta
