"""What a column holds: numbers, categories, dates, text, or nothing to learn from."""

import re
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ._date_columns import date_format
from ._number_columns import as_numbers, decimal_mark, is_text
from ._table_error import TableError

KINDS = ("number", "category", "date", "text", "ignore")
#: Share of the values that have to be of a kind; the others count as missing.
MOST = 0.95
#: Names of columns that tell rows apart, or whose digits are a code and not a quantity.
_IDENTIFIER = re.compile(r"(^|_)(id|ids|uuid|guid|key|nr|nbr|no|number|index|rowid|unnamed)$")
_CODE = re.compile(r"(^|_)(id|code|zip|zipcode|zip_code|postcode|postal|plz|phone|type)$")


@dataclass(frozen=True)
class Column:
    """One column of a table, and how its values are read.

    Attributes
    ----------
    name : str
    kind : {"number", "category", "date", "text", "ignore"}
    reason : str
        Why it is ignored, or what else is worth knowing.
    form : str
        Of numbers the decimal mark, of dates the format.
    """

    name: str
    kind: str
    reason: str = ""
    form: str = ""


def guess_columns(frame: pd.DataFrame, kinds: dict[str, str] | None = None) -> list[Column]:
    """Guess the kind of every column.

    Parameters
    ----------
    frame : DataFrame
        As ``read_table`` returns it, without the target.
    kinds : dict of str to str, default=None
        Kinds that are known, by column.

    Returns
    -------
    columns : list of Column

    Raises
    ------
    TableError
        If a kind does not fit its column.
    """
    kinds = kinds or {}
    return [
        known_column(frame[name], kinds[name]) if name in kinds else guess_column(frame[name])
        for name in frame
    ]


def known_column(series: pd.Series, kind: str) -> Column:
    """Return a column that is said to be of a kind; TableError if no value of it is."""
    column = Column(series.name, kind)
    values = series.dropna()
    if kind == "number":
        column = replace(column, form=decimal_mark(values))
        fits = is_text(values) or pd.api.types.is_numeric_dtype(values.dtype)
        fits = fits and not np.isnan(as_numbers(values, column.form)).all()
    elif kind == "date":
        form = date_format(values) if is_text(values) else "ISO8601"
        fits = form is not None and not pd.api.types.is_numeric_dtype(values.dtype)
        column = replace(column, form=form or "")
    else:
        fits = len(values) > 0 or kind == "ignore"
    if not fits:
        example = f", such as {str(values.iloc[0])!r}," if len(values) else ""
        raise TableError(
            f"Column {series.name!r} cannot be a {kind}: its values{example} are none. "
            f"Give another --type, or leave it out with --type '{series.name}=ignore'."
        )
    return column


def guess_column(series: pd.Series) -> Column:
    """Return a column of the kind that its values look like."""
    name, values = series.name, series.dropna()
    if not len(values):
        return Column(name, "ignore", "no values")
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return Column(name, "date", form="ISO8601")
    if pd.api.types.is_bool_dtype(values.dtype):
        return _unless_constant(series, Column(name, "category"))
    if isinstance(values.dtype, pd.CategoricalDtype):
        return _unless_constant(series, Column(name, "category"))
    if not is_text(values) and not pd.api.types.is_numeric_dtype(values.dtype):
        values = values.astype(str)  # objects, such as dates without a time, or decimals
    return _unless_constant(series, _guess_number(name, values) or _guess_string(name, values))


def _unless_constant(series: pd.Series, column: Column) -> Column:
    if column.kind != "ignore" and series.nunique(dropna=False) == 1:
        return Column(column.name, "ignore", "the same everywhere")
    return column


def _guess_number(name: str, values: pd.Series) -> Column | None:
    """Return a column of numbers, or of digits that are a code; None if neither."""
    decimal = decimal_mark(values)
    if np.isnan(as_numbers(_sample(values), decimal)).mean() > 2 * (1 - MOST):
        return None
    numbers = as_numbers(values, decimal)
    read = ~np.isnan(numbers)
    if read.mean() < MOST or (is_text(values) and values[~read].str.contains(r"\d").any()):
        return None  # a stray word stands for a missing value, "V57" is a code among codes
    numbers, snake = numbers[read], _snake(name)
    distinct, whole = len(np.unique(numbers)), np.all(numbers == np.round(numbers))
    padded = is_text(values) and bool(values.str.fullmatch(r"0\d+").any())
    if whole and (padded or _CODE.search(snake)) and distinct <= len(numbers) / 2:
        return Column(name, "category", "a code")
    different = distinct > len(numbers) / 2 and bool(_IDENTIFIER.search(snake) or padded)
    counted = distinct > 2 and np.all(np.diff(numbers) == 1)
    if whole and (different or counted):
        return Column(name, "ignore", "an identifier")
    strays = int((~read).sum())
    reason = f"{strays} other values count as missing" if strays else ""
    return Column(name, "number", reason, form=decimal)


def _guess_string(name: str, values: pd.Series) -> Column:
    form = date_format(values)
    if form is not None:
        return Column(name, "date", form=form)
    distinct = values.nunique()
    words = _sample(values).str.count(r"\S+").mean()
    if words >= 4 and distinct > len(values) / 2:
        return Column(name, "text")
    if distinct > 0.9 * len(values):
        return Column(name, "ignore", "an identifier")
    return Column(name, "category")


def _sample(values: pd.Series) -> pd.Series:
    """Return at most 1000 values, evenly spaced."""
    return values.iloc[np.linspace(0, len(values) - 1, min(len(values), 1000)).astype(int)]


def _snake(name: str) -> str:
    return re.sub(r"\W+", "_", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", str(name))).lower().strip("_")
