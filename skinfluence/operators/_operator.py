"""What J, H, R and H⁻¹ have in common: products with blocks of vectors, in a dtype of their own.

They are scipy's ``LinearOperator``, so that its ``cg`` and ``eigsh`` run on them.
"""

from typing import TYPE_CHECKING

import numpy as np

from .._typing import Array

if TYPE_CHECKING:  # scipy ships no types: this is what the library takes from it

    class LinearOperator:
        """An operator that is known by its products."""

        dtype: np.dtype
        shape: tuple[int, int]

        def __init__(self, dtype: np.dtype, shape: tuple[int, int]) -> None: ...
        def __matmul__(self, other: Array) -> Array: ...
        def matmat(self, X: Array) -> Array: ...
        def rmatmat(self, X: Array) -> Array: ...

        @property
        def T(self) -> "LinearOperator": ...

else:
    from scipy.sparse.linalg import LinearOperator


class Operator(LinearOperator):
    """A ``LinearOperator`` whose subclasses write ``_matmat``, and ``_rmatmat`` if it is asked for.

    Products with one vector are those with a block of one column.

    Parameters
    ----------
    dtype : dtype
        Of its entries.
    shape : tuple (int, int)
        Numbers of rows and columns.
    """

    def __init__(self, dtype: np.dtype, shape: tuple[int, int]) -> None:
        super().__init__(dtype, shape)

    def _matmat(self, X: Array) -> Array:
        raise NotImplementedError

    def _rmatmat(self, X: Array) -> Array:
        raise NotImplementedError

    def _matvec(self, x: Array) -> Array:
        return self._matmat(np.reshape(x, (-1, 1)))

    def _rmatvec(self, x: Array) -> Array:
        return self._rmatmat(np.reshape(x, (-1, 1)))


class SymmetricOperator(Operator):
    """An operator that is its own adjoint.

    Parameters
    ----------
    dtype : dtype
        Of its entries.
    shape : tuple (int, int)
        Numbers of rows and columns, the same.
    """

    def _rmatmat(self, X: Array) -> Array:
        return self._matmat(X)

    def _adjoint(self) -> "SymmetricOperator":
        return self
