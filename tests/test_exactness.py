"""Changes of squared error are exact, or say that they are not: against sixty digits."""

import warnings
from decimal import Decimal, localcontext
from math import comb

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import Ridge

from skinfluence import InfluenceExplainer
from skinfluence.changes import Remove, RemoveGroups, Replace
from skinfluence.problem._kernels import PairwiseKernel, kernel_features
from skinfluence.questions import Parameters, Prediction
from skinfluence.solvers import Direct

N = 20
GROUP = np.arange(N) % 2 == 0


@pytest.fixture(autouse=True)
def sixty_digits():
    with localcontext() as context:
        context.prec = 60
        yield


def solve(A, b):
    """Return A⁻¹ b, by elimination in sixty digits."""
    system = [[*row, c] for row, c in zip(A, b)]
    for i in range(len(b)):
        pivot = max(range(i, len(b)), key=lambda r: abs(system[r][i]))
        system[i], system[pivot] = system[pivot], system[i]
        for r in range(len(b)):
            if r != i and system[r][i]:
                factor = system[r][i] / system[i][i]
                system[r] = [a - factor * c for a, c in zip(system[r], system[i])]
    return [row[-1] / row[i] for i, row in enumerate(system)]


def decimals(X):
    return [[Decimal(float(x)) for x in row] for row in X]


def rbf(gamma):
    def kernel(A, B):
        square = lambda a, b: sum((x - z) ** 2 for x, z in zip(a, b))  # noqa: E731
        return [[(-Decimal(gamma) * square(a, b)).exp() for b in B] for a in A]

    return kernel


def cubic(A, B):
    """Return (0.3 x·z + 1)³, in the floats that a model takes."""
    gamma = Decimal(float("0.3"))
    return [[(gamma * sum(x * z for x, z in zip(a, b)) + 1) ** 3 for b in B] for a in A]


def predictions(kernel, X, y, alpha, X_test):
    """Return the predictions of kernel ridge regression."""
    X, X_test = decimals(X), decimals(X_test)
    K = kernel(X, X)
    for i in range(len(X)):
        K[i][i] += Decimal(alpha)
    dual = solve(K, [Decimal(float(t)) for t in y])
    return [sum(k * a for k, a in zip(row, dual)) for row in kernel(X_test, X)]


def changed(X, y):
    """Return changes of the training rows, and what these are then."""
    new_X, new_y = X.copy(), y.copy()
    new_X[0], new_y[0] = X[1] + 0.5, y[3]
    return [
        (Remove([0]), X[1:], y[1:]),
        (RemoveGroups(GROUP[:, None]), X[~GROUP], y[~GROUP]),
        (Replace([0], new_X[:1], new_y[:1]), new_X, new_y),
    ]


def smooth_data(random):
    X = random.normal(size=(N, 2))
    return X, np.sin(X[:, 0]) + 0.3 * random.normal(size=N)


def categories(random):
    X = np.c_[np.eye(3)[random.integers(0, 3, N)], random.normal(size=N)]
    return X, X[:, 0] + 0.5 * random.standard_t(2, size=N)


def process(alpha, length):
    return GaussianProcessRegressor(RBF(length), alpha=alpha, optimizer=None)


# name: (model, its kernel, alpha, data)
KERNELS = {
    "default process": (process(1e-10, 1.0), rbf(0.5), 1e-10, smooth_data),
    "wide process": (process(1e-9, 5.0), rbf(0.02), 1e-9, smooth_data),
    "wide rbf": (KernelRidge(alpha=1e-6, kernel="rbf", gamma=0.02), rbf(0.02), 1e-6, smooth_data),
    "narrow rbf": (KernelRidge(alpha=1e-9, kernel="rbf", gamma=0.5), rbf(0.5), 1e-9, smooth_data),
    "low rank": (
        KernelRidge(alpha=1e-9, kernel="polynomial", gamma=0.3, degree=3),
        cubic,
        1e-9,
        categories,
    ),
}


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", KERNELS)
def test_changes_of_a_kernel_model_with_next_to_no_ridge_are_those_of_its_refits(name, seed):
    model, kernel, alpha, data = KERNELS[name]
    X, y = data(np.random.default_rng(seed))
    explainer = InfluenceExplainer(model, method="newton").fit(X, y)
    before = predictions(kernel, X, y, alpha, X[:3])
    for change, rows, targets in changed(X, y):
        after = predictions(kernel, rows, targets, alpha, X[:3])
        truth = np.array([float(a - b) for a, b in zip(after, before)])
        told = explainer.effect(Prediction(X[:3]), change)[:, 0]
        # K itself is known to 1e-16, which 1e-9 below it makes 1e-7, and residuals as much again
        assert_allclose(told, truth, rtol=0, atol=1e-4 * np.abs(truth).max())
        assert explainer.certificates(change)[0] < 1e-4


def ridge_parameters(X, y, alpha):
    X, y = decimals(X), [Decimal(float(t)) for t in y]
    p = len(X[0])
    H = [[sum(row[i] * row[j] for row in X) for j in range(p)] for i in range(p)]
    for i in range(p):
        H[i][i] += Decimal(alpha)
    return np.array(solve(H, [sum(row[i] * t for row, t in zip(X, y)) for i in range(p)]))


def wide_data():
    """Return fewer rows than columns, which next to no ridge fits exactly."""
    random = np.random.default_rng(0)
    return random.normal(size=(N, 24)), random.normal(size=N)


def told_and_true(explainer, X, y, alpha):
    """Yield a change, the change of the parameters, and the true one."""
    before = ridge_parameters(X, y, alpha)
    for change, rows, targets in changed(X, y):
        truth = (ridge_parameters(rows, targets, alpha) - before).astype(float)
        yield change, explainer.effect(Parameters(), change)[0], truth


@pytest.mark.parametrize("rows", [[0], np.arange(N)])
@pytest.mark.parametrize("alpha", [1e-6, 1e-8])
def test_a_row_of_leverage_almost_1_keeps_its_digits(alpha, rows):
    X, y = wide_data()
    model = Ridge(alpha=alpha, fit_intercept=False, solver="svd")
    explainer = InfluenceExplainer(model, method="newton").fit(X, y)
    truth = ridge_parameters(X[1:], y[1:], alpha) - ridge_parameters(X, y, alpha)
    told = explainer.effect(Parameters(), Remove(rows))[0]
    truth = truth.astype(float)
    assert_allclose(told, truth, rtol=0, atol=1e-5 * np.abs(truth).max())


@pytest.mark.parametrize("alpha", [1e-4, 1e-6, 1e-8])
def test_changes_of_a_ridge_that_fits_all_are_those_of_its_refits(alpha):
    X, y = wide_data()
    model = Ridge(alpha=alpha, fit_intercept=False, solver="svd")
    explainer = InfluenceExplainer(model, method="newton").fit(X, y)
    for _, told, truth in told_and_true(explainer, X, y, alpha):
        assert_allclose(told, truth, rtol=0, atol=1e-5 * np.abs(truth).max())


def test_what_cannot_be_solved_for_is_not_called_exact():
    random = np.random.default_rng(1)
    X = np.round(random.normal(size=(N, 4)) @ random.normal(size=(4, 24)) * 64) / 64
    y = random.normal(size=N)
    model = Ridge(alpha=1e-13, fit_intercept=False, solver="svd")
    explainer = InfluenceExplainer(model, method="newton", solver=Direct("dual")).fit(X, y)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = [
            (told, truth, explainer.certificates(change, return_proved=True))
            for change, told, truth in told_and_true(explainer, X, y, 1e-13)
        ]
    assert any(issubclass(each.category, ConvergenceWarning) for each in caught)
    for told, truth, (certificates, proved) in found:
        wrong = np.abs(told - truth).max() > 1e-2 * np.abs(truth).max()
        assert not (wrong and (proved[0] or certificates[0] < 1e-3))


def test_an_exact_change_is_proved_where_the_system_is_well_conditioned():
    random = np.random.default_rng(0)
    X, y = random.normal(size=(60, 4)), random.normal(size=60)
    explainer = InfluenceExplainer(Ridge(), method="newton").fit(X, y)
    for change in (Remove(), RemoveGroups(np.arange(60) % 3), Replace([0, 1], X[[2, 3]])):
        certificates, proved = explainer.certificates(change, return_proved=True)
        assert not certificates.any() and proved.all()


def test_features_that_span_new_rows_keep_those_that_are_known():
    random = np.random.default_rng(0)
    X, X_new = random.normal(size=(12, 2)), random.normal(size=(3, 2))
    X_new[2] = X[5]  # which has no direction of its own
    kernel = PairwiseKernel("polynomial", {"degree": 2, "gamma": 1.0, "coef0": 1.0})
    Phi, features = kernel_features(kernel, np.vstack([X[:4], X[5:6]]))
    known = np.vstack([X[:4], X[5:6]])
    more, added = features.spanning(known, X_new)
    assert Phi.shape[1] == len(features.factor) < comb(4, 2)
    everything = np.vstack([known, X_new])
    assert_allclose(more(everything) @ more(everything).T, kernel(everything, everything))
    assert_allclose(more(known), np.hstack([Phi, added]), atol=1e-12)
    same, none = more.spanning(known, X_new)
    assert none.shape == (5, 0) and len(same.factor) == len(more.factor)
