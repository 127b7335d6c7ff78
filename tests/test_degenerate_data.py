"""Huge and tiny magnitudes, and degenerate data: what real refits, or equivalent data, say."""

import warnings
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from cases import follow_every_row, sparse_logistic
from comparison import assert_close
from numpy.testing import assert_allclose, assert_array_equal
from questions import (
    LIKELIHOOD,
    METHODS,
    MODELS,
    ON_TESTS,
    N,
    answers,
    assert_same,
    data,
    every_method,
    every_model,
    fit,
)
from scipy import sparse
from scipy.linalg import LinAlgWarning
from sklearn.base import clone, is_classifier
from sklearn.linear_model import (
    ElasticNet,
    HuberRegressor,
    Lasso,
    LogisticRegression,
    MultiTaskElasticNet,
    PoissonRegressor,
    Ridge,
    RidgeClassifier,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from skinfluence import (
    InfluenceExplainer,
    LabelCleaner,
    SmoothedLinearSVC,
    as_problem,
    leave_one_out,
)
from skinfluence.changes import Reweight
from skinfluence.operators import Hessian
from skinfluence.optimum import to_optimum
from skinfluence.questions import Loss
from skinfluence.solvers import Direct

estimates = pytest.mark.parametrize("method", ["influence", "newton"])


@cache
def plain_answers(name, method="newton"):
    """Return the answers on data that are neither scaled nor degenerate."""
    X, y, *test = data(name)
    return answers(name, fit(name, X, y, method=method), *test)


# Magnitudes

# model: the power of the factor of X that the penalty's parameter takes, and its name
PENALTIES = {
    "logistic": ("C", -2),
    "multinomial": ("C", -2),
    "ridge": ("alpha", 2),
    "linear": (None, 0),
    "lasso": ("alpha", 1),
    "poisson": ("alpha", 2),
    "huber": ("alpha", 2),
}


def penalised(name, factor):
    """Return the model whose penalty weighs as before once coefficients are divided by factor."""
    model, (parameter, power) = clone(MODELS[name][1]), PENALTIES[name]
    if parameter is not None:
        model.set_params(**{parameter: getattr(model, parameter) * factor**power})
    return model


def in_units_of(name, explainer, found, factor):
    """Return answers with coefficients as they are for X divided by factor."""
    n_coefficients = np.size(explainer.estimator_.coef_)
    for question in {"remove", "parameter_influence"} & set(found):
        found[question][..., :n_coefficients] *= factor
    return found


@pytest.mark.parametrize("factor", [1e-6, 1e6])
@pytest.mark.parametrize("name", PENALTIES)
@estimates
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning:sklearn")
def test_units_of_X_do_not_matter(name, factor, method):
    X, y, X_test, y_test = data(name)
    expected = plain_answers(name, method)
    scaled = fit(name, factor * X, y, method=method, model=penalised(name, factor))
    found = answers(name, scaled, factor * X_test, y_test)
    assert_same(in_units_of(name, scaled, found, factor), expected, rtol=1e-5)


ASKED_IN_UNITS_OF_LOSS = (
    "loss_influence",
    "replacement_influence",
    "group_influence",
    "most_influential",
    "relative_influence",
    "verify",
    "self_influence",
)


# model: powers of the factor of y in the penalty's parameter, and in a loss
@pytest.mark.parametrize("factor", [1e-8, 1e8])
@pytest.mark.parametrize(
    ("name", "power", "loss"),
    [("ridge", 0, 2), ("linear", 0, 2), ("lasso", 1, 2), ("huber", -1, 1)],
)
@estimates
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning:sklearn")
def test_units_of_y_scale_the_answers(name, power, loss, factor, method):
    X, y, X_test, y_test = data(name)
    expected = plain_answers(name, method)
    model = clone(MODELS[name][1])
    if power:
        model.set_params(alpha=model.alpha * factor**power)
    scaled = fit(name, X, factor * y, method=method, model=model)
    found = answers(name, scaled, X_test, factor * y_test)
    factors = dict.fromkeys(ASKED_IN_UNITS_OF_LOSS, factor**loss)
    factors["relative_influence"] = factor ** (loss / 2)
    factors |= dict.fromkeys(("leverage", *LIKELIHOOD), 1)
    assert_same(found, expected, 1e-5, {q: factors.get(q, factor) for q in found})


@every_model
@estimates
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning:sklearn")
def test_single_precision_gives_the_same_to_its_digits(name, method):
    X, y, X_test, y_test = (a.astype(np.float32).astype(a.dtype) for a in data(name))
    expected = answers(name, fit(name, X, y, method=method), X_test, y_test)
    X, X_test = X.astype(np.float32), X_test.astype(np.float32)
    try:
        explainer = fit(name, X, y, method=method)
    except ValueError as error:
        if "Buffer dtype mismatch" not in str(error):
            raise
        pytest.skip("older versions of scikit-learn do not fit single precision with this solver")
    assert explainer.loss_influence(X_test, y_test).dtype == np.float32
    assert_same(answers(name, explainer, X_test, y_test), expected, rtol=2e-3)


# Degenerate data: what real refits say, or the equivalent data that are not degenerate


@every_method
@every_model
def test_row_of_no_weight_is_no_row(name, method):
    X, y, *test = data(name)
    weights, kept = np.ones(N), np.arange(N) % 5 > 0
    weights[~kept] = 0
    explainer = fit(name, X, y, weights, method=method)
    model = explainer.estimator_
    if name == "pipeline":  # the scaler sees the rows all the same
        expected = fit("logistic", model[0].transform(X[kept]), y[kept], method=method)
        test_there = model[0].transform(test[0]), test[1]
    else:
        expected, test_there = fit(name, X[kept], y[kept], method=method), test
    found, wanted = explainer.loss_influence(*test), expected.loss_influence(*test_there)
    scale = 1e-6 * np.abs(wanted).max()
    assert_allclose(found[:, kept], wanted, atol=scale)
    assert_allclose(found[:, ~kept], 0, atol=scale)
    own = explainer.self_influence()
    assert np.isfinite(own).all()
    assert_allclose(own[~kept], 0, atol=scale)
    if method != "retrain":
        found = explainer.prediction_influence(test[0])
        wanted = expected.prediction_influence(test_there[0])
        scale = 1e-6 * np.abs(wanted).max()
        assert_allclose(found[:, kept], wanted, atol=scale)
        assert_allclose(found[:, ~kept], 0, atol=scale)
        assert np.isfinite(explainer.loo_predict()).all()
        assert_allclose(explainer.leverage()[~kept], 0, atol=1e-12)
        assert_array_equal(explainer.relative_influence(*test)[:, ~kept] != 0, False)


def without_a_class(seed=0):
    """Return X, y of three classes that overlap, and weights of which one class has none."""
    random = np.random.RandomState(seed)
    y = np.array(["ant", "bee", "cat"])[np.arange(60) % 3]
    X = random.standard_normal((60, 3)) + (y == "ant")[:, None]
    return X, y, np.where(y == "cat", 0, random.uniform(0.5, 2, 60))


CLASSIFIERS = {
    "logistic": LogisticRegression(tol=1e-9, max_iter=10_000),
    "ridge": RidgeClassifier(),
    "liblinear": LinearSVC(tol=1e-9, max_iter=100_000),
    "libsvm": SVC(gamma=0.3),  # "scale" is that of all rows
    "libsvm, linear": SVC(kernel="linear"),
    "smoothed": SmoothedLinearSVC(),
    "pipeline": make_pipeline(FunctionTransformer(), LogisticRegression(tol=1e-9)),
    "trees": DecisionTreeClassifier(random_state=0, max_depth=3),
}


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_class_of_no_weight_is_no_class(name):
    X, y, weights = without_a_class()
    kept, model = weights > 0, CLASSIFIERS[name]
    tests = X[kept][:5], y[kept][:5]
    rows = np.flatnonzero(kept)[:2]
    found = leave_one_out(model, X, y, *tests, rows=[2, *rows], sample_weight=weights)
    alone = leave_one_out(model, X[kept], y[kept], *tests, rows=[0, 1], sample_weight=weights[kept])
    assert_allclose(found[:, 1:], alone, rtol=1e-4, atol=1e-7)
    assert_allclose(found[:, 0], 0, atol=1e-8)
    if name == "trees":
        return
    params = {"method": "influence", "refine": True}
    explainer = InfluenceExplainer(model, **params).fit(X, y, weights)
    alone = InfluenceExplainer(model, **params).fit(X[kept], y[kept], weights[kept])
    found, expected = explainer.loss_influence(*tests), alone.loss_influence(*tests)
    assert_array_equal(explainer.classes_, ["ant", "bee"])
    assert_close(found[:, kept], expected, rtol=1e-4)
    assert_array_equal(found[:, ~kept], 0)
    assert_array_equal(explainer.self_influence()[~kept], 0)
    with pytest.raises(ValueError, match="cat"):
        explainer.loss_influence(X[:3], y[:3])


@pytest.mark.parametrize("action", ["drop", "relabel", "keep"])
@pytest.mark.parametrize("name", ["logistic", "ridge", "liblinear", "smoothed", "pipeline"])
def test_labels_of_a_class_of_no_weight_are_not_judged(name, action):
    X, y, weights = without_a_class()
    y = pd.Series(y, index=np.arange(60) + 7)
    kept, cleaner = weights > 0, LabelCleaner(CLASSIFIERS[name], action=action)
    found = clone(cleaner).fit(X, y, weights)
    alone = clone(cleaner).fit(X[kept], y[kept], weights[kept])
    assert found.penalty_ == alone.penalty_
    assert_allclose(found.label_scores_[kept], alone.label_scores_, rtol=1e-2)
    assert_array_equal(found.flagged_[kept], alone.flagged_)
    assert_array_equal(found.suggested_labels_[kept], alone.suggested_labels_)
    assert_array_equal(found.ranking_[: kept.sum()], np.flatnonzero(kept)[alone.ranking_])
    assert not found.flagged_[~kept].any() and np.isnan(found.label_scores_[~kept]).all()
    assert_array_equal(found.suggested_labels_[~kept], "cat")
    assert_array_equal(found.predict(X), alone.predict(X))
    frame = found.to_frame()
    assert_array_equal(frame["label"], y)
    assert_array_equal(np.isnan(frame["probability"]), ~kept)
    assert_allclose(frame["probability"][kept], alone.to_frame()["probability"], rtol=1e-2)
    assert found.contradicting_rows([0], k=3).rows.shape == (1, 3)


def test_a_machine_that_was_fitted_with_a_class_of_no_weight_is_refused():
    X, y, weights = without_a_class()
    fitted = SVC().fit(X, y, weights)  # libsvm forgets the class, scikit-learn does not
    with pytest.raises(ValueError, match="knows 2 of its 3 classes"):
        as_problem(fitted, X, y, weights)


def test_a_class_of_no_weight_in_reports(tmp_path):
    X, y, weights = without_a_class()
    cleaner = LabelCleaner(CLASSIFIERS["logistic"]).fit(X, y, weights)
    cleaner.to_html(tmp_path / "labels.html")
    assert "cat" in (tmp_path / "labels.html").read_text(encoding="utf-8")


def test_a_class_of_no_weight_cannot_be_balanced():
    X, y, weights = without_a_class()
    model = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced"))
    for estimator in (InfluenceExplainer(model), LabelCleaner(model)):
        with pytest.raises(ValueError, match="leave the rows of class .*cat.* out"):
            estimator.fit(X, y, weights)


@pytest.mark.parametrize("model", [LogisticRegression(tol=1e-9), SVC(), DecisionTreeClassifier()])
def test_the_last_row_of_weight_of_a_class_cannot_leave(model):
    X, y, weights = without_a_class()
    few = np.isin(y, ["ant", "bee"])
    X, y, weights = X[few], y[few], weights[few]
    weights[np.flatnonzero(y == "bee")[1:]] = 0
    last = np.flatnonzero(y == "bee")[:1]
    with pytest.raises(ValueError, match=rf"Without row.s. \[{last[0]}\] a class has no row left"):
        leave_one_out(model, X, y, X[:3], y[:3], rows=last, sample_weight=weights)
    explainer = InfluenceExplainer(model, method="retrain").fit(X, y, weights)
    with pytest.raises(ValueError, match="a class has none left"):
        explainer.effect(Loss(X[:3], y[:3]), Reweight(last, 0.0))


def test_one_class_of_weight_is_too_few():
    X, y, weights = without_a_class()
    weights[y == "bee"] = 0
    with pytest.raises(ValueError, match="(?i)class"):
        InfluenceExplainer().fit(X, y, weights)


def against_refits(name, X, y, test, rows=None, rtol=1e-3):
    """Compare Newton steps with real refits, and see that first order answers at all."""
    truth = leave_one_out(MODELS[name][1], X, y, *test, rows=rows)
    assert np.isfinite(truth).all()
    followed = follow_every_row(fit(name, X, y))
    assert_close(followed.loss_influence(*test, rows=rows), truth, rtol)
    first_order = fit(name, X, y, method="influence")
    for question, ask in ON_TESTS.items():
        if question != "verify":
            assert np.isfinite(ask(first_order, *test)).all(), question
    return first_order


@every_model
def test_duplicate_rows_leave_one_at_a_time(name):
    X, y, *test = data(name)
    X, y = np.repeat(X[::2], 2, axis=0), np.repeat(y[::2], 2)
    against_refits(name, X, y, test)
    answered = answers(name, follow_every_row(fit(name, X, y)), *test)
    assert_close(answered["loo_predict"][::2], answered["loo_predict"][1::2], 1e-6)


@every_model
@pytest.mark.parametrize("constant", [0.0, 1.0, -1e3])
@pytest.mark.filterwarnings("ignore::scipy.linalg.LinAlgWarning")  # the linear model's is singular
def test_constant_column_changes_nothing(name, constant):
    X, y, X_test, y_test = data(name)
    expected = plain_answers(name)
    wider = [np.c_[part, np.full(len(part), constant)] for part in (X, X_test)]
    found = answers(name, fit(name, wider[0], y), wider[1], y_test)
    for question in ("parameter_influence", "dfbetas", "remove"):
        found.pop(question, None)  # there is one parameter more
    if name == "multinomial":
        found.pop("dffits")  # the column moves all logits together, which its ridge lets it
    assert_same(found, expected)


@pytest.mark.parametrize("name", ["logistic", "multinomial", "ridge", "lasso", "poisson"])
def test_more_columns_than_rows(name):
    X, y, *test = data(name, n=12, p=30)
    against_refits(name, X, y, test)


@pytest.mark.parametrize("n", [3, 4, 5])
@pytest.mark.parametrize("name", [name for name in MODELS if name != "huber"])
def test_handful_of_rows(name, n):
    X, y, *test = data(name, p=1)
    rows, chosen = None, np.arange(n)
    if is_classifier(MODELS[name][1]):  # a row of every class, and one more of the first
        chosen = np.r_[np.unique(y, return_index=True)[1], np.flatnonzero(y == y[0])[1:]][:n]
        rows = np.flatnonzero(np.bincount(y[chosen])[y[chosen]] > 1)
    against_refits(name, X[chosen], y[chosen], test, rows=rows)


@pytest.mark.parametrize("method", METHODS)
def test_rows_that_huber_fits_exactly_are_refused(method):
    X, *_ = data("huber")
    for y in (np.ones(N), np.zeros(N), X @ [1, 2, 3]):
        model = HuberRegressor(alpha=0)
        with pytest.raises(ValueError, match="fits its rows exactly.*Use LinearRegression"):
            InfluenceExplainer(model, method=method).fit(X, y)


# Norms with a kink


def degenerate(seed, n, p):
    """Return columns that are duplicated, collinear, constant and far from zero, and a target."""
    random = np.random.RandomState(seed)
    X = random.standard_normal((n, p))
    X[:, p // 2 :] += X[:, :1] * 3
    X[:, p - 1] = X[:, 0]
    X[:, p - 2] = 5.0
    target = X[:, 0] - 2 * X[:, 1] + random.standard_normal(n)
    return X, target, random.uniform(0.1, 3, n), 10.0 ** random.randint(3, 7, p)


SHAPES = ((8, 40), (40, 8), (60, 90), (115, 32))
SPARSE = {
    "lasso": lambda alpha, ratio: Lasso(alpha=alpha),
    "elastic_net": lambda alpha, ratio: ElasticNet(alpha=alpha, l1_ratio=ratio),
    "groups": lambda alpha, ratio: MultiTaskElasticNet(alpha=alpha, l1_ratio=ratio),
    "logistic": lambda alpha, ratio: sparse_logistic(
        ratio, C=0.05 / alpha, solver="saga", tol=1e-4, max_iter=20
    ),
}


def sparse_problem(name, seed, n, p, far):
    """Return the problem of a model with a norm, fitted anywhere; its columns moved if far."""
    X, y, weights, offsets = degenerate(seed, n, p)
    random = np.random.RandomState(seed)
    alpha, ratio = 10.0 ** random.uniform(-4, 0.5), random.choice([0.1, 0.5, 1.0])
    if name == "groups":
        y, weights = np.c_[y, y[::-1], random.standard_normal(n)], None
    elif name == "logistic":
        y = np.digitize(y, [-1.0, 1.0] if seed % 2 else [0.0])
    X = X + offsets if far else X
    model = SPARSE[name](alpha, ratio).fit(X, y, *([] if weights is None else [weights]))
    return as_problem(model, X, y, weights)


def size_of_terms(problem):
    """Return the size of what a gradient is summed from, predictions that are rounded included."""
    largest = np.abs(problem.X).max(axis=1) + 1
    predicted = largest * np.abs(problem.theta).sum()
    bent = np.einsum("nkk->n", problem.curvatures) * predicted
    pulls = problem.weights * (np.abs(problem.gradients).sum(axis=1) + bent)
    return largest.max() * pulls.sum()


@pytest.mark.parametrize("far", [False, True])
@pytest.mark.parametrize(("n", "p"), SHAPES)
@pytest.mark.parametrize("name", SPARSE)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning:sklearn")
def test_optimum_of_a_norm_meets_its_conditions_to_rounding(name, n, p, far):
    """The shortest subgradient is zero at the optimum, and only there."""
    for seed in range(3):
        problem = sparse_problem(name, seed, n, p, far)
        reached, end = to_optimum(problem, Direct())
        assert reached
        assert np.abs(end.gradient()).max() < 1e-14 * size_of_terms(end)


@pytest.mark.parametrize("name", SPARSE)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning:sklearn")
def test_optimum_of_a_norm_is_that_of_a_dense_X_where_a_sparse_one_is_far_from_zero(name):
    problem = sparse_problem(name, 0, 40, 8, far=True)
    other = replace(problem, X=sparse.csr_matrix(problem.X))
    (reached, end), (_, expected) = (to_optimum(each, Direct()) for each in (other, problem))
    assert reached
    assert_allclose(end.theta, expected.theta, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(("n", "p"), SHAPES)
@pytest.mark.parametrize("name", ["lasso", "elastic_net", "groups"])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning:sklearn")
def test_optimum_of_a_norm_is_not_above_that_of_scikit_learn(name, n, p):
    X, y, weights, _ = degenerate(0, n, p)
    y, weights = (np.c_[y, y[::-1]], None) if name == "groups" else (y, weights)
    model = SPARSE[name](0.05, 0.5)
    known = [] if weights is None else [weights]
    tight = clone(model).set_params(tol=1e-12, max_iter=100_000).fit(X, y, *known)
    _, end = to_optimum(as_problem(model.fit(X, y, *known), X, y, weights), Direct())
    expected = as_problem(tight, X, y, weights).objective()
    assert end.objective() <= expected * (1 + 1e-12)


def saturated(n=12, p=20):
    """Return a Lasso that spends a coefficient on every row, so that each has leverage 1."""
    random = np.random.RandomState(0)
    X = random.standard_normal((n, p))
    return Lasso(alpha=1e-3, tol=1e-10, max_iter=100_000), X, X[:, 0] + random.standard_normal(n)


def test_rows_of_leverage_1_of_a_lasso_have_the_answer_of_the_refit():
    model, X, y = saturated()
    assert np.count_nonzero(model.fit(X, y).coef_) >= len(y) - 2
    truth = leave_one_out(model, X, y, X[:3] + 0.1, y[:3])
    explainer = InfluenceExplainer(model, method="newton", refine=True).fit(X, y)
    assert_close(explainer.loss_influence(X[:3] + 0.1, y[:3]), truth, 1e-6)
    assert_array_equal(explainer.certificates(), 0)
    assert np.isfinite(explainer.loo_predict()).all()


def test_groups_of_a_lasso_that_spends_a_coefficient_on_every_row_have_an_answer():
    model, X, y = saturated()
    explainer = InfluenceExplainer(model, method="newton", refine=True).fit(X, y)
    found = explainer.group_influence(X[:3] + 0.1, y[:3], np.arange(12) // 3)
    retrain = InfluenceExplainer(model, method="retrain").fit(X, y)
    truth = retrain.group_influence(X[:3] + 0.1, y[:3], np.arange(12) // 3)
    assert_close(found, truth, 1e-6)


def test_every_coefficient_held_at_zero_leaves_the_intercept_alone():
    X, y, *test = data("logistic")
    held = sparse_logistic(1, C=1e-3, solver="saga", tol=1e-4)
    for form in ("primal", "dual", "auto"):
        solver = Direct(form=form)
        explainer = InfluenceExplainer(held, method="newton", solver=solver, refine=True).fit(X, y)
        assert not explainer.estimator_.coef_.any()
        changes = explainer.parameter_influence()
        assert_array_equal(changes[:, :-1], 0)
        assert np.all(changes[:, -1] != 0)
    held.set_params(fit_intercept=False)
    for form in ("primal", "dual", "auto"):
        explainer = InfluenceExplainer(held, method="newton", solver=Direct(form=form)).fit(X, y)
        assert_array_equal(explainer.parameter_influence(), 0)
        assert_array_equal(explainer.loss_influence(*test), 0)


@pytest.mark.parametrize(
    "model",
    [
        Ridge(alpha=1e-13),
        Ridge(alpha=1e-13, fit_intercept=False, solver="svd"),
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore::scipy.linalg.LinAlgWarning")  # the penalty is next to nothing
def test_rows_of_leverage_1_of_a_ridge_have_the_answer_of_the_refit(model):
    _, X, y = saturated()
    newton, retrain = (
        InfluenceExplainer(model, method=method, refine=True).fit(X, np.abs(y))
        for method in ("newton", "retrain")
    )
    truth = retrain.prediction_influence(X[:3] + 0.1)
    assert_close(newton.prediction_influence(X[:3] + 0.1), truth, 1e-4)
    assert newton.certificates().max() < 1e-5


def test_what_is_told_of_a_lasso_with_several_optima_begins_at_its_own():
    """Indicators of all levels, and an intercept: of theta many are as good."""
    random = np.random.RandomState(0)
    X = np.hstack([np.eye(3)[random.randint(3, size=10)] for _ in range(5)])
    y = 1000 * random.normal(size=10)
    model = Lasso(alpha=3e-3, tol=1e-12, max_iter=1_000_000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LinAlgWarning)  # with most versions the active set is
        explainer = InfluenceExplainer(model, method="newton").fit(X, y)

    def objective(coef, intercept, rest):
        residual = y[rest] - X[rest] @ coef - intercept
        return np.mean(residual**2) / 2 + 3e-3 * np.abs(coef).sum()

    theta = np.append(explainer.estimator_.coef_, explainer.estimator_.intercept_)
    for row, moved in enumerate(theta + explainer.parameter_influence()):
        rest = np.arange(10) != row
        refit = clone(model).fit(X[rest], y[rest])
        least = objective(refit.coef_, refit.intercept_, rest)
        assert_allclose(objective(moved[:-1], moved[-1], rest), least, rtol=1e-6, atol=1e-6)
        removed = explainer.remove([row])
        assert_allclose(
            objective(removed.coef_, removed.intercept_, rest), least, rtol=1e-6, atol=1e-6
        )


def test_a_row_that_left_may_be_predicted_beyond_floating_point():
    """Nothing holds its prediction, and 0 times an infinite loss is no number."""
    X, y = np.array([[0.0], [1.0], [2.0], [2e3]]), np.array([1.0, 3.0, 9.0, 2.0])
    model = PoissonRegressor(alpha=1e-3, tol=1e-10, max_iter=10_000)
    refit = clone(model).fit(X[:3], y[:3])
    assert refit.coef_[0] * X[3, 0] > np.log(np.finfo(float).max)
    rest = as_problem(refit, X, y, [1, 1, 1, 0])
    alone = as_problem(refit, X[:3], y[:3])
    assert_allclose(rest.objective(), alone.objective(), rtol=1e-12)
    assert_allclose(rest.gradient(), alone.gradient(), rtol=1e-12, atol=1e-15)
    assert_allclose(Hessian(rest).dense(), Hessian(alone).dense(), rtol=1e-12)
    full = as_problem(clone(model).fit(X, y), X, y)
    _, end = to_optimum(full.without(np.arange(4) == 3), Direct())
    assert_allclose(end.theta, [*refit.coef_, refit.intercept_], rtol=1e-6, atol=1e-7)


def test_a_hessian_of_no_row_is_its_penalty():
    problem = as_problem(Ridge().fit(np.eye(3), np.arange(3)), np.eye(3), np.arange(3))
    gram = problem.predictor.weighted_gram(np.empty((0, 3)), np.empty((0, 1, 1)))
    assert_array_equal(gram, np.zeros((4, 4)))


def test_a_refit_without_a_penalty_starts_where_scikit_learns_does():
    X, y = np.ones((4, 1)), np.array([2.0, 0.0, 2.0, 1.0])
    X_test, y_test = np.array([[0.0], [1.0]]), np.array([4.0, 1.0])
    model = PoissonRegressor(alpha=0.0, max_iter=1000, tol=1e-10)
    found = leave_one_out(model, X, y, X_test, y_test, rows=[3])
    means = clone(model).fit(X, y).predict(X_test), clone(model).fit(X[:3], y[:3]).predict(X_test)
    before, after = (2 * (y_test * np.log(y_test / mean) - y_test + mean) for mean in means)
    assert_allclose(found[:, 0], after - before, rtol=1e-6)
