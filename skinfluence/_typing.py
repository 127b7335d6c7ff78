"""Annotations of the public API that have no name elsewhere."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from scipy import sparse

#: Rows as an estimator takes them: array-like, sparse, a DataFrame, or what a Pipeline begins with.
MatrixLike: TypeAlias = Any
#: Training rows: integer indices, a boolean mask, or a slice.
RowsLike: TypeAlias = Sequence[int] | Sequence[bool] | np.ndarray | slice

#: A dense array of numbers.
Array: TypeAlias = np.ndarray
#: Rows as a predictor takes them.
Matrix: TypeAlias = "np.ndarray | sparse.csr_matrix"
