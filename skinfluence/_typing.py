"""Annotations of the public API that have no name elsewhere."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

#: Rows as an estimator takes them: array-like, sparse, a DataFrame, or what a Pipeline begins with.
MatrixLike: TypeAlias = Any
#: Training rows: integer indices, a boolean mask, or a slice.
RowsLike: TypeAlias = Sequence[int] | Sequence[bool] | np.ndarray | slice
