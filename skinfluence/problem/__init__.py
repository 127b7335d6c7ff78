"""Problems: what is minimised, and at which parameters, whatever the estimator was."""

from ._kernel_inputs import kernel_input_influence
from ._own import problem_of_function, problem_of_loss
from ._problem import Problem, require_predictions
from ._replacing import NewRows, last_of_class, remove_rows, replace_rows, with_rows
from ._response import Response
from ._reweighting import BalancedClasses, FixedWeights, Reweighting
from ._targets import Continuous, Labels, Targets, encode_targets

__all__ = [
    "BalancedClasses",
    "Continuous",
    "FixedWeights",
    "Labels",
    "NewRows",
    "Problem",
    "Response",
    "Reweighting",
    "Targets",
    "encode_targets",
    "kernel_input_influence",
    "last_of_class",
    "problem_of_function",
    "problem_of_loss",
    "remove_rows",
    "replace_rows",
    "require_predictions",
    "with_rows",
]
