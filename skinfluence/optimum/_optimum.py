"""A fitted model's optimum, and where it goes when the training rows change."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from .._warnings import warn
from ..changes import EncodedChange, EncodedReplace
from ..problem import Problem
from ..solvers import Inverse
from ._certificate import distance
from ._changed_objective import ChangedObjectives
from ._convergence import can_follow
from ._iterate import span_of
from ._left_out_rows import LeftOutRows
from ._moves import KnownMoves, RowMoves
from ._replaced_rows import ReplacedRows
from ._support_machines import SupportMachines, is_made_of_machines, support_machines
from ._threads import threads_for


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
    tolerance : float or None, default=0.05
        Relative error of a change of theta, in the norm of H, to which it is followed; None takes
        one step for all.
    short : float, default=0.0
        How far the fit is from the optimum, in the norm of H: every move may be off by twice that.
    fitted : ndarray of shape (P,), default=None
        The parameters that are explained, of a loss that the problem smooths: of several optima
        without its smoothing the nearest one is meant. None means the problem's theta.
    """

    problem: Problem
    inverse: Inverse
    solver: Any
    tolerance: float | None = 0.05
    short: float = 0.0
    fitted: np.ndarray | None = None

    def without_rows(self, rows: np.ndarray) -> RowMoves:
        """Return where the optimum goes without each of some rows."""
        uncertain = self.rows.uncertain(rows)
        warn_uncertain(uncertain, len(np.unique(rows)), "row", self.tolerance)
        return RowMoves(self.rows, rows)

    def with_objectives(self, changed: EncodedChange) -> KnownMoves:
        """Return where the optimum goes with each changed objective."""

        def find():
            every = changed.objectives(self.problem, slice(None))
            return self.objectives.ends(every, len(changed))

        return self._moves(find, changed)

    def with_rows(self, changed: EncodedReplace) -> KnownMoves:
        """Return where the optimum goes with each row replaced."""
        return self._moves(lambda: self.replaced.ends(changed.known_new), changed)

    def _moves(self, find, changed):
        """Return the moves to ends, with a warning of those that are not known to the tolerance."""

        def told():
            with threads_for(self.problem.n_rows * len(self.problem.theta)):
                ends = find()
            self._warn_uncertain(ends)
            return ends

        def inverses():
            for each in changed.objectives(self.problem, slice(None)):
                yield self.solver.invert(self.inverse.hessian.of(each.problem))

        left = self._left_by_fit if self.distance_left else None
        return KnownMoves(self.problem, told, inverses, changed.rows, left)

    def _left_by_fit(self, change, inverse):
        """Return what a change may be off by since the fit stopped short, in the norm of its H.

        Before and after it the optimum is a step away from where it is told to be, or as much more
        as H may fall on the way; inf where it may vanish.
        """
        if np.isinf(self.distance_left):
            return np.inf
        gradient = self.problem.gradient()
        before, after = self.inverse @ gradient, inverse @ gradient
        squares = before @ (inverse.hessian @ before), gradient @ after
        plain = sum(np.sqrt(max(float(square), 0.0)) for square in squares)
        reaches = self.rows.systems[0].reaches
        if reaches is None:
            return plain
        span = span_of(self.problem, change)
        return float(distance(plain, span, reaches.max(initial=0) * np.exp(span / 2)))

    def _warn_uncertain(self, ends):
        if self.objectives.follows:
            uncertain = np.flatnonzero(~(ends.certificates <= self.tolerance))
            warn_uncertain(uncertain, len(ends.certificates), "change", self.tolerance)

    @cached_property
    def machines(self) -> SupportMachines | None:
        """The trained machines that the problem stands for; None where it stands for itself."""
        if not can_follow(self.problem, self.inverse, self.tolerance):
            return None
        with threads_for(self.problem.n_rows * len(self.problem.theta)):
            return support_machines(self.problem, self.fitted)

    @property
    def distance_left(self) -> float:
        """How far the fit is from the optimum, inf where that of trained machines is not found."""
        follows = can_follow(self.problem, self.inverse, self.tolerance)
        lost = follows and self.machines is None and is_made_of_machines(self.problem)
        return np.inf if lost else self.short

    @property
    def trained(self) -> Problem:
        """The problem from whose optimum moves are counted, with the loss as it is trained."""
        return self.problem if self.machines is None else self.machines.trained

    @cached_property
    def rows(self) -> LeftOutRows:
        """Without each row alone; what was found is kept in its ``settled``."""
        return LeftOutRows(*self._known)

    @cached_property
    def objectives(self) -> ChangedObjectives:
        """Of objectives that changed in any way."""
        return ChangedObjectives(*self._known)

    @cached_property
    def replaced(self) -> ReplacedRows:
        """With each row replaced alone."""
        return ReplacedRows(*self._known)

    @property
    def _known(self):
        machines, short = self.machines, self.distance_left
        return self.problem, self.inverse, self.solver, self.tolerance, machines, short


def warn_uncertain(changes, n_changes, noun, tolerance):
    """Warn of the changes that could not be certified, if any, and say how many they are."""
    if len(changes):
        warn(
            f"{len(changes)} of {n_changes} {noun}(s) could not be certified to a relative error "
            f"of {tolerance:.2g}, such as {changes[:5].tolist()}; see `certificates`. The optimum "
            "without them may not exist, as where classes are separable: add a penalty, or use "
            'method="retrain" for them. Where X is float32, give float64.',
            ConvergenceWarning,
        )
