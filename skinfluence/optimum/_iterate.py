"""An iterate on the way to the optimum of an objective, and the Newton step from it.

    step = -H⁻¹ r,    decrement = -r · step,    r = ∇F(theta) - tilt

where the tilt is the gradient that a fit left at its theta: what is followed is a change of the
training rows, and not the rest of the fit.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from ..operators import Hessian
from ..problem import Problem
from ._certificate import curvature_missed, distance, relative_error
from ._line_search import backtrack
from ._rounding import rounding


def span_of(problem: Problem, change: np.ndarray) -> float:
    """Return M times the largest move of a weighted row's prediction by a change of theta.

    nan where the loss has no M, or predictions are curved.
    """
    loss = problem.loss
    if loss.self_concordance is None or not problem.predictor.is_linear:
        return np.nan
    moved = problem.predictor.jvp(problem.X, change[:, None])[problem.weights > 0, :, 0]
    return float(loss.self_concordance * loss.span(moved).max(initial=0))


@dataclass(frozen=True, eq=False)
class Iterate:
    """A theta, and the Newton step from it.

    Parameters
    ----------
    problem : Problem
        The objective, at this theta.
    inverse : object with ``@``
        Inverse of its Hessian, here or at an earlier iterate.
    tilt : ndarray of shape (P,), default=None
        Gradient of a linear term that is taken off the objective.
    """

    problem: Problem
    inverse: Any
    tilt: np.ndarray | None = None

    @classmethod
    def start(cls, problem, inverse, tilt, removal):
        """Begin at the fitted theta, where the gradient is -R to the last digit."""
        iterate = cls(problem, inverse, tilt)
        vars(iterate)["gradient"] = -removal
        return iterate

    @cached_property
    def gradient(self) -> np.ndarray:
        """r, shape (P,)."""
        gradient = self.problem.gradient()
        return gradient if self.tilt is None else gradient - self.tilt

    @cached_property
    def step(self) -> np.ndarray:
        """The Newton step from here, shape (P,)."""
        return -(self.inverse @ self.gradient)

    @cached_property
    def decrement(self) -> float:
        """The squared length of the step in the Hessian."""
        return float(-(self.gradient @ self.step))

    @cached_property
    def rounding(self) -> float:
        """The decrement that is zero to rounding."""
        return rounding(self.problem)

    @cached_property
    def movement(self) -> float:
        """The largest change of a training row's raw prediction by the step."""
        moved = self.problem.predictor.jvp(self.problem.X, self.step[:, None])
        return float(np.abs(moved).max())

    @cached_property
    def missed(self) -> float:
        """What the step leaves of itself at most, as far as the curvature changes along it.

        inf where the loss has no bound on that (``_certificate``).
        """
        span = self.span(self.step)
        return float(relative_error(distance(curvature_missed(span), span, 0.0), 1.0))

    def span(self, change: np.ndarray) -> float:
        """Return M times the largest move of a prediction, nan where the loss has no M."""
        return span_of(self.problem, change)

    def certificate(self, start: "Iterate") -> float:
        """Return what the step would move, relative to the change from the start to here.

        It is the larger of two ratios: of the lengths in the Hessian here, and of the largest
        changes of a raw prediction. The second does not fall where classes are separable, and there
        is no optimum to come to. What the first step would have moved is no measure: near
        separation it may be a thousand times as long as what of it lowers the objective.
        """
        problem, tiny = self.problem, np.finfo(float).tiny
        change = problem.theta - start.problem.theta
        square = float(change @ (Hessian(problem) @ change))
        moved = np.abs(problem.predictor.jvp(problem.X, change[:, None])).max()
        decrement = max(0.0, self.decrement) / max(square, tiny)
        return float(max(np.sqrt(decrement), self.movement / max(moved, tiny)))

    def search(self) -> tuple["Iterate", float]:
        """Return the iterate after a line search along the step, and the length it took."""
        after, length = backtrack(self.problem, self.step, self.decrement, self.tilt)
        return Iterate(after, self.inverse, self.tilt), length

    def finish(self) -> "Iterate":
        """Return the iterate after the whole step, where its gradient is smaller; else this one.

        It is for the last step, which the objective cannot see.
        """
        last = Iterate(self.problem.at(self.problem.theta + self.step), self.inverse, self.tilt)
        return last if np.linalg.norm(last.gradient) < np.linalg.norm(self.gradient) else self

    def with_inverse(self, inverse) -> "Iterate":
        """Return the same iterate with another inverse."""
        return replace(self, inverse=inverse)
