"""The estimators that minimise log loss.

    Σ s_i loss_i + (l1_ratio ‖coef‖₁ + (1 - l1_ratio)/2 ‖coef‖²) / C

liblinear scales the intercept by ``intercept_scaling`` and penalises it as a coefficient.
"""

import numpy as np
from numpy.typing import ArrayLike
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV

from .._typing import MatrixLike
from ..losses import LogLoss, MultinomialLogLoss
from ..penalties import l1_norm
from ..problem import Labels, Problem
from ..problem._weights import WeightsLike, row_weights
from ._adapter import Adapter, register, unsupported
from ._hooks import encode_features
from ._linear import balanced_mass, class_weighted, linear_parameters, ridge_penalty


@register(LogisticRegression)
class Logistic(Adapter):
    """The C that was given; none if there is no penalty."""

    def problem(
        self,
        estimator: LogisticRegression,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: WeightsLike = None,
    ) -> Problem:
        C = np.inf if self.penalty_parameter(estimator) is None else estimator.C
        return _log_loss(estimator, X, y, sample_weight, C, _l1_ratio(estimator))

    def penalty_parameter(self, estimator: LogisticRegression) -> str | None:
        return None if getattr(estimator, "penalty", "deprecated") is None else "C"


@register(LogisticRegressionCV)
class ChosenLogistic(Adapter):
    """The C and the l1_ratio that were chosen."""

    def problem(
        self,
        estimator: LogisticRegressionCV,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: WeightsLike = None,
    ) -> Problem:
        return _log_loss(estimator, X, y, sample_weight, *_chosen(estimator))

    def held(self, estimator: LogisticRegressionCV) -> LogisticRegression:
        """Return a LogisticRegression at that penalty, spelled as this version does."""
        C, ratio = _chosen(estimator)
        names = set(LogisticRegression().get_params()) & set(estimator.get_params())
        params = {name: getattr(estimator, name) for name in names} | {"C": C}
        settled = ("l1", "l2")  # where it may still be set, `penalty` says the ratio too
        if getattr(estimator, "penalty", None) not in settled:
            params["l1_ratio"] = ratio
        return LogisticRegression(**params)


def _log_loss(
    estimator: LogisticRegression | LogisticRegressionCV,
    X: MatrixLike,
    y: ArrayLike,
    sample_weight: WeightsLike,
    C: float,
    l1_ratio: float,
) -> Problem:
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


def _l1_ratio(estimator: LogisticRegression) -> float:
    """Return the share of the l1 norm in the penalty, under every spelling of it."""
    penalty = getattr(estimator, "penalty", "deprecated")
    if penalty in ("deprecated", "elasticnet"):
        return estimator.l1_ratio or 0.0
    return 1.0 if penalty == "l1" else 0.0


def _chosen(estimator: LogisticRegressionCV) -> tuple[float, float]:
    """Return the C and the l1_ratio that a LogisticRegressionCV fitted all rows with."""
    if not estimator.refit:
        reason = "the mean of the folds' coefficients minimises nothing; set refit=True"
        raise unsupported("LogisticRegressionCV(refit=False)", reason)
    C = np.unique(estimator.C_)
    ratios = np.unique(np.ravel(estimator.l1_ratio_).astype(float))
    if len(C) > 1 or len(ratios) > 1:
        reason = "each of its binary problems chose another penalty"
        raise unsupported("One-vs-rest LogisticRegressionCV", reason)
    lasso = getattr(estimator, "penalty", "deprecated") == "l1"
    ratio = 1.0 if lasso else float(np.nan_to_num(ratios[0]))  # NaN if only l2 was tried
    return float(C[0]), ratio
