"""Principal components of the whitened Jacobians of the training rows.

With E (n, K p) their embedding and s their weights, the eigenvectors of

    Eᵀ diag(s) E,    E = [J_1 Wᵀ, ..., J_K Wᵀ],    J_k (n, P) the Jacobian of output k
"""

from typing import Any

import numpy as np
from scipy.linalg import eigh
from scipy.sparse.linalg import LinearOperator, eigsh
from sklearn.utils import check_random_state

from .._blocks import row_blocks
from ..problem import Problem

#: Columns up to which the matrix is formed, and all of its eigenvectors found.
FORMED = 1000


def embed(inverse: Any, X: Any) -> np.ndarray:
    """Return the rows J(x) Wᵀ, output after output, as an array of shape (m, K p)."""
    jacobian = inverse.hessian.problem.predictor.jacobian(X)
    m, K, P = jacobian.shape
    return inverse.whiten(jacobian.reshape(m * K, P).T).T.reshape(m, K * inverse.white_size)


def coordinates(problem: Problem, X: Any, directions: np.ndarray) -> np.ndarray:
    """Return the coordinates ``Σ_k J_k(x) d_kc`` along directions (P, K, c), shape (m, c)."""
    P, K, c = directions.shape
    along = problem.predictor.jvp(X, directions.reshape(P, K * c)).reshape(-1, K, K, c)
    return np.einsum("nkkc->nc", along)


def unwhitened(inverse: Any, components: np.ndarray) -> np.ndarray:
    """Return Wᵀ of every block of components (c, K p), shape (P, K, c), for ``coordinates``."""
    c, K = len(components), inverse.hessian.problem.n_outputs
    blocks = components.reshape(c, K, -1).transpose(2, 1, 0)
    return inverse.unwhiten(blocks.reshape(-1, K * c)).reshape(-1, K, c)


def blocks_of(inverse: Any, X: Any) -> list[slice]:
    """Return slices of rows whose Jacobians, and these whitened, fit ``working_memory``."""
    K, P = inverse.hessian.problem.n_outputs, inverse.shape[0]
    return row_blocks(X.shape[0], 3 * K * P * inverse.dtype.itemsize, inverse.hessian.block_size)


def principal_components(
    inverse: Any, n_components: int, random_state: int | np.random.RandomState | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the directions that hold most of the training rows' energy, and each one's share.

    Returns
    -------
    components : ndarray of shape (n_components, K p)
        Orthonormal; the largest entry of each is positive.
    ratio : ndarray of shape (n_components,)
        Its energy over that of all K p.

    Raises
    ------
    ValueError
        If there are fewer rows or columns than ``n_components``.
    """
    problem = inverse.hessian.problem
    size = problem.n_outputs * inverse.white_size
    most = min(problem.n_rows, size)
    if n_components > most:
        raise ValueError(
            f"`n_components` must be at most min(n, K p) = {most}, the rows or the columns of the "
            f"embedding; got {n_components}. None gives all columns."
        )
    if size <= FORMED:
        matrix = _second_moments(inverse)
        total = np.trace(matrix)
        energies, vectors = eigh(matrix)  # a subset of equal ones LAPACK may not find
    else:
        leverages = np.einsum("nkk->n", inverse.leverages(np.arange(problem.n_rows)))
        total = problem.weights @ leverages
        start = check_random_state(random_state).standard_normal(size).astype(inverse.dtype)
        energies, vectors = eigsh(SecondMoments(inverse), k=n_components, v0=start)
    energies, components = energies[: -n_components - 1 : -1], vectors.T[: -n_components - 1 : -1]
    largest = np.abs(components).argmax(axis=1)
    components = components * np.sign(components[np.arange(n_components), largest])[:, None]
    energies = np.maximum(energies, 0)
    return components, energies / total if total > 0 else np.zeros_like(energies)


def _second_moments(inverse: Any) -> np.ndarray:
    """Return Eᵀ diag(s) E, a block of rows at a time."""
    problem = inverse.hessian.problem
    size = problem.n_outputs * inverse.white_size
    matrix = np.zeros((size, size), dtype=inverse.dtype)
    for block in blocks_of(inverse, problem.X):
        rows = embed(inverse, problem.X[block])
        matrix += rows.T @ (problem.weights[block, None] * rows)
    return matrix


class SecondMoments(LinearOperator):
    """Eᵀ diag(s) E by products with the rows, which may be sparse; E is never formed."""

    def __init__(self, inverse: Any) -> None:
        size = inverse.hessian.problem.n_outputs * inverse.white_size
        super().__init__(inverse.dtype, (size, size))
        self.inverse = inverse

    def _matvec(self, v: np.ndarray) -> np.ndarray:
        problem, K = self.inverse.hessian.problem, self.inverse.hessian.problem.n_outputs
        directions = unwhitened(self.inverse, np.reshape(v, (1, -1)))
        along = coordinates(problem, problem.X, directions)[:, 0]
        weighted = (problem.weights * along)[:, None, None] * np.eye(K, dtype=self.dtype)
        return self.inverse.whiten(problem.predictor.vjp(problem.X, weighted)).T.ravel()

    def _adjoint(self) -> "SecondMoments":
        return self
