"""The linear support vector machines of liblinear.

    Σ s_i loss_i + ½ ‖coef‖² / C,        or with an l1 norm, Σ s_i loss_i + ‖coef‖₁ / C

It scales the intercept by ``intercept_scaling`` and penalises it as a coefficient. A loss with a
kink (hinge, epsilon-insensitive) is smoothed.
"""

import numpy as np
from numpy.typing import ArrayLike
from sklearn.svm import LinearSVC, LinearSVR

from .._typing import MatrixLike
from ..losses import (
    Loss,
    SmoothEpsilonInsensitive,
    SmoothHinge,
    SquaredEpsilonInsensitive,
    SquaredHinge,
)
from ..penalties import l1_norm
from ..problem import Continuous, FixedWeights, Labels, Problem, Reweighting, Targets
from ..problem._weights import WeightsLike, row_weights
from ._adapter import unsupported
from ._as_problem import as_problem
from ._hooks import encode_features
from ._linear import balanced_mass, class_weighted, linear_parameters, spread


@as_problem.register(LinearSVC, penalty="C")
def _linear_svc(
    estimator: LinearSVC, X: MatrixLike, y: ArrayLike, sample_weight: WeightsLike = None
) -> Problem:
    """Minimise the sum of the K binary objectives, each class against the rest."""
    if estimator.multi_class == "crammer_singer":
        reason = "its loss is the largest of K margins, which has a kink of another kind"
        raise unsupported('LinearSVC(multi_class="crammer_singer")', reason)
    if len(estimator.classes_) > 2 and estimator.class_weight is not None:
        reason = "each of its binary problems weighs the rows in another way"
        raise unsupported("LinearSVC with class_weight on several classes", reason)
    X = encode_features(estimator, X)
    targets = Labels(estimator.classes_, -1.0)
    weights = row_weights(sample_weight, X)
    weighted = class_weighted(estimator, targets.codes(y), weights, balanced_mass(weights))
    loss = SmoothHinge() if estimator.loss == "hinge" else SquaredHinge()
    return _liblinear(estimator, X, y, loss, targets, *weighted)


@as_problem.register(LinearSVR, penalty="C")
def _linear_svr(
    estimator: LinearSVR, X: MatrixLike, y: ArrayLike, sample_weight: WeightsLike = None
) -> Problem:
    X = encode_features(estimator, X)
    weights, targets = row_weights(sample_weight, X), Continuous()
    loss: Loss = SquaredEpsilonInsensitive(estimator.epsilon)
    if estimator.loss == "epsilon_insensitive":
        unit = spread(targets.encode(y, X.dtype), weights)
        loss = SmoothEpsilonInsensitive(estimator.epsilon, unit)
    return _liblinear(estimator, X, y, loss, targets, weights, FixedWeights())


def _liblinear(
    estimator: LinearSVC | LinearSVR,
    X: MatrixLike,
    y: ArrayLike,
    loss: Loss,
    targets: Targets,
    weights: np.ndarray,
    reweighting: Reweighting,
) -> Problem:
    predictor, theta = linear_parameters(estimator, X)
    scale = np.ones(len(theta), dtype=X.dtype)
    scale[predictor.n_coefficients :] = 1 / estimator.intercept_scaling
    strength = X.dtype.type(1 / estimator.C)
    sparse = getattr(estimator, "penalty", "l2") == "l1"
    return Problem(
        loss,
        predictor,
        theta,
        X,
        targets.encode(y, X.dtype),
        weights,
        np.zeros_like(scale) if sparse else strength * scale**2,
        targets,
        reweighting,
        norm=l1_norm(strength * scale) if sparse else None,
    )
