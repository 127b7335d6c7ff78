"""A user's own function as a predictor: autograd derives everything.

    vjp(w)            the backward pass of raw                      one trace for all w
    jvp(v)            the backward pass of u ↦ vjp(u)               one trace for all v
    hessian_product   the backward pass of ∇φ,                      one trace for all v
                      φ(theta) = Σ_i G_i · raw_i + ½ (raw_i - r_i)ᵀ A_i (raw_i - r_i)

with r the raw prediction at theta itself, so that ``∇²φ = Σ_i J_iᵀ A_i J_i + Σ_ik G_ik ∇²raw_ik``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import autograd.numpy as anp
import numpy as np
from autograd import grad, make_vjp

from .._blocks import row_blocks
from .._tracing import TRACING
from .._typing import Array, Matrix
from ._predictor import CurvedPredictor, rows_of

#: Numbers that a trace is taken to hold for every number of a row.
TRACE = 64
#: Rows below which a block costs as much as one of so many, whatever memory there is.
FEW = 32


@dataclass(frozen=True, eq=False)
class FunctionPredictor(CurvedPredictor):
    """The raw prediction of any differentiable model.

    Parameters
    ----------
    function : callable
        ``function(theta, X) -> (n_samples, K)``, written in ``autograd.numpy``; row i of the
        result must depend on row i of X alone. A function of a module, so that it pickles.
    n_outputs : int
        K, the number of raw predictions of a row.
    theta : ndarray of shape (P,)
        Where derivatives are taken.

    Examples
    --------
    >>> import numpy as np
    >>> import autograd.numpy as anp
    >>> from skinfluence.predictors import FunctionPredictor
    >>> def raw(theta, X):
    ...     return anp.tanh(anp.dot(X, theta))[:, None]
    >>> predictor = FunctionPredictor(raw, 1, np.zeros(2))
    >>> predictor.jacobian(np.array([[1.0, 2.0]]))
    array([[[1., 2.]]])
    """

    function: Callable[[Array, Array], Array]
    n_outputs: int
    theta: np.ndarray

    @property
    def n_parameters(self) -> int:
        """Length P of theta."""
        return len(self.theta)

    @property
    def n_coefficients(self) -> int:
        """P: nothing is known of intercepts."""
        return len(self.theta)

    def at(self, theta: Array) -> FunctionPredictor:
        """Return the predictor whose derivatives are taken at theta."""
        return replace(self, theta=theta)

    def raw(self, theta: Array, X: Matrix) -> Array:
        """Predict, before the link; shape (n_samples, K)."""
        raw = np.empty((X.shape[0], self.n_outputs), dtype=theta.dtype)
        for block in self._blocks(X):
            raw[block] = self._function(theta, rows_of(X[block]))
        return raw

    def _function(self, theta: Array, X: Array) -> Array:
        raw = self.function(theta, X)
        expected = (len(X), self.n_outputs)
        if np.shape(raw) != expected:
            raise ValueError(
                f"`function` must return shape (n_samples, n_outputs) = {expected}; "
                f"got {np.shape(raw)}."
            )
        return raw

    def _blocks(self, X: Matrix) -> list[slice]:
        row_bytes = TRACE * int(np.prod(X.shape[1:]) + self.n_outputs) * self.theta.itemsize
        blocks = row_blocks(X.shape[0], row_bytes)
        few = len(blocks) > 1 and blocks[0].stop < FEW
        return row_blocks(X.shape[0], row_bytes, FEW) if few else blocks

    def _pull(self, X: Array) -> tuple[Callable[[Array], Array], Array]:
        """Return the vector-Jacobian product of dense rows, and their raw predictions."""
        with TRACING:
            return make_vjp(lambda theta: self._function(theta, X))(np.asarray(self.theta))

    def jvp(self, X: Matrix, V: Array) -> Array:
        """Return J_i V for every row; V of shape (P, m) gives (n_samples, K, m)."""
        product = np.empty((X.shape[0], self.n_outputs, V.shape[1]), dtype=self.theta.dtype)
        for block in self._blocks(X):
            pull, raw = self._pull(rows_of(X[block]))
            with TRACING:
                push, _ = make_vjp(pull)(np.zeros_like(raw))
            for m, v in enumerate(np.ascontiguousarray(V.T)):
                product[block, :, m] = push(v)
        return product

    def vjp(self, X: Matrix, W: Array) -> Array:
        """Return sum_i J_iᵀ W_i; W of shape (n_samples, K, m) gives (P, m)."""
        product = np.zeros((self.n_parameters, W.shape[2]), dtype=self.theta.dtype)
        for block in self._blocks(X):
            pull, _ = self._pull(rows_of(X[block]))
            for m in range(W.shape[2]):
                product[:, m] += pull(np.ascontiguousarray(W[block, :, m]))
        return product

    def jacobian(self, X: Matrix) -> Array:
        """Return J_i for every row, dense, shape (n_samples, K, P).

        By P products of all rows, or a backward pass for every row and output: what is fewer.
        """
        n, K, P = X.shape[0], self.n_outputs, self.n_parameters
        if n * K > P:
            return self.jvp(X, np.eye(P, dtype=self.theta.dtype))
        jacobian, units = np.empty((n, K, P), dtype=self.theta.dtype), np.eye(K)[:, None]
        for i in range(n):
            pull, _ = self._pull(rows_of(X[i : i + 1]))
            for k in range(K):
                jacobian[i, k] = pull(units[k].astype(self.theta.dtype))
        return jacobian

    def row_gradients(self, X: Matrix, G: Array) -> Array:
        """Return G_i J_i for every row; G of shape (n_samples, K) gives (n_samples, P)."""
        if X.shape[0] > self.n_parameters:
            return super().row_gradients(X, G)
        rows = np.empty((X.shape[0], self.n_parameters), dtype=self.theta.dtype)
        for i in range(X.shape[0]):
            pull, _ = self._pull(rows_of(X[i : i + 1]))
            rows[i] = pull(G[i : i + 1])
        return rows

    def second_order(self, X: Matrix, G: Array, V: Array) -> Array:
        """Return ``Σ_i Σ_k G_ik ∇²raw_ik V``; V of shape (P, m) gives (P, m)."""
        nothing = np.zeros((X.shape[0], self.n_outputs, self.n_outputs), dtype=G.dtype)
        return self.hessian_product(X, G, nothing, V)

    def hessian_product(self, X: Matrix, G: Array, A: Array, V: Array) -> Array:
        """Return ``Σ_i J_iᵀ A_i J_i V + Σ_i Σ_k G_ik ∇²raw_ik V``, shape (P, m)."""
        product = np.zeros_like(V, dtype=self.theta.dtype)
        for block in self._blocks(X):
            gradient = grad(self._model(rows_of(X[block]), G[block], A[block]))
            with TRACING:
                push, _ = make_vjp(gradient)(np.asarray(self.theta))
            for m, v in enumerate(np.ascontiguousarray(V.T)):
                product[:, m] += push(v)
        return product

    def mixed_vjp(self, theta: Array, X: Matrix, W: Array, G: Array, v: Array) -> Array:
        """Return the gradient in x_i of ``W_i · raw(theta, x_i) + G_i · (J_i v)``, shape (n, p).

        W, G of shape (n_samples, K), v of shape (P,).
        """
        product = np.empty(X.shape, dtype=self.theta.dtype)
        for block in self._blocks(X):
            product[block] = self._input_gradient(theta, rows_of(X[block]), W[block], G[block], v)
        return product

    def _input_gradient(self, theta: Array, X: Array, W: Array, G: Array, v: Array) -> Array:
        def pulled(X: Array, weights: Array) -> Callable[[Array], Array]:
            return lambda theta: anp.sum(weights * self._function(theta, X))

        def asked(X: Array) -> Array:
            return pulled(X, W)(theta) + anp.dot(grad(pulled(X, G))(theta), v)

        return grad(asked)(X)

    def _model(self, X: Array, G: Array, A: Array) -> Callable[[Array], Array]:
        """Return φ, the quadratic model of the losses along the curved prediction."""
        here = self._function(np.asarray(self.theta), X)

        def model(theta: Array) -> Array:
            raw = self._function(theta, X)
            change = raw - here
            bent = anp.sum(A * change[:, None, :], axis=2) if A.any() else 0.0
            return anp.sum((G + 0.5 * bent) * change)

        return model
