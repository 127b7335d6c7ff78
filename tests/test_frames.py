"""Answers as DataFrames: tidy, and named by the index of what was given."""

import pickle
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline

from skinfluence import InfluenceExplainer, LabelCleaner

pd = pytest.importorskip("pandas")


def tight():
    return LogisticRegression(tol=1e-9, max_iter=10_000)


@pytest.fixture(scope="module")
def iris():
    X, y = load_iris(return_X_y=True, as_frame=True)
    y = y.map(dict(enumerate(["setosa", "versicolor", "virginica"])))
    names = pd.Index([f"flower {i}" for i in range(150)], name="flower")
    return X.set_index(names), y.set_axis(names)


def test_most_influential_is_one_row_an_influence(iris):
    X, y = iris
    test = X.iloc[[3, 70]].set_axis(["first", "second"]), y.iloc[[3, 70]]
    explainer = InfluenceExplainer(tight()).fit(X, y)
    frame = explainer.most_influential(*test, k=4, as_frame=True)
    columns = ["test_row", "role", "rank", "training_row", "label", "influence"]
    assert frame.columns.tolist() == columns and len(frame) == 2 * 2 * 4
    assert frame["test_row"].unique().tolist() == ["first", "second"]
    found = explainer.most_influential(*test, k=4)
    for i, name in enumerate(["first", "second"]):
        for role in ("helpful", "harmful"):
            part = frame[(frame["test_row"] == name) & (frame["role"] == role)]
            assert part["rank"].tolist() == [1, 2, 3, 4]
            assert part["training_row"].tolist() == X.index[found[role][i]].tolist()
            assert part["label"].tolist() == y.loc[part["training_row"]].tolist()
            assert_array_equal(part["influence"], found[f"{role}_influence"][i])
    matrix = pd.DataFrame(
        explainer.loss_influence(*test), index=["first", "second"], columns=X.index
    )
    looked_up = [matrix.loc[row.test_row, row.training_row] for row in frame.itertuples()]
    assert_allclose(frame["influence"], looked_up)


def test_rows_without_names_are_positions(iris):
    X, y = iris
    explainer = InfluenceExplainer(tight()).fit(X.to_numpy(), y)
    frame = explainer.most_influential(X.to_numpy()[:2], y[:2], k=3, as_frame=True)
    found = explainer.most_influential(X.to_numpy()[:2], y[:2], k=3)
    assert_array_equal(frame["training_row"][:3], found.helpful[0])
    assert frame["test_row"].unique().tolist() == [0, 1]


def test_texts_in_a_series_keep_their_names():
    mails = pd.Series(["buy now", "meet me", "buy buy", "see me"], index=list("abcd"))
    model = make_pipeline(TfidfVectorizer(), tight())
    explainer = InfluenceExplainer(model).fit(mails, [1, 0, 1, 0])
    frame = explainer.most_influential(mails[:1], [1], k=2, as_frame=True)
    assert frame["test_row"].unique().tolist() == ["a"]
    assert set(frame["training_row"]) <= set("abcd")


def test_an_index_of_several_levels_becomes_tuples(iris):
    X, y = iris
    levels = pd.MultiIndex.from_product([list("abc"), range(50)])
    frame = (
        InfluenceExplainer(tight())
        .fit(X.set_axis(levels), y)
        .most_influential(X[:1], y[:1], k=2, as_frame=True)
    )
    assert all(row in levels for row in frame["training_row"])


def test_every_output_has_a_label():
    X, y = load_diabetes(return_X_y=True)
    explainer = InfluenceExplainer(Ridge()).fit(X, np.c_[y, -y])
    frame = explainer.most_influential(X[:1], np.c_[y, -y][:1], k=2, as_frame=True)
    assert_array_equal(frame["label_0"], y[frame["training_row"]])
    assert_array_equal(frame["label_1"], -y[frame["training_row"]])


def test_retrained_rows_have_names_too(iris):
    X, y = iris
    explainer = InfluenceExplainer(tight(), method="retrain").fit(X[::10], y[::10])
    frame = explainer.most_influential(X[:1], y[:1], k=2, as_frame=True)
    assert set(frame["training_row"]) <= set(X.index)


def test_the_default_is_the_bunch_that_it_was(iris):
    found = InfluenceExplainer(tight()).fit(*iris).most_influential(*(part[:2] for part in iris))
    assert found.helpful.shape == (2, 10) and found.helpful.dtype == int


def test_cleaner_says_of_every_row_what_it_found(iris):
    X, y = iris
    noisy = y.copy()
    noisy.iloc[[5, 77]] = ["virginica", "setosa"]
    cleaner = LabelCleaner(tight()).fit(X, noisy)
    frame = cleaner.to_frame()
    assert frame.index.equals(X.index)
    columns = ["label", "suggested_label", "label_score", "flagged", "probability"]
    columns += ["wrong_probability", "rank", "decision", "new_label"]
    assert frame.columns.tolist()[:9] == columns
    assert frame["label"].tolist() == noisy.tolist()
    assert_array_equal(frame["suggested_label"], cleaner.suggested_labels_)
    assert_array_equal(frame["label_score"], cleaner.label_scores_)
    assert_array_equal(frame["flagged"], cleaner.flagged_)
    assert frame.sort_values("rank").index.tolist() == X.index[cleaner.ranking_].tolist()
    assert frame["rank"].min() == 1
    assert_allclose(-np.log(frame["probability"]), frame["label_score"], rtol=1e-6)


def test_a_regression_has_no_probability():
    X, y = load_diabetes(return_X_y=True)
    frame = LabelCleaner(Ridge()).fit(X, y).to_frame()
    assert "probability" not in frame and frame.index.equals(pd.RangeIndex(442))
    assert_array_equal(frame["label"], y)


def test_later_changes_of_what_was_given_do_not_show(iris):
    X, y = iris[0].copy(), iris[1].copy()
    cleaner = LabelCleaner(tight()).fit(X, y)
    y.iloc[:] = "virginica"
    assert cleaner.to_frame()["label"].tolist() == iris[1].tolist()


def test_frames_survive_pickling(iris):
    cleaner = LabelCleaner(tight()).fit(*iris)
    pd.testing.assert_frame_equal(
        pickle.loads(pickle.dumps(cleaner)).to_frame(), cleaner.to_frame()
    )


@pytest.mark.parametrize("action", ["drop", "relabel"])
def test_frames_are_resampled_as_frames(action):
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    X, y = X.set_axis(X.index + 1000) / X.std(), y.set_axis(y.index + 1000)
    y.iloc[:20] = 1 - y.iloc[:20]
    cleaner = LabelCleaner(LogisticRegression(max_iter=10_000), action=action, penalty="keep")
    kept, labels = cleaner.fit_resample(X, y)
    assert isinstance(kept, pd.DataFrame) and isinstance(labels, pd.Series)
    assert_array_equal(kept.index, X.index[cleaner.sample_indices_])
    assert_array_equal(labels.index, kept.index)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataConversionWarning")
def test_labels_in_a_frame_of_one_column_keep_their_index(iris):
    X, y = iris
    _, labels = LabelCleaner(tight()).fit_resample(X, y.to_frame())
    assert isinstance(labels, pd.Series) and set(labels.index) <= set(X.index)


class NoPandas:
    """Finds modules as they are found where pandas is not installed."""

    def find_spec(self, name, path=None, target=None):
        if name == "pandas":
            raise ModuleNotFoundError("No module named 'pandas'")


@pytest.mark.parametrize(
    ("ask", "caller"),
    [
        (lambda cleaner, explainer, X, y: cleaner.to_frame(), "LabelCleaner.to_frame"),
        (
            lambda cleaner, explainer, X, y: explainer.most_influential(X, y, as_frame=True),
            "most_influential",
        ),
    ],
)
def test_what_to_install_is_said(ask, caller, monkeypatch):
    X, y = load_iris(return_X_y=True)
    cleaner, explainer = LabelCleaner(tight()).fit(X, y), InfluenceExplainer(tight()).fit(X, y)
    monkeypatch.delitem(sys.modules, "pandas")
    monkeypatch.setattr(sys, "meta_path", [NoPandas(), *sys.meta_path])
    with pytest.raises(ImportError, match=rf"{caller}.* needs pandas.*skinfluence\[data\]"):
        ask(cleaner, explainer, X, y)
