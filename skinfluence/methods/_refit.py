"""Refit: the ground truth. Really fit again with other training rows, one fit a change.

The steps of a Pipeline before the last, and every hyper-parameter, are held at their fitted
values. The refits are independent of one another, each starting from the full fit where the
estimator can be warm-started, so the answer does not depend on ``n_jobs``.

A model that is curved in its parameters has many minima, and a fit from other random numbers goes
to another. Its refits without rows, or with other weights, are Newton steps from the full fit on
the changed objective where they are refined, so that they stay at its minimum.
"""

import warnings
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cached_property
from inspect import Parameter, signature
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.parallel import Parallel, delayed

from .._sklearn_private import _safe_indexing
from ..adapters import (
    BlackBox,
    FittedModel,
    Model,
    as_problem,
    final_estimator,
    final_is_frozen,
    held,
    with_final,
    with_parameters,
)
from ..optimum import PreconditionedSolver, check_convergence, step_left
from ..optimum import refine_as_trained as refine_problem
from ..problem import Problem, with_rows
from ..solvers import Direct, Inverse, invert_curved


@dataclass(frozen=True, eq=False)
class Refit:
    """Really refit a model with other training rows. Build it with ``Refit.of``.

    Parameters
    ----------
    model : Model
        The full fit, at its optimum if ``refine``.
    refine : bool, default=True
        Whether Newton steps take each refit to its optimum.
    inverse : Inverse or None
        H⁻¹ of the full fit, if it is known already.
    n_jobs : int or None
        Refits at the same time, in processes.
    verbose : int
        Progress, as in joblib.
    seed : int or None
        Of the random numbers of each fit; None leaves the estimator its own.
    """

    model: Model
    refine: bool = True
    inverse: Inverse | None = None
    n_jobs: int | None = None
    verbose: int = 0
    seed: int | None = None

    @classmethod
    def of(
        cls,
        model: Model,
        *,
        refine: bool = True,
        inverse: Inverse | None = None,
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> "Refit":
        """Prepare refits of a fitted model.

        ``inverse`` is H⁻¹ at its optimum, if it is there and that is known.
        """
        if refine and inverse is None and isinstance(model, FittedModel):
            model = replace(model, problem=refine_problem(model.problem, Direct()))
        return cls(model, refine, inverse, n_jobs, verbose)

    @property
    def draws(self) -> bool:
        """Whether fits draw random numbers, and do not go to an optimum that is known."""
        final = final_estimator(self.model.estimator)
        return self.model.problem is None and bool(_seeds(final))

    def under(self, seed: int) -> "Refit":
        """Return refits under a seed, to be compared with the full fit under the same."""
        known, refit = self.model, replace(self, seed=seed)
        return replace(refit, model=refit._fitted(known.X, known.y, known.sample_weight, []))

    def values(self, asked: Any, changed: Any) -> list[np.ndarray]:
        """Return what is asked of the model after each change, one real refit each."""
        if self._refines:
            _ = self.refit_solver  # found once, and not by every process
        tasks = (delayed(_value)(self, asked, changed, i) for i in range(len(changed)))
        return Parallel(n_jobs=self.n_jobs, verbose=self.verbose)(tasks)

    def without(self, dropped: np.ndarray) -> Model:
        """Return the model fitted without some rows."""
        known = self.model
        members = np.zeros(known.n_rows, dtype=bool)
        members[dropped] = True
        kept = np.flatnonzero(~members)
        if self._descends:
            return self._descended(known.known_problem.without(members), known.y[kept], dropped)
        X, y = _safe_indexing(known.X, kept), known.y[kept]
        weights = None if known.sample_weight is None else known.sample_weight[kept]
        return self._fitted(X, y, weights, dropped, kept)

    def with_rows(self, rows: np.ndarray, X_new: Any = None, y_new: Any = None) -> Model:
        """Return the model fitted with other rows in some places.

        X_new as ``predict_raw`` takes it, y_new in the user's labels; None stays.
        """
        X, y = self.model.X, self.model.y
        if X_new is not None:
            X = with_rows(X, rows, X_new)
        if y_new is not None:
            y = with_rows(y, rows, np.reshape(np.asarray(y_new), (len(rows), *y.shape[1:])))
        return self._fitted(X, y, self.model.sample_weight, rows)

    def with_weights(self, sample_weight: np.ndarray, row: int) -> Model:
        """Return the model fitted with other sample weights; ``row`` is named in errors."""
        if self._descends:
            (stated,) = self.model.problems_with_weights([sample_weight])
            problem = self.model.known_problem.with_weights_of(stated)
            return self._descended(problem, self.model.y, np.array([row]))
        return self._fitted(self.model.X, self.model.y, sample_weight, np.array([row]))

    def estimator_without(self, dropped: np.ndarray) -> tuple[Any, float]:
        """Return the estimator, Pipelines and all, refitted without some rows; its certificate.

        That is nan for an estimator that has no adapter.
        """
        known, after = self.model, self.without(dropped)
        if after.problem is None:
            return with_final(known.estimator, after.estimator), np.nan
        if after.problem.loss.smoothed and after.problem.loss.temperature == 0:
            return with_parameters(known.estimator, after.problem), 0.0
        change = after.theta - known.theta
        left = step_left(after.problem, invert_curved(Direct(), after.problem, 0.0)[0], change)
        return with_parameters(known.estimator, after.problem), left

    @cached_property
    def refit_solver(self) -> PreconditionedSolver:
        """A solver of the Hessians of refits, which are near the full fit's."""
        if self.inverse is not None:
            return PreconditionedSolver(self.inverse)
        return PreconditionedSolver(invert_curved(Direct(), self.model.known_problem, 0.0)[0])

    @property
    def _refines(self):
        return self.refine and self.model.problem is not None

    @property
    def _descends(self):
        """Whether refits are steps from the full fit, so that they stay at its minimum."""
        problem = self.model.problem
        return self.refine and problem is not None and not problem.predictor.is_linear

    def _descended(self, problem: Problem, y, changed) -> Model:
        self._require_classes(y, changed)
        problem = refine_problem(problem, self.refit_solver)
        estimator = with_parameters(final_estimator(self.model.estimator), problem)
        return FittedModel(estimator, problem)

    def _fitted(self, X, y, sample_weight, changed, kept=slice(None)) -> Model:
        """Fit the final estimator on other data; ``kept`` are the rows that they are."""
        known = self.model
        weights = {} if sample_weight is None else {"sample_weight": sample_weight}
        final = self._fit_again(X, y, weights, changed)
        if known.problem is None:
            return BlackBox(final, final, X, y, sample_weight)
        problem = as_problem(final, X, y, **weights).refitted(known.problem, kept)
        if self.refine:
            problem = refine_problem(problem, self.refit_solver, known.problem.theta)
        return FittedModel(final, problem, y, sample_weight)

    def _fit_again(self, X, y, weights, changed):
        """Fit the final estimator again, from the full fit where it allows a warm start."""
        known, fitted = self.model.problem, final_estimator(self.model.estimator)
        model = self._seeded(fitted) if known is None else held(fitted)
        same = type(model) is type(fitted)
        # Of several optima that without a penalty are as good, the start would choose another one.
        if known is not None and same and known.penalised and hasattr(model, "warm_start"):
            model = deepcopy(fitted).set_params(warm_start=True)
        counted = y if not weights else y[weights["sample_weight"] > 0]
        self._require_classes(counted, changed)
        if weights and not _takes_weights(model):
            raise TypeError(
                f"{type(fitted).__name__} does not take `sample_weight`, so it cannot be fitted "
                "again with other weights; ask about `Remove` or `RemoveGroups`."
            )
        with warnings.catch_warnings():
            if self.refine and known is not None:
                warnings.simplefilter("ignore", ConvergenceWarning)
            return model.fit(X, y, **weights)

    def _seeded(self, estimator):
        """Return a clone with the seed, if there is one."""
        model = clone(estimator)
        if self.seed is None:
            return model
        return model.set_params(**dict.fromkeys(_seeds(model), self.seed))

    def _require_classes(self, y, changed):
        if self.model.targets.lost(y):
            raise ValueError(
                f"Without row(s) {np.asarray(changed)[:5].tolist()} a class has no row left, so "
                "the model cannot be fitted again; leave them out of `rows`."
            )


def warn_if_frozen_elsewhere(model: Model) -> None:
    """Warn where a FrozenEstimator is far from the optimum of the data that it is given with."""
    if model.problem is not None and final_is_frozen(model.estimator):
        inverse, _ = invert_curved(Direct(), model.problem, 0.0)
        check_convergence(model.problem, inverse, frozen=True, threshold=10)


def _takes_weights(estimator):
    parameters = signature(estimator.fit).parameters
    anything = any(parameter.kind is Parameter.VAR_KEYWORD for parameter in parameters.values())
    return anything or "sample_weight" in parameters


def _seeds(estimator):
    """Return the names of the parameters that seed an estimator, and those inside it."""
    return [name for name in estimator.get_params() if name.split("__")[-1] == "random_state"]


def _value(refit, asked, changed, position):
    """Refit with one of the changes; return what is asked of the model that comes out."""
    row = None if changed.rows is None else changed.rows[position]
    return asked.value(changed.refit(refit, position), row)
