"""Which few training rows does an answer hang on? Those to remove, or to give another label.

The search is greedy and solves the model again after every change (``_flipping``); what is found
is confirmed by really refitting.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, is_classifier
from sklearn.utils import Bunch

from ._flipping import PredictedLabel, fewest, one_row, question_of
from ._parameters import check_whole
from ._resolved import Resolved
from ._typing import MatrixLike, RowsLike
from .changes import Replaced, check_rows
from .methods import FirstOrderAnswers, Newton, whole
from .optimum import ReplacedRows
from .problems import (
    NewRows,
    encode_targets,
    last_of_class,
    remove_rows,
    replace_rows,
    with_parameters,
)
from .questions import AskedLoss

__all__ = ["label_changes", "removals"]

#: Label changes that are best to first order, of which the best by a Newton step is taken.
SHORTLIST = 10


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
    resolved = Resolved.of(estimator, X, y, sample_weight)
    problem = resolved.problem
    question = question_of(resolved, X_test, coefficient, threshold)
    allowed = _allowed(problem, rows)
    most = _most("max_rows", max_rows, problem.n_rows)

    def best(problem, chosen):
        present = ~_mask(problem, chosen)
        open_ = np.flatnonzero(allowed & present & ~last_of_class(problem, present))
        if len(open_) == 0:
            return None
        answers = Newton(tolerance=None).bind(resolved.fit(problem))
        pushes = question.push(answers, open_)
        return int(open_[pushes.argmax()]) if pushes.max() > 0 else None

    def solve(chosen, start):
        return resolved.solve(remove_rows(problem, _mask(problem, chosen)), start)

    def changed(problem):
        return not question.holds(problem)

    chosen, found = fewest(problem, best, solve, changed, most)
    rows = np.array(chosen, dtype=int)
    refitted = resolved.refit.without(rows).problem
    return Bunch(
        rows=rows,
        found=found,
        confirmed=changed(refitted),
        estimator=with_parameters(resolved.estimator, refitted),
    )


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
    resolved = Resolved.of(estimator, X, y, sample_weight)
    problem, targets = resolved.problem, resolved.problem.targets
    if not is_classifier(resolved.estimator) or not hasattr(targets, "codes"):
        raise TypeError(
            "`label_changes` needs a classifier of one label a row; see `replacement_influence` "
            "for other targets."
        )
    test = one_row(resolved, X_test)
    target = encode_targets(targets, problem.asked, y_test, problem.theta.dtype)
    wanted = PredictedLabel(test, target, np.asarray(y_test)[0])
    allowed = _allowed(problem, rows)
    most = _most("max_changes", max_changes, problem.n_rows)

    def changed_rows(chosen):
        rows, codes = np.reshape(chosen, (-1, 2)).astype(int).T
        return rows, targets.classes[codes]

    def best(problem, chosen):
        rows, _ = changed_rows(chosen)
        open_ = allowed & ~last_of_class(problem)
        open_[rows] = False
        return _best_label(resolved, problem, test, target, np.flatnonzero(open_))

    def solve(chosen, start):
        rows, labels = changed_rows(chosen)
        new = NewRows.of(problem, rows, y_new=labels)
        return resolved.solve(replace_rows(problem, new), start)

    chosen, found = fewest(problem, best, solve, wanted.holds, most)
    rows, labels = changed_rows(chosen)
    refitted = resolved.refit.with_rows(rows, y_new=labels).problem
    return Bunch(
        rows=rows,
        labels=labels,
        found=found,
        confirmed=wanted.holds(refitted),
        estimator=with_parameters(resolved.estimator, refitted),
    )


def _best_label(resolved, problem, test, target, rows):
    """Return the row and the class of the change that lowers the test loss most, or None."""
    if len(rows) == 0:
        return None
    targets, fit = problem.targets, resolved.fit(problem)
    codes = np.repeat(np.arange(len(targets.classes)), len(rows))
    rows = np.tile(rows, len(targets.classes))
    new = NewRows.of(problem, rows, y_new=targets.classes[codes])
    asked = AskedLoss(fit.model, None, test, target)
    effects = whole(FirstOrderAnswers(fit), asked, Replaced(rows, new=new))[0]
    short = np.argsort(effects, kind="stable")[:SHORTLIST]
    replaced = ReplacedRows(problem, fit.inverse, resolved.solver, settled=None)
    delta = problem.predictor.jvp(test, replaced.ends(new.take(short)).changes.T)[0].T
    raw = problem.predict_raw(test)
    effects = problem.asked.change(raw, target, delta)
    best = effects.argmin()
    return (int(rows[short][best]), int(codes[short][best])) if effects[best] < 0 else None


def _allowed(problem, rows):
    allowed = np.zeros(problem.n_rows, dtype=bool)
    allowed[check_rows(rows, problem.n_rows)] = True
    return allowed


def _mask(problem, chosen):
    members = np.zeros(problem.n_rows, dtype=bool)
    members[chosen] = True
    return members


def _most(name, most, n_rows):
    if most is None:
        return max(1, n_rows // 10)
    check_whole(name, most)
    return min(most, n_rows - 1)
