"""First order: ``influence = J · H⁻¹ · Rᵀ`` (Koh & Liang 2017, equations 1 and 2)."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._blocks import row_blocks, take_rows
from ..operators import Jacobian, Removal, Replacement
from ..problems import Problem


@dataclass(frozen=True, eq=False)
class FirstOrder:
    """Influence functions: the derivative of the optimum in a row's weight, times removal.

    Parameters
    ----------
    problem : Problem
        The fitted problem.
    inverse : Inverse
        H⁻¹ at its theta.
    """

    problem: Problem
    inverse: Any

    def on_losses(self, X, y):
        """Effect on the losses of test rows, equation 2: ``∇loss_test · H⁻¹ · Rᵀ``."""
        return LinearEffect(self.problem, self.solve_losses(X, y))

    def solve_losses(self, X, y):
        """Return ``H⁻¹ ∇loss_test`` of test rows, shape (P, m)."""
        problem = self.problem
        gradients = problem.asked.gradient(problem.predict_raw(X), y)
        questions = Jacobian(problem.predictor, X, gradients).dense()
        return self.inverse @ questions.T

    def on_predictions(self, X):
        """Effect on the raw predictions of test rows."""
        jacobian = self.problem.predictor.jacobian(X)
        m, K, P = jacobian.shape
        effect = LinearEffect(self.problem, self.inverse @ jacobian.reshape(m * K, P).T)
        return lambda rows: effect(rows).reshape(m, K, len(rows)).transpose(0, 2, 1)

    def on_parameters(self):
        """Effect on theta, equation 1: ``H⁻¹ Rᵀ``."""
        return lambda rows: (self.inverse @ Removal(self.problem, rows).dense().T).T

    def on_own_raw(self, rows):
        """Effect of every row on its own raw prediction: ``J_j H⁻¹ R_jᵀ``."""
        return self.own_change(rows, Removal(self.problem, rows))

    def own_change(self, rows, removal):
        """Return ``J_j H⁻¹ R_jᵀ`` of a given R."""
        change = np.einsum("nkl,nl->nk", self.inverse.leverages(rows), removal.own.gradients)
        return change + self.shared_change(rows, removal)

    def shared_change(self, rows, removal):
        """Return what the changed weights of the other rows do to a row's own prediction."""
        if not removal.directions.shape[0]:
            return np.zeros_like(removal.own.gradients)
        shared = self.inverse @ removal.directions.T
        effect = self.problem.predictor.jvp(take_rows(self.problem.X, rows), shared)
        return np.einsum("nkq,nq->nk", effect, removal.coefficients)

    def on_groups(self, X, y, groups):
        """Effect on test losses of removing each group at once; groups (n, n_groups) boolean.

        R of a group is minus the exact change of the gradient; the curvature that leaves with
        the group is not taken out of H, so this is first order.
        """
        problem = self.problem
        removals = np.zeros((len(problem.theta), groups.shape[1]), dtype=problem.theta.dtype)
        for i, members in enumerate(groups.T):
            removals[:, i] = group_removal(problem, members)
        gradients = problem.asked.gradient(problem.predict_raw(X), y)
        return Jacobian(problem.predictor, X, gradients) @ (self.inverse @ removals)

    def on_replacements(self, X, y, new):
        """Effect on test losses of replacing each row alone, equation 3; shape (m, n_rows)."""
        replacement = Replacement(self.problem, new)
        out = np.empty((X.shape[0], len(new)), dtype=replacement.dtype)
        for block in row_blocks(len(out), 3 * out.itemsize * replacement.shape[1]):
            out[block] = (replacement @ self.solve_losses(X[block], y[block])).T
        return out


@dataclass(frozen=True, eq=False)
class LinearEffect:
    """``(R S)ᵀ``: the effect of removing rows on questions that were solved for, S = H⁻¹ Jᵀ."""

    problem: Problem
    solved: np.ndarray

    def __call__(self, rows):
        return (Removal(self.problem, rows) @ self.solved).T


def group_removal(problem, members):
    """Return minus the change of the objective's gradient when ``members`` leave, shape (P,)."""
    after = problem.reweighting.weights_without(problem.weights, members)
    removal = problem.data_gradient(problem.weights - after)
    if problem.mass is None:
        return removal
    share = problem.penalty_shares(np.flatnonzero(members)).sum()
    return removal + share * problem.penalty_gradient()
