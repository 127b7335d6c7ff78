"""What a fit's Hessian says of its numerics, each figure found when it is first asked for.

The mean Hessian is H / n, its penalty and damping included. Flat directions, parameters that a
norm holds at zero, and those of columns of zeros do not count: eigenvalues are those of the
directions that are solved in.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..optimum import typical_gradients
from ..problem import Problem
from ..solvers import Inverse, extremes, largest_eigenvalue
from ._one_step import OneStep

#: Multiplications that a summary may spend on figures nobody asked for: a twentieth of a second.
SUMMARY_BUDGET = 1e8


@dataclass(frozen=True, eq=False)
class Conditioning:
    """Figures about H and its inverse, each found once.

    Parameters
    ----------
    problem : Problem
        The fitted problem.
    inverse : Inverse
        H⁻¹ at its theta.
    """

    problem: Problem
    inverse: Inverse

    @cached_property
    def eigenvalues(self):
        """The smallest and the largest eigenvalue of H / n.

        Where H was factored the smallest is one over the largest of the inverse, which is right
        to more digits, and 0 where the factor has left directions out.
        """
        hessian, n = self.inverse.hessian, self.problem.n
        if self.inverse.rcond is None:
            smallest, largest, _ = extremes(hessian)
            nothing = len(hessian.ridge) * np.finfo(hessian.dtype).eps * abs(largest)
            return (0.0 if abs(smallest) <= nothing else smallest / n), largest / n
        largest = largest_eigenvalue(hessian)
        inverted = largest_eigenvalue(self.inverse) if self.inverse.rcond > 0 else 0.0
        return (1 / (inverted * n) if inverted > 0 else 0.0), largest / n

    @cached_property
    def effective_dimension(self):
        """The sum of the leverages."""
        return float(np.einsum("nkk->", OneStep(self.problem, self.inverse).hats))

    @cached_property
    def residual(self):
        """The largest ``‖b - H x‖ / ‖b‖`` over the gradients b of a few rows."""
        hessian = self.inverse.hessian
        B = hessian.project(typical_gradients(self.problem, n_rows=8).T)
        sizes = np.linalg.norm(B, axis=0)
        left = np.linalg.norm(B - hessian @ (self.inverse @ B), axis=0)
        return float(np.max(left / np.where(sizes > 0, sizes, 1), initial=0))

    @property
    def condition(self) -> float:
        """Largest eigenvalue over smallest; infinite where the smallest is not positive."""
        smallest, largest = self.eigenvalues
        return largest / smallest if smallest > 0 else float("inf")

    @property
    def largest_residual(self) -> float:
        """The largest relative residual: of typical solves, and of any by ``CG`` so far."""
        return max(self.residual, getattr(self.inverse, "residual", 0.0))

    @property
    def spread(self) -> float | None:
        """Relative standard error of the last solve by ``LiSSA``, its worst right-hand side."""
        spread = getattr(self.inverse, "spread", None)
        return None if spread is None else float(np.max(spread, initial=0))

    @property
    def is_cheap(self) -> bool:
        """Whether H was factored, and is small enough to answer anything at once."""
        P = len(self.problem.theta)
        work = self.problem.y.size * P**2
        return self.inverse.rcond is not None and P <= 1000 and work <= SUMMARY_BUDGET
