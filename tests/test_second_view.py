"""LabelCleaner asks a model of another kind, and may choose the estimator itself."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_digits, make_circles, make_moons
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from skinfluence import LabelCleaner


def flipped(make, n=400, share=0.1):
    """Return points in two classes, their labels with some flipped, and which these are."""
    X, y = make(n, noise=0.1, random_state=0)
    wrong = np.random.RandomState(0).uniform(size=n) < share
    return X, np.where(wrong, 1 - y, y), wrong


def test_a_forest_sees_what_a_line_cannot():
    X, y, wrong = flipped(make_moons, 1000)
    alone = LabelCleaner(action="keep", second_view=None).fit(X, y)
    both = LabelCleaner(action="keep").fit(X, y)
    assert alone.second_view_probabilities_ is None
    assert both.second_view_probabilities_.shape == (1000, 2)
    assert_array_equal(both.label_scores_, alone.label_scores_)
    found = [np.sum(each.flagged_ & wrong) for each in (alone, both)]
    assert found[1] > 0.8 * wrong.sum() > found[0]
    assert np.mean(wrong[both.flagged_]) > 0.9
    assert np.all(both.suggested_labels_[both.flagged_] != y[both.flagged_])
    assert abs(both.noise_rate_ - wrong.mean()) < abs(alone.noise_rate_ - wrong.mean())


def test_the_same_rows_are_flagged_each_time():
    X, y, _ = flipped(make_moons, 200)
    first, second = (LabelCleaner(action="keep").fit(X, y) for _ in range(2))
    assert_array_equal(first.flagged_, second.flagged_)
    assert_array_equal(first.wrong_probabilities_, second.wrong_probabilities_)


def test_a_classifier_of_ones_own_is_asked():
    X, y, wrong = flipped(make_moons, 300)
    cleaner = LabelCleaner(second_view=KNeighborsClassifier(15), action="keep").fit(X, y)
    assert np.mean(wrong[cleaner.flagged_]) > 0.8


def test_a_forest_asks_a_linear_model():
    X, y, _ = flipped(make_moons, 200)
    cleaner = LabelCleaner(RandomForestClassifier(30, random_state=0), action="keep").fit(X, y)
    votes = cleaner.second_view_probabilities_
    by_line = LogisticRegression().fit(X, y).predict_proba(X)
    assert np.corrcoef(votes[:, 1], by_line[:, 1])[0, 1] > 0.99


def test_where_nobody_is_asked():
    X, y, _ = flipped(make_moons, 60)
    wide = np.random.RandomState(0).normal(size=(60, 61))
    shares = np.full((60, 2), 0.5)
    texts = Pipeline([("words", CountVectorizer()), ("model", LogisticRegression())])
    words = [f"word{label} other{i}" for i, label in enumerate(y)]
    keep = {"action": "keep", "contamination": 0.1}
    for model, rows, given in (
        (LogisticRegression(), wide, {}),
        (LogisticRegression(), X, {"pred_probs": shares}),
        (texts, words, {}),
    ):
        cleaner = LabelCleaner(model, **keep).fit(rows, y, **given)
        assert cleaner.second_view_probabilities_ is None
    assert LabelCleaner(Ridge()).fit(X, X[:, 0]).second_view_probabilities_ is None


@pytest.mark.parametrize("view", ["forest", 3, Ridge(), RandomForestClassifier])
def test_a_view_that_is_none(view):
    X, y, _ = flipped(make_moons, 60)
    with pytest.raises(ValueError, match="`second_view` must be"):
        LabelCleaner(second_view=view).fit(X, y)


def test_noise_between_few_classes_is_noise():
    X, y = load_digits(return_X_y=True)
    wrong = np.random.RandomState(0).uniform(size=len(y)) < 0.1
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1))
    known = {"action": "keep", "penalty": "keep"}
    cleaner = LabelCleaner(model, **known).fit(X, np.where(wrong, (y + 1) % 10, y))
    assert abs(cleaner.noise_rate_ - wrong.mean()) < 0.02
    assert np.all(np.diag(np.roll(cleaner.noise_matrix_, -1, axis=0)) > 0.03)


def test_an_estimator_is_chosen_by_its_risk():
    X, y, wrong = flipped(make_circles)
    cleaner = LabelCleaner("auto").fit(X, y)
    assert not isinstance(cleaner.estimator_, Pipeline)  # a forest, or boosting
    assert cleaner.score(X, np.where(wrong, 1 - y, y)) > 0.8  # of a line 0.5
    assert clone(cleaner).estimator == "auto" and cleaner.get_params()["estimator"] == "auto"
    random = np.random.RandomState(0)
    X = random.normal(size=(300, 8))
    y = (X @ random.normal(size=8) + random.normal(size=300) > 0).astype(int)
    assert isinstance(LabelCleaner("auto").fit(X, y).estimator_[-1], LogisticRegression)


def test_without_labels_none_is_chosen():
    with pytest.raises(ValueError, match="requires y"):
        LabelCleaner("auto").fit(np.eye(4), None)


def test_columns_of_words_are_not_chosen_for():
    with pytest.raises(ValueError, match="Encode the others first"):
        LabelCleaner("auto").fit(np.array([["a"], ["b"]] * 20, dtype=object), np.arange(40) % 2)
