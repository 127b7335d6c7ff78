"""Newton: exact Newton steps on the objective without the row.

Sherman-Morrison-Woodbury takes the row's own curvature out of H. With g, A the gradient and
Hessian of row j's loss in its raw prediction, s' its weight and ``P_j = J_j H⁻¹ J_jᵀ``,

    Δtheta_j = H⁻¹ (J_jᵀ u_j - Σ_d c_jd D_d),      u_j = (I - s' A P_j)⁻¹ s' (g + A δ_j)

which is the first-order line with s' g replaced by u_j. The shared directions D_d, and the change
δ_j of the row's own prediction that they cause, are zero unless classes are balanced; then H is
that of the changed weights. The step is exact for squared error, and test losses are evaluated at
its end. Rows that one step does not settle are followed to their optimum (``_follow``).
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ..operators import Removal
from ..problems import Problem
from ._first_order import FirstOrder
from ._follow import Surrounding, follow, unsettled


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
        step, is below it. None, damping and stochastic solvers take one step for every row.
    """

    problem: Problem
    inverse: Any
    solver: Any
    tolerance: float | None = 1e-4
    followed: dict = field(default_factory=dict)

    @cached_property
    def surroundings(self):
        """Rows that share an H when they leave, with the inverse of that H."""
        parts = []
        for members, weights in self.problem.reweighting.surroundings(self.problem.weights):
            inverse = self.inverse
            if weights is not self.problem.weights:
                inverse = self.solver.invert(self.inverse.hessian.reweighted(weights))
            parts.append(Surrounding(members, FirstOrder(self.problem, inverse)))
        return parts

    def on_predictions(self, X):
        """Effect on the raw predictions of test rows, as (m, n_rows, K)."""
        m, K = X.shape[0], self.problem.y.shape[1]
        jvp = self.problem.predictor.jvp
        if m * K > self.problem.n_rows:  # fewer training rows than questions: solve for the rows
            return lambda rows: jvp(X, self._parameters(rows).T).transpose(0, 2, 1)
        jacobian = self.problem.predictor.jacobian(X).reshape(m * K, -1)
        solved = [surrounding.inverse @ jacobian.T for surrounding in self.surroundings]

        def effect(rows):
            change = np.empty((m, len(rows), K), dtype=jacobian.dtype)
            for part, positions, steps in self._steps(rows):
                product = (steps @ solved[part]).T.reshape(m, K, len(positions))
                change[:, positions] = product.transpose(0, 2, 1)
            positions, thetas = self._followed(rows)
            if len(positions):
                change[:, positions] = jvp(X, thetas.T).transpose(0, 2, 1)
            return change

        return effect

    def on_losses(self, X, y):
        """Effect on the losses of test rows: the loss after the step minus the loss before."""
        raw, loss, effect = self.problem.predict_raw(X), self.problem.loss, self.on_predictions(X)
        before = loss(raw, y)[:, None]
        return lambda rows: loss(raw[:, None] + effect(rows), y[:, None]) - before

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
        change = np.empty((len(rows), self.problem.y.shape[1]), dtype=self.problem.theta.dtype)
        for part, positions, steps in self._steps(rows):
            first_order = self.surroundings[part].first_order
            change[positions] = first_order.own_change(rows[positions], steps)
        positions, thetas = self._followed(rows)
        change[positions] = self.problem.predictor.row_jvp(self.problem.X[rows[positions]], thetas)
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
        return removal.with_own(np.linalg.solve(left, own[:, :, None])[:, :, 0])

    @property
    def _follows(self):
        """Whether there is an optimum to follow to, and an inverse to do it with."""
        hessian = self.inverse.hessian
        damped = not np.array_equal(hessian.ridge, self.problem.penalty)
        inexact = damped or not self.inverse.exact
        return not (self.tolerance is None or self.problem.loss.quadratic or inexact)

    def _settle(self, rows, surrounding, steps):
        """Follow the rows that one step does not settle, unless that is done already."""
        if not self._follows:
            return
        left_open = np.unique(rows[unsettled(rows, surrounding, steps)])
        new = np.array([j for j in left_open if j not in self.followed], dtype=int)
        if len(new):
            ends = follow(new, surrounding, self.solver, self.tolerance)
            self.followed.update(zip(new.tolist(), ends))

    def _followed(self, rows):
        """Return where in ``rows`` those that were followed stand, and their change of theta."""
        positions = [i for i, j in enumerate(rows.tolist()) if j in self.followed]
        thetas = [self.followed[j] for j in rows[positions].tolist()]
        P = len(self.problem.theta)
        return np.array(positions, dtype=int), np.reshape(thetas, (len(positions), P))


def _require_support(left, rows):
    """Raise ValueError where a row alone determines some parameter, so that its leverage is 1."""
    smallest = np.linalg.norm(left, ord=-2, axis=(1, 2))
    alone = ~(smallest > 100 * np.finfo(left.dtype).eps)
    if np.any(alone):
        raise ValueError(
            f"Row(s) {rows[alone][:5].tolist()} have leverage 1: they alone determine some "
            "parameter, and the fit without them is not unique. Add a penalty or `damping`, leave "
            'them out of `rows`, or use method="retrain".'
        )
