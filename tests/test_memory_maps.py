"""Estimators whose arrays cannot be written: loaded as memory maps, or handed to processes."""

import joblib
import numpy as np
import pytest
from joblib import Parallel, delayed
from numpy.testing import assert_allclose, assert_array_equal
from questions import answers, data, fit
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC

from skinfluence import InfluenceEmbedding, InfluenceExplainer, LabelCleaner, SmoothedLinearSVC
from skinfluence.solvers import CG, Lanczos, LiSSA

NAMES = ["logistic", "multinomial", "ridge", "poisson", "pipeline"]


def mapped(estimator, folder):
    """Return an estimator as joblib loads it, its arrays read from the file."""
    path = folder / f"{len(list(folder.iterdir()))}"  # a file of its own: others are mapped still
    joblib.dump(estimator, path)
    return joblib.load(path, mmap_mode="r")


@pytest.mark.parametrize("method", ["influence", "newton"])
@pytest.mark.parametrize("name", NAMES)
def test_every_question_is_answered_from_a_memory_map(name, method, tmp_path):
    X, y, *test = data(name)
    explainer = fit(name, X, y, method=method)
    explainer.self_influence()  # which fills some caches before they are written
    for loaded in (mapped(explainer, tmp_path), mapped(fit(name, X, y, method=method), tmp_path)):
        found, expected = (answers(name, each, *test) for each in (loaded, explainer))
        for question, answer in found.items():
            scale = 1e-7 * np.abs(expected[question]).max()
            assert_allclose(answer, expected[question], rtol=1e-7, atol=scale)


SOLVERS = [CG(), CG(preconditioner="jacobi"), LiSSA(depth=20, random_state=0), Lanczos()]


@pytest.mark.filterwarnings("ignore:Repeats of LiSSA", "ignore:.*stopped short")
@pytest.mark.parametrize("solver", SOLVERS, ids=str)
def test_every_solver_answers_from_a_memory_map(solver, tmp_path):
    X, y, *test = data("logistic")
    explainer = fit("logistic", X, y, method="influence", solver=solver)
    loaded = mapped(explainer, tmp_path)
    for ask in ("self_influence", "leverage", "parameter_influence"):
        assert_allclose(getattr(loaded, ask)(), getattr(explainer, ask)(), rtol=1e-6, atol=1e-9)
    found, expected = (each.loss_influence(*test) for each in (loaded, explainer))
    assert_allclose(found, expected, rtol=1e-6, atol=1e-9)
    assert loaded.condition_ == pytest.approx(explainer.condition_)


MODELS = [
    SVC(C=0.3),
    LinearSVC(),
    RidgeClassifier(class_weight="balanced"),
    SmoothedLinearSVC(),
    make_pipeline(StandardScaler(), LogisticRegression(tol=1e-9, class_weight="balanced")),
]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("model", MODELS, ids=str)
def test_every_model_answers_from_a_memory_map(model, tmp_path):
    X, y, *test = data("logistic", n=60)
    y[::7] = 1 - y[::7]
    explainer = InfluenceExplainer(model, method="influence").fit(X, y)
    loaded = mapped(explainer, tmp_path)
    for ask in (
        lambda e: e.loss_influence(*test),
        lambda e: e.self_influence(),
        lambda e: e.remove([0, 5]).predict(X),
        lambda e: e.predict(X),
        lambda e: e.group_influence(*test, np.arange(60) % 3),
    ):
        assert_allclose(ask(loaded), ask(explainer), rtol=1e-6, atol=1e-9)


def test_a_cleaner_and_an_embedding_from_a_memory_map(tmp_path):
    X, y, *_ = data("logistic", n=60)
    cleaner = LabelCleaner(LogisticRegression(tol=1e-9)).fit(X, y)
    loaded = mapped(cleaner, tmp_path)
    found, expected = (each.contradicting_rows([3, 4], k=2).rows for each in (loaded, cleaner))
    assert_array_equal(found, expected)
    loaded.to_html(tmp_path / "page.html")
    assert_array_equal(loaded.to_frame(), cleaner.to_frame())
    for components in (None, 2):
        embedding = InfluenceEmbedding(LogisticRegression(tol=1e-9), n_components=components)
        embedding.fit(X, y)
        assert_allclose(mapped(embedding, tmp_path).transform(X), embedding.transform(X))


def asked(explainer, test):
    return explainer.loss_influence(*test), explainer.self_influence(), explainer.certificates()


@pytest.mark.parametrize("name", ["logistic", "poisson"])
def test_processes_share_the_arrays_of_an_explainer(name):
    X, y, *test = data(name)
    explainer = fit(name, X, y)
    expected = asked(explainer, test)
    shared = Parallel(n_jobs=2, max_nbytes=1)(delayed(asked)(explainer, test) for _ in range(2))
    for found in shared:
        for answer, wanted in zip(found, expected):
            assert_allclose(answer, wanted, rtol=1e-7, atol=1e-10)
