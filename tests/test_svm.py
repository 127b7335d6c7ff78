"""Linear support vector machines against real refits, and what is refused."""

import numpy as np
import pytest
from comparison import assert_close
from numpy.testing import assert_allclose
from scipy.optimize import minimize
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import scale
from sklearn.svm import SVC, LinearSVC, LinearSVR

from skinfluence import InfluenceExplainer, SmoothedLinearSVC, as_problem, leave_one_out
from skinfluence.losses import SmoothHinge
from skinfluence.operators import Hessian
from skinfluence.solvers import Direct

N, ROWS = 60, np.arange(0, 60, 5)
TIGHT = {"tol": 1e-9, "max_iter": 1_000_000, "random_state": 0}

# name: (kind of target, estimator)
MODELS = {
    "hinge": ("binary", LinearSVC(loss="hinge", C=0.5, **TIGHT)),
    "hinge_no_intercept": ("binary", LinearSVC(loss="hinge", fit_intercept=False, **TIGHT)),
    "hinge_multiclass": ("multiclass", LinearSVC(loss="hinge", C=0.3, **TIGHT)),
    "hinge_weighted": ("binary", LinearSVC(loss="hinge", class_weight={0: 3.0}, **TIGHT)),
    "squared_hinge": ("multiclass", LinearSVC(intercept_scaling=3.0, **TIGHT)),
    "squared_hinge_l1": ("binary", LinearSVC(penalty="l1", dual=False, C=0.2, **TIGHT)),
    "tube": ("regression", LinearSVR(epsilon=0.3, C=0.5, intercept_scaling=2.0, **TIGHT)),
    "squared_tube": (
        "regression",
        LinearSVR(epsilon=0.3, loss="squared_epsilon_insensitive", **TIGHT),
    ),
}


def data(kind, n_test=10, p=4):
    random = np.random.RandomState(3)
    X = random.standard_normal((N + n_test, p))
    signal = X @ [1.0, -1.0, 0.5, 0.0] + random.standard_normal(len(X))
    y = {
        "binary": (signal > 0).astype(int),
        "multiclass": np.digitize(signal, [-0.7, 0.7]),
        "regression": signal,
    }[kind]
    return X[:N], y[:N], X[N:], y[N:]


def say(model, X):
    return model.decision_function(X) if hasattr(model, "decision_function") else model.predict(X)


@pytest.mark.parametrize("name", MODELS)
def test_slope_against_the_estimators_own_refits_is_one(name):
    kind, model = MODELS[name]
    X, y, X_test, _ = data(kind)
    explainer = InfluenceExplainer(model, method="newton", temperature=1e-5).fit(X, y)
    kept = [np.arange(N) != j for j in ROWS]
    refits = np.array([say(clone(model).fit(X[k], y[k]), X_test) for k in kept])
    truth = np.moveaxis(refits - say(explainer.estimator_, X_test), 0, 1)
    estimate = explainer.prediction_influence(X_test, rows=ROWS)
    slope, _ = np.polyfit(truth.ravel(), estimate.ravel(), 1)
    assert slope == pytest.approx(1, abs=0.03)
    assert np.corrcoef(truth.ravel(), estimate.ravel())[0, 1] > 0.999


@pytest.mark.parametrize("name", ["hinge", "tube"])
def test_values_are_those_of_the_loss_that_was_trained(name):
    kind, model = MODELS[name]
    X, y, X_test, y_test = data(kind)

    def loss(fitted):
        raw = say(fitted, X_test)
        if kind == "regression":
            return np.maximum(np.abs(y_test - raw) - model.epsilon, 0)
        return np.maximum(1 - (2 * y_test - 1) * raw, 0)

    explainer = InfluenceExplainer(model, method="newton", temperature=1e-6).fit(X, y)
    estimate = explainer.loss_influence(X_test, y_test, rows=ROWS[:4])
    how = {"rows": ROWS[:4], "temperature": 1e-6}
    refined = leave_one_out(model, X, y, X_test, y_test, **how)
    raw = leave_one_out(model, X, y, X_test, y_test, refine=False, **how)
    kept = [np.arange(N) != j for j in ROWS[:4]]
    before = loss(explainer.estimator_)
    truth = np.stack([loss(clone(model).fit(X[k], y[k])) - before for k in kept], axis=1)
    assert_close(raw, truth, rtol=1e-9)
    assert_close(refined, truth, rtol=1e-3)
    assert_close(estimate, truth, rtol=1e-3)


def test_only_rows_near_the_kink_are_factored():
    X, y = load_breast_cancer(return_X_y=True)
    X = np.hstack([scale(X), np.random.RandomState(0).standard_normal((len(X), 100))])
    model = LinearSVC(loss="hinge", C=0.01, **TIGHT).fit(X, y)
    explainer = InfluenceExplainer(model, method="influence").fit(X, y)
    hessian = explainer.inverse_.hessian
    curvature = hessian.curvatures[:, 0, 0]
    near = np.abs(1 - (2 * y - 1) * explainer.problem_.raw[:, 0]) < 0.04
    assert 10 < len(hessian.curved_rows) < 131 < len(y)
    assert set(hessian.curved_rows) <= set(np.flatnonzero(near))
    assert Direct().order(hessian) == len(hessian.curved_rows)
    dropped = np.setdiff1d(np.arange(len(y)), hessian.curved_rows)
    assert curvature[dropped].max() < np.finfo(float).eps * curvature.max()
    expected = np.linalg.inv(hessian.dense())
    B = np.eye(hessian.shape[0])
    assert_close(explainer.inverse_ @ B, expected, rtol=1e-10)
    leverages = explainer.inverse_.leverages(np.arange(len(y)))[:, 0, 0]
    jacobian = explainer.problem_.predictor.jacobian(X)[:, 0]
    assert_allclose(leverages, np.einsum("np,pq,nq->n", jacobian, expected, jacobian), rtol=1e-8)


def test_hessian_of_few_curved_rows_is_that_of_all():
    X, y, _, _ = data("binary")
    model = LinearSVC(loss="hinge", **TIGHT).fit(X, y)
    hessian = Hessian(as_problem(model, X, y).at_temperature(1e-3))
    assert 2 * len(hessian.curved_rows) < N
    assert_close(hessian.dense(), hessian @ np.eye(hessian.shape[0]), rtol=1e-13)


def test_crammer_singer_is_refused_with_the_reason():
    X, y, _, _ = data("multiclass")
    model = LinearSVC(multi_class="crammer_singer", max_iter=100_000, random_state=0)
    with pytest.raises(TypeError, match="largest of K margins"):
        InfluenceExplainer(model).fit(X, y)


def test_class_weight_on_several_classes_is_refused():
    X, y, _, _ = data("multiclass")
    with pytest.raises(TypeError, match="weighs the rows in another way"):
        InfluenceExplainer(LinearSVC(class_weight="balanced")).fit(X, y)


# SmoothedLinearSVC


@pytest.mark.parametrize("temperature", [1.0, 0.1])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_smoothed_linear_svc_minimises_its_objective(temperature, fit_intercept):
    X, y, _, _ = data("binary")
    model = SmoothedLinearSVC(0.5, temperature=temperature, fit_intercept=fit_intercept)
    model.fit(X, y)
    signs = 2 * y - 1

    def objective(theta):
        margin = signs * (X @ theta[:4] + fit_intercept * theta[4])
        losses = temperature * np.logaddexp(0, (1 - margin) / temperature)
        return losses.sum() + theta[:4] @ theta[:4] / (2 * 0.5)

    best = minimize(objective, np.zeros(5), tol=1e-10)
    assert objective(np.r_[model.coef_[0], model.intercept_]) <= best.fun * (1 + 1e-9)


def test_smoothed_linear_svc_becomes_the_svm():
    X, y, X_test, _ = data("multiclass")
    hinge = LinearSVC(loss="hinge", fit_intercept=False, **TIGHT).fit(X, y)
    smooth = SmoothedLinearSVC(temperature=1e-6, fit_intercept=False).fit(X, y)
    assert_close(say(smooth, X_test), say(hinge, X_test), rtol=1e-4)


def test_smoothed_linear_svc_keeps_its_temperature():
    X, y, _, _ = data("binary")
    model = SmoothedLinearSVC(temperature=0.3)
    explainer = InfluenceExplainer(model, temperature=1e-3).fit(X, y)
    assert explainer.problem_.loss == SmoothHinge(0.3, smoothed=False)
    assert explainer.problem_.reported_loss == explainer.problem_.loss
    assert explainer.newton_decrement_ < 1e-3 * explainer.typical_decrement_


def test_smoothed_linear_svc_warns_where_it_stops_short():
    X, y, _, _ = data("binary")
    with pytest.warns(ConvergenceWarning, match="max_iter"):
        SmoothedLinearSVC(max_iter=2).fit(X, y)


@pytest.mark.parametrize(
    "params", [{"C": 0}, {"temperature": 0.0}, {"tol": -1.0}, {"max_iter": 0.5}]
)
def test_smoothed_linear_svc_checks_its_parameters(params):
    X, y, _, _ = data("binary")
    with pytest.raises(ValueError, match=next(iter(params))):
        SmoothedLinearSVC(**params).fit(X, y)


@pytest.mark.parametrize("shape", ["ovr", "ovo"])
@pytest.mark.parametrize("method", ["newton", "retrain"])
def test_predictions_of_several_classes_are_told_as_decision_function_tells_them(shape, method):
    X, y = load_iris(return_X_y=True)
    model = SVC(gamma=0.25, decision_function_shape=shape, tol=1e-9)
    explainer = InfluenceExplainer(model, method=method).fit(X, y)
    for row in (70, 106):
        rest = np.delete(np.arange(len(y)), row)
        after = clone(model).fit(X[rest], y[rest]).decision_function(X[::10])
        change = after - clone(model).fit(X, y).decision_function(X[::10])
        told = explainer.prediction_influence(X[::10], rows=[row])[:, 0]
        assert_close(told, change, rtol=1e-4 if method == "newton" else 1e-2)


@pytest.mark.parametrize("shape", ["ovr", "ovo"])
def test_the_derivative_of_a_decision_function_is_a_finite_difference(shape):
    X, y = load_iris(return_X_y=True)
    explainer = InfluenceExplainer(SVC(decision_function_shape=shape), method="influence")
    model = explainer.fit(X, y).answers_.fit.model
    response, random = model.targets.response, np.random.RandomState(0)
    raw, change = random.standard_normal((2, 20, 3))
    encoded = model.encode(model.inner_features(X))
    assert_allclose(response(model.predict_raw(encoded)), explainer.decision_function(X), atol=0.01)
    step = 1e-6 * change
    slope = (response(raw + step) - response(raw - step)) / 2e-6
    assert_allclose(response.derivative(raw, change), slope, atol=1e-8)
