"""Removal: row j is minus the change of the objective's gradient when row j is removed."""

from __future__ import annotations

from copy import copy
from typing import Any

import numpy as np

from .._blocks import take_rows
from .._typing import Array
from ..problem import Problem
from ._jacobian import Jacobian
from ._operator import Operator


class Removal(Operator):
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

    Attributes
    ----------
    rows : ndarray of int of shape (n_rows,)
        The rows.
    own : Jacobian
        Their own shares, ``s'_j ∇loss_j``.
    coefficients : ndarray of shape (n_rows, q)
        -c, what is added of each shared direction.
    directions : ndarray of shape (q, P)
        D, the shared directions.
    """

    def __init__(self, problem: Problem, rows: Array) -> None:
        super().__init__(problem.theta.dtype, (len(rows), len(problem.theta)))
        self.rows = rows
        weights = problem.reweighting.own_weights(problem.weights, rows)
        gradients = weights[:, None] * problem.gradients[rows]
        self.own = Jacobian(problem.predictor, take_rows(problem.X, rows), gradients)
        self.coefficients = -problem.shared_coefficients(rows)
        self.directions = problem.shared_directions()

    def with_own(self, gradients: Array) -> Removal:
        """Return R with another gradient (n_rows, K) in place of the row's own share s'g."""
        removal = copy(self)
        own = self.own
        removal.own = Jacobian(own.predictor, own.X, gradients)
        return removal

    def part(self, block: slice | Array) -> Removal:
        """Return R of some of its rows."""
        part, own = copy(self), self.own
        part.own = Jacobian(own.predictor, own.X[block], own.gradients[block])
        part.rows = self.rows[block]
        part.coefficients = self.coefficients[block]
        part.shape = part.own.shape
        return part

    def own_change(self, inverse: Any) -> Array:
        """Return ``J_j H⁻¹ R_jᵀ``: the change of each row's own raw prediction; (n_rows, K)."""
        change = np.einsum("nkl,nl->nk", inverse.leverages(self.rows), self.own.gradients)
        return change + self.shared_change(inverse)

    def shared_change(self, inverse: Any) -> Array:
        """Return the part of ``own_change`` that the changed weights of the other rows cause."""
        if not len(self.directions):
            return np.zeros_like(self.own.gradients)
        effect = self.own.predictor.jvp(self.own.X, inverse @ self.directions.T)
        return np.einsum("nkq,nq->nk", effect, self.coefficients)

    def _matmat(self, V: Array) -> Array:
        product = self.own @ V
        if len(self.directions):
            product += self.coefficients @ (self.directions @ V)
        return product

    def _rmatmat(self, U: Array) -> Array:
        return self.own.rmatmat(U) + self.directions.T @ (self.coefficients.T @ U)

    def dense(self) -> Array:
        """Return R as an array of shape (n_rows, P)."""
        return self.own.dense() + self.coefficients @ self.directions
