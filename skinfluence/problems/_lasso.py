"""Adapters of the estimators whose penalty has a kink: Lasso, elastic net, multi-task, LARS.

They minimise a mean, times n here, so that the rows carry the weights s_i / 2 and a row that
leaves takes its share of the penalty with it (``mass``):

    Σ s_i/2 ‖y_i - raw_i‖² + n alpha (l1_ratio ‖coef‖₁ + (1 - l1_ratio)/2 ‖coef‖²),    n = Σ s_i

For the multi-task estimators ‖coef‖₁ is the sum of the norms of the features' coefficients.
"""

from functools import partial

import numpy as np
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

from ..losses import SquaredError
from ..penalties import GroupNorm
from ._as_problem import as_problem, penalty_parameter, unsupported
from ._linear import l1_penalty, linear_parameters, ridge_penalty, row_weights
from ._problem import Problem
from ._targets import Continuous
from ._wrappers import encode_features, held


@as_problem.register(ElasticNet)
def _elastic_net(estimator, X, y, sample_weight=None):
    return _penalised(estimator, X, y, sample_weight, estimator.alpha, estimator.l1_ratio)


@as_problem.register(LassoCV)
@as_problem.register(ElasticNetCV)
def _elastic_net_cv(estimator, X, y, sample_weight=None):
    ratio = getattr(estimator, "l1_ratio_", 1.0)
    return _penalised(estimator, X, y, sample_weight, estimator.alpha_, ratio)


@as_problem.register(MultiTaskElasticNet)
@as_problem.register(MultiTaskLasso)
def _multi_task(estimator, X, y, sample_weight=None):
    ratio = estimator.l1_ratio
    return _penalised(estimator, X, y, sample_weight, estimator.alpha, ratio, _feature_norm)


@as_problem.register(MultiTaskElasticNetCV)
@as_problem.register(MultiTaskLassoCV)
def _multi_task_cv(estimator, X, y, sample_weight=None):
    ratio = getattr(estimator, "l1_ratio_", 1.0)
    return _penalised(estimator, X, y, sample_weight, estimator.alpha_, ratio, _feature_norm)


@as_problem.register(LassoLars)
def _lasso_lars(estimator, X, y, sample_weight=None):
    if estimator.jitter is not None:
        raise unsupported("LassoLars(jitter=...)", "it minimises for targets with noise added")
    return _penalised(estimator, X, y, sample_weight, estimator.alpha, 1.0)


@as_problem.register(LassoLarsCV)
@as_problem.register(LassoLarsIC)
def _lasso_lars_chosen(estimator, X, y, sample_weight=None):
    return _penalised(estimator, X, y, sample_weight, estimator.alpha_, 1.0)


@as_problem.register(Lars)
def _lars(estimator, X, y, sample_weight=None):
    """Least squares, if the path was followed to its end."""
    problem = _penalised(estimator, X, y, sample_weight, 0.0, 1.0)
    if np.any(problem.theta[: problem.predictor.n_coefficients] == 0):
        reason = "it minimises nothing before the path's end; use LassoLars"
        raise unsupported("Lars that stopped before all features were in", reason)
    return problem


@as_problem.register(LarsCV)
def _lars_cv(estimator, X, y, sample_weight=None):
    reason = "a point inside the LARS path minimises nothing; use LassoLarsCV"
    raise unsupported("LarsCV", reason)


def _penalised(estimator, X, y, sample_weight, alpha, l1_ratio, norm=l1_penalty):
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


def _feature_norm(predictor, strength, dtype):
    """Return ``strength Σ_f ‖coef_f‖`` over the K coefficients of each feature."""
    if strength == 0:
        return None
    positions = predictor.parallel_parameters()[: predictor.n_features]
    return GroupNorm(positions, np.full(len(positions), strength, dtype=dtype))


def _hold(cls, estimator):
    """Return ``cls`` with the parameters of a fitted search, at the penalty that it chose."""
    chosen = {"alpha": estimator.alpha_, "l1_ratio": getattr(estimator, "l1_ratio_", None)}
    known = cls().get_params()
    params = {**estimator.get_params(), **chosen, "precompute": False}
    return cls(**{name: value for name, value in params.items() if name in known})


for _search, _single in {
    LassoCV: Lasso,
    ElasticNetCV: ElasticNet,
    MultiTaskLassoCV: MultiTaskLasso,
    MultiTaskElasticNetCV: MultiTaskElasticNet,
    LassoLarsCV: LassoLars,
    LassoLarsIC: LassoLars,
}.items():
    held.register(_search, partial(_hold, _single))


@penalty_parameter.register(ElasticNet)
@penalty_parameter.register(LassoLars)
@penalty_parameter.register(MultiTaskElasticNet)
def _alpha(estimator):
    return "alpha"


@penalty_parameter.register(LassoLarsIC)
def _chosen(estimator):
    return None
