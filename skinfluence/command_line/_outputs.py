"""Where the results go: checked before any work is done, and written whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..report import is_stream, replaced_whole
from ..tables import TableError


def check_outputs(outputs: list[tuple[str, str | None]], inputs: list[str]) -> None:
    """Raise TableError, before any work is done, if a file could not be written.

    Parameters
    ----------
    outputs : list of (option, path or None)
    inputs : list of path
        Files that must not be written over.
    """
    taken = {Path(path).resolve(): "is the table itself" for path in inputs}
    for option, name in outputs:
        if name is None or is_stream(name):
            continue
        path = Path(name)
        folder = path.resolve().parent
        if not folder.is_dir():
            raise TableError(f"{option} {path}: there is no folder {folder}. Make it first.")
        if path.is_dir():
            raise TableError(f"{option} {path} is a folder. Give the name of a file.")
        if not os.access(folder, os.W_OK):
            raise TableError(f"{option} {path}: the folder cannot be written to. Name another.")
        if path.resolve() in taken:
            raise TableError(f"{option} {path} {taken[path.resolve()]}. Name another file.")
        taken[path.resolve()] = "is given twice"


@contextmanager
def replacing(path: str | None) -> Iterator[Any]:
    """Yield the path to write to, as ``replaced_whole`` does, or None for None.

    Raises
    ------
    TableError
        If the file cannot be written.
    """
    if path is None:
        yield None
        return
    try:
        with replaced_whole(path) as new:
            yield new
    except OSError as error:
        raise TableError(
            f"{path} cannot be written: {error.strerror or error}. Name another file."
        ) from None
