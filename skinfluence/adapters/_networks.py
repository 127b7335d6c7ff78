"""The multi-layer perceptrons: a network, a loss of it, and alpha as it is divided.

    lbfgs, or a batch of all rows      Σ s_i ℓ_i + alpha/2 Σ ‖coefs‖²
    adam and sgd, batches of b rows    Σ s_i ℓ_i + (n / b) alpha/2 Σ ‖coefs‖²,    n rows

A step on a batch takes alpha over the batch's weight, not over that of all rows: the penalty
multiplies the mean over rows, and a row that leaves takes its share with it. ℓ is the log loss,
half the squared error (summed over outputs, as in the gradient that is descended) or half the
Poisson deviance. Intercepts are not penalised.
"""

from dataclasses import dataclass, field
from typing import cast

import numpy as np
from numpy.typing import ArrayLike
from sklearn.neural_network import MLPClassifier, MLPRegressor

from .._sklearn_private import has_several_labels
from .._typing import MatrixLike
from ..losses import (
    LogLoss,
    Loss,
    MultilabelLogLoss,
    MultinomialLogLoss,
    PoissonDeviance,
    SquaredError,
)
from ..predictors import MLPPredictor
from ..problem import Continuous, Labels, Problem, Targets
from ..problem._response import AverageProbability, Exponential, Identity
from ..problem._targets import LabelsByOutput
from ..problem._weights import WeightsLike, row_weights
from ._adapter import Adapter, register, unsupported
from ._hooks import encode_features


@dataclass(frozen=True)
class ProbableLabels(Labels):
    """Class labels of a classifier that has no decision function: its users see probabilities.

    Parameters
    ----------
    classes, negative
        As in ``Labels``.
    response : AverageProbability
        From raw predictions to probabilities; of the second class if there are two.
    """

    response: AverageProbability = field(kw_only=True)


@dataclass(frozen=True)
class ProbableLabelsByOutput(LabelsByOutput):
    """Several labels a row, each with its probability.

    Parameters
    ----------
    parts
        As in ``LabelsByOutput``.
    response : AverageProbability
        From raw predictions to the probability of every label.
    """

    response: AverageProbability = field(kw_only=True)


class Network(Adapter):
    """Layers of coefficients, and of intercepts."""

    penalty = "alpha"

    def assign(self, estimator: MLPClassifier | MLPRegressor, problem: Problem) -> None:
        layers = cast(MLPPredictor, problem.predictor)
        coefs, intercepts = layers.unflatten(problem.theta)
        estimator.coefs_ = [coefficients.copy() for coefficients in coefs]
        estimator.intercepts_ = [intercept.copy() for intercept in intercepts]


@register(MLPClassifier)
class ClassifierNetwork(Network):
    """The log loss of several classes, of two, or of several labels a row."""

    def problem(
        self,
        estimator: MLPClassifier,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: WeightsLike = None,
    ) -> Problem:
        loss: Loss
        targets: Targets
        if estimator.out_activation_ == "softmax":
            loss, targets = MultinomialLogLoss(), _labels(estimator.classes_)
        elif has_several_labels(estimator):
            parts = (Labels(np.array([0, 1])),) * estimator.n_outputs_
            loss = MultilabelLogLoss()
            targets = ProbableLabelsByOutput(parts, response=AverageProbability(2, (1.0,)))
        else:
            if len(estimator.classes_) < 2:
                raise unsupported("MLPClassifier of a single class", "there is nothing to explain")
            loss, targets = LogLoss(), _labels(estimator.classes_)
        return _network(estimator, X, y, sample_weight, loss, 1.0, targets)


def _labels(classes: np.ndarray) -> ProbableLabels:
    return ProbableLabels(classes, response=AverageProbability(len(classes), (1.0,)))


@register(MLPRegressor)
class RegressorNetwork(Network):
    """Half the squared error, or half the Poisson deviance."""

    def problem(
        self,
        estimator: MLPRegressor,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: WeightsLike = None,
    ) -> Problem:
        poisson = estimator.out_activation_ == "exp"
        response = Exponential() if poisson else Identity()
        targets = Continuous(estimator.n_outputs_, estimator.n_outputs_ == 1, response)
        loss = PoissonDeviance() if poisson else SquaredError()
        return _network(estimator, X, y, sample_weight, loss, 0.5, targets)


def _network(
    estimator: MLPClassifier | MLPRegressor,
    X: MatrixLike,
    y: ArrayLike,
    sample_weight: WeightsLike,
    loss: Loss,
    factor: float,
    targets: Targets,
) -> Problem:
    if estimator.early_stopping and estimator.solver != "lbfgs":
        reason = "it sets rows aside that are not trained on; use early_stopping=False"
        raise unsupported(f"{type(estimator).__name__}(early_stopping=True)", reason)
    X = encode_features(estimator, X)
    sizes = (X.shape[1], *(len(part) for part in estimator.intercepts_))
    theta = np.concatenate([np.ravel(w) for w in (*estimator.coefs_, *estimator.intercepts_)])
    theta = theta.astype(X.dtype)
    predictor = MLPPredictor(sizes, estimator.activation, theta)
    weights, batches = row_weights(sample_weight, X), _batches(estimator, X.shape[0])
    penalty = np.zeros_like(theta)
    penalty[: predictor.n_coefficients] = batches * estimator.alpha
    return Problem(
        loss=loss,
        predictor=predictor,
        theta=theta,
        X=X,
        y=targets.encode(y, X.dtype),
        weights=weights * X.dtype.type(factor),
        penalty=penalty,
        targets=targets,
        mass=None if batches == 1 else np.ones(X.shape[0], dtype=X.dtype),
    )


def _batches(estimator: MLPClassifier | MLPRegressor, n_rows: int) -> float:
    """Return n / b, the number of times that alpha is taken in a pass over the rows."""
    if estimator.solver == "lbfgs":
        return 1.0
    batch_size = 200 if estimator.batch_size == "auto" else estimator.batch_size
    return n_rows / min(batch_size, n_rows)
