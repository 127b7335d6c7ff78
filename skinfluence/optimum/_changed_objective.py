"""Where the optimum goes when the objective changes: groups that leave, weights, another row.

With F' the changed objective (other weights and the penalty changed as a refit would change them),
and r its gradient less the one that the fit left at theta,

    Δ ← Δ - t H'⁻¹ r(theta + Δ),            t = 1, ½, ¼, … until F' falls.

The first step has the exact H' at theta, by Woodbury on the rows whose curvature changes where that
is a small system (``_woodbury``), else by factoring again or, where H is large, by preconditioned
conjugate gradients (``_preconditioned``): it is the refit for squared error. While steps with the
same factor halve what is left they go on; then H' is inverted where they stand. What one more step
would move, relative to the change so far, is the certificate. Of squared error it is what the first
is solved to (``_exactness``).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from ..changes import ChangedObjective
from ..operators import Hessian
from ..problem import Problem
from ..solvers import Inverse, factored_order
from ._active_set import EXACT
from ._certificate import distance, growth, relative_error
from ._convergence import can_follow, newton_decrement
from ._ends import Ends
from ._exactness import ITERATED, error_of, exact_to, solve_again
from ._iterate import Iterate
from ._newton_steps import NEAR, refine
from ._preconditioned import LARGE, PreconditionedInverse, invert_or_damp
from ._rounding import meets_every_target, residual_rounding, rounding
from ._support_machines import SupportMachines
from ._woodbury import ChangedInverse

#: Steps that a change may take. Where classes are separable each divides the decrement by e, so
#: that more would come to the rounding of the first, and look like an optimum.
MAX_STEPS = 30
#: What may be left to go, in units of the tolerance: near the end a step squares it.
FOLLOWED = 2e-3
#: Squared decrements must fall by this factor from one step to the next to keep the inverse.
CHORD = 0.25
#: Rows times outputs up to which a change goes through Woodbury where H is large.
FEW = 20


@dataclass(frozen=True, eq=False)
class ChangedObjectives:
    """Where the optimum goes when the objective changes.

    Parameters
    ----------
    problem : Problem
        The fitted problem.
    inverse : Inverse
        H⁻¹ at its theta.
    solver : object with ``invert``
        Inverts changed Hessians.
    tolerance : float or None, default=0.05
        Relative error of a change. None, damping and stochastic solvers take one step.
    machines : SupportMachines or None, default=None
        The trained machines whose optima are gone to, where these can be followed exactly.
    short : float, default=0.0
        How far the fit is from its optimum, in the norm of H.
    """

    problem: Problem
    inverse: Inverse
    solver: Any
    tolerance: float | None = 0.05
    machines: SupportMachines | None = None
    short: float = 0.0

    def ends(self, changes: Iterable[ChangedObjective], n_changes: int) -> Ends:
        """Return where the optimum goes with each change, and the certificates.

        A change that leaves the gradient as it is has the certificate 0.
        """
        ends = Ends.empty(n_changes, len(self.problem.theta), self.problem.theta.dtype)
        for i, change in enumerate(changes):
            ends.changes[i], ends.certificates[i], ends.proved[i] = self.end(change)
            off = self._rounding(change, ends.changes[i])
            ends.certificates[i] += off
            ends.proved[i] &= off == 0  # no theorem says what rounding does
        return ends

    def _rounding(self, change, moved):
        """Return what rounding leaves of the gradient of the rows that change, relative to a move.

        Where every target is met, changes are nothing else, and nothing to be seen.
        """
        if self.machines is not None or not self.problem.predictor.is_linear:
            return 0.0
        pulls = np.abs(change.problem.weights - self.problem.weights)
        size = max(float(change.removal @ moved), 0.0) ** 0.5
        off = residual_rounding(self.problem, pulls) / size if size > 0 else 0.0
        seen = off > exact_to(moved.dtype) and not meets_every_target(self.problem)
        return off if seen else 0.0

    def end(self, change: ChangedObjective) -> tuple[np.ndarray, float, bool]:
        """Return the change of theta with one change, its certificate, and whether it is proved."""
        if not np.any(change.removal):  # rows of no weight
            return np.zeros_like(self.problem.theta), 0.0, True
        trained = None if self.machines is None else self.machines.of(change.problem)
        if trained is not None and self.machines is not None:
            return trained, 0.0, self.machines.proves
        if (self.problem.norm is not None or self.problem.loss.smoothed) and self.follows:
            moved, left, proved = self.between_optima(change)
            if self.machines is None and not np.isinf(self.short):
                return moved, left, proved
            return moved, np.inf, False  # of the smooth loss: that of the trained one is not found
        if self.is_exact:
            return self.solved(change, self._inverse_of(change))
        moved, left = self._end(change)
        return moved, left, False

    def solved(self, change: ChangedObjective, inverse: Any) -> tuple[np.ndarray, float, bool]:
        """Return the same where one step is the refit, with an inverse of the changed Hessian.

        It is 0 and proved where that step is solved for to rounding.
        """
        step, limit = inverse @ change.removal, exact_to(change.removal.dtype)
        if _error(inverse) <= limit:
            return step, 0.0, True
        hessian = self.inverse.hessian.of(change.problem)
        step, left = _solve_again(hessian, inverse, change.removal, step)
        if left > limit and isinstance(inverse, ChangedInverse):
            inverse = self._invert(change.problem)
            step = inverse @ change.removal
            step, left = _solve_again(hessian, inverse, change.removal, step)
        return (step, 0.0, True) if left <= limit else (step, left, False)

    def between_optima(self, change: ChangedObjective) -> tuple[np.ndarray, float, bool]:
        """Return the same from the optimum before to the one after, each found on its own.

        It is for active sets and sides of kinks that change, and where the gradient that a row
        leaves behind is rounding. The optimum of a quadratic loss is proved by its gradient.
        """
        end = refine(change.problem.at(self._optimum), self.solver)
        moved = end.theta - self._optimum
        left = step_left(end, self.solver.invert(Hessian(end)), moved)
        met = end.loss.quadratic and end.predictor.is_linear and left <= EXACT
        return np.where(end.theta != 0, moved, -self.problem.theta), 0.0 if met else left, met

    @property
    def is_exact(self) -> bool:
        """Whether the first step is the refit: with an exact inverse of a quadratic objective."""
        problem = self.problem
        exact = problem.loss.quadratic and problem.norm is None and problem.predictor.is_linear
        return exact and self.follows

    @property
    def follows(self) -> bool:
        """Whether there is an optimum to follow to, and an inverse to do it with."""
        return can_follow(self.problem, self.inverse, self.tolerance)

    def _end(self, change):
        changed = change.problem
        start = Iterate.start(
            changed, self._inverse_of(change), self.problem.gradient(), change.removal
        )
        if self.follows:
            if start.missed <= self._enough:
                return start.step, start.missed
            end = self._descend(start)
            last = end.finish().finish()  # half of what is left goes with each, or more
            left = min(self._measured(end, start), _left(start, last), start.missed)
            moved = last.problem.theta - changed.theta
            if start.decrement <= start.rounding and not self.short:  # nothing that can be seen
                return moved, min(left, self.tolerance)
            return moved, left + self._by_fit(start, last)
        end = start.search()[0]
        moved = end.problem.theta - changed.theta
        if self.problem.norm is not None:  # a step with the active set of theta
            return moved, step_left(end.problem, self._invert(end.problem), moved)
        return moved, end.certificate(start)

    def _by_fit(self, start, last):
        """Return what the gradient that the fit left would move at the end, relative to the change.

        It is no part of what was followed, and grows as H falls.
        """
        change = last.problem.theta - start.problem.theta
        size = np.sqrt(max(change @ (last.gradient - start.gradient), 0.0))
        moved = np.sqrt(max(last.tilt @ (last.inverse @ last.tilt), 0.0))
        return float(moved / size) if size > 0 else np.inf

    def _descend(self, start):
        """Take steps until the certificate is below the tolerance; return the last iterate."""
        now = start
        for _ in range(MAX_STEPS):
            after, _ = now.search()
            keeps = self._factors and after.decrement <= CHORD * now.decrement
            if not keeps and not (self._factors and self._settled(after, start)):
                after = after.with_inverse(self._invert(after.problem))
            if self._settled(after, start):
                return after
            now = after
        return now

    def _settled(self, now, start):
        return self._measured(now, start) <= self._enough or now.decrement <= now.rounding

    @staticmethod
    def _measured(now, start):
        """Return what the next step would move, relative to the change so far.

        inf where that tells nothing: while steps change the curvature much, the next may be longer.
        """
        return np.inf if now.span(now.step) > NEAR else now.certificate(start)

    @property
    def _enough(self):
        return FOLLOWED * (self.tolerance or 0.0)

    @cached_property
    def _order(self):
        """Order of the system that the solver factors, None where it factors none."""
        return factored_order(self.solver, self.inverse.hessian, self.inverse)

    @property
    def _factors(self):
        """Whether changed inverses are factors, which are worth to be kept."""
        return self._order is not None and (self._order < LARGE or not self._determined)

    @property
    def _determined(self):
        """Whether every coefficient carries a ridge, so that no row is needed for any."""
        n_coefficients = self.problem.predictor.n_coefficients
        return bool(np.all(self.inverse.hessian.ridge[:n_coefficients] > 0))

    def _invert(self, problem):
        hessian = self.inverse.hessian.of(problem)
        if self._order is None or self._factors:
            return invert_or_damp(self.solver, hessian)
        rtol = 1e-2 if self.follows and not problem.loss.quadratic else 1e-10
        return PreconditionedInverse(
            hessian, self.inverse, lambda: invert_or_damp(self.solver, hessian), rtol
        )

    def _inverse_of(self, change):
        """Return the inverse of the changed Hessian, at theta."""
        direct = self._order is not None
        linear = change.problem.predictor.is_linear  # else more leaves than the rows of J
        if linear and direct and self._determined and change.rows is not None:
            inverse = self._woodbury(change)
            if inverse is not None:
                return inverse
        inverse = self._invert(change.problem)
        undetermined = direct and not self._determined and self.problem.norm is None
        if undetermined and inverse.rank < self.inverse.rank:
            raise ValueError(
                "A group has leverage 1: it alone determines some parameter, and the fit without "
                "it is not unique. Add a penalty or `damping`, remove fewer rows, or use "
                'method="retrain".'
            )
        return inverse

    def _woodbury(self, change):
        """Return the inverse by Woodbury; None if another is cheaper, or more accurate."""
        few, rows = self._order if self._factors else FEW, change.rows
        if len(rows) * self.problem.n_outputs >= few:
            return None
        weights = change.problem.weights[rows] - self.problem.weights[rows]
        curvatures = weights[:, None, None] * self.problem.curvatures[rows]
        inverse = ChangedInverse(self.inverse, self.problem.X[rows], curvatures)
        return inverse if inverse.reliable else None

    @cached_property
    def _optimum(self):
        """Where the fit should have ended: where it did, since another may be as good."""
        if not self.short:
            return self.problem.theta
        return refine(self.problem, self.solver).theta


def _error(inverse):
    """Return a bound on the relative error of what the inverse of a changed H solves."""
    if isinstance(inverse, ChangedInverse):
        return inverse.error
    return ITERATED if isinstance(inverse, PreconditionedInverse) else error_of(inverse)


def _solve_again(hessian, inverse, removal, step):
    """Return a step that is solved for once more, and what was left of it."""

    def solve(residual):
        return (inverse @ residual[0])[None]

    step, left = solve_again(lambda V: (hessian @ V.T).T, solve, removal[None], step[None])
    return step[0], float(left[0])


def _left(start, last):
    """Return a bound on the relative error of the change to an iterate, in the norm of H at theta.

    The residual there tells it, times what H may have grown by; inf where that has no bound.
    """
    change = last.problem.theta - start.problem.theta
    span = start.span(change)
    residual = np.sqrt(max(last.gradient @ (start.inverse @ last.gradient), 0.0))
    size = np.sqrt(max(change @ (last.gradient - start.gradient), 0.0) / growth(span))
    return float(relative_error(distance(residual, span, 0.0), size))


def step_left(problem, inverse, change):
    """Return the length of the Newton step to the optimum, relative to ``change``, in H."""
    smooth = inverse.hessian if problem.norm is None else Hessian(replace(problem, norm=None))
    size = np.sqrt(max(change @ (smooth @ change), 0.0))
    left = newton_decrement(problem, inverse)
    if size > 0:
        return float(left / size)
    return 0.0 if left**2 <= rounding(problem) else np.inf
