"""Typed columns, and the steps that make features of them."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from ._column_kinds import Column
from ._date_columns import as_dates, date_feature_names, date_features
from ._number_columns import as_numbers
from ._table_error import TableError

#: Categories of a column that get a feature of their own; rarer ones share one.
MOST_CATEGORIES = 30
#: The category of rows that have none.
NO_CATEGORY = "(missing)"


def typed_frame(frame: pd.DataFrame, columns: list[Column]) -> pd.DataFrame:
    """Return the columns that are not ignored, each in the type of its kind.

    Parameters
    ----------
    frame : DataFrame
        As ``read_table`` returns it; it may have other columns too.
    columns : list of Column

    Returns
    -------
    typed : DataFrame
        float64, datetime64, or str: missing numbers are NaN, categories "(missing)", texts "".

    Raises
    ------
    TableError
        If a number is infinite, or a column is not there.
    """
    columns = [column for column in columns if column.kind != "ignore"]
    absent = [column.name for column in columns if column.name not in frame]
    if absent:
        raise TableError(
            f"The table has no column {', '.join(map(repr, absent))}, which the model learnt from. "
            "Give a table with the same columns."
        )
    return pd.DataFrame({c.name: _TYPED[c.kind](frame[c.name], c) for c in columns})


def _numbers(series: pd.Series, column: Column) -> np.ndarray:
    numbers = as_numbers(series, column.form)
    infinite = np.flatnonzero(np.isinf(numbers))
    if len(infinite):
        raise TableError(
            f"Column {column.name!r} holds an infinite value in row {infinite[0]} (counted from "
            f"0). Replace it or leave it blank, or add --type '{column.name}=ignore'."
        )
    return numbers


def _dates(series: pd.Series, column: Column) -> pd.Series:
    return as_dates(series, column.form)


def _categories(series: pd.Series, column: Column) -> np.ndarray:
    codes, categories = pd.factorize(series)
    names = [*(str(category) for category in categories), NO_CATEGORY]
    return np.array(names, dtype=object)[codes]  # -1, a missing value, is the last


def _texts(series: pd.Series, column: Column) -> np.ndarray:
    return series.astype(object).where(series.notna(), "").astype(str).to_numpy(dtype=object)


_TYPED = {"number": _numbers, "date": _dates, "category": _categories, "text": _texts}


def feature_steps(columns: list[Column], n_rows: int, most_words: int) -> ColumnTransformer:
    """Return the ColumnTransformer that makes numbers of a typed frame.

    Numbers are imputed by their median with an indicator, and standardised; dates become days and
    cycles; categories one column each, up to ``MOST_CATEGORIES``; texts their TF-IDF.

    Parameters
    ----------
    columns : list of Column
    n_rows : int
        Rows of the table: rare words and categories are those of fewer than a thousandth of them.
    most_words : int
        Words of all texts that are counted.
    """
    names = {kind: [c.name for c in columns if c.kind == kind] for kind in _TYPED}
    texts = names["text"]
    rare = max(2, n_rows // 1000)
    numbers = [SimpleImputer(strategy="median", add_indicator=True), StandardScaler()]
    calendar = FunctionTransformer(date_features, feature_names_out=date_feature_names)
    categories = OneHotEncoder(
        handle_unknown="infrequent_if_exist", min_frequency=rare, max_categories=MOST_CATEGORIES
    )
    steps: list[tuple[str, Any, Any]] = [
        ("number", make_pipeline(*numbers), names["number"]),
        ("date", make_pipeline(calendar, *numbers), names["date"]),
        ("category", categories, names["category"]),
    ]
    for name in texts:
        words = TfidfVectorizer(
            min_df=min(3, max(1, n_rows // 50)),
            max_features=max(1, most_words // len(texts)),
            sublinear_tf=True,
        )
        steps.append((f"text {name}", words, name))
    return ColumnTransformer([step for step in steps if len(step[2])])
