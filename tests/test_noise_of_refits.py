"""Refits that draw random numbers: their noise is told, and averaged over seeds where asked."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeRegressor

from skinfluence import InfluenceExplainer, leave_one_out
from skinfluence.methods import Retrain

NOISE = "Refits of .* differ by their random numbers"


@pytest.fixture(scope="module")
def data():
    X, y = load_breast_cancer(return_X_y=True)
    return X[:120], y[:120], X[200:210], y[200:210]


def forest(**params):
    return RandomForestClassifier(**{"n_estimators": 10, "random_state": 0} | params)


@pytest.mark.parametrize("model", [forest(), forest(random_state=None), "pipeline"], ids=str)
def test_noise_as_large_as_a_row_is_told(model, data):
    model = make_pipeline(StandardScaler(), forest()) if model == "pipeline" else model
    with pytest.warns(UserWarning, match=NOISE) as caught:
        leave_one_out(model, *data, rows=[0, 10, 20])
    assert len(caught) == 1 and caught[0].filename == __file__
    explainer = InfluenceExplainer(model, method="retrain").fit(*data[:2])
    with pytest.warns(UserWarning, match=NOISE):
        explainer.loss_influence(*data[2:], rows=[0, 10, 20])
    with pytest.warns(UserWarning, match=NOISE):
        explainer.prediction_influence(data[2], rows=[0, 10, 20])
    few = InfluenceExplainer(model, method="retrain").fit(data[0][30:60], data[1][30:60])
    with pytest.warns(UserWarning, match=NOISE):
        few.self_influence()


def test_fits_without_noise_are_not_warned_of(data):
    X, y, *test = data
    for model in (
        KNeighborsClassifier(),
        LogisticRegression(random_state=None, max_iter=10_000, C=1e-3),
    ):
        leave_one_out(model, X, y, *test, rows=[0, 10])
    tree = DecisionTreeRegressor(random_state=0, max_depth=3)  # rows move it more than its draws
    leave_one_out(tree, X[:, :1], y.astype(float), test[0][:, :1], test[1], rows=np.arange(120))


def test_repeats_are_the_mean_over_seeds(data):
    X, y, *test = data
    model = RandomForestRegressor(n_estimators=10, max_features=3)
    method = Retrain(n_repeats=3, random_state=5)
    explainer = InfluenceExplainer(model, method=method).fit(X, y.astype(float))
    with pytest.warns(UserWarning, match=NOISE):
        influence = explainer.loss_influence(*test, rows=[4])[:, 0]
    seeds = explainer.answers_.seeds
    moved = []
    for seed in seeds:
        full, without = (
            RandomForestRegressor(n_estimators=10, max_features=3, random_state=seed).fit(*rows)
            for rows in ((X, y), (np.delete(X, 4, axis=0), np.delete(y, 4)))
        )
        before, after = ((part.predict(test[0]) - test[1]) ** 2 for part in (full, without))
        moved.append(after - before)
    assert len(set(seeds)) == 3
    assert_allclose(influence, np.mean(moved, axis=0), atol=1e-12)
    with pytest.warns(UserWarning, match=NOISE):
        again = leave_one_out(
            model, X, y.astype(float), *test, rows=[4], n_repeats=3, random_state=5, n_jobs=2
        )
    assert_array_equal(again[:, 0], influence)


@pytest.mark.filterwarnings("ignore:Refits of")
def test_repeats_agree_better_than_single_fits(data):
    X, y, *test = data
    tree, rows = DecisionTreeRegressor(max_depth=3, max_features=2), np.arange(0, 120, 12)
    given = X, y.astype(float), *test

    def spread(n_repeats):
        asked = {"rows": rows, "n_repeats": n_repeats}
        runs = [leave_one_out(tree, *given, random_state=seed, **asked) for seed in range(6)]
        return np.mean(np.var(runs, axis=0, ddof=1))

    assert spread(8) < spread(1) / 4  # it falls as one over the number


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n_repeats": 0}, "`n_repeats` must be an integer >= 1"),
        ({"random_state": "seed"}, "`random_state` must be"),
        ({"refine": "no"}, "`refine` must be True or False"),
    ],
)
def test_bad_parameters_are_named(params, message, data):
    with pytest.raises(ValueError, match=message):
        Retrain(**params)
    with pytest.raises(ValueError, match=message):
        leave_one_out(forest(), *data, rows=[0], **params)
