"""The public checks hold for what is right, and name what is wrong."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import sklearn
from own_estimator import FeatureRidge, TanhNetwork
from own_models import OwnNetwork
from scipy import sparse
from sklearn.linear_model import Lasso, LogisticRegression, PoissonRegressor, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.fixes import parse_version

from skinfluence import as_problem
from skinfluence.losses import LogLoss, SquaredError
from skinfluence.testing import (
    check_adapter,
    check_adjoints,
    check_gradient,
    check_hessian,
    check_removal,
    check_stationary,
    check_weights,
)

RANDOM = np.random.RandomState(0)
X = RANDOM.standard_normal((50, 4))
Y = X @ RANDOM.standard_normal(4) + RANDOM.standard_normal(50)
WIDE = RANDOM.standard_normal((80, 10))
WEIGHTS = RANDOM.uniform(0.5, 2, size=50)
THREE = (X @ RANDOM.standard_normal((4, 3)) + RANDOM.gumbel(size=(50, 3))).argmax(axis=1)


RIGHT = {
    "own ridge": (FeatureRidge(np.array([0.5, 1, 2, 4])), X, Y),
    "own function": (TanhNetwork(), WIDE, np.sin(WIDE[:, 0]) + WIDE[:, 1]),
    "own network": (OwnNetwork(), X, THREE),
    "whole loss": (OwnNetwork(whole_loss=True), X, THREE),
    "balanced": (LogisticRegression(tol=1e-9, class_weight="balanced"), X, Y > 0.7),
    "sparse": (LogisticRegression(tol=1e-9), sparse.csr_matrix(X), THREE),
    "norm": (Lasso(alpha=0.1, tol=1e-9), X, Y),
    "mean": (make_pipeline(StandardScaler(), PoissonRegressor(tol=1e-9)), X, np.exp(Y / 4)),
}


@pytest.mark.parametrize("name", RIGHT)
def test_right_adapters_pass(name):
    if name == "balanced" and parse_version(sklearn.__version__) < parse_version("1.7"):
        pytest.skip("scikit-learn counted rows, not weights, in class_weight='balanced' until 1.7")
    check_adapter(*RIGHT[name])


class WithAdapter(Ridge):
    """A ridge regression, with adapters of its own."""


@dataclass(frozen=True)
class WrongGradient(SquaredError):
    """A squared error whose gradient lacks its 2."""

    def gradient(self, raw, y):
        return raw - y


@dataclass(frozen=True)
class WrongHessian(LogLoss):
    """A log loss whose Hessian is that of a squared error."""

    def hessian(self, raw, y):
        return np.ones((*raw.shape, 1))


def ridge_problem(sample_weight=None):
    """Return the problem of a ridge regression."""
    return as_problem(Ridge().fit(X, Y, sample_weight), X, Y, sample_weight)


def test_another_penalty_is_not_stationary():
    problem = ridge_problem()
    check_stationary(problem)
    with pytest.raises(AssertionError, match="no stationary point.*penalty"):
        check_stationary(replace(problem, penalty=problem.penalty / 2))


def test_wrong_derivatives_are_told():
    with pytest.raises(AssertionError, match="not that of the objective.*`gradient`"):
        check_gradient(replace(ridge_problem(), loss=WrongGradient()))
    model = LogisticRegression(tol=1e-9).fit(X, Y > 0)
    problem = as_problem(model, X, Y > 0)
    check_hessian(problem)
    with pytest.raises(AssertionError, match="not that of the gradient.*`hessian`"):
        check_hessian(replace(problem, loss=WrongHessian()))


def test_operators_that_are_not_adjoint_are_told():
    problem = ridge_problem()
    check_adjoints(problem, np.arange(5))
    predictor = problem.predictor

    class Lopsided(type(predictor)):
        def vjp(self, X, W):
            return 2 * super().vjp(X, W)

    wrong = Lopsided(predictor.n_outputs, predictor.n_features, predictor.fit_intercept)
    with pytest.raises(AssertionError, match="transpose disagree"):
        check_adjoints(replace(problem, predictor=wrong), np.arange(5))


def test_a_share_of_the_penalty_that_is_not_stated_is_told():
    @as_problem.register(WithAdapter)
    def adapter(estimator, X, y, sample_weight=None):
        problem = as_problem(Ridge().fit(X, y, sample_weight), X, y, sample_weight)
        problem = problem.at(np.append(estimator.coef_, estimator.intercept_))
        return replace(problem, penalty=problem.penalty * len(y) / 50)

    fitted = WithAdapter().fit(X, Y)
    with pytest.raises(AssertionError, match="Without row 3.*`mass`"):
        check_removal(fitted, X, Y, [3])


def test_weights_that_are_not_used_are_told():
    @as_problem.register(WithAdapter)
    def adapter(estimator, X, y, sample_weight=None):
        problem = as_problem(Ridge().fit(X, y), X, y)
        return problem.at(np.append(estimator.coef_, estimator.intercept_))

    fitted = WithAdapter().fit(X, Y, WEIGHTS)
    with pytest.raises(AssertionError, match="weight 2 is not the row twice"):
        check_weights(fitted, X, Y, WEIGHTS)
    with pytest.raises(AssertionError):
        check_adapter(WithAdapter(), X, Y)
