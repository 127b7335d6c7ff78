"""Adapters of the support vector machines of libsvm, with any kernel.

    Σ s_i loss_i + ½ ‖f‖² / C,        raw = f(x) + intercept

f is of the kernel's space, and the intercept is free. Several classes are told apart pair by pair.
"""

from itertools import combinations

import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.svm import SVC, SVR, NuSVC, NuSVR, OneClassSVM
from sklearn.utils import check_array

from ..losses import PairwiseLoss, SmoothEpsilonInsensitive, SmoothHinge
from ..predictors import LinearPredictor
from ._as_problem import as_problem, assign, penalty_parameter, reason_against
from ._kernels import KernelModel, PairwiseKernel, kernel_features, precomputed
from ._linear import class_weighted, ridge_penalty, row_weights, spread
from ._problem import Problem
from ._targets import Continuous, Labels, VotingPairs
from ._wrappers import encode_features, held

#: Share of the largest dual coefficient below which a row is no support vector.
NO_SUPPORT = 1e-12


@as_problem.register(SVC)
def _svc(estimator, X, y, sample_weight=None):
    """Minimise the sum of the binary objectives of every pair of classes."""
    X, classes = encode_features(estimator, X), estimator.classes_
    if len(classes) == 2:
        targets, loss = Labels(classes, -1.0), SmoothHinge()
    else:
        by_votes = estimator.decision_function_shape == "ovr"
        targets = VotingPairs(classes, by_votes=by_votes, break_ties=estimator.break_ties)
        loss = PairwiseLoss(SmoothHinge(), -1.0)
    weights = row_weights(sample_weight, X)
    weighted = class_weighted(estimator, targets.codes(y), weights, np.ones(len(weights)))
    return _libsvm(estimator, X, y, loss, targets, _pair_coefficients(estimator), *weighted)


@as_problem.register(SVR)
def _svr(estimator, X, y, sample_weight=None):
    X, targets = encode_features(estimator, X), Continuous()
    weights = row_weights(sample_weight, X)
    loss = SmoothEpsilonInsensitive(estimator.epsilon, spread(targets.encode(y, X.dtype), weights))
    dual = _dense(estimator.dual_coef_), estimator.intercept_
    return _libsvm(estimator, X, y, loss, targets, dual, weights)


def _libsvm(estimator, rows, y, loss, targets, dual, weights, *reweighting):
    coefficients, intercept = dual
    _require_training_rows(estimator, rows)
    X, model = _features(estimator, rows)
    predictor = LinearPredictor(len(coefficients), X.shape[1])
    coef = coefficients @ X[estimator.support_]
    return Problem(
        loss,
        predictor,
        predictor.flatten(coef, intercept).astype(X.dtype),
        X,
        targets.encode(y, X.dtype),
        weights,
        ridge_penalty(predictor, 1 / estimator.C, X.dtype),
        targets,
        *reweighting,
        kernel=model,
    )


def _features(estimator, rows):
    """Return the features of the training rows, and the kernel model that they make."""
    kernel = estimator.kernel
    if kernel == "linear":
        return rows, KernelModel(rows)
    if kernel == "precomputed":
        features, encoder = kernel_features(precomputed, rows, square=True)
        return features, KernelModel(rows, encoder, square=True)
    if not callable(kernel):
        params = {"gamma": estimator._gamma, "degree": estimator.degree, "coef0": estimator.coef0}
        kernel = PairwiseKernel(kernel, params)
    features, encoder = kernel_features(kernel, rows)
    return features, KernelModel(rows, encoder)


@encode_features.register(SVC)
@encode_features.register(SVR)
def _encode(estimator, X):
    """Return rows as they were given to ``fit``, for the kernel; a function takes any."""
    if not callable(estimator.kernel):
        return encode_features.dispatch(object)(estimator, X)
    return check_array(X, accept_sparse="csr", dtype=[np.float64, np.float32])


def _require_training_rows(estimator, rows):
    if estimator.shape_fit_[0] != rows.shape[0]:
        raise ValueError(
            f"X has {rows.shape[0]} rows and {type(estimator).__name__} was fitted on "
            f"{estimator.shape_fit_[0]}; give the rows that it was fitted on."
        )


def _pair_coefficients(estimator):
    """Return the dual coefficients of every pair (n_pairs, n_support), and its intercept.

    They are positive for the second class of a pair; libsvm has them the other way round, in rows
    of the other class.
    """
    dual, n_classes = _dense(estimator._dual_coef_), len(estimator.classes_)
    owner = np.repeat(np.arange(n_classes), estimator.n_support_)
    pairs = list(combinations(range(n_classes), 2))
    coefficients = np.zeros((len(pairs), dual.shape[1]))
    for pair, (first, second) in zip(coefficients, pairs):
        pair[owner == first] = -dual[second - 1, owner == first]
        pair[owner == second] = -dual[first, owner == second]
    return coefficients, -estimator._intercept_


@assign.register(SVC)
def _assign_svc(estimator, problem):
    coefficients = problem.kernel.coefficients(problem)
    codes, n_classes = _class_codes(problem), len(estimator.classes_)
    support = _support(coefficients)
    support = support[np.argsort(codes[support], kind="stable")]
    owner, dual = codes[support], np.zeros((n_classes - 1, len(support)))
    for k, (first, second) in enumerate(combinations(range(n_classes), 2)):
        of_pair = -coefficients[support, k]
        dual[second - 1, owner == first] = of_pair[owner == first]
        dual[first, owner == second] = of_pair[owner == second]
    counts = np.bincount(owner, minlength=n_classes)
    _, intercept = problem.predictor.unflatten(problem.theta)
    _assign_support(estimator, problem, support, counts, dual, -intercept)
    if n_classes == 2:  # as its user sees it, positive for the second class
        estimator.dual_coef_ = -estimator._dual_coef_
        estimator.intercept_ = -estimator._intercept_


@assign.register(SVR)
def _assign_svr(estimator, problem):
    coefficients = problem.kernel.coefficients(problem)
    support = _support(coefficients)
    _, intercept = problem.predictor.unflatten(problem.theta)
    counts, dual = np.array([len(support), 0]), coefficients[support].T
    _assign_support(estimator, problem, support, counts, dual, intercept)


def _class_codes(problem):
    """Return the class of every training row."""
    y, targets = problem.y, problem.targets
    if problem.n_outputs == 1:
        return (y[:, 0] > 0).astype(int)
    of_class = targets.encode(targets.classes, y.dtype)
    return np.argmax(y @ of_class.T, axis=1)


def _support(coefficients):
    """Return the rows whose dual coefficients are not zero."""
    sizes = np.abs(coefficients).max(axis=1)
    return np.flatnonzero(sizes > NO_SUPPORT * sizes.max(initial=0))


def _assign_support(estimator, problem, support, counts, dual, intercept):
    """Write support vectors and their coefficients in libsvm's layout."""
    rows, dual = problem.kernel.rows, np.ascontiguousarray(dual, dtype=float)
    estimator.support_ = support.astype(np.int32)
    estimator._n_support = counts.astype(np.int32)
    if callable(estimator.kernel):
        estimator._BaseLibSVM__Xfit = rows
    elif estimator.kernel == "precomputed":
        estimator.n_features_in_ = len(rows)
    else:
        vectors = rows[support].astype(float)
        estimator.support_vectors_ = vectors if sparse.issparse(rows) else vectors.copy(order="C")
    if estimator._sparse:
        dual = _as_libsvm_stores(dual, type(estimator.dual_coef_))
    estimator.shape_fit_ = rows.shape
    estimator.dual_coef_ = estimator._dual_coef_ = dual
    estimator.intercept_ = estimator._intercept_ = np.array(intercept, dtype=float)


def _as_libsvm_stores(dual, kind):
    """Return a CSR matrix with every entry stored, zeros too, as libsvm reads them."""
    indices = np.tile(np.arange(dual.shape[1]), len(dual))
    starts = np.arange(len(dual) + 1) * dual.shape[1]
    return kind((dual.ravel(), indices, starts), shape=dual.shape)


def _dense(matrix):
    return matrix.toarray() if sparse.issparse(matrix) else np.asarray(matrix)


@held.register(SVC)
@held.register(SVR)
def _hold(estimator):
    """Return the same machine with the linear kernel of features: its kernel is held."""
    model = clone(estimator)
    return model if model.kernel == "linear" else model.set_params(kernel="linear")


@penalty_parameter.register(SVC)
@penalty_parameter.register(SVR)
def _penalty(estimator):
    return "C"


@reason_against.register(NuSVC)
@reason_against.register(NuSVR)
@reason_against.register(OneClassSVM)
def _nu(estimator):
    return (
        "nu is a share of the rows, so that its objective is no sum of losses with a penalty that "
        "stays when a row leaves; use SVC or SVR"
    )
