"""The base of all predictors: what a Jacobian's products are if nothing better is known.

A subclass writes ``raw``, ``jvp``, ``vjp`` and ``jacobian``; the rest follows from these, a block
of dense Jacobians at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from .._blocks import row_blocks, take_rows
from .._typing import Array, Matrix, is_sparse


class Predictor:
    """Base class of the predictors, which are frozen dataclasses with ``n_outputs`` (K).

    ``n_parameters`` is the length P of theta, and ``n_coefficients`` how many of them come before
    the intercepts, which the estimator leaves without a penalty.

    Attributes
    ----------
    is_linear : bool
        Whether the Jacobian is the same at every theta. Where it is not, the predictor carries the
        ``theta`` at which it is taken, and has ``second_order`` and ``hessian_product``.
    separable : bool
        Whether every output has parameters of its own, so that a loss that is a sum over outputs
        falls apart, and the predictor has ``block``.
    by_columns : bool
        Whether coefficient j of an output multiplies column j of X, so that a column of zeros
        leaves it alone.
    has_dual : bool
        Whether theta is coefficients, each of one feature, then intercepts, as the dual takes it.
    """

    is_linear: ClassVar[bool] = True
    separable: ClassVar[bool] = False
    by_columns: ClassVar[bool] = False
    has_dual: ClassVar[bool] = False

    if TYPE_CHECKING:  # a property here would be the default of a dataclass's field of its name

        @property
        def n_outputs(self) -> int:
            """K, the number of raw predictions of a row."""

        @property
        def n_coefficients(self) -> int:
            """Number of parameters that come before the intercepts."""

        @property
        def n_parameters(self) -> int:
            """Length P of theta."""

        @property
        def fit_intercept(self) -> bool:
            """Whether there are intercepts, of a predictor that has coefficients of features."""

    def raw(self, theta: Array, X: Matrix) -> Array:
        """Predict, before the link; shape (n_samples, K)."""
        raise NotImplementedError

    def jvp(self, X: Matrix, V: Array) -> Array:
        """Return J_i V for every row; V of shape (P, m) gives (n_samples, K, m)."""
        raise NotImplementedError

    def vjp(self, X: Matrix, W: Array) -> Array:
        """Return sum_i J_iᵀ W_i; W of shape (n_samples, K, m) gives (P, m)."""
        raise NotImplementedError

    def jacobian(self, X: Matrix) -> Array:
        """Return J_i for every row, dense, shape (n_samples, K, P)."""
        raise NotImplementedError

    def mixed_vjp(self, theta: Array, X: Matrix, W: Array, G: Array, v: Array) -> Array:
        """Return the gradient in x_i of ``W_i · raw(theta, x_i) + G_i · (J_i v)``, shape (n, p).

        W, G of shape (n_samples, K), v of shape (P,).
        """
        raise NotImplementedError

    def block(self, outputs: slice) -> tuple[Predictor, Array]:
        """Return the predictor of some outputs, where it is separable, and its part of theta."""
        raise NotImplementedError

    def active_set(self, free: Array) -> tuple[Predictor, Array, Array]:
        """Return the predictor of the features that are free, where a norm holds some at zero.

        Besides the columns of X that it takes, and where its parameters stand in theta.
        """
        raise NotImplementedError

    def at(self, theta: Array) -> Predictor:
        """Return the predictor whose Jacobian is taken at theta: itself, unless it is curved."""
        return self

    def offset_size(self, theta: Array) -> float:
        """Return the size of what is added to every raw prediction, which it is rounded by."""
        return 0.0

    def term_sizes(self, theta: Array, X: Matrix) -> Array:
        """Return the size of what every raw prediction is a sum of, where it is known, (n, K)."""
        return np.full((X.shape[0], self.n_outputs), self.offset_size(theta))

    def parallel_parameters(self) -> Array:
        """Return the positions in theta that add to the K outputs alike, shape (g, K)."""
        return np.zeros((0, self.n_outputs), dtype=int)

    def _jacobians(self, X: Matrix) -> Iterator[tuple[slice, Array]]:
        """Yield slices of the rows and their Jacobians (b, K, P)."""
        row_bytes = 4 * self.n_outputs * self.n_parameters * X.dtype.itemsize
        for block in row_blocks(X.shape[0], row_bytes):
            yield block, self.jacobian(take_rows(X, np.arange(X.shape[0])[block]))

    def row_gradients(self, X: Matrix, G: Array) -> Array:
        """Return G_i J_i for every row; G of shape (n_samples, K) gives (n_samples, P)."""
        rows = np.empty((X.shape[0], self.n_parameters), dtype=G.dtype)
        for block, jacobian in self._jacobians(X):
            rows[block] = np.einsum("nk,nkp->np", G[block], jacobian)
        return rows

    def row_jvp(self, X: Matrix, V: Array) -> Array:
        """Return J_i V_i, row by row; V of shape (n_samples, P) gives (n_samples, K)."""
        product = np.empty((X.shape[0], self.n_outputs), dtype=V.dtype)
        for block, jacobian in self._jacobians(X):
            product[block] = np.einsum("nkp,np->nk", jacobian, V[block])
        return product

    def hessian_product(self, X: Matrix, G: Array, A: Array, V: Array) -> Array:
        """Return the product of V with the Hessian of ``Σ_i loss_i(raw_i(theta))``.

        It is ``Σ_i J_iᵀ A_i J_i V + Σ_i Σ_k G_ik ∇²raw_ik V``, for a loss with gradients G (n, K)
        and Hessians A (n, K, K) in the raw prediction; V of shape (P, m) gives (P, m). The second
        sum is 0 unless the predictor is curved.
        """
        return self.vjp(X, np.matmul(A, self.jvp(X, V)))

    def weighted_gram(self, X: Matrix, A: Array) -> Array:
        """Return sum_i J_iᵀ A_i J_i, dense; A of shape (n_samples, K, K) gives (P, P)."""
        gram = np.zeros((self.n_parameters, self.n_parameters), dtype=A.dtype)
        for block, jacobian in self._jacobians(X):
            weighted = np.matmul(A[block], jacobian).reshape(-1, self.n_parameters)
            gram += jacobian.reshape(-1, self.n_parameters).T @ weighted
        return (gram + gram.T) / 2

    def squared_vjp(self, X: Matrix, A: Array) -> Array:
        """Return sum_i sum_k A_ik J_ik², entry by entry; A of shape (n_samples, K) gives (P,)."""
        total = np.zeros(self.n_parameters, dtype=A.dtype)
        for block, jacobian in self._jacobians(X):
            total += np.einsum("nk,nkp->p", A[block], jacobian**2)
        return total

    def row_norms(self, X: Matrix) -> Array:
        """Return the largest squared singular value of every J_i."""
        norms = np.empty(X.shape[0], dtype=X.dtype)
        for block, jacobian in self._jacobians(X):
            norms[block] = np.linalg.norm(jacobian, ord=2, axis=(1, 2)) ** 2
        return norms


class CurvedPredictor(Predictor):
    """A predictor that is not linear in theta; a subclass also writes ``second_order``."""

    is_linear = False

    if TYPE_CHECKING:

        @property
        def theta(self) -> Array:
            """Where derivatives are taken, shape (P,)."""

    def second_order(self, X: Matrix, G: Array, V: Array) -> Array:
        """Return ``Σ_i Σ_k G_ik ∇²raw_ik V``; V of shape (P, m) gives (P, m)."""
        raise NotImplementedError

    def hessian_product(self, X: Matrix, G: Array, A: Array, V: Array) -> Array:
        """Return the product of V with the Hessian of ``Σ_i loss_i(raw_i(theta))``, both sums."""
        return super().hessian_product(X, G, A, V) + self.second_order(X, G, V)


def rows_of(X: Matrix) -> Array:
    """Return X as an array that autograd takes: a memmap is read."""
    return X.toarray() if is_sparse(X) else np.asarray(X)
