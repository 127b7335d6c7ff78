"""Laws that hold for every supported estimator; ``case`` runs over the registry."""

import inspect
import pickle
from dataclasses import replace

import numpy as np
import pytest
import sklearn
from cases import QUESTIONS, Case, follow_every_row, step_is_exact
from comparison import assert_close
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.sparse.linalg import cg
from sklearn.base import clone

from skinfluence import InfluenceExplainer, as_problem, leave_one_out
from skinfluence.operators import Hessian, Jacobian, Removal
from skinfluence.problems import encode_features, final_estimator, transform_features
from skinfluence.solvers import CG, Direct
from skinfluence.testing import check_gradient, check_hessian

EPS = np.finfo(float).eps


def at_rows(answer, question, rows):
    """Return the part of an answer that is about some rows."""
    return np.take(answer, rows, axis=1 if question in ("loss", "prediction") else 0)


def assert_close_at_rows(actual, whole, question, rows, rtol):
    """Compare with the part of an answer about some rows, relative to the largest of all rows."""
    close = {"rtol": 0, "atol": rtol * np.abs(whole).max(initial=0)}
    assert_allclose(actual, at_rows(whole, question, rows), **close)


def pseudo_inverse(hessian):
    """Return H⁺ by numpy, and the condition number of H where it is not singular."""
    matrix = hessian.dense()
    inverse = np.linalg.pinv(matrix, rcond=1e-13, hermitian=True)
    return inverse, np.linalg.norm(matrix, 2) * np.linalg.norm(inverse, 2)


def rounding(form, hessian, inverse):
    """Return the relative error that rounding may leave; the dual subtracts from ridge⁻¹."""
    sizes = [np.linalg.norm(inverse, 2)]
    if form == "dual":
        sizes.append(1 / hessian.ridge[: hessian.problem.predictor.n_coefficients].min())
    return 100 * EPS * np.linalg.norm(hessian.dense(), 2) * max(sizes) * max(sizes) / sizes[0]


def on_face(problem):
    """Return the mask of the parameters that are not held at zero."""
    return np.ones(len(problem.theta), bool) if problem.free is None else problem.free


def require(form, hessian):
    """Skip where the dual has no form for this Hessian."""
    if form == "dual" and not hessian.has_dual:
        pytest.skip("the dual is for linear predictors whose coefficients all carry a ridge")


def regular(case):
    """Return a Hessian that both the primal and the dual can invert."""
    return Hessian(case.problem, 0.0 if case.penalised else 0.05)


# The problem and its derivatives


def test_objective_is_stationary_at_a_tight_fit(case):
    if case.stops_short:
        pytest.skip("its own fit is not the optimum that influences are taken at")
    explainer = case.fit(case.X, case.y, case.sample_weight, refine=False)
    assert explainer.newton_decrement_ < 1e-4 * explainer.typical_decrement_


def test_gradient_is_that_of_the_objective(case):
    check_gradient(case.problem)


def test_hessian_is_that_of_the_gradient(case):
    check_hessian(case.problem)
    dense, free = Hessian(case.problem).dense(), on_face(case.problem)
    assert_array_equal(dense[~free], 0)


def test_hessian_products_and_diagonal_are_those_of_dense(case):
    damping = 0.3
    hessian = Hessian(case.problem, damping)
    dense = hessian.dense()
    V = np.random.RandomState(0).standard_normal((len(dense), 3))
    assert_close(hessian @ V, dense @ V, rtol=1e-13)
    assert_close(hessian @ V[:, 0], dense @ V[:, 0], rtol=1e-13)
    assert_close(hessian.diagonal(), np.diag(dense), rtol=1e-13)
    undamped = Hessian(case.problem).dense()
    ridge = damping * case.problem.n * on_face(case.problem)
    assert_close(dense, undamped + np.diag(ridge), rtol=1e-13)


def test_restricted_hessians_average_to_the_whole(case):
    hessian = Hessian(case.problem, 0.1)
    parts = [hessian.restrict(rows).dense() for rows in np.split(np.arange(len(case.y)), 4)]
    assert_close(np.mean(parts, axis=0), hessian.dense(), rtol=1e-13)


def test_jacobian_and_removal_are_adjoint_to_their_transposes(case):
    random, problem = np.random.RandomState(0), case.problem
    X = problem.X[case.rows]
    jacobian = Jacobian(problem.predictor, X, problem.gradients[case.rows])
    for operator in (jacobian, Removal(problem, case.rows)):
        u, v = (random.standard_normal((size, 3)) for size in operator.shape)
        assert_close(operator.T @ u, operator.dense().T @ u, rtol=1e-12)
        assert_close(operator @ v, operator.dense() @ v, rtol=1e-12)
        assert_close(u[:, 0] @ (operator @ v[:, 0]), (operator.T @ u[:, 0]) @ v[:, 0], rtol=1e-11)


def test_removal_is_the_change_of_the_gradient(case):
    """R_j is minus the change of the objective's gradient at theta, whatever else changes."""
    if case.problem.kernel is not None:
        pytest.skip("a kernel model holds the rows that it was fitted on")
    rows = case.rows[:3]
    estimator = case.estimator(case.X, case.y, case.sample_weight)
    final = final_estimator(case.influence.estimator_)
    X = transform_features(estimator.fit(case.X, case.y), case.X)
    for j, removal in zip(rows, Removal(case.problem, rows).dense()):
        kept = np.arange(len(case.y)) != j
        weights = case.sample_weight[kept] if case.weighted else None
        without = as_problem(final, X[kept], case.y[kept], weights)
        without = replace(without, loss=case.problem.loss)  # a smoothed one knows y's spread
        expected = case.problem.smooth_gradient() - without.smooth_gradient()
        if case.problem.norm is not None:
            norms = case.problem.norm, without.norm
            whole, part = (norm.gradient(case.problem.theta) for norm in norms)
            expected += whole - part
        assert_close(removal, expected, rtol=1e-9)


# Solvers


@pytest.mark.parametrize("form", ["primal", "dual", "cg"])
def test_every_solver_gives_the_pseudo_inverse(case, form):
    hessian = regular(case)
    require(form, hessian)
    solver = CG(rtol=1e-13) if form == "cg" else Direct(form)
    inverse, _ = pseudo_inverse(hessian)
    B = np.random.RandomState(0).standard_normal((len(inverse), 3))
    solved = solver.invert(hessian) @ B
    assert_close(solved, inverse @ B, rounding(form, hessian, inverse))


@pytest.mark.parametrize("form", ["primal", "dual", "cg"])
def test_every_solver_gives_the_same_leverages(case, form):
    hessian, problem = regular(case), case.problem
    require(form, hessian)
    inverse, _ = pseudo_inverse(hessian)
    jacobian = problem.predictor.jacobian(problem.X)
    expected = np.einsum("nkp,pq,nlq->nkl", jacobian, inverse, jacobian, optimize=True)
    solver = CG(rtol=1e-13) if form == "cg" else Direct(form)
    every = solver.invert(hessian).leverages(np.arange(len(case.y)))
    some = solver.invert(hessian).leverages(np.array([3, 1, 3]))
    rtol = rounding(form, hessian, inverse)
    assert_close(every, expected, rtol)
    assert_close(some, expected[[3, 1, 3]], rtol)


def test_scipy_cg_runs_on_the_hessian(case):
    hessian = regular(case)
    inverse, condition = pseudo_inverse(hessian)
    flat = hessian.flat_directions
    b = np.random.RandomState(0).standard_normal(len(inverse))
    b = (b - flat @ (flat.T @ b)) * on_face(case.problem)
    rtol = "rtol" if "rtol" in inspect.signature(cg).parameters else "tol"
    solution, info = cg(hessian, b, atol=0, maxiter=1000, **{rtol: 1e-12})
    assert info == 0
    assert_close(solution, inverse @ b, rtol=1e-11 * condition)


# Weights


def test_weight_of_two_is_the_row_twice(case):
    if not case.weights_are_counts:
        pytest.skip("scikit-learn counts rows, not weights, in this class_weight='balanced'")
    double = case.weights.copy()
    double[5] *= 2
    twice = np.append(np.arange(len(case.y)), 5)
    once = case.fit(case.X, case.y, double)
    both = case.fit(case.X[twice], case.y[twice], case.weights[twice])
    raws = [explainer.problem_.raw[: len(case.y)] for explainer in (once, both)]
    assert_close(*raws, rtol=1e-8)
    assert once.problem_.n == pytest.approx(both.problem_.n)
    together = twice == 5
    assert_close(
        once.loss_influence(*case.test, rows=[5]),
        both.group_influence(*case.test, together[:, None]),
        rtol=1e-7,
    )


def test_newton_without_a_weight_of_two_is_refitting_without_both(case):
    if not case.weights_are_counts:
        pytest.skip("scikit-learn counts rows, not weights, in this class_weight='balanced'")
    double = case.weights.copy()
    double[5] *= 2
    twice = np.append(np.arange(len(case.y)), 5)
    once = follow_every_row(case.fit(case.X, case.y, double, method="newton"))
    both = case.fit(case.X[twice], case.y[twice], case.weights[twice], method="retrain")
    truth = both.group_influence(*case.test, (twice == 5)[:, None])
    estimate = once.loss_influence(*case.test, rows=[5])
    assert_close(estimate, truth, rtol=1e-8 if step_is_exact(once.problem_) else 1e-3)


def test_weight_of_zero_has_no_influence(case):
    if not case.weights_are_counts:
        pytest.skip("scikit-learn counts rows, not weights, in this class_weight='balanced'")
    weights = case.weights.copy()
    largest = np.abs(case.X_dense).argmax(axis=0)  # rows that a MaxAbsScaler would miss
    weights[np.setdiff1d(np.arange(len(case.y)), largest)[:2]] = 0
    kept = weights > 0
    params = {"method": "newton", "tolerance": 1e-6}
    explainer = case.fit(case.X, case.y, weights, **params)
    alone = case.fit(case.X[kept], case.y[kept], weights[kept], **params)
    assert_array_equal(explainer.loss_influence(*case.test, rows=~kept), 0)
    assert_array_equal(explainer.leverage()[~kept], 0)
    influence = explainer.loss_influence(*case.test, rows=np.flatnonzero(kept)[:3])
    expected = alone.loss_influence(*case.test, rows=slice(0, 3))
    assert_close(influence, expected, rtol=1e-6)


# Blocks, parallelism, copies


def assert_same_in_blocks(case, method, questions, rows, block_size, memory, n_jobs):
    """Compare answers about rows with those that were found whole, in one thread."""
    whole = {question: case.answer(method, question) for question in questions}
    with sklearn.config_context(working_memory=memory):
        params = {"block_size": block_size, "n_jobs": n_jobs, "solver": Direct()}
        explainer = case.fit(case.X, case.y, case.sample_weight, method=method, **params)
        for question in questions:
            found = case.ask(explainer, question, rows)
            assert_close_at_rows(found, whole[question], question, rows, rtol=1e-9)


def test_results_do_not_depend_on_blocks_memory_or_n_jobs(case):
    rows = np.arange(len(case.y))
    assert_same_in_blocks(case, "influence", QUESTIONS, rows, 5, 1024, 2)
    assert_same_in_blocks(case, "influence", QUESTIONS, rows, None, 1e-3, None)


def test_newton_steps_do_not_depend_on_blocks_memory_or_n_jobs(case):
    """Their first order, which meets the kinds of data, is in blocks already."""
    assert_same_in_blocks(case, "newton", QUESTIONS[:3], case.rows, 5, 1e-3, 2)


def test_operators_problems_and_explainers_survive_pickling(case):
    problem, rows = case.problem, case.rows
    v = np.random.RandomState(0).standard_normal(len(problem.theta))
    operators = [
        Hessian(problem),
        Removal(problem, rows),
        Jacobian(problem.predictor, problem.X, problem.gradients),
        *(solver.invert(regular(case)) for solver in (Direct("primal"), Direct(), CG())),
    ]
    for operator in operators:
        assert_array_equal(pickle.loads(pickle.dumps(operator)) @ v, operator @ v)
    assert_array_equal(pickle.loads(pickle.dumps(problem)).gradient(), problem.gradient())
    for explainer in (case.influence, case.newton):
        copied = pickle.loads(pickle.dumps(explainer))
        assert_array_equal(
            copied.loss_influence(*case.test, rows=rows),
            explainer.loss_influence(*case.test, rows=rows),
        )


@pytest.mark.one_kind
def test_clone_has_the_parameters_and_none_of_the_fit(case):
    copied = clone(case.newton)
    assert not hasattr(copied, "estimator_")
    for name in ("method", "solver", "damping", "refine", "block_size", "n_jobs"):
        assert getattr(copied, name) == getattr(case.newton, name)
    with case.routing():
        refitted = copied.fit(case.X, case.y, case.sample_weight)
    # Rounding, which depends on where arrays lie in memory, grows where a leverage is near 1.
    assert_close(case.ask(refitted, "loss"), case.answer("newton", "loss"), rtol=1e-8)


# Real refits


@pytest.mark.parametrize("question", QUESTIONS)
def test_newton_agrees_with_real_refits(case, question):
    truth = case.truth[question]
    estimate = at_rows(case.answer("newton", question), question, case.rows_of(question))
    if case.exact:
        assert_close(estimate, truth, rtol=1e-8)
    slope, _ = np.polyfit(truth.ravel(), estimate.ravel(), 1)
    assert slope == pytest.approx(1, abs=0.02)
    assert np.corrcoef(truth.ravel(), estimate.ravel())[0, 1] > 0.999


def test_rows_that_newton_follows_are_refitted(case):
    """Followed to the optimum without it, a row's residual is below 1e-5 of its step."""
    rows = case.rows[:3]
    for question in ("loss", "prediction", "parameter"):
        truth = at_rows(case.truth[question], question, np.arange(3))
        estimate = case.ask(case.followed, question, rows)
        assert_close(estimate, truth, rtol=1e-8 if case.exact else 1e-3)


def test_retrain_is_leave_one_out(case):
    estimator = case.estimator(case.X, case.y, case.sample_weight)
    rows, data = case.rows[:2], (case.X, case.y, *case.test)
    how = {"sample_weight": case.sample_weight, "temperature": case.temperature}
    truth = leave_one_out(estimator, *data, rows=rows, **how)
    assert_close(case.truth["loss"][:, :2], truth, rtol=1e-12)


@pytest.mark.parametrize("name", ["lbfgs", "ridge_outputs", "poisson", "svr", "voting_weights"])
def test_self_influence_of_refits_is_that_on_each_rows_own_loss(name):
    case = Case(name, wide=True)
    own = case.retrain.self_influence()
    assert_close(own[case.rows], case.truth["self"], rtol=1e-10)


def side_by_side(answer):
    """Return the probabilities of several outputs, which scikit-learn gives as a list, as one."""
    return np.hstack(answer) if isinstance(answer, list) else answer


def loo_answer(case):
    """Return the name of the method that ``loo_predict`` is asked for."""
    probabilities = hasattr(case.newton.estimator_, "predict_proba")
    if case.exact and case.classifies:
        return "decision_function"
    return "predict_proba" if probabilities else "predict"


def answer_of(model, name, case, j):
    return side_by_side(getattr(model, name)(case.X[[j]]))[0]


def assert_loo_is_refitted(case, explainer, share):
    """Compare with predictions of real refits, to a share of the largest change."""
    name, rows = loo_answer(case), case.rows[:2]
    truth = np.vstack([answer_of(case.retrain.remove([j]), name, case, j) for j in rows])
    before = np.vstack([answer_of(case.newton.estimator_, name, case, j) for j in rows])
    largest = np.abs(truth - before).max()
    estimate = np.reshape(side_by_side(explainer.loo_predict(name))[rows], truth.shape)
    atol = 1e-6 * min(1, largest) if case.exact else share * largest
    assert_allclose(estimate, truth, rtol=0, atol=atol)


def test_loo_predict_is_the_prediction_of_real_refits(case):
    """Within the share of the change that is let be."""
    assert_loo_is_refitted(case, case.newton, share=case.newton.tolerance)


@pytest.mark.one_kind
def test_loo_predict_of_rows_that_are_followed_is_closer(case):
    assert_loo_is_refitted(case, case.followed, share=1e-3)


@pytest.mark.parametrize("name", ["lbfgs", "multinomial", "ridge_outputs", "lasso", "svr", "mlp"])
def test_loo_predict_takes_newton_steps_whatever_the_method(name):
    case = Case(name)
    expected = case.newton.loo_predict(loo_answer(case))
    assert_close(case.influence.loo_predict(loo_answer(case)), expected, rtol=1e-9)


# Data in other clothes


def test_dense_and_sparse_agree(case):
    if not case.takes_sparse:
        pytest.skip("the estimator takes no sparse X")
    twin = Case(case.name, not case.is_sparse, case.weighted, case.wide)
    for question in ("loss", "prediction", "parameter"):
        found, expected = (
            twin.ask(twin.newton, question, case.rows),
            case.answer("newton", question),
        )
        assert_close_at_rows(found, expected, question, case.rows, rtol=1e-6)


@pytest.mark.one_kind
def test_every_sparse_format_gives_the_same(case):
    if not case.takes_sparse:
        pytest.skip("the estimator takes no sparse X")
    expected = case.answer("influence", "loss")
    for form in (sparse.csc_matrix, sparse.coo_matrix, sparse.csr_array):
        explainer = case.fit(form(case.X_dense), case.y, case.sample_weight)
        actual = explainer.loss_influence(form(case.X_dense[:6]), case.y[:6])
        wanted = case.influence.loss_influence(case.X[:6], case.y[:6])
        assert_close(actual, wanted, rtol=1e-6)
        assert_close(case.ask(explainer, "loss"), expected, rtol=1e-6)


def assert_same_in_single_precision(case, method):
    if case.name == "ard":
        pytest.skip("in single precision its fit comes to other precisions")
    X, X_test = case.X.astype(np.float32), case.X_test.astype(np.float32)
    given = "influence" if method == "influence" else "newton"
    explainer = case.fit(X, case.y, case.sample_weight, method=given, tol=1e-4)
    if method == "followed":  # else rows agree to what they are followed to, not to rounding
        explainer = follow_every_row(explainer)
    _, condition = pseudo_inverse(Hessian(case.problem))
    rtol = 50 * np.finfo(np.float32).eps * condition
    if method == "followed":  # what its certificates say is left, of the largest change
        sizes = np.linalg.norm(case.answer(method, "parameter"), axis=1)
        explainer.parameter_influence()
        rtol += np.nanmax(explainer.certificates() * sizes, initial=0) / sizes.max()
    pairs = {
        "loss": (explainer.loss_influence(X_test, case.y_test), case.answer(method, "loss")),
        "prediction": (explainer.prediction_influence(X_test), case.answer(method, "prediction")),
        "parameter": (explainer.parameter_influence(), case.answer(method, "parameter")),
        "self": (explainer.self_influence(), case.answer(method, "self")),
        "leverage": (explainer.leverage(), getattr(case, method).leverage()),
    }
    assert all(actual.dtype == np.float32 for actual, _ in pairs.values())
    if case.name == "svc_linear" and method == "followed":
        del pairs["parameter"]  # dual coefficients at a margin are not unique: K is singular
    for actual, expected in pairs.values():
        assert_close(actual, expected, rtol=rtol)


def test_float32_stays_float32_and_agrees(case):
    assert_same_in_single_precision(case, "influence")


@pytest.mark.filterwarnings("ignore:.*could not be certified")  # to 1e-3, in seven digits
def test_rows_that_newton_follows_in_float32_agree(case):
    assert_same_in_single_precision(case, "followed")


def test_data_frames_and_string_labels_agree_with_arrays(case):
    pandas = pytest.importorskip("pandas")
    if case.is_sparse:
        pytest.skip("a DataFrame is dense")
    if case.name in ("lbfgs_class_weight", "multinomial_class_weight", "svc_linear"):
        pytest.skip("the class_weight of this case names the classes")
    names = np.array(["ant", "bee", "cat"])
    columns = [f"x{i}" for i in range(case.X.shape[1])]
    X, X_test = (pandas.DataFrame(part, columns=columns) for part in (case.X, case.X_test))
    y, y_test = case.y, case.y_test
    if case.classifies:
        y, y_test = pandas.Series(names[y]), pandas.Series(names[y_test])
    explainer = case.fit(X, y, case.sample_weight)
    assert_close(explainer.loss_influence(X_test, y_test), case.answer("influence", "loss"), 1e-9)
    assert_close(explainer.self_influence(), case.answer("influence", "self"), rtol=1e-9)


@pytest.mark.parametrize(
    "name", ["lbfgs", "multinomial", "ridge_classifier", "one_vs_one", "voting", "svc", "mlp"]
)
def test_loo_predict_speaks_in_the_labels_it_was_given(name):
    case, names = Case(name), np.array(["ant", "bee", "cat"])
    explainer = case.fit(case.X, names[case.y], method="newton")
    expected = names[case.newton.loo_predict("predict")]
    assert_array_equal(explainer.loo_predict("predict"), expected)


# First order is the line


def test_first_order_is_dense_algebra(case):
    problem, explainer = case.problem, case.influence
    inverse, condition = pseudo_inverse(Hessian(problem))
    X = problem.encode(encode_features(explainer.estimator_, case.X_test))
    raw, y = problem.predict_raw(X), problem.targets.encode(case.y_test, float)
    rows = np.arange(len(case.y))
    J = problem.predictor.row_gradients(X, problem.evaluation_loss.gradient(raw, y))
    R = Removal(problem, rows).dense()
    rtol = 100 * EPS * condition
    assert_close(case.answer("influence", "loss"), J @ inverse @ R.T, rtol)
    change = problem.parameter_change(rows, (inverse @ R.T).T, linear=True)
    assert_close(explainer.parameter_influence(), change, rtol)
    raws = np.einsum("mkp,np->mnk", problem.predictor.jacobian(X), R @ inverse)
    expected = problem.targets.response.derivative(raw[:, None], raws)
    influence = explainer.prediction_influence(case.X_test)
    assert influence.shape == expected.shape[: influence.ndim]
    assert_close(influence.reshape(expected.shape), expected, rtol)
    own = problem.predictor.row_gradients(problem.X, problem.evaluation_gradients)
    expected = np.einsum("np,pq,nq->n", own, inverse, R, optimize=True)
    assert_close(explainer.self_influence(), expected, rtol)


def test_damping_is_added_to_the_mean_hessian(case):
    damped = case.fit(case.X, case.y, case.sample_weight, damping=0.2)
    free = on_face(damped.problem_)
    matrix = Hessian(damped.problem_).dense()[free][:, free]
    matrix += 0.2 * damped.problem_.n * np.eye(len(matrix))
    removal = Removal(damped.problem_, case.rows).dense()
    expected = np.zeros(removal.shape)
    expected[:, free] = np.linalg.solve(matrix, removal[:, free].T).T
    expected = damped.problem_.parameter_change(case.rows, expected, linear=True)
    assert_close(damped.parameter_influence(case.rows), expected, rtol=1e-9)


def test_upweight_is_minus_n_times_removal(case):
    for method in ("influence", "newton"):
        upweight = getattr(case, method).loss_influence(*case.test, scale="upweight")
        assert_close(upweight, -case.problem.n * case.answer(method, "loss"), rtol=1e-14)


# The shape of the answer


@pytest.mark.parametrize("method", ["influence", "newton"])
def test_most_influential_is_the_sorted_matrix(case, method):
    explainer, matrix = getattr(case, method), case.answer(method, "loss")
    with sklearn.config_context(working_memory=1e-3):  # a few rows a block
        found = explainer.most_influential(*case.test, k=5)
    order = np.sort(matrix, axis=1)
    for side, best in (("harmful", order[:, :5]), ("helpful", order[:, ::-1][:, :5])):
        values = np.take_along_axis(matrix, found[side], axis=1)
        assert_close(found[f"{side}_influence"], values, rtol=1e-9)
        assert_close(values, best, rtol=1e-9)
        assert all(len(set(rows)) == 5 for rows in found[side].tolist())


@pytest.mark.parametrize("method", ["influence", "newton"])
def test_columns_follow_rows(case, method):
    for question in ("loss", "prediction", "parameter"):
        part = case.ask(getattr(case, method), question, rows=[4, 2, 4])
        assert_close_at_rows(part, case.answer(method, question), question, [4, 2, 4], rtol=1e-10)


@pytest.mark.one_kind
def test_rows_are_named_in_every_way(case):
    n, whole = len(case.y), case.answer("influence", "loss")
    mask = np.arange(n) % 3 == 0
    for rows in (np.array([0]), mask, mask.tolist(), slice(2, None, 5), [], range(3)):
        chosen = rows if isinstance(rows, slice) else np.asarray(rows)
        chosen = np.arange(n)[chosen] if len(np.atleast_1d(rows)) else np.zeros(0, int)
        part = case.ask(case.influence, "loss", rows=rows)
        assert_close(part, whole[:, chosen], rtol=1e-10)
    for rows in ([-1], [n], [0.5], "all", 3, np.ones(n + 1, bool), [[1, 2]]):
        with pytest.raises(ValueError, match="rows"):
            case.newton.loss_influence(*case.test, rows=rows)


def test_group_influence_takes_labels_or_masks(case):
    labels = np.array(["b", "c", "a"])[np.arange(len(case.y)) % 3]
    masks = labels[:, None] == np.array(["a", "b", "c"])
    by_label = case.influence.group_influence(*case.test, labels)
    assert_array_equal(case.influence.group_influence(*case.test, masks), by_label)
    if case.fixed_weights:
        assert_close(by_label, case.answer("influence", "loss") @ masks, rtol=1e-10)
    else:
        alone = np.arange(len(case.y))[:, None] == case.rows
        singles = case.influence.loss_influence(*case.test, rows=case.rows)
        assert_close(case.influence.group_influence(*case.test, alone), singles, rtol=1e-10)


def test_leverages_sum_to_the_effective_dimension(case):
    hessian = Hessian(case.problem)
    inverse, condition = pseudo_inverse(hessian)
    leverage, rtol = case.influence.leverage(), 100 * EPS * condition
    data_term = hessian.problem.predictor.weighted_gram(hessian.problem.X, hessian.curvatures)
    assert leverage.sum() == pytest.approx(np.trace(inverse @ data_term), rel=rtol)
    assert leverage.min() >= -rtol
    assert leverage.max() <= case.problem.y.shape[1] + rtol


@pytest.mark.one_kind
@pytest.mark.parametrize("method", ["influence", "newton"])
def test_out_is_filled_in_place(case, method, tmp_path):
    explainer = getattr(case, method)
    expected = case.answer(method, "loss")
    memmap = np.memmap(tmp_path / "influence", dtype=float, mode="w+", shape=expected.shape)
    for out in (np.empty(expected.shape), memmap, np.empty(expected.shape, order="F")):
        returned = explainer.loss_influence(*case.test, out=out)
        assert returned is out
        assert_array_equal(out, expected)
    with pytest.raises(ValueError, match="out"):
        explainer.loss_influence(*case.test, out=np.empty((1, 1)))


def test_explainer_predicts_as_the_estimator_it_wraps(case):
    explainer, fitted = case.influence, case.influence.estimator_
    assert_array_equal(explainer.predict(case.X_test), fitted.predict(case.X_test))
    assert explainer.score(*case.test) == fitted.score(*case.test)
    assert isinstance(explainer, InfluenceExplainer)
    response, X = case.problem.targets.response, encode_features(fitted, case.X_test)
    raw = response(case.problem.predict_raw(case.problem.encode(X)))
    assert_close(raw.squeeze(), case.raw(case.X_test).squeeze(), rtol=1e-12)
