"""Walk rows in blocks that fit scikit-learn's ``working_memory``."""

from collections.abc import Callable
from typing import Any

import numpy as np
import sklearn


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


def take_rows(X: Any, rows: np.ndarray) -> Any:
    """Return ``X[rows]``, as a view where the rows are consecutive."""
    return X[as_slice(rows)]


def as_slice(rows: np.ndarray) -> np.ndarray | slice:
    """Return the rows as a slice where they are consecutive, else as they are."""
    if len(rows) and rows[-1] - rows[0] == len(rows) - 1 and np.all(np.diff(rows) == 1):
        return slice(rows[0], rows[-1] + 1)
    return rows


def strongest_of(
    blocks: list[slice], effect: Callable[[slice], np.ndarray], k: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return indices and values of the k largest effects on each number asked about.

    Blocks are merged as they come, so the whole matrix is never held.

    Parameters
    ----------
    blocks : list of slice
        At least one.
    effect : callable
        ``effect(block)`` is of shape (m, b).
    k : int
        How many.

    Returns
    -------
    indices, values : ndarray of shape (m, k)
        Largest value first.
    """
    values = effect(blocks[0])
    indices = np.broadcast_to(np.arange(values.shape[1]), values.shape)
    values, indices = _largest(values, indices, k)
    for block in blocks[1:]:
        new = effect(block)
        where = np.broadcast_to(np.arange(block.start, block.stop), new.shape)
        values, indices = _largest(np.hstack([values, new]), np.hstack([indices, where]), k)
    return indices, values


def _largest(values: np.ndarray, indices: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the k largest values of each row, largest first, and their indices."""
    best = np.argsort(-values, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(values, best, axis=1), np.take_along_axis(indices, best, axis=1)
