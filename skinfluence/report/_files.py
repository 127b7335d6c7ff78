"""Files that are written whole or not at all: beside the old one first, then renamed."""

import os
import secrets
from pathlib import Path


def check_destination(path: str | os.PathLike[str]) -> Path:
    """Return ``path`` as a Path; an OSError if no file can be made there.

    Raises
    ------
    FileNotFoundError
        If its folder does not exist.
    IsADirectoryError
        If it is a folder itself.
    """
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(f"`path` must name a file; {str(path)!r} is a folder.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"`path` must lie in a folder that exists; make {path.parent}.")
    return path


def write_whole(path: str | os.PathLike[str], text: str) -> None:
    """Write text as UTF-8. If that fails, what was at ``path`` before is unharmed."""
    path = Path(path).resolve()  # a link stays one
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        new.write_text(text, encoding="utf-8", newline="\n")
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
