"""Which Hessian: the exact one, or the Gauss-Newton matrix, where the prediction is curved.

    exact           Σ_i s_i (J_iᵀ A_i J_i + Σ_k g_ik ∇²raw_ik) + penalty
    Gauss-Newton    Σ_i s_i  J_iᵀ A_i J_i                      + penalty

The second is the exact Hessian of the linearised problem, and is positive semi-definite for a
convex loss; the first is what a refit follows, and may be indefinite (Martens 2010; Martens 2020,
section 8).
"""

from typing import Literal

from ..operators import Hessian
from ..problem import Problem
from ._damping import invert_damped
from ._inverse import Inverse
from ._solver import SupportsInvert, factored_inverse
from ._spectrum import IndefiniteError, bounds, indefinite, safe_rcond


def invert_curved(
    solver: SupportsInvert,
    problem: Problem,
    damping: float | Literal["auto"],
    curvature: str = "auto",
    block_size: int | None = None,
) -> tuple[Inverse, str]:
    """Return H⁻¹ by a solver, of the exact Hessian or of the linearised problem's.

    Parameters
    ----------
    solver : object with ``invert``
        Any of :mod:`skinfluence.solvers`.
    problem : Problem
        The problem at its theta.
    damping : float or "auto"
        In the mean form; see ``invert_damped``.
    curvature : {"auto", "hessian", "gauss_newton"}, default="auto"
        "auto" is the exact Hessian where the prediction is linear in theta, or where a factor says
        that it is safely positive definite with the damping given, or where the raw prediction is
        the loss itself; else Gauss-Newton.
    block_size : int, default=None
        Of the Hessian.

    Returns
    -------
    inverse : Inverse
        ``inverse.hessian.problem`` is the problem, or the linearised one.
    curvature : str
        "hessian" or "gauss_newton".

    Raises
    ------
    IndefiniteError
        With "hessian", where it has a negative eigenvalue with the damping given.
    """
    if problem.predictor.is_linear:
        return invert_damped(solver, problem, damping, block_size), "hessian"
    if not problem.loss.predicts:
        curvature = _require_exact(curvature)
    if curvature == "auto":
        inverse = _exact_if_safe(solver, problem, damping, block_size)
        if inverse is not None:
            return inverse, "hessian"
    if curvature != "hessian":
        inverse = invert_damped(solver, problem.linearised(), damping, block_size)
        return inverse, "gauss_newton"
    inverse = invert_damped(solver, problem, damping, block_size)
    if not inverse.exact:  # a stochastic estimate would not notice
        smallest, largest = bounds(inverse.hessian)
        if not smallest > 0:
            raise indefinite(inverse.hessian, smallest, largest)
    return inverse, "hessian"


def _require_exact(curvature: str) -> str:
    """Return "hessian" for a model that is known by its losses alone, or raise ValueError."""
    if curvature == "gauss_newton":
        raise ValueError(
            '`curvature="gauss_newton"` leaves nothing but the penalty of a model that is known by '
            'its losses alone; use "hessian", or give it as a prediction and a loss of it.'
        )
    return "hessian"


def _exact_if_safe(
    solver: SupportsInvert,
    problem: Problem,
    damping: float | Literal["auto"],
    block_size: int | None,
) -> Inverse | None:
    """Return the exact inverse, or None where H may be indefinite, or lose all digits."""
    hessian = Hessian(problem, 0.0 if damping == "auto" else damping, block_size)
    try:
        factored = factored_inverse(solver, hessian)
    except IndefiniteError:
        return None
    if factored is None:
        return None
    inverse, rcond = factored
    semidefinite = rcond == 0  # then it is the pseudo-inverse, by eigenvectors
    return inverse if semidefinite or rcond > safe_rcond(inverse.dtype) else None
