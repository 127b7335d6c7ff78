"""Really fitted again: the optimum of a changed training set, without a line of the library.

``Smooth`` minimises scikit-learn's objective by Newton's method, written out here, to rounding.
``Refit`` fits scikit-learn's estimator at tight tolerances, and states its own noise: what another
order of the same rows changes. ``truth_of`` chooses; it raises ``NoTruth`` where neither can judge.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from ._refits import Refit
from ._rows import NoTruth, Rows, dense
from ._smooth import Smooth, smooth_truth


def truth_of(case):
    """Return the truth of a case: a ``Smooth`` or a ``Refit``, holding its training rows."""
    estimator, transform = case.fresh(), lambda X: dense(case.handed(X))
    X = transform(case.X)
    weights = np.ones(len(X)) if case.weights is None else case.weights
    if isinstance(estimator, GridSearchCV):
        known = {} if case.weights is None else {"sample_weight": case.weights}
        estimator = clone(estimator.fit(case.handed(case.X), case.y, **known).best_estimator_)
    if isinstance(estimator, Pipeline):
        steps = estimator[:-1]
        X, again = (
            dense(each.fit_transform(case.handed(case.X), case.targets(case.y)))
            for each in (steps, clone(steps))
        )
        if not np.allclose(X, again, rtol=1e-6, atol=1e-6 * np.abs(X).max(initial=0)):
            raise NoTruth("of steps that are not the same twice, as components of one size")
        transform = lambda rows: dense(steps.transform(case.handed(rows)))  # noqa: E731
        estimator = clone(estimator[-1])
    rows = Rows(X, case.y, weights)
    smooth = smooth_truth(estimator, rows)
    if smooth is not None:
        return Truth(smooth, rows, transform(case.X_test), transform)
    return Truth(Refit.of(estimator, rows, case.seed), rows, transform(case.X_test), transform)


def counted(case):
    """Return a case without the classes whose rows all weigh 0: such a row is not there.

    scikit-learn would give such a class parameters, which without an intercept are not nothing. Its
    rows get the label of another class.
    """
    if case.labels is None or case.weights is None:
        return case
    known, codes = np.unique(case.y[case.weights > 0]), np.zeros(len(case.labels), int)
    if len(known) == len(case.labels):
        return case
    codes[known] = np.arange(len(known))
    labels = tuple(case.labels[code] for code in known)
    return replace(case, y=codes[case.y], y_test=codes[case.y_test], labels=labels)


@dataclass
class Truth:
    """A model that can be fitted again, its training rows, and rows to look at."""

    model: object
    rows: Rows
    X_test: np.ndarray
    transform: object

    @cached_property
    def before(self):
        """The fit on all rows."""
        return self.model.fit(self.rows)

    @property
    def is_smooth(self):
        """Whether parameters and the norm of the Hessian are known."""
        return isinstance(self.model, Smooth)
