"""What is refused, and whether the message says what to do about it."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    Perceptron,
    Ridge,
    RidgeClassifier,
    SGDClassifier,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skinfluence import InfluenceExplainer, LabelCleaner, as_problem, datasets, leave_one_out

SUPPORTED = ("LinearRegression", "LogisticRegression", "Ridge", "RidgeClassifier", "Pipeline")


@pytest.fixture
def iris():
    X, y = load_iris(return_X_y=True)
    return X[::3], np.array(["setosa", "versicolor", "virginica"])[y[::3]]


@pytest.fixture
def explainer(iris):
    return InfluenceExplainer(LogisticRegression(max_iter=1000), refine=True).fit(*iris)


# Estimators


@pytest.mark.parametrize(
    "estimator",
    [
        RandomForestClassifier(n_estimators=2),
        GaussianNB(),
        make_pipeline(StandardScaler(), GaussianNB()),
        LinearRegression(positive=True),
        Ridge(positive=True),
        KNeighborsClassifier(),
        SGDClassifier(loss="hinge"),
    ],
    ids=str,
)
def test_unsupported_estimator_is_told_what_is_supported(estimator, iris):
    X, y = iris[0], np.arange(50) % 2
    metas = InfluenceExplainer(estimator), LabelCleaner(estimator, score="self_influence")
    for meta in metas:
        with pytest.raises(TypeError) as error:
            meta.fit(X, y)
        for name in (*SUPPORTED, 'method="retrain" works for anything'):
            assert name in str(error.value)


def test_as_problem_may_be_taught_another_estimator(iris):
    X, y = iris[0], iris[0][:, 0]

    class Taught(Ridge):
        pass

    taught = []
    ridge = as_problem.dispatch(Ridge)
    as_problem.register(Taught)(lambda *fitted: taught.append(True) or ridge(*fitted))
    assert InfluenceExplainer(Taught()).fit(X, y).parameter_influence().shape == (50, 5)
    assert taught


def test_retrain_works_for_anything(iris):
    X, y = iris
    for model in (RandomForestClassifier(n_estimators=5, random_state=0), KNeighborsClassifier()):
        explainer = InfluenceExplainer(model, method="retrain").fit(X, y)
        influence = explainer.loss_influence(X[:4], y[:4], rows=[0, 20, 40])
        assert influence.shape == (4, 3)
        assert explainer.prediction_influence(X[:4], rows=[0]).shape == (4, 1, 3)
        expected = leave_one_out(model, X, y, X[:4], y[:4], rows=[0, 20, 40], n_jobs=2)
        assert_allclose(influence, expected)
        without = clone(model).fit(np.delete(X, 20, axis=0), np.delete(y, 20))
        before, after = (m.predict_proba(X[:4]) for m in (explainer.estimator_, without))
        codes = np.searchsorted(explainer.classes_, y[:4])
        eps = np.finfo(float).eps
        truth = np.log(np.maximum(before, eps)) - np.log(np.maximum(after, eps))
        assert_allclose(influence[:, 1], truth[np.arange(4), codes], atol=1e-12)


def test_retrain_of_a_regressor_without_adapter(iris):
    X, model = iris[0], KNeighborsRegressor()
    explainer = InfluenceExplainer(model, method="retrain").fit(X[:, 1:], X[:, 0])
    without = clone(model).fit(X[1:, 1:], X[1:, 0])
    change = explainer.prediction_influence(X[:5, 1:], rows=[0])[:, 0]
    assert_allclose(change, without.predict(X[:5, 1:]) - explainer.predict(X[:5, 1:]))
    assert explainer.self_influence().shape == (50,)
    assert explainer.loo_predict().shape == (50,)
    with pytest.raises(TypeError, match="parameters of KNeighborsRegressor are not known"):
        explainer.parameter_influence()
    with pytest.raises(ValueError, match="newton"):
        explainer.leverage()


def test_retrain_of_a_classifier_without_probabilities_says_what_is_missing(iris):
    with pytest.raises(TypeError, match="predict_proba"):
        InfluenceExplainer(Perceptron(), method="retrain").fit(*iris)


def test_weights_for_an_estimator_that_takes_none(iris):
    X, y = iris
    explainer = InfluenceExplainer(KNeighborsClassifier(), method="retrain")
    with pytest.raises(TypeError, match="sample_weight"):
        explainer.fit(X, y, sample_weight=np.ones(50))


# Test data


def test_unseen_labels_are_named(explainer, iris):
    X, _ = iris
    for ask in (explainer.loss_influence, explainer.most_influential):
        with pytest.raises(ValueError, match="'tulip'.*knows.*setosa"):
            ask(X[:2], ["setosa", "tulip"])


def test_labels_of_another_kind_are_unseen(explainer, iris):
    with pytest.raises(ValueError, match="not fitted on"):
        explainer.loss_influence(iris[0][:2], [0, 1])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan_and_infinity_are_refused(value, explainer, iris):
    X, y = iris
    bad = X.copy()
    bad[1, 2] = value
    with pytest.raises(ValueError, match="NaN|infinity"):
        InfluenceExplainer().fit(bad, y)
    for ask in (explainer.loss_influence, explainer.most_influential):
        with pytest.raises(ValueError, match="NaN|infinity"):
            ask(bad, y)
    with pytest.raises(ValueError, match="NaN|infinity"):
        explainer.prediction_influence(bad)


def test_wrong_shapes_are_refused(explainer, iris):
    X, y = iris
    with pytest.raises(ValueError, match="features"):
        explainer.loss_influence(X[:, :3], y)
    with pytest.raises(ValueError, match="5 rows and y_test 4"):
        explainer.loss_influence(X[:5], y[:4])
    with pytest.raises(ValueError, match="(?i)1d array"):
        explainer.loss_influence(X[0], y[:1])
    ridge = InfluenceExplainer(Ridge()).fit(X[:, 1:], X[:, 0])
    with pytest.raises(ValueError, match=r"1 column\(s\)"):
        ridge.loss_influence(X[:, 1:], X[:, :2])


def test_groups_of_the_wrong_shape_are_refused(explainer, iris):
    X, y = iris
    masks = np.ones((50, 2), dtype=bool)
    for groups in (y[:-1], masks.astype(float), masks.T, "all", masks[:, :, None]):
        with pytest.raises(ValueError, match="groups"):
            explainer.group_influence(X, y, groups)


def test_no_test_rows_are_no_answers(explainer, iris):
    with pytest.raises(ValueError, match="minimum of 1 is required"):
        explainer.loss_influence(iris[0][:0], iris[1][:0])


# Parameters


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"method": "guess"}, "`method` must be"),
        ({"curvature": "flat"}, "`curvature` must be"),
        ({"damping": -1.0}, "`damping` must be"),
        ({"damping": "some"}, "`damping` must be"),
        ({"damping": np.nan}, "`damping` must be"),
        ({"temperature": 0}, "`temperature` must be"),
        ({"block_size": 0}, "`block_size` must be"),
        ({"solver": "lapack"}, "`solver` must be"),
    ],
    ids=str,
)
def test_bad_parameters_are_refused(params, message, iris):
    with pytest.raises(ValueError, match=message):
        InfluenceExplainer(LogisticRegression(max_iter=1000), **params).fit(*iris)


def test_solver_of_the_wrong_kind_is_a_type_error(iris):
    with pytest.raises(TypeError, match="`solver` must be"):
        InfluenceExplainer(LogisticRegression(max_iter=1000), solver=3).fit(*iris)


def test_bad_arguments_are_refused(explainer, iris):
    with pytest.raises(ValueError, match="`scale` must be"):
        explainer.loss_influence(*iris, scale="downweight")
    for k in (0, 51, 2.5, True):
        with pytest.raises(ValueError, match="`k` must be an integer between 1 and n_train=50"):
            explainer.most_influential(*iris, k=k)
    for out in (np.zeros((50, 50), dtype=int), [[0.0] * 50] * 50, np.zeros((50, 49))):
        with pytest.raises(ValueError, match="`out` must"):
            explainer.loss_influence(*iris, out=out)
    with pytest.raises(ValueError, match="`groups` must hold labels of one kind"):
        explainer.group_influence(*iris, np.array(["a", None] * 25, dtype=object))
    for method in ("transform", "predict_log_proba"):
        with pytest.raises(ValueError, match="`method` must be"):
            explainer.loo_predict(method)
    with pytest.raises(ValueError, match="`method` must be"):
        InfluenceExplainer(RidgeClassifier()).fit(*iris).loo_predict("predict_proba")


@pytest.mark.parametrize("model", [LogisticRegression(max_iter=1000), GaussianNB()], ids=str)
def test_tests_of_unequal_length_are_refused(model, iris):
    X, y = iris
    for X_test, y_test in ((X[:5], y[:1]), (X[:1], y[:5])):
        with pytest.raises(ValueError, match="rows and y_test"):
            leave_one_out(model, X, y, X_test, y_test, rows=[0])


def test_no_rows_give_empty_answers_of_refits_too(iris):
    X, y = iris
    refits = InfluenceExplainer(LogisticRegression(max_iter=1000), method="retrain").fit(X, y)
    assert refits.loss_influence(X[:3], y[:3], rows=[]).shape == (3, 0)
    assert refits.parameter_influence([]).shape == (0, 15)


def test_last_row_of_a_class_cannot_be_refitted_without(iris):
    X, y = iris[0], np.array(["one", *["many"] * 49])
    for balanced in (None, "balanced"):
        model = LogisticRegression(class_weight=balanced)
        with pytest.raises(ValueError, match="row"):
            leave_one_out(model, X, y, X[:2], y[:2], rows=[0])
    model = LogisticRegression(class_weight="balanced")
    newton = InfluenceExplainer(model, method="newton", refine=True)
    with pytest.raises(ValueError, match="leave that row out of `rows`"):
        newton.fit(X, y).loss_influence(X[:2], y[:2])
    assert newton.loss_influence(X[:2], y[:2], rows=slice(1, None)).shape == (2, 49)


# Fits that stopped early, and frozen fits of other data


@pytest.mark.filterwarnings("ignore:lbfgs failed to converge")  # which is the point
@pytest.mark.filterwarnings("ignore:Liblinear failed:sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("solver", ["lbfgs", "liblinear", "saga"])
def test_fit_that_stopped_early_is_said_so_and_refined(solver):
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    model = LogisticRegression(solver=solver, tol=0.03, random_state=0)
    with pytest.warns(ConvergenceWarning, match="stopped short of its optimum.*refine=True"):
        early = InfluenceExplainer(model, refine=False).fit(X, y)
    refined = InfluenceExplainer(model, refine=True).fit(X, y)
    exact = LogisticRegression(solver=solver, tol=1e-10, max_iter=10_000, random_state=0).fit(X, y)
    assert early.newton_decrement_ > 0.1 * early.typical_decrement_
    assert np.abs(early.estimator_.coef_ - exact.coef_).max() > 1e-3
    for name in ("coef_", "intercept_"):  # lbfgs stops where the objective's digits end
        assert_allclose(getattr(refined.estimator_, name), getattr(exact, name), atol=1e-5)
    assert_allclose(refined.predict_proba(X), exact.predict_proba(X), atol=1e-5)


def test_frozen_estimator_given_other_data_is_said_so():
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    frozen = FrozenEstimator(LogisticRegression(tol=1e-8, max_iter=1000).fit(X[:400], y[:400]))
    InfluenceExplainer(frozen).fit(X[:400], y[:400])
    for refine in (False, True):
        with pytest.warns(ConvergenceWarning, match="was not fitted on this X and y"):
            InfluenceExplainer(frozen, refine=refine).fit(X[200:], y[200:])


def test_separable_classes_without_a_penalty_are_named():
    X = np.r_[np.linspace(-2, -1, 20), np.linspace(1, 2, 20)][:, None]
    model = LogisticRegression(C=np.inf, tol=1e-2)
    with pytest.warns(ConvergenceWarning, match="(?i)separable.*penalty"):
        InfluenceExplainer(model, refine=True).fit(X, np.arange(40) >= 20)


# Data of the paper


def test_missing_data_says_where_it_was_looked_for(tmp_path, monkeypatch):
    monkeypatch.setenv("SKINFLUENCE_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="nothing.csv.*SKINFLUENCE_DATA"):
        datasets.data_path("nothing.csv")
    (tmp_path / "nothing.csv").touch()
    assert datasets.data_path("nothing.csv") == tmp_path / "nothing.csv"


def test_mnist_at_default_tolerance_stops_short():
    try:
        datasets.data_path("mnist.npz")
    except FileNotFoundError:
        pytest.skip("mnist.npz is not in SKINFLUENCE_DATA")
    mnist = datasets.load_mnist()
    chosen = np.flatnonzero(np.isin(mnist.y_train, [1, 7]))[:5000]
    X, y = mnist.X_train[chosen] / 255.0, mnist.y_train[chosen]
    model = LogisticRegression(C=1 / (1e-4 * len(y)), fit_intercept=False, max_iter=1000)
    with pytest.warns(ConvergenceWarning, match="stopped short"):
        early = InfluenceExplainer(model, method="influence").fit(X, y)
    refined = InfluenceExplainer(model, method="influence", refine=True).fit(X, y)
    gap = np.linalg.norm(early.estimator_.coef_ - refined.estimator_.coef_)
    assert 0.05 < gap / np.linalg.norm(refined.estimator_.coef_) < 0.2
