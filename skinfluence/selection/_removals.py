"""The fewest training rows whose removal changes a prediction, or the sign of a coefficient."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils import Bunch

from .._typing import MatrixLike, RowsLike
from ..adapters import with_parameters
from ..methods import Newton
from ..problem import Problem, last_of_class, remove_rows
from ._answers import Answer, current_answer
from ._candidates import allowed_rows, most_changes, rows_mask
from ._greedy_search import fewest
from ._warm_start import WarmStart


def removals(
    estimator: BaseEstimator,
    X: MatrixLike,
    y: ArrayLike,
    X_test: MatrixLike | None = None,
    *,
    coefficient: int | None = None,
    threshold: float = 0.0,
    max_rows: int | None = None,
    rows: RowsLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> Bunch:
    """Find few training rows whose removal changes a prediction, or the sign of a coefficient.

    Parameters
    ----------
    estimator : estimator or InfluenceExplainer
        Fitted on X and y, unless it is an explainer that is fitted already.
    X, y : array-like
        Training data.
    X_test : array-like of one row, default=None
        The row whose prediction is to change: the label of a classifier, the side of
        ``threshold`` of a regressor.
    coefficient : int, default=None
        Instead of ``X_test``, the parameter whose sign is to change, by its position in
        ``coef_``, row by row, then ``intercept_``.
    threshold : float, default=0.0
        For regressors, in units of ``predict``.
    max_rows : int, default=None
        Rows to remove at most; None is a tenth of them all, and at least one.
    rows : None, int indices, bool mask or slice, default=None
        Rows that may be removed; None means all. The last row of a class never is.
    sample_weight : array-like of shape (n_train,), default=None
        Training weights.

    Returns
    -------
    removal : Bunch
        ``rows``: the rows, in the order in which they were chosen; ``found``: whether their
        removal is estimated to change the answer; ``confirmed``: whether it does after really
        refitting without them; ``estimator``: that refit. Of rows that were found none can be
        spared; another set may have fewer, because the search is greedy.

    Raises
    ------
    ValueError
        Unless one of ``X_test``, of one row, and ``coefficient`` is given.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import Ridge
    >>> from skinfluence.selection import removals
    >>> X, y = load_diabetes(return_X_y=True)
    >>> bool(Ridge(alpha=0.1).fit(X, y).coef_[7] > 0)
    True
    >>> found = removals(Ridge(alpha=0.1), X, y, coefficient=7)
    >>> found.confirmed, bool(found.estimator.coef_[7] < 0), len(found.rows)
    (True, True, 9)
    """
    model = WarmStart.of(estimator, X, y, sample_weight)
    problem = model.problem
    answer = current_answer(model, X_test, coefficient, threshold)
    search = RemovalSearch(model, answer, allowed_rows(problem, rows))
    chosen, found = fewest(search, most_changes("max_rows", max_rows, problem.n_rows))
    removed = np.array(chosen, dtype=int)
    refitted = model.refit.without(removed).known_problem
    return Bunch(
        rows=removed,
        found=found,
        confirmed=search.changed(refitted),
        estimator=with_parameters(model.estimator, refitted),
    )


@dataclass(frozen=True, eq=False)
class RemovalSearch:
    """Remove the row that pushes an answer most; a change is a row.

    Parameters
    ----------
    model : WarmStart
        Whose rows are removed.
    answer : Answer
        What it says before.
    allowed : ndarray of bool of shape (n,)
        Rows that may be removed.
    """

    model: WarmStart
    answer: Answer
    allowed: np.ndarray

    @property
    def problem(self) -> Problem:
        """With all rows."""
        return self.model.problem

    def best(self, problem: Problem, chosen: list[int]) -> int | None:
        """Return the row whose removal pushes the answer most, None if none does."""
        present = ~rows_mask(self.problem, chosen)
        candidates = np.flatnonzero(self.allowed & present & ~last_of_class(problem, present))
        if len(candidates) == 0:
            return None
        answers = Newton(tolerance=None).bind(self.model.fit(problem))
        pushes = self.answer.push(answers, candidates)
        return int(candidates[pushes.argmax()]) if pushes.max() > 0 else None

    def solve(self, chosen: list[int], start: Problem) -> Problem:
        """Return the problem without the rows, at its optimum."""
        return self.model.solve(remove_rows(self.problem, rows_mask(self.problem, chosen)), start)

    def changed(self, problem: Problem) -> bool:
        """Tell whether the answer is another one."""
        return not self.answer.holds(problem)
