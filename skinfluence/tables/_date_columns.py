"""Strings that are dates, and the numbers that a linear model can use of a date."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from ._number_columns import is_text

_DAYS = [
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%Y/%m/%d",
    "%d.%m.%Y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%d %b %Y",
    "%d %B %Y",
    "%b %d, %Y",
    "%B %d, %Y",
    "%d-%b-%Y",
    "%d/%m/%y",
    "%m/%d/%y",
]
_TIMES = ["", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p"]
FORMATS = ["ISO8601", *(day + time for day in _DAYS for time in _TIMES)]
#: Values looked at to choose a format.
SAMPLE = 2000
_DAY = 24 * 60 * 60


def date_format(values: pd.Series, share: float = 0.95) -> str | None:
    """Return the format that reads most of a column of strings, None if that is too few.

    Where day and month could be either, the one that reads more values is taken, and the day
    first if both read all.

    Parameters
    ----------
    values : Series of str
        Without missing values.
    share : float
        Share of the values that have to be dates.
    """
    sample = values.drop_duplicates()
    sample = sample.sample(min(len(sample), SAMPLE), random_state=0)
    if not sample.str.contains(r"\d.*[-/.\s].*\d", regex=True).mean() >= share:
        return None
    read = {form: as_dates(sample, form).notna().mean() for form in FORMATS}
    best = max(read, key=lambda form: read[form])
    return best if read[best] >= share else None


def as_dates(values: pd.Series, form: str) -> pd.Series:
    """Return a column as datetime64 without time zone, NaT where there is no date."""
    if not is_text(values):
        dates = pd.to_datetime(values, errors="coerce", utc=True)
    else:
        strings = values.astype(object)
        dates = pd.to_datetime(strings, format=form, errors="coerce", utc=True)
    return dates.dt.tz_localize(None)


def date_features(frame: pd.DataFrame) -> np.ndarray:
    """Return days since 1970, and where in the year, the week and the day a date falls.

    Parameters
    ----------
    frame : DataFrame of datetime64 of shape (n, n_columns)

    Returns
    -------
    features : ndarray of shape (n, 7 * n_columns)
        Of every column the days, then cosine and sine of the three cycles; NaN where missing.
    """
    features = []
    for name in frame:
        seconds = (frame[name] - pd.Timestamp(0)) / pd.Timedelta(1, "s")
        days = seconds.to_numpy() / _DAY
        turns = days / 365.2425, days / 7, days
        waves = [wave(2 * np.pi * turn) for turn in turns for wave in (np.cos, np.sin)]
        features += [days, *waves]
    return np.column_stack(features)


def date_feature_names(transformer: Any, names: Iterable[str]) -> list[str]:
    """Return the names of the columns of ``date_features``."""
    cycles = [f"{wave} of {cycle}" for cycle in ("year", "week", "day") for wave in ("cos", "sin")]
    return [f"{name} {part}" for name in names for part in ("days", *cycles)]
