"""Adapters: what the library knows of each family of estimators, and nobody else does.

An estimator's adapter says what it minimised; where that does not follow from ``coef_`` and
``intercept_`` it also says how parameters are written back, what a refit holds, and so on. See
``Adapter``.
"""

from ..problem._unsupported import UnsupportedEstimatorError
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
from ._adapter import Adapter, adapter_of, register, unsupported
from ._as_problem import as_problem
from ._black_box import BlackBox as BlackBox
from ._fitted_model import FittedModel as FittedModel
from ._fitted_model import Model as Model
from ._fitted_model import encode_rows as encode_rows
from ._fitted_model import fitted_model as fitted_model
from ._fitted_model import model_or_black_box as model_or_black_box
from ._fitting import check_weights, fit_clone
from ._fitting import counted_classes as counted_classes
from ._fitting import fit_watched as fit_watched
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
from ._training_features import cross_fitted as cross_fitted
from ._training_features import seen_by_last as seen_by_last
from ._transformers import Transformer
from ._wrappers import (
    Wrapper,
    final_estimator,
    final_is_frozen,
    transform_features,
    with_final,
    with_parameters,
)
from ._wrappers import training_features as training_features

__all__ = [
    "Adapter",
    "Transformer",
    "UnsupportedEstimatorError",
    "Wrapper",
    "adapter_of",
    "as_problem",
    "assign",
    "check_weights",
    "encode_features",
    "final_estimator",
    "final_is_frozen",
    "fit_clone",
    "held",
    "inner",
    "penalty_parameter",
    "pull_back",
    "pull_back_at",
    "pull_back_features",
    "register",
    "transform_features",
    "unsupported",
    "weight_argument",
    "with_final",
    "with_parameters",
]
