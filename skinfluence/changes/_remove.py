"""Remove rows, each alone."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._typing import RowsLike
from ..operators import Removal
from ..problem import Problem
from ._changed import EncodedChange
from ._rows import check_rows


@dataclass(frozen=True, eq=False)
class Remove:
    """Each of some training rows leaves, alone.

    Parameters
    ----------
    rows : None, int indices, bool mask or slice, default=None
        Training rows; answers follow their order. None means all.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skinfluence import InfluenceExplainer
    >>> from skinfluence.changes import Remove
    >>> from skinfluence.questions import Prediction
    >>> X, y = load_iris(return_X_y=True)
    >>> explainer = InfluenceExplainer(LogisticRegression(tol=1e-6, max_iter=1000)).fit(X, y)
    >>> explainer.effect(Prediction(X[:2]), Remove([5, 70, 101])).shape
    (2, 3, 3)
    """

    rows: RowsLike | None = None

    def encode(self, fit: Any) -> "EncodedRemove":
        """Return the rows as indices."""
        return EncodedRemove(check_rows(self.rows, fit.model.n_rows))

    def spanning(self, fit: Any) -> Any:
        """Return the fit itself: no row comes."""
        return fit


@dataclass(frozen=True, eq=False)
class EncodedRemove(EncodedChange):
    """Rows that leave, each alone.

    Parameters
    ----------
    rows : ndarray of int of shape (c,)
        The rows.
    """

    rows: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    def removals(self, problem: Problem, block: slice) -> Removal:
        """Return R of a block of rows."""
        return Removal(problem, self.rows[block])

    def moves(self, optimum):
        """Return where an optimum goes without each row."""
        return optimum.without_rows(self.rows)

    def refit(self, refits, position):
        """Return the model fitted without one of the rows."""
        return refits.without(self.rows[[position]])

    def linear_own(self, fit, block):
        """Return ``J_j H⁻¹ R_jᵀ`` of a block of rows, from their leverages; shape (b, K)."""
        return self.removals(fit.problem, block).own_change(fit.known_inverse)

    def user_parameters(self, problem, block, change, linear):
        """Return the change of the user's parameters, of which theta has the change (b, P)."""
        return problem.parameter_change(self.rows[block], change, linear)
