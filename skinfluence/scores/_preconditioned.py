"""The inverse Hessian without a group by conjugate gradients, preconditioned by the one with it.

Most of H stays when a group leaves: H⁻¹ H_{-G} has its eigenvalues between 1 and what the group
spares, whatever the condition of H. Ten or twenty iterations solve a system that would be
expensive to factor again.
"""

import numpy as np


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
        solution, residual = np.zeros_like(v), v
        conditioned = direction = self.preconditioner @ v
        square = first = residual @ conditioned
        for _ in range(self.max_iter):
            if not square > self.rtol**2 * first:
                return solution
            product = self.hessian @ direction
            length = square / (direction @ product)
            solution = solution + length * direction
            residual = residual - length * product
            conditioned = self.preconditioner @ residual
            square, before = residual @ conditioned, square
            direction = conditioned + (square / before) * direction
        return None
