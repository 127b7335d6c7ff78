"""The labels as they were given: one column of them, numbers as NumPy has them, names apart."""

from typing import Any

import numpy as np
from scipy import sparse
from sklearn.exceptions import DataConversionWarning
from sklearn.utils import column_or_1d

from .._warnings import warn


def one_column(y: Any) -> Any:
    """Return the labels of a classifier; of a column of them a one-dimensional array."""
    shape = y.shape if sparse.issparse(y) else np.asarray(y).shape
    if len(shape) < 2:
        return y
    if shape[1] > 1:
        raise ValueError(
            f"LabelCleaner judges one label a row; got y of shape {shape}. Clean the columns "
            "of y one at a time."
        )
    column = column_or_1d(y)
    warn(
        "A column-vector y was passed when a 1d array was expected. Please change the shape of "
        "y to (n_samples, ), for example using ravel().",
        DataConversionWarning,
    )
    return y.iloc[:, 0] if hasattr(y, "iloc") else column


def not_nullable(y: Any) -> Any:
    """Return pandas' nullable numbers as NumPy's, of which none is missing; else y as it is."""
    plain = getattr(getattr(y, "dtype", None), "numpy_dtype", None)
    if plain is None or not hasattr(y, "isna") or y.isna().any():
        return y  # those that are missing are refused by the fit
    return y.to_numpy(dtype=plain)


def warn_of_alike(labels: Any) -> None:
    """Warn of classes whose names differ by spaces or case alone."""
    names: dict[str, list[str]] = {}
    for label in sorted({each for each in np.ravel(np.asarray(labels)) if isinstance(each, str)}):
        names.setdefault(" ".join(label.split()).casefold(), []).append(label)
    alike = [tuple(each) for each in names.values() if len(each) > 1]
    if alike:
        warn(
            f"Labels that differ by spaces or case alone are classes of their own: {alike[:3]}. If "
            "they are one class, give them one name, as with `y.str.strip().str.lower()`.",
            UserWarning,
        )
