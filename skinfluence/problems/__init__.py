"""Problems: what a fitted estimator minimised, read off by an adapter."""

from . import (  # noqa: F401  these register their adapters
    _bayes,
    _composites,
    _glm,
    _kernel_machines,
    _kernel_regressions,
    _lasso,
    _least_squares,
    _logistic,
    _networks,
    _robust,
    _sgd,
    _svm,
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
from ._kernel_inputs import kernel_input_influence
from ._own import problem_of_function, problem_of_loss
from ._problem import Problem, require_predictions
from ._pull_back import pull_back, pull_back_at, pull_back_features
from ._replacing import NewRows, last_of_class, remove_rows, replace_rows, with_rows
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
    "NewRows",
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
    "kernel_input_influence",
    "last_of_class",
    "penalty_parameter",
    "problem_of_function",
    "problem_of_loss",
    "pull_back",
    "pull_back_at",
    "pull_back_features",
    "remove_rows",
    "replace_rows",
    "require_predictions",
    "transform_features",
    "unsupported",
    "weight_argument",
    "with_final",
    "with_parameters",
    "with_rows",
]
