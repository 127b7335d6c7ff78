"""Solvers where it is hard: iterations that run out, singular systems, separable classes."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
from cases import Case, logistic
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.linalg import LinAlgWarning, cholesky
from scipy.sparse.linalg import aslinearoperator
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import (
    GammaRegressor,
    Lasso,
    LinearRegression,
    LogisticRegression,
    Ridge,
)

from skinfluence import InfluenceExplainer, as_problem
from skinfluence.operators import Hessian
from skinfluence.solvers import (
    CG,
    Direct,
    Lanczos,
    LiSSA,
    conjugate_gradients,
    factored_order,
    resolve_solver,
)

EPS = np.finfo(float).eps


def test_cg_says_where_it_stopped():
    hessian = Hessian(Case("lbfgs", wide=True).problem)
    b = np.random.RandomState(0).standard_normal(hessian.shape[0])
    with pytest.warns(ConvergenceWarning, match="after 3 iterations at a relative residual of"):
        solved = CG(max_iter=3).invert(hessian) @ b
    assert np.linalg.norm(b - hessian @ solved) < np.linalg.norm(b)


def test_cg_that_converged_in_its_last_iteration_is_silent():
    hessian = Hessian(Case("ridge").problem)
    B = np.random.RandomState(0).standard_normal((hessian.shape[0], 2))
    for iterations in range(hessian.shape[0], hessian.shape[0] + 3):
        solved = CG(rtol=1e-6, max_iter=iterations).invert(hessian) @ B
        assert_allclose(hessian @ solved, B, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("preconditioner", [None, "jacobi", "kronecker"])
def test_cg_stops_every_column_by_its_own_residual(preconditioner):
    hessian = Hessian(Case("lbfgs", wide=True).problem)
    B = np.random.RandomState(0).standard_normal((hessian.shape[0], 4)) * [1, 1e-9, 1e9, 0]
    solved = CG(rtol=1e-7, preconditioner=preconditioner).invert(hessian) @ B
    residuals = np.linalg.norm(B - hessian @ solved, axis=0)
    assert np.all(residuals <= 1.1e-7 * np.linalg.norm(B, axis=0))
    assert np.all(solved[:, 3] == 0)


@pytest.mark.parametrize("preconditioner", ["jacobi", "kronecker"])
@pytest.mark.parametrize(
    "some",
    [
        Case("multinomial", is_sparse=True, weighted=True),
        Case("multinomial_no_intercept", wide=True),
        Case("multinomial_unpenalised"),
        Case("ridge_outputs", weighted=True),
        Case("multi_task_lasso"),
        Case("sgd_log_loss_multiclass"),
    ],
    ids=str,
)
def test_preconditioned_cg_agrees_with_direct(some, preconditioner):
    hessian = Hessian(some.problem, damping=1e-3)
    B = np.random.RandomState(0).standard_normal((hessian.shape[0], 3))
    inverse = CG(rtol=1e-12, preconditioner=preconditioner).invert(hessian)
    expected = Direct().invert(hessian) @ B
    solved = pickle.loads(pickle.dumps(inverse)) @ B
    assert_allclose(solved, expected, rtol=1e-7, atol=1e-7 * np.abs(expected).max())


@pytest.mark.parametrize("name", ["lbfgs_no_intercept", "ridge_outputs"])
def test_kronecker_is_the_inverse_where_rows_have_curvatures_of_one_shape(name):
    hessian = Hessian(Case(name).problem, damping=0.1)
    hessian.ridge[:] = hessian.ridge.max()  # the intercepts as the coefficients
    b = np.random.RandomState(0).standard_normal(hessian.shape[0])
    solved = CG(rtol=1e-10, max_iter=1, preconditioner="kronecker").invert(hessian) @ b
    assert_allclose(hessian @ solved, b, atol=1e-9)


def test_kronecker_needs_a_linear_predictor():
    with pytest.raises(TypeError, match="kronecker.*LinearWithScale"):
        CG(preconditioner="kronecker").invert(Hessian(Case("huber").problem))


def test_cg_refuses_an_unknown_preconditioner():
    with pytest.raises(ValueError, match="preconditioner"):
        CG(preconditioner="ilu").invert(Hessian(Case("ridge").problem))


def test_auto_takes_cg_where_the_factor_does_not_fit():
    hessian = Hessian(Case("lbfgs").problem)
    assert resolve_solver("auto", hessian) == Direct()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sklearn.get_config", lambda: {"working_memory": 1e-6})
        assert resolve_solver("auto", hessian) == CG()


def test_direct_factors_the_smaller_system(case):
    hessian, K = Hessian(case.problem), case.problem.n_outputs
    if "frozen" in case.name or not hessian.has_dual:
        pytest.skip("there is one system only")
    sizes = []
    for _, outputs in case.problem.loss.blocks(K):
        block = hessian.curvatures[:, outputs, outputs]
        curved = np.abs(block).max(axis=(1, 2)) > 1e-15 * np.abs(block).max()
        sizes.append(min(hessian.shape[0] // K, curved.sum()) * block.shape[1])
    assert Direct().order(hessian) == max(sizes)


class OnlyInverts:
    """A solver of a user's own, which says nothing of what it does."""

    def __init__(self, solver):
        self.solver = solver

    def invert(self, hessian):
        return self.solver.invert(hessian)


class ByScipy(OnlyInverts):
    """The same, whose factor fails as scipy's does."""

    def invert(self, hessian):
        cholesky(hessian.dense() + 1e-9 * np.eye(len(hessian.problem.theta)))
        return super().invert(hessian)


def test_the_order_is_that_of_what_is_factored(case):
    hessian = Hessian(case.problem.linearised(), damping=1e-2)
    inverse = Direct().invert(hessian)
    assert inverse.order == Direct().order(hessian)
    assert factored_order(OnlyInverts(Direct()), hessian) == inverse.order
    assert factored_order(OnlyInverts(Direct()), hessian, inverse) == inverse.order


def test_a_solver_that_only_inverts_chooses_the_method_by_what_it_inverts_with():
    X, y = np.random.default_rng(0).normal(size=(40, 3)), np.arange(40) % 2
    for solver, method in ((Direct(), "newton"), (CG(), "influence")):
        for own in (solver, OnlyInverts(solver)):
            explainer = InfluenceExplainer(logistic(), solver=own).fit(X, y)
            assert explainer.method_ == method


@pytest.mark.parametrize("solver", [CG(), LiSSA(depth=2), Lanczos()], ids=str)
def test_what_factors_nothing_has_no_order(solver):
    hessian = Hessian(Case("ridge").problem)
    assert solver.order(hessian) is None
    assert solver.invert(hessian).order is None
    assert factored_order(OnlyInverts(solver), hessian) is None


@pytest.mark.parametrize("own", [OnlyInverts, ByScipy])
@pytest.mark.parametrize("name", ["lbfgs", "mlp", "lasso"])
@pytest.mark.parametrize("damping", [0.1, "auto"])
def test_a_solver_of_ones_own_gets_the_decisions_of_what_it_calls(name, own, damping):
    case = Case(name)
    fits = [
        case.fit(case.X, case.y, method="auto", solver=solver, damping=damping)
        for solver in (Direct(), own(Direct()), CG(), OnlyInverts(CG()))
    ]
    decisions = [(fit.method_, fit.curvature_, fit.damping_) for fit in fits]
    assert decisions[0] == decisions[1]
    assert decisions[2] == decisions[3]
    assert decisions[2][0] == "influence"


# Conjugate gradients


def test_conjugate_gradients_stop_in_the_norm_that_is_asked_for():
    hessian = Hessian(Case("lbfgs", wide=True).problem)
    B = np.random.RandomState(0).standard_normal((hessian.shape[0], 3)) * [1, 1e6, 0]
    scale = 1 / hessian.diagonal()[:, None]
    for norm, weight in (("euclidean", 1.0), ("preconditioner", scale)):
        iterated = conjugate_gradients(
            hessian, B, rtol=1e-3, max_iter=500, precondition=lambda R: scale * R, norm=norm
        )
        left = B - hessian @ iterated.solution
        sizes = [np.sqrt((weight * part**2).sum(axis=0)) for part in (left, B)]
        assert iterated.converged.all()
        assert not iterated.indefinite
        assert 0 < iterated.iterations < 500
        assert_allclose(iterated.residual[:2], sizes[0][:2] / sizes[1][:2], rtol=1e-6)
        assert np.all(iterated.residual <= 1e-3)
        assert np.all(iterated.solution[:, 2] == 0)


def test_conjugate_gradients_give_up_where_the_matrix_curves_downwards():
    hessian = aslinearoperator(np.diag([1.0, 2.0, -1.0]))
    iterated = conjugate_gradients(hessian, np.eye(3), rtol=1e-8, max_iter=9)
    assert iterated.indefinite
    assert not iterated.converged.all()
    iterated = conjugate_gradients(hessian, np.eye(3)[:, :2], rtol=1e-8, max_iter=9)
    assert iterated.converged.all()
    assert_allclose(iterated.solution, np.diag([1.0, 0.5, 0])[:, :2])


@pytest.mark.parametrize("preconditioner", [None, "jacobi", "kronecker"])
def test_cg_in_single_precision_is_the_direct_answer_to_its_digits(preconditioner):
    """The class-sum of a softmax's intercepts is flat, and rounding leaks into it."""
    X, y = load_iris(return_X_y=True)
    model, X = LogisticRegression(max_iter=1000), X.astype(np.float32)
    direct, cg = (
        InfluenceExplainer(model, method="influence", solver=solver).fit(X, y).parameter_influence()
        for solver in (Direct(), CG(preconditioner=preconditioner))
    )
    assert cg.dtype == np.float32
    assert_allclose(cg, direct, rtol=0, atol=1e-4 * np.abs(direct).max())


def test_dual_needs_a_penalty_and_says_so():
    with pytest.raises(ValueError, match="penalty on every coefficient"):
        Direct("dual").invert(Hessian(Case("linear_regression").problem))


# Singular systems


def collinear(dtype=float):
    random = np.random.RandomState(0)
    X = random.standard_normal((30, 3))
    X = np.hstack([X, X[:, :1] - 2 * X[:, 1:2], X[:, :1]]).astype(dtype)
    return X, (X @ np.arange(5) + random.standard_normal(30)).astype(dtype)


@pytest.mark.parametrize("as_matrix", [np.asarray, sparse.csr_matrix])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_collinear_columns_get_the_answer_of_minimum_norm(fit_intercept, as_matrix):
    X, y = collinear()
    model = LinearRegression(fit_intercept=fit_intercept)
    explainer = InfluenceExplainer(model, method="newton", refine=True)
    with pytest.warns(LinAlgWarning, match="singular.*minimum norm"):
        explainer.fit(as_matrix(X), y)
    changes = explainer.parameter_influence([0, 7])
    for j, change in zip([0, 7], changes):
        without = LinearRegression(fit_intercept=fit_intercept).fit(
            np.delete(X, j, axis=0), np.delete(y, j)
        )
        whole = LinearRegression(fit_intercept=fit_intercept).fit(X, y)
        assert_allclose(change[:5], without.coef_ - whole.coef_, atol=1e-8)
        truth = (without.predict(X[:4]) - y[:4]) ** 2 - (whole.predict(X[:4]) - y[:4]) ** 2
        influence = explainer.loss_influence(as_matrix(X[:4]), y[:4], rows=[j])[:, 0]
        assert_allclose(influence, truth, atol=1e-8)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_collinear_columns_take_up_their_rank(dtype):
    X, y = collinear(dtype)
    with pytest.warns(LinAlgWarning, match="collinear"):
        explainer = InfluenceExplainer(LinearRegression(), refine=True).fit(X, y)
    assert explainer.leverage().sum() == pytest.approx(4, rel=float(1e3 * np.finfo(dtype).eps))


def test_constant_and_zero_columns_do_no_harm():
    X, y = collinear()
    X[:, 3], X[:, 4] = 0.1, 0.0
    for model in (LinearRegression(), Ridge(), Ridge(alpha=1e-6)):
        explainer = InfluenceExplainer(model, method="newton").fit(X, y)
        alone = InfluenceExplainer(model, method="newton").fit(X[:, :3], y)
        influence = explainer.loss_influence(X[:5], y[:5])
        expected = alone.loss_influence(X[:5, :3], y[:5])
        assert_allclose(influence, expected, atol=1e-7 * np.abs(expected).max())


@pytest.mark.parametrize("as_matrix", [np.asarray, sparse.csr_matrix])
@pytest.mark.parametrize("solver", [Direct(), CG(rtol=1e-12)])
def test_coefficient_of_a_column_of_zeros_stays_where_it_is(solver, as_matrix):
    """It is not asked for by any training row, and minimum norm is what refits have too."""
    X, y = collinear()
    X = X[:, [0, 1, 1, 2]]
    X[:, 2] = 0.0
    whole, other = np.array([0, 1, 3, 4]), np.array([2])
    settings = {"method": "influence", "solver": solver}
    explainer = InfluenceExplainer(LinearRegression(), **settings).fit(as_matrix(X), y)
    alone = InfluenceExplainer(LinearRegression(), **settings).fit(as_matrix(X[:, whole[:3]]), y)
    changes = explainer.parameter_influence()
    assert_allclose(changes[:, other], 0, atol=0)
    assert_allclose(changes[:, whole], alone.parameter_influence(), rtol=1e-9, atol=1e-12)
    assert explainer.inverse_.rank == alone.inverse_.rank
    assert explainer.condition_ == pytest.approx(alone.condition_, rel=1e-9)
    X[:2, 2] = 5.0  # test rows that do use it: a fit without a row predicts with 0 still
    influence = explainer.prediction_influence(as_matrix(X[:2]))
    expected = alone.prediction_influence(as_matrix(X[:2, whole[:3]]))
    assert_allclose(influence, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("method", ["influence", "newton"])
@pytest.mark.parametrize("solver", [Direct(), CG()])
def test_fit_in_which_nothing_moves_has_no_influence(solver, method):
    X, y = collinear()
    for model, rows in (
        (Lasso(alpha=1e3, fit_intercept=False), X),
        (LinearRegression(fit_intercept=False), 0 * X),
    ):
        explainer = InfluenceExplainer(model, method=method, solver=solver).fit(rows, y)
        assert_array_equal(explainer.loss_influence(X[:2], y[:2]), 0)
        assert_array_equal(explainer.leverage(), 0)


def test_row_that_alone_determines_a_parameter_is_named():
    random = np.random.RandomState(0)
    X, y = random.standard_normal((20, 3)), random.standard_normal(20)
    X[:, 2] = np.arange(20) == 7
    explainer = InfluenceExplainer(LinearRegression(), method="newton").fit(X, y)
    with pytest.raises(ValueError, match=r"Row\(s\) \[7\] have leverage 1"):
        explainer.loss_influence(X[:2], y[:2])
    others = np.arange(20) != 7
    assert np.all(np.isfinite(explainer.loss_influence(X[:2], y[:2], rows=others)))
    damped = InfluenceExplainer(LinearRegression(), method="newton", damping=0.01, refine=False)
    assert np.all(np.isfinite(damped.fit(X, y).loss_influence(X[:2], y[:2])))


def test_fit_that_meets_every_target_is_not_called_unfinished():
    """Its gradient is rounding, and so is what removing a row would change."""
    random = np.random.RandomState(0)
    X = random.standard_normal((20, 3))
    explainer = InfluenceExplainer(LinearRegression()).fit(X, X @ [1.0, 2.0, 3.0])
    assert np.abs(explainer.parameter_influence()).max() < 1e-12


def test_fewer_rows_than_features_without_a_penalty_is_a_named_error():
    random = np.random.RandomState(0)
    X, y = random.standard_normal((5, 9)), random.standard_normal(5)
    with pytest.warns(LinAlgWarning, match="outnumber the rows"):
        explainer = InfluenceExplainer(LinearRegression(), method="newton").fit(X, y)
    with pytest.raises(ValueError, match="leverage 1"):
        explainer.loss_influence(X[:2], y[:2])


def test_unused_feature_of_a_softmax_is_flat_and_stays_where_it_is():
    case = Case("multinomial_unpenalised")
    X = np.hstack([case.X, np.zeros((len(case.y), 1))])
    explainer = InfluenceExplainer(logistic(C=np.inf), refine=True).fit(X, case.y)
    changes = explainer.parameter_influence()[:, : 3 * 5].reshape(-1, 3, 5)
    assert_allclose(changes[:, :, 4], 0, atol=1e-12)
    assert_allclose(changes.sum(axis=1), 0, atol=1e-9)


# Nearly separable classes


def nearly_separable(n, p):
    random = np.random.RandomState(3)
    X = random.standard_normal((n, p))
    y = (X[:, 0] + 0.3 * X[:, 1] > 0).astype(int)
    y[:2] = 1 - y[:2]
    return X * np.geomspace(1, 10, p), y


def reference_leverages(problem):
    """Return J_i H⁻¹ J_iᵀ and s_i A_i in extended precision, by Gauss-Jordan elimination."""
    J = np.hstack([problem.X, np.ones((problem.n_rows, 1))])[:, : len(problem.theta)]
    J, theta = J.astype(np.longdouble), problem.theta.astype(np.longdouble)
    A = problem.weights / ((1 + np.exp(J @ theta)) * (1 + np.exp(-J @ theta)))
    H = J.T @ (A[:, None] * J) + np.diag(problem.penalty.astype(np.longdouble))
    scale = 1 / np.sqrt(np.diag(H))
    work = np.hstack([H * scale * scale[:, None], np.eye(len(H), dtype=np.longdouble)])
    for k in range(len(H)):
        work[k] /= work[k, k]
        others = np.arange(len(H)) != k
        work[others] -= work[others, k : k + 1] * work[k]
    inverse = work[:, len(H) :] * scale * scale[:, None]
    return np.einsum("np,pq,nq->n", J, inverse, J), A


@pytest.mark.skipif(np.finfo(np.longdouble).eps > 1e-18, reason="no extended precision here")
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("shape", [(300, 6), (40, 60)])
@pytest.mark.parametrize("form", ["primal", "dual"])
def test_no_leverage_is_wrong_where_classes_nearly_separate(form, shape, fit_intercept):
    X, y = nearly_separable(*shape)
    model = logistic(C=1e4, solver="newton-cholesky", tol=1e-6, fit_intercept=fit_intercept)
    explainer = InfluenceExplainer(model, solver=Direct(form), refine=True).fit(X, y)
    expected, curvature = reference_leverages(explainer.problem_)
    leverages = explainer.inverse_.leverages(np.arange(len(y)))[:, 0, 0]
    assert curvature.min() < 1e-6
    assert_allclose(leverages, expected.astype(float), rtol=1e-6)
    assert_allclose(explainer.leverage(), (curvature * expected).astype(float), rtol=1e-6)


@pytest.mark.parametrize("shape", [(200, 5), (30, 50)])
def test_newton_agrees_with_refits_where_classes_nearly_separate(shape):
    X, y = nearly_separable(*shape)
    model, rows = logistic(C=1e4, solver="newton-cholesky", tol=1e-6), np.arange(2, 30, 3)
    estimate, truth = (
        InfluenceExplainer(model, method=method, refine=True).fit(X, y).parameter_influence(rows)
        for method in ("newton", "retrain")
    )
    assert np.polyfit(truth.ravel(), estimate.ravel(), 1)[0] == pytest.approx(1, abs=0.02)


def test_confidently_wrong_label_has_its_own_leverage():
    """Its curvature is nearly zero, so ``(1 - [M⁻¹]_ii) / f_i²`` would be noise."""
    random = np.random.RandomState(0)
    X = random.standard_normal((30, 80))
    y = (X[:, 0] > 0).astype(int)
    problem = as_problem(LogisticRegression().fit(X, y), X, y)
    problem = problem.at(15 * problem.theta)
    assert problem.curvatures.min() < 1e-8
    dual, primal = (Direct(form).invert(Hessian(problem)) for form in ("dual", "primal"))
    rows = np.arange(30)
    assert_allclose(dual.leverages(rows), primal.leverages(rows), rtol=1e-9)


def test_a_column_of_large_units_is_solved_for_in_the_primal_beside_more_columns_than_rows():
    """The dual is a difference of the size of that column squared, and loses its digits."""
    X = np.random.RandomState(0).standard_normal((20, 26))
    y, scale = np.exp(X[:, 0]), np.r_[1, 1, 1, 1e5, np.ones(23)]
    problem = as_problem(GammaRegressor(alpha=1e-3, max_iter=1000).fit(X, y), X, y)
    penalty = problem.penalty.copy()
    penalty[3] *= 1e-10
    problem = replace(problem, penalty=penalty)
    expected = np.linalg.inv(Hessian(problem).dense())
    large = replace(
        problem, X=X * scale[:26], theta=problem.theta / scale, penalty=penalty * scale**2
    )
    found = (Direct().invert(Hessian(large)) @ np.eye(27)) * scale * scale[:, None]
    assert_allclose(found, expected, atol=1e-8 * np.abs(expected).max())
