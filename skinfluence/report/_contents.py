"""What a row of the data is for a reader: a text, a picture, or named values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import sparse

from ._pictures import Pictures
from ._values import text_of

#: Characters of a text, of that of a witness, and of a value in a table, that stand unfolded.
EXCERPT, BRIEF, CELL = 500, 250, 120
#: And those that are in the page at all.
MOST_CHARACTERS, MOST_COLUMNS = 100_000, 100


@dataclass(frozen=True)
class Text:
    """A text, with its beginning if it is long.

    Parameters
    ----------
    excerpt : str
        The beginning, white space closed up; all of it, as it is, if it is short.
    whole : str or None
        The text, up to ``MOST_CHARACTERS``; None if the excerpt is all.
    length : int
        Characters of the original.
    """

    excerpt: str
    whole: str | None
    length: int

    @classmethod
    def of(cls, value: Any, most: int = EXCERPT) -> "Text":
        """Return the Text of any value; ``most`` characters are its beginning."""
        text = text_of(value)
        if len(text) <= most:
            return cls(text, None, len(text))
        beginning = " ".join(text[: 4 * most].split())[:most]
        return cls(beginning + "…", text[:MOST_CHARACTERS], len(text))


@dataclass(frozen=True)
class Content:
    """A row for the templates.

    Parameters
    ----------
    picture : str or None
        A ``data:`` URI.
    text : Text or None
        Of a row that is one text.
    fields : dict of str to Text
        Named values, up to ``MOST_COLUMNS``.
    n_fields : int
        How many there are.
    """

    picture: str | None = None
    text: Text | None = None
    fields: dict[str, Text] = field(default_factory=dict)
    n_fields: int = 0

    def beside(self, others: list["Content"]) -> list[tuple[str, list[Text | None]]]:
        """Return (name, [its Text, that of every other]) of all fields; None where one has none."""
        rows = [self, *others]
        names = dict.fromkeys(name for row in rows for name in row.fields)
        return [(name, [row.fields.get(name) for row in rows]) for name in names]


class Contents:
    """Rows of a data set, one Content each.

    Parameters
    ----------
    X : {array-like, sparse matrix, DataFrame, list}
        Rows as the estimator was given them.
    table : DataFrame or None
        Columns to show instead of those of X.
    image_shape : tuple of int or None
        The images that rows of X are.
    """

    def __init__(
        self, X: Any, table: Any = None, image_shape: tuple[int, ...] | None = None
    ) -> None:
        self.rows = X if table is None else table
        self.pictures = None if image_shape is None else Pictures(X, image_shape)
        self.only_pictures = self.pictures is not None and table is None

    def __getitem__(self, i: int) -> Content:
        return self.content(i)

    def content(self, i: int, excerpt: int = EXCERPT) -> Content:
        """Return the Content of row i; ``excerpt`` characters of a text stand unfolded."""
        picture = None if self.pictures is None else self.pictures.uri(i)
        if self.only_pictures:
            return Content(picture)
        fields = self._fields(i)
        if fields is None:
            return Content(picture, Text.of(self._row(i), excerpt))
        shown: dict[str, Text] = {}
        for name, value in fields[:MOST_COLUMNS]:
            name = text_of(name)
            while name in shown:  # columns of one name are still columns
                name += "′"
            shown[name] = Text.of(value, CELL)
        return Content(picture, None, shown, len(fields))

    def name(self, i: int) -> str | None:
        """Return what row i is called in the index of a DataFrame, None if that is its number."""
        index = getattr(self.rows, "index", None)
        if index is None or callable(index) or index[i] == i:
            return None
        return text_of(index[i])

    def _fields(self, i: int) -> list[tuple[Any, Any]] | None:
        """Return (name, value) of every column of row i; None if it is one text."""
        rows = self.rows
        if sparse.issparse(rows):
            row = rows[[i]].tocoo()
            order = np.argsort(-np.abs(row.data), kind="stable")
            return [(f"column {row.col[j]}", row.data[j]) for j in order if row.data[j]]
        if hasattr(rows, "columns"):
            take = rows.iloc if hasattr(rows, "iloc") else rows
            return [(name, take[i, j]) for j, name in enumerate(rows.columns)]
        row = self._row(i)
        if isinstance(row, Mapping):
            return list(row.items())
        if isinstance(row, (list, tuple)) or np.ndim(row):
            return [(f"column {j}", value) for j, value in enumerate(np.ravel(row))]
        return None

    def _row(self, i: int) -> Any:
        return self.rows.iloc[i] if hasattr(self.rows, "iloc") else self.rows[i]


def check_table(table: Any, n_rows: int) -> None:
    """Raise an error unless ``table`` is None or a DataFrame of a row for every training row."""
    if table is not None and not hasattr(table, "columns"):
        raise TypeError(f"`table` must be a DataFrame; got {type(table).__name__}.")
    if table is not None and len(table) != n_rows:
        raise ValueError(
            f"`table` must have one row for each of the {n_rows} training rows; got {len(table)}."
        )
