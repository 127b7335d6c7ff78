"""H⁻¹ by Woodbury, for more parameters than rows: a matrix of order nK is factored, not P.

Only rows that have a curvature count, n of them: of a support vector machine few.

With ``s_i A_i = F_i F_iᵀ``, D the ridge on the coefficients and ``X̂ = Fᵀ J D^-½`` (nK, Kp),

    H_w⁻¹ = D^-½ (I - X̂ᵀ M⁻¹ X̂) D^-½,        M = I + X̂ X̂ᵀ = UᵀU.

The intercepts, whose Jacobian is T = Fᵀ and whose ridge R is 0 if they are free, border it:

    H⁻¹ = H_w⁻¹ ⊕ 0 + V S⁻¹ Vᵀ,    V = [-D^-½ X̂ᵀ M⁻¹ T; I],    S = R + Tᵀ M⁻¹ T.

A root W of H⁻¹ = WᵀW costs no factor of its own. With C = (U + I)⁻¹ U⁻ᵀ, whose inverse M + Uᵀ
gives ``C + Cᵀ - Cᵀ (M - I) C = M⁻¹``,

    I - X̂ᵀ M⁻¹ X̂ = (I - X̂ᵀ C X̂)ᵀ (I - X̂ᵀ C X̂).
"""

from functools import cached_property, reduce
from operator import add

import numpy as np
from scipy.linalg import get_lapack_funcs, solve_triangular

from .._blocks import row_blocks, take_rows
from .._typing import Array, Matrix, as_dense, is_sparse
from ..operators import Hessian
from ._centred import CentredInverse, far_centre
from ._inverse import FactoredInverse

#: Rows of a triangle that are taken together.
GRAM_ROWS = 512
#: Order of the system up to which a leverage is solved for as soon as it would lose a digit.
SMALL = 200
#: Norm of M up to which a leverage that is solved for keeps the digits of its distance from 1.
SAFE = 1e5


def dual_inverse(hessian: Hessian) -> FactoredInverse:
    """Factor the system of the rows, centred where columns are far from zero."""
    centre = far_centre(hessian)
    if centre is None:
        return DualInverse(hessian)
    return CentredInverse(hessian, DualInverse(hessian.centred(centre)), centre)


class DualInverse(FactoredInverse):
    """H⁻¹ for a linear predictor whose coefficients all carry a ridge."""

    def __init__(self, hessian: Hessian) -> None:
        super().__init__(hessian)
        predictor, curved = hessian.problem.predictor, hessian.curved_rows
        X = take_rows(hessian.problem.X, curved)
        self.end = predictor.n_coefficients
        self.places = np.full(hessian.problem.n_rows, -1)  # where a row stands in the system
        self.places[curved] = np.arange(len(curved))
        self.roots = _square_roots(hessian.curvatures[curved])
        self.prior = hessian.ridge[: self.end].reshape(predictor.n_outputs, -1) ** -0.5
        self.rows = [_scaled_rows(X, self.roots[:, k], prior) for k, prior in enumerate(self.prior)]
        self.factor, self.rcond, self.norm = _factor_gram(self.rows)
        self._add_border(hessian.ridge[self.end :])

    @property
    def order(self) -> int:
        """Number of rows that curve, times outputs."""
        return len(self.factor)

    @property
    def amplification(self) -> float:
        """Factor by which rounding grows: ``I - X̂ᵀ M⁻¹ X̂`` is a difference, and loses all of M."""
        return max(self.norm, 1 / self.rcond) if self.rcond > 0 else np.inf

    def _add_border(self, ridge: Array) -> None:
        self.border = np.zeros((self.end, 0), dtype=self.dtype)
        if not len(ridge):
            return
        border = self.roots.transpose(0, 2, 1).reshape(-1, len(ridge))
        white = self._whiten_dual(border)
        schur = np.diag(ridge) + white.T @ white
        flat = self.hessian.flat_directions[self.end :]
        schur += np.mean(np.diag(schur)) * (flat @ flat.T)
        coefficients = -self._colour(self._unwhiten_dual(white))
        units = np.eye(len(ridge), dtype=self.dtype)
        self.border = self.project(np.vstack([coefficients, units]))
        self.schur_inverse = np.linalg.pinv(schur, hermitian=True)  # 0 where nothing curves
        self.schur_root = _square_roots(self.schur_inverse[None])[0].T
        if np.linalg.matrix_rank(schur, hermitian=True) < len(schur):
            self.rcond = 0.0

    def _whiten_dual(self, T: Array) -> Array:
        return solve_triangular(self.factor, T, trans=1, check_finite=False)

    def _unwhiten_dual(self, Z: Array) -> Array:
        return solve_triangular(self.factor, Z, check_finite=False)

    def _colour(self, W: Array) -> Array:
        """Return D^-½ X̂ᵀ W, flat over the outputs."""
        return self.prior.reshape(-1, 1) * self._spread(W)

    def _matmat(self, B: Array) -> Array:
        prior = self.prior.reshape(-1, 1)
        scaled = B[: self.end] * prior
        dual = self._unwhiten_dual(self._whiten_dual(self._gather(scaled)))
        solved = prior * scaled - self._colour(dual)
        if not self.border.shape[1]:
            return solved
        solved = np.vstack([solved, np.zeros_like(B[self.end :])])
        return solved + self.border @ (self.schur_inverse @ (self.border.T @ B))

    @property
    def white_size(self) -> int:
        """Number of rows of W: one a coefficient, then one an intercept."""
        return self.end + self.border.shape[1]

    def whiten(self, B: Array) -> Array:
        """Return W B, with ``W = [(I - X̂ᵀ C X̂) D^-½ ⊕ 0; S^-½ Vᵀ]``."""
        scaled = B[: self.end] * self.prior.reshape(-1, 1)
        white = scaled - self._spread(self._whiten_more(self._whiten_dual(self._gather(scaled))))
        if not self.border.shape[1]:
            return white
        return np.vstack([white, self.schur_root @ (self.border.T @ B)])

    def unwhiten(self, Z: Array) -> Array:
        """Return Wᵀ Z."""
        white = Z[: self.end]
        dual = self._whiten_more(self._gather(white), transposed=True)
        coefficients = white - self._spread(self._unwhiten_dual(dual))
        coefficients = coefficients * self.prior.reshape(-1, 1)
        if not self.border.shape[1]:
            return coefficients
        solved = np.vstack([coefficients, np.zeros_like(Z[self.end :])])
        return solved + self.border @ (self.schur_root.T @ Z[self.end :])

    def _whiten_more(self, T: Array, transposed: bool = False) -> Array:
        """Return (U + I)⁻¹ T, or that of its transpose."""
        return solve_triangular(self.shifted, T, trans=int(transposed), check_finite=False)

    @cached_property
    def shifted(self) -> Array:
        """U + I, for ``whiten``."""
        shifted = self.factor.copy(order="F")
        shifted[np.diag_indices_from(shifted)] += 1
        return shifted

    def _gather(self, B: Array) -> Array:
        """Return X̂ B."""
        parts = B.reshape(*self.prior.shape, B.shape[1])
        return reduce(add, (rows @ part for rows, part in zip(self.rows, parts)))

    def _spread(self, T: Array) -> Array:
        """Return X̂ᵀ T."""
        return np.concatenate([rows.T @ T for rows in self.rows])

    def _leverages(self, rows: Array) -> Array:
        leverages = self._coefficient_leverages(rows)
        if self.border.shape[1]:
            problem = self.hessian.problem
            effect = problem.predictor.jvp(take_rows(problem.X, rows), self.border)
            leverages += effect @ self.schur_inverse @ effect.transpose(0, 2, 1)
        return leverages

    def _coefficient_leverages(self, rows: Array) -> Array:
        """Return ``J_i H_w⁻¹ J_iᵀ``: at one output, ``(1 - [M⁻¹]_ii) / f_i²`` for all rows at once.

        That difference loses its digits where f_i² h_i is small (a row with no curvature, such as
        a confidently wrong label); these rows are solved one by one. So are a few rows of many,
        but where f_i² h_i is large, of which they would leave no digits of what it is less than 1.
        """
        few = 3 * len(rows) < len(self.factor)
        if len(self.prior) > 1 or (few and self.norm < SAFE):
            return self._solved_leverages(rows)
        places = self.places[rows]
        share = 1 - (self._unit_squares(places) if few else self._inverse_diagonal()[places])
        curvature = self.roots[places, 0, 0] ** 2
        cheap = len(self.factor) <= SMALL
        lost = (share < (0.5 if cheap else np.finfo(self.dtype).eps ** 0.4)) | (places < 0)
        leverages = (share / np.where(lost, 1, curvature))[:, None, None]
        leverages[lost] = self._solved_leverages(rows[lost])
        return leverages

    def _inverse_diagonal(self) -> Array:
        """Return ``[M⁻¹]_ii`` of all rows."""
        (trtri,) = get_lapack_funcs(("trtri",), (self.factor,))
        inverse, _ = trtri(self.factor)
        return np.einsum("ij,ij->i", inverse, inverse)

    def _unit_squares(self, places: Array) -> Array:
        """Return ``[M⁻¹]_ii`` of a few places, 1 of what is in none."""
        squares = np.ones(len(places), dtype=self.dtype)
        inside = np.flatnonzero(places >= 0)
        for block in row_blocks(len(inside), 2 * len(self.factor) * self.dtype.itemsize):
            units = np.zeros((len(self.factor), len(inside[block])), dtype=self.dtype)
            units[places[inside[block]], np.arange(units.shape[1])] = 1
            squares[inside[block]] = np.square(self._whiten_dual(units)).sum(axis=0)
        return squares

    def _solved_leverages(self, rows: Array) -> Array:
        """Return ``J_i D⁻¹ J_iᵀ - ‖U⁻ᵀ X̂ D^-½ J_iᵀ‖²``, one triangular solve a row and output."""
        K, X = len(self.prior), self.hessian.problem.X
        leverages = np.zeros((len(rows), K, K), dtype=self.dtype)
        row_bytes = 2 * K * len(self.factor) * self.dtype.itemsize
        for block in row_blocks(len(rows), row_bytes, self.hessian.block_size):
            chosen = take_rows(X, rows[block])
            parts = []
            for k, (own, prior) in enumerate(zip(self.rows, self.prior)):
                scaled = _scaled_rows(chosen, np.ones((chosen.shape[0], 1)), prior)
                parts.append(self._whiten_dual(as_dense(own @ scaled.T)))
                leverages[block, k, k] = _row_squares(scaled)
            white = np.stack(parts)
            leverages[block] -= np.einsum("kin,lin->nkl", white, white, optimize=True)
        return leverages


def _square_roots(curvatures: Array) -> Array:
    """Return F_i with ``F_i F_iᵀ = s_i A_i``, shape (n, K, K)."""
    if curvatures.shape[1] == 1:
        return np.sqrt(np.maximum(curvatures, 0))
    eigenvalues, vectors = np.linalg.eigh(curvatures)
    return vectors * np.sqrt(np.maximum(eigenvalues, 0))[:, None, :]


def _scaled_rows(X: Matrix, roots: Array, prior: Array) -> Matrix:
    """Return the rows (i, a) = roots_ia x_i · prior, shape (n K, p)."""
    repeated = np.repeat(np.arange(X.shape[0]), roots.shape[1])
    scale = roots.ravel().astype(X.dtype, copy=False)
    if is_sparse(X):
        return X[repeated].multiply(scale[:, None]).multiply(prior).tocsr()
    return X[repeated] * scale[:, None] * prior


def _factor_gram(rows: list[Matrix]) -> tuple[Array, float, float]:
    """Return the upper Cholesky factor of I + Σ_k X̂_k X̂_kᵀ, its reciprocal condition and norm."""
    gram = reduce(add, (_lower_gram(part) for part in rows))
    gram[np.diag_indices_from(gram)] += 1
    norm = _norm_of_lower(gram)
    potrf, pocon = get_lapack_funcs(("potrf", "pocon"), (gram,))
    factor, failed = potrf(gram.T, lower=False, overwrite_a=True)
    if failed:
        raise ValueError("The dual system is not finite; rescale the columns of X.")
    return factor, float(pocon(factor, norm, uplo="U")[0]), float(norm)


def _norm_of_lower(matrix: Array) -> float:
    """Return the 1-norm of a symmetric matrix from its lower triangle."""
    sums = -np.abs(np.diag(matrix))
    for block in row_blocks(len(matrix), 1, GRAM_ROWS):
        part = np.abs(np.tril(matrix[block, : block.stop], block.start))
        sums[block] += part.sum(axis=1)
        sums[: block.stop] += part.sum(axis=0)
    return sums.max(initial=0)


def _lower_gram(rows: Matrix) -> Array:
    """Return rows rowsᵀ, dense; of a sparse matrix only the lower triangle.

    The few columns that most rows fill (the words of every mail) cost a sparse product most of
    its time, and a dense one next to nothing: they are multiplied apart.
    """
    if not is_sparse(rows):
        return rows @ rows.T
    n = rows.shape[0]
    full = np.bincount(rows.indices, minlength=rows.shape[1]) > n / 10
    dense, rare = rows[:, full].toarray(), rows[:, ~full]
    gram = dense @ dense.T
    for block in row_blocks(n, 1, GRAM_ROWS):
        gram[block.start :, block] += (rare[block.start :] @ rare[block].T).toarray()
    return gram


def _row_squares(rows: Matrix) -> Array:
    squares = rows.multiply(rows) if is_sparse(rows) else rows * rows
    return np.asarray(squares.sum(axis=1)).ravel()
