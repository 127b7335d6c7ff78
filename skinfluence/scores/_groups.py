"""Groups: Newton steps on the objective without a group of rows, taken out all at once.

With F_{-G} the objective once the rows of G have left (other weights and the penalty changed as a
refit would change them), and r its gradient less the one that the fit left at theta,

    Δ ← Δ - t H_{-G}⁻¹ r(theta + Δ),            t = 1, ½, ¼, … until F_{-G} falls.

The first step has the exact H_{-G} at theta, by Woodbury on the rows of the group where that is
a small system (``_woodbury``), else by factoring again or, where H is large, by preconditioned
conjugate gradients (``_preconditioned``): it is the refit for squared error. While steps with the
same factor halve what is left they go on; then H_{-G} is inverted where they stand. What one more
step would move, relative to what the first moved, is the certificate.
"""

import warnings
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from ..operators import Hessian
from ..problems import Problem
from ..solvers import factored_order
from ._convergence import newton_decrement, refine
from ._first_order import group_removal
from ._position import Position
from ._preconditioned import LARGE, PreconditionedInverse, descending
from ._woodbury import InverseWithout

#: Steps that a group may take. Where classes are separable each divides the decrement by e, so
#: that more would come to the rounding of the first, and look like an optimum.
MAX_STEPS = 30
#: Squared decrements must fall by this factor from one step to the next to keep the inverse.
CHORD = 0.25
#: Rows times outputs up to which a group goes through Woodbury where H is large.
FEW = 20


@dataclass(frozen=True, eq=False)
class Groups:
    """Where the optimum goes when groups of rows leave.

    Parameters
    ----------
    problem : Problem
        The fitted problem.
    inverse : Inverse
        H⁻¹ at its theta.
    solver : object with ``invert``
        Inverts H again without a group.
    tolerance : float or None, default=1e-4
        Certificate at which to stop. None, damping and stochastic solvers take one step.
    """

    problem: Problem
    inverse: Any
    solver: Any
    tolerance: float | None = 1e-4

    def changes(self, groups):
        """Return the change of theta without each group, and the certificates.

        Parameters
        ----------
        groups : ndarray of bool of shape (n, n_groups)

        Returns
        -------
        changes : ndarray of shape (n_groups, P)
        certificates : ndarray of shape (n_groups,)
            0 for an empty group.
        """
        changes = np.zeros((groups.shape[1], len(self.problem.theta)), self.problem.theta.dtype)
        certificates = np.zeros(groups.shape[1])
        for i, members in enumerate(groups.T):
            if members.any():
                changes[i], certificates[i] = self._change(members)
        return changes, certificates

    @property
    def follows(self):
        """Whether there is an optimum to follow to, and an inverse to do it with."""
        damped = not np.array_equal(self.inverse.hessian.ridge, self.problem.penalty)
        return not (self.tolerance is None or damped or not self.inverse.exact)

    def _change(self, members):
        self._require_classes(members)
        without = self.problem.without(members)
        removal = group_removal(self.problem, members)
        if not np.any(removal):  # rows of no weight
            return np.zeros_like(without.theta), 0.0
        if (self.problem.norm is not None or self.problem.loss.smoothed) and self.follows:
            return self._change_of_face(without)
        inverse = self._inverse_without(without, members)
        start = Position.start(without, inverse, self.problem.gradient(), removal)
        end = self._descend(start) if self.follows else start.search()
        change = end.problem.theta - without.theta
        if self.problem.norm is not None:  # a step on the face of theta, which may not be the last
            return change, step_left(end.problem, self._invert(end.problem), change)
        return change, end.certificate(start)

    def _descend(self, start):
        """Take steps until the certificate is below the tolerance; return the last position."""
        now = start
        for _ in range(MAX_STEPS):
            after = now.search()
            keeps = self._factors and after.decrement <= CHORD * now.decrement
            if not keeps and not (self._factors and self._settled(after, start)):
                after = replace(after, inverse=self._invert(after.problem))
            if self._settled(after, start):
                return after
            now = after
        warnings.warn(
            f"The optimum without a group was not reached: one more step would move "
            f"{now.certificate(start):.2g} of what the first moved. The classes may be separable "
            "without it: add a penalty.",
            ConvergenceWarning,
            stacklevel=6,
        )
        return now

    def _settled(self, now, start):
        return now.certificate(start) <= self.tolerance or now.decrement <= start.rounding

    @cached_property
    def _order(self):
        """Order of the system that the solver factors, None where it factors none."""
        return factored_order(self.solver, self.inverse.hessian, self.inverse)

    @property
    def _factors(self):
        """Whether inverses without a group are factors, which are worth to be kept."""
        return self._order is not None and (self._order < LARGE or not self._determined)

    @property
    def _determined(self):
        """Whether every coefficient carries a ridge, so that no group is needed for any."""
        n_coefficients = self.problem.predictor.n_coefficients
        return bool(np.all(self.inverse.hessian.ridge[:n_coefficients] > 0))

    def _invert(self, problem):
        hessian = self.inverse.hessian.of(problem)
        if self._order is None or self._factors:
            return descending(self.solver, hessian)
        rtol = 1e-2 if self.follows and not problem.loss.quadratic else 1e-10
        return PreconditionedInverse(
            hessian, self.inverse, lambda: descending(self.solver, hessian), rtol
        )

    def _inverse_without(self, without, members):
        """Return the inverse of the Hessian without the group, at theta."""
        direct = self._order is not None
        linear = not without.predictor.curved  # else more leaves than the rows of J
        if linear and direct and self._determined and self._only_leave(without, members):
            inverse = self._woodbury(members)
            if inverse is not None:
                return inverse
        inverse = self._invert(without)
        if direct and not self._determined and inverse.rank < self.inverse.rank:
            raise ValueError(
                "A group has leverage 1: it alone determines some parameter, and the fit without "
                "it is not unique. Add a penalty or `damping`, remove fewer rows, or use "
                'method="retrain".'
            )
        return inverse

    def _woodbury(self, members):
        """Return the inverse by Woodbury; None if another is cheaper, or more accurate."""
        few = self._order if self._factors else FEW
        if members.sum() * self.problem.n_outputs >= few:
            return None
        inverse = InverseWithout(self.inverse, np.flatnonzero(members))
        return inverse if inverse.reliable else None

    def _only_leave(self, without, members):
        """Tell whether the rows leave the weights of the others and the penalty as they are."""
        return np.array_equal(without.penalty, self.problem.penalty) and np.array_equal(
            without.weights[~members], self.problem.weights[~members]
        )

    @cached_property
    def _kinds(self):
        return self.problem.targets.kinds(self.problem.y)

    def _require_classes(self, members):
        """Raise ValueError where no row is left, or none of some class."""
        if members.all():
            raise ValueError("A group holds every training row; remove fewer rows.")
        if any(not np.isin(codes[members], codes[~members]).all() for codes in self._kinds):
            raise ValueError(
                "Without a group a class has no row left, so the model cannot be fitted again; "
                "remove fewer rows."
            )

    @cached_property
    def _optimum(self):
        return refine(self.problem, self.solver).theta

    def _change_of_face(self, without):
        """Return the change between the optima with and without, on two faces or sides of kinks."""
        end = refine(without.at(self._optimum), self.solver)
        change = end.theta - self._optimum
        left = step_left(end, self.solver.invert(Hessian(end)), change)
        return np.where(end.theta != 0, change, -self.problem.theta), left


def step_left(problem, inverse, change):
    """Return the length of the Newton step to the optimum, relative to ``change``, in H."""
    size = np.sqrt(max(change @ (inverse.hessian @ change), 0.0))
    left = newton_decrement(problem, inverse)
    return float(left / size) if size > 0 else 0.0
