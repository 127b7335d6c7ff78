"""From the options of a command to a table, its target and a model."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.pipeline import Pipeline

from .. import _tables
from .._tables import TableError, Target
from ._console import show_table, stage

#: How a column that is left out is called.
KIND_NAMES = {"ignore": "left out"}


@dataclass(frozen=True)
class TableOptions:
    """The options that say what a table is and which model judges it."""

    path: str
    target: str
    texts: tuple = ()
    types: tuple = ()
    model: str | None = None
    task: str | None = None
    encoding: str = "utf-8"
    drop_unlabelled: bool = False


@dataclass(frozen=True)
class Prepared:
    """A table that a model can be fitted to.

    Attributes
    ----------
    options : TableOptions
    frame : DataFrame
        The rows that have a target, as they were read; the index is the row in the table.
    target : Target
    columns : list of Column
    X : DataFrame
        The same rows, typed.
    model : Pipeline
    """

    options: TableOptions
    frame: pd.DataFrame
    target: Target
    columns: list
    X: pd.DataFrame
    model: Pipeline

    @property
    def others(self) -> pd.DataFrame:
        """The rows as they were read, without the target."""
        return self.frame.drop(columns=self.target.name)

    def lines(self, rows: ArrayLike) -> np.ndarray:
        """Return the lines of rows of the table in its file, blank in Parquet."""
        rows = np.asarray(rows)
        lines = _tables.lines_of_rows(self.options.path, rows, encoding=self.options.encoding)
        return np.full(rows.shape, "") if lines is None else lines


def prepare(options: TableOptions) -> Prepared:
    """Read a table, guess what its columns are, show that, and choose a model.

    Raises
    ------
    TableError
        If the table or an option of it cannot be worked with.
    """
    with stage(f"Reading {options.path}"):
        table = _tables.read_table(options.path, encoding=options.encoding)
        target = _tables.target_of(
            table, options.target, task=options.task, drop_unlabelled=options.drop_unlabelled
        )
        kinds = _kinds(options, table)
        columns = _tables.guess_columns(table.drop(columns=options.target), kinds)
        model = _tables.model_for(columns, target, options.model)
        frame = table.iloc[target.rows]
        X = _tables.typed_frame(frame, columns)
    _show_columns(frame, columns, target)
    return Prepared(options, frame, target, columns, X, model)


def _kinds(options, table):
    """Return {column: kind} of --type and --text."""
    kinds = dict.fromkeys(options.texts, "text")
    for option in options.types:
        name, _, kind = option.rpartition("=")
        if not name or kind not in _tables.KINDS:
            raise TableError(
                f"--type must be COLUMN=KIND with a kind of {', '.join(_tables.KINDS)}; got "
                f"{option!r}."
            )
        kinds[name] = kind
    _tables.require_columns(table, kinds, "--type or --text")
    if options.target in kinds:
        raise TableError(
            f"The kind of the target {options.target!r} is its task: use --task, not --type."
        )
    return kinds


def _show_columns(frame, columns, target):
    """Show what every column was taken for."""
    rows = []
    for column in columns:
        values = frame[column.name].dropna()
        example = values.iloc[0] if len(values) else ""
        missing = len(frame) - len(values)
        kind = KIND_NAMES.get(column.kind, column.kind)
        about = column.reason or (column.form if column.kind == "date" else "")
        rows.append((column.name, kind, missing or "", str(example)[:40], about))
    show_table(
        ("column", "read as", "missing", "example", "remark"),
        rows,
        title=f"{len(frame)} rows. Another kind: --type COLUMN=KIND",
        numbers=("missing",),
    )
