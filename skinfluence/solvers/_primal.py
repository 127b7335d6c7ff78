"""H⁻¹ from the dense Hessian: H = W⁻ᵀW⁻¹ with a whitener W that ``whiten`` applies."""

import numpy as np
from scipy.linalg import eigh, get_lapack_funcs, solve_triangular

from ._inverse import Inverse


def primal_inverse(hessian):
    """Factor the dense Hessian: Cholesky, or eigenvectors where it is singular.

    Flat directions N are given the curvature of the others, ``H + c N Nᵀ``, and projected out of
    every right-hand side: the result is the pseudo-inverse, exactly.
    """
    matrix = hessian.dense()
    scale = 1 / np.sqrt(_positive(np.diag(matrix)))
    flat = hessian.flat_directions
    if flat.shape[1]:
        matrix += np.mean(np.diag(matrix)) * (flat @ flat.T)
    norm = np.abs(matrix * scale * scale[:, None]).sum(axis=0).max()
    potrf, pocon = get_lapack_funcs(("potrf", "pocon"), (matrix,))
    factor, failed = potrf(matrix * scale * scale[:, None], lower=True, overwrite_a=True)
    threshold = len(matrix) * np.finfo(matrix.dtype).eps
    if not failed and pocon(factor, norm, uplo="L")[0] > threshold:
        return CholeskyInverse(hessian, factor, scale)
    return SpectralInverse(hessian, *_spectrum(matrix))


class WhitenedInverse(Inverse):
    """``H⁻¹ = Wᵀ W``: ``whiten`` applies W, ``unwhiten`` its transpose."""

    def whiten(self, B):
        """Return W B, so that (W B)ᵀ(W B) = Bᵀ H⁻¹ B."""
        raise NotImplementedError

    def unwhiten(self, Z):
        """Return Wᵀ Z."""
        raise NotImplementedError

    def _matmat(self, B):
        return self.unwhiten(self.whiten(B))

    def _leverage_block(self, jacobian):
        n, K, P = jacobian.shape
        white = self.whiten(jacobian.reshape(n * K, P).T)
        if K == 1:  # the same contraction, twenty times as fast
            return np.einsum("pn,pn->n", white, white)[:, None, None]
        white = white.reshape(-1, n, K)
        return np.einsum("pnk,pnl->nkl", white, white, optimize=True)


class CholeskyInverse(WhitenedInverse):
    """W = L⁻¹ S, from ``S H S = L Lᵀ`` with S = diag(H)^-½."""

    def __init__(self, hessian, factor, scale):
        super().__init__(hessian)
        self.factor, self.scale = factor, scale

    def whiten(self, B):
        """Return W B."""
        scaled = self.scale[:, None] * self.project(B)
        return solve_triangular(self.factor, scaled, lower=True, check_finite=False)

    def unwhiten(self, Z):
        """Return Wᵀ Z."""
        solved = solve_triangular(self.factor, Z, lower=True, trans=1, check_finite=False)
        return self.project(self.scale[:, None] * solved)


class SpectralInverse(WhitenedInverse):
    """W = Λ^-½ Vᵀ over the eigenvalues that are not zero: the answer of minimum norm."""

    def __init__(self, hessian, eigenvalues, eigenvectors):
        super().__init__(hessian)
        self.half = (eigenvectors / np.sqrt(eigenvalues)).T

    def whiten(self, B):
        """Return W B."""
        return self.half @ self.project(B)

    def unwhiten(self, Z):
        """Return Wᵀ Z."""
        return self.project(self.half.T @ Z)


def _spectrum(matrix):
    """Return the eigenvalues that are not zero, and their vectors."""
    if not np.all(np.isfinite(matrix)):
        raise ValueError("The Hessian is not finite; rescale the columns of X.")
    eigenvalues, eigenvectors = eigh(matrix, check_finite=False)
    threshold = len(matrix) * np.finfo(matrix.dtype).eps * np.abs(eigenvalues).max(initial=0)
    if eigenvalues[0] < -threshold * 10:
        raise ValueError(
            f"The Hessian is indefinite: its smallest eigenvalue is {eigenvalues[0]:.3g}. "
            "Set `damping` above its absolute value divided by n."
        )
    kept = eigenvalues > threshold
    return eigenvalues[kept], eigenvectors[:, kept]


def _positive(diagonal):
    return np.where(diagonal > 0, diagonal, 1)
