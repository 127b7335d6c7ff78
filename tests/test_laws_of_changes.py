"""Laws of changes of training rows that stay, over the registry."""

import numpy as np
import pytest
from comparison import assert_close
from scipy import sparse

from skinfluence.operators import MixedDerivative, Replacement
from skinfluence.problems import NewRows, encode_features, replace_rows

ROWS = np.array([1, 6, 13])


def new_rows(case):
    """Return features and targets of other training rows, and where they will stand."""
    kinds = case.problem.targets.kinds(case.problem.y)
    alone = {j for codes in kinds for j in np.flatnonzero(np.bincount(codes)[codes] == 1)}
    rows = np.array([row for row in ROWS if row not in alone])
    others = (rows + 5) % len(case.y)
    return rows, case.X[others], case.y[others]


def encoded(case):
    rows, X_new, y_new = new_rows(case)
    X_new = case.problem.encode(encode_features(case.influence.estimator_, X_new))
    return NewRows.of(case.problem, rows, X_new, y_new)


def test_replacement_is_the_change_of_the_gradient(case):
    new = encoded(case)
    problem, replacement = case.problem, Replacement(case.problem, new)
    assert replacement.shape == (len(new), len(problem.theta))
    before = problem.smooth_gradient()
    for i, row in enumerate(replacement.dense()):
        after = replace_rows(problem, new.take([i])).smooth_gradient()
        scale = np.abs(before).max() + np.abs(row).max()
        assert np.abs(row - (before - after)).max() <= 1e-9 * scale
    random = np.random.RandomState(0)
    V, U = (random.standard_normal((size, 2)) for size in replacement.shape[::-1])
    assert_close(replacement @ V, replacement.dense() @ V, rtol=1e-9)
    assert_close(replacement.rmatmat(U), replacement.dense().T @ U, rtol=1e-9)


def test_replaced_rows_agree_with_real_refits(case):
    rows, X_new, y_new = new_rows(case)
    newton, truth = (
        explainer.replacement_influence(*case.test, rows=rows, X_new=X_new, y_new=y_new)
        for explainer in (case.newton, case.retrain)
    )
    if case.exact:
        assert_close(newton, truth, rtol=1e-8)
    slope, _ = np.polyfit(truth.ravel(), newton.ravel(), 1)
    assert slope == pytest.approx(1, abs=0.02)
    assert np.corrcoef(truth.ravel(), newton.ravel())[0, 1] > 0.999


def test_mixed_derivative_is_that_of_the_gradient(case):
    problem, step = case.problem, 1e-5
    mixed = MixedDerivative(problem, ROWS)
    X = problem.X.toarray() if sparse.issparse(problem.X) else problem.X
    V = np.random.RandomState(0).standard_normal((len(problem.theta), 2))
    found = mixed.rows_by_vectors(V)
    for j, f in ((0, 0), (1, X.shape[1] - 1)):
        gradients = []
        for sign in (1, -1):
            moved = X[[ROWS[j]]].copy()
            moved[0, f] += sign * step
            new = NewRows.of(problem, ROWS[[j]], moved)
            gradients.append(replace_rows(problem, new).smooth_gradient())
        expected = (gradients[1] - gradients[0]) @ V / (2 * step)
        assert np.abs(found[:, j, f] - expected).max() <= 1e-5 * np.abs(V).max() * max(
            1, np.abs(expected).max()
        )
    assert_close(
        (mixed @ V).reshape(found.shape[1], found.shape[2], 2), np.moveaxis(found, 0, 2), 0
    )
