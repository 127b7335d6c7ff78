"""A fitted model's optimum, and where it goes when the training rows change."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..changes import EncodedChange
from ..problem import NewRows, Problem
from ..solvers import Inverse
from ._changed_objective import ChangedObjectives
from ._left_out_rows import LeftOutRows
from ._moves import KnownMoves, RowMoves
from ._replaced_rows import ReplacedRows


@dataclass(frozen=True, eq=False)
class Optimum:
    """The optimum that a model was fitted to: ask it where it goes.

    Parameters
    ----------
    problem : Problem
        The fitted problem, as H has it: the linearised one with Gauss-Newton.
    inverse : Inverse
        H⁻¹ at its theta.
    solver : object with ``invert``
        Inverts the Hessians of other training rows.
    tolerance : float or None, default=1e-4
        What may be left to go, relative to the first step, where a change is followed; None takes
        one step for all.
    settled : float, default=0.05
        Share of its length by which a row's step may be off without the row being followed.
    """

    problem: Problem
    inverse: Inverse
    solver: Any
    tolerance: float | None = 1e-4
    settled: float = 0.05

    def without_rows(self, rows: np.ndarray) -> RowMoves:
        """Return where the optimum goes without each of some rows."""
        return RowMoves(self.rows, rows)

    def with_objectives(self, changed: EncodedChange) -> KnownMoves:
        """Return where the optimum goes with each changed objective."""

        def find():
            every = changed.objectives(self.problem, slice(None))
            return self.objectives.ends(every, len(changed))

        return KnownMoves(self.problem, find, changed.rows)

    def with_rows(self, new: NewRows) -> KnownMoves:
        """Return where the optimum goes with each row replaced."""
        return KnownMoves(self.problem, lambda: self.replaced.ends(new), new.rows)

    @cached_property
    def rows(self) -> LeftOutRows:
        """Without each row alone; what was followed is kept in its ``followed``."""
        known = self.problem, self.inverse, self.solver
        return LeftOutRows(*known, self.tolerance, self.settled)

    @cached_property
    def objectives(self) -> ChangedObjectives:
        """Of objectives that changed in any way."""
        return ChangedObjectives(self.problem, self.inverse, self.solver, self.tolerance)

    @cached_property
    def replaced(self) -> ReplacedRows:
        """With each row replaced alone."""
        settled = self.settled if self.objectives.follows else None
        return ReplacedRows(self.problem, self.inverse, self.solver, settled)
