"""The rows at a kink, the margin set M, and the inverse of the system that they make.

    [ 0   1ᵀ  ]
    [ 1  K_MM ],        without the border where no intercept is free.

One row that enters or leaves corrects the inverse by rank one.
"""

from copy import copy

import numpy as np

from ._gram import Gram

#: Share of a row's own kernel below which its distance to the span of the margin set is rounding.
DEPENDENT = 1e-12


class MarginSet:
    """The margin set, in slots: the last row takes the place of one that leaves.

    Parameters
    ----------
    gram : Gram
        K.
    free : bool
        Whether there is a border.

    Attributes
    ----------
    size : int
        Number of rows.
    """

    def __init__(self, gram: Gram, free: bool) -> None:
        self.gram, self.free, self.size = gram, free, 0
        self._members = np.zeros(16, dtype=int)
        self._at, self._upper, self._lower = np.zeros((3, 16))
        self._rows, self._inverse = np.empty((16, gram.width)), np.empty((17, 17))

    @property
    def members(self) -> np.ndarray:
        """The rows, shape (size,); as the three below a view, to be written to."""
        return self._members[: self.size]

    @property
    def at(self) -> np.ndarray:
        """The kink that each is at."""
        return self._at[: self.size]

    @property
    def upper(self) -> np.ndarray:
        """The largest dual coefficient of each."""
        return self._upper[: self.size]

    @property
    def lower(self) -> np.ndarray:
        """The smallest dual coefficient of each."""
        return self._lower[: self.size]

    @property
    def inverse(self) -> np.ndarray:
        """The inverse of the bordered system; there is none of the border alone."""
        order = self.size + self.free
        return self._inverse[:order, :order]

    def fork(self) -> "MarginSet":
        """Return a copy."""
        other, size, order = copy(self), self.size, self.size + self.free
        for name in ("_members", "_at", "_upper", "_lower"):
            setattr(other, name, getattr(self, name).copy())
        other._rows, other._inverse = np.empty_like(self._rows), np.empty_like(self._inverse)
        other._rows[:size] = self._rows[:size]
        other._inverse[:order, :order] = self.inverse
        return other

    def enter(self, i: int, at: float, bounds: np.ndarray, dependent: float = DEPENDENT) -> bool:
        """Take a row in; return False where it depends on those that are there.

        Parameters
        ----------
        i : int
            The row.
        at : float
            Its kink.
        bounds : ndarray of shape (2,)
            Its largest and its smallest dual coefficient.
        dependent : float
            Share of its own kernel below which its distance is none.
        """
        own, size, order = self.gram.diagonal[i], self.size, self.size + self.free
        if size == 0 and self.free:
            self._inverse[:2, :2] = [[-own, 1], [1, 0]]
        else:
            if size >= self.gram.width + self.free:
                return False
            solved, distance = self.apart(i)
            if not distance > dependent * own:
                return False
            inverse = self._inverse
            inverse[:order, :order] += np.multiply.outer(solved, solved / distance)
            inverse[order, :order] = inverse[:order, order] = -solved / distance
            inverse[order, order] = 1 / distance
        self._members[size], self._rows[size], self._at[size] = i, self.gram.row(i), at
        self._upper[size], self._lower[size] = bounds
        self.size += 1
        if self.size == len(self._members):
            self._make_room()
        return True

    def leave(self, position: int) -> None:
        """Let the row in a slot go."""
        last = self.size - 1
        if last > 0:
            inverse, p = self.inverse, position + self.free
            column = inverse[p].copy()
            inverse -= np.multiply.outer(column, column / column[p])
            if position < last:
                inverse[p] = inverse[-1]
                inverse[:, p] = inverse[:, -1]
        if position < last:
            for kept in (self._members, self._rows, self._at, self._upper, self._lower):
                kept[position] = kept[last]
        self.size = last

    def apart(self, i: int) -> tuple[np.ndarray, float]:
        """Return a row as a combination of the set, and the square of what is left of it.

        The combination begins with the share of the border, where there is one.
        """
        column = np.ones(self.size + self.free)
        column[self.free :] = self.gram.with_row(self._rows[: self.size], i)
        solved = self.inverse @ column
        return solved, self.gram.diagonal[i] - column @ solved

    def solve(self, excess: float, gap: np.ndarray) -> tuple[np.ndarray, float]:
        """Return the change of a and of the intercept that closes a gap, and an excess of Σ a."""
        inverse = self.inverse
        if not self.free:
            return inverse @ gap, 0.0
        solved = inverse[:, 1:] @ gap - excess * inverse[:, 0]
        return solved[1:], solved[0]

    def moves(self, rate: np.ndarray) -> np.ndarray:
        """Return ``K_M a``, how the raw predictions of all rows move with the set's a."""
        return self.gram.times(rate @ self._rows[: self.size])

    def renew(self) -> bool:
        """Invert the system again; return False where it is singular."""
        system = np.ones((self.size + self.free,) * 2)
        rows = self._rows[: self.size]
        system[self.free :, self.free :] = self.gram.among(rows, self.members)
        if self.free:
            system[0, 0] = 0
        try:
            self.inverse[:] = np.linalg.inv(system)
        except np.linalg.LinAlgError:
            return False
        return True

    def _make_room(self):
        room = 2 * len(self._members)
        for name in ("_members", "_at", "_upper", "_lower", "_rows", "_inverse"):
            before = getattr(self, name)
            shape = {"_rows": (room, self.gram.width), "_inverse": (room + 1, room + 1)}
            after = np.zeros(shape.get(name, room), dtype=before.dtype)
            after[tuple(slice(0, length) for length in before.shape)] = before
            setattr(self, name, after)
