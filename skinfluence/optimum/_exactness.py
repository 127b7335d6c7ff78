"""Is the step of a quadratic objective, which is the refit, solved for to the last digits?

    residual = R - H' Δ,        error = ‖H'⁻¹ residual‖_{H'} / ‖Δ‖_{H'}

What the condition of the system bounds below what counts as exact is not looked at; else the
residual is measured, and what is left is solved for once more (iterative refinement).
"""

import numpy as np

from ..solvers import safe_rcond
from ._quasi_newton import dots

#: Relative error of a change up to which it is called exact; half of the digits, if these are few.
EXACT = 1e-6
#: Relative error of a solution that was iterated to its tolerance.
ITERATED = 1e-8
#: Changes of the largest bounds that are looked at where these are no proof.
WORST = 8
#: Times that what is left is solved for.
ROUNDS = 3


def exact_to(dtype):
    """Return the relative error of a change up to which it is called exact, in some precision."""
    return max(EXACT, float(np.sqrt(np.finfo(dtype).eps)))


def error_of(inverse):
    """Return a bound on the relative error of what an inverse solves, in the norm of H.

    That of a Cholesky factor whose columns are scaled alike (Higham 2002, theorem 10.6); inf where
    the system is singular.
    """
    if inverse.amplification is None:
        return ITERATED
    return inverse.order * inverse.amplification * float(np.finfo(inverse.dtype).eps)


def lost_digits(inverse):
    """Return the relative error of what an ill-conditioned inverse solves; 0 of another one.

    An inverse is ill-conditioned where a solve keeps fewer than three digits, which is warned of;
    where it keeps fewer than one, the error is inf.
    """
    if inverse.rcond is None or inverse.rcond == 0:
        return 0.0
    if inverse.amplification * safe_rcond(inverse.dtype) < 1:
        return 0.0
    error = error_of(inverse)
    return error if error < 0.1 else np.inf


def solve_again(curve, solve, removal, change):
    """Solve for what is left of ``H' Δ = R``, for several Δ at once.

    Parameters
    ----------
    curve, solve : callable
        ``curve(V)`` and ``solve(V)`` return H' V and H'⁻¹ V, one row a row; (b, P).
    removal, change : ndarray of shape (b, P)
        R, and Δ so far.

    Returns
    -------
    change : ndarray of shape (b, P)
    left : ndarray of shape (b,)
        Error of the Δ that what is left was last solved for of.
    """
    tiny, curved = np.finfo(float).tiny, curve(change)
    for _ in range(ROUNDS):
        residual = removal - curved
        step = solve(residual)
        bent = curve(step)
        squares = np.maximum(np.abs(dots(residual, step)), dots(step, bent))  # which are the same
        left = np.sqrt(squares / np.maximum(dots(change, curved), tiny))
        closer = (left < 0.5)[:, None]
        change, curved = (
            np.where(closer, change + step, change),
            np.where(closer, curved + bent, curved),
        )
        if not np.any(closer[:, 0] & (left > exact_to(change.dtype))):
            break
    return change, np.where(np.isfinite(left), left, np.inf)
