"""Strings that are numbers: with thousands separators, a decimal comma, a currency or a percent."""

import numpy as np
import pandas as pd

#: Around the digits of a number, and between them as a thousands separator.
_MARKS = r"[\s'’_%$€£¥]"
_THOUSANDS = r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d*)?"
#: A comma that cannot separate thousands.
_DECIMAL_COMMA = r"[+-]?(?:\d+|\d{1,3}(?:\.\d{3})+),(?:\d{1,2}|\d{4,})"


def decimal_mark(values: pd.Series) -> str:
    """Return "," where a column of strings writes 3,14, "." where it writes 3.14."""
    if not is_text(values):
        return "."
    values = values.dropna()
    bare = _bare(values[values.str.contains(",", regex=False)])
    commas = bare.str.fullmatch(_DECIMAL_COMMA).sum()
    return "," if commas > bare.str.contains(r",\d{3}[,.]", regex=True).sum() else "."


def as_numbers(values: pd.Series, decimal: str = ".") -> np.ndarray:
    """Return a column as floats, NaN where there is no number.

    Parameters
    ----------
    values : Series
        Numbers, or strings.
    decimal : {".", ","}
        What stands before the decimals.

    Returns
    -------
    numbers : ndarray of float of shape (n,)
    """
    if not is_text(values):
        return values.to_numpy(dtype=float, na_value=np.nan)
    if decimal == ".":
        numbers = _parsed(values)
        unread = np.isnan(numbers) & values.notna().to_numpy()
        if unread.any():
            bare = _bare(values[unread])
            thousands = bare.str.fullmatch(_THOUSANDS)
            numbers[unread] = _parsed(bare.where(~thousands, bare.str.replace(",", "")))
        return numbers
    bare = _bare(values).str.replace(".", "", regex=False)
    return _parsed(bare.str.replace(",", ".", regex=False))


def is_text(values: pd.Series) -> bool:
    """Tell whether a column holds strings."""
    return pd.api.types.is_string_dtype(values.dtype)


def _bare(values: pd.Series) -> pd.Series:
    return values.str.replace(_MARKS, "", regex=True)


def _parsed(values: pd.Series) -> np.ndarray:
    numbers = pd.to_numeric(values, errors="coerce")
    return numbers.to_numpy(dtype=float, na_value=np.nan, copy=True)
