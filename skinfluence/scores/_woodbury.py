"""The inverse Hessian without a group of rows, from the factor that is there already.

With ``s_i A_i = F_i D_i F_iᵀ`` for the rows of the group G, D = ±1, and ``U = J_Gᵀ F`` (P, |G|K),

    (H - U D Uᵀ)⁻¹ = H⁻¹ + H⁻¹ U (D - Uᵀ H⁻¹ U)⁻¹ Uᵀ H⁻¹,

a system of order |G|K (Woodbury 1950). U is never held: it is applied through the predictor.
"""

import numpy as np
from scipy.linalg import get_lapack_funcs, lu_factor, lu_solve

from .._blocks import row_blocks, take_rows


class InverseWithout:
    """``H_{-G}⁻¹``, applied to one vector at a time by ``@``.

    Parameters
    ----------
    inverse : Inverse
        H⁻¹ with the group.
    rows : ndarray of int of shape (|G|,)
        The rows of the group.

    Attributes
    ----------
    reliable : bool
        Whether H without the group is not so much closer to singular that the digits are lost.
    """

    def __init__(self, inverse, rows):
        problem = inverse.hessian.problem
        self.inverse, self.predictor = inverse, problem.predictor
        self.X = take_rows(problem.X, rows)
        self.roots, signs = _signed_roots(inverse.hessian.curvatures[rows])
        core = np.diag(signs.ravel()) - self._gram(inverse.hessian.block_size)
        self.core = lu_factor(core, check_finite=False)
        (gecon,) = get_lapack_funcs(("gecon",), (core,))
        conditioned, _ = gecon(self.core[0], np.abs(core).sum(axis=0).max(initial=0))
        self.reliable = bool(conditioned > np.sqrt(np.finfo(core.dtype).eps))

    def __matmul__(self, v):
        solved = self.inverse @ v
        inner = self._rooted(self.predictor.jvp(self.X, solved[:, None]))
        inner = lu_solve(self.core, inner, check_finite=False).reshape(len(self.roots), -1, 1)
        return solved + self.inverse @ self.predictor.vjp(self.X, self.roots @ inner)[:, 0]

    def _gram(self, block_size):
        """Return Uᵀ H⁻¹ U, shape (|G|K, |G|K)."""
        n, K, _ = self.roots.shape
        row_bytes = 3 * K * self.predictor.n_parameters * self.roots.itemsize
        parts = []
        for block in row_blocks(n, row_bytes, block_size):
            jacobian = self.predictor.jacobian(self.X[block])
            own = np.einsum("nkl,nkp->nlp", self.roots[block], jacobian)
            solved = self.inverse @ own.reshape(-1, own.shape[2]).T
            parts.append(self._rooted(self.predictor.jvp(self.X, solved)))
        gram = np.hstack(parts)
        return (gram + gram.T) / 2

    def _rooted(self, products):
        """Return Fᵀ times predictions (|G|, K, m), shape (|G|K, m)."""
        return (self.roots.transpose(0, 2, 1) @ products).reshape(-1, products.shape[2])


def _signed_roots(curvatures):
    """Return F (n, K, K) and D (n, K) = ±1 with ``F_i D_i F_iᵀ`` the symmetric matrices given."""
    if curvatures.shape[1] == 1:
        values, vectors = curvatures[:, 0], np.ones_like(curvatures)
    else:
        values, vectors = np.linalg.eigh(curvatures)
    signs = np.where(values < 0, -1, 1).astype(curvatures.dtype)
    return vectors * np.sqrt(np.abs(values))[:, None, :], signs
