"""Walk rows in blocks that fit scikit-learn's ``working_memory``."""

import numpy as np
import sklearn

from ._typing import Array, Matrix


def row_blocks(
    n_rows: int, row_bytes: int, block_size: int | None = None, at_most: int | None = None
) -> list[slice]:
    """Return slices that cover ``range(n_rows)``.

    Parameters
    ----------
    n_rows : int
        Number of rows to cover.
    row_bytes : int
        Bytes that the caller allocates for each row.
    block_size : int or None
        Rows in a block; None takes as many as ``working_memory`` allows.
    at_most : int or None
        Rows above which a block is no faster; ``block_size`` goes before it.
    """
    if block_size is None:
        budget = sklearn.get_config()["working_memory"] * 2**20
        block_size = max(1, min(n_rows, at_most or n_rows, int(budget // max(row_bytes, 1))))
    return [slice(i, min(i + block_size, n_rows)) for i in range(0, n_rows, block_size)]


def take_rows(X: Matrix, rows: Array) -> Matrix:
    """Return ``X[rows]``, as a view where the rows are consecutive."""
    return X[as_slice(rows)]


def as_slice(rows: Array) -> Array | slice:
    """Return the rows as a slice where they are consecutive, else as they are."""
    if len(rows) and rows[-1] - rows[0] == len(rows) - 1 and np.all(np.diff(rows) == 1):
        return slice(rows[0], rows[-1] + 1)
    return rows
