"""Adapter of TransformedTargetRegressor: the problem of its regressor, on the transformed target.

The transformer is held. A row's loss is the regressor's, in the transformer's units; predictions
are in the user's.
"""

from copy import copy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import LinearRegression

from ._as_problem import as_problem, assign, penalty_parameter
from ._pull_back import pull_back_features
from ._targets import Transformed
from ._wrappers import encode_features, final_estimator, held, weight_argument


@as_problem.register(TransformedTargetRegressor)
def _transformed_target(estimator, X, y, sample_weight=None):
    problem = as_problem(estimator.regressor_, X, _transform(estimator, y), sample_weight)
    targets = Transformed(problem.targets, estimator.transformer_, np.ndim(y) == 1)
    return replace(problem, targets=targets)


def _transform(estimator, y):
    """Return y as the regressor is fitted on it: with one dimension if the user's y has one."""
    one_dimensional = np.ndim(y) == 1
    transformed = Transformed(None, estimator.transformer_, one_dimensional).transform(y)
    return np.ravel(transformed) if one_dimensional else transformed


@encode_features.register(TransformedTargetRegressor)
def _encode_for_regressor(estimator, X):
    return encode_features(estimator.regressor_, X)


@pull_back_features.register(TransformedTargetRegressor)
def _pull_back_of_regressor(estimator, gradient, X=None):
    return pull_back_features(estimator.regressor_, gradient, X)


@assign.register(TransformedTargetRegressor)
def _assign_regressor(estimator, problem):
    assign(final_estimator(estimator.regressor_), problem)


@held.register(TransformedTargetRegressor)
def _hold_target(estimator):
    return HeldTarget(estimator)


@dataclass(frozen=True)
class HeldTarget:
    """A TransformedTargetRegressor that fits its regressor again, the transformer held.

    Parameters
    ----------
    estimator : fitted TransformedTargetRegressor
    """

    estimator: Any

    def fit(self, X, y, sample_weight=None):
        """Return a fitted copy."""
        weights = {} if sample_weight is None else {"sample_weight": sample_weight}
        model = copy(self.estimator)
        model.regressor_ = held(model.regressor_).fit(X, _transform(model, y), **weights)
        return model


@penalty_parameter.register(TransformedTargetRegressor)
def _penalty_of_regressor(estimator):
    parameter = penalty_parameter(_regressor(estimator))
    return None if parameter is None else f"regressor__{parameter}"


@weight_argument.register(TransformedTargetRegressor)
def _weights_of_regressor(estimator):
    return weight_argument(_regressor(estimator))


def _regressor(estimator):
    return LinearRegression() if estimator.regressor is None else estimator.regressor
