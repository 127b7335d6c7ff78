"""Curvature of a few rows taken out of H, or put in: the one place where Woodbury stands.

With ``U = J_rowsᵀ`` (P, q), the change C of the rows' curvature (q, q) and ``G = Uᵀ H⁻¹ U``,

    (H + U C Uᵀ)⁻¹ U u = H⁻¹ U (I + C G)⁻¹ u
    (H + U C Uᵀ)⁻¹ v   = H⁻¹ (v - U (I + C G)⁻¹ C Uᵀ H⁻¹ v),

a system of order q (Woodbury 1950). C is ``-s A`` for rows that leave, ``s A`` for rows that come,
and ``(s' - s) A`` for rows whose weight changes.
"""

import numpy as np
from scipy.linalg import get_lapack_funcs, lu_factor, lu_solve

from .._blocks import row_blocks
from ..predictors import Predictor
from ..solvers import Inverse
from ._exactness import error_of


def core(curvatures, gram):
    """Return ``I + C G`` of many small changes at once.

    Parameters
    ----------
    curvatures : ndarray of shape (b, q, q)
        C of every change.
    gram : ndarray of shape (b, q, q)
        G of every change; the leverages, where a change is a row.
    """
    return np.eye(gram.shape[-1], dtype=gram.dtype) + curvatures @ gram


def solve_core(cores, vectors):
    """Return ``(I + C G)⁻¹ u`` of many small changes at once, shape (b, q)."""
    if cores.shape[1] == 1:
        return vectors / cores[:, 0]
    return np.linalg.solve(cores, vectors[:, :, None])[:, :, 0]


def smallest_singular_values(cores):
    """Return the smallest singular value of every core, shape (b,): 0 at a leverage of 1."""
    if cores.shape[1] == 1:
        return np.abs(cores[:, 0, 0])
    return np.linalg.norm(cores, ord=-2, axis=(1, 2))


class ChangedInverse:
    """``(H + U C Uᵀ)⁻¹`` of one change of many rows, applied to one vector at a time by ``@``.

    Parameters
    ----------
    inverse : Inverse
        H⁻¹.
    X : {ndarray, CSR matrix} of shape (b, p)
        The rows whose curvature changes, as the predictor takes them.
    curvatures : ndarray of shape (b, K, K)
        What is added to the curvature of each.

    Attributes
    ----------
    error : float
        A bound on the relative error of what it solves.
    reliable : bool
        Whether the changed H is not so much closer to singular that the digits are lost.
    """

    def __init__(self, inverse: Inverse, X, curvatures: np.ndarray):
        self.inverse, self.X, self.curvatures = inverse, X, curvatures
        self.predictor: Predictor = inverse.hessian.problem.predictor
        gram = self._gram(inverse.hessian.block_size)
        changed = np.eye(len(gram), dtype=gram.dtype) + self._curve(gram)
        self.core = lu_factor(changed, check_finite=False)
        (gecon,) = get_lapack_funcs(("gecon",), (changed,))
        rcond, _ = gecon(self.core[0], np.abs(changed).sum(axis=0).max(initial=0))
        self.error = error_of(inverse) / rcond if rcond > 0 else np.inf
        self.reliable = bool(rcond > np.sqrt(np.finfo(changed.dtype).eps))

    def __matmul__(self, v: np.ndarray) -> np.ndarray:
        solved = self.inverse @ v
        curved = self._curve(self.predictor.jvp(self.X, solved[:, None]).reshape(-1, 1))
        pushes = lu_solve(self.core, curved, check_finite=False)
        pushes = pushes.reshape(*self.curvatures.shape[:2], 1)
        return solved - self.inverse @ self.predictor.vjp(self.X, pushes)[:, 0]

    def _gram(self, block_size):
        """Return G, shape (b K, b K)."""
        n, K, _ = self.curvatures.shape
        row_bytes = 3 * K * self.predictor.n_parameters * self.curvatures.itemsize
        parts = []
        for block in row_blocks(n, row_bytes, block_size):
            jacobian = self.predictor.jacobian(self.X[block])
            solved = self.inverse @ jacobian.reshape(-1, jacobian.shape[2]).T
            parts.append(self.predictor.jvp(self.X, solved).reshape(n * K, -1))
        gram = np.hstack(parts)
        return (gram + gram.T) / 2

    def _curve(self, columns):
        """Return C times columns, shape (b K, m)."""
        n, K, _ = self.curvatures.shape
        return (self.curvatures @ columns.reshape(n, K, -1)).reshape(n * K, -1)
