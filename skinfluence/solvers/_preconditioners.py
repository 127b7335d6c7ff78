"""Preconditioners of conjugate gradients: values that stand in for H⁻¹, ``precondition(R)``.

    jacobi       M = diag(H)
    kronecker    M = A ⊗ G + r I,    A = Σ_i s_i A_i / t,    G = Σ_i tr(s_i A_i) x_i x_iᵀ,

with t the sum of the traces and r the mean ridge (Martens & Grosse 2015, for a single layer): it
would be H if the curvatures of all rows had the same shape. Its factors are (K, K) and (p, p).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh

from .._typing import Array
from ..operators import Hessian


@dataclass(frozen=True, eq=False)
class Jacobi:
    """Division by the diagonal of H."""

    scale: np.ndarray

    @classmethod
    def of(cls, hessian: Hessian) -> Jacobi:
        """Read the diagonal of H."""
        diagonal = hessian.diagonal()
        return cls(1 / np.where(diagonal > 0, diagonal, 1))

    def __call__(self, R: Array) -> Array:
        return self.scale[:, None] * R


@dataclass(frozen=True, eq=False)
class Kronecker:
    """M⁻¹ = (U ⊗ V) diag(inverse) (U ⊗ V)ᵀ.

    Parameters
    ----------
    positions : ndarray of shape (p, K)
        Where theta multiplies each feature, for every output.
    U, V : ndarray of shape (K, K) and (p, p)
        Eigenvectors of A and of G.
    inverse : ndarray of shape (p, K)
        The eigenvalues of M⁻¹.
    """

    positions: np.ndarray
    U: np.ndarray
    V: np.ndarray
    inverse: np.ndarray

    @classmethod
    def of(cls, hessian: Hessian) -> Kronecker:
        """Decompose both factors.

        Raises
        ------
        TypeError
            If the predictor is not linear, with coefficients of one feature each.
        """
        predictor, curvatures = hessian.problem.predictor, hessian.curvatures
        if not predictor.has_dual:
            raise TypeError(
                'CG(preconditioner="kronecker") needs a linear predictor; got '
                f"{type(predictor).__name__}. Use preconditioner=None."
            )
        traces = np.einsum("nkk->n", curvatures)
        a, U = eigh(curvatures.sum(axis=0) / (traces.sum() or 1))
        of_one_output, _ = predictor.block(slice(0, 1))
        g, V = eigh(of_one_output.weighted_gram(hessian.problem.X, traces[:, None, None]))
        spectrum = np.maximum(np.outer(g, a), 0) + hessian.ridge.mean()
        spectrum = np.maximum(spectrum, np.finfo(hessian.dtype).eps * spectrum.max())
        inverse = 1 / np.where(spectrum > 0, spectrum, 1)  # no curvature and no ridge: M = I
        return cls(predictor.parallel_parameters(), U, V, inverse)

    def __call__(self, R: Array) -> Array:
        rotated = np.einsum("pkm,kl->plm", np.tensordot(self.V.T, R[self.positions], 1), self.U)
        rotated *= self.inverse[:, :, None]
        product = np.empty_like(R)
        product[self.positions] = np.tensordot(self.V, np.einsum("plm,kl->pkm", rotated, self.U), 1)
        return product


#: By the name that ``CG(preconditioner=...)`` takes.
PRECONDITIONERS: dict[str, type[Jacobi] | type[Kronecker]] = {
    "jacobi": Jacobi,
    "kronecker": Kronecker,
}
