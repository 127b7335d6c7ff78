"""``sample_weight`` with metadata routing: asked for as everywhere in scikit-learn."""

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import Lars, LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, cross_validate
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.metadata_routing import get_routing_for_object

from skinfluence import InfluenceEmbedding, InfluenceExplainer, LabelCleaner

METAS = [InfluenceExplainer, LabelCleaner, InfluenceEmbedding]


@pytest.fixture(autouse=True)
def routing(request):
    with sklearn.config_context(enable_metadata_routing=True):
        yield


def logistic(**params):
    return LogisticRegression(**{"tol": 1e-9, "max_iter": 10_000, **params})


def asking():
    return logistic().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)


@pytest.fixture(scope="module")
def data():
    X, y = load_breast_cancer(return_X_y=True)
    weights = np.random.RandomState(0).uniform(0.2, 3, size=len(y))
    return StandardScaler().fit_transform(X), y, weights


@pytest.mark.parametrize("meta", METAS)
def test_weights_reach_the_estimator_inside(meta, data):
    X, y, weights = data
    fitted = meta(asking()).fit(X, y, sample_weight=weights)
    if meta is LabelCleaner:
        kept = fitted.sample_indices_
        X, y, weights = X[kept], y[kept], weights[kept]
    assert_allclose(fitted.estimator_.coef_, logistic().fit(X, y, weights).coef_, rtol=1e-5)


@pytest.mark.parametrize("meta", METAS)
def test_an_estimator_that_does_not_say_is_asked_to(meta, data):
    X, y, weights = data
    with pytest.raises(UnsetMetadataPassedError, match="set_fit_request"):
        meta(logistic()).fit(X, y, sample_weight=weights)
    meta(logistic()).fit(X, y)


@pytest.mark.parametrize("meta", METAS)
@pytest.mark.parametrize("inside", ["refusing", "unable"])
def test_weights_that_nobody_learns_from_are_refused(meta, inside, data):
    X, y, weights = data
    estimator = Lars() if inside == "unable" else logistic().set_fit_request(sample_weight=False)
    with pytest.raises(TypeError, match="does not take. Set set_fit_request"):
        meta(estimator).fit(X, y, sample_weight=weights)


@pytest.mark.parametrize("meta", METAS)
def test_a_pipeline_inside_routes_on(meta, data):
    X, y, weights = data
    scaler = StandardScaler().set_fit_request(sample_weight=False)
    model = make_pipeline(scaler, asking())
    routed = meta(model).fit(X, y, sample_weight=weights)
    with sklearn.config_context(enable_metadata_routing=False):
        plain = meta(make_pipeline(StandardScaler(), logistic())).fit(X, y, weights)
    assert_allclose(routed.estimator_[-1].coef_, plain.estimator_[-1].coef_, rtol=1e-6)


@pytest.mark.parametrize("meta", METAS)
def test_estimators_inside_an_estimator_get_them(meta, data):
    X, y, weights = data
    fitted = meta(OneVsRestClassifier(asking())).fit(X, y, sample_weight=weights)
    assert hasattr(fitted, "estimator_")


@pytest.mark.parametrize("meta", [InfluenceExplainer, InfluenceEmbedding])
def test_a_frozen_estimator_was_fitted_with_them(meta, data):
    X, y, weights = data
    frozen = FrozenEstimator(logistic().fit(X, y, weights))
    assert meta(frozen).fit(X, y, sample_weight=weights).estimator_ is not None


@pytest.mark.parametrize("meta", [InfluenceExplainer, LabelCleaner])
def test_as_the_last_step_of_a_pipeline(meta, data):
    X, y, weights = data
    outer = make_pipeline(
        StandardScaler().set_fit_request(sample_weight=False),
        meta(asking()).set_fit_request(sample_weight=True).set_score_request(sample_weight=True),
    )
    outer.fit(X, y, sample_weight=weights)
    alone = meta(asking()).fit(StandardScaler().fit_transform(X), y, sample_weight=weights)
    assert_allclose(outer[-1].estimator_.coef_, alone.estimator_.coef_, rtol=1e-6)
    score = outer.score(X, y, sample_weight=weights)
    right = outer.predict(X) == y
    assert score == pytest.approx(np.average(right, weights=weights))


def test_the_embedding_as_a_step_before_neighbours(data):
    X, y, weights = data
    embedding = InfluenceEmbedding(asking(), n_components=3).set_fit_request(sample_weight=True)
    model = make_pipeline(embedding, KNeighborsClassifier()).fit(X, y, sample_weight=weights)
    alone = clone(embedding).fit(X, y, sample_weight=weights)
    assert_array_equal(model[0].transform(X), alone.transform(X))


@pytest.mark.parametrize("meta", [InfluenceExplainer, LabelCleaner])
@pytest.mark.parametrize("piped", [False, True])
def test_in_a_grid_search(meta, piped, data):
    X, y, weights = data
    estimator = meta(asking()).set_fit_request(sample_weight=True)
    estimator.set_score_request(sample_weight=True)
    name, scoring = "damping", None
    if piped:
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        estimator, name = Pipeline([("scale", scaler), ("meta", estimator)]), "meta__damping"
        # In scikit-learn 1.6 the plain score of a Pipeline in a search takes no weights.
        scoring = make_scorer(accuracy_score).set_score_request(sample_weight=True)
    search = GridSearchCV(estimator, {name: [0.0, 0.1]}, scoring=scoring, cv=3)
    search.fit(X, y, sample_weight=weights)
    assert search.best_score_ > 0.9
    params = {"params": {"sample_weight": weights}, "scoring": scoring, "cv": 3}
    scores = cross_validate(estimator, X, y, **params)["test_score"]
    assert scores.mean() == pytest.approx(search.cv_results_["mean_test_score"][0])


def test_the_embedding_in_a_grid_search(data):
    X, y, weights = data
    embedding = InfluenceEmbedding(asking()).set_fit_request(sample_weight=True)
    model = Pipeline([("embed", embedding), ("neighbours", KNeighborsClassifier())])
    grid = {"embed__n_components": [2, 5]}
    scorer = make_scorer(accuracy_score).set_score_request(sample_weight=False)
    search = GridSearchCV(model, grid, scoring=scorer, cv=3).fit(X, y, sample_weight=weights)
    assert search.best_score_ > 0.9


def test_score_asks_as_well(data):
    X, y, weights = data
    explainer = InfluenceExplainer(logistic().set_fit_request(sample_weight=True)).fit(X, y)
    with pytest.raises(UnsetMetadataPassedError, match="set_score_request"):
        explainer.score(X, y, sample_weight=weights)


@pytest.mark.parametrize("meta", METAS)
def test_the_router_names_both(meta):
    router = get_routing_for_object(meta(asking()).set_fit_request(sample_weight=True))
    assert router.consumes("fit", ["sample_weight"]) == {"sample_weight"}
    routes = router._serialize()
    assert routes["$self_request"]["fit"] == {"sample_weight": True}
    assert routes["estimator"]["router"]["fit"] == {"sample_weight": True}


@pytest.mark.parametrize("meta", METAS)
def test_without_routing_weights_are_passed_as_ever(meta, data):
    X, y, weights = data
    with sklearn.config_context(enable_metadata_routing=False):
        plain = meta(Ridge()).fit(X, y.astype(float), weights)
        model = Pipeline([("meta", meta(Ridge()))]).fit(
            X, y.astype(float), meta__sample_weight=weights
        )
    assert_allclose(model["meta"].estimator_.coef_, plain.estimator_.coef_)


# Other metadata


def searched(cv=None):
    """Return a search over C whose splitter asks for groups."""
    return GridSearchCV(asking(), {"C": [1e-3, 1e-1, 10.0]}, cv=GroupKFold(3) if cv is None else cv)


@pytest.mark.parametrize("meta", METAS)
@pytest.mark.parametrize("routed", [False, True])
@pytest.mark.parametrize("piped", [False, True])
def test_groups_reach_the_splitter_of_a_search(meta, routed, piped, data):
    X, y, weights = data
    groups = np.arange(len(y)) // 10
    model, name = searched(), {"groups": groups}
    expected = clone(model).fit(
        X, y, groups=groups, **({"sample_weight": weights} if routed else {})
    )
    if piped:
        model = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), model)
        name = name if routed else {"gridsearchcv__groups": groups}
    with sklearn.config_context(enable_metadata_routing=routed):
        fitted = meta(model).fit(X, y, sample_weight=weights if routed else None, **name)
    inside = fitted.estimator_[-1] if piped else fitted.estimator_
    assert inside.cv_results_["params"] == expected.cv_results_["params"]
    if meta is not LabelCleaner:  # which fits again on the rows that are kept
        scores = expected.cv_results_["mean_test_score"]
        assert_allclose(inside.cv_results_["mean_test_score"], scores, rtol=1e-6)


def test_groups_follow_the_rows_that_a_cleaner_keeps(data):
    X, y, _ = data
    groups = np.arange(len(y)) // 10
    cleaner = LabelCleaner(searched(), action="drop", contamination=0.05)
    cleaner.fit(X, y, groups=groups)
    kept = cleaner.sample_indices_
    assert 0 < len(kept) < len(y)
    alone = searched().fit(X[kept], y[kept], groups=groups[kept])
    found, expected = (each.cv_results_["mean_test_score"] for each in (cleaner.estimator_, alone))
    assert_allclose(found, expected)
    resampled, _ = clone(cleaner).fit_resample(X, y, groups=groups)
    assert_array_equal(resampled, X[kept])


@pytest.mark.parametrize("meta", METAS)
def test_metadata_that_nobody_takes_are_refused_by_name(meta, data):
    X, y, _ = data
    for routed in (True, False):
        with (
            sklearn.config_context(enable_metadata_routing=routed),
            pytest.raises(TypeError, match="'?groups'?"),
        ):
            meta(logistic()).fit(X, y, groups=y)
    with pytest.raises(TypeError, match="groups"):
        meta(searched(cv=KFold(3))).fit(X, y, groups=y)


@pytest.mark.parametrize("meta", [InfluenceExplainer, LabelCleaner])
def test_groups_go_through_a_search_around_it(meta, data):
    X, y, _ = data
    groups = np.arange(len(y)) // 10
    outer = GridSearchCV(meta(searched()), {"damping": [0.0, 0.1]}, cv=GroupKFold(3))
    assert outer.fit(X, y, groups=groups).best_score_ > 0.9
