"""The support vector machines of libsvm, with any kernel.

    Σ s_i loss_i + ½ ‖f‖² / C,        raw = f(x) + intercept

f is of the kernel's space, and the intercept is free. Several classes are told apart pair by pair.
"""

from itertools import combinations
from typing import cast

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from sklearn.base import clone
from sklearn.svm import SVC, SVR, NuSVC, NuSVR, OneClassSVM
from sklearn.utils import check_array

from .._sklearn_private import (
    fitted_on_sparse,
    kernel_gamma,
    libsvm_solution,
    set_libsvm_solution,
)
from .._typing import MatrixLike, as_dense
from ..losses import Loss, PairwiseLoss, SmoothEpsilonInsensitive, SmoothHinge
from ..predictors import LinearPredictor
from ..problem import Continuous, FixedWeights, Labels, Problem, Reweighting
from ..problem._kernels import (
    KernelModel,
    PairwiseKernel,
    kernel_model,
    model_of,
    precomputed,
)
from ..problem._targets import VotingPairs
from ..problem._weights import WeightsLike, row_weights
from ._adapter import Adapter, register
from ._hooks import encode_features
from ._linear import class_weighted, ridge_penalty, spread

#: Share of the largest dual coefficient below which a row is no support vector.
NO_SUPPORT = 1e-12


class SupportVectorMachine(Adapter):
    """A machine whose kernel is held: a refit is the linear machine of the kernel's features."""

    penalty = "C"

    def encode_features(self, estimator: SVC | SVR, X: MatrixLike) -> MatrixLike:
        """Return rows as they were given to ``fit``, for the kernel; a function takes any."""
        if not callable(estimator.kernel):
            return super().encode_features(estimator, X)
        return check_array(X, accept_sparse="csr", dtype=[np.float64, np.float32])

    def held(self, estimator: SVC | SVR) -> SVC | SVR:
        model = clone(estimator)
        return model if model.kernel == "linear" else model.set_params(kernel="linear")


@register(SVC)
class KernelClassifier(SupportVectorMachine):
    """The sum of the binary objectives of every pair of classes."""

    def problem(
        self,
        estimator: SVC,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: WeightsLike = None,
    ) -> Problem:
        X, classes = encode_features(estimator, X), estimator.classes_
        if len(estimator.n_support_) != len(classes):
            raise ValueError(
                "Every row of some class had weight 0 when the SVC was fitted, so that it knows "
                f"{len(estimator.n_support_)} of its {len(classes)} classes; leave such rows out."
            )
        loss: Loss = SmoothHinge()
        targets = Labels(classes, -1.0)
        if len(classes) > 2:
            by_votes = estimator.decision_function_shape == "ovr"
            targets = VotingPairs(classes, by_votes=by_votes, break_ties=estimator.break_ties)
            loss = PairwiseLoss(loss, -1.0)
        weights = row_weights(sample_weight, X)
        weighted = class_weighted(estimator, targets.codes(y), weights, np.ones(len(weights)))
        return _libsvm(estimator, X, y, loss, targets, _pair_coefficients(estimator), *weighted)

    def assign(self, estimator: SVC, problem: Problem) -> None:
        model, n_classes = model_of(problem), len(estimator.classes_)
        coefficients, codes = model.coefficients(problem), _class_codes(problem)
        support = _support(coefficients)
        support = support[np.argsort(codes[support], kind="stable")]
        owner, dual = codes[support], np.zeros((n_classes - 1, len(support)))
        for k, (first, second) in enumerate(combinations(range(n_classes), 2)):
            of_pair = -coefficients[support, k]
            dual[second - 1, owner == first] = of_pair[owner == first]
            dual[first, owner == second] = of_pair[owner == second]
        counts = np.bincount(owner, minlength=n_classes)
        _assign_support(estimator, model, support, counts, dual, -_intercept(problem))
        if n_classes == 2:  # as its user sees it, positive for the second class
            dual, intercept = libsvm_solution(estimator)
            estimator.dual_coef_, estimator.intercept_ = -dual, -intercept


@register(SVR)
class KernelRegressor(SupportVectorMachine):
    """The epsilon-insensitive loss, in units of the spread of y."""

    def problem(
        self,
        estimator: SVR,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: WeightsLike = None,
    ) -> Problem:
        X, targets = encode_features(estimator, X), Continuous()
        weights = row_weights(sample_weight, X)
        unit = spread(targets.encode(y, X.dtype), weights)
        loss = SmoothEpsilonInsensitive(estimator.epsilon, unit)
        dual = as_dense(estimator.dual_coef_), estimator.intercept_
        return _libsvm(estimator, X, y, loss, targets, dual, weights, FixedWeights())

    def assign(self, estimator: SVR, problem: Problem) -> None:
        model = model_of(problem)
        coefficients = model.coefficients(problem)
        support = _support(coefficients)
        counts, dual = np.array([len(support), 0]), coefficients[support].T
        _assign_support(estimator, model, support, counts, dual, _intercept(problem))


@register(NuSVC, NuSVR, OneClassSVM)
class ShareOfRows(Adapter):
    """Machines that choose the margin for the share of the rows that is inside it."""

    has_problem = False
    reason_against = (
        "nu is a share of the rows, so that its objective is no sum of losses with a penalty that "
        "stays when a row leaves; use SVC or SVR"
    )


def _libsvm(
    estimator: SVC | SVR,
    rows: MatrixLike,
    y: ArrayLike,
    loss: Loss,
    targets: Continuous | Labels,
    dual: tuple[np.ndarray, np.ndarray],
    weights: np.ndarray,
    reweighting: Reweighting,
) -> Problem:
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
        reweighting,
        kernel=model,
    )


def _features(estimator: SVC | SVR, rows: MatrixLike) -> tuple[MatrixLike, KernelModel]:
    """Return the features of the training rows, and the kernel model that they make."""
    kernel = estimator.kernel
    if kernel == "linear":
        return kernel_model(None, rows)
    if kernel == "precomputed":
        return kernel_model(precomputed, rows)
    if not callable(kernel):
        fitted = {"gamma": kernel_gamma(estimator)}
        fitted |= {"degree": estimator.degree, "coef0": estimator.coef0}
        kernel = PairwiseKernel(kernel, fitted)
    return kernel_model(kernel, rows)


def _require_training_rows(estimator: SVC | SVR, rows: MatrixLike) -> None:
    if estimator.shape_fit_[0] != rows.shape[0]:
        raise ValueError(
            f"X has {rows.shape[0]} rows and {type(estimator).__name__} was fitted on "
            f"{estimator.shape_fit_[0]}; give the rows that it was fitted on."
        )


def _pair_coefficients(estimator: SVC) -> tuple[np.ndarray, np.ndarray]:
    """Return the dual coefficients of every pair (n_pairs, n_support), and its intercept.

    They are positive for the second class of a pair; libsvm has them the other way round, in rows
    of the other class.
    """
    dual, intercept = libsvm_solution(estimator)
    dual, n_classes = as_dense(dual), len(estimator.classes_)
    owner = np.repeat(np.arange(n_classes), estimator.n_support_)
    pairs = list(combinations(range(n_classes), 2))
    coefficients = np.zeros((len(pairs), dual.shape[1]))
    for pair, (first, second) in zip(coefficients, pairs):
        pair[owner == first] = -dual[second - 1, owner == first]
        pair[owner == second] = -dual[first, owner == second]
    return coefficients, -intercept


def _intercept(problem: Problem) -> np.ndarray:
    _, intercept = cast(LinearPredictor, problem.predictor).unflatten(problem.theta)
    return intercept


def _class_codes(problem: Problem) -> np.ndarray:
    """Return the class of every training row."""
    y, targets = problem.y, cast(Labels, problem.targets)
    if problem.n_outputs == 1:
        return (y[:, 0] > 0).astype(int)
    of_class = targets.encode(targets.classes, y.dtype)
    return np.argmax(y @ of_class.T, axis=1)


def _support(coefficients: np.ndarray) -> np.ndarray:
    """Return the rows whose dual coefficients are not zero."""
    sizes = np.abs(coefficients).max(axis=1)
    return np.flatnonzero(sizes > NO_SUPPORT * sizes.max(initial=0))


def _assign_support(
    estimator: SVC | SVR,
    model: KernelModel,
    support: np.ndarray,
    counts: np.ndarray,
    dual: np.ndarray,
    intercept: np.ndarray,
) -> None:
    """Write support vectors and their coefficients in libsvm's layout."""
    rows, dual = model.rows, np.ascontiguousarray(dual, dtype=float)
    estimator.support_ = support.astype(np.int32)
    if estimator.kernel == "precomputed":
        estimator.n_features_in_ = len(rows)
    elif not callable(estimator.kernel):
        vectors = rows[support].astype(float)
        estimator.support_vectors_ = vectors if sparse.issparse(rows) else vectors.copy(order="C")
    if fitted_on_sparse(estimator):
        dual = _as_libsvm_stores(dual, type(estimator.dual_coef_))
    intercept = np.array(intercept, dtype=float)
    set_libsvm_solution(estimator, rows, counts, dual, intercept)
    estimator.shape_fit_ = rows.shape
    estimator.dual_coef_, estimator.intercept_ = dual, intercept


def _as_libsvm_stores(dual: np.ndarray, kind: type) -> MatrixLike:
    """Return a CSR matrix with every entry stored, zeros too, as libsvm reads them."""
    indices = np.tile(np.arange(dual.shape[1]), len(dual))
    starts = np.arange(len(dual) + 1) * dual.shape[1]
    return kind((dual.ravel(), indices, starts), shape=dual.shape)
