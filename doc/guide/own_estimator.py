"""Estimators, a transformer and a loss that skinfluence has never heard of, and their adapters."""

from dataclasses import dataclass

import autograd.numpy as anp
import numpy as np
from autograd import grad
from scipy.optimize import minimize
from sklearn.base import BaseEstimator, RegressorMixin, TransformerMixin, clone
from sklearn.linear_model import Ridge

from skinfluence import as_problem
from skinfluence.adapters import Adapter, Transformer, encode_features, register
from skinfluence.losses import Loss, SquaredError
from skinfluence.predictors import LinearPredictor
from skinfluence.problem import Problem, problem_of_function


class FeatureRidge(RegressorMixin, BaseEstimator):
    """A ridge regression with a penalty for each feature."""

    def __init__(self, alphas):
        self.alphas = alphas

    def fit(self, X, y, sample_weight=None):
        self.n_features_in_ = X.shape[1]
        weighted = X.T if sample_weight is None else X.T * sample_weight
        self.coef_ = np.linalg.solve(weighted @ X + np.diag(self.alphas), weighted @ y)
        return self

    def predict(self, X):
        return X @ self.coef_


@as_problem.register(FeatureRidge)
def feature_ridge(estimator, X, y, sample_weight=None):
    X = encode_features(estimator, X)
    return Problem(
        loss=SquaredError(),
        predictor=LinearPredictor(1, X.shape[1], fit_intercept=False),
        theta=estimator.coef_,
        X=X,
        y=np.reshape(y, (-1, 1)),
        weights=np.ones(len(y)) if sample_weight is None else sample_weight,
        penalty=2 * np.asarray(estimator.alphas),
    )


class MedianCentredRidge(RegressorMixin, BaseEstimator):
    """A ridge regression on what is left of X once the medians are taken off."""

    def __init__(self, alpha=1.0, centre=None):
        self.alpha = alpha
        self.centre = centre

    def fit(self, X, y):
        self.n_features_in_ = X.shape[1]
        self.centre_ = np.median(X, axis=0) if self.centre is None else self.centre
        ridge = Ridge(self.alpha).fit(X - self.centre_, y)
        self.weights_, self.bias_ = ridge.coef_, ridge.intercept_
        return self

    def predict(self, X):
        return (X - self.centre_) @ self.weights_ + self.bias_


@register(MedianCentredRidge)
class MedianCentred(Adapter):
    """The medians are held; the parameters are called ``weights_`` and ``bias_``."""

    penalty = "alpha"

    def problem(self, estimator, X, y, sample_weight=None):
        X = encode_features(estimator, X)
        predictor = LinearPredictor(1, X.shape[1])
        return Problem(
            loss=SquaredError(),
            predictor=predictor,
            theta=predictor.flatten(estimator.weights_, estimator.bias_),
            X=X,
            y=np.reshape(y, (-1, 1)),
            weights=np.ones(len(y)),
            penalty=predictor.flatten(np.full(X.shape[1], 2 * estimator.alpha), 0.0),
        )

    def encode_features(self, estimator, X):
        return super().encode_features(estimator, X) - estimator.centre_

    def assign(self, estimator, problem):
        (estimator.weights_,), (estimator.bias_,) = problem.predictor.unflatten(problem.theta)

    def held(self, estimator):  # on rows as they are encoded, which are centred
        return clone(estimator).set_params(centre=np.zeros_like(estimator.centre_))


class Squashed(TransformerMixin, BaseEstimator):
    """tanh of X."""

    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X):
        return np.tanh(X)


@register(Squashed)
class Squashing(Transformer):
    """The derivative of tanh, at the rows."""

    def pull_back_at(self, step, gradient, X):
        return gradient / np.cosh(X) ** 2


def raw(theta, X):
    """Return the prediction of ten features through three tanh units; theta has 37 numbers."""
    hidden = anp.tanh(anp.dot(X, anp.reshape(theta[:30], (10, 3))) + theta[30:33])
    return anp.dot(hidden, theta[33:36])[:, None] + theta[36]


class TanhNetwork(RegressorMixin, BaseEstimator):
    """A network of three tanh units, trained with SciPy."""

    def fit(self, X, y):
        def objective(theta):
            errors = y - raw(theta, X)[:, 0]
            return anp.sum(errors**2) + 0.5 * anp.sum(theta**2)

        start = np.random.RandomState(0).standard_normal(37)
        self.theta_ = minimize(objective, start, jac=grad(objective), method="BFGS").x
        return self

    def predict(self, X):
        return raw(self.theta_, X)[:, 0]


@as_problem.register(TanhNetwork)
def tanh_network(estimator, X, y, sample_weight=None):
    return problem_of_function(raw, SquaredError(), estimator.theta_, X, y, penalty=1.0)


@dataclass(frozen=True)
class LogCosh(Loss):
    """``log cosh (raw - y)``, summed over outputs."""

    separable = True  # a sum over outputs: every Hessian is diagonal

    def __call__(self, raw, y):
        size = anp.abs(raw - y)
        return anp.sum(size + anp.log1p(anp.exp(-2 * size)) - anp.log(2), axis=-1)
