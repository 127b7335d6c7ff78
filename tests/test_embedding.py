"""InfluenceEmbedding: inner products are influences, and it behaves as a transformer does."""

import pickle
import re
import warnings

import numpy as np
import pytest
import sklearn
from comparison import encoded
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import Lasso, LogisticRegression, Ridge
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skinfluence import InfluenceEmbedding, InfluenceExplainer
from skinfluence.embedding import _principal_components
from skinfluence.problems import FixedWeights


def tight(**params):
    return LogisticRegression(**{"tol": 1e-9, "max_iter": 10_000, **params})


def blocks(embedding, n_outputs):
    """Return the columns of an embedding block by block, shape (m, K, p)."""
    return embedding.reshape(len(embedding), n_outputs, -1)


def frozen(case):
    """Return the case's estimator, fitted to its optimum."""
    if case.name == "quantile":
        pytest.skip("its optimum at the default temperature takes a minute to find")
    return FrozenEstimator(case.influence.estimator_)


def close(actual, desired, dtype=float):
    scale = np.abs(desired).max(initial=1e-300)
    assert_allclose(actual, desired, rtol=1e-6, atol=np.finfo(dtype).eps ** 0.6 * scale)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore:The Hessian is:scipy.linalg.LinAlgWarning")
def test_inner_products_are_influences(case):
    fitted = frozen(case)
    embedding = InfluenceEmbedding(fitted).fit(case.X, case.y, case.sample_weight)
    explainer = InfluenceExplainer(fitted, method="influence", solver="direct")
    explainer.fit(case.X, case.y, case.sample_weight)
    problem = explainer.inverse_.hessian.problem
    K = problem.n_outputs
    train, test = (blocks(embedding.transform(X), K) for X in (case.X, case.X_test))
    learnt = np.einsum("nkp,nk->np", train, embedding.train_gradient_)
    X = encoded(explainer, case.X_test)
    own = (
        explainer.inverse_
        @ problem.predictor.row_gradients(problem.X, problem.weights[:, None] * problem.gradients).T
    )
    close(test @ learnt.T, problem.predictor.jvp(X, own))
    simple = problem.mass is None and isinstance(problem.reweighting, FixedWeights)
    if simple and case.name in ("lbfgs", "ridge", "multinomial", "ridge_outputs", "svc", "lasso"):
        truth = explainer.prediction_influence(case.X_test)
        truth = truth[:, :, None] if K == 1 else truth
        close((test @ learnt.T), truth.transpose(0, 2, 1))


def test_the_formula_for_one_output_reads_as_it_is_documented():
    X, y = load_breast_cancer(return_X_y=True)
    model = make_pipeline(StandardScaler(), tight())
    embedding = InfluenceEmbedding(model).fit(X[:400], y[:400])
    explainer = InfluenceExplainer(model, method="influence").fit(X[:400], y[:400])
    product = (
        embedding.transform(X[400:]) @ (embedding.transform(X[:400]) * embedding.train_gradient_).T
    )
    assert embedding.transform(X).shape == (569, 31)
    assert embedding.train_gradient_.shape == (400, 1)
    assert_allclose(product, explainer.prediction_influence(X[400:]), rtol=1e-7, atol=1e-12)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore:The Hessian is:scipy.linalg.LinAlgWarning")
def test_components_are_the_principal_ones(case):
    fitted = frozen(case)
    weights = case.sample_weight
    whole = InfluenceEmbedding(fitted).fit(case.X, case.y, weights)
    part = InfluenceEmbedding(fitted, n_components=2).fit(case.X, case.y, weights)
    s = part.explainer_.problem_.weights
    rows = s[:, None] ** 0.5 * whole.transform(case.X)
    values = np.linalg.svd(rows, compute_uv=False)
    ratio = values**2 / np.sum(values**2)
    assert_allclose(part.explained_energy_ratio_, ratio[:2], rtol=1e-5, atol=1e-8)
    few = s[:, None] ** 0.5 * part.transform(case.X)
    gram = few.T @ few
    close(gram, np.diag(values[:2] ** 2))
    # The remainder of the inner products is what is best possible.
    left = np.linalg.eigvalsh(rows @ rows.T - few @ few.T)[-1]
    third = values[2] ** 2 if len(values) > 2 else 0.0
    assert abs(left - third) <= 1e-6 * values[0] ** 2
    close(part.transform(case.X_test) @ part.components_, _nearest(part, case.X_test))


def _nearest(part, X):
    """Return the embedding of all columns, projected; by the whitener of the very same fit."""
    explainer = part.explainer_
    rows = _principal_components.embed(explainer.inverse_, encoded(explainer, X))
    return rows @ part.components_.T @ part.components_


def test_all_components_keep_every_inner_product():
    X, y = load_iris(return_X_y=True)
    whole = InfluenceEmbedding(tight()).fit(X, y).transform(X)
    fitted = InfluenceEmbedding(tight(), n_components=whole.shape[1]).fit(X, y)
    part = fitted.transform(X)
    assert part.shape == whole.shape == (150, 45)
    assert_allclose(part @ part.T, whole @ whole.T, rtol=1e-9, atol=1e-9)
    assert fitted.explained_energy_ratio_.sum() == pytest.approx(1)


@pytest.mark.parametrize("estimator", [tight(), Ridge()], ids=str)
def test_lanczos_finds_what_the_matrix_has(estimator, monkeypatch):
    X, y = load_iris(return_X_y=True)
    y = y if estimator.__class__ is LogisticRegression else np.c_[y, X[:, 0]]
    formed = InfluenceEmbedding(estimator, n_components=3).fit(X, y)
    monkeypatch.setattr(_principal_components, "FORMED", 0)
    found = [InfluenceEmbedding(estimator, n_components=3, random_state=0).fit(X, y) for _ in "ab"]
    assert_array_equal(found[0].transform(X), found[1].transform(X))
    assert_allclose(found[0].transform(X), formed.transform(X), rtol=1e-6, atol=1e-8)
    ratios = found[0].explained_energy_ratio_, formed.explained_energy_ratio_
    assert_allclose(*ratios, rtol=1e-8)


def test_sparse_text_is_never_made_dense():
    random = np.random.RandomState(0)
    X = sparse.random(60, 1200, density=0.02, format="csr", random_state=random)
    y = random.randint(2, size=60)
    fitted = InfluenceEmbedding(tight(), n_components=4, random_state=0).fit(X, y)
    assert fitted.explainer_.inverse_.factor.shape == (60, 60)  # no (P, P) matrix either
    rows = fitted.transform(X)
    whole = InfluenceEmbedding(tight()).fit(X, y).transform(X)
    values = np.linalg.svd(
        fitted.explainer_.problem_.weights[:, None] ** 0.5 * whole, compute_uv=False
    )
    assert_allclose(np.linalg.norm(rows, axis=0), values[:4], rtol=1e-6)


def test_the_flat_direction_of_a_softmax_needs_no_ridge():
    X, y = load_iris(return_X_y=True)
    fitted = InfluenceEmbedding(tight()).fit(X, y)
    hessian = fitted.explainer_.inverse_.hessian
    assert hessian.damping == 0 and hessian.flat_directions.shape[1] == 1
    rows = blocks(fitted.transform(X), 3)
    inverse = np.linalg.pinv(hessian.dense(), hermitian=True)
    jacobian = hessian.problem.predictor.jacobian(hessian.problem.X)
    truth = np.einsum("nkp,pq,mlq->nkml", jacobian, inverse, jacobian, optimize=True)
    product = np.einsum("nkp,mlp->nkml", rows, rows, optimize=True)
    assert_allclose(product, truth, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("scale", [1e-3, 1e3])
def test_inner_products_are_those_of_a_problem_in_other_units(scale):
    X, y = load_diabetes(return_X_y=True)
    one = InfluenceEmbedding(Ridge(alpha=2.0)).fit(X, y)
    other = InfluenceEmbedding(Ridge(alpha=2.0 * scale**2)).fit(scale * X, y)
    assert_allclose(one.transform(X), other.transform(scale * X), rtol=1e-6, atol=1e-9)


def test_weights_count_as_rows():
    X, y = load_breast_cancer(return_X_y=True)
    X, weights = StandardScaler().fit_transform(X), np.arange(len(y)) % 3
    for n_components in (None, 3):
        embedding = InfluenceEmbedding(tight(), n_components=n_components)
        weighted = clone(embedding).fit(X, y, weights).transform(X)
        repeated = np.repeat(np.arange(len(y)), weights)
        twice = clone(embedding).fit(X[repeated], y[repeated]).transform(X)
        assert_allclose(weighted, twice, rtol=1e-4, atol=1e-6)


def test_what_an_l1_norm_holds_has_no_columns():
    X, y = load_diabetes(return_X_y=True)
    fitted = InfluenceEmbedding(Lasso(alpha=1.0)).fit(X, y)
    assert fitted.transform(X).shape == (442, np.count_nonzero(fitted.estimator_.coef_) + 1)


@pytest.mark.parametrize("n_components", [None, 4])
def test_blocks_of_rows_change_nothing(n_components):
    X, y = load_iris(return_X_y=True)
    whole = InfluenceEmbedding(tight(), n_components=n_components).fit(X, y)
    with sklearn.config_context(working_memory=0.01):
        part = clone(whole).fit(X, y)
        rows = part.transform(X)
    assert_allclose(rows, whole.transform(X), rtol=1e-7, atol=1e-10)


def test_names_of_columns():
    X, y = load_iris(return_X_y=True, as_frame=True)
    fitted = InfluenceEmbedding(tight(), n_components=2).fit(X, y)
    assert fitted.get_feature_names_out().tolist() == ["influenceembedding0", "influenceembedding1"]
    assert fitted.feature_names_in_.tolist() == X.columns.tolist()
    assert len(InfluenceEmbedding(tight()).fit(X, y).get_feature_names_out()) == 3 * 15


@pytest.mark.parametrize("library", ["pandas", "polars"])
@pytest.mark.parametrize("n_components", [None, 2])
def test_set_output(library, n_components):
    frames = pytest.importorskip(library)
    X, y = load_iris(return_X_y=True)
    X_frame = frames.DataFrame(dict(zip("abcd", X.T)))
    embedding = InfluenceEmbedding(tight(), n_components=n_components)
    out = clone(embedding).set_output(transform=library).fit(X_frame, y).transform(X_frame)
    assert isinstance(out, frames.DataFrame)
    assert list(out.columns[:2]) == ["influenceembedding0", "influenceembedding1"]
    assert_allclose(np.asarray(out), embedding.fit(X, y).transform(X))
    if library == "pandas":
        named = X_frame.set_index(np.arange(150) + 1000)
        embedding = clone(embedding).set_output(transform="pandas").fit(named, y)
        assert embedding.transform(named).index.tolist() == named.index.tolist()


def test_a_step_before_nearest_neighbours():
    X, y = load_breast_cancer(return_X_y=True)
    scaled = make_pipeline(StandardScaler(), tight())
    model = make_pipeline(InfluenceEmbedding(scaled, n_components=5), KNeighborsClassifier())
    assert cross_val_score(model, X, y, cv=3).mean() > 0.9


@pytest.mark.parametrize("n_components", [None, 2])
def test_it_survives_pickling(n_components):
    X, y = load_iris(return_X_y=True)
    fitted = InfluenceEmbedding(tight(), n_components=n_components).fit(X, y)
    copy = pickle.loads(pickle.dumps(fitted))
    assert_array_equal(copy.transform(X), fitted.transform(X))


def test_a_frozen_estimator_is_taken_as_it_is():
    X, y = load_iris(return_X_y=True)
    own = InfluenceEmbedding(tight()).fit(X, y)  # which goes to its optimum
    embedding = InfluenceEmbedding(FrozenEstimator(own.estimator_)).fit(X, y)
    assert embedding.estimator_.estimator is own.estimator_
    assert_allclose(embedding.transform(X), own.transform(X))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_components", [None, 2])
def test_the_dtype_is_kept(dtype, n_components):
    X, y = load_diabetes(return_X_y=True)
    X, y = X.astype(dtype), y.astype(dtype)
    fitted = InfluenceEmbedding(Ridge(), n_components=n_components).fit(X, y)
    assert fitted.transform(X).dtype == dtype


@pytest.mark.parametrize(
    ("n_components", "message"),
    [
        (0, "`n_components` must be an integer >= 1"),
        (2.5, "`n_components` must be an integer >= 1"),
        (12, r"`n_components` must be at most min\(n, K p\) = 11"),
    ],
)
def test_a_wrong_number_of_components_is_refused(n_components, message):
    X, y = load_diabetes(return_X_y=True)
    with pytest.raises(ValueError, match=message):
        InfluenceEmbedding(Ridge(), n_components=n_components).fit(X, y)


@pytest.mark.parametrize("frozen", [False, True])
def test_a_fit_that_stopped_early_is_not_told_of_parameters_that_it_has_not(frozen):
    X, y = load_iris(return_X_y=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = LogisticRegression(max_iter=2)
        model = FrozenEstimator(model.fit(X, y)) if frozen else model
    with pytest.warns(ConvergenceWarning) as caught:
        InfluenceEmbedding(model).fit(X, y)
    (message,) = (str(each.message) for each in caught if "its optimum" in str(each.message))
    named = set(re.findall(r"(\w+)=", message)) | set(re.findall(r"`(\w+)`", message))
    assert named <= {"tol", "max_iter", "estimator"}
