"""Exact Newton steps on the objective without a row, for many rows at once.

Woodbury takes the row's own curvature out of H. With g, A the gradient and Hessian of row j's loss
in its raw prediction, s' its weight and ``P_j = J_j H⁻¹ J_jᵀ``,

    Δtheta_j = H⁻¹ (J_jᵀ u_j - Σ_d c_jd D_d),      u_j = (I - s' A P_j)⁻¹ s' (g + A δ_j)

which is the first-order line with s' g replaced by u_j. The shared directions D_d, and the change
δ_j of the row's own prediction that they cause, are zero unless classes are balanced; then H is
that of the changed weights. The step is exact for squared error. Rows that one step does not settle
are followed to their optimum (``_many_rows``, ``_active_set``). So is a row of leverage 1, of
which H without it is singular, if a penalty sees to it that there is an optimum: a norm that frees
other parameters, or rows that come to their kinks (``_changed_objective``).

Where the prediction is curved in theta, H is exact, the row's own share of it is its Gauss-Newton
block, ``s' J_jᵀ A_j J_j``, and predictions are evaluated at ``theta + Δtheta_j``.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from .._blocks import row_blocks
from ..changes import ChangedObjective
from ..operators import Removal
from ..problem import Problem
from ..solvers import Inverse
from ._active_set import EXACT, follow_active_sets, subgradient_left
from ._around import Around, distance_of, gram_of, scaled
from ._changed_objective import ChangedObjectives
from ._convergence import can_follow
from ._ends import Ends
from ._exactness import WORST, error_of, exact_to, lost_digits, solve_again
from ._leave_one_out_system import UNEVEN, LeaveOneOutSystem
from ._many_rows import follow
from ._one_step import by_every_move, by_moves, by_reach, step_lengths
from ._rounding import meets_every_target, pull_rounding, residual_rounding, rounding
from ._support_machines import SupportMachines
from ._threads import threads_for
from ._woodbury import smallest_singular_values, solve_core

#: Rows scored at once: enough for BLAS, few enough for their predictions to stay in the cache.
BLOCK_ROWS = 512
#: Share of H that is left where nothing is, to rounding.
TINY = float(np.finfo(float).tiny)


class SettledRows:
    """What is known of rows that were settled, and where those ended that were followed: a cache.

    Parameters
    ----------
    n_rows : int
        Of the training data.

    Attributes
    ----------
    certificates : ndarray of shape (n_rows,)
        Relative error of each row's change; nan where it is not known.
    proved : ndarray of bool of shape (n_rows,)
        Whether that is a bound by theorem.
    settled : ndarray of bool of shape (n_rows,)
        The rows that were looked at.
    changes : dict of {int: ndarray of shape (P,)}
        Change of theta without each row that was followed.
    """

    def __init__(self, n_rows: int) -> None:
        self.certificates = np.full(n_rows, np.nan)
        self.proved, self.settled = np.zeros((2, n_rows), dtype=bool)
        self.changes: dict[int, np.ndarray] = {}

    def __setstate__(self, state: dict[str, Any]) -> None:
        own = {name: np.array(value) for name, value in state.items() if name != "changes"}
        self.__dict__.update(state | own)  # loaded with mmap_mode="r" arrays cannot be written

    def missing(self, rows: np.ndarray) -> np.ndarray:
        """Return the distinct rows that were not looked at yet."""
        return np.unique(rows[~self.settled[rows]])

    def add(self, rows: np.ndarray, certificates: Any, proved: Any) -> None:
        """Keep what is known of rows."""
        self.certificates[rows], self.proved[rows], self.settled[rows] = certificates, proved, True

    def add_ends(self, rows: np.ndarray, ends: Ends) -> None:
        """Keep where rows ended."""
        self.changes.update(zip(rows.tolist(), ends.changes))
        self.add(rows, ends.certificates, ends.proved)

    def followed(self, rows: np.ndarray) -> np.ndarray:
        """Tell which of the rows were followed."""
        return np.array([j in self.changes for j in rows.tolist()], dtype=bool)

    def changes_of(self, rows: np.ndarray, n_parameters: int) -> np.ndarray:
        """Return the change of theta of rows that were followed, shape (n_rows, P)."""
        changes = [self.changes[j] for j in rows.tolist()]
        return np.reshape(changes, (len(rows), n_parameters))


@dataclass(frozen=True, eq=False)
class LeftOutRows:
    """Where the optimum goes when each row is left out alone.

    Parameters
    ----------
    problem : Problem
        The fitted problem.
    inverse : Inverse
        H⁻¹ at its theta.
    solver : object with ``invert``
        Inverts H again where the removal of a row changes the weights of the others.
    tolerance : float or None, default=0.05
        Relative error of a row's change, in the norm of H: rows of which one step does not show
        that it is below are followed until it is. None, damping and stochastic solvers take one
        step for every row.
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

    @cached_property
    def settled(self) -> SettledRows:
        """What was found of rows so far."""
        return SettledRows(self.problem.n_rows)

    @cached_property
    def systems(self) -> list[LeaveOneOutSystem]:
        """Rows that share an H when they leave, with the inverse of that H."""
        parts = []
        for members, others in self.problem.leave_one_out_problems():
            inverse = self.inverse
            if others is not self.problem:
                inverse = self.solver.invert(self.inverse.hessian.of(others))
            parts.append(LeaveOneOutSystem(members, self.problem, inverse, self.short))
        return parts

    def raw_changes(self, X: Any) -> Callable[[np.ndarray], Iterator[tuple[Any, np.ndarray]]]:
        """Return blocks of (positions, change of the raw predictions of X) for the given rows.

        The changes are of shape (m, b, K); positions index the rows.
        """
        m, K = X.shape[0], self.problem.n_outputs
        moved = self.problem.raw_changes
        curved = not self.problem.predictor.is_linear
        if curved or self.machines is not None or m * K > self.problem.n_rows:
            return lambda rows: self._solved_for_rows(X, rows)
        # fewer questions than training rows: solve for the questions
        jacobian = self.problem.predictor.jacobian(X).reshape(m * K, -1)
        solved = [system.inverse @ jacobian.T for system in self.systems]

        def blocks(rows):
            for part, positions, steps in self._steps(rows):
                for block in row_blocks(len(positions), 1, BLOCK_ROWS):
                    product = (steps.part(block) @ solved[part]).T
                    yield positions[block], product.reshape(m, K, -1).transpose(0, 2, 1)
            positions, changes = self._followed(rows)
            if len(positions):
                yield positions, moved(X, changes)

        return blocks

    def _solved_for_rows(self, X, rows):
        changes = self.changes(rows)
        for block in row_blocks(len(rows), 1, BLOCK_ROWS):
            yield np.r_[block], self.problem.raw_changes(X, changes[block])

    def changes(self, rows: np.ndarray) -> np.ndarray:
        """Return the change of theta without each row, shape (n_rows, P)."""
        change = np.empty((len(rows), len(self.problem.theta)), dtype=self.problem.theta.dtype)
        for part, positions, steps in self._steps(rows):
            change[positions] = self.systems[part].solve(steps)
        positions, followed = self._followed(rows)
        change[positions] = followed
        return change

    def own_raw_changes(self, rows: np.ndarray) -> np.ndarray:
        """Return the change of every row's own raw prediction, ``P_j u_j + δ_j``; (n_rows, K)."""
        if not self.problem.predictor.is_linear:
            return self.problem.own_raw_changes(rows, self.changes(rows))
        change = np.empty((len(rows), self.problem.n_outputs), dtype=self.problem.theta.dtype)
        for part, positions, steps in self._steps(rows):
            change[positions] = steps.own_change(self.systems[part].inverse)
        positions, followed = self._followed(rows)
        change[positions] = self.problem.own_raw_changes(rows[positions], followed)
        return change

    def settle(self, rows: np.ndarray) -> SettledRows:
        """See that the change of each row is known to the tolerance, as far as it can be."""
        reweighting, settled = self.problem.reweighting, self.settled
        new = settled.missing(rows)
        reweighting.own_weights(self.problem.weights, new)  # raises where a class would be lost
        for system in self.systems:
            members = new[system.members[new]]
            alone = self._alone(members, system)
            if alone.any():
                settled.add_ends(members[alone], self._ends(members[alone]))
            if self._exact:
                self._settle_exact(members[~alone], system)
            else:
                self._settle_all(members[~alone], system)
            self._round(members[~alone], system)
        return settled

    def _settle_all(self, rows, system):
        """Settle rows by the cheapest bound that suffices; follow the others."""
        going = _in_blocks(rows, partial(self._settle, system=system))
        if self._bounded(system):  # few of every block: together
            going = _in_blocks(going, partial(self._settle_by_every_move, system=system))
        if len(going):
            with threads_for(self.problem.n_rows * len(self.problem.theta)):
                self.settled.add_ends(going, self._follow(going, system))

    def _round(self, rows, system):
        """Add to what is known of rows what rounding leaves of their pull, and of the others'.

        The others' is in the way of rows that were followed. Where every target is met, changes are
        nothing else, and nothing to be seen.
        """
        if self.machines is not None or not self.problem.predictor.is_linear:
            return
        off = pull_rounding(self.problem, rows)
        if self._exact and not self.short:
            off += self._unseen(rows, system)
        if not self._exact:  # else the worst were looked at
            off += lost_digits(system.inverse)
        followed = np.flatnonzero(self.settled.followed(rows))
        if len(followed):
            changes = self.settled.changes_of(rows[followed], len(self.problem.theta))
            lengths = system.lengths(rows[followed], changes)
            moved = lengths > 0
            off[followed[moved]] += residual_rounding(self.problem) / lengths[moved]
        seen = off > exact_to(self.problem.theta.dtype)
        if not seen.any() or meets_every_target(self.problem):
            return
        self.settled.certificates[rows[seen]] += off[seen]
        self.settled.proved[rows[seen]] = False  # no theorem says what rounding does

    def _unseen(self, rows, system):
        """Return what a fit left that counts as being at its optimum, relative to each change.

        It is nothing to most rows, and much to one whose target is all but met.
        """
        if system.decrement**2 <= rounding(self.problem):
            return 0.0
        lengths = step_lengths(rows, system, self._step(rows, system))
        return np.where(lengths > 0, 2 * system.fit_residual(rows, lengths), 0.0)

    def _alone(self, rows, system):
        """Tell which rows alone determine a parameter, but for a penalty; shape (n_rows,).

        Raises ValueError where there is no penalty that makes the fit without them unique.
        """
        if self.machines is not None:  # whose paths need no H
            return np.zeros(len(rows), dtype=bool)
        left = system.left(rows)
        if self.problem.penalised:  # a refit is slow, and has the digits that are lost here
            return _singular(left, np.finfo(left.dtype).eps ** (2 / 3))
        alone = _singular(left)
        if np.any(alone):
            raise ValueError(
                f"Row(s) {rows[alone][:5].tolist()} have leverage 1: they alone determine some "
                "parameter, and the fit without them is not unique. Add a penalty or `damping`, "
                'leave them out of `rows`, or use method="retrain".'
            )
        return alone

    def _ends(self, rows):
        """Return where the optimum goes without each row, by another H for each."""
        problem, index = self.problem, np.arange(self.problem.n_rows)
        objectives = ChangedObjectives(problem, self.inverse, self.solver, self.tolerance)
        removals = Removal(problem, rows).dense()
        ends = Ends.empty(len(rows), len(problem.theta), problem.theta.dtype)
        for i, row in enumerate(rows):
            change = ChangedObjective(problem.without(index == row), removals[i])
            end = objectives.between_optima if objectives.follows else objectives.end
            ends.changes[i], ends.certificates[i], ends.proved[i] = end(change)
        return ends

    def _follow(self, rows, system):
        if self.machines is None:
            return self._newton(rows, system)
        ends = self.machines.without(rows)
        lost = np.flatnonzero(np.isnan(ends.certificates))
        if len(lost):
            ends.put(lost, self._newton(rows[lost], system))
            ends.certificates[lost], ends.proved[lost] = np.inf, False  # of the smooth loss
        return ends

    def _newton(self, rows, system):
        if self.problem.norm is not None:
            return follow_active_sets(rows, system, self.solver, self.tolerance)
        return follow(rows, system, self._step(rows, system), self.solver, self.tolerance)

    def uncertain(self, rows: np.ndarray) -> np.ndarray:
        """Return the distinct rows whose change is not known to the tolerance.

        That the fit stopped short of its optimum counts where it does more harm without the row:
        its own warning says the rest.
        """
        if not self._follows:
            return rows[:0]
        rows = np.unique(rows)
        unknown = ~(self.settle(rows).certificates[rows] <= self.tolerance)
        if self.short:
            plain, grown = self.by_fit(rows)
            unknown |= ~(grown <= np.maximum(self.tolerance or 0.0, 10 * plain)) | np.isinf(plain)
        return rows[unknown]

    def by_fit(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return what changes may be off by since the fit stopped short, relative to each.

        What the fit left is no part of the objective that is followed, and is one of that without
        the row. First as far as H stays, then with all that H may fall where the change ends.
        """
        plain, grown = np.zeros((2, len(rows)))
        for system in self.systems if self.short else []:
            positions = np.flatnonzero(system.members[rows] & (self.problem.weights[rows] > 0))
            for block in row_blocks(len(positions), 1, BLOCK_ROWS):
                part = positions[block]
                lengths = system.lengths(rows[part], self.changes(rows[part]))
                plain[part], grown[part] = system.left_by_fit(rows[part], lengths)
        return plain, grown

    def around(self, X: Any, rows: np.ndarray) -> Around:
        """Yield the changes of the raw predictions of X, and how far they may be off."""
        known = self.settle(rows).certificates
        for system in self.systems:
            gram = gram_of(self.problem.predictor, X, system.inverse)
            positions = np.flatnonzero(system.members[rows])
            for block in row_blocks(len(positions), 8 * gram.nbytes):
                part, own = positions[block], rows[positions[block]]
                changes = self.changes(own)
                lengths = system.lengths(own, changes)
                radius = distance_of(known[own], lengths)
                if self.short:
                    grown = system.left_by_fit(own, lengths)[1]
                    radius = radius + np.where(lengths > 0, grown * lengths, self.short)
                squares = np.zeros(len(own))
                off = radius != 0  # else the change is exact, whatever is left of H
                squares[off] = radius[off] ** 2 / np.maximum(system.kept(own[off]), TINY)
                yield part, self.problem.raw_changes(X, changes), scaled(gram, squares)

    def _followed(self, rows):
        """Return where followed rows stand among the rows, and their change of theta."""
        positions = np.flatnonzero(self.settled.followed(rows))
        return positions, self.settled.changes_of(rows[positions], len(self.problem.theta))

    def _steps(self, rows):
        """Yield (part, positions in rows, R with u_j in place of s' g), and follow where needed."""
        self.settle(rows)
        if self.machines is not None:  # every row was followed
            return
        for part, system in enumerate(self.systems):
            positions = np.flatnonzero(system.members[rows])
            if len(positions):
                yield part, positions, self._step(rows[positions], system)

    def _step(self, rows, system):
        removal = Removal(self.problem, rows)
        curvatures = system.own_curvatures(rows)
        shared = removal.shared_change(system.inverse)
        own = removal.own.gradients + np.einsum("nkl,nl->nk", curvatures, shared)
        left = system.left(rows)
        left[_singular(left)] = np.eye(left.shape[1])  # rows that are followed
        return removal.with_own(solve_core(left, own))

    @property
    def _exact(self):
        """Whether a step is exact."""
        problem = self.problem
        exact = problem.loss.quadratic and problem.norm is None and problem.predictor.is_linear
        return exact and (problem.mass is None or not problem.penalty.any())

    @property
    def _follows(self):
        """Whether there is an optimum to follow to, and an inverse to do it with."""
        return can_follow(self.problem, self.inverse, self.tolerance)

    def _settle_exact(self, rows, system):
        """Note rows of which a step is exact, as far as it is solved for.

        Of those that the condition of H does not vouch for the worst are looked at; where their
        digits are lost, all are solved for again.
        """
        if not can_follow(self.problem, self.inverse, 0.0):
            self.settled.add(rows, np.nan, False)
            return
        errors = error_of(system.inverse) / smallest_singular_values(system.left(rows))
        limit = exact_to(system.inverse.dtype)
        doubtful = rows[np.argsort(-errors, kind="stable")[: np.count_nonzero(errors > limit)]]
        self.settled.add(rows, 0.0, True)
        if not len(doubtful) or np.all(self._solve_again(doubtful[:WORST], system)[1] <= limit):
            return
        for block in row_blocks(len(doubtful), 1, BLOCK_ROWS):
            lost = doubtful[block]
            changes, left = self._solve_again(lost, system)
            met = left <= limit
            self.settled.add_ends(lost, Ends(changes, np.where(met, 0, left), met))

    def _solve_again(self, rows, system):
        """Return the change of theta without each row, solved for again, and what was left."""
        return solve_again(
            partial(system.curve, rows),
            partial(system.solve_without, rows),
            Removal(self.problem, rows).dense(),
            system.solve(self._step(rows, system)),
        )

    def _settle(self, rows, system):
        """Note the rows that one step settles, and return the others."""
        if not self._follows:
            self.settled.add(rows, np.nan, False)
            return rows[:0]
        if self.machines is not None:
            return rows
        if not self.problem.predictor.is_linear:
            return rows
        steps = self._step(rows, system)
        if self.problem.norm is not None:
            left = subgradient_left(rows, system, system.solve(steps))
            let_be = EXACT if self.problem.loss.quadratic else (self.tolerance or 0.0) / 5
            exact = self.problem.loss.quadratic
            return self._note(rows, np.where(left > let_be, np.inf, 0.0 if exact else left), exact)
        lengths, uneven = step_lengths(rows, system, steps), system.uneven(rows)
        known = by_reach(rows, system, lengths, uneven=uneven)
        going = np.flatnonzero(~(known <= (self.tolerance or 0.0)))
        if len(going) and system.reaches is not None:
            moves = system.moves_of_far(steps.part(going))
            part = rows[going], system, lengths[going], moves
            known[going] = by_moves(*part, uneven=uneven[going])
        far_off = (uneven > UNEVEN) & (lengths > 0)
        return self._note(rows, np.where(far_off, np.inf, known))

    def _bounded(self, system):
        """Whether there are bounds of a step without a row."""
        smooth = self.problem.norm is None and self.machines is None
        return smooth and self._follows and system.reaches is not None

    def _settle_by_every_move(self, rows, system):
        """Note the rows that the moves of all predictions settle, and return the others."""
        steps = self._step(rows, system)
        lengths, uneven = step_lengths(rows, system, steps), system.uneven(rows)
        known = by_every_move(rows, system, lengths, system.solve(steps), uneven)
        return self._note(rows, np.where((uneven > UNEVEN) & (lengths > 0), np.inf, known))

    def _note(self, rows, certificates, proved=True):
        short = certificates <= (self.tolerance or 0.0)
        self.settled.add(rows[short], certificates[short], proved)
        return rows[~short]


def _in_blocks(rows, settle):
    """Return the rows that are left of every block."""
    blocks = row_blocks(len(rows), 1, BLOCK_ROWS)
    return np.concatenate([rows[:0], *(settle(rows[block]) for block in blocks)])


def _singular(left, tolerance=None):
    """Tell where ``I - s'_j A_j P_j`` is singular, to rounding by default: at a leverage of 1."""
    tolerance = tolerance or 100 * np.finfo(left.dtype).eps
    return ~(smallest_singular_values(left) > tolerance)
