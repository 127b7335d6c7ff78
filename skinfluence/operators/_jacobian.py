"""Jacobian: row i is the gradient in theta of what is asked about row i, ``G_i J_i``."""

import numpy as np

from .._blocks import row_blocks
from .._typing import Array, Matrix
from ..predictors import Predictor
from ._operator import Operator


class Jacobian(Operator):
    """Rows ``Gᵢ Jᵢ``: gradients in theta of one number a row.

    Parameters
    ----------
    predictor : LinearPredictor
        Its Jacobian J_i is what ``gradients`` is chained with.
    X : {ndarray, CSR matrix} of shape (m, p)
        Rows, as the final estimator sees them.
    gradients : ndarray of shape (m, K)
        G, the gradient of the number asked about in the raw prediction.
    block_size : int, default=None
        Rows in a block; None fits ``working_memory``.
    """

    def __init__(
        self, predictor: Predictor, X: Matrix, gradients: Array, block_size: int | None = None
    ) -> None:
        super().__init__(gradients.dtype, (X.shape[0], predictor.n_parameters))
        self.predictor, self.X, self.gradients = predictor, X, gradients
        self.block_size = block_size

    def _blocks(self, n_vectors: int) -> list[slice]:
        row_bytes = self.gradients.shape[1] * n_vectors * self.dtype.itemsize
        return row_blocks(self.shape[0], row_bytes, self.block_size)

    def _matmat(self, V: Array) -> Array:
        blocks = self._blocks(V.shape[1])
        parts = [self._product(block, V) for block in blocks]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _product(self, block: slice, V: Array) -> Array:
        product = self.predictor.jvp(self.X[block], V)
        product *= self.gradients[block, :, None]
        return product[:, 0] if product.shape[1] == 1 else product.sum(axis=1)

    def _rmatmat(self, U: Array) -> Array:
        product = np.zeros((self.shape[1], U.shape[1]), dtype=np.result_type(self.dtype, U.dtype))
        for block in self._blocks(U.shape[1]):
            pulled = self.gradients[block, :, None] * U[block, None, :]
            product += self.predictor.vjp(self.X[block], pulled)
        return product

    def dense(self) -> Array:
        """Return the rows as an array of shape (m, P)."""
        return self.predictor.row_gradients(self.X, self.gradients)
