"""Moves: where the optimum goes with each of several changes, and what that does to predictions."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from ..problem import Problem
from ._around import Around, distance_of, gram_of, scaled
from ._ends import Certificates, Ends
from ._left_out_rows import LeftOutRows

#: Blocks of (positions in a block of changes, change of the raw predictions (m, b, K)).
RawBlocks = Callable[[slice], Iterator[tuple[Any, np.ndarray]]]


class Moves(Protocol):
    """Where the optimum goes with each of several changes.

    Attributes
    ----------
    independent : bool
        Whether it is found a block of changes at a time, so that blocks can be asked for apart.
    """

    independent: bool

    def raw(self, X: Any) -> RawBlocks:
        """Return what gives the change of the raw predictions of X, for a block of changes."""

    def parameters(self, block: slice) -> np.ndarray:
        """Return the change of theta with every change of a block, shape (b, P)."""

    def own(self, block: slice) -> np.ndarray:
        """Return the change of the raw prediction of each change's own row, shape (b, K)."""

    @property
    def certificates(self) -> Certificates:
        """How certain every change of theta is."""

    def around(self, X: Any) -> Around:
        """Yield the changes of raw predictions, and how far they may be off (``Around``)."""


@dataclass(frozen=True, eq=False)
class RowMoves:
    """The moves without each of some rows, found a block at a time.

    Parameters
    ----------
    left_out : LeftOutRows
    rows : ndarray of int of shape (c,)
    """

    left_out: LeftOutRows
    rows: np.ndarray

    independent = True

    def raw(self, X) -> RawBlocks:
        """Return what gives the change of the raw predictions of X, for a block of changes."""
        blocks = self.left_out.raw_changes(X)
        return lambda block: blocks(self.rows[block])

    def parameters(self, block):
        """Return the change of theta with every change of a block, shape (b, P)."""
        return self.left_out.changes(self.rows[block])

    def own(self, block):
        """Return the change of the raw prediction of each change's own row, shape (b, K)."""
        return self.left_out.own_raw_changes(self.rows[block])

    @property
    def certificates(self) -> Certificates:
        """How certain every change of theta is."""
        settled = self.left_out.settle(self.rows)
        known = Certificates(settled.certificates[self.rows], settled.proved[self.rows])
        return known.short(self.left_out.by_fit(self.rows)[1])

    def around(self, X) -> Around:
        """Yield the changes of raw predictions, and how far they may be off."""
        yield from self.left_out.around(X, self.rows)


@dataclass(frozen=True, eq=False)
class KnownMoves:
    """The moves of changes whose ends are found once, when they are first asked for.

    Parameters
    ----------
    problem : Problem
        The fitted problem.
    find : callable
        ``find()`` returns the Ends.
    inverses : callable
        ``inverses()`` yields the inverse of H after each change, at the fitted theta.
    rows : ndarray of int of shape (c,) or None
        The row that each change is of.
    left : callable, default=None
        ``left(change, inverse)`` returns what a move may be off by since the fit stopped short, in
        the norm of its H. None where the fit is at its optimum.
    """

    problem: Problem
    find: Callable[[], Ends]
    inverses: Callable[[], Iterator[Any]]
    rows: np.ndarray | None
    left: Callable[[np.ndarray, Any], float] | None = None

    independent = False

    @cached_property
    def ends(self) -> Ends:
        """Where the optimum went with each change."""
        return self.find()

    def raw(self, X) -> RawBlocks:
        """Return what gives the change of the raw predictions of X, for a block of changes."""

        def blocks(block):
            changes = self.parameters(block)
            yield slice(0, len(changes)), self.problem.raw_changes(X, changes)

        return blocks

    def parameters(self, block):
        """Return the change of theta with every change of a block, shape (b, P)."""
        return self.ends.changes[block]

    def own(self, block):
        """Return the change of the raw prediction of each change's own row, shape (b, K)."""
        if self.rows is None:
            raise ValueError("A change of a group is of several rows, and none is its own.")
        return self.problem.own_raw_changes(self.rows[block], self.ends.changes[block])

    @property
    def certificates(self) -> Certificates:
        """How certain every change of theta is."""
        known = Certificates(self.ends.certificates, self.ends.proved)
        if self.left is None:
            return known
        moved = self.ends.changes.any(axis=1)
        each = [(left, length) for *_, length, left in self._each()]
        left, lengths = np.reshape(each, (-1, 2)).T
        with np.errstate(divide="ignore", invalid="ignore"):
            return known.short(np.where(moved, left / lengths, 0))

    def around(self, X) -> Around:
        """Yield the changes of raw predictions, and how far they may be off."""
        ends, predictor = self.ends, self.problem.predictor
        for i, delta, inverse, length, left in self._each():
            radius = distance_of(ends.certificates[i], length) + left
            grams = scaled(gram_of(predictor, X, inverse), np.reshape(radius**2, 1))
            yield [i], self.problem.raw_changes(X, delta[None]), grams

    def _each(self):
        """Yield every change with its inverse of H, its length in that H, and what is left."""
        for i, (delta, inverse) in enumerate(zip(self.ends.changes, self.inverses())):
            left = 0.0 if self.left is None else self.left(delta, inverse)
            yield i, delta, inverse, np.sqrt(max(delta @ (inverse.hessian @ delta), 0.0)), left
