"""Lanczos: the largest eigenvalues of H exactly, the rest of its spectrum as one number.

    H⁻¹ ≈ U (Λ⁻¹ - ρ⁻¹ I) Uᵀ + ρ⁻¹ I,      ρ = (tr H - Σ λ_k) / (rank - k)

U holds k eigenvectors, found by products alone (implicitly restarted Lanczos, ARPACK). The mean ρ
of the other eigenvalues is exact where these are one ridge: where k is the rank of the data term.
"""

import numbers
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.linalg import eigh
from scipy.sparse.linalg import eigsh

from .._typing import Array
from ..operators import Hessian
from ._inverse import Inverse
from ._solver import Solver
from ._spectrum import indefinite


@dataclass(frozen=True)
class Lanczos(Solver):
    """Solve in a low-rank approximation: cheap products for many right-hand sides.

    The eigenvectors of the largest eigenvalues are kept (Schioppa et al. 2022, "Scaling up
    influence functions", which drops all others; here these have their mean eigenvalue).

    Parameters
    ----------
    rank : int, default=100
        k, the number of eigenvectors, or as many as there are.
    tol : float, default=1e-6
        Relative accuracy of the eigenvalues.
    """

    rank: int = 100
    tol: float = 1e-6

    #: What it returns estimates products, rather than solving them to a tolerance.
    exact: ClassVar[bool] = False

    def order(self, hessian: Hessian) -> None:
        """Return None: a few eigenvectors are found by products."""
        return None

    def invert(self, hessian: Hessian) -> Inverse:
        """Return the approximate H⁻¹.

        Raises
        ------
        ValueError
            If ``rank`` is not positive, or H is not positive definite.
        """
        if not isinstance(self.rank, numbers.Integral) or self.rank < 1:
            raise ValueError(f"`rank` must be an integer >= 1; got {self.rank!r}.")
        return LanczosInverse(hessian, *self._spectrum(hessian))

    def _spectrum(self, hessian: Hessian) -> tuple[Array, Array]:
        """Return the largest eigenvalues (k,) and their eigenvectors (P, k)."""
        P = hessian.shape[0]
        if self.rank >= P - 1:
            values, vectors = eigh(hessian @ np.eye(P, dtype=hessian.dtype))
        else:
            start = np.random.RandomState(0).standard_normal((P, 1)).astype(hessian.dtype)
            start = hessian.project(start)[:, 0]
            values, vectors = eigsh(hessian, k=self.rank, which="LA", v0=start, tol=self.tol)
        rounding = P * np.finfo(hessian.dtype).eps * np.abs(values).max(initial=0)
        if values.min(initial=0) < -rounding:
            raise indefinite(hessian)
        kept = values > rounding
        return values[kept], vectors[:, kept]


class LanczosInverse(Inverse):
    """H⁻¹ from its largest eigenvalues, and the mean of the others.

    Attributes
    ----------
    eigenvalues : ndarray of shape (k,)
        Largest eigenvalues, ascending.
    rest : float
        ρ, the mean of the others; infinite if there are none.
    """

    exact = False

    def __init__(self, hessian: Hessian, eigenvalues: Array, eigenvectors: Array) -> None:
        super().__init__(hessian)
        self.eigenvalues, self.eigenvectors = eigenvalues, eigenvectors
        n_others = self.rank - len(eigenvalues)
        others = float(hessian.diagonal().sum()) - float(eigenvalues.sum())
        rounding = self.shape[0] * np.finfo(self.dtype).eps * float(eigenvalues.sum())
        self.rest = others / n_others if n_others > 0 and others > rounding else np.inf

    def _matmat(self, B: Array) -> Array:
        B = self.project(np.asarray(B, dtype=self.dtype))
        inside = self.eigenvectors.T @ B
        shares = self.dtype.type(1) / self.eigenvalues - self.dtype.type(1 / self.rest)
        solved = self.eigenvectors @ (shares[:, None] * inside)
        return self.project(solved + B * self.dtype.type(1 / self.rest))
