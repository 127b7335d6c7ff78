"""How certain the explainer is, and whether it is right."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.linalg import LinAlgWarning
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import (
    Lasso,
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
    QuantileRegressor,
    Ridge,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import SVC

from skinfluence import InfluenceExplainer, as_problem, leave_one_out
from skinfluence.changes import Remove, RemoveGroups, Replace
from skinfluence.operators import Hessian
from skinfluence.optimum import meets_every_target
from skinfluence.questions import Loss, Parameters, Prediction


def heavy_tailed():
    """Return nearly separable data with a few rows far out: X, y, X_test, y_test."""
    random = np.random.RandomState(0)
    X = random.standard_t(2, size=(120, 5))
    y = (X @ [1.0, -1.0, 0.5, 0.0, 0.0] + 0.3 * random.standard_normal(120) > 0).astype(int)
    return X[:100], y[:100], X[100:], y[100:]


def explain(X, y, C=10.0, **params):
    model = LogisticRegression(C=C, tol=1e-10, max_iter=10_000)
    return InfluenceExplainer(model, method="newton", refine=True, **params).fit(X, y)


def exceeded(explainer, change):
    """Return the errors of changes of theta that their certificates do not cover, relative.

    All is in the norm of H after each change. Not counted is what truth itself rounds.
    """
    found, certificates = explainer.effect(Parameters(), change), explainer.certificates(change)
    if isinstance(change, Remove):
        change = RemoveGroups(np.eye(explainer.problem_.n_rows, dtype=bool))
    objectives = change.encode(explainer.answers_.fit).objectives(explainer.problem_, slice(None))
    more = []
    for each, delta, certificate in zip(objectives, found, certificates):
        H, right = Hessian(each.problem).dense(), change_to_optimum(each.problem)
        off, size = (np.sqrt(part @ H @ part) for part in (delta - right, right))
        more.append((off - 1e-12) / size - certificate if size > 1e-12 else 0)
    return np.array(more)


def change_to_optimum(problem):
    """Return the change of theta to the optimum, by Newton's method with halved steps."""
    theta = problem.theta.copy()
    for _ in range(100):
        now = problem.at(theta)
        step, length = np.linalg.solve(Hessian(now).dense(), now.gradient()), 1.0
        while length > 1e-3 and problem.at(theta - length * step).objective() > now.objective():
            length /= 2
        theta = theta - length * step
        if np.abs(step).max() < 1e-14:
            break
    return theta - problem.theta


@pytest.mark.parametrize("tolerance", [0.2, 0.05, 1e-3])
def test_no_error_exceeds_its_certificate(tolerance):
    X, y, *_ = heavy_tailed()
    explainer = explain(X, y, tolerance=tolerance)
    certificates, proved = explainer.certificates(return_proved=True)
    assert np.all(proved) and np.all(certificates <= tolerance)
    assert np.all(exceeded(explainer, Remove()) <= 0)
    assert 0 < len(explainer.answers_.optimum.rows.settled.changes) < len(y)


def test_certificates_of_groups_and_replacements_are_not_exceeded():
    X, y, *_ = heavy_tailed()
    explainer = explain(X, y, C=1.0)
    random = np.random.RandomState(1)
    groups = random.rand(len(y), 20) < 0.1
    rows = np.arange(40)
    for change in (RemoveGroups(groups), Replace(rows, y_new=1 - y[rows])):
        certificates = explainer.certificates(change)
        assert len(certificates) in (20, 40) and np.all(certificates <= explainer.tolerance)
        assert np.all(exceeded(explainer, change) <= 0)


def test_what_cannot_be_certified_is_counted_in_one_warning():
    X = np.r_[np.linspace(-2, -0.5, 10), 0.7, np.linspace(0.5, 2, 11)][:, None]
    y = np.r_[np.zeros(11), np.ones(11)].astype(int)  # separable without row 10
    model = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000)
    explainer = InfluenceExplainer(model, method="newton", block_size=5).fit(X, y)
    with pytest.warns(ConvergenceWarning, match="of 22 row.s. could not be certified") as caught:
        explainer.loss_influence(X, y)
    assert len(caught) == 1


def test_a_squared_error_is_exact():
    X, y, *_ = heavy_tailed()
    certificates, proved = InfluenceExplainer(Ridge()).fit(X, y).certificates(return_proved=True)
    assert_array_equal(certificates, np.zeros(len(y)))
    assert np.all(proved)


@pytest.mark.parametrize(
    "params", [{"method": "influence"}, {"method": "retrain"}, {"damping": 0.1}], ids=str
)
def test_of_other_methods_nothing_is_known(params):
    X, y, *_ = heavy_tailed()
    explainer = InfluenceExplainer(LogisticRegression(tol=1e-8), **params).fit(X, y)
    assert np.all(np.isnan(explainer.certificates([0, 1])))
    with pytest.raises(NotFittedError):
        InfluenceExplainer(Ridge(), **params).certificates()


@pytest.mark.parametrize("n_groups", [5, 20, 200])
def test_rows_that_move_few_of_many_predictions_are_right(n_groups):
    """As each group has a parameter of its own, how many there are changes nothing."""
    X, y = np.eye(n_groups)[np.repeat(np.arange(n_groups), 5)], np.tile([7.0, 1, 2, 1, 0], n_groups)
    model = PoissonRegressor(alpha=0, fit_intercept=False, solver="newton-cholesky")
    explainer = InfluenceExplainer(model, method="newton", refine=True).fit(X, y)
    assert_allclose(explainer.parameter_influence()[::5, 0][0], np.log(5 / 11), rtol=0.05)
    assert_allclose(explainer.loo_predict()[::5], 1.0, rtol=0.05)


def test_a_row_of_leverage_near_one_is_right():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(9, 6)), rng.poisson(2, 9).astype(float)
    model = PoissonRegressor(alpha=2e-3, tol=1e-12, max_iter=10_000)
    explainer = InfluenceExplainer(model, method="newton", refine=True).fit(X, y)
    assert np.all(explainer.certificates() <= explainer.tolerance)
    assert np.all(exceeded(explainer, Remove()) <= 0)


# The error of each entry


def kinds_of_models():
    """Yield models and data: binary, multinomial, one-vs-rest, balanced, Poisson."""
    X, y, X_test, y_test = heavy_tailed()
    rng = np.random.default_rng(0)
    three, three_test = (np.digitize(rows[:, 0] + rows[:, 1], [-0.5, 0.5]) for rows in (X, X_test))
    counts, counts_test = (rng.poisson(np.exp(np.tanh(rows[:, 0]))) for rows in (X, X_test))
    model = LogisticRegression(C=10.0, tol=1e-10, max_iter=10_000)
    yield model, X, y, X_test, y_test
    yield model, X, three, X_test, three_test
    yield OneVsRestClassifier(model), X, three, X_test, three_test
    yield clone(model).set_params(class_weight="balanced"), X, y, X_test, y_test
    yield PoissonRegressor(tol=1e-10, max_iter=10_000), X, counts, X_test, counts_test


@pytest.mark.parametrize("kind", range(5))
def test_no_entry_is_off_by_more_than_its_error(kind):
    model, X, y, X_test, y_test = list(kinds_of_models())[kind]
    truth, *explainers = (
        InfluenceExplainer(model, method="newton", refine=True, tolerance=tolerance).fit(X, y)
        for tolerance in (1e-6, 0.5, 0.01)
    )
    for question in (Loss(X_test, y_test), Prediction(X_test)):
        for change in (Remove(), Replace(np.arange(20), y_new=y[20:40])):
            right = truth.effect(question, change)
            size = np.abs(right).max()
            for explainer in explainers:
                found, error = explainer.effect(question, change, return_error=True)
                assert np.all(np.abs(found - right) <= error + 1e-5 * size)
                assert np.median(error) <= 10 * explainer.tolerance * size


def test_the_error_is_told_in_the_units_of_the_influence():
    X, y, *test = heavy_tailed()
    explainer = explain(X, y)
    removal, error = explainer.loss_influence(*test, rows=[5, 3], return_error=True)
    upweight, of_upweight = explainer.loss_influence(
        *test, rows=[5, 3], scale="upweight", return_error=True
    )
    assert_allclose(upweight, -100 * removal)
    assert_allclose(of_upweight, 100 * error)
    with pytest.raises(ValueError, match="`Loss` and `Prediction` only"):
        explainer.effect(Parameters(), Remove(), return_error=True)
    first_order = explain(X, y).set_params(method="influence").fit(X, y)
    assert np.all(np.isnan(first_order.loss_influence(*test, return_error=True)[1]))


@pytest.mark.parametrize("model", [SVC(), QuantileRegressor(alpha=0.01), Lasso(alpha=0.1)], ids=str)
def test_what_is_exact_has_no_error(model):
    X, y, X_test, y_test = heavy_tailed()
    targets = y if isinstance(model, SVC) else X[:, 0] + np.sin(np.arange(len(y)))
    explainer = InfluenceExplainer(model, method="newton", refine=True).fit(X, targets)
    _, error = explainer.loss_influence(X_test, y_test, return_error=True)
    assert_array_equal(error, 0)
    proved = explainer.certificates(return_proved=True)[1]
    assert np.all(proved) != isinstance(model, QuantileRegressor)  # whose ridge may be too large


def test_what_may_be_anything_has_no_bound():
    X = np.r_[np.linspace(-2, -0.5, 10), 0.7, np.linspace(0.5, 2, 11)][:, None]
    y = np.r_[np.zeros(11), np.ones(11)].astype(int)  # separable without row 10
    model = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000)
    explainer = InfluenceExplainer(model, method="newton").fit(X, y)
    with pytest.warns(ConvergenceWarning, match="could not be certified"):
        _, error = explainer.loss_influence(X, y, return_error=True)
    assert not np.any(np.isfinite(error[:, 10])) and np.all(np.isfinite(np.delete(error, 10, 1)))


@pytest.mark.parametrize("weights", ["whole", "wide"])
def test_rows_of_unequal_weight_in_balanced_classes_are_certified_rightly(weights):
    """Each leaves other class weights behind, and so another H."""
    random = np.random.RandomState(1)
    X, y = random.normal(size=(40, 2)), random.randint(2, size=40)
    weight = (
        1.0 + random.randint(5, size=40) if weights == "whole" else 10 ** random.uniform(-3, 3, 40)
    )
    model = LogisticRegression(C=10, class_weight="balanced", tol=1e-12, max_iter=10_000)
    explainer = InfluenceExplainer(model, method="newton").fit(X, y, sample_weight=weight)
    assert exceeded(explainer, Remove()).max() <= 1e-6
    assert explainer.certificates().max() <= 0.05


def test_a_group_that_leaves_classes_all_but_separable_is_followed_to_its_optimum():
    random = np.random.default_rng(20)
    X = random.standard_t(1.2, size=(40, 4))
    y = (X[:, 0] + random.normal(size=40) > 0).astype(int)
    group = random.random(40) < 0.8
    model = LogisticRegression(C=1e6, fit_intercept=False, tol=1e-10, max_iter=100_000)
    explainer = InfluenceExplainer(model, method="newton").fit(X, y)
    assert explainer.refined_  # what the fit left grows as H falls
    change = RemoveGroups(group[:, None])
    told, error = explainer.effect(Loss(X, y), change, return_error=True)
    tight = clone(model).set_params(solver="newton-cholesky", tol=1e-14)
    after = tight.fit(X[~group], y[~group]).decision_function(X)
    signs = np.where(y == 1, -1, 1)
    before = explainer.decision_function(X)
    truth = np.logaddexp(0, signs * after) - np.logaddexp(0, signs * before)
    off = np.abs(told[:, 0] - truth)
    assert np.all(off <= error[:, 0] + 1e-5 * np.abs(truth).max())


@pytest.mark.parametrize("change", ["remove", "group"])
def test_no_optimum_without_a_row_is_said_by_every_way_to_it(change):
    """Without row 4, classes are separable, and nothing is penalised."""
    random = np.random.RandomState(3)
    X = random.normal(size=(30, 2))
    y = (X[:, 0] > 0).astype(int)
    X[4], y[4] = [2.5, 0.0], 0
    model = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000)
    explainer = InfluenceExplainer(model, method="newton").fit(X, y)
    group = np.arange(30)[:, None] == 4
    ways = {
        "remove": lambda: explainer.remove([4]),
        "group": lambda: explainer.effect(Loss(X, y), RemoveGroups(group)),
    }
    with pytest.warns(ConvergenceWarning, match="could not be certified"):
        ways[change]()


@pytest.mark.filterwarnings("ignore:.*could not be certified")
def test_a_fit_that_stopped_short_proves_nothing():
    X, y, X_test, y_test = heavy_tailed()
    model = LogisticRegression(C=1.0, tol=1e-10, max_iter=10_000).fit(X, y)
    exact = InfluenceExplainer(FrozenEstimator(model), method="newton").fit(X, y)
    model = LogisticRegression(C=1.0, tol=1e-4).fit(X, y)
    short = InfluenceExplainer(FrozenEstimator(model), method="newton").fit(X, y)
    rows = np.arange(40)
    assert exact.certificates(rows, return_proved=True)[1].any()
    assert not short.certificates(rows, return_proved=True)[1].any()
    truth = exact.loss_influence(X_test, y_test, rows=rows)
    told, error = short.loss_influence(X_test, y_test, rows=rows, return_error=True)
    assert np.mean(np.abs(told - truth) <= error + 1e-9) > 0.95


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_no_replacement_is_proved_beyond_where_the_fit_stopped():
    X = np.array([[-7, -14], [14, -1], [-10, 3], [-28, -1], [20, 17], [-5, 18], [3, 8]]) / 10
    y = np.array([0, 0, 1, 1, 0, 1, 1])
    X_test, y_test = np.array([[0.5, -0.3], [-0.9, -1.4]]), np.array([1, 1])
    loose = LogisticRegression(C=2700.0, max_iter=5000)
    explainer = InfluenceExplainer(loose, method="newton").fit(X, y)
    question, change = Loss(X_test, y_test), Replace([0], y_new=[1])
    told, error = explainer.effect(question, change, return_error=True)
    tight = InfluenceExplainer(loose.set_params(tol=1e-12, max_iter=10**5), method="retrain")
    right = tight.fit(X, y).effect(question, change)
    assert np.all((np.abs(told - right) <= error) | ~np.isfinite(error))


def test_what_training_rows_do_not_determine_has_no_bound():
    X = np.array([[4.0, 1.0], [2.0, 0.0], [2.0, 0.0], [2.0, 0.0]])
    with pytest.warns(LinAlgWarning, match="singular"):
        explainer = InfluenceExplainer(LinearRegression()).fit(X, [1.0, 2.0, 4.0, 3.0])
    X_test, y_test = [[2.0, 0.0], [-2.0, 2.0]], [1.0, 1.0]
    told, error = explainer.loss_influence(X_test, y_test, rows=[3], return_error=True)
    assert error[0] == 0 and not np.isfinite(error[1])
    right = leave_one_out(LinearRegression(), X, [1.0, 2.0, 4.0, 3.0], X_test, y_test, rows=[3])
    assert_allclose(told[0], right[0])


def test_targets_that_single_precision_meets_prove_nothing():
    random = np.random.RandomState(0)
    X = random.standard_normal((30, 2)).astype(np.float32) + np.float32(20)
    y = X @ [1.0, 2.0] + 3
    explainer = InfluenceExplainer(Ridge(alpha=1e-6), method="newton").fit(X, y)
    with pytest.warns(ConvergenceWarning, match="give float64"):
        explainer.parameter_influence([0])
    with pytest.warns(ConvergenceWarning, match="give float64"):
        assert explainer.certificates([0]) > explainer.tolerance
    groups = RemoveGroups(np.arange(30) % 2)
    with pytest.warns(ConvergenceWarning, match="give float64"):
        assert np.all(explainer.certificates(groups) > explainer.tolerance)


def test_a_row_whose_pull_is_rounding_beside_the_others_is_not_certain():
    X = np.array([[-1.43], [1.14], [-0.2], [-0.33], [0.25]], dtype=np.float32)
    y, weights = np.array([2.0, 1.0, 1.0, 0.0, 1.0]), np.array([45, 80, 1.7e-3, 37, 5.9e-3])
    model = PoissonRegressor(alpha=0.0051, tol=1e-10, max_iter=1000)
    explainer = InfluenceExplainer(model, method="newton", tolerance=0.01).fit(X, y, weights)
    with pytest.warns(ConvergenceWarning, match="give float64"):
        explainer.parameter_influence([2])
    assert explainer.certificates([0]) <= 0.01


@pytest.mark.filterwarnings("ignore")
def test_kernels_whose_rounding_is_larger_than_the_ridge_prove_nothing():
    X = np.array([[-3482.5], [-126.3], [0.0], [-12328.7]])
    y = np.array([0.27, -0.71, 0.01, -0.75])
    model = KernelRidge(alpha=21.0, gamma=0.2, kernel="poly")
    explainer = InfluenceExplainer(model, method="newton").fit(X, y)
    change = Replace([3], X_new=[[-3000.0]])
    _, error = explainer.effect(Loss(X[:1], y[:1]), change, return_error=True)
    assert not np.isfinite(error).any()
    assert InfluenceExplainer(model).fit(X / 1000, y).certificates().max() == 0


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("far", ["X", "y"])
def test_single_precision_far_from_zero_is_worked_in_double(far, container):
    random = np.random.RandomState(0)
    X, y = random.standard_normal((40, 3)), random.standard_normal(40)
    X[:, 0] += 2000 if far == "X" else 0
    y = (y + X[:, 1] > 0).astype(int) if far == "X" else y + 1e4
    X = X.astype(np.float32)
    model = LogisticRegression(tol=1e-10, max_iter=1000) if far == "X" else Ridge()
    single, double = (
        InfluenceExplainer(model, method="influence", refine=True).fit(each, y)
        for each in (container(X), X.astype(float))
    )
    expected = double.prediction_influence(X[:5].astype(float))
    told = single.prediction_influence(container(X[:5]))
    assert_allclose(told, expected, atol=1e-6 * np.abs(expected).max())


@pytest.mark.filterwarnings("ignore::scipy.linalg.LinAlgWarning")
def test_a_ridge_that_single_precision_solved_badly_is_gone_on_with():
    """Its residuals are not rounding, however large the rounding of its columns is."""
    a, b = np.array([[148.4, 12.2, 0.1, 1808], [1, -1, 2, -1]], dtype=np.float32)
    X = np.column_stack([a, b, a**2, a * b, b**2])
    y = np.array([[-4.45, -0.6], [1.41, 0.32], [-1.94, -1.72], [-0.23, 0.24]])
    model = Ridge(alpha=3.0, fit_intercept=False)
    assert not meets_every_target(as_problem(clone(model).fit(X, y), X, y))
    single, double = (
        InfluenceExplainer(model, method="newton").fit(each, y) for each in (X, X.astype(float))
    )
    H, expected = Hessian(double.problem_).dense(), double.parameter_influence()
    off, size = (
        np.sqrt(np.einsum("ip,pq,iq->i", each, H, each))
        for each in (single.parameter_influence() - expected, expected)
    )
    assert np.all(off <= (single.certificates() + 1e-4) * size)


def test_a_row_that_is_all_but_met_is_as_certain_as_the_fit_is_exact():
    """A level of one row: what its residual says is no more exact than what the fit left."""
    random = np.random.RandomState(0)
    X, y = np.eye(4)[[0, 0, 0, 1, 1, 1, 2, 2, 3]], 1e4 + random.standard_normal(9)
    off = 1e-9 * random.standard_normal(5)
    model = Ridge(alpha=1e-5, tol=1e-12).fit(X, y)
    exact = InfluenceExplainer(model, method="newton", refine=True).fit(X, y)
    fitted = clone(model).fit(X, y)
    fitted.coef_, fitted.intercept_ = (
        exact.estimator_.coef_ + off[:4],
        (exact.estimator_.intercept_ + off[4]),
    )
    told = InfluenceExplainer(FrozenEstimator(fitted), method="newton").fit(X, y)
    H = Hessian(exact.problem_.without(np.arange(9) == 8)).dense()
    change, expected = told.parameter_influence([8])[0], exact.parameter_influence([8])[0]
    error, size = (np.sqrt(each @ H @ each) for each in (change - expected, expected))
    assert 1e-6 * size < error < told.certificates([8])[0] * size
    assert told.certificates(range(8)).max() == 0


def test_the_only_row_of_a_class_leaves_no_optimum():
    X, y = np.zeros((6, 1)), [0, 1, 2, 3, 0, 3]
    model = LogisticRegression(C=890.0, max_iter=100_000, tol=1e-10)
    explainer = InfluenceExplainer(model, method="newton").fit(X, y)
    with pytest.warns(ConvergenceWarning, match="2 of 6 row"):
        explainer.self_influence()
    with pytest.warns(ConvergenceWarning, match="2 of 6 row"):
        assert_array_equal(
            explainer.certificates() > 0.05, [False, True, True, False, False, False]
        )
