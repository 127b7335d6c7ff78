"""The fewest training labels whose change makes a wrong prediction right."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import is_classifier
from sklearn.utils import Bunch

from .._typing import MatrixLike, RowsLike
from ..problems import (
    NewRows,
    Problem,
    encode_targets,
    last_of_class,
    replace_rows,
    with_parameters,
)
from ..scores import FirstOrder, Replacing
from ._answers import PredictedLabel, one_row
from ._candidates import allowed_rows, most_changes
from ._greedy_search import fewest
from ._warm_start import WarmStart

#: Label changes that are best to first order, of which the best by a Newton step is taken.
SHORTLIST = 10


def label_changes(
    estimator: Any,
    X: MatrixLike,
    y: ArrayLike,
    X_test: MatrixLike,
    y_test: ArrayLike,
    *,
    max_changes: int | None = None,
    rows: RowsLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> Bunch:
    """Find few training labels whose change makes a wrong prediction right.

    The labels to check first, if the prediction is wrong because training labels are (Cadamuro,
    Gilad-Bachrach and Zhu 2016; section 6 of Koh and Liang 2017).

    Parameters
    ----------
    estimator : classifier or InfluenceExplainer
        Fitted on X and y, unless it is an explainer that is fitted already.
    X, y : array-like
        Training data.
    X_test : array-like of one row
        The row that is predicted wrongly.
    y_test : array-like of one label
        What it should be predicted to be.
    max_changes : int, default=None
        Labels to change at most; None is a tenth of them all, and at least one.
    rows : None, int indices, bool mask or slice, default=None
        Rows whose labels may change; None means all. The last row of a class keeps its label.
    sample_weight : array-like of shape (n_train,), default=None
        Training weights.

    Returns
    -------
    changes : Bunch
        ``rows``, ``labels``: the rows, in the order in which they were chosen, and their new
        labels; ``found``: whether these are estimated to make the prediction right;
        ``confirmed``: whether they do after really refitting; ``estimator``: that refit. Of
        changes that were found none can be spared; another set may have fewer.

    Raises
    ------
    TypeError
        If the estimator is no classifier of one label a row.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skinfluence.selection import label_changes
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = make_pipeline(StandardScaler(), LogisticRegression())
    >>> wrong = 73  # predicted 1
    >>> train = slice(100, None)
    >>> found = label_changes(model, X[train], y[train], X[[wrong]], y[[wrong]])
    >>> found.confirmed, found.estimator.predict(X[[wrong]]) == y[[wrong]]
    (True, array([ True]))
    """
    model = WarmStart.of(estimator, X, y, sample_weight)
    problem, targets = model.problem, model.problem.targets
    if not is_classifier(model.estimator) or not hasattr(targets, "codes"):
        raise TypeError(
            "`label_changes` needs a classifier of one label a row; see `replacement_influence` "
            "for other targets."
        )
    test = one_row(model, X_test)
    target = encode_targets(targets, problem.asked, y_test, problem.theta.dtype)
    wanted = PredictedLabel(test, target, np.asarray(y_test)[0])
    allowed = allowed_rows(problem, rows)
    most = most_changes("max_changes", max_changes, problem.n_rows)

    def changed_rows(chosen: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
        rows, codes = np.reshape(chosen, (-1, 2)).astype(int).T
        return rows, targets.classes[codes]

    def best(problem: Problem, chosen: list[tuple[int, int]]) -> tuple[int, int] | None:
        rows, _ = changed_rows(chosen)
        candidates = allowed & ~last_of_class(problem)
        candidates[rows] = False
        return _best_label(model, problem, test, target, np.flatnonzero(candidates))

    def solve(chosen: list[tuple[int, int]], start: Problem) -> Problem:
        rows, labels = changed_rows(chosen)
        new = NewRows.of(problem, rows, y_new=labels)
        return model.solve(replace_rows(problem, new), start)

    chosen, found = fewest(problem, best, solve, wanted.holds, most)
    rows, labels = changed_rows(chosen)
    _, refitted = model.refit.fit_replaced(rows, y_new=labels)
    return Bunch(
        rows=rows,
        labels=labels,
        found=found,
        confirmed=wanted.holds(refitted),
        estimator=with_parameters(model.estimator, refitted),
    )


def _best_label(model, problem, test, target, rows):
    """Return the row and the class of the change that lowers the test loss most, or None."""
    if len(rows) == 0:
        return None
    targets, inverse = problem.targets, model.inverse(problem)
    first_order = FirstOrder(problem, inverse)
    codes = np.repeat(np.arange(len(targets.classes)), len(rows))
    rows = np.tile(rows, len(targets.classes))
    new = NewRows.of(problem, rows, y_new=targets.classes[codes])
    effects = first_order.on_replacements(test, target, new)[0]
    short = np.argsort(effects, kind="stable")[:SHORTLIST]
    replacing = Replacing(problem, inverse, model.solver, settled=None)
    delta = problem.predictor.jvp(test, replacing.changes(new.take(short)).T)[0].T
    raw = problem.predict_raw(test)
    effects = problem.asked.change(raw, target, delta)
    best = effects.argmin()
    return (int(rows[short][best]), int(codes[short][best])) if effects[best] < 0 else None
