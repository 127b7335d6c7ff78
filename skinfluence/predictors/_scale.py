"""A linear prediction and a scale that all rows share: ``raw = (x · coef + intercept, σ)``."""

from dataclasses import dataclass

import numpy as np

from .._typing import Array, Matrix
from ._linear import LinearPredictor
from ._predictor import Predictor


@dataclass(frozen=True)
class LinearWithScale(Predictor):
    """A linear prediction and a scale that all rows share: ``raw = (x · coef + intercept, σ)``.

    theta is ``coef_`` (p,), ``intercept_`` if there is one, then σ (Huber 1981: the scale of the
    errors is a parameter that is fitted with the others).

    Parameters
    ----------
    n_features : int
        p, the number of columns of X.
    fit_intercept : bool, default=True
        Whether theta has an intercept.
    """

    n_features: int
    fit_intercept: bool = True

    n_outputs = 2
    by_columns = True

    @property
    def location(self) -> LinearPredictor:
        """The predictor of the first output, whose parameters come first in theta."""
        return LinearPredictor(1, self.n_features, self.fit_intercept)

    @property
    def n_coefficients(self) -> int:
        """Number of coefficients p, where the intercept begins in theta."""
        return self.n_features

    @property
    def n_parameters(self) -> int:
        """Length P of theta."""
        return self.location.n_parameters + 1

    def unflatten(self, theta: Array) -> tuple[Array, Array]:
        """Return coef (1, p) and intercept (1,) of theta, without σ."""
        return self.location.unflatten(theta[:-1])

    def offset_size(self, theta: Array) -> float:
        """Return the size of the intercept."""
        return self.location.offset_size(theta[:-1])

    def raw(self, theta: Array, X: Matrix) -> Array:
        """Predict location and scale; shape (n_samples, 2)."""
        return self.jvp(X, theta[:, None])[:, :, 0]

    def jvp(self, X: Matrix, V: Array) -> Array:
        """Return J_i V for every row; V of shape (P, m) gives (n_samples, 2, m)."""
        location = self.location.jvp(X, V[:-1])
        return np.concatenate([location, np.broadcast_to(V[-1], location.shape)], axis=1)

    def vjp(self, X: Matrix, W: Array) -> Array:
        """Return sum_i J_iᵀ W_i; W of shape (n_samples, 2, m) gives (P, m)."""
        return np.vstack([self.location.vjp(X, W[:, :1]), W[:, 1].sum(axis=0)])

    def row_gradients(self, X: Matrix, G: Array) -> Array:
        """Return G_i J_i for every row; G of shape (n_samples, 2) gives (n_samples, P)."""
        return np.hstack([self.location.row_gradients(X, G[:, :1]), G[:, 1:]])

    def row_jvp(self, X: Matrix, V: Array) -> Array:
        """Return J_i V_i, row by row; V of shape (n_samples, P) gives (n_samples, 2)."""
        return np.hstack([self.location.row_jvp(X, V[:, :-1]), V[:, -1:]])

    def mixed_vjp(self, theta: Array, X: Matrix, W: Array, G: Array, v: Array) -> Array:
        """Return the gradient in x_i of ``W_i · raw(theta, x_i) + G_i · (J_i v)``: σ has none."""
        return self.location.mixed_vjp(theta[:-1], X, W[:, :1], G[:, :1], v[:-1])

    def jacobian(self, X: Matrix) -> Array:
        """Return J_i for every row, dense, shape (n_samples, 2, P)."""
        location = self.location.jacobian(X)
        jacobian = np.zeros((len(location), 2, self.n_parameters), dtype=location.dtype)
        jacobian[:, :1, :-1] = location
        jacobian[:, 1, -1] = 1
        return jacobian

    def weighted_gram(self, X: Matrix, A: Array) -> Array:
        """Return sum_i J_iᵀ A_i J_i, dense; A of shape (n_samples, 2, 2) gives (P, P)."""
        gram = np.empty((self.n_parameters, self.n_parameters), dtype=A.dtype)
        gram[:-1, :-1] = self.location.weighted_gram(X, A[:, :1, :1])
        gram[:-1, -1] = gram[-1, :-1] = self.location.vjp(X, A[:, :1, 1:])[:, 0]
        gram[-1, -1] = A[:, 1, 1].sum()
        return gram

    def squared_vjp(self, X: Matrix, A: Array) -> Array:
        """Return sum_i sum_k A_ik J_ik², entry by entry; A of shape (n_samples, 2) gives (P,)."""
        return np.append(self.location.squared_vjp(X, A[:, :1]), A[:, 1].sum())

    def row_norms(self, X: Matrix) -> Array:
        """Return the largest squared singular value of every J_i."""
        return np.maximum(self.location.row_norms(X), 1)
