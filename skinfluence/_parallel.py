"""The one place where scores are computed in parallel: blocks of rows, in threads."""

import numpy as np
from joblib import Parallel, delayed

from ._blocks import row_blocks
from ._typing import Array


def evaluate_blocks(effect, rows, out, row_bytes, *, block_size=None, n_jobs=None, verbose=0):
    """Fill ``out[:, j]`` with ``effect(rows)[:, j]``, a block of rows at a time.

    Threads share memory and BLAS lets them run together; each writes columns of its own, so the
    answer depends neither on ``n_jobs`` nor, to rounding, on ``block_size``. An effect that has
    ``fill(rows, out)`` writes there itself.
    """

    def fill(block):
        if hasattr(effect, "fill"):
            effect.fill(rows[block], out[:, block])
        else:
            out[:, block] = effect(rows[block])

    blocks = row_blocks(len(rows), row_bytes, block_size)
    Parallel(n_jobs=n_jobs, verbose=verbose, require="sharedmem")(
        delayed(fill)(block) for block in blocks
    )
    return out


def strongest_by_block(effect, rows, k, row_bytes, *, block_size=None):
    """Return positions and values of the k largest of ``effect(rows)`` in each test row.

    Blocks are merged as they come, so the whole matrix is never held.

    Returns
    -------
    positions, values : ndarray of shape (n_test, k)
        Positions into ``rows``, largest value first.
    """
    positions: Array | None = None
    values: Array | None = None
    for block in row_blocks(len(rows), row_bytes, block_size):
        new = effect(rows[block])
        where = np.broadcast_to(np.arange(block.start, block.stop), new.shape)
        if positions is not None and values is not None:
            new, where = np.hstack([values, new]), np.hstack([positions, where])
        best = np.argsort(-new, axis=1, kind="stable")[:, :k]
        values = np.take_along_axis(new, best, axis=1)
        positions = np.take_along_axis(where, best, axis=1)
    return positions, values
