"""Replacement: minus the change of the objective's gradient when row j is replaced.

    R_j = s_j ∇loss(z_old) - s'_j ∇loss(z_new) - Σ_d c_jd D_d

(Koh & Liang 2017, equation 3: removal of the old row, and addition of the new one.) The last term
is what another label does to balanced weights.
"""

import numpy as np

from .._blocks import take_rows
from .._typing import Array
from ..problem import NewRows, Problem
from ._jacobian import Jacobian
from ._operator import Operator


class Replacement(Operator):
    """R: rows are minus the change of the gradient when each row is replaced alone.

    Parameters
    ----------
    problem : Problem
        The problem at its theta.
    new : NewRows
        What will stand in the rows.

    Attributes
    ----------
    rows : ndarray of int of shape (n_rows,)
        The rows.
    old, new : Jacobian
        The two shares of the row itself; ``R = old - new - coefficients @ directions``.
    curvatures : tuple of ndarray of shape (n_rows, K, K)
        s A of the old and of the new rows.
    """

    def __init__(self, problem: Problem, new: NewRows) -> None:
        super().__init__(problem.theta.dtype, (len(new), len(problem.theta)))
        self.rows = new.rows
        weights = problem.reweighting.replacing(problem.weights, new.rows, new.codes)
        before, after = (part[:, None].astype(self.dtype) for part in weights[:2])
        predictor, raw = problem.predictor, problem.predict_raw(new.X)
        own = before * problem.gradients[new.rows]
        self.old = Jacobian(predictor, take_rows(problem.X, new.rows), own)
        self.new = Jacobian(predictor, new.X, after * problem.loss.gradient(raw, new.y))
        self.curvatures = (
            before[:, :, None] * problem.curvatures[new.rows],
            after[:, :, None] * problem.loss.hessian(raw, new.y),
        )
        self.coefficients = weights[2].astype(self.dtype)
        changes = self.coefficients.shape[1] > 0 and self.coefficients.any()
        members = problem.reweighting.memberships() if changes else np.zeros((0, 1), dtype=bool)
        shared = [problem.data_gradient(problem.weights * mask) for mask in members]
        self.directions = np.reshape(shared, (-1, self.shape[1])).astype(self.dtype)
        self.coefficients = self.coefficients if changes else self.coefficients[:, :0]

    @property
    def reweighted(self) -> Array:
        """Mask of the rows whose replacement changes the weights of others."""
        return np.any(self.coefficients, axis=1)

    def _matmat(self, V: Array) -> Array:
        return self.old @ V - self.new @ V - self.coefficients @ (self.directions @ V)

    def _rmatmat(self, U: Array) -> Array:
        shared = self.directions.T @ (self.coefficients.T @ U)
        return self.old.rmatmat(U) - self.new.rmatmat(U) - shared

    def dense(self) -> Array:
        """Return R as an array of shape (n_rows, P)."""
        return self.old.dense() - self.new.dense() - self.coefficients @ self.directions
