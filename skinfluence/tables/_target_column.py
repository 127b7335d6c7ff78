"""The column to be judged: is it classes or a quantity, and can it be learnt at all?"""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ._column_kinds import MOST
from ._number_columns import as_numbers, decimal_mark, is_text
from ._table_error import TableError

TASKS = ("classification", "regression")
#: Whole numbers with more values than this are a quantity.
MOST_NUMBERED_CLASSES = 20
MOST_CLASSES = 200


@dataclass(frozen=True)
class Target:
    """The target column of the rows that have one.

    Attributes
    ----------
    name : str
    task : {"classification", "regression"}
    values : ndarray of str or float of shape (n,)
    rows : ndarray of int of shape (n,)
        Their rows in the table.
    """

    name: str
    task: str
    values: np.ndarray
    rows: np.ndarray

    def known(self, frame: pd.DataFrame, otherwise: np.ndarray) -> np.ndarray:
        """Return the target of other rows, ``otherwise`` where they have none that is known."""
        if self.name not in frame:
            return otherwise
        series = frame[self.name]
        if self.task == "regression":
            numbers = as_numbers(series, decimal_mark(series))
            return np.where(np.isfinite(numbers), numbers, otherwise)
        given = series.astype(str).to_numpy(dtype=str)
        return np.where(np.isin(given, self.values), given, otherwise)


def target_of(
    frame: pd.DataFrame, name: str, *, task: str | None = None, drop_unlabelled: bool = False
) -> Target:
    """Return the target of a table.

    Parameters
    ----------
    frame : DataFrame
        As ``read_table`` returns it.
    name : str
        The target column.
    task : {"classification", "regression"}, default=None
        None decides by the values: numbers of more than 20 kinds, or not whole, are a quantity.
    drop_unlabelled : bool, default=False
        Leave out rows without a target instead of refusing them.

    Raises
    ------
    TableError
        If the column is not there, holds one class, too many or infinite values, or misses some.
    """
    require_columns(frame, [name], "--target")
    series = frame[name]
    rows = np.flatnonzero(series.notna())
    _check_missing(name, series, rows, drop_unlabelled)
    series = series.iloc[rows]
    numbers = _target_numbers(series)
    task = task or _task(numbers)
    if task == "regression":
        return Target(name, task, _checked_quantity(name, series, numbers, rows), rows)
    return Target(name, task, _checked_classes(name, series, numbers), rows)


def require_columns(frame: pd.DataFrame, names: Iterable[str], option: str) -> None:
    """Raise TableError, with what was probably meant, for names that are no columns."""
    for name in names:
        if name not in frame:
            raise TableError(
                f"{option} {name!r} is not a column of the table. {_meant(name, list(frame))}"
            )


def _meant(name: str, names: list[str]) -> str:
    lower = {str(other).lower(): str(other) for other in names}
    close = difflib.get_close_matches(str(name).lower(), lower, n=3)
    if close:
        return f"Did you mean {' or '.join(repr(lower[other]) for other in close)}?"
    shown = ", ".join(map(repr, names[:10]))
    return f"Its columns are {shown}{' and others' if len(names) > 10 else ''}."


def _check_missing(name: str, series: pd.Series, rows: np.ndarray, drop_unlabelled: bool) -> None:
    missing = len(series) - len(rows)
    if not len(rows):
        raise TableError(f"Column {name!r} is empty: no row has a label. Give another --target.")
    if missing and not drop_unlabelled:
        first = int(np.flatnonzero(series.isna())[0])
        raise TableError(
            f"Column {name!r} has no value in {missing} rows, the first of them row {first} "
            "(counted from 0). Fill them in, or add --drop-unlabelled to leave these rows out."
        )


def _target_numbers(series: pd.Series) -> np.ndarray | None:
    """Return the target as floats, None where too few are numbers."""
    types = pd.api.types
    known = is_text(series) or types.is_numeric_dtype(series.dtype)
    if not known or types.is_bool_dtype(series.dtype):
        return None
    numbers = as_numbers(series, decimal_mark(series))
    return None if np.isnan(numbers).mean() > 1 - MOST else numbers


def _task(numbers: np.ndarray | None) -> str:
    if numbers is None:
        return "classification"
    known = numbers[~np.isnan(numbers)]
    whole = np.all(known == np.round(known))
    few = len(np.unique(known)) <= MOST_NUMBERED_CLASSES
    return "classification" if few and whole else "regression"


def _checked_quantity(
    name: str, series: pd.Series, numbers: np.ndarray | None, rows: np.ndarray
) -> np.ndarray:
    if numbers is None or np.isnan(numbers).any():
        strange = series.iloc[0 if numbers is None else int(np.argmax(np.isnan(numbers)))]
        raise TableError(
            f"Column {name!r} is no quantity: it holds {str(strange)!r}. Correct that, or add "
            "--task classification."
        )
    if np.isinf(numbers).any():
        row = rows[np.argmax(np.isinf(numbers))]
        raise TableError(
            f"Column {name!r} holds an infinite value in row {row} (counted from 0). Correct it or "
            "leave its row out."
        )
    if len(np.unique(numbers)) == 1:
        raise TableError(f"Column {name!r} is the same in every row. Give another --target.")
    return numbers


def _checked_classes(name: str, series: pd.Series, numbers: np.ndarray | None) -> np.ndarray:
    values = series.astype(str).to_numpy(dtype=str)
    classes = np.unique(values)
    if len(classes) == 1:
        raise TableError(
            f"Column {name!r} has one class only, {str(classes[0])!r}. Give a table with two or "
            "more, or another --target."
        )
    if len(classes) > min(MOST_CLASSES, max(2, len(values) // 2)):
        remedy = "it looks like names or text: give another --target"
        if numbers is not None:
            remedy = "if it is a quantity, add --task regression"
        raise TableError(
            f"Column {name!r} has {len(classes)} different values in {len(values)} rows, too many "
            f"to be classes (at most {MOST_CLASSES}); {remedy}."
        )
    return values
