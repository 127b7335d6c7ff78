"""The fewest training labels whose change makes a wrong prediction right."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import is_classifier
from sklearn.utils import Bunch

from .._typing import MatrixLike, RowsLike
from ..adapters import with_parameters
from ..changes import EncodedReplace
from ..methods import FirstOrderAnswers, evaluate
from ..optimum import ReplacedRows
from ..problem import NewRows, Problem, last_of_class, replace_rows
from ..questions import EncodedLoss
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
    target = model.refit.model.encode_targets(y_test)
    wanted = PredictedLabel(one_row(model, X_test), target, np.asarray(y_test)[0])
    search = LabelSearch(model, wanted, allowed_rows(problem, rows))
    chosen, found = fewest(search, most_changes("max_changes", max_changes, problem.n_rows))
    changed, labels = search.relabelled(chosen)
    refitted = model.refit.with_rows(changed, y_new=labels).known_problem
    return Bunch(
        rows=changed,
        labels=labels,
        found=found,
        confirmed=search.changed(refitted),
        estimator=with_parameters(model.estimator, refitted),
    )


@dataclass(frozen=True, eq=False)
class LabelSearch:
    """Give the row a label that lowers the test loss most; a change is (row, class).

    Parameters
    ----------
    model : WarmStart
        Whose labels are changed.
    wanted : PredictedLabel
        What it should say.
    allowed : ndarray of bool of shape (n,)
        Rows whose labels may change.
    """

    model: WarmStart
    wanted: PredictedLabel
    allowed: np.ndarray

    @property
    def problem(self) -> Problem:
        """With the given labels."""
        return self.model.problem

    def relabelled(self, chosen: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows and the new labels of changes."""
        rows, codes = np.reshape(chosen, (-1, 2)).astype(int).T
        targets: Any = self.problem.targets
        return rows, targets.classes[codes]

    def best(self, problem: Problem, chosen: list[tuple[int, int]]) -> tuple[int, int] | None:
        """Return the change that lowers the test loss most, None if none does."""
        candidates = self.allowed & ~last_of_class(problem)
        candidates[self.relabelled(chosen)[0]] = False
        rows = np.flatnonzero(candidates)
        if len(rows) == 0:
            return None
        targets: Any = problem.targets
        classes = targets.classes
        codes, rows = np.repeat(np.arange(len(classes)), len(rows)), np.tile(rows, len(classes))
        new = NewRows.of(problem, rows, y_new=classes[codes])
        fit, (X, y) = self.model.fit(problem), (self.wanted.X, self.wanted.y)
        asked = EncodedLoss(fit.model, None, X, y)
        effects = evaluate(FirstOrderAnswers(fit), asked, EncodedReplace(rows, new=new))[0]
        short = np.argsort(effects, kind="stable")[:SHORTLIST]
        steps = ReplacedRows(problem, fit.known_inverse, self.model.solver, tolerance=None)
        delta = problem.predictor.jvp(X, steps.ends(new.take(short)).changes.T)[0].T
        effects = problem.evaluation_loss.change(problem.predict_raw(X), y, delta)
        best = effects.argmin()
        return (int(rows[short][best]), int(codes[short][best])) if effects[best] < 0 else None

    def solve(self, chosen: list[tuple[int, int]], start: Problem) -> Problem:
        """Return the problem with the new labels, at its optimum."""
        rows, labels = self.relabelled(chosen)
        new = NewRows.of(self.problem, rows, y_new=labels)
        return self.model.solve(replace_rows(self.problem, new), start)

    def changed(self, problem: Problem) -> bool:
        """Tell whether the wanted label is predicted."""
        return self.wanted.holds(problem)
