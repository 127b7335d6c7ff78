"""The optimum of a support vector machine, and where it goes: one change of the margin set a time.

The loss of each row is in straight pieces, as the hinge is, and the penalty a ridge:

    Σ s_i loss_i(f_i) + ½ ‖w‖²,        f = f₀ + Φ w + intercept,        K = Φ Φᵀ

At the optimum ``w = Φᵀ a``. A row on a piece has the dual coefficient ``a_i = -s_i slope``; a row
at a kink is in the margin set M, and has any a_i between those of the two pieces that meet there.

Any a within these bounds is the optimum of a machine whose raw predictions are off by a gap h, and
the sum of its a, which a free intercept holds at zero, by e. While they are closed,

    f(t) = f₀ + K a + intercept + (1 - t) h,        Σ a = (1 - t) e,        t from 0 to 1,

the optimum goes straight on, a dot being the derivative in t,

    [ 0   1ᵀ  ] [ ·intercept ]   [ -e  ]
    [ 1  K_MM ] [ ·a_M       ] = [ h_M ],        ·f = K_M ·a_M + ·intercept - h,

until a coefficient comes to its bound and its row leaves M, or a row comes to a kink and enters it;
the inverse is corrected by rank one (Cauwenberghs and Poggio 2000; Karasuyama and Takeuchi 2010).
So a machine is trained from any guess. A row that is left out hands its a_j over at once, with
``h = K_j a_j`` and ``e = -a_j``: the path is that in its weight, from s_j to 0.
"""

from copy import copy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ._gram import Gram
from ._margin_set import MarginSet

#: Distance to the span of the margin set, as a share of a row's own kernel, of a row that a guess
#: is to begin with; those that belong there come of themselves.
NEARLY_DEPENDENT = 1e-6
#: Share of the room between two bounds from which on a guessed coefficient is taken to be between.
BETWEEN = 0.01
#: Largest violation of an optimality condition, relative to the size of what it bounds.
EXACT = 1e-9
#: The same of a change over a whole path that is let be.
STILL = 1e-10
#: Distance of the margin set from its kinks from which on its inverse is found again.
STRAYED = 1e-11
#: Share of the room between bounds by which a path begins inside them where it begins anew.
APART = 1e-3
#: Changes of the margin set without a move after which that is done, and how often.
TIED, TURNS = 20, 20
#: Changes of the margin set that a path may take for each row, before it is given up.
PATIENCE = 4


@dataclass(frozen=True, eq=False)
class Machine:
    """One binary machine, or regression.

    Parameters
    ----------
    gram : Gram
        K.
    kinks : ndarray of shape (n, m)
        Raw predictions where each row's loss has a kink, ascending.
    slopes : ndarray of shape (n, m + 1)
        Its slopes before, between and after them.
    free : bool
        Whether there is an intercept that carries no penalty.
    origin : ndarray of shape (n,) or float, default=0.0
        f₀, the raw predictions where w is 0.
    """

    gram: Gram
    kinks: np.ndarray
    slopes: np.ndarray
    free: bool
    origin: np.ndarray | float = 0.0

    def levels(self, weights: np.ndarray, rows: Any = slice(None)) -> np.ndarray:
        """Return the dual coefficient that rows have on each of their pieces, descending."""
        return -weights[rows, None] * self.slopes[rows]


class SupportPath:
    """A point on the path to the optimum of a machine, which it is moved along.

    Parameters
    ----------
    machine : Machine
    weights : ndarray of shape (n,)
        s.

    Attributes
    ----------
    dual, raw : ndarray of shape (n,)
        a and f.
    intercept : float
    """

    def __init__(self, machine: Machine, weights: np.ndarray) -> None:
        n = len(weights)
        self.machine, self.weights = machine, weights
        self.levels = machine.levels(weights)
        self.edges = np.pad(machine.kinks, ((0, 0), (1, 1)), constant_values=np.inf)
        self.edges[:, 0] = -np.inf
        self.dual, self.raw, self.intercept = np.zeros(n), np.zeros(n), 0.0
        #: Piece that each row is on; of rows in the margin set, the kink.
        self.piece = np.zeros(n, dtype=int)
        #: Raw predictions between which each row is free to move: all, in the margin set.
        self.low, self.high = np.full(n, -np.inf), np.full(n, np.inf)
        self.margin = MarginSet(machine.gram, machine.free)
        self._widest = np.abs(self.levels).max(initial=0)

    def fork(self) -> "SupportPath":
        """Return a copy, to be moved on its own."""
        other = copy(self)
        for name in ("levels", "dual", "raw", "piece", "low", "high"):
            setattr(other, name, getattr(self, name).copy())
        other.margin = self.margin.fork()
        return other

    @property
    def held(self) -> bool:
        """Whether rows at their kinks hold the intercept, which else is amid an interval."""
        return self.margin.size > 0 or not self.machine.free

    # The margin set

    def _enter(self, i, kink, **how):
        """Take a row into the margin set; return False where it depends on those in it."""
        at, bounds = self.machine.kinks[i, kink], self.levels[i, kink : kink + 2]
        if not self.margin.enter(i, at, bounds, **how):
            return False
        self.piece[i], self.low[i], self.high[i] = kink, -np.inf, np.inf
        return True

    def _leave(self, position, piece):
        """Put a row of the margin set on one of its pieces."""
        i = self.margin.members[position]
        self.margin.leave(position)
        self._put(i, piece)

    def _exchange(self, i, kink, up):
        """Let a row that depends on the margin set in, or past its kink.

        Its coefficient and those that it depends on change together, and move nothing, until one
        of them comes to a bound.
        """
        solved, _ = self.margin.apart(i)
        members, sign = self.margin.members, -1.0 if up else 1.0
        rate = -sign * (solved[1:] if self.machine.free else solved)
        room = self._rooms(members, rate, STILL * np.abs(rate).max())
        width = self.levels[i, kink] - self.levels[i, kink + 1]
        p, step = _first(room)
        step = max(min(step, width), 0.0)
        own = self.machine.gram.times(self.machine.gram.row(i))
        self.raw += step * (self.margin.moves(rate) + sign * own)
        self.dual[members] += step * rate
        if step == width:
            self._put(i, kink + 1 if up else kink)
            return True
        level = self.dual[i] + sign * step
        self._leave(p, self.piece[members[p]] + (rate[p] < 0))
        if not self._enter(i, kink):
            return False
        self.dual[i] = level
        return True

    def _rooms(self, members, rate, slow):
        """Return how far rows of the margin set are from their bounds, at rates that are not slow.

        Where they are it is infinite.
        """
        bounds = np.where(rate > 0, self.margin.upper, self.margin.lower)
        rooms = (bounds - self.dual[members]) / rate
        rooms[np.abs(rate) <= slow] = np.inf
        return rooms

    def _put(self, i, piece):
        """Put a row on one of its pieces; one of no weight may move anywhere."""
        levels = self.levels[i]
        alive = levels[0] > levels[-1]
        self.piece[i], self.dual[i] = piece, levels[piece]
        self.low[i] = self.edges[i, piece] if alive else -np.inf
        self.high[i] = self.edges[i, piece + 1] if alive else np.inf

    # Where a path starts

    def train(self, guess: np.ndarray, intercept: float) -> bool:
        """Go to the optimum from a guess of a and the intercept; tell whether it was reached."""
        self.intercept = intercept if self.machine.free else 0.0
        for _ in range(3):
            if not self._follow(self._start(guess)):
                return False
            self.raw[:] = self._predict()
            if self._settle():
                return True
            guess = self.dual.copy()  # rounding went astray: all is computed again
        return False

    def toward(self, weights: np.ndarray) -> bool:
        """Go to the optimum with other weights; tell whether it was reached."""
        changed = np.flatnonzero(weights != self.weights)
        before, raw, intercept = self.dual.copy(), self.raw.copy(), self.intercept
        self.weights = weights
        self.levels[changed] = self.machine.levels(weights, changed)
        for i in changed:
            self._reweigh(i)
        moved = before - self.dual
        if not moved.any() or self._follow(self._times(moved)):
            self.raw[:] = raw + self._times(self.dual - before) + (self.intercept - intercept)
            if self._settle():
                return True
        return self.train(self.dual.copy(), self.intercept)

    def recentre(self, origin: np.ndarray) -> bool:
        """Go to the optimum with another origin; tell whether it was reached."""
        self.machine, dual = replace(self.machine, origin=origin), self.dual.copy()
        if self._follow(self.raw - self._predict()):
            self.raw[:] = self._predict()
            if self._settle():
                return True
        return self.train(dual, self.intercept)

    def room(self, speed: np.ndarray) -> float:
        """Return how long f may go on at a speed until a row comes to a kink; 0 if for ever."""
        with np.errstate(divide="ignore", invalid="ignore"):
            rooms = (np.where(speed > 0, self.high, self.low) - self.raw) / speed
        room = np.min(rooms[np.isfinite(rooms)], initial=np.inf)
        return max(float(room), 0.0) if np.isfinite(room) else 0.0

    def _start(self, guess, turn=0):
        """Stand at a guess, taken into its bounds; return the gap with which it is an optimum.

        Where it begins is set apart from bounds as random numbers say, others at every turn.
        """
        levels, self.margin.size = self.levels, 0
        guess = np.clip(guess, levels[:, -1], levels[:, 0])
        kink = np.sum(levels[:, 1:-1] > guess[:, None], axis=1)
        every = np.arange(len(guess))
        upper, lower = levels[every, kink], levels[every, kink + 1]
        inside = np.minimum(upper - guess, guess - lower)
        between = np.flatnonzero(inside > BETWEEN * (upper - lower))
        pieces = kink + (upper - guess > guess - lower)
        self.piece[:], self.dual[:] = pieces, levels[every, pieces]
        alive = levels[:, 0] > levels[:, -1]
        self.low[:] = np.where(alive, self.edges[every, pieces], -np.inf)
        self.high[:] = np.where(alive, self.edges[every, pieces + 1], np.inf)
        for i in between[np.argsort(-inside[between], kind="stable")]:
            if self._enter(i, kink[i], dependent=NEARLY_DEPENDENT):
                self.dual[i] = guess[i]
        self.raw[:] = self._predict()
        return self._gap(turn)

    def _gap(self, turn):
        """Take all well into its bounds; return the gap with which this is an optimum.

        No two rows are at a bound at once, where a path would not know which way to turn.
        """
        random = np.random.RandomState(turn).uniform(0.5, 1.5, size=(2, len(self.raw)))
        members, upper, lower = self.margin.members, self.margin.upper, self.margin.lower
        inside = APART * random[0, members] * (upper - lower)
        between = np.clip(self.dual[members], lower + inside, upper - inside)
        self.dual[:] = self.levels[np.arange(len(self.dual)), self.piece]
        self.dual[members] = between
        room = self.high - self.low
        inside = APART * random[1] * np.minimum(room, max(1.0, np.abs(self.raw).max()))
        self.raw[:] = np.clip(self.raw, self.low + inside, self.high - inside)
        self.raw[members] = self.margin.at
        return self.raw - self._predict()

    def _reweigh(self, i):
        """Bring a row whose weight has changed into its bounds."""
        levels = self.levels[i]
        alive, kink = levels[0] > levels[-1], self.piece[i]
        position = np.flatnonzero(self.margin.members == i)
        if len(position):
            if alive and levels[kink + 1] < self.dual[i] < levels[kink]:
                self.margin.upper[position], self.margin.lower[position] = levels[kink : kink + 2]
                return
            self._leave(position[0], kink if self.dual[i] >= levels[kink] else kink + 1)
        else:
            within = self.edges[i, kink] <= self.raw[i] <= self.edges[i, kink + 1]
            now = kink if within else np.sum(self.machine.kinks[i] < self.raw[i])
            self._put(i, now)

    def _predict(self):
        """Return f of a and the intercept."""
        return self.machine.origin + self._times(self.dual) + self.intercept

    def _times(self, a):
        return self.machine.gram.times(self.machine.gram.combine(a))

    # The path

    def _follow(self, gap):
        """Close the gap, and that of the sum of a; return whether the end was reached."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            return self._close(gap)

    def _close(self, gap):
        unit, size = max(1.0, np.abs(self.raw).max()), np.abs(gap).max()
        excess = self.dual.sum() if self.machine.free else 0.0
        idle = 1e-14 * np.abs(self.levels).sum()
        left, standing, turns = 1.0, 0, 0  # what is left of the gap; events since it last shrank
        for _ in range(PATIENCE * len(self.raw) + 100):
            if not self.held and abs(left * excess) > idle:
                if not self._shift_intercept(up=excess > 0):
                    return False
                continue
            step, event = self._advance(gap, excess, left, STILL * unit)
            left -= step
            standing = 0 if step > 1e-14 else standing + 1
            if event is None or left * size <= STILL * unit:
                return True
            lost = not event() or standing > TIED  # rounding went past a bound, or rows are tied
            if self._strayed() > STRAYED * unit:
                self._refine(left * excess)
                if self._strayed() > STRAYED * unit:  # the inverse has lost its digits
                    lost = not self.margin.renew() or lost
                    self._refine(left * excess)
            if lost:
                turns += 1
                gap = self._start(self.dual.copy(), turns)
                left, standing, size = 1.0, 0, np.abs(gap).max()
                excess = self.dual.sum() if self.machine.free else 0.0
            if turns > TURNS:
                return False
        return False

    def _advance(self, gap, excess, left, slow):
        """Go straight on as far as the margin set lasts; return how far, and what ends it.

        Speeds that are slow come nowhere before the end.
        """
        members, rate, turned, speed = self.margin.members, gap[:0], 0.0, -gap
        if len(members):
            rate, turned = self.margin.solve(excess, gap[members])
            speed = self.margin.moves(rate) - gap + turned
        meet = (np.where(speed > 0, self.high, self.low) - self.raw) / speed
        meet[np.abs(speed) <= slow] = np.inf
        bound = self._rooms(members, rate, STILL * self._widest)
        i, first_meet = _first(meet)
        p, first_bound = _first(bound)
        step = min(max(min(first_meet, first_bound), 0.0), left)
        self.raw += step * speed
        self.dual[members] += step * rate
        self.intercept += step * turned
        if min(first_meet, first_bound) >= left:
            return left, None
        if first_bound <= first_meet:
            return step, lambda: self._lose(p, rate[p] < 0)
        return step, lambda: self._gain(i, speed[i] > 0)

    def _gain(self, i, up):
        """Take in a row that came to a kink; return False where it is past it."""
        kink = self.piece[i] if up else self.piece[i] - 1
        past = abs(self.raw[i] - self.machine.kinks[i, kink])
        if past > EXACT * max(1.0, abs(self.raw[i])):
            return False
        return self._enter(i, kink) or self._exchange(i, kink, up)

    def _lose(self, position, down):
        """Let a row go whose coefficient came to its bound; return False where it is past it."""
        i = self.margin.members[position]
        piece = self.piece[i] + down
        past = abs(self.dual[i] - self.levels[i, piece])
        self._leave(position, piece)
        return past <= EXACT * (self.levels[i, 0] - self.levels[i, -1])

    def _shift_intercept(self, up):
        """Move the intercept, which nothing holds, to the first kink; False where there is none."""
        rooms = self.high - self.raw if up else self.raw - self.low
        i = int(np.argmin(rooms))
        if not np.isfinite(rooms[i]):
            return False
        room = rooms[i] if up else -rooms[i]
        self.raw += room
        self.intercept += room
        return self._gain(i, up)

    # Where it ends

    def _settle(self):
        """Take off what rounding left; tell whether this is the optimum."""
        self._refine()
        if self.machine.free:
            self._centre_intercept()
        members = self.margin.members
        unit = EXACT * max(1.0, np.abs(self.raw).max(initial=0))
        outside = np.maximum(self.low - self.raw, self.raw - self.high).max(initial=0)
        off = self._strayed()
        levels, dual = self.levels, self.dual[members]
        unit_dual = EXACT * np.abs(levels).max(initial=0)
        beyond = np.abs(self.dual - levels[np.arange(len(levels)), self.piece])
        beyond[members] = np.maximum(dual - self.margin.upper, self.margin.lower - dual)
        balanced = not self.machine.free or abs(self.dual.sum()) <= unit_dual * len(self.dual)
        return bool(max(outside, off) <= unit and beyond.max(initial=0) <= unit_dual and balanced)

    def _strayed(self):
        """Return how far the rows of the margin set are from their kinks."""
        return np.abs(self.raw[self.margin.members] - self.margin.at).max(initial=0)

    def _refine(self, excess=0.0):
        """Solve once more for what is left at the kinks, and of the sum of a over an excess."""
        members = self.margin.members
        if not len(members):
            return
        gap = self.margin.at - self.raw[members]
        rate, turned = self.margin.solve(self.dual.sum() - excess, gap)
        self.dual[members] += rate
        self.intercept += turned
        self.raw += self.margin.moves(rate) + turned

    def _centre_intercept(self):
        """Take the middle of the intercepts that are as good, as libsvm does."""
        members, upper, lower = self.margin.members, self.margin.upper, self.margin.lower
        dual = self.dual[members]
        if np.any(np.minimum(upper - dual, dual - lower) > EXACT * (upper - lower)):
            return
        pieces = self.piece[members] + (upper - dual > dual - lower)
        for i, now in zip(members.copy(), pieces):
            self._put(i, now)
        self.margin.size = 0
        shift = ((self.high - self.raw).min() - (self.raw - self.low).min()) / 2
        if np.isfinite(shift):
            self.raw += shift
            self.intercept += shift


def _first(times):
    """Return where the earliest time is, and the time."""
    if not len(times):
        return 0, np.inf
    i = int(times.argmin())
    return i, times[i]
