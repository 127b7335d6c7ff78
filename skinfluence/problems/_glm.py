"""Adapters of the generalised linear models: half the mean deviance, plus alpha/2 ‖coef‖².

Times n = Σ s_i, as for Lasso: rows carry s_i / 2, and a row that leaves takes its share of the
penalty with it.
"""

from sklearn.linear_model import GammaRegressor, PoissonRegressor, TweedieRegressor

from ..losses import GammaDeviance, PoissonDeviance, SquaredError, TweedieDeviance
from ._as_problem import as_problem, penalty_parameter
from ._linear import linear_parameters, ridge_penalty, row_weights
from ._problem import Problem
from ._response import Exponential, Identity
from ._targets import Continuous
from ._wrappers import encode_features


@as_problem.register(PoissonRegressor)
def _poisson(estimator, X, y, sample_weight=None):
    return _generalised(estimator, X, y, sample_weight, PoissonDeviance(), Exponential())


@as_problem.register(GammaRegressor)
def _gamma(estimator, X, y, sample_weight=None):
    return _generalised(estimator, X, y, sample_weight, GammaDeviance(), Exponential())


@as_problem.register(TweedieRegressor)
def _tweedie(estimator, X, y, sample_weight=None):
    """``link="auto"`` is the identity for powers up to 0, else the log."""
    power, link = estimator.power, estimator.link
    log_link = power > 0 if link == "auto" else link == "log"
    known = {(0, False): SquaredError(), (1, True): PoissonDeviance(), (2, True): GammaDeviance()}
    loss = known.get((power, log_link), TweedieDeviance(power, log_link))
    response = Exponential() if log_link else Identity()
    return _generalised(estimator, X, y, sample_weight, loss, response)


def _generalised(estimator, X, y, sample_weight, loss, response):
    """Minimise ``Σ s_i/2 deviance_i + n alpha/2 ‖coef‖²``."""
    X = encode_features(estimator, X)
    predictor, theta = linear_parameters(estimator, X)
    targets = Continuous(1, True, response)
    weights = row_weights(sample_weight, X) / 2
    alpha = 2 * weights.sum() * X.dtype.type(estimator.alpha)
    return Problem(
        loss=loss,
        predictor=predictor,
        theta=theta,
        X=X,
        y=targets.encode(y, X.dtype),
        weights=weights,
        penalty=ridge_penalty(predictor, alpha, X.dtype),
        targets=targets,
        mass=weights,
    )


@penalty_parameter.register(PoissonRegressor)
@penalty_parameter.register(GammaRegressor)
@penalty_parameter.register(TweedieRegressor)
def _alpha(estimator):
    return "alpha"
