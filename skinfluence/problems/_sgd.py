"""Adapters of the stochastic gradient estimators: the objective that their steps descend.

    Σ s_i ℓ_i + n alpha (l1_ratio ‖coef‖₁ + (1 - l1_ratio)/2 ‖coef‖²),    n the number of rows

The mean counts rows, whatever they weigh. A stochastic fit is not the minimiser: its own refits
differ by more than a row's effect, so that influences are those of the exact minimiser near it
(``refine=True``).
"""

import numpy as np
from sklearn.linear_model import SGDClassifier, SGDRegressor

from ..losses import (
    HuberLoss,
    LogLoss,
    ModifiedHuber,
    SquaredEpsilonInsensitive,
    SquaredError,
    SquaredHinge,
)
from ._as_problem import as_problem, penalty_parameter, unsupported
from ._linear import class_weighted, l1_penalty, linear_parameters, ridge_penalty, row_weights
from ._problem import Problem
from ._targets import Continuous, Labels
from ._wrappers import encode_features


@as_problem.register(SGDClassifier)
def _sgd_classifier(estimator, X, y, sample_weight=None):
    """One-vs-rest for more than two classes; y is ±1, and 0 or 1 for the log loss."""
    several = len(estimator.classes_) > 2
    if several and estimator.class_weight is not None:
        reason = "each of its binary problems weighs the rows in another way"
        raise unsupported("SGDClassifier with class_weight on several classes", reason)
    targets = Labels(estimator.classes_, 0.0 if estimator.loss == "log_loss" else -1.0)
    return _stochastic(estimator, X, y, sample_weight, targets)


@as_problem.register(SGDRegressor)
def _sgd_regressor(estimator, X, y, sample_weight=None):
    return _stochastic(estimator, X, y, sample_weight, Continuous())


def _loss(estimator):
    """Return the loss, and the factor that the estimator puts on it."""
    losses = {
        "log_loss": (LogLoss(), 1.0),
        "modified_huber": (ModifiedHuber(), 1.0),
        "squared_hinge": (SquaredHinge(), 1.0),
        "squared_error": (SquaredError(), 0.5),
        "huber": (HuberLoss(estimator.epsilon), 1.0),
        "squared_epsilon_insensitive": (SquaredEpsilonInsensitive(estimator.epsilon), 1.0),
    }
    if estimator.loss not in losses:
        kind = f"{type(estimator).__name__}(loss={estimator.loss!r})"
        raise unsupported(kind, f"the loss is not smooth; smooth ones are {', '.join(losses)}")
    return losses[estimator.loss]


def _stochastic(estimator, X, y, sample_weight, targets):
    loss, factor = _loss(estimator)
    if estimator.early_stopping:
        reason = "it sets rows aside that are not trained on"
        raise unsupported(f"{type(estimator).__name__}(early_stopping=True)", reason)
    X = encode_features(estimator, X)
    predictor, theta = linear_parameters(estimator, X)
    ratios = {"l2": 0.0, "l1": 1.0, "elasticnet": estimator.l1_ratio, None: 0.0}
    ratio = ratios[estimator.penalty]
    alpha = X.shape[0] * X.dtype.type(0.0 if estimator.penalty is None else estimator.alpha)
    weights, rows = row_weights(sample_weight, X), np.ones(X.shape[0], dtype=X.dtype)
    reweighting = {}
    if hasattr(targets, "classes"):
        weights, how = class_weighted(estimator, targets.codes(y), weights, rows)
        reweighting = {"reweighting": how}
    return Problem(
        loss=loss,
        predictor=predictor,
        theta=theta,
        X=X,
        y=targets.encode(y, X.dtype),
        weights=weights * X.dtype.type(factor),
        penalty=ridge_penalty(predictor, alpha * (1 - ratio), X.dtype),
        targets=targets,
        norm=l1_penalty(predictor, alpha * ratio, X.dtype),
        mass=rows,
        **reweighting,
    )


@penalty_parameter.register(SGDClassifier)
@penalty_parameter.register(SGDRegressor)
def _alpha(estimator):
    return None if estimator.penalty is None else "alpha"
