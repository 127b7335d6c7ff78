"""The stochastic gradient estimators: the objective that their steps descend.

    Σ s_i ℓ_i + n alpha (l1_ratio ‖coef‖₁ + (1 - l1_ratio)/2 ‖coef‖²),    n the number of rows

The mean counts rows, whatever they weigh. A stochastic fit is not the minimiser: its own refits
differ by more than a row's effect, so that influences are those of the exact minimiser near it
(``refine=True``).
"""

import numpy as np
from numpy.typing import ArrayLike
from sklearn.linear_model import SGDClassifier, SGDRegressor

from .._typing import MatrixLike
from ..losses import (
    HuberLoss,
    LogLoss,
    Loss,
    ModifiedHuber,
    SquaredEpsilonInsensitive,
    SquaredError,
    SquaredHinge,
)
from ..problem import Continuous, FixedWeights, Labels, Problem, Reweighting
from ..problem._weights import WeightsLike, row_weights
from ._adapter import Adapter, register, unsupported
from ._hooks import encode_features
from ._linear import class_weighted, l1_penalty, linear_parameters, ridge_penalty


class Stochastic(Adapter):
    """alpha, if anything is penalised."""

    def penalty_parameter(self, estimator: SGDClassifier | SGDRegressor) -> str | None:
        return None if estimator.penalty is None else "alpha"


@register(SGDClassifier)
class StochasticClassifier(Stochastic):
    """One-vs-rest for more than two classes; y is ±1, and 0 or 1 for the log loss."""

    def problem(
        self,
        estimator: SGDClassifier,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: WeightsLike = None,
    ) -> Problem:
        several = len(estimator.classes_) > 2
        if several and estimator.class_weight is not None:
            reason = "each of its binary problems weighs the rows in another way"
            raise unsupported("SGDClassifier with class_weight on several classes", reason)
        X, targets = encode_features(estimator, X), _labels(estimator)
        weights, counted = row_weights(sample_weight, X), np.ones(X.shape[0], dtype=X.dtype)
        weighted = class_weighted(estimator, targets.codes(y), weights, counted)
        return _stochastic(estimator, X, y, targets, *weighted)


def _labels(estimator: SGDClassifier) -> Labels:
    return Labels(estimator.classes_, 0.0 if estimator.loss == "log_loss" else -1.0)


@register(SGDRegressor)
class StochasticRegressor(Stochastic):
    """A numeric target."""

    def problem(
        self,
        estimator: SGDRegressor,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: WeightsLike = None,
    ) -> Problem:
        X = encode_features(estimator, X)
        weights = row_weights(sample_weight, X)
        return _stochastic(estimator, X, y, Continuous(), weights, FixedWeights())


def _loss(estimator: SGDClassifier | SGDRegressor) -> tuple[Loss, float]:
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


def _stochastic(
    estimator: SGDClassifier | SGDRegressor,
    X: MatrixLike,
    y: ArrayLike,
    targets: Continuous | Labels,
    weights: np.ndarray,
    reweighting: Reweighting,
) -> Problem:
    loss, factor = _loss(estimator)
    if estimator.early_stopping:
        reason = "it sets rows aside that are not trained on"
        raise unsupported(f"{type(estimator).__name__}(early_stopping=True)", reason)
    predictor, theta = linear_parameters(estimator, X)
    ratios = {"l2": 0.0, "l1": 1.0, "elasticnet": estimator.l1_ratio, None: 0.0}
    ratio = ratios[estimator.penalty]
    alpha = X.shape[0] * X.dtype.type(0.0 if estimator.penalty is None else estimator.alpha)
    return Problem(
        loss=loss,
        predictor=predictor,
        theta=theta,
        X=X,
        y=targets.encode(y, X.dtype),
        weights=weights * X.dtype.type(factor),
        penalty=ridge_penalty(predictor, alpha * (1 - ratio), X.dtype),
        targets=targets,
        reweighting=reweighting,
        norm=l1_penalty(predictor, alpha * ratio, X.dtype),
        mass=np.ones(X.shape[0], dtype=X.dtype),
    )
