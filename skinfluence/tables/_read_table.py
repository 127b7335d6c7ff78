"""A file to a DataFrame: Parquet with its types, delimited text with every value as it is written.

What the file is shows in its first bytes, not in its name. Text is read by Arrow, which holds
strings in a tenth of the memory of Python's.
"""

import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from ._table_error import TableError

#: What stands for "no value" in a delimited file. "None" does not: it is a category as often.
MISSING = ["", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NULL", "null", "?"]
DELIMITERS = ",;\t|"
#: First bytes of what is often taken for a table.
OTHER_FILES = {
    b"PK\x03\x04": "an Excel workbook or a zip archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"%PDF": "a PDF document",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
}


def read_table(path: str | Path, *, encoding: str = "utf-8") -> pd.DataFrame:
    """Read a table.

    Parameters
    ----------
    path : str or Path
        Parquet, or text with a header line, separated by commas, semicolons, tabs or bars;
        compressed with gzip or not.
    encoding : str, default="utf-8"
        Of text.

    Returns
    -------
    frame : DataFrame
        Columns of text are strings; the index counts rows from 0.

    Raises
    ------
    TableError
        If there is no such file, or no table with a row in it, or columns share a name.
    """
    path = Path(path)
    try:
        table = _read_parquet(path) if is_parquet(path) else _read_text(path, encoding)
    except FileNotFoundError:
        raise TableError(f"There is no file {path}. Check its name and folder.") from None
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise TableError(f"{path} is a damaged gzip file. Compress it again.") from None
    except OSError as error:
        reason = error.strerror or error
        raise TableError(f"{path} cannot be read: {reason}. Check the file.") from None
    names = [name or f"column {i}" for i, name in enumerate(table.column_names, start=1)]
    _check_names(names, path)
    if not table.num_rows:
        raise TableError(f"{path} has column names but no rows. Give a table with rows.")
    frame = table.rename_columns(names).to_pandas(types_mapper=_string_type)
    return frame.reset_index(drop=True)


def is_parquet(path: str | Path) -> bool:
    """Tell whether a file is Parquet."""
    with open(path, "rb") as file:
        return file.read(4) == b"PAR1"


def open_bytes(path: str | Path) -> Any:
    """Open a file that may be compressed with gzip, to read bytes."""
    with open(path, "rb") as file:
        compressed = file.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rb") if compressed else open(path, "rb")


def records(path: str | Path, encoding: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield (line on which it starts, values) of every record of a text file, the header first."""
    csv.field_size_limit(2**31 - 1)
    with open_bytes(path) as file, io.TextIOWrapper(file, encoding=encoding, newline="") as text:
        reader = csv.reader(text, delimiter=delimiter)
        start = 1
        for record in reader:
            if record:
                yield start, record
            start = reader.line_num + 1


def delimiter_of(path: str | Path, encoding: str) -> str:
    """Return the delimiter that cuts the first records into the same number of values.

    If there are several, or none, it is the one that cuts the header into the most.
    """

    def fit(mark: str) -> tuple[bool, int]:
        first = [len(record) for _, record in islice(records(path, encoding, mark), 20)]
        return len(set(first)) == 1 and first[0] > 1, first[0]

    return max(DELIMITERS, key=fit)


def _read_parquet(path: Path) -> pa.Table:
    try:
        return pa.parquet.read_table(path)
    except (pa.ArrowException, OSError):
        raise TableError(f"{path} is a damaged Parquet file. Write it again.") from None


def _read_text(path: Path, encoding: str) -> pa.Table:
    _check_is_text(path, encoding)
    try:
        return _read_delimited(path, encoding, delimiter_of(path, encoding))
    except LookupError:
        raise TableError(
            f"There is no encoding {encoding!r}. Common ones are utf-8, latin-1, cp1252 and utf-16."
        ) from None
    except UnicodeError:
        raise _undecodable(path, encoding) from None


def _read_delimited(path: Path, encoding: str, delimiter: str) -> pa.Table:
    parse = pa.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
    read = pa.csv.ReadOptions(encoding=encoding)
    try:
        _, names = next(records(path, encoding, delimiter))
        strings = pa.csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            strings_can_be_null=True,
            null_values=MISSING,
        )
        with open_bytes(path) as file:
            return pa.csv.read_csv(file, read, parse, strings)
    except pa.ArrowInvalid as error:
        if "UTF8" in str(error):
            raise _undecodable(path, encoding) from None
        raise _malformed(path, encoding, delimiter, error) from None


def _check_is_text(path: Path, encoding: str) -> None:
    with open_bytes(path) as file:
        start = file.read(2**16)
    if not start.strip():
        raise TableError(f"{path} is empty. Give a table with a line of column names.")
    for magic, what in OTHER_FILES.items():
        if start.startswith(magic):
            raise TableError(f"{path} is {what}, not a table. Save it as CSV.")
    if start.startswith((b"\xff\xfe", b"\xfe\xff")) and "16" not in encoding:
        raise TableError(f"{path} is encoded as UTF-16. Add --encoding utf-16.")
    if b"\0" in start and "16" not in encoding and "32" not in encoding:
        raise TableError(f"{path} is not a table: it is not text. Save it as CSV or Parquet.")


def _undecodable(path: Path, encoding: str) -> TableError:
    return TableError(
        f"{path} is not encoded as {encoding}. Name its encoding, as in --encoding latin-1."
    )


def _malformed(path: Path, encoding: str, delimiter: str, error: Exception) -> TableError:
    """Return the error that names the first line that the header does not fit."""
    widths = ((line, len(record)) for line, record in records(path, encoding, delimiter))
    _, wanted = next(widths)
    for line, width in widths:
        if width != wanted:
            return TableError(
                f"{path} is not a table: the header has {wanted} columns, and line {line} has "
                f"{width}. Quote values that hold {delimiter!r}."
            )
    return TableError(f"{path} is not a table: {error}. Save it as CSV or Parquet.")


def _check_names(names: list[str], path: Path) -> None:
    """Refuse columns that share a name."""
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise TableError(
            f"{path} has more than one column named {', '.join(map(repr, twice))}. Rename them."
        )


def _string_type(arrow_type: pa.DataType) -> Any:
    """Return pandas' type for a type of Arrow, None for its default."""
    text = pa.types.is_string(arrow_type) or pa.types.is_large_string(arrow_type)
    return pd.StringDtype("pyarrow") if text else None
