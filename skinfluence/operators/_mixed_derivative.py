"""MixedDerivative: what a small change of a row's features does to the objective's gradient.

    -s_j ∇ₓ∇θ loss_j v = -s_j [(A_j J_j v) · ∂raw_j/∂x + g_j · ∂(J_j v)/∂x]

(Koh & Liang 2017, equation 5, for the objective as the estimator has it: s_j holds the 1/n of the
paper's section 3.)
"""

import numpy as np

from .._blocks import take_rows
from .._typing import Array
from ..problem import Problem
from ._operator import Operator


class MixedDerivative(Operator):
    """R for changes of the features: rows ``-s_j ∂(∇θ loss_j)/∂x_jf``, feature by feature.

    Only the row's own loss depends on its features: weights stay, those of balanced classes too,
    and so does the penalty.

    Parameters
    ----------
    problem : Problem
        The problem at its theta.
    rows : ndarray of int of shape (n_rows,)
        Training rows, whose p features are changed one at a time.
    """

    def __init__(self, problem: Problem, rows: Array) -> None:
        X = take_rows(problem.X, rows)
        super().__init__(problem.theta.dtype, (len(rows) * X.shape[1], len(problem.theta)))
        self.predictor, self.theta, self.X = problem.predictor, problem.theta, X
        weights = -problem.weights[rows]
        self.gradients = weights[:, None] * problem.gradients[rows]
        self.curvatures = weights[:, None, None] * problem.curvatures[rows]

    def rows_by_vectors(self, V: Array) -> Array:
        """Return the product with V (P, m) as (m, n_rows, p), dense also where X is sparse."""
        n, p = self.X.shape
        product = np.empty((V.shape[1], n, p), dtype=self.dtype)
        bent = np.matmul(self.curvatures, self.predictor.jvp(self.X, V))
        for i, v in enumerate(V.T):
            product[i] = self.predictor.mixed_vjp(
                self.theta, self.X, bent[:, :, i], self.gradients, v
            )
        return product

    def _matmat(self, V: Array) -> Array:
        return self.rows_by_vectors(V).reshape(V.shape[1], -1).T
