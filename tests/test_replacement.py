"""replacement_influence against real refits with the row replaced."""

import numpy as np
import pytest
from comparison import assert_close
from numpy.testing import assert_array_equal
from questions import MODELS, data, every_method, fit, logistic
from scipy import sparse
from sklearn.base import clone
from sklearn.ensemble import VotingClassifier
from sklearn.linear_model import (
    Lasso,
    PoissonRegressor,
    RidgeClassifier,
    TweedieRegressor,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skinfluence import InfluenceExplainer
from skinfluence.changes import Replace
from skinfluence.operators import Replacement
from skinfluence.problems import NewRows, replace_rows
from skinfluence.questions import Loss

ROWS = np.arange(0, 24, 2)


def changed(name, X, y, seed=3):
    """Return new features and new targets of ROWS, far from the old."""
    random = np.random.RandomState(seed)
    X_new = X[ROWS] + 1.5 * random.standard_normal((len(ROWS), X.shape[1]))
    if MODELS[name][0] in ("binary", "multiclass"):
        return X_new, (y[ROWS] + 1) % len(np.unique(y))
    return X_new, random.permutation(y)[ROWS]


def slope(estimate, truth):
    return np.polyfit(truth.ravel(), estimate.ravel(), 1)[0]


WHAT = {"features": (True, False), "target": (False, True), "both": (True, True)}
what = pytest.mark.parametrize("what", WHAT)


def new_rows(name, X, y, what):
    X_new, y_new = changed(name, X, y)
    features, target = WHAT[what]
    return {"X_new": X_new if features else None, "y_new": y_new if target else None}


@what
@pytest.mark.parametrize("name", MODELS)
def test_newton_is_the_refit(name, what):
    X, y, *test = data(name)
    new = new_rows(name, X, y, what)
    newton, truth = (
        fit(name, X, y, method=method).replacement_influence(*test, rows=ROWS, **new)
        for method in ("newton", "retrain")
    )
    assert abs(slope(newton, truth) - 1) < 0.02
    assert np.corrcoef(newton.ravel(), truth.ravel())[0, 1] > 0.999
    if name in ("ridge", "linear"):
        assert_close(newton, truth, rtol=1e-9)


@pytest.mark.parametrize("name", ["logistic", "ridge", "poisson"])
def test_retrain_is_a_fit_on_the_changed_rows(name):
    X, y, *test = data(name)
    X_new, y_new = changed(name, X, y)
    found = fit(name, X, y, method="retrain")
    influence = found.replacement_influence(*test, rows=ROWS, X_new=X_new, y_new=y_new)
    moved, labels = X.copy(), y.copy()
    moved[ROWS[4]], labels[ROWS[4]] = X_new[4], y_new[4]
    before, after = (fit(name, *part) for part in ((X, y), (moved, labels)))
    expected = losses(after, *test) - losses(before, *test)
    assert_close(influence[:, 4], expected, rtol=1e-6)


def losses(explainer, X, y):
    problem = explainer.problem_
    return problem.loss(problem.predict_raw(X), problem.targets.encode(y, float))


WEIGHTED = {
    "balanced": ("logistic", logistic().set_params(class_weight="balanced")),
    "balanced_multinomial": ("multinomial", logistic().set_params(class_weight="balanced")),
    "balanced_ridge": ("logistic", RidgeClassifier(class_weight="balanced")),
    "class_weight": ("multinomial", logistic().set_params(class_weight={0: 3.0, 2: 0.5})),
    "mean_penalty": ("poisson", PoissonRegressor(alpha=0.3, tol=1e-10, solver="newton-cholesky")),
    "tweedie": ("poisson", TweedieRegressor(power=1.5, tol=1e-10, solver="newton-cholesky")),
    "voting": (
        "logistic",
        VotingClassifier(
            [
                (n, logistic().set_params(C=C, class_weight={0: 1, 1: 3}))
                for n, C in (("a", 1), ("b", 9))
            ],
            voting="soft",
        ),
    ),
}


@pytest.mark.parametrize("which", WEIGHTED)
@pytest.mark.parametrize("weighted", [False, True], ids=["unweighted", "weighted"])
def test_weights_that_go_with_the_label_follow_it(which, weighted):
    name, model = WEIGHTED[which]
    X, y, *test = data(name, n=40)
    if "tweedie" in which:
        y, test[1] = y + 0.5, test[1] + 0.5
    weights = np.random.RandomState(1).uniform(0.3, 2, len(y)) if weighted else None
    X_new, y_new = changed(name, X, y)
    new = {"rows": ROWS, "X_new": X_new, "y_new": y_new}
    newton, truth, first = (
        fit(name, X, y, weights, method=method, model=model).replacement_influence(*test, **new)
        for method in ("newton", "retrain", "influence")
    )
    assert abs(slope(newton, truth) - 1) < 0.02
    assert np.corrcoef(first.ravel(), truth.ravel())[0, 1] > 0.8
    if "ridge" in which:
        assert_close(newton, truth, rtol=1e-8)


def test_new_features_go_through_the_steps_of_a_pipeline():
    X, y, *test = data("logistic")
    X = 5 * X + 2
    scaler = StandardScaler().fit(X)
    X_new, y_new = changed("logistic", X, y)
    new = {"rows": ROWS, "y_new": y_new}
    pipeline = fit("logistic", X, y, model=make_pipeline(StandardScaler(), logistic()))
    alone = fit("logistic", scaler.transform(X), y)
    expected = alone.replacement_influence(
        scaler.transform(test[0]), test[1], X_new=scaler.transform(X_new), **new
    )
    assert_close(pipeline.replacement_influence(*test, X_new=X_new, **new), expected, rtol=1e-8)


@pytest.mark.parametrize("method", ["influence", "newton"])
@pytest.mark.parametrize("name", ["logistic", "multinomial", "ridge"])
def test_sparse_and_float32_change_nothing(name, method):
    X, y, *test = data(name)
    X_new, y_new = changed(name, X, y)
    new = {"rows": ROWS, "X_new": X_new, "y_new": y_new}
    expected = fit(name, X, y, method=method).replacement_influence(*test, **new)
    csr = fit(name, sparse.csr_matrix(X), y, method=method)
    assert_close(csr.replacement_influence(*test, **new), expected, rtol=1e-6)
    loose = clone(MODELS[name][1]).set_params(tol=1e-4)
    single = fit(name, X.astype(np.float32), y, method=method, model=loose)
    found = single.replacement_influence(*test, **new)
    assert found.dtype == np.float32
    assert_close(found, expected, rtol=2e-3)


def test_small_blocks_change_nothing():
    X, y, *test = data("multinomial")
    X_new, _ = changed("multinomial", X, y)
    both = [
        fit("multinomial", X, y, block_size=size).replacement_influence(
            *test, rows=ROWS, X_new=X_new
        )
        for size in (None, 5)
    ]
    assert_close(both[1], both[0], rtol=1e-10)


@pytest.mark.parametrize("name", ["logistic", "lasso", "huber"])
@every_method
def test_the_same_row_again_changes_nothing(name, method):
    X, y, *test = data(name)
    explainer = fit(name, X, y, method=method)
    same = explainer.replacement_influence(*test, rows=ROWS, X_new=X[ROWS], y_new=y[ROWS])
    assert np.abs(same).max() < 1e-6


def test_first_order_is_the_limit_of_small_changes():
    X, y, *test = data("poisson")
    explainer = fit("poisson", X, y, method="influence")
    step = 1e-5 * np.ones((len(ROWS), X.shape[1]))
    found = explainer.replacement_influence(*test, rows=ROWS, X_new=X[ROWS] + step)
    slopes = explainer.input_influence(*test, rows=ROWS)
    assert_close(found, np.einsum("mjp,jp->mj", slopes, step), rtol=1e-3)


def test_replacing_by_a_row_of_loss_without_gradient_is_removal():
    X, y, *test = data("ridge")
    explainer = fit("ridge", X, y)
    rows = np.arange(4)
    alone = [explainer.remove([row]) for row in rows]
    fitted = np.array([model.predict(X[[row]])[0] for row, model in zip(rows, alone)])
    found = explainer.replacement_influence(*test, rows=rows, y_new=fitted)
    assert_close(found, explainer.loss_influence(*test, rows=rows), rtol=1e-9)


def test_damped_steps_are_single_and_those_of_the_exchanged_hessian():
    X, y, *test = data("logistic")
    explainer = fit("logistic", X, y, damping=0.1)
    X_new, y_new = changed("logistic", X, y)
    problem, inverse = explainer.problem_, explainer.inverse_
    new = NewRows.of(problem, ROWS, X_new, y_new)
    found = explainer.replacement_influence(*test, rows=ROWS, X_new=X_new, y_new=y_new)
    for i in range(len(ROWS)):
        one = new.take([i])
        hessian = inverse.hessian.of(replace_rows(problem, one)).dense()
        change = np.linalg.solve(hessian, Replacement(problem, one).dense()[0])
        moved = problem.at(problem.theta + change)
        expected = losses_at(moved, *test) - losses_at(problem, *test)
        assert_close(found[:, i], expected, rtol=1e-8)


def losses_at(problem, X, y):
    return problem.loss(problem.predict_raw(X), problem.targets.encode(y, float))


@pytest.mark.parametrize("model", ["balanced_multinomial", "class_weight"])
def test_the_operator_is_the_change_of_the_gradient(model):
    name, model = WEIGHTED[model]
    X, y, *_ = data(name)
    problem = fit(name, X, y, model=model).problem_
    new = NewRows.of(problem, ROWS, *changed(name, X, y))
    replacement, random = Replacement(problem, new), np.random.RandomState(0)
    dense = replacement.dense()
    for i in range(len(ROWS)):
        after = replace_rows(problem, new.take([i]))
        assert_close(dense[i], problem.gradient() - after.gradient(), rtol=1e-9)
    V, U = (random.standard_normal((size, 2)) for size in replacement.shape[::-1])
    assert_close(replacement @ V, dense @ V, rtol=1e-12)
    assert_close(replacement.rmatmat(U), dense.T @ U, rtol=1e-12)


def test_estimators_without_an_adapter_are_refitted():
    X, y, *test = data("logistic")
    explainer = InfluenceExplainer(KNeighborsClassifier(), method="retrain").fit(X, y)
    X_new, y_new = changed("logistic", X, y)
    found = explainer.replacement_influence(*test, rows=[2], X_new=X_new[1:2], y_new=y_new[1:2])
    moved, labels = X.copy(), y.copy()
    moved[2], labels[2] = X_new[1], y_new[1]
    before, after = (KNeighborsClassifier().fit(*part) for part in ((X, y), (moved, labels)))
    p, q = (model.predict_proba(test[0])[np.arange(5), test[1]] for model in (before, after))
    eps = np.finfo(float).eps
    assert_close(found[:, 0], np.log(p.clip(eps)) - np.log(q.clip(eps)), rtol=1e-6)


def test_labels_may_be_longer_strings():
    X, y, *test = data("logistic")
    names = np.array(["a", "longer"])
    explainer = fit("logistic", X, names[y], method="retrain")
    both = explainer.replacement_influence(test[0], names[test[1]], rows=[0], y_new=["longer"])
    assert both.shape == (5, 1)


@every_method
def test_bad_arguments_are_named(method):
    X, y, *test = data("logistic")
    explainer = fit("logistic", X, y, method=method)
    with pytest.raises(ValueError, match="Nothing is new: give `X_new`"):
        explainer.replacement_influence(*test, rows=[0])
    with pytest.raises(
        ValueError, match="`y_new` must have one row for each of the 2 `rows`; got 1"
    ):
        explainer.replacement_influence(*test, rows=[0, 1], y_new=[1])
    with pytest.raises(
        ValueError, match="`X_new` must have one row for each of the 1 `rows`; got 2"
    ):
        explainer.replacement_influence(*test, rows=[0], X_new=X[:2])
    if method != "retrain":
        with pytest.raises(ValueError, match="labels that the estimator was not fitted on"):
            explainer.replacement_influence(*test, rows=[0], y_new=[7])
    y[:] = 0
    y[5] = 1
    explainer = fit("logistic", X, y, method=method)
    with pytest.raises(ValueError, match="5.*class"):
        explainer.replacement_influence(X[:2], y[:2], rows=[5], y_new=[0])


@what
@pytest.mark.parametrize(("n", "p"), [(12, 20), (30, 60)])
def test_lasso_that_spends_a_coefficient_on_every_row_is_the_refit(n, p, what):
    random = np.random.RandomState(0)
    X = random.standard_normal((n, p))
    y = X[:, 0] + random.standard_normal(n)
    model = Lasso(alpha=1e-3, tol=1e-10, max_iter=100_000)
    features, target = WHAT[what]
    X_new = random.standard_normal((6, p)) if features else None
    change = Replace(np.arange(6), X_new, y[:6] + 2 if target else None)
    newton, retrain = (
        InfluenceExplainer(model, method=method, refine=True).fit(X, y)
        for method in ("newton", "retrain")
    )
    question = Loss(X[:5] + 0.1, y[:5])
    assert_close(newton.effect(question, change), retrain.effect(question, change), 1e-5)
    certificates, proved = newton.certificates(change, return_proved=True)
    assert_array_equal(certificates, 0)
    assert proved.all()
