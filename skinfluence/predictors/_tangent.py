"""The tangent of a curved prediction: ``raw(theta) = raw(centre) + J (theta - centre)``.

Its problem is the linearised one, whose Hessian is the Gauss-Newton matrix of the curved one.
"""

from dataclasses import dataclass

import numpy as np

from .._typing import Array, Matrix
from ._predictor import CurvedPredictor, Predictor


@dataclass(frozen=True, eq=False)
class Tangent(Predictor):
    """A curved predictor, linearised at the theta that it carries.

    Parameters
    ----------
    inner : CurvedPredictor
        Its ``theta`` is the centre.
    """

    inner: CurvedPredictor

    @property
    def n_outputs(self) -> int:
        """K, the number of raw predictions of a row."""
        return self.inner.n_outputs

    @property
    def n_parameters(self) -> int:
        """Length P of theta."""
        return self.inner.n_parameters

    @property
    def n_coefficients(self) -> int:
        """Number of parameters that come before the intercepts."""
        return self.inner.n_coefficients

    def raw(self, theta: Array, X: Matrix) -> Array:
        """Predict, before the link; shape (n_samples, K)."""
        centre = self.inner.theta
        raw = self.inner.raw(centre, X)
        if theta is centre or np.array_equal(theta, centre):
            return raw
        return raw + self.inner.jvp(X, (theta - centre)[:, None])[:, :, 0]

    def jvp(self, X: Matrix, V: Array) -> Array:
        """Return J_i V for every row; V of shape (P, m) gives (n_samples, K, m)."""
        return self.inner.jvp(X, V)

    def vjp(self, X: Matrix, W: Array) -> Array:
        """Return sum_i J_iᵀ W_i; W of shape (n_samples, K, m) gives (P, m)."""
        return self.inner.vjp(X, W)

    def jacobian(self, X: Matrix) -> Array:
        """Return J_i for every row, dense, shape (n_samples, K, P)."""
        return self.inner.jacobian(X)

    def mixed_vjp(self, theta: Array, X: Matrix, W: Array, G: Array, v: Array) -> Array:
        """Return the gradient in x_i of ``W_i · raw(theta, x_i) + G_i · (J_i v)``, J as x moves."""
        return self.inner.mixed_vjp(self.inner.theta, X, W, G, v)

    def row_gradients(self, X: Matrix, G: Array) -> Array:
        """Return G_i J_i for every row; G of shape (n_samples, K) gives (n_samples, P)."""
        return self.inner.row_gradients(X, G)

    def row_jvp(self, X: Matrix, V: Array) -> Array:
        """Return J_i V_i, row by row; V of shape (n_samples, P) gives (n_samples, K)."""
        return self.inner.row_jvp(X, V)

    def parallel_parameters(self) -> Array:
        """Return the positions in theta that add to the K outputs alike, shape (g, K)."""
        return self.inner.parallel_parameters()
