"""What changes of the training rows have in common.

A change is said in its user's terms and encoded for a model; encoded, it gives the R of the line
``influence = J · H⁻¹ · Rᵀ``, the changed objectives, the moves of the optimum, and real refits.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
from scipy.sparse.linalg import LinearOperator

from .._blocks import row_blocks
from ..adapters import Model
from ..problem import Problem

#: R of a block of changes: an operator, or an array of shape (b, P).
Rows: TypeAlias = LinearOperator | np.ndarray
#: Effects on M numbers of a block of changes, of shape (M, b) or (M, b, p).
Product: TypeAlias = Callable[[slice], np.ndarray]


@dataclass(frozen=True, eq=False)
class ChangedObjective:
    """An objective with other training rows, at the fitted theta.

    Parameters
    ----------
    problem : Problem
        The changed problem at the fitted theta.
    removal : ndarray of shape (P,)
        R: minus the change of the gradient there.
    rows : ndarray of int of shape (b,) or None
        The rows whose weights change, where nothing else does: neither rows nor the penalty.
    """

    problem: Problem
    removal: np.ndarray
    rows: np.ndarray | None = None


class Change(Protocol):
    """What happens to the training rows, in its user's terms."""

    def encode(self, fit: Any) -> "EncodedChange":
        """Return the change as a fitted model takes it; ValueError where it has no meaning."""

    def spanning(self, fit: Any) -> Any:
        """Return the fit in features that hold the rows of this change: itself, as a rule."""


class EncodedChange:
    """Changes of the training rows, each on its own, as a fitted model takes them.

    A subclass has ``rows``, ``removals``, ``moves`` and ``refit``; what the first order makes of it
    follows from R. ``objectives`` are of those that an optimum is not told by their rows alone.

    Attributes
    ----------
    rows : ndarray of int of shape (c,) or None
        The training row that each change is of; None where it is of several.
    has_derivative_only : bool
        Whether it is infinitely small, so that methods other than the first order have nothing to
        add.
    """

    rows: np.ndarray | None
    has_derivative_only = False

    def __len__(self) -> int:
        raise NotImplementedError

    @property
    def own_rows(self) -> np.ndarray:
        """The row that each change is of; ValueError where that is several."""
        if self.rows is None:
            raise ValueError(
                "`OwnLoss` needs changes of single rows, and a group has several; ask for `Loss` "
                "of its rows."
            )
        return self.rows

    def removals(self, problem: Problem, block: slice) -> Rows:
        """Return R of a block of changes."""
        raise NotImplementedError

    def objectives(self, problem: Problem, block: slice) -> Iterator[ChangedObjective]:
        """Yield the changed objective of every change of a block."""
        raise NotImplementedError

    def moves(self, optimum: Any) -> Any:
        """Return where an optimum goes with every change."""
        raise NotImplementedError

    def refit(self, refits: Any, position: int) -> Model:
        """Return the model that was really fitted after one of the changes."""
        raise NotImplementedError

    def features(self, fit: Any) -> tuple[int, ...]:
        """Return (p,) of derivatives in p features, else ()."""
        return ()

    def blocks(self, fit: Any, change_bytes: int) -> list[slice]:
        """Split the changes so that blocks that take ``change_bytes`` each fit in memory."""
        return row_blocks(len(self), change_bytes, fit.known_inverse.hessian.block_size)

    def linear_products(self, fit: Any) -> Callable[[Any], Product]:
        """Return what gives, for a question about rows, ``J H⁻¹ Rᵀ`` of a block of changes."""
        problem, inverse = fit.problem, fit.known_inverse

        def of(question):
            solved = inverse @ question.jacobian(problem).T
            return lambda block: (self.removals(problem, block) @ solved).T

        return of

    def linear_change(self, fit: Any, block: slice) -> np.ndarray:
        """Return ``H⁻¹ Rᵀ`` of a block of changes, one a row; shape (b, P)."""
        return (fit.known_inverse @ _dense(self.removals(fit.problem, block)).T).T

    def linear_own(self, fit: Any, block: slice) -> np.ndarray:
        """Return ``J_j H⁻¹ R_jᵀ`` of a block of changes, j the row each is of; shape (b, K)."""
        problem = fit.problem
        return problem.predictor.row_jvp(
            problem.X[self.own_rows[block]], self.linear_change(fit, block)
        )

    def user_parameters(self, problem: Problem, block: slice, change, linear: bool) -> np.ndarray:
        """Return the change of the user's parameters, of which theta has the change (b, P).

        They are theta itself, but for kernel models: dual coefficients and intercepts, to first
        order with ``linear``.
        """
        changed = (each.problem for each in self.objectives(problem, block))
        return problem.user_change(changed, change, linear)


class DenseChange(EncodedChange):
    """Changes whose R is dense: it is found once, and solved for where it has the fewer rows."""

    def blocks(self, fit, change_bytes):
        """Return one block: all is found at once."""
        return [slice(0, len(self))]

    def linear_products(self, fit):
        """Return what gives, for a question about rows, ``J H⁻¹ Rᵀ`` of a block of changes."""
        removals, inverse = self.removals(fit.problem, slice(None)), fit.known_inverse
        solved = None

        def of(question):
            nonlocal solved
            numbers = question.jacobian(fit.problem)
            if solved is None and len(removals) <= len(numbers):
                solved = inverse @ removals.T
            known = solved is not None
            product = numbers @ solved if known else (removals @ (inverse @ numbers.T)).T
            return lambda block: product[:, block]

        return of


def only_these(problem: Problem, changed: Problem, rows: np.ndarray) -> np.ndarray | None:
    """Return the rows, if the weights of the others and the penalty stay as they are; else None."""
    others = np.ones(problem.n_rows, dtype=bool)
    others[rows] = False
    alone = np.array_equal(changed.penalty, problem.penalty)
    alone = alone and np.array_equal(changed.weights[others], problem.weights[others])
    return rows if alone else None


def minus_gradient_change(problem: Problem, changed: Problem) -> np.ndarray:
    """Return R of a changed problem at the same theta, shape (P,)."""
    data = problem.data_gradient(problem.weights) - changed.data_gradient(changed.weights)
    if changed.mass is None or problem.mass is None:
        return data
    return data + problem.penalty_gradient() - changed.penalty_gradient()


def _dense(removals):
    return removals if isinstance(removals, np.ndarray) else removals.dense()
