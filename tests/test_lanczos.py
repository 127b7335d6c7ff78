"""Lanczos: exact where the rest of the spectrum is one number, closer with every eigenvector."""

import pickle

import numpy as np
import pytest
from cases import Case
from comparison import assert_close
from numpy.testing import assert_array_equal

from skinfluence import InfluenceExplainer
from skinfluence.operators import Hessian
from skinfluence.solvers import Direct, Lanczos, resolve_solver

NAMES = ("lbfgs", "lbfgs_no_intercept", "multinomial", "ridge_outputs", "poisson", "lasso")


def right_hand_sides(hessian):
    B = np.random.RandomState(0).standard_normal((hessian.shape[0], 3))
    return hessian.project(B)


@pytest.mark.parametrize("name", NAMES)
def test_all_eigenvectors_are_the_inverse(name):
    hessian = Hessian(Case(name).problem)
    B = right_hand_sides(hessian)
    assert_close(Lanczos().invert(hessian) @ B, Direct().invert(hessian) @ B, rtol=1e-10)


def test_rank_of_the_data_is_enough_where_the_rest_is_the_ridge():
    hessian = Hessian(Case("lbfgs_no_intercept", wide=True).problem)
    B = right_hand_sides(hessian)
    rank = np.linalg.matrix_rank(hessian.problem.X)
    assert rank < hessian.shape[0] - 1
    inverse = Lanczos(rank=int(rank), tol=0).invert(hessian)
    assert inverse.rest == pytest.approx(hessian.ridge[0])
    assert_close(inverse @ B, Direct().invert(hessian) @ B, rtol=1e-10)


def test_more_eigenvectors_are_closer():
    hessian = Hessian(Case("lbfgs", wide=True).problem)
    B = right_hand_sides(hessian)
    exact = Direct().invert(hessian) @ B
    errors = [np.linalg.norm(Lanczos(rank=k).invert(hessian) @ B - exact) for k in (2, 8, 20)]
    assert errors[0] > errors[1] > errors[2]


def test_explainer_takes_it_by_name_and_survives_pickling():
    case = Case("multinomial")
    explainer = case.fit(case.X, case.y, solver="lanczos", method="influence")
    assert explainer.solver_ == Lanczos()
    influence = explainer.loss_influence(*case.test)
    assert_close(influence, case.influence.loss_influence(*case.test), rtol=1e-8)
    assert_array_equal(pickle.loads(pickle.dumps(explainer)).loss_influence(*case.test), influence)


def test_float32_stays_float32():
    case = Case("lbfgs")
    X = case.X.astype(np.float32)
    explainer = InfluenceExplainer(case.estimator(X, case.y, tol=1e-4), solver=Lanczos(rank=3))
    influence = explainer.fit(X, case.y).loss_influence(X[:2], case.y[:2])
    assert influence.dtype == np.float32


def test_rank_must_be_positive():
    with pytest.raises(ValueError, match="`rank` must be an integer >= 1; got 0"):
        Lanczos(rank=0).invert(Hessian(Case("ridge").problem))
    assert resolve_solver("lanczos", None) == Lanczos()
