"""Adapters of the robust regressions: Huber's, with its scale, and the quantile regression."""

import numpy as np
from sklearn.linear_model import HuberRegressor, QuantileRegressor

from ..losses import HuberWithScale, SmoothPinball
from ..predictors import LinearWithScale
from ._as_problem import as_problem, assign, penalty_parameter
from ._linear import l1_penalty, linear_parameters, row_weights, spread
from ._problem import Problem
from ._response import Location
from ._targets import Continuous
from ._wrappers import encode_features

#: Scale of the residuals, relative to the range of y, up to which the rows are fitted exactly.
EXACT = 1e-6


@as_problem.register(HuberRegressor)
def _huber(estimator, X, y, sample_weight=None):
    """Minimise ``Σ s_i σ (1 + H((y_i - raw_i) / σ)) + alpha ‖coef‖²`` over coef and σ."""
    X = encode_features(estimator, X)
    if not estimator.scale_ > EXACT * np.ptp(y) > 0:
        raise ValueError(
            f"HuberRegressor fits its rows exactly (scale_ is {estimator.scale_:.2g}), where its "
            "loss has a kink and no curvature. Use LinearRegression or Ridge."
        )
    predictor = LinearWithScale(X.shape[1], estimator.fit_intercept)
    location = predictor.location.flatten(estimator.coef_, estimator.intercept_)
    targets = Continuous(1, True, Location())
    penalty = np.zeros(predictor.n_parameters, dtype=X.dtype)
    penalty[: predictor.n_coefficients] = 2 * estimator.alpha
    return Problem(
        loss=HuberWithScale(estimator.epsilon),
        predictor=predictor,
        theta=np.append(location, estimator.scale_).astype(X.dtype),
        X=X,
        y=targets.encode(y, X.dtype),
        weights=row_weights(sample_weight, X),
        penalty=penalty,
        targets=targets,
    )


@assign.register(HuberRegressor)
def _assign_huber(estimator, problem):
    assign.dispatch(object)(estimator, problem)
    estimator.scale_ = problem.theta[-1].item()


@as_problem.register(QuantileRegressor)
def _quantile(estimator, X, y, sample_weight=None):
    """Minimise ``Σ s_i pinball_i + n alpha ‖coef‖₁``, n = Σ s_i, the pinball's kink smoothed."""
    X = encode_features(estimator, X)
    predictor, theta = linear_parameters(estimator, X)
    targets = Continuous(1, True)
    y = targets.encode(y, X.dtype)
    weights = row_weights(sample_weight, X)
    return Problem(
        loss=SmoothPinball(estimator.quantile, spread(y, weights)),
        predictor=predictor,
        theta=theta,
        X=X,
        y=y,
        weights=weights,
        penalty=np.zeros(predictor.n_parameters, dtype=X.dtype),
        targets=targets,
        norm=l1_penalty(predictor, weights.sum() * X.dtype.type(estimator.alpha), X.dtype),
        mass=weights,
    )


@penalty_parameter.register(HuberRegressor)
@penalty_parameter.register(QuantileRegressor)
def _alpha(estimator):
    return "alpha"
