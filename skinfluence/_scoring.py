"""Scoring: the model that labels were scored with, and what can be asked of it afterwards."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from .problems import Problem
from .scores import FirstOrder, Newton
from .solvers import invert_curved


@dataclass(frozen=True, eq=False)
class Scoring:
    """The fitted model behind the scores of a ``LabelCleaner``.

    H⁻¹ may be far larger than the data. It is kept in memory, for the questions that follow a
    fit, and left out of a pickle: who asks a copy pays for one more factor.

    Parameters
    ----------
    estimator : estimator
        The final estimator, fitted with the penalty that was chosen.
    problem : Problem
        Its problem, at the optimum.
    solver : object with ``invert``
        Inverts H.
    damping : float or "auto"
        As in ``LabelCleaner``.
    """

    estimator: Any
    problem: Problem
    solver: Any
    damping: float | Literal["auto"]

    @cached_property
    def inverse(self):
        """H⁻¹ at the optimum."""
        return invert_curved(self.solver, self.problem, self.damping)[0]

    @property
    def working(self):
        """The problem that H belongs to: the linearised one with Gauss-Newton."""
        return self.inverse.hessian.problem

    @property
    def factored(self):
        """Whether H itself was factored, undamped, so that it stands for those of refits."""
        return self.inverse.rcond is not None and not self.inverse.hessian.damping

    @cached_property
    def newton(self):
        """Newton steps without each row, as far as scores need them."""
        return Newton(self.working, self.inverse, self.solver, tolerance=0.1)

    @property
    def first_order(self):
        """The paper's first order."""
        return FirstOrder(self.working, self.inverse)

    def __getstate__(self):
        large = ("inverse", "newton")
        return {name: value for name, value in vars(self).items() if name not in large}
