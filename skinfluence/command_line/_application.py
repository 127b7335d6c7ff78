"""The commands and their options."""

import functools
from collections.abc import Callable
from typing import Any

import click
import sklearn

from .._tables import MODELS, TASKS, TableError
from ._preparing import TableOptions

#: Every model of any task, each once.
MODEL_NAMES = list(dict.fromkeys(name for models in MODELS.values() for name in models))
#: MiB of a block of rows: enough for BLAS, and little beside a large table.
WORKING_MEMORY = 256


class OneLineErrors(click.Group):
    """A group whose errors are one line, with status 2; 130 where it was interrupted."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was named."""
        try:
            with sklearn.config_context(working_memory=WORKING_MEMORY):
                return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("Interrupted; no file was changed.", err=True)
            ctx.exit(130)
        except MemoryError:
            raise one_line("There is not enough memory. Leave out columns or rows.") from None
        except ValueError as error:  # TableError, or what the library says of a model
            raise one_line(str(error)) from None
        except click.UsageError as error:
            command = "skinfluence" if error.ctx is None else error.ctx.command_path
            raise one_line(f"{error.format_message()} See {command} --help.") from None


class OneLine(click.ClickException):
    """An error that click shows as one line."""

    exit_code = 2


def one_line(message: str) -> OneLine:
    """Return the error that click shows as one line."""
    return OneLine(" ".join(message.split()))


@click.group(
    cls=OneLineErrors,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="skinfluence")
def skinfluence() -> None:
    """Which rows of a table have a wrong label, and which rows say so?

    A file that is written takes the place of one of the same name. Rows count from 0, the first
    one after the header.
    """


def table_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say what a table is; the command takes them as TableOptions."""

    @functools.wraps(command)
    def wrapped(path, target, texts, types, model, task, encoding, drop_unlabelled, **others):
        table = TableOptions(path, target, texts, types, model, task, encoding, drop_unlabelled)
        return command(table, **others)

    for decorator in reversed(
        [
            click.argument("path", metavar="TABLE"),
            click.option("--target", required=True, metavar="COLUMN", help="Column to judge."),
            click.option(
                "--text", "texts", multiple=True, metavar="COLUMN", help="Read as free text."
            ),
            click.option(
                "--type",
                "types",
                multiple=True,
                metavar="COLUMN=KIND",
                help="Read as number, category, date, text or ignore.",
            ),
            click.option(
                "--model",
                type=click.Choice(MODEL_NAMES),
                help="Default: logistic for classes, ridge for quantities.",
            ),
            click.option("--task", type=click.Choice(TASKS), help="Default: by the target."),
            click.option("--encoding", default="utf-8", show_default=True, help="Of a text file."),
            click.option(
                "--drop-unlabelled", is_flag=True, help="Leave out rows without a target."
            ),
            click.option("--n-jobs", type=int, help="Threads; -1 for all cores."),
            click.option("--report", type=click.Path(), metavar="HTML", help="Write a report."),
        ]
    ):
        wrapped = decorator(wrapped)
    return wrapped


@skinfluence.command(name="audit")
@table_options
@click.option("--output", type=click.Path(), metavar="CSV", help="Write the flagged rows.")
@click.option(
    "--budget",
    type=click.IntRange(min=1),
    help="Rows that you are ready to look at. Default: as many as look wrong.",
)
def audit_command(table: TableOptions, **options: Any) -> None:
    """Flag the suspicious labels of TABLE: CSV, TSV (gzipped or not) or Parquet."""
    from ._audit import audit

    audit(table, **options)


@skinfluence.command(name="explain")
@table_options
@click.option("--rows", required=True, metavar="17,40", help="Rows asked about, from 0.")
@click.option("--test", type=click.Path(), metavar="TABLE", help="Table that they are rows of.")
@click.option("--output", type=click.Path(), metavar="CSV", help="Write the rows behind them.")
@click.option(
    "-k", type=click.IntRange(min=1), default=5, show_default=True, help="Rows on either side."
)
def explain_command(table: TableOptions, rows: str, **options: Any) -> None:
    """Name the rows of TABLE that help and harm the prediction of some rows."""
    from ._explain import explain

    explain(table, _row_numbers(rows), **options)


@skinfluence.command(name="demo")
@click.option(
    "--report",
    type=click.Path(),
    default="skinfluence-demo.html",
    show_default=True,
    metavar="HTML",
    help="Where to write the report.",
)
def demo_command(report: str) -> None:
    """Flip a tenth of the labels of scikit-learn's digits, and find them again."""
    from ._demo import demo

    demo(report)


def _row_numbers(text):
    """Return the rows of "17,40"; TableError if there is another thing among them."""
    rows = text.replace(",", " ").split()
    if not rows or not all(row.isdecimal() for row in rows):
        raise TableError(f"--rows must be row numbers from 0, as in 17,40; got {text!r}.")
    return [int(row) for row in rows]
