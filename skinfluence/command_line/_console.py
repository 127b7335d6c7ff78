"""What is shown: results on stdout, progress and notes on stderr."""

import os
import sys
import warnings
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager

from rich import box
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from scipy.linalg import LinAlgWarning
from sklearn.exceptions import ConvergenceWarning

#: Width of a table that is not shown on a terminal.
PIPED_WIDTH = 140


def results() -> Console:
    """Return the console of results. What a table contains is never taken for markup."""
    piped = not sys.stdout.isatty() and "COLUMNS" not in os.environ
    width = PIPED_WIDTH if piped else None
    return Console(width=width, markup=False, highlight=False, emoji=False)


def messages() -> Console:
    """Return the console of progress, notes and errors."""
    return Console(stderr=True, markup=False, highlight=False, emoji=False, soft_wrap=True)


def say(text: object = "") -> None:
    """Show a line of the result."""
    results().print(printable(text), soft_wrap=True)


def note(text: object) -> None:
    """Show a line that is not part of the result."""
    messages().print(f"Note: {printable(text)}")


def show_table(
    headings: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    title: str | None = None,
    numbers: Collection[str] = (),
) -> None:
    """Show a table of values; those under the headings in ``numbers`` are aligned to the right.

    Long values are cut where the terminal is narrow.
    """
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", title_style="bold")
    for heading in headings:
        right = heading in numbers
        table.add_column(
            heading,
            justify="right" if right else "left",
            no_wrap=True,
            overflow="ellipsis",
            min_width=min(len(heading), 5),
        )
    for row in rows:
        table.add_row(*(printable(value) for value in row))
    results().print(table)


def printable(value: object) -> str:
    """Return a value as text on one line, without what a terminal would obey."""
    text = " ".join(str(value).split())
    return "".join(c if c.isprintable() else "�" for c in text)


@contextmanager
def stage(what: str) -> Iterator[None]:
    """Show that some work goes on, and for how long; on a terminal it moves."""
    console = messages()
    with _noted():
        if not console.is_terminal:
            console.print(f"{what} ...")
            yield
            return
        columns = SpinnerColumn(finished_text="•"), TextColumn("{task.description}")
        with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
            task = progress.add_task(what, total=None)
            yield
            progress.update(task, total=1, completed=1)


@contextmanager
def _noted() -> Iterator[None]:
    """Turn what numerics warn of into notes, each once; other warnings are for programmers."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    told = [w for w in caught if issubclass(w.category, (ConvergenceWarning, LinAlgWarning))]
    for text in dict.fromkeys(str(warning.message).split("\n")[0] for warning in told):
        note(text)
