"""A point on the way to the optimum without a group, and the Newton step from it.

    step = -H_{-G}⁻¹ r,    decrement = -r · step,    r = ∇F_{-G}(theta) - what the fit left

The step is shortened until ``F_{-G}(theta) - left_over · theta`` falls (Armijo 1966).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..problems import Problem
from ._rounding import rounding


@dataclass(frozen=True, eq=False)
class Position:
    """A point on the way to the optimum without a group, and the Newton step from it.

    Parameters
    ----------
    problem : Problem
        Without the group, at this theta.
    inverse : object with ``@``
        Inverse of its Hessian, here or at an earlier point.
    left_over : ndarray of shape (P,)
        Gradient of the full objective at the fitted theta, 0 if the fit converged.
    """

    problem: Problem
    inverse: Any
    left_over: np.ndarray

    @classmethod
    def start(cls, problem, inverse, left_over, removal):
        """Begin at the fitted theta, where the gradient is -R to the last digit."""
        position = cls(problem, inverse, left_over)
        vars(position)["gradient"] = -removal
        return position

    @cached_property
    def gradient(self):
        """r, the gradient less what the fit left; shape (P,)."""
        return self.problem.gradient() - self.left_over

    @cached_property
    def step(self):
        """The Newton step from here, shape (P,)."""
        return -(self.inverse @ self.gradient)

    @cached_property
    def decrement(self):
        """The squared length of the step in the Hessian."""
        return float(-(self.gradient @ self.step))

    @cached_property
    def rounding(self):
        """The decrement that is zero to rounding."""
        return rounding(self.problem)

    @cached_property
    def movement(self):
        """The largest change of a training row's raw prediction by the step."""
        moved = self.problem.predictor.jvp(self.problem.X, self.step[:, None])
        return float(np.abs(moved).max())

    def certificate(self, start):
        """Return what the step would move relative to what the first moved.

        It is the larger of two ratios: of the lengths in the Hessian, and of the largest changes
        of a raw prediction. The second does not fall where classes are separable, and there is no
        optimum to come to.
        """
        decrement = max(0.0, self.decrement) / max(abs(start.decrement), np.finfo(float).tiny)
        movement = self.movement / max(start.movement, np.finfo(float).tiny)
        return float(max(np.sqrt(decrement), movement))

    def search(self):
        """Return the position after the longest of the steps 1, ½, ¼, … that falls."""
        before, theta = self._value(self.problem), self.problem.theta
        slack = 10 * np.finfo(theta.dtype).eps * abs(self.problem.objective())
        length = 1.0
        while length > 1e-10:
            after = self.problem.at(theta + theta.dtype.type(length) * self.step)
            if self._value(after) <= before - 1e-4 * length * self.decrement + slack:
                return Position(after, self.inverse, self.left_over)
            length /= 2
        return self

    def _value(self, problem):
        return problem.objective() - float(self.left_over @ problem.theta)
