"""The command ``skinfluence``: audit a table, explain its rows, or see a demonstration."""

import sys

__all__ = ["main"]


def main(args: list | None = None) -> None:
    """Run the command.

    Parameters
    ----------
    args : list of str, default=None
        What follows the command's name; None means what the shell gave.

    Raises
    ------
    SystemExit
        Always: 0, or 2 where something is wrong with what was given, or 130 if interrupted.
    """
    try:
        from ._application import skinfluence
    except ImportError as error:
        missing = (error.name or "").split(".")[0]
        if missing not in ("click", "rich", "pandas", "pyarrow", "jinja2"):
            raise
        print(
            f"The command skinfluence needs {missing}. Install it with "
            "`pip install skinfluence[cli]`.",
            file=sys.stderr,
        )
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    skinfluence(args, prog_name="skinfluence")
