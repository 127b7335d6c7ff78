"""Adapters of the estimators that minimise log loss.

    Σ s_i loss_i + (l1_ratio ‖coef‖₁ + (1 - l1_ratio)/2 ‖coef‖²) / C

liblinear scales the intercept by ``intercept_scaling`` and penalises it as a coefficient.
"""

import numpy as np
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV

from ..losses import LogLoss, MultinomialLogLoss
from ..penalties import l1_norm
from ._as_problem import as_problem, penalty_parameter, unsupported
from ._linear import balanced_mass, class_weighted, linear_parameters, ridge_penalty, row_weights
from ._problem import Problem
from ._targets import Labels
from ._wrappers import encode_features, held


@as_problem.register(LogisticRegression)
def _logistic_regression(estimator, X, y, sample_weight=None):
    ratio = _l1_ratio(estimator)
    unpenalised = getattr(estimator, "penalty", "deprecated") is None
    C = np.inf if unpenalised else estimator.C
    return _log_loss(estimator, X, y, sample_weight, C, ratio)


@as_problem.register(LogisticRegressionCV)
def _logistic_regression_cv(estimator, X, y, sample_weight=None):
    """As LogisticRegression, at the C and the l1_ratio that it chose."""
    return _log_loss(estimator, X, y, sample_weight, *_chosen(estimator))


def _log_loss(estimator, X, y, sample_weight, C, l1_ratio):
    X = encode_features(estimator, X)
    predictor, theta = linear_parameters(estimator, X)
    targets = Labels(estimator.classes_)
    liblinear = estimator.solver == "liblinear"
    one_vs_rest = liblinear or getattr(estimator, "multi_class", None) == "ovr"
    if predictor.n_outputs == 1 and getattr(estimator, "multi_class", None) == "multinomial":
        raise unsupported('LogisticRegression(multi_class="multinomial") on two classes')
    if predictor.n_outputs > 1 and one_vs_rest and estimator.class_weight is not None:
        raise unsupported("One-vs-rest LogisticRegression with class_weight")
    unit = ridge_penalty(predictor, 1.0, X.dtype)  # 1 for what C penalises
    scale = np.ones_like(unit)
    if liblinear:
        unit[predictor.n_coefficients :] = 1
        scale[predictor.n_coefficients :] = 1 / estimator.intercept_scaling
    strength = X.dtype.type(1 / C)
    l1 = l1_ratio * strength * unit * scale
    weights = row_weights(sample_weight, X)
    mass = balanced_mass(weights)
    weights, reweighting = class_weighted(estimator, targets.codes(y), weights, mass)
    return Problem(
        loss=LogLoss() if predictor.n_outputs == 1 or one_vs_rest else MultinomialLogLoss(),
        predictor=predictor,
        theta=theta,
        X=X,
        y=targets.encode(y, X.dtype),
        weights=weights,
        penalty=(1 - l1_ratio) * strength * unit * scale**2,
        targets=targets,
        reweighting=reweighting,
        norm=l1_norm(l1) if l1.any() else None,
    )


def _l1_ratio(estimator):
    """Return the share of the l1 norm in the penalty, under every spelling of it."""
    penalty = getattr(estimator, "penalty", "deprecated")
    if penalty in ("deprecated", "elasticnet"):
        return estimator.l1_ratio or 0.0
    return 1.0 if penalty == "l1" else 0.0


def _chosen(estimator):
    """Return the C and the l1_ratio that a LogisticRegressionCV fitted all rows with."""
    if not estimator.refit:
        reason = "the mean of the folds' coefficients minimises nothing; set refit=True"
        raise unsupported("LogisticRegressionCV(refit=False)", reason)
    C = np.unique(estimator.C_)
    ratio = np.unique(np.ravel(estimator.l1_ratio_).astype(float))
    ratio = np.nan_to_num(ratio)  # None where only l2 was tried
    if len(C) > 1 or len(ratio) > 1:
        reason = "each of its binary problems chose another penalty"
        raise unsupported("One-vs-rest LogisticRegressionCV", reason)
    if getattr(estimator, "penalty", "deprecated") == "l1":
        ratio = [1.0]
    return float(C[0]), float(ratio[0])


@penalty_parameter.register(LogisticRegression)
def _logistic_penalty(estimator):
    return None if getattr(estimator, "penalty", "deprecated") is None else "C"


@penalty_parameter.register(LogisticRegressionCV)
def _chosen_penalty(estimator):
    return None


@held.register(LogisticRegressionCV)
def _hold(estimator):
    """Return a LogisticRegression at the penalty that was chosen, spelled as this version does."""
    C, ratio = _chosen(estimator)
    names = set(LogisticRegression().get_params()) & set(estimator.get_params())
    params = {name: getattr(estimator, name) for name in names} | {"C": C}
    if getattr(estimator, "penalty", None) not in (
        "l1",
        "l2",
    ):  # which settle it, where they are still set
        params["l1_ratio"] = ratio
    return LogisticRegression(**params)
