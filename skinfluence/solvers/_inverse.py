"""The inverse of a Hessian, as an operator: ``inverse @ B = H⁻¹ B``."""

import numpy as np
from scipy.sparse.linalg import LinearOperator

from .._blocks import row_blocks, take_rows


class Inverse(LinearOperator):
    """H⁻¹ as a symmetric ``LinearOperator``; a solver's subclass writes ``_matmat``.

    Where H has flat directions (a softmax and its intercepts) this is the pseudo-inverse: it
    returns the answer of minimum norm, which is the one the estimator's own solver finds.

    Parameters
    ----------
    hessian : Hessian
        The operator that is inverted.

    Attributes
    ----------
    exact : bool
        Whether products are solved to a tolerance, rather than estimated.
    """

    exact = True

    def __init__(self, hessian):
        super().__init__(hessian.dtype, hessian.shape)
        self.hessian = hessian
        K = hessian.problem.y.shape[1]
        self.known_leverages = np.full((hessian.problem.n_rows, K, K), np.nan, dtype=self.dtype)

    def _matvec(self, v):
        return self._matmat(np.reshape(v, (-1, 1)))[:, 0]

    def _adjoint(self):
        return self

    def project(self, B):
        """Return B without its flat directions."""
        flat = self.hessian.flat_directions
        if not flat.shape[1]:
            return B
        support = np.flatnonzero(flat.any(axis=1))  # the intercepts, as a rule: few of many
        projected = B.copy()
        projected[support] -= flat[support] @ (flat[support].T @ B[support])
        return projected

    def leverages(self, rows):
        """Return ``J_i H⁻¹ J_iᵀ`` of training rows, shape (n_rows, K, K).

        It is how far row i's own raw prediction moves by a unit change of its gradient. What was
        computed once is kept.
        """
        missing = np.unique(rows[np.isnan(self.known_leverages[rows, 0, 0])])
        if len(missing):
            self.known_leverages[missing] = self._leverages(missing)
        return self.known_leverages[rows]

    def _leverages(self, rows):
        """Solve for every row; inverses that know better override this."""
        problem = self.hessian.problem
        K, P = problem.y.shape[1], len(problem.theta)
        row_bytes = 3 * K * P * self.dtype.itemsize
        blocks = []
        for block in row_blocks(len(rows), row_bytes, self.hessian.block_size):
            jacobian = problem.predictor.jacobian(take_rows(problem.X, rows[block]))
            blocks.append(self._leverage_block(jacobian))
        return np.concatenate(blocks)

    def _leverage_block(self, jacobian):
        n, K, P = jacobian.shape
        solved = (self @ jacobian.reshape(n * K, P).T).reshape(P, n, K)
        return np.einsum("nkp,pnl->nkl", jacobian, solved, optimize=True)
