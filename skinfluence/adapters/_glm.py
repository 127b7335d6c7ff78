"""The generalised linear models: half the mean deviance, plus alpha/2 ‖coef‖².

Times n = Σ s_i, as for Lasso: rows carry s_i / 2, and a row that leaves takes its share of the
penalty with it.
"""

from numpy.typing import ArrayLike
from sklearn.linear_model import GammaRegressor, PoissonRegressor, TweedieRegressor

from .._typing import MatrixLike
from ..losses import GammaDeviance, Loss, PoissonDeviance, SquaredError, TweedieDeviance
from ..problem import Continuous, Problem, Response
from ..problem._response import Exponential, Identity
from ..problem._weights import WeightsLike, row_weights
from ._as_problem import as_problem
from ._hooks import encode_features
from ._linear import linear_parameters, ridge_penalty


@as_problem.register(PoissonRegressor, penalty="alpha")
def _poisson(
    estimator: PoissonRegressor, X: MatrixLike, y: ArrayLike, sample_weight: WeightsLike = None
) -> Problem:
    return _generalised(estimator, X, y, sample_weight, PoissonDeviance(), Exponential())


@as_problem.register(GammaRegressor, penalty="alpha")
def _gamma(
    estimator: GammaRegressor, X: MatrixLike, y: ArrayLike, sample_weight: WeightsLike = None
) -> Problem:
    return _generalised(estimator, X, y, sample_weight, GammaDeviance(), Exponential())


@as_problem.register(TweedieRegressor, penalty="alpha")
def _tweedie(
    estimator: TweedieRegressor, X: MatrixLike, y: ArrayLike, sample_weight: WeightsLike = None
) -> Problem:
    """``link="auto"`` is the identity for powers up to 0, else the log."""
    power, link = estimator.power, estimator.link
    log_link = power > 0 if link == "auto" else link == "log"
    known: dict[tuple[float, bool], Loss]
    known = {(0, False): SquaredError(), (1, True): PoissonDeviance(), (2, True): GammaDeviance()}
    loss = known.get((power, log_link), TweedieDeviance(power, log_link))
    response = Exponential() if log_link else Identity()
    return _generalised(estimator, X, y, sample_weight, loss, response)


def _generalised(
    estimator: GammaRegressor | PoissonRegressor | TweedieRegressor,
    X: MatrixLike,
    y: ArrayLike,
    sample_weight: WeightsLike,
    loss: Loss,
    response: Response,
) -> Problem:
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
