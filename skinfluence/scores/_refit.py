"""Refit: the ground truth. Really fit again without the rows, one fit a change.

The steps of a Pipeline before the last, and every hyper-parameter, are held at their fitted
values. The refits are independent of one another, each starting from the full fit where the
estimator can be warm-started, so the answer does not depend on ``n_jobs``.

A model that is curved in its parameters has many minima, and a fit from other random numbers goes
to another. Its refits, where they are refined, are Newton steps from the full fit on the objective
without the rows, so that they stay at its minimum.
"""

import warnings
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_consistent_length, indexable
from sklearn.utils.parallel import Parallel, delayed

from .._sklearn_private import _safe_indexing
from ..losses import Loss
from ..problems import (
    Problem,
    UnsupportedEstimatorError,
    as_problem,
    encode_features,
    encode_targets,
    final_estimator,
    final_is_frozen,
    held,
    transform_features,
    with_final,
    with_parameters,
    with_rows,
)
from ..solvers import Direct, invert_curved
from ._convergence import check_convergence
from ._convergence import refine as refine_problem
from ._groups import step_left
from ._outward import outward_loss, respond
from ._preconditioned import Nearby


@dataclass(frozen=True, eq=False)
class Refit:
    """Really refit without each row. Build it with ``Refit.of``.

    Parameters
    ----------
    estimator : fitted estimator
        The final estimator, fitted on all rows.
    X, y, sample_weight
        Its training data as it sees them; y in the user's labels.
    loss, targets
        What a row's loss is, and how y is encoded for it.
    problem : Problem or None
        The full fit's problem, at its optimum if ``refine``; None for an estimator that has no
        adapter, which is judged by ``predict_proba`` or ``predict`` alone.
    refine : bool
        Whether Newton steps take each refit to its optimum.
    inverse : Inverse or None
        H⁻¹ of the full fit, if it is known already.
    """

    estimator: Any
    X: Any
    y: np.ndarray
    sample_weight: np.ndarray | None
    loss: Loss
    targets: Any
    problem: Problem | None
    refine: bool = True
    n_jobs: int | None = None
    verbose: int = 0
    inverse: Any = None

    @classmethod
    def of(
        cls,
        estimator,
        X,
        y,
        sample_weight=None,
        *,
        refine=True,
        temperature=1e-3,
        n_jobs=None,
        verbose=0,
    ):
        """Prepare refits of a fitted estimator (a Pipeline, a FrozenEstimator, or any other)."""
        final = final_estimator(estimator)
        rest = {"refine": refine, "n_jobs": n_jobs, "verbose": verbose}
        y = y.toarray() if sparse.issparse(y) else np.asarray(y)
        if sample_weight is not None:
            sample_weight = np.asarray(sample_weight)
        try:
            problem = as_problem(estimator, X, y, sample_weight).at_temperature(temperature)
        except UnsupportedEstimatorError:
            (X,) = indexable(transform_features(estimator, X))
            loss, targets = outward_loss(final, y)
            return cls(final, X, y, sample_weight, loss, targets, None, **rest)
        if final_is_frozen(estimator):
            inverse, _ = invert_curved(Direct(), problem, 0.0)
            check_convergence(problem, inverse, frozen=True, threshold=10)
        return cls.around(final, problem, y, sample_weight, **rest)

    @classmethod
    def around(cls, final, problem, y, sample_weight=None, *, inverse=None, refine=True, **jobs):
        """Prepare refits of a fitted final estimator whose problem is known.

        ``inverse`` is H⁻¹ of that problem, if it is known too; the problem is then at its optimum.
        """
        if refine and inverse is None:
            problem = refine_problem(problem, Direct())
        loss, targets = problem.reported, problem.targets
        data = final, problem.X, y, sample_weight
        return cls(*data, loss, targets, problem, refine, inverse=inverse, **jobs)

    @cached_property
    def nearby(self):
        """A solver of the Hessians of refits, which are near the full fit's."""
        if self.inverse is not None:
            return Nearby(self.inverse)
        return Nearby(invert_curved(Direct(), self.problem, 0.0)[0])

    def encode(self, estimator, X, y):
        """Return test rows as the final estimator sees them, and their encoded targets."""
        X = self.encode_features(estimator, X)
        y = encode_targets(self.targets, self.loss, y, self._dtype)
        check_consistent_length(X, y)
        return (X if self.problem is None else self.problem.rows_asked(X, y)), y

    def encode_features(self, estimator, X):
        """Return test rows as the final estimator sees them."""
        if self.problem is None:
            return transform_features(estimator, X)
        return self.problem.encode(encode_features(estimator, X))

    @property
    def _dtype(self):
        return np.float64 if self.problem is None else self.problem.theta.dtype

    def own_rows(self):
        """Return the training rows' raw predictions, the loss, and the encoded targets."""
        return self._full_raw(self.X), self.loss, self.targets.encode(self.y, np.float64)

    def losses(self, X, y):
        """Return the losses of test rows under the full fit, shape (m,)."""
        return self.loss(self._full_raw(X), y)

    def on_losses(self, X, y):
        """Effect on the losses of test rows, as (m, n_rows)."""
        before = self.losses(X, y)[:, None]
        return lambda rows: self._losses_without(rows[:, None], X, y) - before

    def on_groups(self, X, y, groups):
        """Effect on test losses of removing each group at once; groups (n, n_groups) boolean."""
        dropped = [np.flatnonzero(members) for members in groups.T]
        return self._losses_without(dropped, X, y) - self.losses(X, y)[:, None]

    def on_replacements(self, X, y, rows, X_new=None, y_new=None):
        """Effect on test losses of replacing each row alone; shape (m, n_rows).

        X_new as the final estimator sees it, y_new in the user's labels; None stays.
        """
        tasks = (
            delayed(_losses_with)(self, X, y, row, _take(X_new, i), _take(y_new, i))
            for i, row in enumerate(rows)
        )
        after = Parallel(n_jobs=self.n_jobs, verbose=self.verbose)(tasks)
        before = self.losses(X, y)[:, None]
        return np.reshape(after, (len(rows), len(y))).T - before

    def fit_without(self, dropped):
        """Fit without some rows; return the estimator, and its problem if known."""
        return _fit_without(self, dropped)

    def fit_replaced(self, rows, X_new=None, y_new=None):
        """Fit with other rows in some places; return the estimator, and its problem if known."""
        X, y = self.X, self.y
        if X_new is not None:
            X = with_rows(X, rows, X_new)
        if y_new is not None:
            y = with_rows(y, rows, np.asarray(y_new))
        return fit_on(self, X, y, self.sample_weight, rows)

    def on_predictions(self, X):
        """Effect on the predictions of test rows, as (m, n_rows, K)."""
        before = self._full_raw(X, outward=True)

        def effect(rows):
            refits = [raw for raw, _ in self._run(rows[:, None], X, outward=True)]
            after = np.reshape(refits, (len(rows), *before.shape)).transpose(1, 0, 2)
            return after - before[:, None]

        return effect

    def on_parameters(self):
        """Effect on theta, as (n_rows, P)."""
        if self.problem is None:
            raise TypeError(f"The parameters of {type(self.estimator).__name__} are not known.")
        before = self.problem.theta
        return lambda rows: np.reshape(
            [theta - before for _, theta in self._run(rows[:, None], self.X[:1])],
            (len(rows), len(before)),
        )

    def on_own_raw(self, rows):
        """Effect of every row on its own raw prediction, shape (n_rows, K)."""
        tasks = (delayed(_refit)(self, [j], _safe_indexing(self.X, [j])) for j in rows)
        after = Parallel(n_jobs=self.n_jobs, verbose=self.verbose)(tasks)
        before = self._full_raw(_safe_indexing(self.X, rows))
        return np.concatenate([raw for raw, _ in after]) - before

    def estimator_without(self, estimator, dropped):
        """Return a copy of the fitted estimator, refitted without some rows, and its certificate.

        That is nan for an estimator that has no adapter.
        """
        model, problem = _fit_without(self, dropped)
        if problem is None:
            return with_final(estimator, model), np.nan
        change = problem.theta - self.problem.theta
        left = step_left(problem, invert_curved(Direct(), problem, 0.0)[0], change)
        return with_parameters(estimator, problem), left

    def _full_raw(self, X, outward=False):
        if self.problem is None:
            return respond(self.estimator, X, outward)
        return _predict(self.problem, X, outward)

    def _losses_without(self, dropped, X, y):
        losses = [self.loss(raw, y) for raw, _ in self._run(dropped, X)]
        return np.reshape(losses, (len(dropped), len(y))).T

    def _run(self, dropped, X, outward=False):
        """Refit without each set of rows; return (raw predictions at X, theta) of each."""
        tasks = (delayed(_refit)(self, rows, X, outward) for rows in dropped)
        return Parallel(n_jobs=self.n_jobs, verbose=self.verbose)(tasks)


def _refit(refit, dropped, X_test, outward=False):
    """Fit without the dropped rows; return raw predictions at X_test, and theta if known."""
    model, problem = _fit_without(refit, dropped)
    if problem is None:
        return respond(model, X_test, outward), None
    return _predict(problem, X_test, outward), problem.theta


def _fit_without(refit, dropped):
    """Fit the final estimator without the dropped rows; return it, and its problem if known."""
    if refit.refine and refit.problem is not None and refit.problem.predictor.curved:
        return _descend_without(refit, dropped)
    kept = np.setdiff1d(np.arange(len(refit.y)), dropped)
    X, y = _safe_indexing(refit.X, kept), refit.y[kept]
    weights = None if refit.sample_weight is None else refit.sample_weight[kept]
    return fit_on(refit, X, y, weights, dropped, kept)


def fit_on(refit, X, y, sample_weight, changed, kept=slice(None)):
    """Fit the final estimator on other data; return it, and its problem if known.

    ``changed`` are the rows that an error names, ``kept`` those that the data are.
    """
    weights = {} if sample_weight is None else {"sample_weight": sample_weight}
    model = _fit_again(refit, X, y, weights, changed)
    if refit.problem is None:
        return model, None
    problem = as_problem(model, X, y, **weights).refitted(refit.problem, kept)
    return model, refine_problem(problem, refit.nearby) if refit.refine else problem


def _losses_with(refit, X, y, row, X_new, y_new):
    """Fit with another row in one place; return the test losses."""
    model, problem = refit.fit_replaced([row], X_new, y_new)
    raw = respond(model, X) if problem is None else problem.predict_raw(X)
    return refit.loss(raw, y)


def _take(array, i):
    return None if array is None else _safe_indexing(array, [i])


def _descend_without(refit, dropped):
    """Go from the full fit to the minimum of the objective without the dropped rows."""
    members = np.isin(np.arange(len(refit.y)), dropped)
    _require_classes(refit, refit.y[~members], dropped)
    problem = refine_problem(refit.problem.without(members), refit.nearby)
    return with_parameters(refit.estimator, problem), problem


def _predict(problem, X, outward):
    """Return raw predictions, or with ``outward`` what the estimator says."""
    raw = problem.predict_raw(X)
    return problem.targets.response(raw) if outward else raw


def _fit_again(refit, X, y, weights, dropped):
    """Fit the final estimator again, from the full fit where it allows a warm start."""
    model = clone(refit.estimator) if refit.problem is None else held(refit.estimator)
    same = type(model) is type(refit.estimator)
    if refit.problem is not None and same and hasattr(model, "warm_start"):
        model = deepcopy(refit.estimator).set_params(warm_start=True)
    _require_classes(refit, y, dropped)
    with warnings.catch_warnings():
        if refit.refine and refit.problem is not None:
            warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, y, **weights)


def _require_classes(refit, y, dropped):
    if refit.targets.lost(y):
        raise ValueError(
            f"Without row(s) {np.asarray(dropped)[:5].tolist()} a class has no row left, so the "
            "model cannot be fitted again; leave them out of `rows`."
        )
