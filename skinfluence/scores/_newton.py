"""Newton: exact Newton steps on the objective without the row.

Sherman-Morrison-Woodbury takes the row's own curvature out of H. With g, A the gradient and
Hessian of row j's loss in its raw prediction, s' its weight and ``P_j = J_j H⁻¹ J_jᵀ``,

    Δtheta_j = H⁻¹ (J_jᵀ u_j - Σ_d c_jd D_d),      u_j = (I - s' A P_j)⁻¹ s' (g + A δ_j)

which is the first-order line with s' g replaced by u_j. The shared directions D_d, and the change
δ_j of the row's own prediction that they cause, are zero unless classes are balanced; then H is
that of the changed weights. The step is exact for squared error, and test losses are evaluated at
its end. Rows that one step does not settle are followed to their optimum (``_follow``).

Where the prediction is curved in theta, H is exact, the row's own share of it is its Gauss-Newton
block, ``s' J_jᵀ A_j J_j``, and predictions are evaluated at ``theta + Δtheta_j``.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from .._blocks import as_slice, row_blocks
from ..operators import Removal
from ..problems import Problem
from ._face import EXACT, follow_faces, left_on_face
from ._first_order import FirstOrder
from ._follow import abrupt, follow, negligible, unsettled
from ._groups import Groups
from ._replacing import Replacing
from ._surrounding import Surrounding, solve_small

#: Rows scored at once: enough for BLAS, few enough for their predictions to stay in the cache.
BLOCK_ROWS = 512
#: Bytes of predictions whose losses are evaluated at once: a quarter of a core's cache.
IN_CACHE = 2**18


@dataclass(frozen=True, eq=False)
class Newton:
    """Newton steps for every row left out.

    Parameters
    ----------
    problem : Problem
        The fitted problem.
    inverse : Inverse
        H⁻¹ at its theta.
    solver : object with ``invert``
        Inverts H again where the removal of a row changes the weights of the others.
    tolerance : float or None, default=1e-4
        Rows that one step does not settle are followed until their residual, relative to their
        step, is below it, or below a tenth of ``settled``. None, damping and stochastic solvers
        take one step for every row.
    settled : float, default=0.05
        Share of its length by which a row's step may be off without the row being followed; 0
        follows every row.

    Attributes
    ----------
    followed : dict of int to ndarray of shape (P,)
        Change of theta of the rows that were followed so far.
    certificates : dict of int to float
        Their last residual, relative to their step.
    """

    problem: Problem
    inverse: Any
    solver: Any
    tolerance: float | None = 1e-4
    settled: float = 0.05
    followed: dict = field(default_factory=dict)
    certificates: dict = field(default_factory=dict)

    @cached_property
    def surroundings(self):
        """Rows that share an H when they leave, with the inverse of that H."""
        parts = []
        for members, others in self.problem.surroundings():
            inverse = self.inverse
            if others is not self.problem:
                inverse = self.solver.invert(self.inverse.hessian.of(others))
            if self._follows:
                small = negligible(self.problem, inverse, self.settled)
            else:
                small = np.zeros(self.problem.n_rows, dtype=bool)
            parts.append(Surrounding(members, FirstOrder(self.problem, inverse), small))
        return parts

    def on_predictions(self, X):
        """Effect on the raw predictions of test rows, as (m, n_rows, K)."""
        blocks, dtype = self._prediction_blocks(X), self.problem.theta.dtype

        def effect(rows):
            change = np.empty((X.shape[0], len(rows), self.problem.n_outputs), dtype=dtype)
            for positions, deltas in blocks(rows):
                change[:, as_slice(positions)] = deltas
            return change

        return effect

    def on_losses(self, X, y):
        """Effect on the losses of test rows: the loss after the step minus the loss before."""
        raw, loss = self.problem.predict_raw(X), self.problem.reported
        blocks = self._prediction_blocks(X)

        return LossEffect(raw, y, loss, blocks)

    def _prediction_blocks(self, X):
        """Return what yields, for given rows, blocks of (positions in rows, effect (m, b, K))."""
        m, K = X.shape[0], self.problem.n_outputs
        curved, moved = self.problem.predictor.curved, self.problem.raw_changes
        if (
            curved or m * K > self.problem.n_rows
        ):  # fewer training rows than questions: solve for the rows

            def blocks(rows):
                thetas = self._parameters(rows)
                for block in row_blocks(len(rows), 1, BLOCK_ROWS):
                    yield np.r_[block], moved(X, thetas[block])

            return blocks

        jacobian = self.problem.predictor.jacobian(X).reshape(m * K, -1)
        solved = [surrounding.inverse @ jacobian.T for surrounding in self.surroundings]

        def blocks(rows):
            for part, positions, steps in self._steps(rows):
                for block in row_blocks(len(positions), 1, BLOCK_ROWS):
                    product = (steps.part(block) @ solved[part]).T
                    yield positions[block], product.reshape(m, K, -1).transpose(0, 2, 1)
            positions, thetas = self._followed(rows)
            if len(positions):
                yield positions, moved(X, thetas)

        return blocks

    def on_groups(self, X, y, groups):
        """Effect on test losses of removing each group at once; groups (n, n_groups) boolean."""
        raw, loss = self.problem.predict_raw(X), self.problem.reported
        change = self.problem.raw_changes(X, self.groups.changes(groups)[0])
        return loss(raw[:, None] + change, y[:, None]) - loss(raw, y)[:, None]

    def on_replacements(self, X, y, new):
        """Effect on test losses of replacing each row alone; shape (m, n_rows)."""
        settled = self.settled if self.groups.follows else None
        changes = Replacing(self.problem, self.inverse, self.solver, settled).changes(new)
        raw, loss = self.problem.predict_raw(X)[:, None], self.problem.reported
        return loss.change(raw, y[:, None], self.problem.raw_changes(X, changes))

    def thetas_without(self, groups):
        """Return theta without each group (n_groups, P), and the certificates (n_groups,)."""
        changes, certificates = self.groups.changes(groups)
        return self.problem.theta + changes, certificates

    @property
    def groups(self):
        """Newton steps for groups of rows that leave at once."""
        return Groups(self.problem, self.inverse, self.solver, self.tolerance)

    def on_parameters(self):
        """Effect on theta: where the steps end."""
        return self._parameters

    def _parameters(self, rows):
        change = np.empty((len(rows), len(self.problem.theta)), dtype=self.problem.theta.dtype)
        for part, positions, steps in self._steps(rows):
            change[positions] = self.surroundings[part].solve(steps)
        positions, thetas = self._followed(rows)
        change[positions] = thetas
        return change

    def on_own_raw(self, rows):
        """Effect of every row on its own raw prediction: ``P_j u_j + δ_j``."""
        if self.problem.predictor.curved:
            return self.problem.own_raw_changes(rows, self._parameters(rows))
        change = np.empty((len(rows), self.problem.n_outputs), dtype=self.problem.theta.dtype)
        for part, positions, steps in self._steps(rows):
            first_order = self.surroundings[part].first_order
            change[positions] = first_order.own_change(rows[positions], steps)
        positions, thetas = self._followed(rows)
        change[positions] = self.problem.own_raw_changes(rows[positions], thetas)
        return change

    def _steps(self, rows):
        """Yield (part, positions in rows, R with u_j in place of s' g), and follow where needed."""
        reweighting = self.problem.reweighting
        reweighting.own_weights(self.problem.weights, rows)  # raises where a class would be lost
        for part, surrounding in enumerate(self.surroundings):
            positions = np.flatnonzero(surrounding.members[rows])
            if len(positions):
                steps = self._step(rows[positions], surrounding)
                self._settle(rows[positions], surrounding, steps)
                yield part, positions, steps

    def _step(self, rows, surrounding):
        removal = Removal(self.problem, rows)
        curvatures = surrounding.own_curvatures(rows)
        shared = surrounding.first_order.shared_change(rows, removal)
        own = removal.own.gradients + np.einsum("nkl,nl->nk", curvatures, shared)
        left = surrounding.left(rows)
        _require_support(left, rows)
        return removal.with_own(solve_small(left, own))

    @property
    def _follows(self):
        """Whether there is an optimum to follow to, and an inverse to do it with."""
        hessian = self.inverse.hessian
        damped = not np.array_equal(hessian.ridge, self.problem.penalty)
        exact = self.problem.loss.quadratic and self.problem.norm is None
        exact = exact and not self.problem.predictor.curved
        exact = exact and (self.problem.mass is None or not self.problem.penalty.any())
        return not (self.tolerance is None or exact or damped or not self.inverse.exact)

    def _settle(self, rows, surrounding, steps):
        """Follow the rows that one step does not settle, unless that is done already."""
        if not self._follows:
            return
        open_ = self._open(rows, surrounding, steps)
        new = np.array([j for j in np.unique(rows[open_]) if j not in self.followed], dtype=int)
        if not len(new):
            return
        if self.problem.norm is None:
            steps = self._step(new, surrounding)
            ends, left = follow(new, surrounding, steps, self.solver, self._tolerance)
        else:
            ends = follow_faces(new, self.problem, self.solver)
            left = left_on_face(new, surrounding, ends)
        self.followed.update(zip(new.tolist(), ends))
        self.certificates.update(zip(new.tolist(), left.tolist()))

    @property
    def _tolerance(self):
        """Residual to follow rows to, relative to their first step."""
        return self.tolerance if abrupt(self.problem) else max(self.tolerance, self.settled / 10)

    def _open(self, rows, surrounding, steps):
        """Tell which rows one step does not settle."""
        if self.problem.norm is not None:
            let_be = EXACT if self.problem.loss.quadratic else self.settled / 5
            return left_on_face(rows, surrounding, surrounding.solve(steps)) > let_be
        uneven = surrounding.uneven(rows)
        if self.problem.predictor.curved:  # how far a step may go is not free to know
            return np.ones(len(rows), dtype=bool)
        if self.problem.loss.quadratic:
            return uneven
        return uneven | unsettled(rows, surrounding, steps, self.settled)

    def _followed(self, rows):
        """Return where in ``rows`` those that were followed stand, and their change of theta."""
        positions = [i for i, j in enumerate(rows.tolist()) if j in self.followed]
        thetas = [self.followed[j] for j in rows[positions].tolist()]
        P = len(self.problem.theta)
        return np.array(positions, dtype=int), np.reshape(thetas, (len(positions), P))


@dataclass(frozen=True, eq=False)
class LossEffect:
    """The change of test losses where the predictions change by what ``blocks`` yields."""

    raw: np.ndarray
    y: np.ndarray
    loss: Any
    blocks: Any

    def __call__(self, rows):
        out = np.empty((len(self.raw), len(rows)), dtype=self.raw.dtype)
        self.fill(rows, out)
        return out

    def fill(self, rows, out):
        """Write the effect of rows into out, of shape (m, n_rows)."""
        for positions, deltas in self.blocks(rows):
            columns = as_slice(positions)
            tests = max(1, IN_CACHE // max(1, deltas[:1].nbytes))
            for block in row_blocks(len(out), 1, tests):
                known = self.raw[block, None], self.y[block, None]
                out[block, columns] = self.loss.change(*known, deltas[block])


def _require_support(left, rows):
    """Raise ValueError where a row alone determines some parameter, so that its leverage is 1."""
    one = left.shape[1] == 1
    smallest = np.abs(left[:, 0, 0]) if one else np.linalg.norm(left, ord=-2, axis=(1, 2))
    alone = ~(smallest > 100 * np.finfo(left.dtype).eps)
    if np.any(alone):
        raise ValueError(
            f"Row(s) {rows[alone][:5].tolist()} have leverage 1: they alone determine some "
            "parameter, and the fit without them is not unique. Add a penalty or `damping`, leave "
            'them out of `rows`, or use method="retrain".'
        )
