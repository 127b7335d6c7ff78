"""input_influence against finite differences of real refits, and back through a Pipeline."""

from dataclasses import replace

import numpy as np
import pytest
import sklearn
from comparison import assert_close
from questions import MODELS, data, every_method, fit, logistic
from scipy import sparse
from sklearn.base import clone
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    RobustScaler,
    StandardScaler,
)

from skinfluence import as_problem
from skinfluence.adapters import (
    Transformer,
    encode_features,
    final_estimator,
    pull_back,
    register,
)
from skinfluence.operators import Hessian, MixedDerivative
from skinfluence.optimum import refine
from skinfluence.predictors import LinearPredictor, LinearWithScale
from skinfluence.problem import encode_targets
from skinfluence.solvers import CG, Direct

ROWS = np.array([3, 11, 3])


def refitted_losses(explainer, X, y, sample_weight, X_test, y_test):
    """Fit the last step again on other rows, to its optimum; return the test losses."""
    inner, test = (encode_features(explainer.estimator_, part) for part in (X, X_test))
    model = clone(final_estimator(explainer.estimator_))
    model.fit(inner, y, **({} if sample_weight is None else {"sample_weight": sample_weight}))
    problem = refine(as_problem(model, inner, y, sample_weight), Direct())
    y_test = encode_targets(problem.targets, problem.loss, y_test, problem.theta.dtype)
    return problem.loss(problem.predict_raw(test), y_test)


def differences(explainer, X, y, sample_weight, *test, rows=ROWS, step=1e-4):
    """Return central finite differences of the test losses, (n_test, n_rows, n_features)."""
    slopes = np.empty((len(test[1]), len(rows), X.shape[1]))
    for j, row in enumerate(rows):
        for f in range(X.shape[1]):
            losses = []
            for sign in (1, -1):
                moved = X.copy()
                moved[row, f] += sign * step
                losses.append(refitted_losses(explainer, moved, y, sample_weight, *test))
            slopes[:, j, f] = (losses[0] - losses[1]) / (2 * step)
    return slopes


NAMES = ("logistic", "multinomial", "ridge", "linear", "lasso", "poisson", "huber")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("weighted", [False, True], ids=["unweighted", "weighted"])
def test_it_is_the_slope_of_real_refits(name, weighted):
    X, y, *test = data(name)
    weights = np.random.RandomState(1).uniform(0.3, 2, len(y)) if weighted else None
    explainer = fit(name, X, y, weights)
    expected = differences(explainer, X, y, weights, *test)
    assert_close(explainer.input_influence(*test, rows=ROWS), expected, rtol=1e-5)


AFFINE = {
    "standard": [StandardScaler()],
    "standard_uncentred": [StandardScaler(with_std=False)],
    "robust": [RobustScaler()],
    "ranges": [MinMaxScaler((-1, 2)), MaxAbsScaler(), FunctionTransformer()],
    "whitened": [StandardScaler(), PCA(2, whiten=True)],
    "pca_passthrough": ["passthrough", PCA(2), None],
    "svd_nested": [make_pipeline(RobustScaler(), TruncatedSVD(2)), StandardScaler()],
    "selected": [SelectKBest(k=2), StandardScaler()],
    "columns": [
        ColumnTransformer(
            [("a", StandardScaler(), [2, 0]), ("b", "passthrough", [0]), ("c", "drop", [1])]
        )
    ],
    "columns_remainder": [
        ColumnTransformer([("a", PCA(1), [0, 2])], remainder=MaxAbsScaler()),
    ],
}


@pytest.mark.parametrize("steps", AFFINE.values(), ids=AFFINE)
def test_it_goes_back_through_affine_steps(steps):
    X, y, *test = data("logistic")
    X = 3 * X + [0, 1, 5]
    explainer = fit("logistic", X, y, model=make_pipeline(*steps, logistic()))
    expected = differences(explainer, X, y, None, *test)
    assert_close(explainer.input_influence(*test, rows=ROWS), expected, rtol=1e-5)


def test_it_goes_back_through_a_transformed_target():
    X, y, *test = data("ridge")
    model = make_pipeline(StandardScaler(), Ridge())
    target = TransformedTargetRegressor(model, func=np.arcsinh, inverse_func=np.sinh)
    inner = fit("ridge", X, np.arcsinh(y), model=model)
    found = fit("ridge", X, y, model=target).input_influence(*test)
    assert_close(found, inner.input_influence(test[0], np.arcsinh(test[1])), rtol=1e-10)


def test_balanced_weights_stay_as_they_are():
    X, y, *test = data("logistic")
    model = LogisticRegression(class_weight="balanced", tol=1e-10, max_iter=1000)
    explainer = fit("logistic", X, y, model=model)
    expected = differences(explainer, X, y, None, *test)
    assert_close(explainer.input_influence(*test, rows=ROWS), expected, rtol=1e-5)


@pytest.mark.parametrize("step", [Normalizer(), FunctionTransformer(np.tanh), MinMaxScaler()])
def test_other_steps_are_refused_by_name(step):
    X, y, *test = data("logistic")
    step = MinMaxScaler(clip=True) if isinstance(step, MinMaxScaler) else step
    nested = make_pipeline(StandardScaler(), make_pipeline(step, StandardScaler()), logistic())
    explainer = fit("logistic", X, y, model=nested)
    name = type(step).__name__
    with pytest.raises(TypeError, match=f"'pipeline' > '{name.lower()}' > {name}.*affine.*last"):
        explainer.input_influence(*test)


def test_a_step_of_ones_own_can_be_registered():
    class Halved(TfidfTransformer):
        pass

    @register(Halved)
    class HalvedAdapter(Transformer):
        def pull_back(self, step, gradient):
            return gradient / 2

    assert np.all(pull_back(Halved(), np.ones((1, 2))) == 0.5)


@every_method
def test_methods_agree_and_refits_are_refused(method):
    X, y, *test = data("logistic")
    explainer = fit("logistic", X, y, method=method)
    if method == "retrain":
        with pytest.raises(ValueError, match='`input_influence` is a derivative.*"newton"'):
            explainer.input_influence(*test)
    else:
        expected = fit("logistic", X, y).input_influence(*test)
        assert_close(explainer.input_influence(*test), expected, rtol=1e-12)


@pytest.mark.parametrize("name", ["logistic", "multinomial", "poisson"])
def test_sparse_float32_and_blocks_change_nothing(name):
    X, y, *test = data(name)
    X[np.abs(X) < 0.5] = 0
    explainer = fit(name, X, y)
    expected = explainer.input_influence(*test)
    assert expected.shape == (len(test[1]), *X.shape)
    one = fit(name, X, y, block_size=1).input_influence(*test, rows=ROWS)
    assert_close(one, expected[:, ROWS], rtol=1e-12)
    by_cg = fit(name, X, y, solver=CG(rtol=1e-12)).input_influence(*test)
    assert_close(by_cg, expected, rtol=1e-8)
    csr = fit(name, sparse.csr_matrix(X), y).input_influence(sparse.csr_matrix(test[0]), test[1])
    assert_close(csr, expected, rtol=1e-8)
    loose = clone(MODELS[name][1]).set_params(tol=1e-4)  # it is refined
    single = fit(name, X.astype(np.float32), y, model=loose).input_influence(*test)
    assert single.dtype == np.float32
    assert_close(single, expected, rtol=1e-3)


def test_a_memory_budget_changes_nothing():
    X, y, *test = data("logistic", n=60, p=12)
    explainer = fit("logistic", X, y)
    expected = explainer.input_influence(*test)
    with sklearn.config_context(working_memory=1e-3):
        assert_close(explainer.input_influence(*test), expected, rtol=1e-12)


@pytest.mark.parametrize("name", ["multinomial", "huber"])
def test_the_operator_is_the_derivative_of_the_gradient(name):
    X, y, *_ = data(name)
    problem = fit(name, X, y).problem_
    mixed, step = MixedDerivative(problem, ROWS), 1e-6
    dense = (mixed @ np.eye(mixed.shape[1])).reshape(len(ROWS), X.shape[1], -1)
    for j, f in ((0, 0), (1, 2)):
        gradients = []
        for sign in (1, -1):
            moved = X.copy()
            moved[ROWS[j], f] += sign * step
            gradients.append(replace(problem, X=moved).gradient())
        assert_close(dense[j, f], (gradients[1] - gradients[0]) / (2 * step), rtol=1e-6)
    assert_close(mixed @ problem.theta, dense.reshape(-1, dense.shape[2]) @ problem.theta, 1e-12)


@pytest.mark.parametrize("predictor", [LinearPredictor(2, 3), LinearWithScale(3)], ids=str)
def test_mixed_vjp_is_the_gradient_in_the_features(predictor):
    random = np.random.RandomState(0)
    X, W, G = (random.standard_normal(shape) for shape in ((4, 3), (4, 2), (4, 2)))
    theta, v = random.standard_normal((2, predictor.n_parameters))

    def value(X):
        return np.sum(W * predictor.raw(theta, X) + G * predictor.jvp(X, v[:, None])[:, :, 0], 1)

    found = predictor.mixed_vjp(theta, X, W, G, v)
    for f, step in enumerate(np.eye(3)):
        assert_close(found[:, f], (value(X + step) - value(X - step)) / 2, rtol=1e-10)


def gap_from_the_gradient_of_the_influence(n):
    """Return how far minus input_influence is from the gradient of loss_influence, relatively."""
    X, y, *test = data("logistic", n=n, p=3)
    row, step = 5, 1e-4
    model = LogisticRegression(C=10 / n, tol=1e-10)  # the same penalty on the mean
    explainer = fit("logistic", X, y, method="influence", model=model)
    slopes = np.empty((len(test[1]), X.shape[1]))
    for f in range(X.shape[1]):
        both = []
        for sign in (1, -1):
            moved = X.copy()
            moved[row, f] += sign * step
            again = fit("logistic", moved, y, method="influence", model=model)
            both.append(again.loss_influence(*test, rows=[row])[:, 0])
        slopes[:, f] = (both[0] - both[1]) / (2 * step)
    found = -explainer.input_influence(*test, rows=[row])[:, 0]
    return np.linalg.norm(found - slopes) / np.linalg.norm(slopes)


def test_it_is_the_gradient_of_the_influence_up_to_one_over_n():
    few, many = (gap_from_the_gradient_of_the_influence(n) for n in (100, 1600))
    assert many < 0.02
    assert 16 / 3 < few / many < 16 * 3


def test_the_indicator_that_only_one_row_has_is_the_feature_responsible():
    X, y, X_test, y_test = data("logistic", n=200)
    X, X_test = (np.c_[part, np.zeros(len(part))] for part in (X, X_test))
    X[7, -1], X_test[:, -1] = 1, 1  # all test rows share it with row 7
    influence = fit("logistic", X, y).input_influence(X_test, y_test, rows=[7])[:, 0]
    assert np.all(np.abs(influence).argmax(axis=1) == X.shape[1] - 1)


def test_the_inverse_is_that_of_the_fit():
    X, y, *test = data("ridge")
    explainer = fit("ridge", X, y, damping=0.3)
    solved = np.linalg.inv(Hessian(explainer.problem_, 0.3).dense())
    problem = explainer.problem_
    gradients = problem.loss.gradient(problem.predict_raw(test[0]), test[1][:, None])
    questions = problem.predictor.row_gradients(test[0], gradients)
    mixed = MixedDerivative(problem, np.arange(len(y))) @ (solved @ questions.T)
    expected = mixed.T.reshape(len(test[1]), *X.shape)
    assert_close(explainer.input_influence(*test), expected, rtol=1e-10)
