"""The inverse Hessian without a group by conjugate gradients, preconditioned by the one with it.

Most of H stays when a group leaves: H⁻¹ H_{-G} has its eigenvalues between 1 and what the group
spares, whatever the condition of H. Ten or twenty iterations solve a system that would be
expensive to factor again.
"""

from dataclasses import dataclass
from typing import Any

from ..solvers import Direct, IndefiniteError, conjugate_gradients, invert_damped

#: Order of H from which it is not factored again: the iterations cost about as much below it.
LARGE = 200


@dataclass(frozen=True, eq=False)
class PreconditionedSolver:
    """A solver of Hessians that are near one whose inverse is known.

    Parameters
    ----------
    inverse : Inverse
        The one that is known: it preconditions.
    rtol : float, default=1e-4
        Of the iteration.
    """

    inverse: Any
    rtol: float = 1e-4

    def invert(self, hessian):
        """Return H⁻¹, by a factor of its own where H is small, or of another order."""
        if hessian.shape[0] < LARGE or hessian.shape != self.inverse.shape:
            return invert_or_damp(Direct(), hessian)
        return PreconditionedInverse(
            hessian, self.inverse, lambda: invert_or_damp(Direct(), hessian), self.rtol
        )


def invert_or_damp(solver, hessian):
    """Return H⁻¹, with enough damping where H is indefinite: a step with it falls."""
    try:
        return solver.invert(hessian)
    except IndefiniteError:
        return invert_damped(solver, hessian.problem, "auto", hessian.block_size)


class PreconditionedInverse:
    """``H_{-G}⁻¹``, applied to one vector at a time by ``@``.

    Parameters
    ----------
    hessian : Hessian
        H without the group.
    preconditioner : Inverse
        H⁻¹ with the group, at the fitted theta.
    factor : callable
        ``factor()`` is the inverse by a factor of its own, for when the iteration is slow.
    rtol : float
        Stop where the residual, in the norm of the preconditioner, has fallen by it.
    max_iter : int, default=40
        Iterations after which the Hessian is factored.
    """

    def __init__(self, hessian, preconditioner, factor, rtol, max_iter=40):
        self.hessian, self.preconditioner, self.factor = hessian, preconditioner, factor
        self.rtol, self.max_iter, self.factored = rtol, max_iter, None

    def __matmul__(self, v):
        solution = self._iterate(v) if self.factored is None else None
        if solution is None:
            if self.factored is None:
                self.factored = self.factor()
            solution = self.factored @ v
        return solution

    def _iterate(self, v):
        """Return the solution, or None where the iteration is too slow."""
        iterated = conjugate_gradients(
            self.hessian,
            v[:, None],
            rtol=self.rtol,
            max_iter=self.max_iter,
            precondition=lambda residual: self.preconditioner @ residual,
            norm="preconditioner",
        )
        return iterated.solution[:, 0] if iterated.converged.all() else None
