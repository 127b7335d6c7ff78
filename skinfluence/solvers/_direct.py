"""Direct: factor the Hessian once, in the primal (P, P) or in the dual (nK, nK)."""

from dataclasses import dataclass

import numpy as np

from ._dual import DualInverse
from ._inverse import Inverse
from ._primal import primal_inverse


@dataclass(frozen=True)
class Direct:
    """Solve by Cholesky, in whichever of the primal and the dual is smaller.

    The primal factors H itself, (P, P). The dual factors ``I + Fᵀ Jᵀ D⁻¹ J F`` of size (nK, nK)
    with Woodbury's identity, where D is the penalty: for more parameters than rows H is never
    formed. A loss that is a sum over outputs is solved output by output.

    Parameters
    ----------
    form : {"auto", "primal", "dual"}, default="auto"
        Which system to factor. The dual needs every coefficient penalised (or damped).
    """

    form: str = "auto"

    def invert(self, hessian):
        """Return H⁻¹.

        Parameters
        ----------
        hessian : Hessian
            Must offer ``dense()``.

        Returns
        -------
        inverse : Inverse

        Raises
        ------
        ValueError
            If ``form="dual"`` and some coefficient carries no penalty.
        """
        outputs = hessian.outputs()
        if outputs is not None:
            return SeparableInverse(hessian, self)
        if self._takes_dual(hessian):
            return DualInverse(hessian)
        return primal_inverse(hessian)

    def size(self, hessian):
        """Return the order of the largest matrix that ``invert`` would factor."""
        n_outputs = hessian.problem.y.shape[1]
        per_system = n_outputs if hessian.problem.loss.separable else 1
        dual = self._takes_dual(hessian)
        size = hessian.problem.n_rows * n_outputs if dual else hessian.shape[0]
        return size // per_system

    def _takes_dual(self, hessian):
        if self.form not in ("auto", "primal", "dual"):
            raise ValueError(f"`form` must be 'auto', 'primal' or 'dual'; got {self.form!r}.")
        problem = hessian.problem
        penalised = np.all(hessian.ridge[: problem.predictor.n_coefficients] > 0)
        if self.form == "dual" and not penalised:
            raise ValueError(
                'Direct(form="dual") needs a penalty on every coefficient; '
                'set damping > 0, or use Direct(form="primal").'
            )
        if self.form == "auto":
            return bool(penalised) and problem.n_rows * problem.y.shape[1] < hessian.shape[0]
        return self.form == "dual"


class SeparableInverse(Inverse):
    """H⁻¹ of a loss that is a sum over outputs: one small inverse an output.

    Outputs with the same curvature and penalty (squared error) share one factor.
    """

    def __init__(self, hessian, solver):
        super().__init__(hessian)
        self.positions, self.parts = [], []
        for k, (part, positions) in enumerate(hessian.outputs()):
            shared = k > 0 and _same_matrix(part, self.parts[0].hessian)
            self.parts.append(self.parts[0] if shared else solver.invert(part))
            self.positions.append(positions)

    def _matmat(self, B):
        solved = np.empty(B.shape, dtype=np.result_type(self.dtype, B.dtype))
        for part, positions in zip(self.parts, self.positions):
            solved[positions] = part @ B[positions]
        return solved

    def _leverages(self, rows):
        leverages = np.zeros((len(rows), len(self.parts), len(self.parts)), dtype=self.dtype)
        for k, part in enumerate(self.parts):
            leverages[:, k, k] = part.leverages(rows)[:, 0, 0]
        return leverages


def _same_matrix(one, other):
    return np.array_equal(one.ridge, other.ridge) and np.array_equal(
        one.curvatures, other.curvatures
    )
