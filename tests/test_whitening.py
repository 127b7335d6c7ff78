"""H⁻¹ = WᵀW: laws of the whitener that every direct inverse applies."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.linear_model import Ridge

from skinfluence import InfluenceExplainer, as_problem
from skinfluence.operators import Hessian
from skinfluence.solvers import Direct


def scale_of(product):
    return np.finfo(product.dtype).eps ** 0.5 * np.abs(product).max(initial=1e-300)


def test_whitened_products_are_those_of_the_inverse(case):
    inverse = case.influence.inverse_
    B = np.random.RandomState(0).standard_normal((inverse.shape[0], 3))
    white = inverse.whiten(B)
    assert white.shape == (inverse.white_size, 3)
    product = B.T @ (inverse @ B)
    assert_allclose(white.T @ white, product, rtol=1e-7, atol=scale_of(product))


def test_unwhiten_is_the_adjoint_and_completes_the_inverse(case):
    inverse, random = case.influence.inverse_, np.random.RandomState(1)
    B = random.standard_normal((inverse.shape[0], 2))
    Z = random.standard_normal((inverse.white_size, 2))
    product = Z.T @ inverse.whiten(B)
    assert_allclose(inverse.unwhiten(Z).T @ B, product, rtol=1e-7, atol=scale_of(product))
    solved = inverse @ B
    assert_allclose(inverse.unwhiten(inverse.whiten(B)), solved, rtol=1e-7, atol=scale_of(solved))


@pytest.mark.parametrize("form", ["primal", "dual"])
def test_columns_far_from_zero_are_whitened_around_their_centre(form):
    random = np.random.RandomState(0)
    X = random.standard_normal((30, 6)) + 1e6
    problem = (
        InfluenceExplainer(Ridge()).fit(X - 1e6, X[:, 0] - 1e6).problem_.centred(np.full(6, -1e6))
    )
    inverse = Direct(form=form).invert(Hessian(problem))
    jacobian = problem.predictor.jacobian(problem.X)[:, 0]
    white = inverse.whiten(jacobian.T)
    leverages = inverse.leverages(np.arange(30))[:, 0, 0]
    assert_allclose(np.einsum("pn,pn->n", white, white), leverages, rtol=1e-8)


@pytest.mark.parametrize("container", [sparse.csr_matrix, sparse.csr_array])
@pytest.mark.parametrize("form", ["primal", "dual"])
def test_columns_of_a_sparse_X_are_centred_as_those_of_a_dense_one(form, container):
    random = np.random.RandomState(0)
    X = random.standard_normal((30, 4)) * (random.uniform(size=(30, 4)) < 0.2)
    X[:, 1] += 1e7
    dense = as_problem(Ridge(tol=1e-12).fit(X, X[:, 0]), X, X[:, 0])
    problem = replace(dense, X=container(X))
    moved = problem.centred(np.array([0, 1e7, 0, 0]))
    assert isinstance(moved.X, container)
    assert_array_equal(moved.X.toarray(), dense.centred(np.array([0, 1e7, 0, 0])).X)
    inverse, expected = (Direct(form=form).invert(Hessian(each)) for each in (problem, dense))
    rows = np.arange(30)
    assert_allclose(inverse.leverages(rows), expected.leverages(rows), rtol=1e-8)
    assert_allclose(inverse @ np.eye(5), expected @ np.eye(5), rtol=1e-8)
