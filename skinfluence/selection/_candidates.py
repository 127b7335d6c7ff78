"""Which rows a search may change, and how many of them."""

from collections.abc import Sequence

import numpy as np

from .._parameters import check_whole
from .._typing import RowsLike
from ..changes import check_rows
from ..problem import Problem


def allowed_rows(problem: Problem, rows: RowsLike | None) -> np.ndarray:
    """Return the mask of the training rows that may be changed."""
    return rows_mask(problem, check_rows(rows, problem.n_rows))


def rows_mask(problem: Problem, chosen: Sequence[int] | np.ndarray) -> np.ndarray:
    """Return the mask of the training rows that were chosen."""
    members = np.zeros(problem.n_rows, dtype=bool)
    members[chosen] = True
    return members


def most_changes(name: str, most: int | None, n_rows: int) -> int:
    """Return how many changes there may be; None is a tenth of the rows, and at least one."""
    if most is None:
        return max(1, n_rows // 10)
    check_whole(name, most)
    return min(most, n_rows - 1)
