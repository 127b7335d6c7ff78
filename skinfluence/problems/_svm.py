"""Adapters of the linear support vector machines of liblinear.

    Σ s_i loss_i + ½ ‖coef‖² / C,        or with an l1 norm, Σ s_i loss_i + ‖coef‖₁ / C

It scales the intercept by ``intercept_scaling`` and penalises it as a coefficient. A loss with a
kink (hinge, epsilon-insensitive) is smoothed.
"""

import numpy as np
from sklearn.svm import LinearSVC, LinearSVR

from ..losses import (
    SmoothEpsilonInsensitive,
    SmoothHinge,
    SquaredEpsilonInsensitive,
    SquaredHinge,
)
from ..penalties import l1_norm
from ._as_problem import as_problem, penalty_parameter, unsupported
from ._linear import balanced_mass, class_weighted, linear_parameters, row_weights, spread
from ._problem import Problem
from ._targets import Continuous, Labels
from ._wrappers import encode_features


@as_problem.register(LinearSVC)
def _linear_svc(estimator, X, y, sample_weight=None):
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


@as_problem.register(LinearSVR)
def _linear_svr(estimator, X, y, sample_weight=None):
    X = encode_features(estimator, X)
    weights, targets = row_weights(sample_weight, X), Continuous()
    if estimator.loss == "epsilon_insensitive":
        unit = spread(targets.encode(y, X.dtype), weights)
        loss = SmoothEpsilonInsensitive(estimator.epsilon, unit)
    else:
        loss = SquaredEpsilonInsensitive(estimator.epsilon)
    return _liblinear(estimator, X, y, loss, targets, weights)


def _liblinear(estimator, X, y, loss, targets, weights, *reweighting):
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
        *reweighting,
        norm=l1_norm(strength * scale) if sparse else None,
    )


@penalty_parameter.register(LinearSVC)
@penalty_parameter.register(LinearSVR)
def _penalty(estimator):
    return "C"
