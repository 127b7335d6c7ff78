"""Adapters: a fitted scikit-learn estimator to the problem it solved. One function each.

Only this package knows scikit-learn's estimator classes. To bring an estimator of your own::

    @as_problem.register(MyEstimator)
    def _(estimator, X, y, sample_weight=None):
        return Problem(loss, predictor, theta, X, y, weights, penalty, targets)
"""

from copy import deepcopy
from functools import singledispatch
from inspect import signature

import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    LogisticRegressionCV,
    Ridge,
    RidgeClassifier,
)
from sklearn.pipeline import Pipeline
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from ..losses import LogLoss, MultinomialLogLoss, SquaredError
from ..predictors import LinearPredictor
from ._problem import Problem
from ._reweighting import BalancedClasses, FixedWeights
from ._targets import Continuous, Labels


@singledispatch
def as_problem(estimator, X, y, sample_weight=None):
    """Read off what a fitted estimator minimised on its training data.

    Parameters
    ----------
    estimator : fitted estimator
        A supported estimator, or a Pipeline or FrozenEstimator around one. The steps of a
        Pipeline before the last are applied and held fixed.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        The training rows, as they were given to ``estimator.fit``.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Their targets, in the user's labels.
    sample_weight : array-like of shape (n_samples,), default=None
        Their weights, >= 0; None means 1 each.

    Returns
    -------
    problem : Problem
        Loss, predictor, penalty and data at the fitted parameters.

    Raises
    ------
    TypeError
        If the estimator is not supported; the message lists what is.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import Ridge
    >>> from skinfluence import as_problem
    >>> X, y = load_diabetes(return_X_y=True)
    >>> problem = as_problem(Ridge().fit(X, y), X, y)
    >>> problem.theta.shape
    (11,)
    >>> bool(abs(problem.gradient()).max() < 1e-8)
    True
    """
    raise unsupported(type(estimator).__name__)


class UnsupportedEstimatorError(TypeError):
    """The estimator, or a setting of it, has no adapter."""


def unsupported(what):
    """Return the error that says what is supported, and the remedy."""
    supported = sorted(cls.__name__ for cls in as_problem.registry if cls not in _NOT_SUPPORTED)
    return UnsupportedEstimatorError(
        f"{what} is not supported. Supported estimators: {', '.join(supported)}. "
        'In InfluenceExplainer, method="retrain" works for anything that has predict_proba or is a '
        "regressor: it really refits without each row."
    )


@as_problem.register(Pipeline)
def _pipeline(estimator, X, y, sample_weight=None):
    X = estimator[:-1].transform(X) if len(estimator.steps) > 1 else X
    return as_problem(estimator.steps[-1][1], X, y, sample_weight)


@as_problem.register(FrozenEstimator)
def _frozen(estimator, X, y, sample_weight=None):
    return as_problem(estimator.estimator, X, y, sample_weight)


@as_problem.register(LinearRegression)
def _linear_regression(estimator, X, y, sample_weight=None):
    """Minimise ``Σ s_i ‖y_i - raw_i‖²``."""
    if estimator.positive:
        raise unsupported("LinearRegression(positive=True)")
    return _least_squares(estimator, X, y, sample_weight, alpha=0.0)


@as_problem.register(Ridge)
def _ridge(estimator, X, y, sample_weight=None):
    """Minimise ``Σ s_i ‖y_i - raw_i‖² + Σ_k alpha_k ‖coef_k‖²``."""
    if estimator.positive:
        raise unsupported("Ridge(positive=True)")
    return _least_squares(estimator, X, y, sample_weight, alpha=estimator.alpha)


def _least_squares(estimator, X, y, sample_weight, alpha):
    X = encode_features(estimator, X)
    predictor, theta = _linear(estimator, X)
    targets = Continuous(predictor.n_outputs, estimator.coef_.ndim == 1)
    return Problem(
        loss=SquaredError(),
        predictor=predictor,
        theta=theta,
        X=X,
        y=targets.encode(y, X.dtype),
        weights=_sample_weight(sample_weight, X),
        penalty=_ridge_penalty(predictor, 2 * np.asarray(alpha), X.dtype),
        targets=targets,
    )


@as_problem.register(RidgeClassifier)
def _ridge_classifier(estimator, X, y, sample_weight=None):
    """Minimise ``Σ s_i Σ_k (±1 - raw_ik)² + alpha ‖coef‖²``; class counts are unweighted."""
    if estimator.positive:
        raise unsupported("RidgeClassifier(positive=True)")
    if np.ndim(y) > 1 and np.shape(y)[1] > 1:
        raise unsupported("RidgeClassifier with several labels a row")
    X = encode_features(estimator, X)
    predictor, theta = _linear(estimator, X)
    targets = Labels(estimator.classes_, negative=-1.0)
    weights = _sample_weight(sample_weight, X)
    mass = np.ones(len(weights))
    weights, reweighting = _class_weighted(estimator, targets.codes(y), weights, mass)
    return Problem(
        loss=SquaredError(),
        predictor=predictor,
        theta=theta,
        X=X,
        y=targets.encode(y, X.dtype),
        weights=weights,
        penalty=_ridge_penalty(predictor, 2 * np.asarray(estimator.alpha), X.dtype),
        targets=targets,
        reweighting=reweighting,
    )


@as_problem.register(LogisticRegression)
def _logistic_regression(estimator, X, y, sample_weight=None):
    """Minimise ``Σ s_i loss_i + ‖coef‖² / 2C``; liblinear penalises the scaled intercept too."""
    X = encode_features(estimator, X)
    alpha = _inverse_C(estimator)
    predictor, theta = _linear(estimator, X)
    targets = Labels(estimator.classes_)
    liblinear = estimator.solver == "liblinear"
    one_vs_rest = liblinear or getattr(estimator, "multi_class", None) == "ovr"
    if predictor.n_outputs == 1 and getattr(estimator, "multi_class", None) == "multinomial":
        raise unsupported('LogisticRegression(multi_class="multinomial") on two classes')
    if predictor.n_outputs > 1 and one_vs_rest and estimator.class_weight is not None:
        raise unsupported("One-vs-rest LogisticRegression with class_weight")
    penalty = _ridge_penalty(predictor, alpha, X.dtype)
    if liblinear:
        penalty[predictor.n_coefficients :] = alpha / estimator.intercept_scaling**2
    weights = _sample_weight(sample_weight, X)
    mass = weights if _balanced_counts_weights() else np.ones(len(weights))
    weights, reweighting = _class_weighted(estimator, targets.codes(y), weights, mass)
    return Problem(
        loss=LogLoss() if predictor.n_outputs == 1 or one_vs_rest else MultinomialLogLoss(),
        predictor=predictor,
        theta=theta,
        X=X,
        y=targets.encode(y, X.dtype),
        weights=weights,
        penalty=penalty,
        targets=targets,
        reweighting=reweighting,
    )


@as_problem.register(LogisticRegressionCV)
def _logistic_regression_cv(estimator, X, y, sample_weight=None):
    raise unsupported("LogisticRegressionCV")


_NOT_SUPPORTED = (object, LogisticRegressionCV)


def _inverse_C(estimator):
    """Return the l2 strength 1 / C, 0 without a penalty, under every spelling of the penalty."""
    penalty = getattr(estimator, "penalty", "deprecated")
    if penalty is None or estimator.C == np.inf:
        return 0.0
    if penalty == "l1" or (penalty in ("deprecated", "elasticnet") and estimator.l1_ratio):
        raise unsupported("LogisticRegression with an l1 penalty")
    return 1.0 / estimator.C


def _balanced_counts_weights():
    """Tell whether this scikit-learn counts sample weights in class_weight="balanced"."""
    return "sample_weight" in signature(compute_class_weight).parameters


def _class_weighted(estimator, codes, weights, mass):
    """Multiply weights by the class weights; return them and how they change on removal."""
    if estimator.class_weight is None:
        return weights, FixedWeights()
    if estimator.class_weight == "balanced":
        balanced = BalancedClasses(codes, mass)
        class_weights, reweighting = balanced.class_weights(), balanced
    else:
        classes = estimator.classes_
        class_weights = compute_class_weight(
            estimator.class_weight, classes=classes, y=classes[codes]
        )
        reweighting = FixedWeights()
    return weights * class_weights[codes].astype(weights.dtype), reweighting


def _linear(estimator, X):
    """Return the predictor and theta of an estimator with ``coef_`` and ``intercept_``."""
    coef = np.atleast_2d(estimator.coef_)
    predictor = LinearPredictor(*coef.shape, fit_intercept=estimator.fit_intercept)
    return predictor, predictor.flatten(coef, estimator.intercept_).astype(X.dtype)


def _ridge_penalty(predictor, alpha, dtype):
    """Return the diagonal penalty: alpha (a number, or one an output) on the coefficients."""
    penalty = np.zeros(predictor.n_parameters, dtype=dtype)
    by_output = np.broadcast_to(alpha, (predictor.n_outputs,))
    penalty[: predictor.n_coefficients] = np.repeat(by_output, predictor.n_features)
    return penalty


def _sample_weight(sample_weight, X):
    return _check_sample_weight(sample_weight, X, dtype=X.dtype, ensure_non_negative=True)


def final_estimator(estimator):
    """Return the estimator inside Pipelines and FrozenEstimators that owns the parameters."""
    while isinstance(estimator, (Pipeline, FrozenEstimator)):
        if isinstance(estimator, Pipeline):
            estimator = estimator.steps[-1][1]
        else:
            estimator = estimator.estimator
    return estimator


def final_is_frozen(estimator):
    """Tell whether the final estimator is inside a FrozenEstimator, which ``fit`` leaves alone."""
    while isinstance(estimator, Pipeline):
        estimator = estimator.steps[-1][1]
    return isinstance(estimator, FrozenEstimator)


def transform_features(estimator, X):
    """Return X as the final estimator sees it, unvalidated: the earlier steps applied."""
    while isinstance(estimator, (Pipeline, FrozenEstimator)):
        if isinstance(estimator, Pipeline):
            X = estimator[:-1].transform(X) if len(estimator.steps) > 1 else X
            estimator = estimator.steps[-1][1]
        else:
            estimator = estimator.estimator
    return X


def encode_features(estimator, X):
    """Return X as the final estimator sees it: transformed, floating, dense or CSR.

    ValueError for NaN, infinity or another number of features than in ``fit``.
    """
    X, final = transform_features(estimator, X), final_estimator(estimator)
    check_is_fitted(final)
    return validate_data(final, X, reset=False, accept_sparse="csr", dtype=[np.float64, np.float32])


def with_parameters(estimator, problem):
    """Return a copy of a fitted estimator that has the problem's theta."""
    estimator = deepcopy(estimator)
    final = final_estimator(estimator)
    coef, intercept = problem.predictor.unflatten(problem.theta)
    final.coef_ = coef.reshape(final.coef_.shape).copy()
    if final.fit_intercept:
        shape = np.shape(final.intercept_)
        final.intercept_ = intercept.reshape(shape).copy() if shape else intercept[0].item()
    return estimator


@singledispatch
def penalty_parameter(estimator):
    """Return the name of the hyper-parameter that scales the penalty, None if there is none."""
    return None


@penalty_parameter.register(LogisticRegression)
def _logistic_penalty(estimator):
    return None if getattr(estimator, "penalty", "deprecated") is None else "C"


@penalty_parameter.register(LogisticRegressionCV)
def _chosen_penalty(estimator):
    return None


@penalty_parameter.register(Ridge)
@penalty_parameter.register(RidgeClassifier)
def _ridge_parameter(estimator):
    return "alpha"


@penalty_parameter.register(Pipeline)
def _pipeline_penalty(estimator):
    name, last = estimator.steps[-1]
    parameter = penalty_parameter(last)
    return None if parameter is None else f"{name}__{parameter}"
