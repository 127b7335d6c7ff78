"""The linear prediction: its Jacobian is X itself, so every product is one matrix product."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._blocks import row_blocks
from .._typing import Array, Matrix, is_sparse
from ._predictor import Predictor

#: Share of entries from which on BLAS multiplies a sparse X, made dense block by block, faster
#: than scipy does: at 0.1 they take as long, at 0.2 BLAS a quarter (275 and 2000 columns).
DENSE_SHARE = 0.1
#: Rows of a block that is made dense or weighted.
BLOCK_ROWS = 8192


@dataclass(frozen=True)
class LinearPredictor(Predictor):
    """The linear prediction ``raw_k = x · coef_k + intercept_k``.

    theta is flat: ``coef_`` (K, p) row by row, then ``intercept_`` (K,) if there is one. The
    Jacobian is X itself, so every product below is one matrix product with X, which may be
    sparse and is never densified whole.

    Parameters
    ----------
    n_outputs : int
        K, the number of raw predictions of a row.
    n_features : int
        p, the number of columns of X.
    fit_intercept : bool, default=True
        Whether theta ends with K intercepts.
    """

    n_outputs: int
    n_features: int
    fit_intercept: bool = True

    separable = True
    by_columns = True
    has_dual = True

    @property
    def n_coefficients(self) -> int:
        """Number of coefficients, K p, where the intercepts begin in theta."""
        return self.n_outputs * self.n_features

    @property
    def n_parameters(self) -> int:
        """Length P of theta."""
        return self.n_coefficients + self.n_outputs * self.fit_intercept

    def flatten(self, coef: Array, intercept: Array) -> Array:
        """Return theta from ``coef_`` and ``intercept_``."""
        coef = np.asarray(coef).ravel()
        if not self.fit_intercept:
            return coef.copy()
        return np.concatenate([coef, np.broadcast_to(np.ravel(intercept), self.n_outputs)])

    def unflatten(self, theta: Array) -> tuple[Array, Array]:
        """Return coef (K, p) and intercept (K,) of theta, zeros if there is none."""
        coef = theta[: self.n_coefficients].reshape(self.n_outputs, self.n_features)
        if not self.fit_intercept:
            return coef, np.zeros(self.n_outputs, dtype=theta.dtype)
        return coef, theta[self.n_coefficients :]

    def offset_size(self, theta: Array) -> float:
        """Return the size of the largest intercept."""
        _, intercept = self.unflatten(theta)
        return np.abs(intercept).max(initial=0)

    def term_sizes(self, theta: Array, X: Matrix) -> Array:
        """Return the root of the sum of squares of what raw predictions are sums of, (n, K)."""
        coef, intercept = self.unflatten(theta)
        return np.sqrt(_squares(X) @ coef.T**2 + intercept**2)

    def raw(self, theta: Array, X: Matrix) -> Array:
        """Predict, before the link; shape (n_samples, K)."""
        return self.jvp(X, theta[:, None])[:, :, 0]

    def jvp(self, X: Matrix, V: Array) -> Array:
        """Return J_i V for every row; V of shape (P, m) gives (n_samples, K, m)."""
        n_vectors = V.shape[1]
        coef = V[: self.n_coefficients].reshape(self.n_outputs, self.n_features, n_vectors)
        coef = coef.transpose(1, 0, 2).reshape(self.n_features, self.n_outputs * n_vectors)
        if is_sparse(X):
            product = (X @ coef).reshape(X.shape[0], self.n_outputs, n_vectors)
        else:  # rows last in memory, which is how influence matrices leave the library
            product = (coef.T @ X.T).reshape(self.n_outputs, n_vectors, len(X)).transpose(2, 0, 1)
        if self.fit_intercept:
            product += V[self.n_coefficients :]
        return product

    def vjp(self, X: Matrix, W: Array) -> Array:
        """Return sum_i J_iᵀ W_i; W of shape (n_samples, K, m) gives (P, m)."""
        n_vectors = W.shape[2]
        if is_sparse(X):
            product = (X.T @ W.reshape(len(W), -1)).T
        else:  # the layout that jvp returns: no copy
            product = W.transpose(1, 2, 0).reshape(-1, len(W)) @ X
        product = product.reshape(self.n_outputs, n_vectors, self.n_features)
        product = product.transpose(0, 2, 1).reshape(self.n_coefficients, n_vectors)
        return np.vstack([product, W.sum(axis=0)]) if self.fit_intercept else product

    def row_gradients(self, X: Matrix, G: Array) -> Array:
        """Return G_i J_i for every row; G of shape (n_samples, K) gives a dense (n_samples, P)."""
        X = X.toarray() if is_sparse(X) else X
        rows = (G[:, :, None] * X[:, None, :]).reshape(len(G), self.n_coefficients)
        return np.hstack([rows, G]) if self.fit_intercept else rows

    def row_jvp(self, X: Matrix, V: Array) -> Array:
        """Return J_i V_i, row by row; V of shape (n_samples, P) gives (n_samples, K)."""
        coef = V[:, : self.n_coefficients].reshape(len(V), self.n_outputs, self.n_features)
        if is_sparse(X):
            columns = [np.asarray(X.multiply(part).sum(axis=1)) for part in coef.transpose(1, 0, 2)]
            product = np.stack([column.ravel() for column in columns], axis=1)
        else:
            product = np.einsum("np,nkp->nk", X, coef)
        return product + V[:, self.n_coefficients :] if self.fit_intercept else product

    def mixed_vjp(self, theta: Array, X: Matrix, W: Array, G: Array, v: Array) -> Array:
        """Return the gradient in x_i of ``W_i · raw(theta, x_i) + G_i · (J_i v)``, dense.

        W, G of shape (n_samples, K) and v of shape (P,) give (n_samples, p): here
        ``W coef(theta) + G coef(v)``.
        """
        return W @ self.unflatten(theta)[0] + G @ self.unflatten(v)[0]

    def jacobian(self, X: Matrix) -> Array:
        """Return J_i for every row, dense, shape (n_samples, K, P)."""
        X = X.toarray() if is_sparse(X) else X
        K, p = self.n_outputs, self.n_features
        jacobian = np.zeros((len(X), K, self.n_parameters), dtype=X.dtype)
        for k in range(K):
            jacobian[:, k, k * p : (k + 1) * p] = X
            jacobian[:, k, K * p + k :: K] = 1  # the intercept of output k, if there is one
        return jacobian

    def parallel_parameters(self) -> Array:
        """Return the positions in theta that multiply the same feature, shape (p or p + 1, K)."""
        positions = np.arange(self.n_coefficients).reshape(self.n_outputs, -1).T
        if self.fit_intercept:
            intercepts = np.arange(self.n_coefficients, self.n_parameters)
            positions = np.vstack([positions, intercepts])
        return positions

    def block(self, outputs: slice) -> tuple[LinearPredictor, Array]:
        """Return the predictor of a slice of outputs, and where its parameters stand in theta."""
        parallel = self.parallel_parameters()[:, outputs]
        alone = LinearPredictor(parallel.shape[1], self.n_features, self.fit_intercept)
        coef, intercept = np.split(parallel, [self.n_features])
        return alone, np.concatenate([coef.T.ravel(), intercept.ravel()])

    def active_set(self, free: Array) -> tuple[LinearPredictor, Array, Array]:
        """Return the predictor of the features that are free in some output.

        Returns
        -------
        predictor : LinearPredictor
        columns : ndarray of int
            The features, columns of X.
        positions : ndarray of int
            Where its parameters stand in theta.
        """
        parallel = self.parallel_parameters()
        columns = np.flatnonzero(free[parallel[: self.n_features]].any(axis=1))
        kept = np.append(columns, self.n_features) if self.fit_intercept else columns
        alone = LinearPredictor(self.n_outputs, len(columns), self.fit_intercept)
        return (
            alone,
            columns,
            np.concatenate([*parallel[columns].T, *parallel[kept[len(columns) :]]]),
        )

    def weighted_gram(self, X: Matrix, A: Array) -> Array:
        """Return sum_i J_iᵀ A_i J_i, dense; A of shape (n_samples, K, K) gives (P, P)."""
        K, p, end = self.n_outputs, self.n_features, self.n_coefficients
        gram = np.zeros((self.n_parameters, self.n_parameters), dtype=X.dtype)
        for k in range(K):
            for m in range(k + 1):
                block = _weighted_product(X, A[:, k, m])
                gram[k * p : (k + 1) * p, m * p : (m + 1) * p] = block
                gram[m * p : (m + 1) * p, k * p : (k + 1) * p] = block.T
        if self.fit_intercept:
            border = (X.T @ A.reshape(len(A), K * K)).reshape(p, K, K)
            gram[:end, end:] = border.transpose(1, 0, 2).reshape(end, K)
            gram[end:, :end] = gram[:end, end:].T
            gram[end:, end:] = A.sum(axis=0)
        return gram

    def squared_vjp(self, X: Matrix, A: Array) -> Array:
        """Return sum_i sum_k A_ik J_ik², entry by entry; A of shape (n_samples, K) gives (P,)."""
        coefficients = (_squares(X).T @ A).T.ravel()
        return np.append(coefficients, A.sum(axis=0)) if self.fit_intercept else coefficients

    def row_norms(self, X: Matrix) -> Array:
        """Return the largest squared singular value of every J_i: ``‖x_i‖²``, plus 1."""
        return np.asarray(_squares(X).sum(axis=1)).ravel() + self.fit_intercept


def _squares(X: Matrix) -> Array:
    return X.multiply(X).tocsr() if is_sparse(X) else X * X


def _weighted_product(X: Matrix, weights: Array) -> Array:
    """Return Xᵀ diag(weights) X; with weights of one sign, as a symmetric product (half the work).

    Those of a softmax are: p_k (1 - p_k) >= 0, and -p_k p_m <= 0.
    """
    n, p = X.shape
    if is_sparse(X) and X.nnz < DENSE_SHARE * n * p:
        return (X.T @ X.multiply(weights[:, None]).tocsr()).toarray()
    product = np.zeros((p, p), dtype=X.dtype)
    sign = next((sign for sign in (1, -1) if np.all(sign * weights >= 0)), None)
    for block in row_blocks(n, p * X.dtype.itemsize, at_most=BLOCK_ROWS):
        rows = X[block].toarray() if is_sparse(X) else X[block]
        if sign is not None:
            scaled = rows * np.sqrt(sign * weights[block])[:, None]
            product += sign * (scaled.T @ scaled)
        else:
            product += rows.T @ (rows * weights[block, None])
    return product
