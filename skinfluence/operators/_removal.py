"""Removal: row j is minus the change of the objective's gradient when row j is removed."""

from copy import copy

import numpy as np
from scipy.sparse.linalg import LinearOperator

from .._blocks import take_rows
from ._jacobian import Jacobian


class Removal(LinearOperator):
    """R: row j is minus the change of the objective's gradient when row j is removed.

    ``R_j = s'_j ∇loss_j - Σ_d c_jd D_d``: the row's own share, and what its leaving does to the
    rest of the objective: nothing, unless classes are balanced, or the penalty multiplies the
    mean of the losses (then a share of the penalty leaves with the row).

    Parameters
    ----------
    problem : Problem
        The problem at its theta.
    rows : ndarray of int of shape (n_rows,)
        Rows to remove, one at a time.
    """

    def __init__(self, problem, rows):
        super().__init__(problem.theta.dtype, (len(rows), len(problem.theta)))
        weights = problem.reweighting.own_weights(problem.weights, rows)
        gradients = weights[:, None] * problem.gradients[rows]
        self.own = Jacobian(problem.predictor, take_rows(problem.X, rows), gradients)
        self.coefficients = -problem.shared_coefficients(rows)
        self.directions = problem.shared_directions()

    def with_own(self, gradients):
        """Return R with another gradient (n_rows, K) in place of the row's own share s'g."""
        removal = copy(self)
        own = self.own
        removal.own = Jacobian(own.predictor, own.X, gradients)
        return removal

    def part(self, block):
        """Return R of a slice of its rows."""
        part, own = copy(self), self.own
        part.own = Jacobian(own.predictor, own.X[block], own.gradients[block])
        part.coefficients = self.coefficients[block]
        part.shape = part.own.shape
        return part

    def _matmat(self, V):
        product = self.own @ V
        if len(self.directions):
            product += self.coefficients @ (self.directions @ V)
        return product

    def _rmatmat(self, U):
        return self.own.rmatmat(U) + self.directions.T @ (self.coefficients.T @ U)

    def _matvec(self, v):
        return self._matmat(np.reshape(v, (-1, 1)))

    def _rmatvec(self, u):
        return self._rmatmat(np.reshape(u, (-1, 1)))

    def dense(self):
        """Return R as an array of shape (n_rows, P)."""
        return self.own.dense() + self.coefficients @ self.directions
