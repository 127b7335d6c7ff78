"""Machines whose loss has kinks: the optimum as trained, without a row, against real refits."""

import numpy as np
import pytest
from comparison import assert_close, encoded
from numpy.testing import assert_allclose
from scipy.linalg import LinAlgWarning
from sklearn.base import clone, is_classifier
from sklearn.linear_model import QuantileRegressor
from sklearn.svm import SVC, SVR, LinearSVC, LinearSVR

from skinfluence import InfluenceExplainer, as_problem, leave_one_out
from skinfluence.changes import Remove, RemoveGroups, Replace, Reweight
from skinfluence.losses import PairwiseLoss, SmoothEpsilonInsensitive, SmoothHinge, SmoothPinball
from skinfluence.optimum._support_machines import support_machines
from skinfluence.questions import Loss, Parameters

N, ROWS = 60, np.arange(0, 60, 4)
TIGHT = {"tol": 1e-10}
LIBLINEAR = {**TIGHT, "max_iter": 10_000_000, "random_state": 0}

# name: (kind of target, estimator)
MACHINES = {
    "rbf": ("binary", SVC(gamma=0.3, **TIGHT)),
    "linear": ("binary", SVC(kernel="linear", C=0.3, class_weight={0: 2.0}, **TIGHT)),
    "balanced": ("binary", SVC(gamma=0.3, class_weight="balanced", **TIGHT)),
    "pairs": ("multiclass", SVC(gamma=0.3, decision_function_shape="ovo", **TIGHT)),
    "svr": ("regression", SVR(gamma=0.3, epsilon=0.2, **TIGHT)),
    "svr_linear": ("regression", SVR(kernel="linear", C=3.0, epsilon=0.2, **TIGHT)),
    "median": ("regression", SVR(gamma=0.3, epsilon=0.0, **TIGHT)),
    "liblinear": ("binary", LinearSVC(loss="hinge", C=0.5, **LIBLINEAR)),
    "one_vs_rest": ("multiclass", LinearSVC(loss="hinge", C=0.3, **LIBLINEAR)),
    "quantile": ("regression", QuantileRegressor(alpha=0.02, quantile=0.37)),
    "tube": ("regression", LinearSVR(epsilon=0.3, C=0.5, intercept_scaling=2.0, **LIBLINEAR)),
}
NAMES = tuple(MACHINES)


def data(kind):
    random = np.random.RandomState(5)
    X = random.standard_normal((N + 8, 4))
    signal = X @ [1.0, -1.0, 0.5, 0.0] + random.standard_normal(len(X))
    y = {
        "binary": (signal > 0.3).astype(int),
        "multiclass": np.digitize(signal, [-0.7, 0.7]),
        "regression": signal,
    }[kind]
    return X[:N], y[:N], X[N:], y[N:]


def say(model, X):
    return model.decision_function(X) if is_classifier(model) else model.predict(X)


def explained(name, **params):
    kind, model = MACHINES[name]
    X, y, *_ = data(kind)
    return InfluenceExplainer(model, method="newton", **params).fit(X, y)


@pytest.mark.parametrize("name", NAMES)
def test_each_row_left_out_is_a_cold_refit(name):
    kind, model = MACHINES[name]
    X, y, X_test, _ = data(kind)
    explainer = explained(name)
    kept = [np.arange(N) != row for row in ROWS]
    before = say(clone(model).fit(X, y), X_test)
    truth = np.stack([say(clone(model).fit(X[k], y[k]), X_test) - before for k in kept], axis=1)
    estimate = explainer.prediction_influence(X_test, rows=ROWS)
    assert_close(estimate, truth, rtol=1e-4)
    errors, proved = explainer.certificates(return_proved=True)
    assert np.all(errors == 0)
    assert np.all(proved) != (name == "quantile")  # whose ridge may be too large


@pytest.mark.parametrize("name", NAMES)
def test_the_smoothing_does_not_matter(name):
    X_test, y_test = data(MACHINES[name][0])[2:]
    sharp, wide = explained(name), explained(name, temperature=0.1)
    influence = sharp.loss_influence(X_test, y_test)
    assert np.abs(influence).max() > 0
    assert_close(wide.loss_influence(X_test, y_test), influence, rtol=1e-7)
    assert_close(wide.self_influence(), sharp.self_influence(), rtol=1e-7)
    assert_close(wide.parameter_influence(ROWS), sharp.parameter_influence(ROWS), rtol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_refits_are_taken_to_the_optimum_as_trained(name):
    kind, model = MACHINES[name]
    X, y, X_test, y_test = data(kind)
    loose = clone(model).set_params(**({} if name == "quantile" else {"tol": 1e-3}))
    truth = leave_one_out(loose, X, y, X_test, y_test, rows=ROWS[:4])
    estimate = explained(name).loss_influence(X_test, y_test, rows=ROWS[:4])
    assert_close(estimate, truth, rtol=1e-6)


@pytest.mark.parametrize("name", ["rbf", "pairs", "svr", "liblinear", "quantile"])
def test_groups_weights_and_new_rows_are_refits_too(name):
    kind, model = MACHINES[name]
    X, y, X_test, y_test = data(kind)
    explainer, truth = explained(name), InfluenceExplainer(model, method="retrain").fit(X, y)
    groups = np.arange(N) % 20
    asked = X_test, y_test
    labels = y[::-1][ROWS[:3]]
    for each in (
        lambda e: e.group_influence(*asked, groups)[:, :5],
        lambda e: e.effect(Loss(*asked), Reweight(ROWS[:4], [0.5, 2.0, 3.0, 0.1])),
        lambda e: e.replacement_influence(*asked, rows=ROWS[:3], y_new=labels),
        lambda e: e.replacement_influence(*asked, rows=ROWS[:3], X_new=X_test[:3]),
    ):
        expected = each(truth)
        close = {"rtol": 0, "atol": 1e-5 * np.abs(expected).max() + 1e-9}  # or nothing moves
        assert_allclose(each(explainer), expected, **close)


def test_rows_that_are_no_support_vectors_move_nothing():
    X, y, X_test, _ = data("binary")
    explainer = explained("rbf")
    support = SVC(gamma=0.3, **TIGHT).fit(X, y).support_
    influence = explainer.prediction_influence(X_test, rows=support)
    others = np.setdiff1d(np.arange(N), support)
    assert np.all(explainer.prediction_influence(X_test, rows=others) == 0)
    assert np.all(np.any(influence != 0, axis=0))


def test_intercept_that_nothing_holds_is_that_of_libsvm():
    X, y, X_test, _ = data("binary")
    balanced = np.r_[np.flatnonzero(y == 0)[:20], np.flatnonzero(y == 1)[:20]]
    X, y, model = X[balanced], y[balanced], SVC(gamma=0.3, C=1e-3, **TIGHT)
    with pytest.warns(LinAlgWarning, match="singular"):  # of the smooth loss, flat everywhere
        explainer = InfluenceExplainer(model, method="newton").fit(X, y)
    assert explainer.answers_.optimum.machines.machines[0].path.margin.size == 0
    before = model.fit(X, y).decision_function(X_test)
    model_predicts = explainer.answers_.fit.model.predict_raw(encoded(explainer, X_test))[:, 0]
    assert_close(model_predicts, before, rtol=1e-7)
    for row in (0, 25):
        kept = np.arange(40) != row
        after = clone(model).fit(X[kept], y[kept]).decision_function(X_test)
        influence = explainer.prediction_influence(X_test, rows=[row])[:, 0]
        assert_close(influence, after - before, rtol=1e-4)


@pytest.mark.parametrize("name", ["rbf", "pairs", "svr"])
def test_dual_coefficients_are_those_of_libsvm(name):
    X, y, *_ = data(MACHINES[name][0])
    model = clone(MACHINES[name][1]).fit(X, y)
    problem = support_machines(as_problem(model, X, y).at_temperature(1e-3)).trained
    duals = problem.kernel.coefficients(problem)
    if name == "pairs":
        assert np.all(np.isin(np.flatnonzero(duals.any(axis=1)), model.support_))
        assert np.abs(duals).max() <= model.C * (1 + 1e-9)
        return
    expected = np.zeros(N)
    expected[model.support_] = model.dual_coef_[0]
    assert_close(duals[:, 0], expected, rtol=1e-4)


@pytest.mark.parametrize("seed", range(12))
def test_conditions_of_the_optimum_hold_where_rows_repeat(seed):
    """Of few distinct rows, many are at kinks at once, and depend on one another."""
    random = np.random.RandomState(seed)
    n, p = random.randint(12, 50), random.randint(1, 5)
    X = random.randint(-1, 2, (n, p)).astype(float)
    signal = X @ random.standard_normal(p) + random.choice([0.0, 1.0]) * random.standard_normal(n)
    weights = random.choice([0.5, 1, 2], n)
    C, kernel = 10 ** random.uniform(-2, 2), random.choice(["linear", "rbf"])
    if seed % 2:
        model, y = SVR(kernel=kernel, C=C, gamma=0.3, epsilon=0.2), np.round(signal, seed % 3)
    else:
        model, y = SVC(kernel=kernel, C=C, gamma=0.3), (signal > np.median(signal)).astype(int)
        y[:2] = 0, 1
    machines = support_machines(as_problem(model.fit(X, y, weights), X, y, weights))
    (machine,) = machines.machines
    gram = machine.features @ machine.features.T
    for row in range(n):
        after = weights.astype(float)
        after[row] = 0
        path = machine.path.fork()
        assert path.toward(after)
        assert_optimal(path, gram, after)


def assert_optimal(path, gram, weights):
    """Raw predictions follow from a, a is minus the weight times a slope, and its sum is zero."""
    kinks, slopes, a = path.machine.kinks, path.machine.slopes, path.dual
    raw = gram @ a + path.intercept
    close = 1e-7 * max(1, np.abs(raw).max())
    below = np.sum(kinks < raw[:, None] - close, axis=1)
    above = np.sum(kinks < raw[:, None] + close, axis=1)
    every = np.arange(len(a))
    upper, lower = -weights * slopes[every, below], -weights * slopes[every, above]
    room = 1e-7 * weights.max()
    assert np.all(a <= upper + room)
    assert np.all(a >= lower - room)
    assert abs(a.sum()) <= room * len(a)


@pytest.mark.parametrize(
    ("loss", "y"),
    [
        (SmoothHinge(), [-1.0, 1.0, 1.0]),
        (SmoothEpsilonInsensitive(0.3), [-0.5, 0.2, 1.0]),
        (SmoothEpsilonInsensitive(0.0), [-0.5, 0.2, 1.0]),
        (SmoothPinball(0.3), [-0.5, 0.2, 1.0]),
        (PairwiseLoss(SmoothHinge(), -1.0), [-1.0, 0.0, 1.0]),
    ],
)
def test_pieces_are_those_of_the_trained_loss(loss, y):
    y, trained = np.array(y), loss.trained
    kinks, slopes = loss.pieces(y)
    assert np.all(np.diff(kinks, axis=1) > 0)
    assert np.all(np.diff(slopes, axis=1) >= 0)
    edges = np.column_stack([kinks[:, 0] - 1, kinks, kinks[:, -1] + 1])
    for piece in range(slopes.shape[1]):
        middle = (edges[:, piece] + edges[:, piece + 1])[:, None] / 2
        assert_close(trained.gradient(middle, y[:, None])[:, 0], slopes[:, piece], rtol=1e-12)


def test_losses_that_are_trained_smooth_have_no_pieces():
    assert SmoothHinge(0.3, smoothed=False).pieces(np.ones(2)) is None
    assert PairwiseLoss(SmoothHinge(0.3, smoothed=False), -1.0).pieces(np.ones(2)) is None


def pinball(model, X, y, weights, theta):
    """Return the objective of a quantile regression."""
    left = y - X @ theta[:-1] - theta[-1]
    losses = np.maximum(model.quantile * left, (model.quantile - 1) * left)
    return weights @ losses + weights.sum() * model.alpha * np.abs(theta[:-1]).sum()


def tied(kind):
    """Return data with several optima: even medians, targets and rows that are the same."""
    random = np.random.RandomState(kind)
    X, y = random.standard_normal((20, 1 + kind % 2)), random.standard_normal(20).round(1)
    return X[random.randint(0, 10, 20)] if kind > 4 else X, y + 3 * (kind % 3)


@pytest.mark.parametrize("alpha", [1.0, 0.01])
@pytest.mark.parametrize("kind", range(8))
def test_a_quantile_that_is_not_unique_goes_to_an_optimum_near_the_fit(kind, alpha):
    X, y = tied(kind)
    model = QuantileRegressor(alpha=alpha)
    explainer = InfluenceExplainer(model, method="newton").fit(X, y)
    fitted = np.append(explainer.estimator_.coef_, explainer.estimator_.intercept_)
    groups, new_X, new_y = np.arange(20) % 5 == 0, X.copy(), y.copy()
    new_X[0], new_y[0] = X[1], y[2]
    left = [(X, y, 1.0 - (np.arange(20) == row)) for row in range(20)]
    left += [(X, y, 1.0 - groups), (new_X, new_y, np.ones(20))]
    changes = Remove(), RemoveGroups(groups[:, None]), Replace([0], X[[1]], y[[2]])
    moved = np.vstack([explainer.effect(Parameters(), change) for change in changes])
    for (A, b, weights), change in zip(left, moved):
        best = clone(model).fit(A, b, sample_weight=weights)
        best = pinball(model, A, b, weights, np.append(best.coef_, best.intercept_))
        assert pinball(model, A, b, weights, fitted + change) == pytest.approx(best, rel=1e-7)
        if pinball(model, A, b, weights, fitted) <= best * (1 + 1e-12):
            assert_allclose(change, 0, atol=1e-7)


def test_refits_of_a_quantile_that_is_not_unique_are_told_alike():
    X, y = tied(0)
    model = QuantileRegressor(alpha=1.0)
    newton, retrain = (InfluenceExplainer(model, method=m).fit(X, y) for m in ("newton", "retrain"))
    assert_allclose(newton.loss_influence(X, y), retrain.loss_influence(X, y), atol=1e-7)


@pytest.mark.parametrize("seed", range(3))
def test_a_norm_of_next_to_no_strength_still_chooses_among_exact_fits(seed):
    random = np.random.RandomState(seed)
    X, y = random.standard_normal((15, 30)), random.standard_normal(15)
    model = QuantileRegressor(alpha=1e-6)
    explainer = InfluenceExplainer(model, method="newton").fit(X, y)
    fitted = np.append(explainer.estimator_.coef_, explainer.estimator_.intercept_)
    for row, change in enumerate(explainer.parameter_influence()):
        weights = 1.0 - (np.arange(15) == row)
        best = clone(model).fit(X, y, sample_weight=weights)
        best = pinball(model, X, y, weights, np.append(best.coef_, best.intercept_))
        assert pinball(model, X, y, weights, fitted + change) == pytest.approx(best, rel=1e-6)


def test_a_machine_with_most_rows_at_their_margin_is_itself_without_rows_of_no_effect():
    random = np.random.RandomState(2)
    X = np.column_stack([random.normal(size=89), np.full(89, 7.5)])
    y = (random.rand(89) < 0.2).astype(int)
    y[:2] = 0, 1
    explainer = InfluenceExplainer(SVC(C=4.4, gamma=0.036), method="newton").fit(X, y)
    rows = [16, 42, 51]
    trained = clone(explainer.estimator_).set_params(tol=1e-10)
    rest = np.setdiff1d(np.arange(89), rows)
    expected = trained.fit(X[rest], y[rest]).decision_function(X)
    assert_allclose(explainer.remove(rows).decision_function(X), expected, atol=1e-4)
