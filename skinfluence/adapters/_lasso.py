"""The estimators whose penalty has a kink: Lasso, elastic net, multi-task, LARS.

They minimise a mean, times n here, so that the rows carry the weights s_i / 2 and a row that
leaves takes its share of the penalty with it (``mass``):

    Σ s_i/2 ‖y_i - raw_i‖² + n alpha (l1_ratio ‖coef‖₁ + (1 - l1_ratio)/2 ‖coef‖²),    n = Σ s_i

For the multi-task estimators ‖coef‖₁ is the sum of the norms of the features' coefficients.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, DTypeLike
from sklearn.linear_model import (
    ElasticNet,
    ElasticNetCV,
    Lars,
    LarsCV,
    Lasso,
    LassoCV,
    LassoLars,
    LassoLarsCV,
    LassoLarsIC,
    MultiTaskElasticNet,
    MultiTaskElasticNetCV,
    MultiTaskLasso,
    MultiTaskLassoCV,
)

from .._typing import MatrixLike
from ..losses import SquaredError
from ..penalties import GroupNorm
from ..predictors import LinearPredictor
from ..problem import Continuous, Problem
from ..problem._weights import WeightsLike, row_weights
from ._adapter import Adapter, register, unsupported
from ._as_problem import as_problem
from ._hooks import encode_features
from ._linear import l1_penalty, linear_parameters, ridge_penalty

#: ``norm(predictor, strength, dtype)``: the part of the penalty that has a kink.
Norm: TypeAlias = Callable[[LinearPredictor, float, DTypeLike], GroupNorm | None]


@as_problem.register(ElasticNet, penalty="alpha")
def _elastic_net(
    estimator: ElasticNet, X: MatrixLike, y: ArrayLike, sample_weight: WeightsLike = None
) -> Problem:
    return _penalised(estimator, X, y, sample_weight, estimator.alpha, estimator.l1_ratio)


@as_problem.register(MultiTaskElasticNet, penalty="alpha")
@as_problem.register(MultiTaskLasso, penalty="alpha")
def _multi_task(
    estimator: MultiTaskElasticNet, X: MatrixLike, y: ArrayLike, sample_weight: WeightsLike = None
) -> Problem:
    ratio = estimator.l1_ratio
    return _penalised(estimator, X, y, sample_weight, estimator.alpha, ratio, feature_norm)


@as_problem.register(LassoLars, penalty="alpha")
def _lasso_lars(
    estimator: LassoLars, X: MatrixLike, y: ArrayLike, sample_weight: WeightsLike = None
) -> Problem:
    if estimator.jitter is not None:
        raise unsupported("LassoLars(jitter=...)", "it minimises for targets with noise added")
    return _penalised(estimator, X, y, sample_weight, estimator.alpha, 1.0)


@as_problem.register(Lars)
def _lars(
    estimator: Lars, X: MatrixLike, y: ArrayLike, sample_weight: WeightsLike = None
) -> Problem:
    """Least squares, if the path was followed to its end."""
    problem = _penalised(estimator, X, y, sample_weight, 0.0, 1.0)
    if np.any(problem.theta[: problem.predictor.n_coefficients] == 0):
        reason = "it minimises nothing before the path's end; use LassoLars"
        raise unsupported("Lars that stopped before all features were in", reason)
    return problem


@register(LarsCV)
class InsideThePath(Adapter):
    """Nothing is minimised."""

    has_problem = False
    reason_against = "a point inside the LARS path minimises nothing; use LassoLarsCV"


def _penalised(
    estimator: Lars | ElasticNet,
    X: MatrixLike,
    y: ArrayLike,
    sample_weight: WeightsLike,
    alpha: float,
    l1_ratio: float,
    norm: Norm = l1_penalty,
) -> Problem:
    if getattr(estimator, "positive", False):
        raise unsupported(f"{type(estimator).__name__}(positive=True)")
    X = encode_features(estimator, X)
    predictor, theta = linear_parameters(estimator, X)
    targets = Continuous(predictor.n_outputs, np.ndim(y) == 1)
    weights = row_weights(sample_weight, X) / 2
    total = 2 * weights.sum() * X.dtype.type(alpha)
    return Problem(
        loss=SquaredError(),
        predictor=predictor,
        theta=theta,
        X=X,
        y=targets.encode(y, X.dtype),
        weights=weights,
        penalty=ridge_penalty(predictor, total * (1 - l1_ratio), X.dtype),
        targets=targets,
        norm=norm(predictor, total * l1_ratio, X.dtype),
        mass=weights,
    )


def feature_norm(predictor: LinearPredictor, strength: float, dtype: DTypeLike) -> GroupNorm | None:
    """Return ``strength Σ_f ‖coef_f‖`` over the K coefficients of each feature."""
    if strength == 0:
        return None
    positions = predictor.parallel_parameters()[: predictor.n_features]
    return GroupNorm(positions, np.full(len(positions), strength, dtype=dtype))


@dataclass(frozen=True)
class ChosenAlpha(Adapter):
    """A search over alpha, at the alpha and the l1_ratio that it chose.

    Parameters
    ----------
    single : type
        The estimator that it searched over, which is what a refit fits.
    norm : callable
        Its norm of the coefficients.
    """

    single: type
    norm: Norm = l1_penalty

    def problem(
        self,
        estimator: ElasticNetCV,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: WeightsLike = None,
    ) -> Problem:
        ratio = getattr(estimator, "l1_ratio_", 1.0)
        return _penalised(estimator, X, y, sample_weight, estimator.alpha_, ratio, self.norm)

    def held(self, estimator: ElasticNetCV) -> ElasticNet:
        chosen = {"alpha": estimator.alpha_, "l1_ratio": getattr(estimator, "l1_ratio_", None)}
        known = self.single().get_params()
        params = {**estimator.get_params(), **chosen, "precompute": False}
        return self.single(**{name: value for name, value in params.items() if name in known})


register(LassoCV)(ChosenAlpha(Lasso))
register(ElasticNetCV)(ChosenAlpha(ElasticNet))
register(LassoLarsCV, LassoLarsIC)(ChosenAlpha(LassoLars))
register(MultiTaskLassoCV)(ChosenAlpha(MultiTaskLasso, feature_norm))
register(MultiTaskElasticNetCV)(ChosenAlpha(MultiTaskElasticNet, feature_norm))
