"""Kernel models against dense algebra in the kernel's own terms, and against real refits."""

import pickle

import numpy as np
import pytest
from comparison import assert_close
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
from sklearn.kernel_ridge import KernelRidge
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR, NuSVC, NuSVR, OneClassSVM

from skinfluence import InfluenceExplainer, as_problem
from skinfluence.problems import final_estimator

N, ROWS = 50, [0, 5, 11, 17, 23, 40]
#: Smoothing at which a row's effect is that of the loss with its kink, to 1e-3 of it.
SHARP = 1e-6


def kernel(A, B):
    return rbf_kernel(A, B, gamma=0.3)


def dot_of_rows(a, b):
    return float(np.dot(a, b) + 1) ** 2


def data(kind, n_test=8):
    random = np.random.RandomState(0)
    X = random.standard_normal((N + n_test, 3))
    signal = (
        np.sin(2 * X[:, 0]) + X[:, 1] * X[:, 2] + X[:, 1] + 0.4 * random.standard_normal(len(X))
    )
    y = {
        "binary": np.where(signal > 0, "yes", "no"),
        "multiclass": np.digitize(signal, [-0.6, 0.6]),
        "regression": signal,
        "outputs": np.c_[signal, X[:, 0] - 2 * signal],
    }[kind]
    return X, y


def svc(**params):
    return SVC(**{"tol": 1e-5, **params})


def svr(**params):
    return SVR(**{"tol": 1e-5, **params})


# name: (kind of target, estimator)
MACHINES = {
    "rbf": ("binary", svc()),
    "linear": ("binary", svc(kernel="linear", C=0.5)),
    "poly": ("binary", svc(kernel="poly", degree=2, coef0=1.0, gamma="auto")),
    "callable": ("binary", svc(kernel=kernel, class_weight={"yes": 2.0})),
    "precomputed": ("binary", svc(kernel="precomputed")),
    "multiclass": ("multiclass", svc(C=2.0, decision_function_shape="ovo")),
    "multiclass_precomputed": ("multiclass", svc(kernel="precomputed", break_ties=True)),
    "svr": ("regression", svr()),
    "svr_linear": ("regression", svr(kernel="linear", C=0.3)),
    "svr_precomputed": ("regression", svr(kernel="precomputed", C=3.0)),
}
SQUARES = {
    "ridge": ("regression", KernelRidge(kernel="rbf", gamma=0.3)),
    "ridge_linear": ("regression", KernelRidge()),
    "ridge_callable": ("regression", KernelRidge(kernel=dot_of_rows, alpha=0.5)),
    "ridge_poly": ("outputs", KernelRidge(kernel="poly", degree=3, alpha=[1.0, 3.0])),
    "ridge_precomputed": ("outputs", KernelRidge(kernel="precomputed", alpha=0.3)),
    "process": ("regression", GaussianProcessRegressor(alpha=0.1)),
    "process_noise": (
        "regression",
        GaussianProcessRegressor(ConstantKernel() * RBF() + WhiteKernel(), normalize_y=True),
    ),
    "process_outputs": (
        "outputs",
        GaussianProcessRegressor(RBF(2.0, "fixed"), alpha=0.2, normalize_y=True),
    ),
}
KERNEL_MODELS = MACHINES | SQUARES


class Fitted:
    """A kernel model, its data, and what it is when it is really fitted again."""

    def __init__(self, name, as_sparse=False):
        kind, self.model = KERNEL_MODELS[name]
        X, self.y = data(kind)
        self.square = "precomputed" in name
        if self.square:
            X = kernel(X, X[:N])
        if as_sparse:
            X = sparse.csr_matrix(X)
        self.X, self.X_test, self.y_test = X[:N], X[N:], self.y[N:]
        self.y = self.y[:N]

    def explain(self, method="newton", **params):
        explainer = InfluenceExplainer(self.model, method=method, **params)
        return explainer.fit(self.X, self.y)

    def kept(self, left_out):
        return np.setdiff1d(np.arange(N), left_out)

    def test_rows(self, left_out):
        return self.X_test[:, self.kept(left_out)] if self.square else self.X_test

    def refit(self, base, left_out):
        """Really fit again without rows, what the data chose held."""
        kept, model = self.kept(left_out), clone(self.model)
        X, y = self.X[kept], self.y[kept]
        if isinstance(model, GaussianProcessRegressor):
            model.set_params(kernel=base.kernel_, optimizer=None, normalize_y=False)
            model.fit(X, (y - base._y_train_mean) / base._y_train_std)
            model._y_train_mean, model._y_train_std = base._y_train_mean, base._y_train_std
            return model
        if hasattr(base, "_gamma") and isinstance(model.kernel, str):
            model.set_params(gamma=base._gamma)
        return model.fit(X[:, kept] if self.square else X, y)


def say(model, X):
    return model.decision_function(X) if hasattr(model, "decision_function") else model.predict(X)


def changes(name, **params):
    """Return the estimate and the truth of how predictions change, shape (n_rows, m, ...)."""
    fitted = Fitted(name)
    explainer = fitted.explain(**params)
    base = explainer.estimator_
    before = say(base, fitted.X_test)
    refits = [say(fitted.refit(base, [j]), fitted.test_rows([j])) - before for j in ROWS]
    estimate = np.moveaxis(explainer.prediction_influence(fitted.X_test, rows=ROWS), 1, 0)
    return estimate, np.array(refits)


@pytest.mark.parametrize("name", [name for name in MACHINES if name != "multiclass_precomputed"])
def test_slope_against_real_refits_is_one(name):
    estimate, truth = changes(name, temperature=1e-5)
    slope, _ = np.polyfit(truth.ravel(), estimate.ravel(), 1)
    assert slope == pytest.approx(1, abs=0.03)
    assert np.corrcoef(truth.ravel(), estimate.ravel())[0, 1] > 0.999


@pytest.mark.parametrize("name", SQUARES)
def test_newton_is_the_real_refit_of_squared_error(name):
    estimate, truth = changes(name)
    assert_close(estimate, truth, rtol=1e-8)


@pytest.mark.parametrize("name", KERNEL_MODELS)
def test_removed_model_is_a_real_refit(name):
    fitted, left_out = Fitted(name), [3, 8, 20]
    for method in ("newton", "retrain"):
        explainer = fitted.explain(method, temperature=SHARP)
        model = explainer.remove(left_out)
        refit = fitted.refit(explainer.estimator_, left_out)
        X = fitted.test_rows(left_out)
        rtol = 1e-8 if name in SQUARES else 1e-4
        assert_close(say(model, X), say(refit, X), rtol)
        if fitted.y.dtype.kind in "Ui":
            assert_array_equal(model.predict(X), refit.predict(X))
        if isinstance(model, GaussianProcessRegressor):
            deviations = (m.predict(X, return_std=True)[1] for m in (model, refit))
            assert_close(*deviations, rtol=1e-8)
        if name in MACHINES:
            assert set(refit.support_) <= set(model.support_)
            assert_array_equal(np.sort(model.support_), np.unique(model.support_))


def test_removed_model_of_sparse_rows_is_a_real_refit():
    for name in ("rbf", "svr", "linear"):
        fitted, left_out = Fitted(name, as_sparse=True), [3, 8, 20]
        explainer = fitted.explain(temperature=SHARP)
        model = explainer.remove(left_out)
        refit = fitted.refit(explainer.estimator_, left_out)
        assert_close(say(model, fitted.X_test), say(refit, fitted.X_test), rtol=1e-4)
        dense = Fitted(name).explain(temperature=SHARP)
        loss = explainer.loss_influence(fitted.X_test, fitted.y_test, rows=ROWS[:2])
        asked = Fitted(name).X_test, fitted.y_test
        assert_close(loss, dense.loss_influence(*asked, rows=ROWS[:2]), rtol=1e-5)


@pytest.mark.parametrize("name", KERNEL_MODELS)
def test_parameters_are_dual_coefficients(name):
    """``raw = K β + intercept`` before and after, and the row's own coefficient goes to 0."""
    fitted = Fitted(name)
    explainer = fitted.explain(temperature=0.05)
    problem, base = explainer.problem_, explainer.estimator_
    K = problem.n_outputs
    coefficients = problem.kernel.coefficients(problem)
    change = explainer.parameter_influence(ROWS)
    intercepts = K * problem.predictor.fit_intercept
    assert change.shape == (len(ROWS), N * K + intercepts)
    dual = change[:, : N * K].reshape(-1, K, N)
    for i, row in enumerate(ROWS):
        assert_allclose(dual[i, :, row], -coefficients[row], rtol=1e-10, atol=1e-12)
    gram = training_gram(base, fitted)
    raw = gram @ coefficients + problem.predictor.unflatten(problem.theta)[1]
    assert_close(raw, problem.raw, rtol=1e-6)
    moved = np.einsum("mn,ikn->mik", gram, dual)
    if intercepts:
        moved = moved + change[:, N * K :]
    influence = explainer.prediction_influence(fitted.X, rows=ROWS)
    response = problem.targets.response
    told = response.change(raw[:, None], moved)
    assert_close(np.squeeze(told), np.squeeze(influence), rtol=2e-3)
    first = fitted.explain("influence", temperature=0.05)
    change = first.parameter_influence(ROWS)
    moved = np.einsum("mn,ikn->mik", gram, change[:, : N * K].reshape(-1, K, N))
    if intercepts:
        moved = moved + change[:, N * K :]
    influence = first.prediction_influence(fitted.X, rows=ROWS)
    told = response.derivative(first.problem_.raw[:, None], moved)
    assert_close(np.squeeze(told), np.squeeze(influence), rtol=1e-6)


def training_gram(model, fitted):
    """Return K of the training rows, in the model's own words."""
    if fitted.square:
        return fitted.X
    if isinstance(model, GaussianProcessRegressor):
        return model.kernel_(fitted.X, fitted.X)
    if isinstance(model, KernelRidge):
        return model._get_kernel(fitted.X)
    if callable(model.kernel):
        return model.kernel(fitted.X, fitted.X)
    X, gamma = fitted.X, model._gamma
    return {
        "linear": X @ X.T,
        "rbf": rbf_kernel(X, gamma=gamma),
        "poly": (gamma * X @ X.T + model.coef0) ** model.degree,
    }[model.kernel]


@pytest.mark.parametrize("name", ["rbf", "callable", "precomputed", "svr"])
def test_first_order_is_dense_algebra_in_the_dual(name):
    """The bordered system of the dual, ``(K A + λ) β' + 1 b' = K g_j``, never K⁻¹."""
    fitted = Fitted(name)
    explainer = fitted.explain("influence", temperature=0.1)
    problem, gram = explainer.problem_, training_gram(explainer.estimator_, fitted)
    weights, ridge = problem.weights, problem.penalty[0]
    bent = weights * problem.curvatures[:, 0, 0]
    pull = weights * problem.gradients[:, 0]
    # raw' = K β' + b', λ β' = [removed] pull - bent raw', Σ_i λ β'_i = 0
    system = np.zeros((N + 1, N + 1))
    system[:N, :N] = ridge * np.eye(N) + bent[:, None] * gram
    system[:N, N], system[N, :N] = bent, 1
    removed = np.zeros((N + 1, N))
    removed[:N] = np.diag(pull)
    expected = np.linalg.solve(system, removed).T
    assert_close(explainer.parameter_influence(), expected, rtol=1e-8)


def test_leverages_are_those_of_the_hat_matrix():
    fitted = Fitted("ridge")
    gram = training_gram(fitted.explain().estimator_, fitted)
    expected = np.diag(gram @ np.linalg.inv(gram + np.eye(N)))
    assert_allclose(fitted.explain().leverage(), expected, rtol=1e-9)


def test_features_reproduce_the_kernel():
    fitted = Fitted("rbf")
    problem = fitted.explain().problem_
    gram = training_gram(fitted.explain().estimator_, fitted)
    assert_close(problem.X @ problem.X.T, gram, rtol=1e-13)
    assert_close(problem.encode(fitted.X), problem.X, rtol=1e-9)


def test_rank_is_that_of_the_kernel():
    X, y = data("binary")
    problem = as_problem(svc(kernel="poly", degree=2, coef0=1.0).fit(X, y), X, y)
    assert problem.X.shape == (len(X), 10)  # monomials up to degree 2 in three variables
    twice = np.r_[X, X]
    problem = as_problem(svc().fit(twice, np.r_[y, y]), twice, np.r_[y, y])
    assert problem.X.shape[1] <= len(X)


def test_pipelines_and_frozen_models_are_explained():
    X, y = data("binary")
    model = make_pipeline(StandardScaler(), svc()).fit(X[:N], y[:N])
    explainer = InfluenceExplainer(FrozenEstimator(model), method="newton").fit(X[:N], y[:N])
    influence = explainer.loss_influence(X[N:], y[N:])
    again = pickle.loads(pickle.dumps(explainer))
    assert_array_equal(again.loss_influence(X[N:], y[N:]), influence)
    removed = explainer.remove([1, 2])
    assert removed.predict(X[N:]).shape == y[N:].shape
    assert final_estimator(removed).shape_fit_ == (N - 2, 3)


def test_other_rows_than_were_fitted_are_refused():
    X, y = data("binary")
    model = FrozenEstimator(svc().fit(X, y))
    with pytest.raises(ValueError, match="was fitted on"):
        InfluenceExplainer(model).fit(X[:-1], y[:-1])


@pytest.mark.parametrize("model", [NuSVC(), NuSVR(), OneClassSVM()])
def test_nu_is_refused_with_the_reason(model):
    X, y = data("regression" if isinstance(model, NuSVR) else "binary")
    with pytest.raises(TypeError, match="nu is a share of the rows"):
        as_problem(model.fit(X, y), X, y)


def test_an_indefinite_kernel_is_refused_with_its_eigenvalue():
    X, y = data("binary")
    with pytest.raises(ValueError, match="smallest eigenvalue is -.*sigmoid"):
        InfluenceExplainer(svc(kernel="sigmoid")).fit(X, y)


def test_an_asymmetric_kernel_is_refused():
    X, y = data("binary")
    gram = kernel(X, X)
    gram[0, 1] += 0.1
    with pytest.raises(ValueError, match="not symmetric"):
        InfluenceExplainer(svc(kernel="precomputed")).fit(gram, y)


def test_noise_of_every_row_is_refused():
    X, y = data("regression")
    with pytest.raises(TypeError, match="array alpha"):
        InfluenceExplainer(GaussianProcessRegressor(alpha=np.full(len(X), 0.1))).fit(X, y)


def test_kernel_models_of_one_vs_rest_are_refused():
    X, y = data("multiclass")
    with pytest.raises(TypeError, match="features of its own"):
        InfluenceExplainer(OneVsRestClassifier(svc())).fit(X, y)


@pytest.mark.parametrize("shift", [100.0, 1e6])
def test_kernel_of_distances_does_not_depend_on_where_zero_is(shift):
    random = np.random.default_rng(0)
    X = random.normal(size=(100, 2)).astype(np.float32).astype(float)  # so that X + shift is exact
    X = np.round(X * 2**20) / 2**20
    y = (X[:, 0] + random.normal(size=100) > 0).astype(int)
    for model in (SVC(tol=1e-6), KernelRidge(kernel="rbf", gamma=0.5)):
        here, there = (
            InfluenceExplainer(model, method="influence", refine=True).fit(X + by, y)
            for by in (0.0, shift)
        )
        expected = here.loss_influence(X[:5], y[:5])
        assert_close(there.loss_influence(X[:5] + shift, y[:5]), expected, 1e-5)
        expected = here.input_influence(X[:5], y[:5], rows=[0, 1])
        assert_close(there.input_influence(X[:5] + shift, y[:5], rows=[0, 1]), expected, 1e-4)


@pytest.mark.parametrize("apart", [1e3, 1e5])
def test_rows_may_be_far_apart_beside_the_width_of_the_kernel(apart):
    """Clusters that do not see each other, the rows of each around the same points."""
    X, y = data("regression")
    far = np.r_[X[:25] - apart, X[25:50] + apart]
    model = KernelRidge(kernel="rbf", gamma=0.5)
    explainer = InfluenceExplainer(model, method="newton").fit(far, y[:50])
    alone = InfluenceExplainer(model, method="newton").fit(X[:25], y[:25])
    found = explainer.loss_influence(far[:4], y[:4])
    assert_close(found[:, :25], alone.loss_influence(X[:4], y[:4]), 1e-6)
    assert_allclose(found[:, 25:], 0, atol=1e-12)


def test_rows_of_a_gaussian_process_may_be_a_list():
    X, y = data("regression")
    process = GaussianProcessRegressor(RBF(2.0) + WhiteKernel(0.3), optimizer=None)
    listed, array = (
        InfluenceExplainer(process).fit(rows, y).loss_influence(rows[:3], y[:3])
        for rows in (X.tolist(), X)
    )
    assert_allclose(listed, array, rtol=1e-12)
