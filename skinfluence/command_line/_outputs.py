"""Files that are written beside their place and then moved there: whole, or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .._tables import TableError


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
def replacing(path: str | None) -> Iterator[Path | None]:
    """Yield the path to write to; when that is done, it takes the place of ``path``.

    Whatever goes wrong in between leaves ``path`` as it was. None yields None.
    """
    if path is None:
        yield None
        return
    place = Path(path)
    beside = place.with_name(f".{os.getpid()}.{place.name}")
    try:
        yield beside
        os.replace(beside, place)
    except OSError as error:
        raise TableError(
            f"{path} cannot be written: {error.strerror or error}. Name another file."
        ) from None
    finally:
        beside.unlink(missing_ok=True)
