"""Other features, or other rows, where a model is a kernel's or a network: against real refits."""

import numpy as np
import pytest
from comparison import assert_close, encoded
from own_models import OwnNetwork, network
from sklearn.base import clone, is_classifier
from sklearn.frozen import FrozenEstimator
from sklearn.kernel_ridge import KernelRidge
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR

from skinfluence import InfluenceExplainer
from skinfluence.predictors import FunctionPredictor, MLPPredictor, Tangent
from skinfluence.problems import encode_targets

ROWS = np.array([3, 17])
TIGHT = {"solver": "lbfgs", "max_iter": 5000, "tol": 1e-12, "random_state": 0}
# name: (estimator, parameters of the explainer); a wide temperature has slopes to compare
KERNELS = {
    "ridge rbf": (KernelRidge(alpha=0.5, kernel="rbf", gamma=0.3), {}),
    "ridge poly": (KernelRidge(alpha=0.5, kernel="poly", gamma=0.3, degree=2), {}),
    "svr rbf": (SVR(C=2, gamma=0.3, tol=1e-8), {"temperature": 0.3}),
    "svc poly": (SVC(C=2, kernel="poly", gamma=0.3, coef0=1, tol=1e-8), {"temperature": 0.3}),
}
MODELS = KERNELS | {
    "svc linear": (SVC(kernel="linear", tol=1e-8), {"temperature": 0.3}),
    "mlp tanh": (MLPRegressor(hidden_layer_sizes=(4,), activation="tanh", alpha=1.0, **TIGHT), {}),
    "mlp softmax": (MLPClassifier((3,), activation="tanh", alpha=0.3, **TIGHT), {}),
    "own network": (OwnNetwork(), {}),
}


def data(name):
    """Return X, y, X_test, y_test of a smooth function of three columns, or of four for our own."""
    random = np.random.RandomState(0)
    X = random.standard_normal((44, 4 if name == "own network" else 3))
    raw = np.sin(X[:, 0]) + X[:, 1] ** 2 + 0.3 * random.standard_normal(44)
    y = raw
    if is_classifier(MODELS[name][0]):
        n_classes = 3 if name in ("mlp softmax", "own network") else 2
        y = np.argsort(np.argsort(raw)) * n_classes // 44
    return X[:40], y[:40], X[40:], y[40:]


def fit(name, X, y, **params):
    model, known = MODELS[name]
    return InfluenceExplainer(clone(model), refine=True, **known | params).fit(X, y)


def losses_of(explainer, X_test, y_test, kink=False):
    """Return the smooth losses of test rows, or those that were trained."""
    problem = explainer.problem_
    loss = problem.reported_loss if kink else problem.evaluation_loss
    y = encode_targets(problem.targets, problem.evaluation_loss, y_test, float)
    return loss(problem.predict_raw(encoded(explainer, X_test)), y)


@pytest.mark.parametrize("name", MODELS)
def test_input_influence_is_the_derivative_of_a_real_refit(name):
    X, y, *test = data(name)
    found = fit(name, X, y, method="influence").input_influence(*test, rows=ROWS)
    assert found.shape == (4, 2, X.shape[1])
    step = 1e-4
    for f in (0, 1):
        after = []
        for sign in (1, -1):
            moved = X.copy()
            moved[ROWS[1], f] += sign * step
            after.append(losses_of(fit(name, moved, y, method="influence"), *test))
        assert_close(found[:, 1, f], (after[0] - after[1]) / (2 * step), rtol=1e-5)


@pytest.mark.parametrize("name", KERNELS)
def test_a_new_row_of_a_kernel_brings_its_own_direction(name):
    X, y, *test = data(name)
    X_new = X[ROWS] + 0.5
    before = fit(name, X, y)
    truth = fit(name, X, y, method="retrain")
    truth = truth.replacement_influence(*test, rows=ROWS, X_new=X_new)
    newton = fit(name, X, y, method="newton")
    found = newton.replacement_influence(*test, rows=ROWS, X_new=X_new)
    assert np.corrcoef(found.ravel(), truth.ravel())[0, 1] > 0.999
    assert np.polyfit(truth.ravel(), found.ravel(), 1)[0] == pytest.approx(1, abs=0.02)
    expected = []
    for row, new in zip(ROWS, X_new):
        moved = X.copy()
        moved[row] = new
        after, known = (losses_of(e, *test, kink=True) for e in (fit(name, moved, y), before))
        expected.append(after - known)
    assert_close(truth, np.transpose(expected), rtol=1e-6)


def test_slopes_of_a_kernel_go_back_through_a_scaler():
    X, y, *test = data("svc poly")
    model = make_pipeline(StandardScaler(), SVC(gamma=0.3))
    explainer = InfluenceExplainer(model, temperature=0.3).fit(X, y)
    scaler, alone = explainer.estimator_
    within = InfluenceExplainer(FrozenEstimator(alone), temperature=0.3).fit(scaler.transform(X), y)
    inner = within.input_influence(scaler.transform(test[0]), test[1], rows=ROWS)
    assert_close(explainer.input_influence(*test, rows=ROWS), inner / scaler.scale_, rtol=1e-6)


def test_a_new_row_of_a_precomputed_kernel_is_refused():
    X, y, *_ = data("ridge rbf")
    explainer = InfluenceExplainer(KernelRidge(kernel="precomputed")).fit(X @ X.T, y)
    with pytest.raises(ValueError, match="new row of a precomputed kernel"):
        explainer.replacement_influence(X @ X.T, y, rows=[0], X_new=(X @ X.T)[:1])


def test_slopes_of_an_unknown_kernel_are_refused():
    X, y, *test = data("ridge rbf")
    explainer = InfluenceExplainer(KernelRidge(kernel="laplacian")).fit(X, y)
    with pytest.raises(TypeError, match="derivative of this kernel.*rbf"):
        explainer.input_influence(*test)


@pytest.mark.parametrize("tangent", [False, True])
@pytest.mark.parametrize("activation", ["tanh", "logistic", "identity", None])
def test_mixed_vjp_of_a_curved_predictor(activation, tangent):
    random = np.random.RandomState(0)
    X, W, G = (random.standard_normal((5, width)) for width in (4, 3, 3))
    theta, v = random.standard_normal((2, 27))
    made = {"sizes": (4, 3, 3), "activation": activation}
    predictor = MLPPredictor(**made, theta=theta) if activation else None
    predictor = predictor or FunctionPredictor(network, 3, theta)
    step, asked = 1e-5, Tangent(predictor) if tangent else predictor

    def value(X):
        moved = predictor.jvp(X, v[:, None])[:, :, 0]
        return np.sum(W * predictor.raw(theta, X) + G * moved, axis=1)

    found = asked.mixed_vjp(theta, X, W, G, v)
    for f in range(4):
        h = step * np.eye(4)[f]
        assert_close(found[:, f], (value(X + h) - value(X - h)) / (2 * step), rtol=1e-7)
