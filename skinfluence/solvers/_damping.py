"""``damping="auto"``: none where H is safely positive definite, else what makes it so."""

from typing import Literal

from ..operators import Hessian
from ..problem import Problem
from ._inverse import Inverse
from ._solver import SupportsInvert, factored_inverse
from ._spectrum import (
    IndefiniteError,
    bounds,
    largest_eigenvalue,
    safe_rcond,
    sufficient_damping,
)


def invert_damped(
    solver: SupportsInvert,
    problem: Problem,
    damping: float | Literal["auto"],
    block_size: int | None = None,
) -> Inverse:
    """Return H⁻¹ by a solver, with a damping that is given or found.

    "auto" takes 0 where H is safely positive definite: its reciprocal condition, flat directions
    aside, exceeds 1000 ε. For a solver that factors it is the condition of the factor, columns
    scaled alike; other solvers take that of H from its extreme eigenvalues, or the penalty alone
    where the loss is convex and all coefficients carry enough of it. Else damping is
    ``max(√ε λ_max, |λ_min|) - λ_min`` of H / n, at which no eigenvalue is below √ε λ_max, or below
    ``|λ_min|``. ``inverse.hessian.damping`` holds what was taken.

    Parameters
    ----------
    solver : object with ``invert``
        Any of :mod:`skinfluence.solvers`.
    problem : Problem
        The problem at its theta.
    damping : float or "auto"
        In the mean form.
    block_size : int, default=None
        Of the Hessian.

    Returns
    -------
    inverse : Inverse
    """
    if damping != "auto":
        return solver.invert(Hessian(problem, damping, block_size))
    hessian = Hessian(problem, 0.0, block_size)
    inverse = _safe_inverse(solver, hessian)
    if inverse is not None:
        return inverse
    damping = sufficient_damping(hessian, *bounds(hessian))
    return solver.invert(Hessian(problem, damping, block_size))


def _safe_inverse(solver: SupportsInvert, hessian: Hessian) -> Inverse | None:
    """Return H⁻¹ if H is safely positive definite, else None."""
    safe = safe_rcond(hessian.dtype)
    try:
        factored = factored_inverse(solver, hessian)
    except IndefiniteError:
        return None
    if factored is not None:
        inverse, rcond = factored
        return inverse if rcond > safe else None
    if not _is_penalised(hessian, safe):
        smallest, largest = bounds(hessian)
        if not smallest > safe * largest:
            return None
    return solver.invert(hessian)


def _is_penalised(hessian: Hessian, safe: float) -> bool:
    """Tell whether all coefficients carry a ridge that makes a convex loss safe by itself."""
    if not hessian.has_dual:
        return False
    ridge = hessian.ridge[: hessian.problem.predictor.n_coefficients].min(initial=float("inf"))
    return bool(ridge > safe * largest_eigenvalue(hessian))
