"""Names for the types of the library's arguments, where they have none elsewhere."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, TypeGuard

import numpy as np
from scipy import sparse

#: Rows as an estimator takes them: array-like, sparse, a DataFrame, or what a Pipeline begins with.
MatrixLike: TypeAlias = Any
#: Training rows: integer indices, a boolean mask, or a slice.
RowsLike: TypeAlias = Sequence[int] | Sequence[bool] | np.ndarray | slice

#: A dense array.
Array: TypeAlias = np.ndarray
#: Rows as a predictor takes them: dense, or sparse by rows.
Matrix: TypeAlias = np.ndarray | sparse.csr_matrix
#: A function of every number of an array.
Pointwise: TypeAlias = Callable[[Array], Array]


def is_sparse(X: Matrix) -> TypeGuard[sparse.csr_matrix]:
    """Tell a sparse matrix from an array, to a type checker too."""
    return sparse.issparse(X)


def as_dense(X: MatrixLike) -> np.ndarray:
    """Return X as an array."""
    return X.toarray() if sparse.issparse(X) else np.asarray(X)
