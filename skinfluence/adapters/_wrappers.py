"""Estimators around an estimator: what they do to X, and which estimator owns the parameters.

A Pipeline applies its earlier steps, a FrozenEstimator and a fitted search nothing. All of them
are held as they were fitted.
"""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline

from .._sklearn_private import BaseSearchCV
from .._typing import MatrixLike
from ..problem import Problem
from ..problem._weights import WeightsLike
from ._adapter import Adapter, Fittable, adapter_of, register
from ._as_problem import as_problem
from ._hooks import (
    assign,
    encode_features,
    held,
    inner,
    penalty_parameter,
    pull_back,
    pull_back_at,
    pull_back_features,
    weight_argument,
)
from ._training_features import transform_alike
from ._transformers import back_through


class Wrapper(Adapter):
    """What the library asks of an estimator around another, which learns: it asks that one.

    A subclass says which it is, with ``inner``, and with ``before`` what X goes through first.
    """

    has_problem = False

    def inner(self, estimator: Any) -> BaseEstimator:
        """Return the estimator inside, fitted if the wrapper is."""
        raise NotImplementedError

    def problem(
        self,
        estimator: Any,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: WeightsLike = None,
    ) -> Problem:
        """Return what the estimator inside minimised."""
        before = self.before(estimator)
        X = X if before is None else transform_alike(before, X, y)
        return as_problem(self.inner(estimator), X, y, sample_weight)

    def encode_features(self, estimator: Any, X: MatrixLike) -> MatrixLike:
        """Return X as the estimator inside takes it, encoded."""
        return encode_features(self.inner(estimator), self._inside(estimator, X))

    def held(self, estimator: Any) -> Fittable:
        """Return what fits as the estimator inside would again, on rows as it takes them."""
        return held(self.inner(estimator))

    def weight_argument(self, estimator: Any) -> str | None:
        """Return the name under which the estimator inside takes sample weights."""
        return weight_argument(self.inner(estimator))

    def pull_back_features(
        self, estimator: Any, gradient: np.ndarray, X: MatrixLike | None = None
    ) -> np.ndarray:
        """Return a gradient in X as the wrapper takes it."""
        inside = None if X is None else self._inside(estimator, X)
        gradient = pull_back_features(self.inner(estimator), gradient, inside)
        before = self.before(estimator)
        if before is None:
            return gradient
        return pull_back(before, gradient) if X is None else pull_back_at(before, gradient, X)

    def _inside(self, estimator: Any, X: MatrixLike) -> MatrixLike:
        before = self.before(estimator)
        return X if before is None else before.transform(X)


@register(Pipeline)
class PipelineAdapter(Wrapper):
    """The last step learns, from what the others make of X; a Pipeline may be a transformer too."""

    def inner(self, estimator: Pipeline) -> BaseEstimator:
        return estimator.steps[-1][1]

    def before(self, estimator: Pipeline) -> Pipeline | None:
        return estimator[:-1] if len(estimator.steps) > 1 else None

    def penalty_parameter(self, estimator: Pipeline) -> str | None:
        return self._of_last_step(estimator, penalty_parameter(self.inner(estimator)))

    def weight_argument(self, estimator: Pipeline) -> str | None:
        return self._of_last_step(estimator, weight_argument(self.inner(estimator)))

    def _of_last_step(self, estimator: Pipeline, parameter: str | None) -> str | None:
        return None if parameter is None else f"{estimator.steps[-1][0]}__{parameter}"

    def pull_back(self, step: Pipeline, gradient: np.ndarray) -> np.ndarray:
        return back_through(step.steps, gradient)

    def pull_back_at(self, step: Pipeline, gradient: np.ndarray, X: MatrixLike) -> np.ndarray:
        return back_through(step.steps, gradient, X)


@register(FrozenEstimator)
class Frozen(Wrapper):
    """Nothing learns again; it may be around a transformer."""

    freezes = True

    def inner(self, estimator: FrozenEstimator) -> BaseEstimator:
        return estimator.estimator

    def pull_back(self, step: FrozenEstimator, gradient: np.ndarray) -> np.ndarray:
        return pull_back(step.estimator, gradient)

    def pull_back_at(
        self, step: FrozenEstimator, gradient: np.ndarray, X: MatrixLike
    ) -> np.ndarray:
        return pull_back_at(step.estimator, gradient, X)


@register(BaseSearchCV)
class Search(Wrapper):
    """The estimator with the parameters that were best; before the fit, the one that is tried."""

    def inner(self, estimator: BaseSearchCV) -> BaseEstimator:
        if not hasattr(estimator, "cv_results_"):
            return estimator.estimator
        if not hasattr(estimator, "best_estimator_"):
            name = type(estimator).__name__
            raise ValueError(f"{name}(refit=False) has no fitted model; set refit.")
        return estimator.best_estimator_


def _with_inner(estimator: BaseEstimator) -> Iterator[BaseEstimator]:
    """Yield an estimator, the one inside it, the one inside that, to the last."""
    yield estimator
    while (within := inner(estimator)) is not None:
        yield (estimator := within)


def final_estimator(estimator: BaseEstimator) -> BaseEstimator:
    """Return the estimator inside wrappers that owns the parameters.

    Parameters
    ----------
    estimator : estimator
        Fitted or not.

    Returns
    -------
    final : estimator
        The last step of a Pipeline, the best estimator of a search, or the estimator itself.
    """
    *_, final = _with_inner(estimator)
    return final


def with_final(estimator: BaseEstimator, final: BaseEstimator) -> BaseEstimator:
    """Return a copy of an estimator that has another final estimator inside its wrappers.

    Parameters
    ----------
    estimator : estimator
        A Pipeline, or another wrapper; or the final estimator itself.
    final : estimator
        What stands in the place of its final estimator.

    Returns
    -------
    estimator : estimator
        A deep copy of the wrappers, around ``final`` itself.
    """
    return deepcopy(estimator, {id(final_estimator(estimator)): final})


def with_parameters(estimator: BaseEstimator, problem: Problem) -> BaseEstimator:
    """Return a copy of a fitted estimator that has the problem's theta.

    Parameters
    ----------
    estimator : fitted estimator
        A Pipeline as a whole, or any other.
    problem : Problem
        Its theta is written into the copy's final estimator.

    Returns
    -------
    estimator : fitted estimator
        A deep copy.
    """
    estimator = deepcopy(estimator)
    assign(final_estimator(estimator), problem)
    return estimator


def final_is_frozen(estimator: BaseEstimator) -> bool:
    """Tell whether a FrozenEstimator, which ``fit`` leaves alone, is around the final estimator.

    Parameters
    ----------
    estimator : estimator
        Fitted or not.

    Returns
    -------
    frozen : bool
        Whether its parameters will stay.
    """
    return any(adapter_of(wrapper).freezes for wrapper in _with_inner(estimator))


def transforms(estimator: BaseEstimator) -> bool:
    """Tell whether a Pipeline around the final estimator changes X."""
    return any(adapter_of(each).before(each) is not None for each in _with_inner(estimator))


def transform_features(estimator: BaseEstimator, X: MatrixLike) -> MatrixLike:
    """Return X as the final estimator sees it, unvalidated: the earlier steps applied.

    Parameters
    ----------
    estimator : fitted estimator
        Its Pipelines' earlier steps are applied.
    X : array-like of n rows
        As ``estimator.fit`` takes them.

    Returns
    -------
    X : array-like of n rows
        X itself where nothing is before the final estimator.
    """
    for each in _with_inner(estimator):
        before = adapter_of(each).before(each)
        X = X if before is None else before.transform(X)
    return X


def training_features(estimator: BaseEstimator, X: MatrixLike, y: ArrayLike) -> MatrixLike:
    """Return X as the final estimator was fitted on it, unvalidated.

    Parameters
    ----------
    estimator : fitted estimator
        Its Pipelines' earlier steps are applied.
    X, y : array-like of n rows
        The training rows and their targets.

    Raises
    ------
    TypeError
        If an earlier step made another matrix of them when it was fitted.
    """
    for each in _with_inner(estimator):
        before = adapter_of(each).before(each)
        X = X if before is None else transform_alike(before, X, y)
    return X
