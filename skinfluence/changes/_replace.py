"""Replace rows, each alone (Koh & Liang 2017, equation 3)."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .._sklearn_private import _num_samples, _safe_indexing
from .._typing import MatrixLike, RowsLike
from ..operators import Replacement
from ..problem import NewRows, Problem, replace_rows
from ._changed import ChangedObjective, EncodedChange
from ._rows import check_rows


@dataclass(frozen=True, eq=False)
class Replace:
    """Each of some training rows becomes another, alone: other features, another label, or both.

    Weights stay, but for what goes with a label: class weights, and the counts of balanced classes.

    Parameters
    ----------
    rows : None, int indices, bool mask or slice
        Training rows; None means all. A row may be named twice, to be replaced by several.
    X_new : {array-like, sparse matrix, DataFrame} of n_rows rows, default=None
        What they become, as X was given to ``fit``. None leaves the features as they are.
    y_new : array-like of n_rows targets, default=None
        What their targets become, in the user's labels; None leaves them.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skinfluence import InfluenceExplainer
    >>> from skinfluence.changes import Replace
    >>> from skinfluence.questions import Loss
    >>> X, y = load_iris(return_X_y=True)
    >>> explainer = InfluenceExplainer(LogisticRegression(tol=1e-6, max_iter=1000)).fit(X, y)
    >>> explainer.effect(Loss(X[:2], y[:2]), Replace([5, 70], y_new=[1, 2])).shape
    (2, 2)
    """

    rows: RowsLike | None
    X_new: MatrixLike | None = None
    y_new: ArrayLike | None = None

    def encode(self, fit: Any) -> "EncodedReplace":
        """Return the new rows as the model takes them.

        Raises
        ------
        ValueError
            If nothing is new, for labels that the estimator was not fitted on, and where the only
            row of a class would be given another label.
        """
        model = fit.model
        if self.X_new is None and self.y_new is None:
            raise ValueError("Nothing is new: give `X_new`, `y_new`, or both.")
        rows, X = check_rows(self.rows, model.n_rows), self.X_new
        if X is not None:
            X = model.encode(model.inner_features(X))
        for name, new in (("X_new", X), ("y_new", self.y_new)):
            if new is not None and _num_samples(new) != len(rows):
                raise ValueError(
                    f"`{name}` must have one row for each of the {len(rows)} `rows`; "
                    f"got {_num_samples(new)}."
                )
        problem = model.problem
        if problem is None or not (problem.loss.predicts or fit.inverse is not None):
            return EncodedReplace(
                rows, X, self.y_new
            )  # for refits, which take the rows as they are
        model.require_predictions()
        return EncodedReplace(rows, X, self.y_new, NewRows.of(problem, rows, X, self.y_new))

    def spanning(self, fit: Any) -> Any:
        """Return the fit in features that hold the new rows too: those of a kernel did not."""
        return fit if self.X_new is None else fit.spanning(self.X_new)


@dataclass(frozen=True, eq=False)
class EncodedReplace(EncodedChange):
    """Rows that are replaced, each alone.

    Parameters
    ----------
    rows : ndarray of int of shape (c,)
        The rows.
    X : rows as ``predict_raw`` takes them, or None
        What they become.
    y : array-like of c targets or None
        What their targets become, in the user's labels.
    new : NewRows or None
        Both, encoded; None of a black box.
    """

    rows: np.ndarray
    X: Any = None
    y: Any = None
    new: NewRows | None = None

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def known_new(self) -> NewRows:
        """The new rows, encoded; TypeError of a black box."""
        if self.new is None:
            raise TypeError("The rows of a black box are not encoded; it answers by refits alone.")
        return self.new

    def removals(self, problem: Problem, block: slice) -> Replacement:
        """Return R of a block of rows."""
        return Replacement(problem, self.known_new.take(block))

    def objectives(self, problem: Problem, block: slice):
        """Yield the objective with each row replaced."""
        for i in np.arange(len(self))[block]:
            new = self.known_new.take([i])
            yield ChangedObjective(replace_rows(problem, new), Replacement(problem, new).dense()[0])

    def moves(self, optimum):
        """Return where an optimum goes with each row replaced."""
        return optimum.with_rows(self)

    def refit(self, refits, position):
        """Return the model fitted with one of the rows replaced."""
        new = (
            None if part is None else _safe_indexing(part, [position]) for part in (self.X, self.y)
        )
        return refits.with_rows(self.rows[[position]], *new)

    def user_parameters(self, problem, block, change, linear):
        """Return the change of the user's parameters, of which theta has the change (b, P)."""
        if problem.kernel is not None and self.X is not None:
            raise ValueError(
                "The dual coefficient of a row that has other features multiplies another "
                "function; ask for `Prediction` or `Loss` of a kernel model with `Replace(X_new=)`."
            )
        return super().user_parameters(problem, block, change, linear)
