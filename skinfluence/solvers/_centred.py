"""H⁻¹ where columns of X are far from zero, in coordinates in which they are not.

With a free intercept, ``x · c + b = (x - m) · c + (b + m · c)`` for any m. In the coordinates
``T θ = (c, b + m · c)`` the Hessian is that of centred rows,

    H = Tᵀ H' T,        H⁻¹ = T⁻¹ H'⁻¹ T⁻ᵀ,

and factoring H' loses ``|mean| / spread`` in digits where factoring H loses its square: a column of
mean 1e8 and spread 1 leaves eight digits instead of none.
"""

import numpy as np

from .._typing import Array, as_dense
from ..operators import Hessian
from ._inverse import FactoredInverse


def far_centre(hessian: Hessian, matrix: Array | None = None) -> Array | None:
    """Return the means of the columns that are far from zero, 0 for the others; None if none is.

    Parameters
    ----------
    hessian : Hessian
    matrix : ndarray of shape (P, P), default=None
        H, where it is known; else its diagonal and border are found by products.

    Returns
    -------
    centre : ndarray of shape (p,) or None
        None too where columns cannot be moved: no intercept, or a penalised one. Columns of a
        sparse X that are far from zero have hardly a zero.
    """
    predictor, end = hessian.problem.predictor, hessian.problem.predictor.n_coefficients
    movable = predictor.has_dual and predictor.fit_intercept and not np.any(hessian.ridge[end:])
    if not movable:
        return None
    diagonal, border = _from_matrix(matrix, end) if matrix is not None else _from_products(hessian)
    intercepts = diagonal[end:]
    squares = diagonal[:end].reshape(len(intercepts), -1) * intercepts[:, None]
    apart = 1 - np.finfo(hessian.dtype).eps ** (1 / 3)  # three digits of every ten may go
    far = ((border**2 > apart * squares) & (squares > 0)).any(axis=0)
    if not far.any():
        return None
    return np.where(far, border.sum(axis=0) / intercepts.sum(), 0).astype(hessian.dtype)


def _from_matrix(matrix: Array, end: int) -> tuple[Array, Array]:
    """Return the diagonal of H, and each output's entries between coefficients and intercept."""
    K = len(matrix) - end
    return np.diag(matrix), np.einsum("kjk->kj", matrix[:end, end:].reshape(K, -1, K))


def _from_products(hessian: Hessian) -> tuple[Array, Array]:
    curvatures = np.einsum("nkk->nk", hessian.curvatures)
    return hessian.diagonal(), curvatures.T @ hessian.problem.X


class CentredInverse(FactoredInverse):
    """``T⁻¹ H'⁻¹ T⁻ᵀ`` from the inverse of the centred Hessian.

    Parameters
    ----------
    hessian : Hessian
        In the coordinates of theta.
    part : Inverse
        H'⁻¹.
    centre : ndarray of shape (p,)
        m.
    """

    def __init__(self, hessian: Hessian, part: FactoredInverse, centre: Array) -> None:
        super().__init__(hessian)
        self.part, self.centre = part, centre
        far = np.flatnonzero(centre)
        spread = np.std(as_dense(part.hessian.problem.X[:, far]), axis=0)
        digits = np.min(np.where(spread > 0, spread, np.inf) / np.abs(centre[far]), initial=1)
        self.rcond = min(part.rcond, float(digits))

    @property
    def amplification(self) -> float:
        """Factor by which rounding grows: that of the part, or of the coordinates."""
        return max(1 / self.rcond if self.rcond > 0 else np.inf, self.part.amplification)

    @property
    def order(self) -> int:
        """Order of the centred system."""
        return self.part.order

    @property
    def rank(self) -> int:
        """Rank of the centred Hessian."""
        return self.part.rank

    def _matmat(self, B: Array) -> Array:
        return self._back(self.part @ self._moved(B))

    @property
    def white_size(self) -> int:
        """Number of rows of W."""
        return self.part.white_size

    def whiten(self, B: Array) -> Array:
        """Return W B, with W = W' T⁻ᵀ."""
        return self.part.whiten(self._moved(B))

    def unwhiten(self, Z: Array) -> Array:
        """Return Wᵀ Z."""
        return self._back(self.part.unwhiten(Z))

    def _moved(self, B: Array) -> Array:
        """Return T⁻ᵀ B."""
        end, p = self.hessian.problem.predictor.n_coefficients, len(self.centre)
        B = self.project(B)
        moved = B.copy()
        moved[:end].reshape(-1, p, B.shape[1])[:] -= self.centre[:, None] * B[end:, None]
        return moved

    def _back(self, solved: Array) -> Array:
        """Return T⁻¹ of what was solved in the coordinates of centred rows."""
        end, p = self.hessian.problem.predictor.n_coefficients, len(self.centre)
        coefficients = solved[:end].reshape(-1, p, solved.shape[1])
        solved[end:] -= np.einsum("j,kjm->km", self.centre, coefficients)
        return self.project(solved)

    def _leverages(self, rows: Array) -> Array:
        return self.part.leverages(rows)
