"""The linear datamodeling score, and the choice of how to estimate by it."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import spearmanr
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import scale

from skinfluence import InfluenceExplainer
from skinfluence.metrics import linear_datamodeling_score, make_fidelity_scorer


def ridge(method="influence"):
    X, y = load_diabetes(return_X_y=True)
    explainer = InfluenceExplainer(Ridge(alpha=0.1), method=method)
    return explainer.fit(scale(X)[:150], y[:150]), scale(X)[150:170], y[150:170]


def cancer():
    X, y = load_breast_cancer(return_X_y=True)
    return scale(X[:200, :8]), y[:200]


@pytest.mark.parametrize("method", ["influence", "newton", "retrain"])
def test_influences_add_up_the_better_the_fewer_rows_leave(method):
    explainer, X_test, y_test = ridge(method)
    asked = {"random_state": 0, "n_subsets": 40}
    results = [
        linear_datamodeling_score(explainer, X_test, y_test, subset_size=size, **asked)
        for size in (0.3, 0.7, 0.98)
    ]
    assert results[0].score < results[1].score < results[2].score
    assert all(0 < result.standard_error < 0.1 for result in results)


def test_score_is_the_mean_rank_correlation_with_real_refits():
    explainer, X_test, y_test = ridge()
    result = linear_datamodeling_score(explainer, X_test, y_test, n_subsets=8, random_state=0)
    X, y = load_diabetes(return_X_y=True)
    X, y = scale(X)[:150], y[:150]
    before = (y_test - explainer.predict(X_test)) ** 2
    refitted = np.transpose(
        [
            (y_test - Ridge(alpha=0.1).fit(X[kept], y[kept]).predict(X_test)) ** 2 - before
            for kept in result.subsets
        ]
    )
    assert_allclose(result.refitted, refitted, rtol=1e-6, atol=1e-6)
    estimated = explainer.loss_influence(X_test, y_test) @ ~result.subsets.T
    assert_allclose(result.estimated, estimated)
    each = [spearmanr(a, b).statistic for a, b in zip(estimated, refitted)]
    assert_allclose(result.correlations, each)
    assert_allclose(result.score, np.mean(each))


def test_influences_of_shuffled_rows_have_no_score():
    explainer, X_test, y_test = ridge()
    result = linear_datamodeling_score(explainer, X_test, y_test, n_subsets=40, random_state=0)
    order = np.random.default_rng(0).permutation(150)
    shuffled = explainer.loss_influence(X_test, y_test)[:, order] @ ~result.subsets.T
    each = [spearmanr(a, b).statistic for a, b in zip(shuffled, result.refitted)]
    assert abs(np.mean(each)) < 0.3 < result.score


def test_subsets_have_their_size_and_every_class():
    X, y = load_iris(return_X_y=True)
    rows = np.r_[0:40, 50:90, 100:102]
    explainer = InfluenceExplainer(LogisticRegression(), method="influence", refine=True)
    explainer.fit(X[rows], y[rows])
    result = linear_datamodeling_score(explainer, X[110:115], y[110:115], n_subsets=6)
    assert_array_equal(result.subsets.sum(axis=1), 41)
    for kept in result.subsets:
        assert set(y[rows][kept]) == {0, 1, 2}


def test_the_answer_does_not_depend_on_n_jobs():
    explainer, X_test, y_test = ridge()
    asked = {"n_subsets": 5, "random_state": 0}
    one = linear_datamodeling_score(explainer, X_test, y_test, **asked)
    two = linear_datamodeling_score(explainer.set_params(n_jobs=2), X_test, y_test, **asked)
    assert_array_equal(one.refitted, two.refitted)


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_grid_search_chooses_damping(n_jobs):
    X, y = cancer()
    explainer = InfluenceExplainer(LogisticRegression(C=100.0), method="influence", refine=True)
    scorer = make_fidelity_scorer(n_subsets=5, subset_size=0.9)
    search = GridSearchCV(explainer, {"damping": [0.0, 30.0]}, scoring=scorer, cv=3, n_jobs=n_jobs)
    search.fit(X, y)
    assert search.best_params_ == {"damping": 0.0}
    assert np.all(np.isfinite(search.cv_results_["mean_test_score"]))
    assert search.best_estimator_.loss_influence(X[:2], y[:2]).shape == (2, len(X))


def test_the_scorer_gives_every_candidate_the_same_subsets():
    explainer, X_test, y_test = ridge()
    scorer = make_fidelity_scorer(n_subsets=4)
    assert scorer(explainer, X_test, y_test) == scorer(
        clone(explainer).fit(scale(load_diabetes().data)[:150], load_diabetes().target[:150]),
        X_test,
        y_test,
    )
    assert replace(scorer, n_subsets=5) == make_fidelity_scorer(n_subsets=5)


def test_refits_are_left_as_they_stop_if_not_refined():
    X, y = cancer()
    data, test = (X[:40], y[:40]), (X[150:], y[150:])
    loose = LogisticRegression(tol=1e-1)
    asked = {"n_subsets": 3, "random_state": 0}
    for method in ("influence", "retrain"):
        explainer = InfluenceExplainer(loose, method=method, refine=True).fit(*data)
        results = [
            linear_datamodeling_score(explainer, *test, refine=refine, **asked).refitted
            for refine in (True, False)
        ]
        assert np.abs(results[0] - results[1]).max() > 1e-3


@pytest.mark.filterwarnings("ignore:Refits of")
def test_any_estimator_can_be_judged_by_its_refits():
    X, y = cancer()
    model = RandomForestClassifier(5, max_depth=2, random_state=0)
    explainer = InfluenceExplainer(model, method="retrain").fit(X[100:130], y[100:130])
    result = linear_datamodeling_score(explainer, X[50:60], y[50:60], n_subsets=4, random_state=0)
    assert result.refitted.shape == (10, 4)


def test_only_explainers_are_judged():
    X, y = cancer()
    for judged in (
        LogisticRegression().fit(X, y),
        make_pipeline(InfluenceExplainer(refine=True)).fit(X, y),
    ):
        with pytest.raises(TypeError, match=f"got {type(judged).__name__}. Put one around"):
            make_fidelity_scorer()(judged, X, y)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n_subsets": 2}, "`n_subsets` must be an integer >= 3"),
        ({"subset_size": 1.0}, "`subset_size` must be a number between 0 and 1"),
        ({"subset_size": 0.001}, "drawn at random must leave a row out"),
    ],
)
def test_bad_parameters(params, message):
    explainer, X_test, y_test = ridge()
    with pytest.raises(ValueError, match=message):
        linear_datamodeling_score(explainer, X_test, y_test, **params)
