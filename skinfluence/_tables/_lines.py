"""Where a row stands in its file: blank lines and values that span lines are counted."""

import csv
import io

import numpy as np

from ._reading import delimiter_of, first_line, is_parquet, open_bytes


def lines_of_rows(path, rows, *, encoding="utf-8"):
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
    starts, last = [], max(rows, default=-1)
    with open_bytes(path) as file:
        text = io.TextIOWrapper(file, encoding=encoding, newline="")
        reader = csv.reader(text, delimiter=delimiter_of(first_line(path, encoding)))
        csv.field_size_limit(2**31 - 1)
        next(reader)
        start = reader.line_num + 1
        for record in reader:
            if record:
                starts.append(start)
            if len(starts) > last:
                break
            start = reader.line_num + 1
    return np.array(starts, dtype=int)[rows]
