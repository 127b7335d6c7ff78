"""The weights that a fit gives its rows: s_i, one each, 1 where none are given."""

from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from .._sklearn_private import _check_sample_weight
from .._typing import MatrixLike

#: Sample weights as a user gives them, >= 0; None means 1 each.
WeightsLike: TypeAlias = ArrayLike | None


def row_weights(sample_weight: WeightsLike, X: MatrixLike) -> np.ndarray:
    """Return sample weights >= 0 in the dtype of X, ones if there are none, shape (n,)."""
    return _check_sample_weight(sample_weight, X, dtype=X.dtype, ensure_non_negative=True)
