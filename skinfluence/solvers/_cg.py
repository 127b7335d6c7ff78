"""CG: conjugate gradients against the Hessian itself, which is never formed."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from .._typing import Array
from .._warnings import warn
from ..operators import Hessian
from ._conjugate_gradients import Iterated, conjugate_gradients
from ._inverse import Inverse
from ._preconditioners import PRECONDITIONERS
from ._solver import Solver
from ._spectrum import indefinite

#: Roundings of a residual, relative to the right-hand side, below which it tells nothing.
ROUNDINGS = 4


@dataclass(frozen=True)
class CG(Solver):
    """Solve by conjugate gradients: needs nothing but products with the Hessian.

    Each right-hand side runs its own recurrence and stops by its own residual; an iteration is
    one product of the Hessian with those that are still running. (Koh & Liang 2017, section 3,
    "Conjugate gradients"; Martens 2010.)

    Parameters
    ----------
    rtol : float, default=1e-8
        Stop where ``‖b - H x‖ <= rtol ‖b‖``, or where that is rounding in the precision of X.
    max_iter : int, default=1000
        Iterations after which the rest is returned with a ``ConvergenceWarning``.
    preconditioner : {None, "jacobi", "kronecker"}, default=None
        "jacobi" divides by the diagonal of H: it helps on sparse text, whose words differ in
        frequency, and may hurt on a softmax. "kronecker" is for linear models of several outputs
        on dense, correlated features: it takes the mean curvature of the outputs apart from that
        of the features, which takes a dense (p, p) matrix for p features.
    """

    rtol: float = 1e-8
    max_iter: int = 1000
    preconditioner: Literal["jacobi", "kronecker"] | None = None

    def order(self, hessian: Hessian) -> None:
        """Return None: nothing is factored, every product iterates."""
        return None

    def invert(self, hessian: Hessian) -> Inverse:
        """Return H⁻¹; every product with it runs the iteration."""
        if self.preconditioner is not None and self.preconditioner not in PRECONDITIONERS:
            names = " or ".join(map(repr, PRECONDITIONERS))
            raise ValueError(
                f"`preconditioner` must be None, {names}; got {self.preconditioner!r}."
            )
        return CGInverse(hessian, self)


class CGInverse(Inverse):
    """H⁻¹ whose products are conjugate gradient solves.

    Attributes
    ----------
    residual : float
        The largest relative residual, ``‖b - H x‖ / ‖b‖``, that a product has ended with so far.
    """

    def __init__(self, hessian: Hessian, solver: CG) -> None:
        super().__init__(hessian)
        self.solver, self.residual = solver, 0.0
        named = solver.preconditioner
        self.preconditioner = None if named is None else PRECONDITIONERS[named].of(hessian)

    def _matmat(self, B: Array) -> Array:
        B = self.project(np.asarray(B, dtype=self.dtype))
        iterated = conjugate_gradients(
            self.hessian,
            B,
            rtol=self._rtol,
            max_iter=self.solver.max_iter,
            precondition=self.preconditioner,
            project=self.project,
        )
        if iterated.indefinite:
            raise indefinite(self.hessian)
        self._judge(iterated)
        return self.project(iterated.solution)

    @property
    def _rtol(self) -> float:
        return max(self.solver.rtol, ROUNDINGS * float(np.finfo(self.dtype).eps))

    def _judge(self, iterated: Iterated) -> None:
        """Keep the worst residual, and warn if it is above the tolerance."""
        worst = float(np.max(iterated.residual, initial=0))
        self.residual = max(self.residual, worst)
        if worst > self._rtol:
            warn(
                f"Conjugate gradients stopped after {iterated.iterations} iterations at a "
                f"relative residual of {worst:.2g} (rtol={self.solver.rtol:g}); raise `max_iter`, "
                "add `damping`, standardise the columns, or precondition.",
                ConvergenceWarning,
            )
