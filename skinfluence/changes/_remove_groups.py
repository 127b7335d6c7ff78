"""Remove groups of rows, each group at once."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..problem import Problem
from ._changed import ChangedObjective, DenseChange, only_these
from ._rows import check_groups


@dataclass(frozen=True, eq=False)
class RemoveGroups:
    """Each of some groups of training rows leaves, all its rows at once.

    Parameters
    ----------
    groups : array-like of shape (n_train,), or bool of shape (n_train, n_groups)
        A label for every row, groups in ``np.unique`` order; or a mask a column, which may overlap
        or leave rows out.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skinfluence import InfluenceExplainer
    >>> from skinfluence.changes import RemoveGroups
    >>> from skinfluence.questions import Parameters
    >>> X, y = load_iris(return_X_y=True)
    >>> explainer = InfluenceExplainer(LogisticRegression(tol=1e-6, max_iter=1000)).fit(X, y)
    >>> explainer.effect(Parameters(), RemoveGroups(X[:, 0].round() % 2 == 0)).shape
    (2, 15)
    """

    groups: ArrayLike

    def encode(self, fit: Any) -> "EncodedRemoveGroups":
        """Return the groups as masks."""
        return EncodedRemoveGroups(check_groups(self.groups, fit.model.n_rows))

    def spanning(self, fit: Any) -> Any:
        """Return the fit itself: no row comes."""
        return fit


@dataclass(frozen=True, eq=False)
class EncodedRemoveGroups(DenseChange):
    """Groups that leave, each at once.

    Parameters
    ----------
    members : ndarray of bool of shape (n, c)
        A mask a group.
    """

    members: np.ndarray

    rows = None

    def __len__(self) -> int:
        return self.members.shape[1]

    def removals(self, problem: Problem, block: slice) -> np.ndarray:
        """Return R of a block of groups: minus the exact change of the gradient."""
        groups = self.members.T[block]
        removals = np.empty((len(groups), len(problem.theta)), dtype=problem.theta.dtype)
        for removal, members in zip(removals, groups):
            removal[:] = _removal(problem, problem.without(members), members)
        return removals

    def objectives(self, problem: Problem, block: slice):
        """Yield the objective without each group; ValueError where it has no optimum."""
        kinds = problem.targets.kinds(problem.y)
        for members in self.members.T[block]:
            _require_classes(members, kinds)
            changed = problem.without(members)
            rows = only_these(problem, changed, np.flatnonzero(members))
            yield ChangedObjective(changed, _removal(problem, changed, members), rows)

    def moves(self, optimum):
        """Return where an optimum goes without each group."""
        return optimum.with_objectives(self)

    def refit(self, refits, position):
        """Return the model fitted without one of the groups."""
        return refits.without(np.flatnonzero(self.members[:, position]))


def _removal(problem, changed, members):
    """Return minus the change of the objective's gradient when ``members`` leave, shape (P,)."""
    removal = problem.data_gradient(problem.weights - changed.weights)
    if problem.mass is None:
        return removal
    share = problem.penalty_shares(np.flatnonzero(members)).sum()
    return removal + share * problem.penalty_gradient()


def _require_classes(members, kinds):
    """Raise ValueError where no row is left, or none of some class."""
    if members.all():
        raise ValueError("A group holds every training row; remove fewer rows.")
    if any(not np.isin(codes[members], codes[~members]).all() for codes in kinds):
        raise ValueError(
            "Without a group a class has no row left, so the model cannot be fitted again; "
            "remove fewer rows."
        )
