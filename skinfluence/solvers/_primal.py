"""H⁻¹ from the dense Hessian: H = W⁻¹W⁻ᵀ with a whitener W that ``whiten`` applies.

Leverages are ``J_i Wᵀ W J_iᵀ``: one product of the rows with the matrix W, which multiplies
faster than it solves, and for several outputs never forms a Jacobian.
"""

import numpy as np
from scipy.linalg import eigh, get_blas_funcs, get_lapack_funcs, solve_triangular

from .._blocks import row_blocks, take_rows
from .._typing import Array, Matrix
from ..operators import Hessian
from ._centred import CentredInverse, far_centre
from ._inverse import FactoredInverse
from ._spectrum import IndefiniteError, indefinite

#: Rows whose leverages are found at once: enough for BLAS, few enough for the cache.
IN_CACHE = 512


def primal_inverse(hessian: Hessian) -> FactoredInverse:
    """Factor the dense Hessian: Cholesky, or eigenvectors where it is singular.

    Flat directions N are given the curvature of the parameters in them, ``H + N C Nᵀ``, and
    projected out of every right-hand side: the result is the pseudo-inverse, exactly. So are
    parameters that a norm holds at zero, whose rows of H are zero.
    """
    if hessian.free is not None and not hessian.free.any():
        return NullInverse(hessian)
    matrix = hessian.dense()
    centre = far_centre(hessian, matrix)
    if centre is None:
        return _factor(hessian, matrix)
    centred = hessian.centred(centre)
    try:
        return CentredInverse(hessian, _factor(centred, centred.dense()), centre)
    except IndefiniteError:
        raise indefinite(hessian) from None  # in the coordinates that are damped


def _factor(hessian: Hessian, matrix: Array) -> FactoredInverse:
    if hessian.free is not None:
        matrix[~hessian.free, ~hessian.free] = np.mean(np.diag(matrix)[hessian.free])
    scale = 1 / np.sqrt(_positive(np.diag(matrix)))
    flat = hessian.flat_directions
    if flat.shape[1]:
        matrix += (flat * (np.diag(matrix) @ flat**2)) @ flat.T
    scaled = matrix * scale
    scaled *= scale[:, None]
    lange, potrf, pocon = get_lapack_funcs(("lange", "potrf", "pocon"), (matrix,))
    norm = lange("1", scaled.T)  # symmetric, and in the order that LAPACK takes without a copy
    factor, failed = potrf(scaled.T, lower=True, overwrite_a=True)
    threshold = len(matrix) * np.finfo(matrix.dtype).eps
    rcond = 0.0 if failed else float(pocon(factor, norm, uplo="L")[0])
    if rcond > threshold:
        return CholeskyInverse(hessian, factor, scale, rcond)
    return SpectralInverse(hessian, *_spectrum(hessian, matrix))


class WhitenedInverse(FactoredInverse):
    """``H⁻¹ = Wᵀ W``, of which W is at hand: products are ``unwhiten(whiten(B))``."""

    def _matmat(self, B: Array) -> Array:
        return self.unwhiten(self.whiten(B))

    def whitener(self) -> Array:
        """Return W as an array, shape (rank, P)."""
        raise NotImplementedError

    def _leverages(self, rows: Array) -> Array:
        """Return ``J_i Wᵀ W J_iᵀ``; a few rows of many parameters are solved one by one."""
        problem = self.hessian.problem
        K = problem.n_outputs
        if 3 * K * len(rows) < self.shape[0]:
            return super()._leverages(rows)
        whitener = self.whitener()
        leverages = np.empty((len(rows), K, K), dtype=self.dtype)
        row_bytes = 3 * K * len(whitener) * self.dtype.itemsize
        blocks = row_blocks(len(rows), row_bytes, self.hessian.block_size, at_most=IN_CACHE)
        for block in blocks:
            white = self._white_rows(take_rows(problem.X, rows[block]), whitener)
            if K == 1:  # the same contraction, many times as fast
                leverages[block, 0, 0] = np.einsum("np,np->n", white[:, 0], white[:, 0])
            else:
                leverages[block] = np.matmul(white, white.transpose(0, 2, 1))
        return leverages

    def _leverage_block(self, jacobian: Array) -> Array:
        n, K, P = jacobian.shape
        white = self.whiten(jacobian.reshape(n * K, P).T).T.reshape(n, K, -1)
        return np.matmul(white, white.transpose(0, 2, 1))

    def _white_rows(self, X: Matrix, whitener: Array) -> Array:
        """Return ``J_i Wᵀ`` for every row, shape (n_rows, K, rank)."""
        return self.hessian.problem.predictor.jvp(X, whitener.T)


class NullInverse(WhitenedInverse):
    """W without a row: no parameter can move."""

    rcond = 1.0
    white_size = 0

    def whiten(self, B: Array) -> Array:
        """Return W B."""
        return np.zeros((0, B.shape[1]), dtype=B.dtype)

    def unwhiten(self, Z: Array) -> Array:
        """Return Wᵀ Z."""
        return np.zeros((self.shape[0], Z.shape[1]), dtype=Z.dtype)

    def whitener(self) -> Array:
        """Return W."""
        return np.zeros((0, self.shape[0]), dtype=self.dtype)


class CholeskyInverse(WhitenedInverse):
    """W = L⁻¹ S, from ``S H S = L Lᵀ`` with S = diag(H)^-½."""

    def __init__(self, hessian: Hessian, factor: Array, scale: Array, rcond: float) -> None:
        super().__init__(hessian)
        self.factor, self.scale, self.rcond = factor, scale, rcond

    def whiten(self, B: Array) -> Array:
        """Return W B."""
        scaled = self.scale[:, None] * self.project(B)
        return solve_triangular(self.factor, scaled, lower=True, check_finite=False)

    def unwhiten(self, Z: Array) -> Array:
        """Return Wᵀ Z."""
        solved = solve_triangular(self.factor, Z, lower=True, trans=1, check_finite=False)
        return self.project(self.scale[:, None] * solved)

    def whitener(self) -> Array:
        """Return W: lower triangular, unless H has flat directions, which it has no part in."""
        (trtri,) = get_lapack_funcs(("trtri",), (self.factor,))
        inverse, _ = trtri(self.factor, lower=True)  # above the diagonal 0, as in the factor
        inverse *= self.scale
        return self.project(inverse.T).T

    def _white_rows(self, X: Matrix, whitener: Array) -> Array:
        predictor = self.hessian.problem.predictor
        if predictor.n_outputs > 1:
            return super()._white_rows(X, whitener)
        (trmm,) = get_blas_funcs(("trmm",), (whitener,))  # half of W is zero
        jacobian = predictor.jacobian(X)
        white = trmm(1.0, whitener, jacobian[:, 0].T, lower=True, overwrite_b=True)
        return white.T[:, None]


class SpectralInverse(WhitenedInverse):
    """W = Λ^-½ Vᵀ over the eigenvalues that are not zero: the answer of minimum norm."""

    def __init__(self, hessian: Hessian, eigenvalues: Array, eigenvectors: Array) -> None:
        super().__init__(hessian)
        self.half = self.project(eigenvectors / np.sqrt(eigenvalues)).T
        whole = len(eigenvalues) == len(eigenvectors)
        self.rcond = float(eigenvalues[0] / eigenvalues[-1]) if whole else 0.0

    @property
    def rank(self) -> int:
        """Number of eigenvalues that are not zero, less the flat and the held directions."""
        return super().rank - (self.shape[0] - len(self.half))

    @property
    def white_size(self) -> int:
        """Number of eigenvalues that are not zero."""
        return len(self.half)

    def whiten(self, B: Array) -> Array:
        """Return W B."""
        return self.half @ B

    def unwhiten(self, Z: Array) -> Array:
        """Return Wᵀ Z."""
        return self.half.T @ Z

    def whitener(self) -> Array:
        """Return W."""
        return self.half


def _spectrum(hessian: Hessian, matrix: Array) -> tuple[Array, Array]:
    """Return the eigenvalues that are not zero, and their vectors."""
    if not np.all(np.isfinite(matrix)):
        raise ValueError("The Hessian is not finite; rescale the columns of X.")
    eigenvalues, eigenvectors = eigh(matrix, check_finite=False)
    threshold = len(matrix) * np.finfo(matrix.dtype).eps * np.abs(eigenvalues).max(initial=0)
    if eigenvalues[0] < -threshold * 10:
        raise indefinite(hessian, eigenvalues[0], eigenvalues[-1])
    kept = eigenvalues > threshold
    return eigenvalues[kept], eigenvectors[:, kept]


def _positive(diagonal: Array) -> Array:
    return np.where(diagonal > 0, diagonal, 1)
