"""TransformedTargetRegressor: the problem of its regressor, on the transformed target.

The transformer is held. A row's loss is the regressor's, in the transformer's units; predictions
are in the user's.
"""

from copy import copy
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import LinearRegression

from .._typing import MatrixLike
from ..problem import Continuous, Problem
from ..problem._targets import Transformed
from ..problem._weights import WeightsLike
from ._adapter import Adapter, register
from ._as_problem import as_problem
from ._hooks import (
    assign,
    encode_features,
    held,
    penalty_parameter,
    pull_back_features,
    weight_argument,
)
from ._wrappers import final_estimator


@register(TransformedTargetRegressor)
class TransformedTarget(Adapter):
    """What the regressor is asked, with the target transformed."""

    def problem(
        self,
        estimator: TransformedTargetRegressor,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: WeightsLike = None,
    ) -> Problem:
        target = _transform(estimator, y)
        problem = as_problem(estimator.regressor_, X, target, sample_weight)
        targets = Transformed(problem.targets, estimator.transformer_, np.ndim(y) == 1)
        return replace(problem, targets=targets)

    def encode_features(self, estimator: TransformedTargetRegressor, X: MatrixLike) -> MatrixLike:
        return encode_features(estimator.regressor_, X)

    def pull_back_features(
        self,
        estimator: TransformedTargetRegressor,
        gradient: np.ndarray,
        X: MatrixLike | None = None,
    ) -> np.ndarray:
        return pull_back_features(estimator.regressor_, gradient, X)

    def assign(self, estimator: TransformedTargetRegressor, problem: Problem) -> None:
        assign(final_estimator(estimator.regressor_), problem)

    def held(self, estimator: TransformedTargetRegressor) -> "HeldTarget":
        return HeldTarget(estimator)

    def penalty_parameter(self, estimator: TransformedTargetRegressor) -> str | None:
        parameter = penalty_parameter(_regressor(estimator))
        return None if parameter is None else f"regressor__{parameter}"

    def weight_argument(self, estimator: TransformedTargetRegressor) -> str | None:
        return weight_argument(_regressor(estimator))


def _regressor(estimator: TransformedTargetRegressor) -> BaseEstimator:
    return LinearRegression() if estimator.regressor is None else estimator.regressor


def _transform(estimator: TransformedTargetRegressor, y: ArrayLike) -> np.ndarray:
    """Return y as the regressor is fitted on it: with one dimension if the user's y has one."""
    one_dimensional = np.ndim(y) == 1
    targets = Transformed(Continuous(), estimator.transformer_, one_dimensional)
    transformed = targets.transform(y)
    return np.ravel(transformed) if one_dimensional else transformed


@dataclass(frozen=True)
class HeldTarget:
    """A TransformedTargetRegressor that fits its regressor again, the transformer held.

    Parameters
    ----------
    estimator : fitted TransformedTargetRegressor
    """

    estimator: TransformedTargetRegressor

    def fit(
        self, X: MatrixLike, y: ArrayLike, sample_weight: WeightsLike = None
    ) -> TransformedTargetRegressor:
        """Return a fitted copy."""
        weights = {} if sample_weight is None else {"sample_weight": sample_weight}
        model = copy(self.estimator)
        model.regressor_ = held(model.regressor_).fit(X, _transform(model, y), **weights)
        return model
