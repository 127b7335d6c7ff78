"""Kernel models as linear models: features Φ with ``K = Φ Φᵀ``, and never the inverse of K.

A pivoted Cholesky factorisation of the training rows' K stops where what is left is rounding, at
rank r. With the pivots first, ``K = L Lᵀ``, L of shape (n, r):

    Φ = L,        φ(x) = L₁₁⁻¹ k(pivots, x)

and a kernel model's objective is that of a linear model in φ with a ridge. Its dual coefficients,
of which the user's own parameters are made, follow from the ridge λ where the gradient vanishes:

    raw = K β + intercept,        λ β_i = -s_i g_i
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np
from scipy import sparse
from scipy.linalg import get_lapack_funcs, solve_triangular
from scipy.spatial.distance import cdist
from sklearn.metrics.pairwise import pairwise_kernels, rbf_kernel

from .._typing import MatrixLike, as_dense
from ..predictors import LinearPredictor
from ._kinks import kinked_duals

if TYPE_CHECKING:
    from ._problem import Problem

#: ``kernel(X, pivots)``: k of rows and rows, shape (m, r).
Kernel: TypeAlias = Callable[[MatrixLike, MatrixLike], np.ndarray]

#: Largest entry of K - ΦΦᵀ, in units of the rounding that the factorisation stops at.
ROUNDING = 100
#: Squared distance from the centre, in widths of the kernel, from which rows are far apart.
FAR_APART = 1e3


@dataclass(frozen=True, eq=False)
class PairwiseKernel:
    """A kernel by scikit-learn's name, or a function of two rows.

    Parameters
    ----------
    metric : str or callable
        As in ``pairwise_kernels``.
    params : dict
        Its parameters, as they were fitted.
    """

    metric: str | Callable[..., float]
    params: dict[str, Any]

    def __call__(self, X: MatrixLike, pivots: MatrixLike) -> np.ndarray:
        """Return k of rows and rows, shape (m, r)."""
        named = not callable(self.metric)
        if self.metric == "rbf" and not (sparse.issparse(X) or sparse.issparse(pivots)):
            return _rbf(X, pivots, self.params.get("gamma"))
        return pairwise_kernels(X, pivots, metric=self.metric, filter_params=named, **self.params)


def _rbf(X: np.ndarray, pivots: np.ndarray, gamma: float | None) -> np.ndarray:
    """Return ``exp(-gamma ‖x - pivot‖²)``, all digits of it wherever the rows are.

    Distances do not change when rows are centred, which keeps the digits of those that are taken
    from scalar products; of rows that are far apart beside the kernel's width they are summed.
    """
    centre = np.mean(pivots, axis=0)
    X, pivots = X - centre, pivots - centre
    gamma = 1 / X.shape[1] if gamma is None else gamma
    if gamma * np.einsum("np,np->n", pivots, pivots).max(initial=0) < FAR_APART:
        return rbf_kernel(X, pivots, gamma)
    return np.exp(-gamma * cdist(X, pivots, "sqeuclidean"))


def precomputed(X: MatrixLike, pivots: np.ndarray) -> MatrixLike:
    """Return the columns of rows of K that belong to the pivots, given as indices."""
    return X[:, pivots]


@dataclass(frozen=True, eq=False)
class KernelFeatures:
    """The map ``φ(x) = L₁₁⁻¹ k(pivots, x)``.

    Parameters
    ----------
    kernel : callable
        ``kernel(X, pivots)`` is of shape (m, r).
    pivots : rows, or indices if the kernel is precomputed
    factor : ndarray of shape (r, r)
        L₁₁, lower triangular.
    """

    kernel: Kernel
    pivots: MatrixLike
    factor: np.ndarray

    def __call__(self, X: MatrixLike) -> np.ndarray:
        """Return the features of rows, shape (m, r), in their precision."""
        gram = as_dense(self.kernel(X.astype(float, copy=False), self.pivots))
        features = solve_triangular(self.factor, gram.T, lower=True, check_finite=False).T
        return np.ascontiguousarray(features, dtype=X.dtype)

    def spanning(self, rows: MatrixLike, X_new: MatrixLike) -> tuple["KernelFeatures", np.ndarray]:
        """Go on with the factorisation where new rows have directions of their own.

        The features that are known stay as they are, to the last digit, and so does what is fitted
        in them: to find it again from the dual coefficients, ``-s g / λ``, would divide the
        rounding of g by a λ that may be as small.

        Parameters
        ----------
        rows, X_new : training rows, and those that come

        Returns
        -------
        features : KernelFeatures
            Theirs, then q more.
        added : ndarray of shape (n, q)
            Those q of the training rows: rounding, of their size the square root.

        Raises
        ------
        ValueError
            If the kernel of all rows is not finite or not positive semi-definite.
        """
        rows, X_new = rows.astype(float), X_new.astype(float)
        known, new = self(rows), self(X_new)
        gram = as_dense(self.kernel(X_new, X_new))
        _require_symmetric(gram)
        largest = max(np.square(known).sum(axis=1).max(initial=0), np.diag(gram).max(initial=0))
        tolerance = (len(known) + len(new)) * np.finfo(float).eps * largest
        left = gram - new @ new.T
        own, chosen = _pivoted_cholesky(left, tolerance)
        added, factor, pivots = np.zeros((len(known), len(chosen))), own[chosen], X_new[chosen]
        if len(chosen):
            cross = as_dense(self.kernel(rows, pivots)) - known @ new[chosen].T
            added = solve_triangular(factor, cross.T, lower=True, check_finite=False).T
        beyond = np.abs(left - own @ own.T).max(initial=0)
        if max(beyond, np.square(added).sum(axis=1).max(initial=0)) > ROUNDING * tolerance:
            both = _stack(rows, X_new)
            raise _not_definite(as_dense(self.kernel(both, both)))
        factor = np.block(
            [[self.factor, np.zeros((len(self.factor), len(chosen)))], [new[chosen], factor]]
        )
        return KernelFeatures(self.kernel, _stack(self.pivots, pivots), factor), added


@dataclass(frozen=True, eq=False)
class KernelModel:
    """What a Problem in features keeps of the kernel model that it is.

    Parameters
    ----------
    rows : rows of the training data, as the estimator takes them
    features : KernelFeatures or None
        None for a linear kernel, whose features are the columns of X.
    square : bool, default=False
        Whether the rows are those of a precomputed kernel, with a column a row.
    """

    rows: MatrixLike
    features: KernelFeatures | None = None
    square: bool = False

    def encode(self, X: MatrixLike) -> MatrixLike:
        """Return the features of rows."""
        return X if self.features is None else self.features(X)

    def take(self, kept: np.ndarray) -> "KernelModel":
        """Return the model of some of its rows."""
        rows = self.rows[kept]
        return replace(self, rows=rows[:, kept] if self.square else rows)

    def spanning(self, problem: "Problem", X_new: MatrixLike) -> "Problem":
        """Return the same problem in features that also hold rows which are not in it.

        X_new are rows as the estimator takes them: a row that comes brings a direction of its own.
        """
        if self.features is None:
            return problem
        if self.square:
            raise ValueError(
                "A new row of a precomputed kernel needs its kernel with itself, which X_new does "
                "not hold; give the kernel by name, or as a function of the rows."
            )
        features, added = self.features.spanning(self.rows, X_new)
        X = np.hstack([as_dense(problem.X), added.astype(problem.X.dtype)])
        linear = cast(LinearPredictor, problem.predictor)  # in features, as every kernel model
        predictor = replace(linear, n_features=X.shape[1])
        coef, intercept = linear.unflatten(problem.theta)
        penalty = np.zeros(predictor.n_parameters, dtype=problem.penalty.dtype)
        penalty[: predictor.n_coefficients] = np.repeat(ridge(problem), X.shape[1])
        others = (added.T @ self.coefficients(problem)).T
        theta = predictor.flatten(np.hstack([coef, others]), intercept)
        model = replace(self, features=features)
        theta = theta.astype(problem.theta.dtype)
        problem = replace(problem, X=X, predictor=predictor, theta=theta)
        return replace(problem, penalty=penalty, kernel=model)

    def coefficients(self, problem: "Problem") -> np.ndarray:
        """Return the dual coefficients β at a problem's theta, shape (n, K)."""
        return kinked_duals(problem) / ridge(problem)

    def change(
        self, problem: "Problem", changed: "Problem", change: np.ndarray, linear: bool
    ) -> np.ndarray:
        """Return the change of β and the intercepts when the objective changes.

        Parameters
        ----------
        problem, changed : Problem
            Before, and with other rows or weights at the same theta.
        change : ndarray of shape (P,)
            Change of theta.
        linear : bool
            Whether to first order in it; the weights change as they do.

        Returns
        -------
        change : ndarray of shape (n K + K,)
            β output by output, then the intercepts if there are any. Where a row has left, it
            goes to 0.
        """
        before = -kinked_duals(problem)
        if linear:
            moved = problem.predictor.jvp(changed.X, change[:, None])[:, :, 0]
            weights = changed.weights[:, None]
            bent = np.einsum("nkl,nl->nk", problem.curvatures, moved)
            after = weights * changed.gradients + problem.weights[:, None] * bent
        else:
            after = -kinked_duals(changed.at(changed.theta + change))
        dual = ((before - after) / ridge(problem)).T.ravel()
        return np.append(dual, change[problem.predictor.n_coefficients :])


def kernel_model(kernel: Kernel | None, rows: MatrixLike) -> tuple[MatrixLike, KernelModel]:
    """Return the features of training rows, and the model that they make; None is the linear one.

    Of ``precomputed`` the rows are their square of kernels.
    """
    if kernel is None:
        return rows, KernelModel(rows)
    square = kernel is precomputed
    X, features = kernel_features(kernel, rows, square)
    return X, KernelModel(rows, features, square)


def model_of(problem: "Problem") -> KernelModel:
    """Return the kernel model that a problem is one of; ValueError if it is none."""
    if problem.kernel is None:
        raise ValueError("`problem` must be that of a kernel model.")
    return problem.kernel


def ridge(problem: "Problem") -> np.ndarray:
    """Return λ of every output, shape (K,)."""
    n_coefficients = problem.predictor.n_coefficients
    return problem.penalty[:n_coefficients].reshape(problem.n_outputs, -1)[:, 0]


def kernel_features(
    kernel: Kernel, rows: MatrixLike, square: bool = False
) -> tuple[np.ndarray, KernelFeatures]:
    """Factor the kernel of training rows, in double precision.

    Parameters
    ----------
    kernel : callable
        ``kernel(X, pivots)``.
    rows : training rows, or K itself if ``square``

    Returns
    -------
    Phi : ndarray of shape (n, r)
        In the precision of the rows.
    features : KernelFeatures

    Raises
    ------
    ValueError
        If K is not finite, not symmetric or not positive semi-definite.
    """
    dtype, known = rows.dtype, rows.dtype if square else float
    rows = rows.astype(float, copy=False)
    gram = np.array(rows if square else as_dense(kernel(rows, rows)), dtype=float, order="F")
    _require_symmetric(gram)
    tolerance = len(gram) * np.finfo(known).eps * np.diag(gram).max(initial=0)
    Phi, order = _pivoted_cholesky(gram, tolerance)
    if not len(order):  # a kernel of zeros: one feature, which is zero
        Phi, order = np.zeros((len(gram), 1)), np.zeros(1, dtype=int)
    if np.abs(gram - Phi @ Phi.T).max(initial=0) > ROUNDING * max(tolerance, 0):
        raise _not_definite(gram)
    pivots = order if square else rows[order]
    factor = Phi[order] if Phi.any() else np.ones((1, 1))
    return Phi.astype(dtype, copy=False), KernelFeatures(kernel, pivots, factor)


def _pivoted_cholesky(gram: np.ndarray, tolerance: float) -> tuple[np.ndarray, np.ndarray]:
    """Return L, shape (n, r), with ``K = L Lᵀ``, and the r pivots, in whose rows it is lower."""
    (pstrf,) = get_lapack_funcs(("pstrf",), (gram,))
    factor, order, rank, _ = pstrf(gram, tol=tolerance, lower=True)
    order = order - 1
    lower = np.empty((len(gram), rank))
    lower[order] = np.tril(factor)[:, :rank]
    return lower, order[:rank]


def _stack(one: MatrixLike, other: MatrixLike) -> MatrixLike:
    return sparse.vstack([one, other]).tocsr() if sparse.issparse(one) else np.vstack([one, other])


def _require_symmetric(gram: np.ndarray) -> None:
    if not np.all(np.isfinite(gram)):
        raise ValueError("The kernel of the training rows is not finite; rescale X.")
    if np.abs(gram - gram.T).max(initial=0) > 1e-6 * np.abs(gram).max(initial=0):
        raise ValueError("The kernel of the training rows is not symmetric.")


def _not_definite(gram: np.ndarray) -> ValueError:
    return ValueError(
        "The kernel of the training rows is not positive semi-definite: its smallest "
        f"eigenvalue is {np.linalg.eigvalsh(gram)[0]:.2g}. What is fitted with it need not be a "
        "minimum, and the optimum without a row is not defined. Use another kernel; for a sigmoid "
        "kernel a smaller `gamma` or a larger `coef0` may do."
    )
