"""Problems: what a fitted estimator minimised, read off by an adapter."""

from . import (  # noqa: F401  these register their adapters
    _bayes,
    _composites,
    _glm,
    _lasso,
    _least_squares,
    _logistic,
    _networks,
    _robust,
    _sgd,
    _transformed_target,
    _voting,
)
from ._as_problem import (
    UnsupportedEstimatorError,
    as_problem,
    assign,
    penalty_parameter,
    unsupported,
    with_parameters,
)
from ._own import problem_of_function, problem_of_loss
from ._problem import Problem, require_predictions
from ._reweighting import BalancedClasses, FixedWeights
from ._targets import Continuous, Labels, encode_targets
from ._wrappers import (
    encode_features,
    final_estimator,
    final_is_frozen,
    held,
    inner,
    transform_features,
    weight_argument,
    with_final,
)

__all__ = [
    "BalancedClasses",
    "Continuous",
    "FixedWeights",
    "Labels",
    "Problem",
    "UnsupportedEstimatorError",
    "as_problem",
    "assign",
    "encode_features",
    "encode_targets",
    "final_estimator",
    "final_is_frozen",
    "held",
    "inner",
    "penalty_parameter",
    "problem_of_function",
    "problem_of_loss",
    "require_predictions",
    "transform_features",
    "unsupported",
    "weight_argument",
    "with_final",
    "with_parameters",
]
