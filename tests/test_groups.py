"""Groups of rows that leave at once, and the estimator that is left."""

import pickle
import warnings
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from cases import Case
from comparison import assert_close
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import Lasso, LinearRegression, LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skinfluence import InfluenceExplainer, as_problem
from skinfluence.adapters import fit_clone
from skinfluence.changes import EncodedRemoveGroups
from skinfluence.losses import SquaredError
from skinfluence.operators import Hessian
from skinfluence.optimum import Optimum
from skinfluence.optimum._preconditioned import PreconditionedInverse
from skinfluence.optimum._woodbury import ChangedInverse
from skinfluence.penalties import l1_norm
from skinfluence.predictors import LinearPredictor
from skinfluence.problems import Problem, encode_features, final_estimator, transform_features
from skinfluence.solvers import CG, Direct, LiSSA

TOLERANCE = 1e-4


def some_groups(case):
    """Return masks of a group of 2 rows and two of a tenth of the rows; the last two overlap."""
    n = len(case.y)
    random = np.random.RandomState(0)
    groups = np.zeros((n, 3), dtype=bool)
    for members, size in zip(groups.T, (2, n // 10, n // 10)):
        members[random.choice(n, size, replace=False)] = True
    groups[np.flatnonzero(groups[:, 1])[0], 2] = True
    return groups


@cache
def left_by(explainer, case):
    """Return the estimator that is left without the second of ``some_groups``."""
    return explainer.remove(some_groups(case)[:, 1])


def respond(estimator, X):
    """Return what an estimator says: log-odds, or its predictions."""
    name = "decision_function" if hasattr(estimator, "decision_function") else "predict"
    return getattr(estimator, name)(X)


# Laws


def test_groups_are_as_real_refits_without_them(case):
    groups = some_groups(case)
    truth = case.retrain.group_influence(*case.test, groups)
    estimate = case.newton.group_influence(*case.test, groups)
    assert_close(estimate, truth, rtol=1e-8 if case.exact else 1e-3)


def test_group_of_one_row_is_that_row(case):
    rows = case.rows[:3]
    alone = np.arange(len(case.y))[:, None] == rows
    single = case.followed.loss_influence(*case.test, rows=rows)
    group = case.followed.group_influence(*case.test, alone)
    assert_close(group, single, rtol=1e-8 if case.exact else 1e-3)


def test_groups_do_not_depend_on_the_other_groups(case):
    groups = some_groups(case)
    together = case.newton.group_influence(*case.test, groups)
    alone = np.stack([groups[:, 1], np.zeros(len(groups), dtype=bool)], axis=1)
    changed = case.newton.group_influence(*case.test, alone)
    assert_close(changed[:, 0], together[:, 1], rtol=1e-12)
    assert_array_equal(changed[:, 1], 0)


@pytest.mark.one_kind
def test_group_of_both_copies_is_a_row_of_weight_two(case):
    if not case.weights_are_counts:
        pytest.skip("scikit-learn counts rows, not weights, in this class_weight='balanced'")
    double = case.weights.copy()
    double[5] *= 2
    twice = np.append(np.arange(len(case.y)), 5)
    once = case.fit(case.X, case.y, double, method="newton")
    both = case.fit(case.X[twice], case.y[twice], case.weights[twice], method="newton")
    members = np.isin(np.arange(len(case.y)), [5, 9, 11])
    expected = once.group_influence(*case.test, members[:, None])
    actual = both.group_influence(*case.test, members[twice][:, None])
    assert_close(actual, expected, rtol=1e-6 if case.exact else 2 * TOLERANCE)


def test_rows_of_no_weight_change_nothing(case):
    if not case.weights_are_counts:
        pytest.skip("scikit-learn counts rows, not weights, in this class_weight='balanced'")
    weights = case.weights.copy()
    weights[:2] = 0
    explainer = case.fit(case.X, case.y, weights, method="newton")
    members = np.arange(len(case.y)) < 2
    assert_array_equal(explainer.group_influence(*case.test, members[:, None]), 0)
    assert explainer.remove([0, 1]).certificate_ == 0


def test_what_is_left_predicts_as_the_refit(case):
    model, truth = left_by(case.newton, case), left_by(case.retrain, case)
    expected = respond(truth, case.X_test)
    assert_close(respond(model, case.X_test), expected, rtol=1e-8 if case.exact else 1e-3)
    assert type(model) is type(case.newton.estimator_)
    assert max(model.certificate_, truth.certificate_) <= TOLERANCE


@pytest.mark.one_kind
def test_what_first_order_leaves_is_what_newton_leaves(case):
    model = case.influence.remove(some_groups(case)[:, 1])
    expected = respond(left_by(case.newton, case), case.X_test)
    assert_close(respond(model, case.X_test), expected, 1e-8 if case.exact else 1e-3)


def test_refit_of_retrain_is_the_estimators_own(case):
    if case.stops_short or case.chooses:
        pytest.skip("its own refit is no optimum, or one of another hyper-parameter")
    kept = np.flatnonzero(~some_groups(case)[:, 1])
    fitted = case.retrain.estimator_
    X = transform_features(fitted, case.X)[kept]
    weights = case.sample_weight[kept] if case.weighted else None
    alone = fit_clone(final_estimator(fitted), X, case.y[kept], weights)
    if "l1" in case.name and not np.any(alone.coef_):
        pytest.skip("saga stops where all coefficients are 0, wherever the intercept is")
    X_test = transform_features(fitted, case.X_test)
    expected = respond(alone, X_test)
    assert_close(respond(left_by(case.retrain, case), case.X_test), expected, rtol=1e-4)


def test_removing_leaves_the_explainer_as_it_was(case):
    before = pickle.dumps((case.newton.problem_.theta, respond(case.newton, case.X_test)))
    first = case.newton.remove([0, 3, 3, 0])
    again = case.newton.remove(np.isin(np.arange(len(case.y)), [0, 3]))
    assert_array_equal(respond(first, case.X_test), respond(again, case.X_test))
    assert pickle.dumps((case.newton.problem_.theta, respond(case.newton, case.X_test))) == before
    assert not hasattr(case.newton.estimator_, "certificate_")
    nothing = case.newton.remove([])
    assert_array_equal(respond(nothing, case.X_test), respond(case.newton.estimator_, case.X_test))
    assert nothing.certificate_ == 0


def test_certificates_are_below_the_tolerance(case):
    thetas, certificates = thetas_without(case.newton.answers_.optimum, some_groups(case))
    assert thetas.shape == (3, len(case.problem.theta))
    assert np.all(certificates <= TOLERANCE)
    assert np.all(certificates >= 0)


def test_woodbury_gives_the_inverse_without_the_rows(case):
    problem = case.problem.linearised()  # only then does the rows' share have the rank of J
    hessian = Hessian(problem, 0.0 if case.penalised else 0.05)
    members = some_groups(case)[:, 1]
    rows = np.flatnonzero(members)
    without = problem.reweighted(np.where(members, 0, problem.weights))
    expected = Direct("primal").invert(hessian.of(without))
    v = problem.predictor.vjp(problem.X, problem.gradients[:, :, None])[:, 0]
    leaving = -hessian.curvatures[rows]
    for form in ("primal", "dual") if hessian.has_dual else ("primal",):
        inverse = ChangedInverse(Direct(form).invert(hessian), problem.X[rows], leaving)
        assert inverse.reliable
        assert_close(inverse @ v, expected @ v, rtol=1e-9)


@pytest.mark.parametrize("max_iter", [40, 2])  # enough, and so few that H is factored instead
@pytest.mark.parametrize(
    "name", ["lbfgs", "liblinear_balanced", "multinomial", "ridge", "ridge_classifier_balanced"]
)
def test_large_problems_iterate_and_factor_where_that_is_slow(name, max_iter, monkeypatch):
    monkeypatch.setattr("skinfluence.optimum._changed_objective.LARGE", 0)
    monkeypatch.setattr("skinfluence.optimum._changed_objective.FEW", 0)
    monkeypatch.setattr(PreconditionedInverse.__init__, "__defaults__", (max_iter,))
    for wide in (False, True):
        case = Case(name, is_sparse=True, wide=wide)
        groups = some_groups(case)
        truth = case.retrain.group_influence(*case.test, groups)
        estimate = case.newton.group_influence(*case.test, groups)
        assert_close(estimate, truth, rtol=1e-8 if case.exact else 1e-3)
        assert case.newton.remove(groups[:, 2]).certificate_ <= TOLERANCE


@pytest.mark.parametrize("solver", [CG(rtol=1e-12), Direct("primal"), "auto"], ids=repr)
@pytest.mark.parametrize("name", ["lbfgs", "lbfgs_balanced", "multinomial", "ridge_outputs"])
def test_every_solver_removes_the_same(name, solver):
    case = Case(name)
    groups = some_groups(case)
    expected = case.newton.group_influence(*case.test, groups)
    explainer = case.fit(case.X, case.y, method="newton", solver=solver)
    assert_close(explainer.group_influence(*case.test, groups), expected, rtol=2 * TOLERANCE)


@pytest.mark.parametrize("name", ["lbfgs", "multinomial_balanced", "ridge"])
def test_float32_stays_float32_and_agrees(name):
    case = Case(name)
    X, X_test = case.X.astype(np.float32), case.X_test.astype(np.float32)
    groups = some_groups(case)
    explainer = case.fit(X, case.y, method="newton", tol=1e-4)
    influence = explainer.group_influence(X_test, case.y_test, groups)
    assert influence.dtype == np.float32
    assert_close(influence, case.newton.group_influence(*case.test, groups), rtol=2e-2)
    assert explainer.remove([0, 1]).predict(X_test).dtype == explainer.predict(X_test).dtype


# Where first order and one step fail


def thetas_without(optimum, groups):
    """Return theta without each group, and the certificates."""
    ends = optimum.with_objectives(EncodedRemoveGroups(groups)).ends
    return optimum.problem.theta + ends.changes, ends.certificates


def cancer():
    """Return standardised breast cancer, split into training and test rows."""
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    return X[50:], y[50:], X[:50], y[:50]


def explain(X, y, method="newton", C=1.0, **params):
    """Return an explainer of a logistic regression at its optimum."""
    model = LogisticRegression(C=C, tol=1e-10, max_iter=10_000)
    return InfluenceExplainer(model, method=method, refine=True, **params).fit(X, y)


@pytest.mark.parametrize("C", [1.0, 100.0, 1e4])
def test_group_that_leaves_the_classes_separable(C):
    """Without the rows on the wrong side nothing but the penalty bounds the coefficients."""
    X, y, X_test, y_test = cancer()
    X, X_test = X[:, :10], X_test[:, :10]
    explainer = explain(X, y, C=C)
    wrong = explainer.predict(X) != y
    groups = np.stack([wrong, (explainer.loo_predict("predict") != y) | wrong], axis=1)
    assert wrong.sum() >= 15
    truth = explain(X, y, "retrain", C).group_influence(X_test, y_test, groups)
    assert_close(explainer.group_influence(X_test, y_test, groups), truth, rtol=1e-3)
    assert explainer.remove(wrong).certificate_ <= TOLERANCE


def test_rows_that_vouch_for_each_other():
    """Twenty copies of a wrong label: singly each is harmless, together they are not."""
    X, y, X_test, y_test = cancer()
    X = np.vstack([X, np.repeat(X_test[:1], 20, axis=0)])
    y = np.append(y, np.repeat(1 - y_test[0], 20))
    members = (np.arange(len(y)) >= len(y) - 20)[:, None]
    truth = explain(X, y, "retrain").group_influence(X_test[:1], y_test[:1], members)
    estimate = explain(X, y).group_influence(X_test[:1], y_test[:1], members)
    first_order = explain(X, y, "influence").group_influence(X_test[:1], y_test[:1], members)
    assert_allclose(estimate, truth, rtol=1e-3)
    assert abs(first_order) < 0.8 * abs(truth)


def test_no_optimum_is_told_by_a_warning_that_names_the_remedy():
    X, y, X_test, y_test = cancer()
    explainer = explain(X[:, :4], y, C=np.inf)
    wrong = explainer.predict(X[:, :4]) != y
    with pytest.warns(ConvergenceWarning, match="add a penalty"):
        explainer.group_influence(X_test[:, :4], y_test, wrong[:, None])
    with pytest.warns(ConvergenceWarning, match="add a penalty"):
        assert explainer.remove(wrong).certificate_ > 1


@pytest.mark.parametrize(
    "params", [{"damping": 0.01}, {"solver": LiSSA(depth=500, random_state=0)}], ids=str
)
def test_damping_and_stochastic_solvers_take_one_block_step(params):
    X, y, X_test, y_test = cancer()
    X, X_test = X[:, :3], X_test[:, :3]
    groups = np.zeros((len(y), 2), dtype=bool)
    groups[:30, 0] = groups[20:40, 1] = True
    explainer = explain(X, y, C=0.1, **params)
    problem, members = explainer.problem_, groups[:, 0]
    without = problem.without(members)
    hessian = Hessian(problem, params.get("damping", 0.0)).of(without).dense()
    step = -np.linalg.solve(hessian, without.gradient() - problem.gradient())
    thetas, certificates = thetas_without(explainer.answers_.optimum, groups)
    assert_close(thetas[0] - problem.theta, step, rtol=1e-9 if "damping" in params else 0.1)
    assert np.all(certificates > TOLERANCE)
    with pytest.warns(ConvergenceWarning, match="damping=0"):
        explainer.remove(members)
    assert explainer.group_influence(X_test, y_test, groups).shape == (50, 2)


# Penalties with a kink, and penalties of the mean


class Kinked(Lasso):
    """A Lasso with an adapter of its own."""


@as_problem.register(Kinked)
def _kinked(estimator, X, y, sample_weight=None):
    """Minimise ``Σ (y - raw)² + 2 n alpha ‖coef‖₁``: of the penalty each row takes its share."""
    X = encode_features(estimator, X)
    predictor = LinearPredictor(1, X.shape[1])
    mass = np.ones(len(X)) if sample_weight is None else np.asarray(sample_weight)
    strength = np.full(predictor.n_parameters, 2 * estimator.alpha * mass.sum())
    strength[-1] = 0
    return Problem(
        loss=SquaredError(),
        predictor=predictor,
        theta=predictor.flatten(estimator.coef_, estimator.intercept_),
        X=X,
        y=np.reshape(y, (-1, 1)).astype(float),
        weights=mass,
        penalty=np.zeros(predictor.n_parameters),
        norm=l1_norm(strength),
        mass=mass,
    )


@pytest.mark.parametrize("alpha", [1.0, 10.0])
@pytest.mark.parametrize("weighted", [False, True])
def test_groups_that_change_the_face(alpha, weighted):
    X, y = load_diabetes(return_X_y=True)
    X, random = X / X.std(axis=0), np.random.RandomState(0)
    weights = random.uniform(0.2, 3, size=len(y)) if weighted else None
    groups = np.zeros((len(y), 4), dtype=bool)
    for members, size in zip(groups.T, (1, 5, 44, 200)):
        members[random.choice(len(y), size, replace=False)] = True
    model = Kinked(alpha=alpha, tol=1e-12, max_iter=100_000)
    explainer = InfluenceExplainer(model, method="newton").fit(X, y, weights)
    retrain = InfluenceExplainer(model, method="retrain").fit(X, y, weights)
    truth = retrain.group_influence(X[:20], y[:20], groups)
    assert_close(explainer.group_influence(X[:20], y[:20], groups), truth, rtol=1e-8)
    left, refit = explainer.remove(groups[:, 3]), retrain.remove(groups[:, 3])
    assert_array_equal(left.coef_ == 0, refit.coef_ == 0)
    assert left.certificate_ <= TOLERANCE


def test_step_on_a_face_that_is_left_is_not_certified():
    X, y = load_diabetes(return_X_y=True)
    X = X / X.std(axis=0)
    members = np.random.RandomState(0).uniform(size=len(y)) < 0.5
    model = Kinked(alpha=1.0, tol=1e-12, max_iter=100_000)
    explainer = InfluenceExplainer(model, method="newton", damping=1e-9).fit(X, y)
    with pytest.warns(ConvergenceWarning, match="one Newton step"):
        assert explainer.remove(members).certificate_ > 1e-2


# Other estimators, and errors


def test_retrain_removes_rows_from_anything():
    X, y = load_iris(return_X_y=True)
    pipeline = make_pipeline(StandardScaler(), KNeighborsClassifier())
    explainer = InfluenceExplainer(pipeline, method="retrain").fit(X, y)
    model = explainer.remove(slice(0, 20))
    scaler, kept = explainer.estimator_[0], slice(20, None)
    expected = KNeighborsClassifier().fit(scaler.transform(X[kept]), y[kept])
    probabilities = expected.predict_proba(scaler.transform(X))
    assert_array_equal(model.predict_proba(X), probabilities)
    assert np.isnan(model.certificate_)
    assert explainer.estimator_[-1].n_samples_fit_ == 150


def test_refined_fits_are_what_is_removed_from():
    X, y, X_test, _ = cancer()
    model = LogisticRegression(tol=1e-1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        loose = InfluenceExplainer(model, method="newton", refine=True).fit(X, y)
    expected = explain(X, y).remove(range(30)).decision_function(X_test)
    assert_close(loose.remove(range(30)).decision_function(X_test), expected, rtol=1e-3)


@pytest.mark.filterwarnings("ignore:.*could not be certified")  # so far from its optimum
def test_gradient_that_a_fit_left_is_not_followed():
    """What is followed is the removal: a fit that stopped early stays as far from its optimum."""
    X, y, _, _ = cancer()
    problem = explain(X, y).problem_
    problem = problem.at(problem.theta + 0.1)
    optimum = Optimum(problem, Direct().invert(Hessian(problem)), Direct())
    members = np.arange(len(y)) < 50
    (theta,), _ = thetas_without(optimum, members[:, None])
    without = problem.without(members)
    assert_close(without.at(theta).gradient(), problem.gradient(), rtol=1e-3)


@pytest.mark.parametrize("method", ["influence", "newton", "retrain"])
def test_what_cannot_be_removed(method):
    X, y, _, _ = cancer()
    explainer = explain(X, y, method)
    for rows in (None, slice(None), np.ones(len(y), bool)):
        with pytest.raises(ValueError, match="must leave some training rows"):
            explainer.remove(rows)
    for rows in ([-1], [len(y)], [0.5], "all", 3, np.ones(4, bool)):
        with pytest.raises(ValueError, match="rows"):
            explainer.remove(rows)
    with pytest.raises(ValueError, match="a class has no row left"):
        explainer.remove(y == 0)
    with pytest.raises(NotFittedError):
        InfluenceExplainer().remove([0])


@pytest.mark.parametrize("model", [LinearRegression(), LogisticRegression(C=np.inf)], ids=repr)
def test_group_that_alone_determines_a_parameter(model):
    X, y, _, _ = cancer()
    X = np.hstack([X[:, :3], np.arange(len(y))[:, None] < 30])
    explainer = InfluenceExplainer(model, method="newton", refine=True).fit(X, y)
    members = np.arange(len(y)) < 30
    with pytest.raises(ValueError, match="it alone determines some parameter"):
        explainer.group_influence(X[:3], y[:3], members[:, None])
    with pytest.raises(ValueError, match="it alone determines some parameter"):
        explainer.remove(members)
    assert explainer.remove(members & (np.arange(len(y)) > 14)).certificate_ <= TOLERANCE


def test_whole_class_is_refused_balanced_or_not():
    X, y, X_test, y_test = cancer()
    for class_weight in (None, "balanced"):
        model = LogisticRegression(class_weight=class_weight)
        explainer = InfluenceExplainer(model, method="newton", refine=True).fit(X, y)
        with pytest.raises(ValueError, match="class"):
            explainer.group_influence(X_test, y_test, y)


def test_one_step_without_a_tolerance():
    X, y, _, _ = cancer()
    explainer = explain(X, y)
    once = replace(explainer.answers_.optimum, tolerance=None)
    groups = (np.arange(len(y)) < 100)[:, None]
    (theta,), (certificate,) = thetas_without(once, groups)
    (end,), _ = thetas_without(explainer.answers_.optimum, groups)
    assert certificate > TOLERANCE
    assert np.linalg.norm(theta - end) < 0.5 * np.linalg.norm(end - explainer.problem_.theta)


def test_multi_output_ridge_is_removed_in_all_outputs():
    X, y = load_diabetes(return_X_y=True)
    Y = np.stack([y, X[:, 2]], axis=1)
    model = InfluenceExplainer(Ridge(alpha=0.1)).fit(X, Y).remove(range(40))
    assert_allclose(model.predict(X), Ridge(alpha=0.1).fit(X[40:], Y[40:]).predict(X))
