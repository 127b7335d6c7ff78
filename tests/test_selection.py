"""Few rows, or few labels, that change an answer: confirmed by refits, none of them to spare."""

from itertools import combinations

import numpy as np
import pytest
from questions import data, logistic
from sklearn.base import clone
from sklearn.linear_model import (
    HuberRegressor,
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skinfluence import InfluenceExplainer
from skinfluence.selection import label_changes, removals

MODELS = {
    "logistic": logistic(),
    "multinomial": logistic(),
    "pipeline": make_pipeline(StandardScaler(), logistic()),
    "balanced": logistic().set_params(class_weight="balanced"),
}
KIND = {"balanced": "logistic"}


def close_calls(name, n=40):
    """Return training data and the test rows, least certain first."""
    X, y, X_test, _ = data(KIND.get(name, name), n=n)
    model = clone(MODELS[name]).fit(X, y)
    p = np.sort(model.predict_proba(X_test), axis=1)
    order = np.argsort(p[:, -1] - p[:, -2])
    return X, y, X_test[order], model


def refitted(name, X, y):
    """Fit again, a pipeline's scaler held."""
    return clone(MODELS[name]).fit(X, y)


@pytest.mark.parametrize("name", MODELS)
def test_removals_change_the_prediction_and_none_can_be_spared(name):
    X, y, X_test, model = close_calls(name)
    for test in X_test[:2, None]:
        found = removals(MODELS[name], X, y, test, max_rows=20)
        assert found.found and found.confirmed and len(set(found.rows)) == len(found.rows)
        before = model.predict(test)
        assert found.estimator.predict(test) != before
        if name == "pipeline":
            continue
        kept = np.setdiff1d(np.arange(len(y)), found.rows)
        assert refitted(name, X[kept], y[kept]).predict(test) != before
        for row in found.rows:
            kept = np.setdiff1d(np.arange(len(y)), found.rows[found.rows != row])
            assert refitted(name, X[kept], y[kept]).predict(test) == before


def fewest_removals(X, y, test, threshold, most):
    """Return the size of the smallest set that flips, by trying all of them."""
    before = Ridge().fit(X, y).predict(test)[0] - threshold
    for size in range(1, most + 1):
        for dropped in combinations(range(len(y)), size):
            kept = np.setdiff1d(np.arange(len(y)), dropped)
            if (Ridge().fit(X[kept], y[kept]).predict(test)[0] - threshold) * before < 0:
                return size
    return most + 1


def test_removals_are_as_few_as_trying_all_sets():
    X, y, X_test, _ = data("ridge", n=16)
    sizes = []
    for test in X_test[:, None]:
        before = Ridge().fit(X, y).predict(test)[0]
        for threshold in (before - 0.4, before + 0.4):
            found = removals(Ridge(), X, y, test, threshold=threshold, max_rows=4)
            least = fewest_removals(X, y, test, threshold, 2)
            if least <= 2:
                sizes.append((len(found.rows), least))
                assert found.confirmed
    assert len(sizes) >= 2 and all(ours == least for ours, least in sizes)


@pytest.mark.parametrize(
    ("name", "model"),
    [("ridge", Ridge()), ("huber", HuberRegressor()), ("poisson", PoissonRegressor())],
    ids=str,
)
def test_a_prediction_goes_to_the_other_side_of_a_threshold(name, model):
    X, y, X_test, _ = data(name, n=40)
    fitted = InfluenceExplainer(model, refine=True).fit(X, y).estimator_
    before = fitted.predict(X_test[:1])[0]
    for threshold in (before * 0.9, before * 1.1):
        found = removals(model, X, y, X_test[:1], threshold=threshold, max_rows=20)
        after = found.estimator.predict(X_test[:1])[0]
        assert found.confirmed and (before - threshold) * (after - threshold) < 0


@pytest.mark.parametrize("position", range(4))
def test_a_coefficient_changes_its_sign(position):
    X, y, *_ = data("linear", n=60)
    y = y - X @ LinearRegression().fit(X, y).coef_ * 0.8
    found = removals(LinearRegression(), X, y, coefficient=position, max_rows=30)
    kept = np.setdiff1d(np.arange(len(y)), found.rows)
    before, after = (LinearRegression().fit(X[rows], y[rows]) for rows in (slice(None), kept))
    signs = [
        np.sign(np.append(model.coef_, model.intercept_)[position]) for model in (before, after)
    ]
    assert found.confirmed and signs[0] != signs[1]


def wrong_predictions(name, seed=0):
    """Return training data with some labels flipped, and test rows that are predicted wrongly."""
    X, y, X_test, _ = data(KIND.get(name, name), n=40)
    model = clone(MODELS[name]).fit(X, y)
    right = (model.predict(X_test) + 1) % len(np.unique(y))
    return X, y, X_test, right


@pytest.mark.parametrize("name", MODELS)
def test_label_changes_make_the_prediction_right_and_none_can_be_spared(name):
    X, y, X_test, right = wrong_predictions(name)
    for i in range(2):
        test = X_test[[i]], right[[i]]
        found = label_changes(MODELS[name], X, y, *test, max_changes=30)
        assert found.found and found.confirmed and len(found.rows)
        assert np.all(found.labels != y[found.rows])
        labels = y.copy()
        labels[found.rows] = found.labels
        assert found.estimator.predict(X_test[[i]]) == right[i]
        assert refitted(name, X, labels).predict(X_test[[i]]) == right[i]
        for row in found.rows:
            spared = labels.copy()
            spared[row] = y[row]
            assert refitted(name, X, spared).predict(X_test[[i]]) != right[i]


def test_label_changes_are_as_few_as_trying_all_sets():
    X, y, X_test, _ = data("logistic", n=14)
    model = clone(MODELS["logistic"]).fit(X, y)
    sizes = []
    for test in X_test[:, None]:
        right = 1 - model.predict(test)
        found = label_changes(MODELS["logistic"], X, y, test, right, max_changes=6)
        for size in (1, 2):
            flips = [
                clone(model).fit(X, np.where(np.isin(np.arange(14), rows), 1 - y, y)).predict(test)
                for rows in combinations(range(14), size)
            ]
            if np.any(np.array(flips) == right):
                sizes.append((len(found.rows), size))
                break
    assert len(sizes) >= 2 and all(ours == least for ours, least in sizes)


def test_only_rows_that_are_named_change():
    X, y, X_test, right = wrong_predictions("multinomial")
    rows = np.arange(5, 35)
    found = label_changes(MODELS["multinomial"], X, y, X_test[:1], right[:1], rows=rows)
    assert len(found.rows) and set(found.rows) <= set(rows)
    found = removals(MODELS["multinomial"], X, y, X_test[:1], rows=rows)
    assert len(found.rows) and set(found.rows) <= set(rows)


def test_a_right_prediction_needs_no_change_and_too_few_are_said_so():
    X, y, X_test, right = wrong_predictions("logistic")
    model = MODELS["logistic"]
    nothing = label_changes(model, X, y, X_test[:1], 1 - right[:1])
    assert nothing.found and nothing.confirmed and len(nothing.rows) == 0
    confident = np.abs(clone(model).fit(X, y).decision_function(X_test)).argmax()
    test = X_test[[confident]]
    for found in (
        label_changes(model, X, y, test, right[[confident]], max_changes=1),
        removals(model, X, y, test, max_rows=1, rows=[0, 1, 2]),
    ):
        assert not found.found and not found.confirmed and len(found.rows) <= 1


def test_the_last_row_of_a_class_stays():
    X, y, X_test, _ = data("logistic", n=24)
    y[:] = 0
    y[[3, 7]] = 1
    model = LogisticRegression(C=10, tol=1e-8)
    found = removals(model, X, y, X_test[:1], max_rows=22)
    assert set(np.delete(y, found.rows)) == {0, 1}
    changes = label_changes(model, X, y, X_test[:1], [0], max_changes=22)
    assert changes.found or len(changes.rows)


def test_bad_arguments_are_named():
    X, y, X_test, right = wrong_predictions("logistic")
    model = MODELS["logistic"]
    for ask, message in (
        (lambda: removals(model, X, y), "Give one of `X_test` and `coefficient`"),
        (lambda: removals(model, X, y, X_test), "`X_test` must be one row; got 5"),
        (lambda: removals(model, X, y, coefficient=9), "`coefficient` must lie between 0 and 3"),
        (lambda: removals(model, X, y, X_test[:1], max_rows=0), "`max_rows` must be an integer"),
        (lambda: label_changes(model, X, y, X_test, right), "`X_test` must be one row; got 5"),
        (lambda: label_changes(model, X, y, X_test[:1], [7]), "labels that the estimator"),
    ):
        with pytest.raises(ValueError, match=message):
            ask()
    with pytest.raises(TypeError, match="needs a classifier of one label a row"):
        label_changes(Ridge(), X, y, X_test[:1], [1])
    with pytest.raises(TypeError, match="KNeighborsClassifier is not supported"):
        removals(KNeighborsClassifier(), X, y, X_test[:1])
