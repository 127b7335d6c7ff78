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
        if name is None:
            continue
        try:
            problem = _problem(Path(name), taken)
        except OSError as error:  # such as a name that is too long
            problem = f"cannot be written: {error.strerror}. Name another file."
        if problem:
            raise TableError(f"{option} {name} {problem}")
        taken[Path(name).resolve()] = "is given twice"


def _problem(path: Path, taken: dict[Path, str]) -> str | None:
    """Return why a file cannot be written, and what to do; None if it can."""
    if is_stream(path):
        return None
    folder = path.resolve().parent
    if not folder.is_dir():
        return f"lies in no folder that exists. Make {folder} first."
    if path.is_dir():
        return "is a folder. Give the name of a file."
    if not os.access(folder, os.W_OK):
        return "is in a folder that cannot be written to. Name another."
    if path.resolve() in taken:
        return f"{taken[path.resolve()]}. Name another file."
    return None


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
