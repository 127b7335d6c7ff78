"""Conjugate gradients, for all right-hand sides at once, with a preconditioner M⁻¹.

    x ← x + α d,    r ← r - α H d,    d ← M⁻¹r + β d,        α = rᵀM⁻¹r / dᵀHd

Each column runs its own recurrence and stops by its own residual r = b - Hx; an iteration is one
product of H with the directions of those that are still running (Hestenes and Stiefel 1952). Where
H is singular by construction every product is projected off its flat directions, into which its
rounding would leak.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from .._typing import Array

if TYPE_CHECKING:
    from ..operators import Operator


@dataclass(frozen=True, eq=False)
class Iterated:
    """What conjugate gradients ended with.

    Parameters
    ----------
    solution : ndarray of shape (P, m)
        H⁻¹ B, as far as it was found.
    residual : ndarray of shape (m,)
        Size of what is left of every column, relative to what there was first.
    converged : ndarray of bool of shape (m,)
        Whether that is within the tolerance.
    iterations : int
        Products with H.
    indefinite : bool
        Whether H curved downwards, or not at all, along a direction: there the iteration ended. A
        column of which less than √ε is left stops there, as that may be rounding.
    """

    solution: Array
    residual: Array
    converged: Array
    iterations: int
    indefinite: bool


def conjugate_gradients(
    hessian: Operator,
    B: Array,
    *,
    rtol: float,
    max_iter: int,
    precondition: Callable[[Array], Array] | None = None,
    project: Callable[[Array], Array] | None = None,
    norm: Literal["euclidean", "preconditioner"] = "euclidean",
) -> Iterated:
    """Solve H X = B, column by column, from X = 0.

    Parameters
    ----------
    hessian : Operator of shape (P, P)
        H, symmetric.
    B : ndarray of shape (P, m)
        Right-hand sides, which are not written to.
    rtol : float
        A column stops where the norm of its residual is at most ``rtol`` times that of b.
    max_iter : int
        Iterations after which the rest is left as it is.
    precondition : callable, default=None
        M⁻¹ of a block of columns; None is the identity.
    project : callable, default=None
        Takes the flat directions of H out of a block of columns, which B has none of; None is the
        identity.
    norm : {"euclidean", "preconditioner"}, default="euclidean"
        The norm of residuals: ``√(rᵀr)``, or ``√(rᵀM⁻¹r)``, which is near that of the error in H.

    Returns
    -------
    iterated : Iterated
    """

    def projected(R: Array) -> Array:
        return R if project is None else project(R)

    def conditioned(R: Array) -> Array:
        return R if precondition is None else projected(precondition(R))

    def sizes(R: Array, rho: Array) -> Array:
        return np.linalg.norm(R, axis=0) if norm == "euclidean" else np.sqrt(np.maximum(rho, 0))

    X, Z = np.zeros_like(B, order="F"), conditioned(B)
    rho = _dots(B, Z)
    first = sizes(B, rho)
    left, tolerance = first.copy(), rtol * first
    running = np.flatnonzero(left > tolerance)  # columns; the blocks below hold these alone
    S, R, D, rho = X[:, running], B[:, running], Z[:, running], rho[running]
    iterations, indefinite, rounding = 0, False, np.sqrt(np.finfo(B.dtype).eps)
    while len(running) and iterations < max_iter:
        product = projected(hessian @ D)
        curvature = _dots(D, product)
        iterations += 1
        flat = ~(curvature > 0)
        indefinite = bool((left[running] > rounding * first[running])[flat].any())
        if indefinite:
            break
        step = np.where(flat, 0, rho / np.where(flat, 1, curvature))
        S += step * D
        R -= step * product
        Z = conditioned(R)
        rho, before = _dots(R, Z), rho
        D *= rho / before
        D += Z
        left[running] = sizes(R, rho)
        kept = (left[running] > tolerance[running]) & ~flat
        if not kept.all():
            X[:, running] = S
            running, rho = running[kept], rho[kept]
            S, R, D = S[:, kept], R[:, kept], D[:, kept]
    X[:, running] = S
    residual = left / np.where(first > 0, first, 1)
    return Iterated(X, residual, left <= tolerance, iterations, indefinite)


def _dots(A: Array, B: Array) -> Array:
    return (A * B).sum(axis=0)  # an einsum takes longer to start than a short column takes
