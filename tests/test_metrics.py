"""Approximate cross-validation against the real one."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.metrics import log_loss, make_scorer
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    LeaveOneOut,
    ShuffleSplit,
    StratifiedKFold,
    TimeSeriesSplit,
    cross_val_score,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler, scale

from skinfluence.metrics import approximate_cross_val_score


def logistic(**params):
    return LogisticRegression(tol=1e-9, max_iter=10_000, **params)


def cancer(n=200):
    X, y = load_breast_cancer(return_X_y=True)
    return scale(X[:n, :8]), y[:n]


def diabetes(n=150):
    X, y = load_diabetes(return_X_y=True)
    return X[:n], y[:n]


CV = [None, 3, KFold(7, shuffle=True, random_state=0), ShuffleSplit(4, random_state=0)]


@pytest.mark.parametrize("cv", CV, ids=lambda cv: type(cv).__name__)
@pytest.mark.parametrize("scoring", [None, "r2", "neg_mean_absolute_error"])
def test_scores_of_squared_error_are_those_of_real_folds(cv, scoring):
    X, y = diabetes()
    for model in (Ridge(alpha=0.1), Ridge(alpha=10.0, fit_intercept=False)):
        real = cross_val_score(model, X, y, cv=cv, scoring=scoring)
        assert_allclose(approximate_cross_val_score(model, X, y, cv=cv, scoring=scoring), real)


@pytest.mark.parametrize("cv", CV, ids=lambda cv: type(cv).__name__)
@pytest.mark.parametrize("scoring", [None, "neg_log_loss", "roc_auc"])
@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_scores_of_a_classifier_are_those_of_real_folds(cv, scoring, class_weight):
    X, y = cancer()
    model = logistic(C=10.0, class_weight=class_weight)
    real = cross_val_score(model, X, y, cv=cv, scoring=scoring)
    approximate = approximate_cross_val_score(model, X, y, cv=cv, scoring=scoring)
    assert_allclose(approximate, real, atol=1e-3 if scoring == "neg_log_loss" else 1e-12)


def test_several_classes():
    X, y = load_wine(return_X_y=True)
    X = scale(X)
    for model in (logistic(), RidgeClassifier(class_weight="balanced")):
        scoring = "neg_log_loss" if hasattr(model, "predict_proba") else "balanced_accuracy"
        real = cross_val_score(model, X, y, cv=4, scoring=scoring)
        assert_allclose(
            approximate_cross_val_score(model, X, y, cv=4, scoring=scoring), real, atol=1e-4
        )


def test_leave_one_out():
    X, y = cancer(100)
    one = make_scorer(
        log_loss, response_method="predict_proba", greater_is_better=False, labels=[0, 1]
    )
    scorers = {"loss": one, "accuracy": "accuracy"}
    refitted = cross_validate(logistic(), X, y, cv=LeaveOneOut(), scoring=scorers)
    for name, scoring in scorers.items():
        real = refitted[f"test_{name}"]
        approximate = approximate_cross_val_score(
            logistic(), X, y, cv=LeaveOneOut(), scoring=scoring
        )
        assert approximate.shape == (100,)
        assert_allclose(approximate, real, atol=2e-2)
        assert approximate.mean() == pytest.approx(real.mean(), abs=1e-4)


def test_leave_one_out_of_ridge_is_exact():
    X, y = diabetes()
    asked = {"cv": LeaveOneOut(), "scoring": "neg_mean_squared_error"}
    real = cross_val_score(Ridge(), X, y, **asked)
    assert_allclose(approximate_cross_val_score(Ridge(), X, y, **asked), real)


def test_the_same_penalty_is_chosen():
    X, y = cancer()
    grid, asked = [1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0], {"cv": 10, "scoring": "neg_log_loss"}
    real = [cross_val_score(logistic(C=C), X, y, **asked).mean() for C in grid]
    approximate = [approximate_cross_val_score(logistic(C=C), X, y, **asked).mean() for C in grid]
    assert np.argmax(approximate) == np.argmax(real)
    assert_allclose(approximate, real, atol=1e-4)


def test_weights_are_those_of_the_fit():
    X, y = diabetes()
    weights = np.random.RandomState(0).uniform(0, 3, size=len(y))
    splits = list(KFold(5).split(X))
    expected = [
        Ridge().fit(X[train], y[train], weights[train]).score(X[test], y[test])
        for train, test in splits
    ]
    approximate = approximate_cross_val_score(Ridge(), X, y, cv=splits, sample_weight=weights)
    assert_allclose(approximate, expected)


def test_steps_before_the_last_are_held():
    X, y = cancer()
    model = make_pipeline(StandardScaler(), logistic())
    X = 5 * X + 3
    approximate = approximate_cross_val_score(model, X, y, cv=5, scoring="neg_log_loss")
    held = cross_val_score(logistic(), scale(X), y, cv=5, scoring="neg_log_loss")
    assert_allclose(approximate, held, atol=1e-4)
    stateless = make_pipeline(FunctionTransformer(np.tanh), logistic())
    real = cross_val_score(stateless, X, y, cv=5, scoring="neg_log_loss")
    approximate = approximate_cross_val_score(stateless, X, y, cv=5, scoring="neg_log_loss")
    assert_allclose(approximate, real, atol=1e-4)


def test_scorers_see_the_whole_estimator_and_the_rows_as_given():
    pd = pytest.importorskip("pandas")
    X, y = cancer()
    frame = pd.DataFrame(X, columns=list("abcdefgh"))
    seen = []

    def scorer(estimator, X, y):
        seen.append((list(X.columns), type(estimator), len(y)))
        return estimator.score(X, y)

    model = make_pipeline(StandardScaler(), logistic())
    labels = pd.Series(np.array(["malignant", "benign"])[y])
    approximate = approximate_cross_val_score(model, frame, labels, cv=4, scoring=scorer)
    assert seen == [(list("abcdefgh"), type(model), 50)] * 4
    assert_allclose(approximate, cross_val_score(model, frame, labels, cv=4), atol=1e-12)


def test_splits_of_groups_and_of_time():
    X, y = diabetes()
    groups = np.arange(len(y)) // 10
    asked = {"cv": GroupKFold(3), "groups": groups}
    assert_allclose(
        approximate_cross_val_score(Ridge(), X, y, **asked), cross_val_score(Ridge(), X, y, **asked)
    )
    cv = TimeSeriesSplit(4)
    assert_allclose(
        approximate_cross_val_score(Ridge(), X, y, cv=cv), cross_val_score(Ridge(), X, y, cv=cv)
    )
    masks = [(np.arange(len(y)) < 100, np.arange(100, 150)), (np.ones(150, bool), [0, 1, 2])]
    first, second = approximate_cross_val_score(Ridge(), X, y, cv=masks)
    assert first == pytest.approx(Ridge().fit(X[:100], y[:100]).score(X[100:], y[100:]))
    assert second == pytest.approx(Ridge().fit(X, y).score(X[:3], y[:3]))


@pytest.mark.parametrize("cv", [5, LeaveOneOut()], ids=str)
def test_scores_do_not_depend_on_n_jobs_or_memory(cv):
    X, y = cancer(60)
    expected = approximate_cross_val_score(logistic(), X, y, cv=cv)
    assert_array_equal(approximate_cross_val_score(logistic(), X, y, cv=cv, n_jobs=2), expected)


@pytest.mark.parametrize("solver", ["cg", "direct"])
def test_solvers(solver):
    X, y = cancer()
    asked = {"cv": StratifiedKFold(4), "scoring": "neg_log_loss"}
    expected = approximate_cross_val_score(logistic(), X, y, **asked)
    actual = approximate_cross_val_score(logistic(), X, y, solver=solver, **asked)
    assert_allclose(actual, expected, rtol=1e-4)


def test_the_estimator_is_left_as_it_is():
    X, y = diabetes()
    model = Ridge()
    approximate_cross_val_score(model, X, y)
    assert not hasattr(model, "coef_")


def test_what_cannot_be_scored():
    X, y = cancer()
    with pytest.raises(TypeError, match="RandomForestClassifier is not supported"):
        approximate_cross_val_score(RandomForestClassifier(), X, y)
    bootstrap = [(np.r_[:100, :100], np.arange(100, 200))]
    with pytest.raises(ValueError, match="trains on some row twice"):
        approximate_cross_val_score(logistic(), X, y, cv=bootstrap)
    ordered = np.sort(y)
    with pytest.raises(ValueError, match="a class has no row left"):
        approximate_cross_val_score(logistic(), X, ordered, cv=KFold(2))
    with pytest.raises(ValueError, match="inconsistent numbers"):
        approximate_cross_val_score(logistic(), X, y[1:])


def test_errors_of_a_scorer_are_not_hidden():
    X, y = cancer(40)
    with pytest.raises(ValueError, match="label"):
        approximate_cross_val_score(logistic(), X, y, cv=LeaveOneOut(), scoring="neg_log_loss")
