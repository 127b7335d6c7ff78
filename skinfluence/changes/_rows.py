"""Which training rows are meant, and how they are grouped."""

import numbers

import numpy as np


def check_rows(rows, n_rows):
    """Return ``rows`` as an array of indices into range(n_rows).

    Parameters
    ----------
    rows : None, array-like of int, bool mask of shape (n_rows,), or slice
        None means all. Order is kept, repeats are allowed.
    n_rows : int
        Number of training rows.

    Raises
    ------
    ValueError
        For indices out of range or negative, a mask of another length, or anything else.
    """
    if rows is None:
        return np.arange(n_rows)
    if isinstance(rows, slice):
        return np.arange(n_rows)[rows]
    if isinstance(rows, (numbers.Number, str)) or not _one_dimensional(rows):
        raise ValueError(
            f"`rows` must be None, a list of indices, a boolean mask or a slice; got {rows!r}."
        )
    rows = np.asarray(rows)
    if rows.dtype == bool:
        if len(rows) != n_rows:
            raise ValueError(
                f"A boolean `rows` must have one entry for each of the {n_rows} training rows; "
                f"got {len(rows)}."
            )
        return np.flatnonzero(rows)
    if len(rows) == 0:
        return np.zeros(0, dtype=int)
    if not np.issubdtype(rows.dtype, np.integer):
        raise ValueError(f"`rows` must be integers; got dtype {rows.dtype}.")
    if rows.min() < 0 or rows.max() >= n_rows:
        raise ValueError(
            f"`rows` must lie between 0 and {n_rows - 1}; got {rows.min()} to {rows.max()}."
        )
    return rows.astype(int)


def _one_dimensional(rows):
    try:
        return np.ndim(rows) == 1
    except ValueError:  # lists of unequal length
        return False


def check_groups(groups, n_rows):
    """Return ``groups`` as boolean columns, shape (n_rows, n_groups).

    Parameters
    ----------
    groups : array-like of shape (n_rows,) or bool of shape (n_rows, n_groups)
        One label a row (columns in ``np.unique`` order), or one mask a column.
    """
    try:
        groups = np.asarray(groups)
    except ValueError:  # lists of unequal length
        raise ValueError("`groups` must be an array; got lists of unequal length.") from None
    if len(np.atleast_1d(groups)) != n_rows or groups.ndim not in (1, 2):
        raise ValueError(
            f"`groups` must have one entry or row for each of the {n_rows} training rows; "
            f"got shape {groups.shape}."
        )
    if groups.ndim == 2:
        if groups.dtype != bool:
            raise ValueError(f"`groups` with columns must be boolean; got dtype {groups.dtype}.")
        return groups
    try:
        labels, codes = np.unique(groups, return_inverse=True)
    except TypeError:
        raise ValueError("`groups` must hold labels of one kind; got a mixture.") from None
    if np.any(labels != labels):
        raise ValueError(
            "`groups` must not contain NaN; give these rows a label, or use boolean columns, which "
            "may leave rows out."
        )
    return codes.reshape(-1, 1) == np.arange(len(labels))
