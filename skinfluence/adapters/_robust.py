"""The robust regressions: Huber's, with its scale, and the quantile regression."""

import numpy as np
from numpy.typing import ArrayLike
from sklearn.linear_model import HuberRegressor, QuantileRegressor

from .._typing import MatrixLike
from ..losses import HuberWithScale, SmoothPinball
from ..predictors import LinearWithScale
from ..problem import Continuous, Problem
from ..problem._response import Location
from ..problem._weights import WeightsLike, row_weights
from ._adapter import Adapter, register
from ._as_problem import as_problem
from ._hooks import encode_features
from ._linear import l1_penalty, linear_parameters, spread

#: Scale of the residuals, relative to the range of y, up to which the rows are fitted exactly.
EXACT = 1e-6


@register(HuberRegressor)
class Huber(Adapter):
    """A regression whose scale σ is a parameter, the last."""

    penalty = "alpha"

    def problem(
        self,
        estimator: HuberRegressor,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: WeightsLike = None,
    ) -> Problem:
        """Minimise ``Σ s_i σ (1 + H((y_i - raw_i) / σ)) + alpha ‖coef‖²`` over coef and σ."""
        X = encode_features(estimator, X)
        if not estimator.scale_ > EXACT * np.ptp(y) > 0:
            raise ValueError(
                f"HuberRegressor fits its rows exactly (scale_ is {estimator.scale_:.2g}), where "
                "its loss has a kink and no curvature. Use LinearRegression or Ridge."
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

    def assign(self, estimator: HuberRegressor, problem: Problem) -> None:
        super().assign(estimator, problem)
        estimator.scale_ = problem.theta[-1].item()


@as_problem.register(QuantileRegressor, penalty="alpha")
def _quantile(
    estimator: QuantileRegressor,
    X: MatrixLike,
    y: ArrayLike,
    sample_weight: WeightsLike = None,
) -> Problem:
    """Minimise ``Σ s_i pinball_i + n alpha ‖coef‖₁``, n = Σ s_i, the pinball's kink smoothed."""
    X = encode_features(estimator, X)
    predictor, theta = linear_parameters(estimator, X)
    targets = Continuous(1, True)
    encoded = targets.encode(y, X.dtype)
    weights = row_weights(sample_weight, X)
    return Problem(
        loss=SmoothPinball(estimator.quantile, spread(encoded, weights)),
        predictor=predictor,
        theta=theta,
        X=X,
        y=encoded,
        weights=weights,
        penalty=np.zeros(predictor.n_parameters, dtype=X.dtype),
        targets=targets,
        norm=l1_penalty(predictor, weights.sum() * X.dtype.type(estimator.alpha), X.dtype),
        mass=weights,
    )
