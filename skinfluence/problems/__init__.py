"""Problems: what a fitted estimator minimised, read off by an adapter."""

from ._adapters import (
    UnsupportedEstimatorError,
    as_problem,
    encode_features,
    final_estimator,
    final_is_frozen,
    penalty_parameter,
    transform_features,
    with_parameters,
)
from ._problem import Problem
from ._reweighting import BalancedClasses, FixedWeights
from ._targets import Continuous, Labels

__all__ = [
    "BalancedClasses",
    "Continuous",
    "FixedWeights",
    "Labels",
    "Problem",
    "UnsupportedEstimatorError",
    "as_problem",
    "encode_features",
    "final_estimator",
    "final_is_frozen",
    "penalty_parameter",
    "transform_features",
    "with_parameters",
]
