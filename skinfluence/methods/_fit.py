"""A fitted model and H⁻¹: what methods answer from."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .._blocks import row_blocks
from .._typing import MatrixLike
from ..adapters import Model, with_parameters
from ..operators import Hessian
from ..optimum import distance_left, newton_decrement
from ..problem import Problem
from ..questions import RowQuestion
from ..solvers import Inverse


@dataclass(frozen=True, eq=False, repr=False)
class Fit:
    """A fitted model with the inverse of its Hessian.

    Parameters
    ----------
    model : Model
        The fitted model.
    solver : object with ``invert`` or None
        What inverted the Hessian; None where nothing was.
    inverse : Inverse or None
        H⁻¹ at the fit.
    curvature : {"hessian", "gauss_newton"} or None
        Which Hessian it is of.
    newton_decrement, typical_decrement : float or None
        How far the fit is from its optimum, and how far the median row would move it.
    refined : bool
        Whether Newton steps took the fit to its optimum.
    n_jobs : int or None
        Blocks (threads) or refits (processes) at the same time.
    verbose : int
        Progress of refits.
    fitted : ndarray of shape (P,) or None
        The parameters as they were fitted, of a loss with kinks; None where theta is known.
    smooth : Fit or None
        The fit that derivatives are of, where ``model`` is of a loss with kinks.
    """

    model: Model
    solver: Any = None
    inverse: Inverse | None = None
    curvature: str | None = None
    newton_decrement: float | None = None
    typical_decrement: float | None = None
    refined: bool = False
    n_jobs: int | None = None
    verbose: int = 0
    fitted: np.ndarray | None = None
    smooth: "Fit | None" = None

    @property
    def known_inverse(self) -> Inverse:
        """H⁻¹; ValueError if there is none."""
        return self.require_inverse("influence")

    @property
    def problem(self) -> Problem:
        """The problem that H belongs to: the linearised one with Gauss-Newton."""
        return self.known_inverse.hessian.problem

    @property
    def short(self) -> float:
        """How far the fit is from its optimum, in the norm of H; 0 where that is rounding."""
        if self.newton_decrement is None or self.problem.loss.smoothed:
            return 0.0
        known = self.newton_decrement, self.typical_decrement
        return distance_left(self.problem, self.known_inverse, *known)

    @property
    def differentiated(self) -> "Fit":
        """The fit that derivatives are of: itself, unless its model's loss has kinks."""
        return self if self.smooth is None else self.smooth

    def evaluated_at(self, problem: Problem) -> "Fit":
        """Return the fit whose model is that of a problem with the loss as it is trained."""
        if problem is self.problem:
            return self
        model: Any = replace(self.model, problem=problem)  # type: ignore[type-var]
        if self.refined:
            model = replace(model, estimator=with_parameters(model.estimator, problem))
        return replace(self, model=model, smooth=self.differentiated)

    def require_inverse(self, name: str) -> Inverse:
        """Return H⁻¹; ValueError, for what is called ``name``, where there is none."""
        if self.inverse is None:
            raise ValueError(f'`{name}` needs the Hessian; use method="newton" or "influence".')
        return self.inverse

    def spanning(self, X_new: MatrixLike) -> "Fit":
        """Return the fit in features that also hold new rows: those of a kernel may not."""
        if self.smooth is not None:
            smooth = self.smooth.spanning(X_new)
            return self if smooth is self.smooth else smooth
        model = self.model.spanning(X_new)
        if model is self.model:
            return self
        if self.inverse is None:
            return replace(self, model=model)
        before = self.inverse.hessian
        hessian = Hessian(model.known_problem, before.damping, before.block_size)
        inverse = self.solver.invert(hessian)
        left = self.newton_decrement
        if left is not None:
            left = newton_decrement(model.known_problem, inverse)
        return replace(self, model=model, inverse=inverse, newton_decrement=left)


def block_bytes(n_numbers: int, n_outputs: int) -> int:
    """Return the bytes that a change takes while it is scored against some rows."""
    return 4 * n_numbers * n_outputs * np.dtype(float).itemsize


def question_parts(question: RowQuestion, problem: Problem) -> list[slice]:
    """Split test rows so that what is solved for a part of them fits ``working_memory``.

    A question about one number of all rows is one part.
    """
    if not question.divides:
        return [slice(0, len(question))]
    return row_blocks(len(question), 3 * problem.n_outputs * len(problem.theta) * 8)
