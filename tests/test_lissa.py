"""LiSSA: unbiased to its own reported spread, reproducible, and it does not diverge."""

import warnings

import numpy as np
import pytest
from cases import Case
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import Ridge

from skinfluence import InfluenceExplainer
from skinfluence.operators import Hessian
from skinfluence.solvers import Direct, LiSSA, resolve_solver

NAMES = {"lbfgs": False, "multinomial": True, "ridge": True, "ridge_outputs": False}  # weighted

#: Most of these take fewer steps than would do.
pytestmark = pytest.mark.filterwarnings("ignore:LiSSA has not converged")


@pytest.fixture(params=NAMES)
def hessian(request):
    return Hessian(Case(request.param, weighted=NAMES[request.param]).problem, damping=0.1)


def right_hand_sides(hessian):
    flat = hessian.flat_directions
    B = np.random.RandomState(0).standard_normal((hessian.shape[0], 3))
    return B - flat @ (flat.T @ B)


PAPER = ("lbfgs", "multinomial", "elastic_net", "multi_task_lasso", "huber", "sgd_log_loss")


@pytest.mark.parametrize("is_sparse", [False, True])
@pytest.mark.parametrize("batch_size", [1, 3])
@pytest.mark.parametrize("name", PAPER)
def test_it_is_the_papers_recursion(name, batch_size, is_sparse, monkeypatch):
    """x_j = v + (I - ∇²L(z_sj)) x_{j-1}, with the penalty in every row's L, scaled down to fit."""
    monkeypatch.setattr("skinfluence.solvers._lissa.GATHERED", 7)
    known = Case(name)
    is_sparse = is_sparse and known.takes_sparse and name != "huber"
    case = Case(name, weighted=known.takes_weights, is_sparse=is_sparse)
    hessian = Hessian(case.problem, damping=0.1)
    problem, scale, depth = hessian.problem, 40.0, 30
    inverse = LiSSA(depth, 3, batch_size, scale, random_state=0).invert(hessian)
    V = hessian.project(right_hand_sides(hessian))
    estimates = []
    for seed in inverse.seeds:
        draws, X = np.random.RandomState(seed), V
        for _ in range(depth):
            drawn = draws.randint(problem.n_rows, size=batch_size)
            row_hessians = [hessian.restrict([i]).dense() / problem.n for i in drawn]
            X = V + X - np.mean(row_hessians, axis=0) / scale @ X
        estimates.append(X / (scale * problem.n))
    assert_allclose(inverse @ V, np.mean(estimates, axis=0), rtol=1e-9, atol=1e-12)


def test_rows_of_the_paper_average_to_the_mean_hessian():
    hessian = Hessian(Case("multinomial", weighted=True).problem, damping=0.1)
    rows = [hessian.restrict([i]).dense() for i in range(hessian.problem.n_rows)]
    assert_allclose(np.mean(rows, axis=0), hessian.dense(), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("batch_size", [1, 8])
def test_lissa_agrees_with_direct_within_its_spread(hessian, batch_size):
    B = right_hand_sides(hessian)
    inverse = LiSSA(depth=2000, batch_size=batch_size, random_state=0).invert(hessian)
    estimate, exact = inverse @ B, Direct("primal").invert(hessian) @ B
    error = np.linalg.norm(estimate - exact, axis=0) / np.linalg.norm(estimate, axis=0)
    assert inverse.spread.shape == (3,)
    assert np.all(inverse.spread < 0.5)
    assert np.all(error < 4 * inverse.spread)


def test_more_repeats_bring_it_closer():
    hessian = Hessian(Case("lbfgs").problem, damping=0.1)
    B = right_hand_sides(hessian)
    exact = Direct().invert(hessian) @ B
    errors = []
    for repeats in (2, 32):
        inverse = LiSSA(depth=1000, repeats=repeats, batch_size=4, random_state=0).invert(hessian)
        errors.append(np.linalg.norm(inverse @ B - exact))
    assert errors[1] < errors[0] / 2


def test_seed_reproduces_and_another_seed_does_not():
    hessian = Hessian(Case("lbfgs").problem)
    b = right_hand_sides(hessian)[:, 0]
    one, again, other = (LiSSA(depth=50, random_state=s).invert(hessian) @ b for s in (0, 0, 1))
    assert_array_equal(one, again)
    assert not np.allclose(one, other)
    inverse = LiSSA(depth=50, random_state=0).invert(hessian)
    assert_array_equal(inverse @ b, inverse @ b)


def test_n_jobs_does_not_matter():
    hessian = Hessian(Case("lbfgs").problem)
    B = right_hand_sides(hessian)
    alone, together = (
        LiSSA(depth=50, repeats=4, random_state=0, n_jobs=n).invert(hessian) @ B for n in (None, 2)
    )
    assert_array_equal(alone, together)


def test_columns_are_solved_alike_together_and_alone():
    hessian = Hessian(Case("multinomial").problem)
    B = right_hand_sides(hessian)
    inverse = LiSSA(depth=100, random_state=0).invert(hessian)
    assert_allclose(inverse @ B, np.stack([inverse @ b for b in B.T], axis=1), rtol=1e-10)


def test_auto_scale_does_not_diverge_on_single_rows(hessian):
    rows = hessian.row_bounds()
    assert rows.max() > 2 * np.median(rows)
    solved = LiSSA(depth=3000, repeats=2, batch_size=1, random_state=0).invert(hessian) @ (
        right_hand_sides(hessian)
    )
    exact = Direct("primal").invert(hessian) @ right_hand_sides(hessian)
    assert np.linalg.norm(solved) < 3 * np.linalg.norm(exact)


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_small_scale_that_diverges_is_an_error():
    hessian = Hessian(Case("ridge").problem)
    solver = LiSSA(depth=2000, batch_size=1, scale=1.0, random_state=0)
    with pytest.raises(ValueError, match="diverged at scale"):
        solver.invert(hessian) @ right_hand_sides(hessian)


def test_single_repeat_has_no_spread():
    hessian = Hessian(Case("ridge").problem)
    inverse = LiSSA(depth=10, repeats=1, random_state=0).invert(hessian)
    inverse @ right_hand_sides(hessian)
    assert inverse.spread is None


@pytest.mark.parametrize("name", ["depth", "repeats", "batch_size"])
def test_counts_below_one_are_refused(name):
    with pytest.raises(ValueError, match=name):
        LiSSA(**{name: 0}).invert(Hessian(Case("ridge").problem))


@pytest.mark.parametrize("scale", [0, -1.0, np.nan])
def test_scale_that_is_not_positive_is_refused(scale):
    with pytest.raises(ValueError, match="`scale` must be > 0"):
        LiSSA(scale=scale).invert(Hessian(Case("ridge").problem))


@pytest.mark.parametrize("name", ["lbfgs", "multinomial"])
def test_auto_scale_of_single_samples_bounds_every_row(name):
    hessian = Hessian(Case(name, weighted=True).problem)
    n = hessian.problem.n_rows
    largest = max(np.linalg.eigvalsh(hessian.restrict([i]).dense())[-1] for i in range(n))
    scale = LiSSA(batch_size=1).invert(hessian).scale * hessian.problem.n
    assert largest <= scale * (1 + 1e-9)
    assert scale <= largest + 2 * hessian.ridge.max()


def test_explainer_takes_lissa():
    case = Case("lbfgs")
    solver = LiSSA(depth=1000, repeats=8, batch_size=8, random_state=0)
    explainer = case.fit(case.X, case.y, solver=solver, method="auto", refine=False)
    assert (explainer.solver_, explainer.method_) == (solver, "influence")
    influence, exact = (e.loss_influence(*case.test) for e in (explainer, case.influence))
    assert np.corrcoef(influence.ravel(), exact.ravel())[0, 1] > 0.98


def test_name_stands_for_the_default_with_the_explainers_seed():
    hessian = Hessian(Case("lbfgs").problem)
    solver = resolve_solver("lissa", hessian, random_state=3, n_jobs=2)
    assert solver == LiSSA(random_state=3, n_jobs=2)


@pytest.mark.parametrize(("depth", "warned"), [(100, True), (20_000, False)])
def test_steps_that_still_move_the_solution_are_told(depth, warned):
    random = np.random.RandomState(0)
    X, y = random.normal(size=(40, 3)) * [1.0, 1.0, 0.03], random.normal(size=40)
    solver = LiSSA(depth=depth, random_state=0)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        InfluenceExplainer(Ridge(alpha=1e-6), method="influence", solver=solver).fit(X, y)
    assert any("LiSSA has not converged" in str(each.message) for each in said) == warned
