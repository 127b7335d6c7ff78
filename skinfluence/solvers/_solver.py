"""What a solver is, and how one is asked whether it factors: nobody asks for its class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from scipy.linalg import LinAlgError

from ._spectrum import IndefiniteError

if TYPE_CHECKING:
    from ..operators import Hessian
    from ._inverse import Inverse


class SupportsInvert(Protocol):
    """What ``solver=`` takes: any object with ``invert``, a user's own too.

    One whose inverses only estimate products says so by an ``exact`` that is False: Newton steps to
    the optimum are then taken with another.
    """

    def invert(self, hessian: Hessian) -> Inverse:
        """Return H⁻¹."""
        ...


class Solver(SupportsInvert, Protocol):
    """A solver that also says what it would factor, before it does."""

    def order(self, hessian: Hessian) -> int | None:
        """Return the order of the largest system that ``invert`` would factor.

        None where nothing is factored: the solver iterates, approximates or samples.
        """
        ...


def factored_order(
    solver: SupportsInvert, hessian: Hessian, inverse: Inverse | None = None
) -> int | None:
    """Return the order of the largest system that a solver factors, None if it factors none.

    A solver that does not say, as it has no ``order``, is judged by the inverse that it returns:
    by ``inverse.order``. That an inverse is ``exact`` is not enough, which it also is where
    every product is an iteration.

    Parameters
    ----------
    solver : object with ``invert``
        Any of :mod:`skinfluence.solvers`, or one's own.
    hessian : Hessian
        What it inverts.
    inverse : Inverse, default=None
        ``solver.invert(hessian)`` where it is known; else it is found if it is needed.

    Returns
    -------
    order : int or None
    """
    order = getattr(solver, "order", None)
    if order is not None:
        return order(hessian)
    return (solver.invert(hessian) if inverse is None else inverse).order


def factored_inverse(solver: SupportsInvert, hessian: Hessian) -> tuple[Inverse, float] | None:
    """Return H⁻¹ and its reciprocal condition where a solver factors H; else None.

    Of a solver that says that it factors nothing, nothing is inverted.

    Raises
    ------
    IndefiniteError
        If the factor does not exist.
    """
    order = getattr(solver, "order", None)
    if order is not None and order(hessian) is None:
        return None
    try:
        inverse = solver.invert(hessian)
    except LinAlgError as error:  # as scipy's Cholesky, in a solver of one's own
        raise IndefiniteError(f"The Hessian is not positive definite: {error}.") from error
    return None if inverse.rcond is None else (inverse, inverse.rcond)
