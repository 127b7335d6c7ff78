"""Files that are written whole or not at all: beside the old one first, then renamed."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def check_destination(path: str | os.PathLike) -> Path:
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


def write_whole(path: str | os.PathLike, text: str) -> None:
    """Write text as UTF-8. If that fails, what was at ``path`` before is unharmed."""
    with replaced_whole(path) as new:
        new.write_text(text, encoding="utf-8", newline="\n")


@contextmanager
def replaced_whole(path: str | os.PathLike) -> Iterator[Path]:
    """Yield the path of a new file, which takes the place of ``path`` when the block ends.

    Whatever goes wrong in the block leaves ``path`` as it was. Of a link the file that it points
    to is replaced, and a file that was there hands on its mode. A pipe, a device, and whatever the
    process prints to is yielded itself, to be written to.
    """
    if is_stream(path):
        yield Path(path)
        return
    path = Path(path).resolve()  # a link stays one
    new = path.with_name(f".{secrets.token_hex(8)}{path.suffix[-16:]}")  # pandas looks at suffixes
    try:
        if path.exists():
            new.touch(mode=0o600, exist_ok=False)
            new.chmod(path.stat().st_mode & 0o7777)
        yield new
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def is_stream(path: str | os.PathLike) -> bool:
    """Return whether ``path`` is a pipe, a device, or what the process prints to."""
    path = Path(path)
    if not path.exists() or path.is_dir():
        return False
    status = path.stat()
    printed = any(os.path.samestat(status, stream) for stream in _standard_streams())
    return printed or not path.is_file()


def _standard_streams() -> Iterator[os.stat_result]:
    """Yield the status of standard output and standard error, where they are open."""
    for descriptor in (1, 2):
        try:
            yield os.fstat(descriptor)
        except OSError:  # closed
            continue
