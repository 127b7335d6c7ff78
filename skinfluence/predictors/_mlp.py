"""The multi-layer perceptron: ``a_l = φ(a_{l-1} W_l + b_l)``, the last layer without φ.

Products are matrix products for many vectors at once, forwards and backwards through the layers:

    ȧ_l = φ'(z_l) (ȧ_{l-1} W_l + a_{l-1} Ẇ_l + ḃ_l)                       jvp
    δ_{l-1} = φ'(z_{l-1}) (δ_l W_lᵀ),       ∇W_l = a_{l-1}ᵀ δ_l             vjp

and the derivative of the second along the first for the exact Hessian (Pearlmutter 1994). Autograd
gives the same, for a dense X and one vector at a time (``FunctionPredictor``, the tests' oracle):
on 1,437 digits through 16 tanh units, products with 32 vectors take it 2 to 6 times as long, and
the gradients of single rows 60 times.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeAlias

import numpy as np
from scipy.special import expit

from .._blocks import row_blocks
from .._typing import Array, Matrix, Pointwise, is_sparse
from ._predictor import CurvedPredictor

#: (coefficients, intercepts) of every layer.
Layers: TypeAlias = list[tuple[Array, Array]]
#: name: (φ, φ' and φ'' as functions of the activation a = φ(z)).
ACTIVATIONS: dict[str, tuple[Pointwise, Pointwise, Pointwise]] = {
    "identity": (lambda z: z, np.ones_like, np.zeros_like),
    "logistic": (expit, lambda a: a * (1 - a), lambda a: a * (1 - a) * (1 - 2 * a)),
    "tanh": (np.tanh, lambda a: 1 - a * a, lambda a: -2 * a * (1 - a * a)),
    "relu": (lambda z: np.maximum(z, 0), lambda a: (a > 0).astype(a.dtype), np.zeros_like),
}
#: Bytes of the layers' tangents in a block of rows; larger blocks are no faster.
IN_CACHE = 2**19


@dataclass(frozen=True, eq=False)
class MLPPredictor(CurvedPredictor):
    """The raw prediction of scikit-learn's multi-layer perceptrons, before the output's φ.

    theta holds every layer's coefficients (fan in, fan out), row by row, then every layer's
    intercepts. X may be sparse.

    Parameters
    ----------
    sizes : tuple of int
        Units of every layer, from the features to the K outputs.
    activation : {"identity", "logistic", "tanh", "relu"}
        φ of the hidden layers.
    theta : ndarray of shape (P,)
        Where derivatives are taken.
    """

    sizes: tuple[int, ...]
    activation: str
    theta: np.ndarray

    @property
    def n_outputs(self) -> int:
        """K, the number of raw predictions of a row."""
        return self.sizes[-1]

    @property
    def n_coefficients(self) -> int:
        """Number of coefficients of all layers, where the intercepts begin in theta."""
        return sum(fan_in * fan_out for fan_in, fan_out in zip(self.sizes, self.sizes[1:]))

    @property
    def n_parameters(self) -> int:
        """Length P of theta."""
        return self.n_coefficients + sum(self.sizes[1:])

    def at(self, theta: Array) -> MLPPredictor:
        """Return the predictor whose derivatives are taken at theta."""
        return replace(self, theta=theta)

    def flatten(self, coefs: Sequence[Array], intercepts: Sequence[Array]) -> Array:
        """Return theta from ``coefs_`` and ``intercepts_``."""
        return np.concatenate([np.ravel(part) for part in (*coefs, *intercepts)])

    def unflatten(self, theta: Array) -> tuple[list[Array], list[Array]]:
        """Return the coefficients and the intercepts of every layer, two lists.

        theta may be many, of shape (P, m); then every part ends with an axis of m.
        """
        shapes = [*zip(self.sizes, self.sizes[1:]), *((size,) for size in self.sizes[1:])]
        stops = np.cumsum([np.prod(shape) for shape in shapes])[:-1]
        parts = [
            part.reshape(*shape, *theta.shape[1:])
            for part, shape in zip(np.split(theta, stops), shapes)
        ]
        return parts[: len(parts) // 2], parts[len(parts) // 2 :]

    def offset_size(self, theta: Array) -> float:
        """Return the size of the largest intercept of the last layer."""
        return np.abs(self.unflatten(theta)[1][-1]).max(initial=0)

    def parallel_parameters(self) -> Array:
        """Return the positions of the last layer that multiply the same unit, shape (h + 1, K)."""
        h, K, end = self.sizes[-2], self.sizes[-1], self.n_coefficients
        coefficients = np.arange(end - h * K, end).reshape(h, K)
        return np.vstack([coefficients, np.arange(self.n_parameters - K, self.n_parameters)])

    @cached_property
    def layers(self) -> Layers:
        """The (coefficients, intercepts) of every layer at theta."""
        return list(zip(*self.unflatten(self.theta)))

    def _forward(self, layers: Layers, X: Matrix) -> list[Matrix]:
        """Return the activations of every layer, X first and the raw prediction last."""
        function, activations = ACTIVATIONS[self.activation][0], [X]
        for coefficients, intercepts in layers:
            inner = function(activations[-1]) if len(activations) > 1 else X
            activations[-1] = inner
            activations.append(inner @ coefficients + intercepts)
        return activations

    def _blocks(self, X: Matrix, n_vectors: int) -> list[slice]:
        row_bytes = 4 * n_vectors * sum(self.sizes[1:]) * self.theta.itemsize
        return row_blocks(X.shape[0], row_bytes, at_most=max(64, IN_CACHE // max(row_bytes, 1)))

    def raw(self, theta: Array, X: Matrix) -> Array:
        """Predict, before the output's activation; shape (n_samples, K)."""
        layers = list(zip(*self.unflatten(theta)))
        raw = np.empty((X.shape[0], self.n_outputs), dtype=theta.dtype)
        for block in self._blocks(X, 1):
            raw[block] = self._forward(layers, X[block])[-1]
        return raw

    def jvp(self, X: Matrix, V: Array) -> Array:
        """Return J_i V for every row; V of shape (P, m) gives (n_samples, K, m)."""
        product = np.empty((X.shape[0], V.shape[1], self.n_outputs), dtype=self.theta.dtype)
        directions = self._directions(V)
        for block in self._blocks(X, V.shape[1]):
            activations = self._forward(self.layers, X[block])
            product[block] = self._tangents(activations, directions)[-1]
        return product.transpose(0, 2, 1)

    def _directions(self, V: Array) -> Layers:
        """Return Ẇ (fan in, m, fan out) and ḃ (m, fan out) of every layer."""
        coefficients, intercepts = self.unflatten(V)
        return [
            (np.ascontiguousarray(W.transpose(0, 2, 1)), b.T)
            for W, b in zip(coefficients, intercepts)
        ]

    def _tangents(self, activations: list[Matrix], directions: Layers) -> list[Array]:
        """Return ȧ of every layer after X, (n, m, fan out) each."""
        slope = ACTIVATIONS[self.activation][1]
        tangents: list[Array] = []
        for a, (W, _), (moved, shift) in zip(activations, self.layers, directions):
            fan_in, m, fan_out = moved.shape
            tangent = (a @ moved.reshape(fan_in, m * fan_out)).reshape(-1, m, fan_out) + shift
            if tangents:
                tangents[-1] *= slope(a)[:, None]
                tangent += tangents[-1] @ W
            tangents.append(tangent)
        return tangents

    def vjp(self, X: Matrix, W: Array) -> Array:
        """Return sum_i J_iᵀ W_i; W of shape (n_samples, K, m) gives (P, m)."""
        product = np.zeros((self.n_parameters, W.shape[2]), dtype=self.theta.dtype)
        for block in self._blocks(X, W.shape[2]):
            activations = self._forward(self.layers, X[block])
            product += self._pulled(activations, W[block].transpose(0, 2, 1))
        return product

    def _pulled(self, activations: list[Matrix], delta: Array) -> Array:
        """Return ``Σ_i J_iᵀ δ_i`` of δ (n, m, K), shape (P, m)."""
        slope = ACTIVATIONS[self.activation][1]
        coefficients, intercepts = [], []
        for a, (W, _) in zip(activations[-2::-1], self.layers[::-1]):
            n, m, fan_out = delta.shape
            product = (a.T @ delta.reshape(n, m * fan_out)).reshape(len(W), m, fan_out)
            coefficients.append(product.transpose(0, 2, 1).reshape(W.size, m))
            intercepts.append(delta.sum(axis=0).T)
            if len(intercepts) < len(self.layers):
                delta = (delta @ W.T) * slope(a)[:, None]
        return np.vstack([*coefficients[::-1], *intercepts[::-1]])

    def jacobian(self, X: Matrix) -> Array:
        """Return J_i for every row, dense, shape (n_samples, K, P)."""
        units = np.eye(self.n_outputs, dtype=self.theta.dtype)
        return self._row_pulled(X, np.broadcast_to(units, (X.shape[0], *units.shape)))

    def row_gradients(self, X: Matrix, G: Array) -> Array:
        """Return G_i J_i for every row; G of shape (n_samples, K) gives (n_samples, P)."""
        return self._row_pulled(X, G[:, None])[:, 0]

    def _row_pulled(self, X: Matrix, delta: Array) -> Array:
        """Return δ_i J_i, row by row, of δ (n, m, K); shape (n, m, P)."""
        n, m, _ = delta.shape
        rows = np.empty((n, m, self.n_parameters), dtype=self.theta.dtype)
        coefficients, intercepts = self.unflatten(np.arange(self.n_parameters))
        slope, activations = ACTIVATIONS[self.activation][1], self._forward(self.layers, X)
        for layer in reversed(range(len(self.layers))):
            a, (W, _) = activations[layer], self.layers[layer]
            a = a.toarray() if is_sparse(a) else a
            own = slice(coefficients[layer].flat[0], coefficients[layer].flat[-1] + 1)
            rows[:, :, own] = (a[:, None, :, None] * delta[:, :, None]).reshape(n, m, W.size)
            rows[:, :, intercepts[layer]] = delta
            if layer:
                delta = (delta @ W.T) * slope(a)[:, None]
        return rows

    def second_order(self, X: Matrix, G: Array, V: Array) -> Array:
        """Return ``Σ_i Σ_k G_ik ∇²raw_ik V``; V of shape (P, m) gives (P, m)."""
        return self.hessian_product(X, G, None, V)

    def hessian_product(self, X: Matrix, G: Array, A: Array | None, V: Array) -> Array:
        """Return ``Σ_i J_iᵀ A_i J_i V + Σ_i Σ_k G_ik ∇²raw_ik V``, shape (P, m)."""
        product = np.zeros((self.n_parameters, V.shape[1]), dtype=self.theta.dtype)
        directions = self._directions(V)
        for block in self._blocks(X, 2 * V.shape[1]):
            activations = self._forward(self.layers, X[block])
            tangents = self._tangents(activations, directions)
            moved = np.zeros_like(tangents[-1]) if A is None else tangents[-1] @ A[block]
            product += self._bent(activations, tangents, directions, G[block], moved)
        return product

    def mixed_vjp(self, theta: Array, X: Matrix, W: Array, G: Array, v: Array) -> Array:
        """Return the gradient in x_i of ``W_i · raw(theta, x_i) + G_i · (J_i v)``, shape (n, p).

        W, G of shape (n_samples, K), v of shape (P,); theta is the predictor's own.
        """
        product = np.empty((X.shape[0], self.sizes[0]), dtype=self.theta.dtype)
        directions = self._directions(v[:, None])
        for block in self._blocks(X, 2):
            activations = self._forward(self.layers, X[block])
            tangents = self._tangents(activations, directions)
            seeds = G[block], W[block, None]
            *_, (_, moved) = self._backwards(activations, tangents, directions, *seeds)
            product[block] = moved[:, 0]
        return product

    def _bent(
        self,
        activations: list[Matrix],
        tangents: list[Array],
        directions: Layers,
        delta: Array,
        moved: Array,
    ) -> Array:
        """Return the derivative of ``_pulled`` along directions; ``moved`` (n, m, K) is that of δ.

        ``tangents`` of hidden layers are of the activations, φ' included.
        """
        coefficients, intercepts = [], []
        steps = self._backwards(activations, tangents, directions, delta, moved)
        for layer, (delta, moved) in zip(reversed(range(len(self.layers))), steps):
            n, m, fan_out = moved.shape
            product = activations[layer].T @ moved.reshape(n, m * fan_out)
            fan_in = len(product)
            product = product.reshape(fan_in, m, fan_out)
            if layer:
                own = tangents[layer - 1].reshape(n, m * fan_in).T @ delta
                product += own.reshape(m, fan_in, fan_out).transpose(1, 0, 2)
            coefficients.append(product.transpose(0, 2, 1).reshape(fan_in * fan_out, m))
            intercepts.append(moved.sum(axis=0).T)
        return np.vstack([*coefficients[::-1], *intercepts[::-1]])

    def _backwards(
        self,
        activations: list[Matrix],
        tangents: list[Array],
        directions: Layers,
        delta: Array,
        moved: Array,
    ) -> Iterator[tuple[Array, Array]]:
        """Yield (δ, its derivative along directions) of every layer, the last first, then of X."""
        _, slope, bend = ACTIVATIONS[self.activation]
        yield delta, moved
        for layer in reversed(range(len(self.layers))):
            a, (W, _) = activations[layer], self.layers[layer]
            n, m, fan_out = moved.shape
            turned = directions[layer][0].transpose(1, 0, 2).reshape(m * len(W), fan_out)
            moved = moved @ W.T + (delta @ turned.T).reshape(n, m, len(W))
            delta = delta @ W.T
            if layer:
                first = slope(a)
                moved *= first[:, None]
                ratio = bend(a) / np.where(first != 0, first, 1)  # ȧ has φ' in it
                moved += (delta * ratio)[:, None] * tangents[layer - 1]
                delta = delta * first
            yield delta, moved
