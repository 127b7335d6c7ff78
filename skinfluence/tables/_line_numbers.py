"""Where a row stands in its file: blank lines and values that span lines are counted."""

from itertools import islice
from pathlib import Path

import numpy as np

from ._read_table import delimiter_of, is_parquet, records


def lines_of_rows(
    path: str | Path, rows: np.ndarray, *, encoding: str = "utf-8"
) -> np.ndarray | None:
    """Return the lines, from 1, on which rows of a text table start; None for Parquet.

    Parameters
    ----------
    path : str or Path
        The file.
    rows : ndarray of int of shape (k,)
        Rows, counted from 0 after the header.

    Returns
    -------
    lines : ndarray of int of shape (k,), or None
    """
    if is_parquet(path):
        return None
    wanted = records(path, encoding, delimiter_of(path, encoding))
    starts = [line for line, _ in islice(wanted, 1, max(rows, default=-1) + 2)]
    return np.array(starts, dtype=int)[rows]
