"""The ends of the spectrum of H off its flat directions, by products alone, and what they demand.

A Hessian λ_min I ⪯ H ⪯ λ_max I is *safely positive definite* where λ_min > 1000 ε λ_max: a solve
then keeps three digits. Where it is not, the damping

    damping n = max(√ε λ_max, |λ_min|) - λ_min

makes it so with half of all digits, and gives a direction of negative curvature the same curvature
upwards, that of |H| (Dauphin et al. 2014), lest it outweigh all others.
"""

import numpy as np
import sklearn
from scipy.linalg import eigh_tridiagonal, eigvalsh
from scipy.sparse.linalg import eigsh

from .._typing import Array
from ..operators import Hessian, Operator

#: Up to this order eigenvalues are found from the matrix itself.
DENSE = 200

#: Steps of Lanczos' recursion, as many as fit ``working_memory``.
STEPS = 300


class IndefiniteError(ValueError):
    """The Hessian has a negative eigenvalue."""


def safe_rcond(dtype: np.dtype) -> float:
    """Return the reciprocal condition below which a solve keeps fewer than three digits."""
    return 1000 * float(np.finfo(dtype).eps)


def largest_eigenvalue(operator: Operator, tol: float = 1e-4) -> float:
    """Return the largest eigenvalue of a symmetric operator of shape (P, P).

    Parameters
    ----------
    operator : LinearOperator of shape (P, P)
        Symmetric.
    tol : float, default=1e-4
        Relative accuracy, for P above 200.

    Returns
    -------
    eigenvalue : float
        The largest, whatever its size.
    """
    P = operator.shape[0]
    if P <= DENSE:
        return float(eigvalsh(operator @ np.eye(P, dtype=operator.dtype))[-1]) if P else 0.0
    start = _start(P).astype(operator.dtype)
    return float(eigsh(operator, k=1, which="LA", tol=tol, v0=start, return_eigenvectors=False)[0])


def extremes(hessian: Hessian) -> tuple[float, float, float]:
    """Return the smallest and the largest eigenvalue of H, and the error of the smallest.

    Flat directions, parameters that a norm holds at zero, and those of columns that are zero in
    every row, do not count.

    Parameters
    ----------
    hessian : Hessian
        Of any size: for P above 200 only its products are taken.

    Returns
    -------
    smallest, largest, error : float
        The smallest eigenvalue is between ``smallest - error`` and ``smallest``. The error is 0
        for a small matrix, and otherwise the residual that Lanczos' recursion ended with.
    """
    if hessian.shape[0] > DENSE:
        return _lanczos(hessian)
    free = slice(None) if hessian.free is None else hessian.free
    matrix, flat = hessian.dense().astype(float)[free][:, free], hessian.flat_directions[free]
    order = len(matrix) - flat.shape[1]
    if order == 0:
        return 0.0, 0.0, 0.0
    inside = np.trace(matrix) / order  # the mean of the other eigenvalues: between their ends
    eigenvalues = eigvalsh(matrix + inside * (flat @ flat.T))
    return float(eigenvalues[0]), float(eigenvalues[-1]), 0.0


def _lanczos(hessian: Hessian) -> tuple[float, float, float]:
    """Run Lanczos' recursion, reorthogonalised, until the smallest Ritz value has settled."""
    P, eps = hessian.shape[0], float(np.finfo(hessian.dtype).eps)
    room = int(sklearn.get_config()["working_memory"] * 2**20 / (8 * P))
    steps = min(P, STEPS, max(room, 20))
    basis, alpha, beta = np.empty((steps, P)), [], []
    vector, settled = hessian.project(_start(P)[:, None])[:, 0], False
    if not vector.any():
        return 0.0, 0.0, 0.0
    for step in range(steps):
        basis[step] = vector / np.linalg.norm(vector)
        vector = (hessian @ basis[step].astype(hessian.dtype)).astype(float)
        alpha.append(vector @ basis[step])
        for _ in range(2):
            vector -= basis[: step + 1].T @ (basis[: step + 1] @ vector)
        beta.append(np.linalg.norm(vector))
        done = step == steps - 1 or beta[-1] <= 10 * eps * max(map(abs, alpha))
        if done or step % 10 == 9:
            ritz, weights = eigh_tridiagonal(alpha, beta[:-1])
            error = beta[-1] * abs(weights[-1, 0])
            enough = error <= max(0.01 * abs(ritz[0]), safe_rcond(hessian.dtype) * ritz[-1])
            if done or (enough and settled):
                break
            settled = enough
    return float(ritz[0]), float(ritz[-1]), float(error)


def bounds(hessian: Hessian) -> tuple[float, float]:
    """Return a lower bound on the smallest eigenvalue of H, and its largest eigenvalue.

    No eigenvalue is below the least ridge where the loss is convex.
    """
    smallest, largest, error = extremes(hessian)
    ridge = hessian.ridge if hessian.free is None else hessian.ridge[hessian.free]
    floor = float(ridge.min(initial=np.inf)) if hessian.is_convex else -np.inf
    return max(smallest - error, floor), largest


def sufficient_damping(hessian: Hessian, smallest: float, largest: float) -> float:
    """Return the damping, in the mean form, at which a solve with H can be trusted."""
    enough = max(float(np.sqrt(np.finfo(hessian.dtype).eps)) * largest, -smallest)
    extra = enough - smallest
    return hessian.damping + max(extra, 0.0) / hessian.problem.n


def indefinite(
    hessian: Hessian, smallest: float | None = None, largest: float | None = None
) -> IndefiniteError:
    """Return the error that says which damping would do."""
    if smallest is None or largest is None:
        smallest, largest = bounds(hessian)
    enough = sufficient_damping(hessian, float(smallest), float(largest))
    last_digit = 10.0 ** (np.floor(np.log10(enough)) - 1) if enough > 0 else 1.0
    enough = np.ceil(enough / last_digit) * last_digit  # no less when it is printed
    return IndefiniteError(
        "The Hessian is not positive definite: the smallest eigenvalue of its mean, H / n, is "
        f"{smallest / hessian.problem.n:.3g}. Set `damping` to {enough:.2g} or more, or to 'auto'."
    )


def _start(P: int) -> Array:
    """Return a fixed vector with a share in every direction."""
    return np.random.RandomState(0).standard_normal(P)
