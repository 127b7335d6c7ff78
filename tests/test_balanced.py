"""Balanced class weights change when a row leaves: with ten rows in a class it matters."""

from dataclasses import replace

import numpy as np
import pytest
from cases import logistic, ridge
from sklearn.linear_model import RidgeClassifier

from skinfluence import InfluenceExplainer
from skinfluence.operators import Removal
from skinfluence.optimum import LeftOutRows
from skinfluence.problems import FixedWeights
from skinfluence.solvers import Direct

MODELS = {
    "lbfgs": logistic(class_weight="balanced"),
    "liblinear": logistic(solver="liblinear", class_weight="balanced"),
    "multinomial": logistic(class_weight="balanced"),
    "ridge_classifier": ridge(RidgeClassifier, class_weight="balanced"),
}


def unbalanced(name):
    """Return 150 rows of two or three classes, ten of them in the smallest."""
    random = np.random.RandomState(0)
    y = np.r_[np.zeros(10, int), np.full(140, 1)]
    if name == "multinomial":
        y[80:] = 2
    X = random.standard_normal((150, 4)) + 0.8 * y[:, None] * [1, -0.5, 0, 0.3]
    return X, y, random.uniform(0.2, 3, size=150)


def fit(name, method, weighted=False):
    X, y, weights = unbalanced(name)
    explainer = InfluenceExplainer(MODELS[name], method=method, refine=True)
    return explainer.fit(X, y, weights if weighted else None)


def agreement(estimate, truth):
    """Return Pearson's r and the slope of the estimate on the truth."""
    slope, _ = np.polyfit(truth.ravel(), estimate.ravel(), 1)
    return np.corrcoef(truth.ravel(), estimate.ravel())[0, 1], slope


ROWS = np.r_[np.arange(10), np.arange(10, 150, 15)]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", MODELS)
def test_parameters_move_as_in_real_refits(name, weighted):
    truth = fit(name, "retrain", weighted).parameter_influence(ROWS)
    r, slope = agreement(fit(name, "newton", weighted).parameter_influence(ROWS), truth)
    assert r >= 0.995
    assert slope == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize("name", MODELS)
def test_row_much_heavier_than_its_class_moves_the_parameters_as_in_a_refit(name):
    X, y, weights = unbalanced(name)
    weights[3] = weights[y == 0].sum()
    data = X, y, weights
    estimate, truth = (
        InfluenceExplainer(MODELS[name], method=method, refine=True)
        .fit(*data)
        .parameter_influence([3])
        for method in ("newton", "retrain")
    )
    r, slope = agreement(estimate, truth)
    assert r >= 0.995
    assert slope == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize("name", MODELS)
def test_a_version_that_ignores_the_change_of_the_weights_fails(name):
    truth = fit(name, "retrain").parameter_influence(ROWS)
    explainer = fit(name, "newton")
    ignorant = replace(explainer.problem_, reweighting=FixedWeights())
    estimate = LeftOutRows(ignorant, explainer.inverse_, Direct()).changes(ROWS)
    r, slope = agreement(estimate, truth)
    assert r < 0.995 or abs(slope - 1) > 0.03


@pytest.mark.parametrize("name", MODELS)
def test_first_order_knows_the_change_of_the_weights_too(name):
    truth = fit(name, "retrain").parameter_influence(ROWS)
    explainer = fit(name, "influence")
    r, _ = agreement(explainer.parameter_influence(ROWS), truth)
    ignorant = replace(explainer.problem_, reweighting=FixedWeights())
    blind = (explainer.inverse_ @ Removal(ignorant, ROWS).dense().T).T
    worse, _ = agreement(blind, truth)
    assert r > 0.95
    assert r > worse


@pytest.mark.parametrize("name", MODELS)
def test_effect_of_a_group_knows_the_change_of_the_weights(name):
    X, y, _ = unbalanced(name)
    groups = np.zeros((150, 2), dtype=bool)
    groups[:2, 0] = groups[10:40, 1] = True
    estimate, truth = (fit(name, m).group_influence(X, y, groups) for m in ("influence", "retrain"))
    r, _ = agreement(estimate, truth)
    assert r > 0.9


def test_group_that_is_a_whole_class_is_refused():
    X, y, _ = unbalanced("lbfgs")
    with pytest.raises(ValueError, match="class"):
        fit("lbfgs", "influence").group_influence(X, y, y)


@pytest.mark.parametrize("place", [0, 2])  # the check of the fit looks at 0, not at 2
def test_only_row_of_a_class_is_refused_when_asked_for_and_only_then(place):
    X, y, _ = unbalanced("lbfgs")
    y = np.where(np.arange(150) == place, 0, 1)
    others = np.flatnonzero(y)[:9]
    for method in ("influence", "newton"):
        explainer = InfluenceExplainer(MODELS["lbfgs"], method=method, refine=True).fit(X, y)
        assert np.all(np.isfinite(explainer.loss_influence(X[:4], y[:4], rows=others)))
        for ask in (
            lambda: explainer.loss_influence(X[:4], y[:4], rows=[place]),  # noqa: B023
            lambda: explainer.parameter_influence([place]),  # noqa: B023
            explainer.self_influence,
        ):
            with pytest.raises(ValueError, match="only row"):
                ask()
