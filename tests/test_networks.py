"""Multi-layer perceptrons: their objective, their derivatives, and real refits."""

import warnings

import autograd.numpy as anp
import numpy as np
import pytest
import sklearn
from comparison import assert_close
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.utils.fixes import parse_version

from skinfluence import InfluenceExplainer, LabelCleaner, as_problem
from skinfluence.operators import Hessian
from skinfluence.optimum import refine
from skinfluence.predictors import FunctionPredictor, MLPPredictor
from skinfluence.problems import UnsupportedEstimatorError, with_parameters
from skinfluence.solvers import Direct

SKLEARN = parse_version(parse_version(sklearn.__version__).base_version)
RANDOM = np.random.RandomState(0)
X = RANDOM.standard_normal((60, 4))
RAW = X @ RANDOM.standard_normal((4, 3)) + RANDOM.gumbel(size=(60, 3))
WEIGHTS = RANDOM.uniform(0.5, 2, size=60) if SKLEARN >= parse_version("1.7") else None
KINDS = {
    "softmax": (MLPClassifier, RAW.argmax(axis=1)),
    "binary": (MLPClassifier, np.where(RAW[:, 0] > 0, "yes", "no")),
    "multilabel": (MLPClassifier, (RAW > 0).astype(int)),
    "regression": (MLPRegressor, RAW[:, 0]),
    "outputs": (MLPRegressor, RAW[:, :2]),
    "poisson": (MLPRegressor, np.floor(np.exp(RAW[:, 0] / 3))),
}
ACTIVATIONS = {
    "identity": lambda z: z,
    "logistic": lambda z: 1 / (1 + anp.exp(-z)),
    "tanh": anp.tanh,
    "relu": lambda z: anp.maximum(z, 0),
}


def fit(kind, solver="lbfgs", weights=WEIGHTS, **params):
    """Return a fitted network of two hidden layers, which has not converged, and its y."""
    cls, y = KINDS[kind]
    if kind == "poisson":
        if SKLEARN < parse_version("1.7"):
            pytest.skip("this scikit-learn has no Poisson loss for networks")
        params["loss"] = "poisson"
    params |= {"alpha": 0.7, "random_state": 0, "max_iter": 20}
    model = cls(hidden_layer_sizes=(3, 2), solver=solver, **params)
    given = {} if weights is None else {"sample_weight": weights}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, y, **given), y


def own_gradient(model, y, rows=slice(None)):
    """Return scikit-learn's gradient of the mean objective, as theta is laid out."""
    y = y if isinstance(model, MLPRegressor) else model._label_binarizer.transform(y)
    y = np.reshape(y, (len(y), -1))[rows]
    given = () if SKLEARN < parse_version("1.7") else (None if WEIGHTS is None else WEIGHTS[rows],)
    n_layers = len(model.coefs_)
    lists = [[None] * n_layers for _ in range(3)]
    _, coefs, intercepts = model._backprop(
        X[rows], y, *given, [X[rows]] + [None] * n_layers, *lists
    )
    return np.concatenate([np.ravel(part) for part in (*coefs, *intercepts)])


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_gradient_is_scikit_learns(kind, activation):
    model, y = fit(kind, activation=activation)
    problem = as_problem(model, X, y, WEIGHTS)
    total = len(X) if WEIGHTS is None else WEIGHTS.sum()
    assert_close(problem.gradient(), total * own_gradient(model, y), rtol=1e-12)
    assert problem.mass is None


def test_alpha_of_batches_is_that_of_the_mean():
    """The gradients of an epoch's batches sum to b / n times the objective's."""
    model, y = fit("softmax", "sgd", weights=None, batch_size=20, shuffle=False)
    problem = as_problem(model, X, y)
    batches = [slice(start, start + 20) for start in (0, 20, 40)]
    global WEIGHTS
    weights, WEIGHTS = WEIGHTS, None
    try:
        epoch = sum(own_gradient(model, y, rows) for rows in batches)
    finally:
        WEIGHTS = weights
    assert_close(problem.gradient(), 20 * epoch, rtol=1e-12)
    assert problem.mass.sum() == 60
    whole, _ = fit("softmax", "adam", weights=None)
    assert as_problem(whole, X, y).mass is None


def network(sizes, activation):
    """Return the same network in autograd."""
    _, *widths = sizes
    n_coefficients = sum(a * b for a, b in zip(sizes, widths))

    def raw(theta, X):
        start, offset, layer = 0, n_coefficients, X
        for fan_in, fan_out in zip(sizes, widths):
            W = anp.reshape(theta[start : start + fan_in * fan_out], (fan_in, fan_out))
            layer = anp.dot(layer, W) + theta[offset : offset + fan_out]
            start, offset = start + fan_in * fan_out, offset + fan_out
            layer = layer if start == n_coefficients else ACTIVATIONS[activation](layer)
        return layer

    return raw


@pytest.mark.parametrize("as_sparse", [False, True])
@pytest.mark.parametrize("sizes", [(4, 2), (4, 3, 2), (4, 3, 5, 3)], ids=str)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_products_are_autograds(activation, sizes, as_sparse):
    random = np.random.RandomState(0)
    P = MLPPredictor(sizes, activation, np.zeros(0)).n_parameters
    theta, K = random.standard_normal(P), sizes[-1]
    ours = MLPPredictor(sizes, activation, theta)
    oracle = FunctionPredictor(network(sizes, activation), K, theta)
    rows = sparse.csr_matrix(X) if as_sparse else X
    V, W = random.standard_normal((P, 3)), random.standard_normal((60, K, 3))
    G, A = W[:, :, 0], np.einsum("nka,nla->nkl", W, W)
    assert_close(ours.raw(theta, rows), oracle.raw(theta, X), rtol=1e-13)
    assert_close(ours.jacobian(rows), oracle.jacobian(X), rtol=1e-13)
    assert_close(ours.row_gradients(rows, G), oracle.row_gradients(X, G), rtol=1e-13)
    product = oracle.hessian_product(X, G, A, V)
    assert_close(ours.hessian_product(rows, G, A, V), product, rtol=1e-13)
    with sklearn.config_context(working_memory=1e-2):
        assert_close(ours.jvp(rows, V), oracle.jvp(X, V), rtol=1e-13)
        assert_close(ours.vjp(rows, W), oracle.vjp(X, W), rtol=1e-13)
        bent = oracle.second_order(X, G, V) if len(sizes) > 2 else np.zeros_like(V)
        assert_close(ours.second_order(rows, G, V) + product, bent + product, rtol=1e-13)


def test_theta_is_all_coefficients_then_all_intercepts():
    model, y = fit("outputs")
    problem = as_problem(model, X, y, WEIGHTS)
    moved = with_parameters(model, problem.at(np.arange(len(problem.theta), dtype=float)))
    flat = [np.ravel(part) for part in (*moved.coefs_, *moved.intercepts_)]
    assert_close(np.concatenate(flat), np.arange(len(problem.theta)), rtol=0)
    raw = with_parameters(model, problem).predict(X)
    assert_close(problem.predict_raw(X), raw, rtol=1e-14)


def test_shared_layers_keep_the_outputs_of_a_separable_loss_together():
    for kind in ("multilabel", "outputs"):
        model, y = fit(kind)
        problem = as_problem(model, X, y, WEIGHTS)
        assert len(problem.blocks()) == 1 and Hessian(problem).outputs() is None
    network = MLPClassifier((3,), activation="tanh", solver="lbfgs", alpha=1.0, max_iter=5000)
    explainer = InfluenceExplainer(network, refine=True).fit(X, KINDS["multilabel"][1])
    assert explainer.prediction_influence(X[:4]).shape == (4, 60, 3)
    assert explainer.leverage().shape == (60,)


def test_softmax_intercepts_without_a_penalty_are_a_flat_direction():
    model, y = fit("softmax", activation="tanh")
    hessian = Hessian(as_problem(model, X, y, WEIGHTS))
    assert hessian.flat_directions.shape[1] == 1
    assert np.abs(hessian @ hessian.flat_directions).max() < 1e-12


def test_predictions_are_in_units_of_probability():
    for kind, shape in (("binary", (5, 60)), ("softmax", (5, 60, 3))):
        model = MLPClassifier((3,), activation="tanh", solver="lbfgs", alpha=1.0, random_state=0)
        model.set_params(max_iter=5000)
        newton = InfluenceExplainer(model, method="newton", refine=True).fit(X, KINDS[kind][1])
        retrain = InfluenceExplainer(model, method="retrain").fit(X, KINDS[kind][1])
        rows = np.arange(0, 60, 7)
        truth = retrain.prediction_influence(X[:5], rows=rows)
        estimate = newton.prediction_influence(X[:5], rows=rows)
        assert newton.prediction_influence(X[:5]).shape == shape
        before = newton.estimator_.predict_proba(X[:5])
        after = retrain.remove([7]).predict_proba(X[:5])
        change = (after - before)[:, 1] if kind == "binary" else after - before
        assert_close(truth[:, 1], change, rtol=1e-6)
        assert_close(estimate, truth, rtol=1e-2)
        assert set(newton.loo_predict("predict")) <= set(KINDS[kind][1])
        assert_close(newton.loo_predict().sum(axis=1), np.ones(60), rtol=1e-12)


def test_early_stopping_and_single_classes_are_refused():
    model, y = fit("softmax", "adam", weights=None, early_stopping=True)
    with pytest.raises(UnsupportedEstimatorError, match="early_stopping"):
        as_problem(model, X, y)


@pytest.fixture(scope="module")
def digits():
    """Return 400 digits, a tight fit of 8 tanh units to them, and 10 test rows."""
    X, y = load_digits(return_X_y=True)
    X = X[:450] / 16
    model = MLPClassifier((8,), activation="tanh", solver="lbfgs", alpha=1.0, random_state=0)
    model.set_params(max_iter=10_000, max_fun=10_000)
    return X[:400], y[:400], model, X[400:410], y[400:410]


def test_newton_on_digits_agrees_with_refits(digits):
    X, y, model, *test = digits
    rows = np.arange(0, 400, 20)
    truth = InfluenceExplainer(model, method="retrain").fit(X, y).loss_influence(*test, rows=rows)
    newton = InfluenceExplainer(model, method="newton", refine=True).fit(X, y)
    estimate = newton.loss_influence(*test, rows=rows)
    assert newton.curvature_ == "hessian"
    assert np.corrcoef(truth.ravel(), estimate.ravel())[0, 1] > 0.9999
    assert np.polyfit(truth.ravel(), estimate.ravel(), 1)[0] == pytest.approx(1, abs=0.01)


def test_cleaner_finds_flipped_digits(digits):
    X, y, model, *_ = digits
    X, y = X[:150], y[:150].copy()
    flipped = np.random.RandomState(0).choice(150, 12, replace=False)
    y[flipped] = (y[flipped] + 1 + np.arange(12) % 9) % 10
    smaller = clone(model).set_params(hidden_layer_sizes=(4,))
    cleaner = LabelCleaner(smaller, penalty="keep").fit(X, y)
    assert np.isin(flipped, cleaner.ranking_[:20]).mean() > 0.8


def test_refine_of_relu_units_comes_to_rest_or_says_that_it_did_not():
    """Where it rests on a kink of a unit no gradient vanishes, and no step ends there."""
    model, y = fit("regression", activation="relu")
    problem = as_problem(model, X, y, WEIGHTS)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        refined = refine(problem, Direct())
    assert refined.objective() <= problem.objective()
    assert warned or np.abs(refined.gradient()).max() < 1e-6
