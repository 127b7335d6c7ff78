"""scikit-learn's own checks, and what a meta-estimator owes the estimator that it wraps."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.datasets import load_diabetes, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from skinfluence import InfluenceEmbedding, InfluenceExplainer, LabelCleaner, SmoothedLinearSVC

ESTIMATORS = [
    InfluenceExplainer(),
    InfluenceExplainer(Ridge()),
    LabelCleaner(),
    LabelCleaner(Ridge()),
    InfluenceEmbedding(n_components=2),
    InfluenceEmbedding(Ridge()),
    SmoothedLinearSVC(),
]


CHECKS = parametrize_with_checks(ESTIMATORS)
if not isinstance(CHECKS.args[1], list):  # a generator until 1.6, which pytest deprecates
    names, checks = CHECKS.args
    CHECKS = pytest.mark.parametrize(names, list(checks), ids=CHECKS.kwargs["ids"])


# scikit-learn's checks fit whatever they make at the default `tol`, also classes with no optimum.
@pytest.mark.filterwarnings("ignore:The fit stopped short:sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore:Newton's method did:sklearn.exceptions.ConvergenceWarning")
@CHECKS
def test_scikit_learns_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("meta", [InfluenceExplainer, LabelCleaner])
def test_meta_estimator_is_what_it_wraps(meta):
    assert is_classifier(meta()) and is_classifier(meta(LogisticRegression()))
    assert is_regressor(meta(Ridge())) and not is_classifier(meta(Ridge()))
    assert not hasattr(meta(Ridge()), "predict_proba")
    assert hasattr(meta(), "predict_proba")


@pytest.mark.parametrize("meta", [InfluenceExplainer, LabelCleaner])
def test_init_only_assigns(meta):
    base = LogisticRegression()
    estimator = meta(base)
    assert estimator.estimator is base
    names = set(vars(estimator))
    assert names == set(estimator.get_params(deep=False))


@pytest.mark.parametrize("meta", [InfluenceExplainer, LabelCleaner])
def test_fit_leaves_the_estimator_that_was_given_alone(meta):
    X, y = load_iris(return_X_y=True)
    base = LogisticRegression(max_iter=1000, tol=1e-8)
    estimator = meta(base).fit(X, y)
    assert not hasattr(base, "coef_")
    assert estimator.estimator_ is not base
    assert_array_equal(estimator.classes_, [0, 1, 2])
    assert estimator.n_features_in_ == 4


@pytest.mark.parametrize(
    "ask",
    [
        lambda e, X, y: e.predict(X),
        lambda e, X, y: e.predict_proba(X),
        lambda e, X, y: e.decision_function(X),
        lambda e, X, y: e.score(X, y),
        lambda e, X, y: e.loss_influence(X, y),
        lambda e, X, y: e.prediction_influence(X),
        lambda e, X, y: e.parameter_influence(),
        lambda e, X, y: e.self_influence(),
        lambda e, X, y: e.group_influence(X, y, y),
        lambda e, X, y: e.most_influential(X, y),
        lambda e, X, y: e.loo_predict(),
        lambda e, X, y: e.leverage(),
        lambda e, X, y: e.verify(X, y),
    ],
)
def test_nothing_is_answered_before_fit(ask):
    X, y = load_iris(return_X_y=True)
    with pytest.raises(NotFittedError):
        ask(InfluenceExplainer(), X, y)


def test_cleaner_predicts_nothing_before_fit():
    X, _ = load_iris(return_X_y=True)
    with pytest.raises(NotFittedError):
        LabelCleaner().predict(X)


def test_cleaner_can_be_searched_over():
    X, y = load_iris(return_X_y=True)
    cleaner = LabelCleaner(LogisticRegression(max_iter=1000), penalty="keep")
    grid = {"estimator__C": [0.1, 1.0], "contamination": [0.02, 0.05]}
    search = GridSearchCV(cleaner, grid, cv=3).fit(X, y)
    assert search.best_score_ > 0.9


def test_explainer_may_stand_at_the_end_of_a_pipeline():
    X, y = load_diabetes(return_X_y=True)
    outer = make_pipeline(StandardScaler(), InfluenceExplainer(Ridge())).fit(X, y)
    inner = InfluenceExplainer(make_pipeline(StandardScaler(), Ridge())).fit(X, y)
    scaled = outer[:-1].transform(X[:3])
    assert_allclose(outer[-1].loss_influence(scaled, y[:3]), inner.loss_influence(X[:3], y[:3]))


def test_steps_before_the_last_are_held_fixed():
    X, y = load_diabetes(return_X_y=True)
    model = make_pipeline(StandardScaler(), Ridge(alpha=3.0))
    explainer = InfluenceExplainer(model, method="newton").fit(X, y)
    kept = np.arange(len(y)) != 5
    scaled = explainer.estimator_[0].transform(X)
    truth = clone(model[-1]).fit(scaled[kept], y[kept]).predict(scaled[:4])
    influence = explainer.prediction_influence(X[:4], rows=[5])[:, 0]
    assert_allclose(explainer.predict(X[:4]) + influence, truth, rtol=1e-10)
