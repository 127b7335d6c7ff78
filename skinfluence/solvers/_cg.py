"""Conjugate gradients, for all right-hand sides at once."""

from dataclasses import dataclass

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from .._warnings import warn
from ._inverse import Inverse
from ._preconditioners import PRECONDITIONERS
from ._spectrum import indefinite


@dataclass(frozen=True)
class CG:
    """Solve by conjugate gradients: needs nothing but products with the Hessian.

    Each right-hand side runs its own recurrence and stops by its own residual; an iteration is
    one product of the Hessian with those that are still running. (Koh & Liang 2017, section 3,
    "Conjugate gradients"; Martens 2010.)

    Parameters
    ----------
    rtol : float, default=1e-8
        Stop where ``‖b - H x‖ <= rtol ‖b‖``.
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
    preconditioner: str | None = None

    def invert(self, hessian):
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

    def __init__(self, hessian, solver):
        super().__init__(hessian)
        self.solver, self.residual = solver, 0.0
        named = solver.preconditioner
        self.preconditioner = None if named is None else PRECONDITIONERS[named].of(hessian)

    def _matmat(self, B):
        B = self.project(np.asarray(B, dtype=self.dtype))
        X = np.zeros_like(B)
        R, Z = B.copy(), self._precondition(B)
        D, rho = Z.copy(), _dots(B, Z)
        tolerance = self.solver.rtol * np.linalg.norm(B, axis=0)
        running = np.linalg.norm(R, axis=0) > tolerance
        for _ in range(self.solver.max_iter):
            if not running.any():
                break
            step, product = self._step(D[:, running], rho[running])
            X[:, running] += step * D[:, running]
            R[:, running] -= step * product
            Z = self._precondition(R[:, running])
            new = _dots(R[:, running], Z)
            D[:, running] = Z + (new / rho[running]) * D[:, running]
            rho[running] = new
            running = np.linalg.norm(R, axis=0) > tolerance
        self._judge(R, B)
        return self.project(X)

    def _step(self, D, rho):
        """Return the step along every direction, and the product H D."""
        product = self.hessian @ D
        curvature = _dots(D, product)
        if np.any(curvature <= 0):
            raise indefinite(self.hessian)
        return rho / curvature, product

    def _precondition(self, R):
        return self.project(R if self.preconditioner is None else self.preconditioner(R))

    def _judge(self, R, B):
        """Keep the worst residual, and warn if it is above the tolerance."""
        sizes = np.linalg.norm(B, axis=0)
        worst = np.max(np.linalg.norm(R, axis=0) / np.where(sizes > 0, sizes, 1), initial=0)
        self.residual = max(self.residual, float(worst))
        if worst > self.solver.rtol:
            warn(
                f"Conjugate gradients stopped after {self.solver.max_iter} iterations at a "
                f"relative residual of {worst:.2g} (rtol={self.solver.rtol:g}); raise `max_iter`, "
                "add `damping`, standardise the columns, or precondition.",
                ConvergenceWarning,
            )


def _dots(A, B):
    return np.einsum("ij,ij->j", A, B)
