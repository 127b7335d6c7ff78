"""What every benchmark prints: where its data came from, and a table of target and measured."""

import os
from pathlib import Path

import numpy as np
from sklearn.datasets import get_data_home

from skinfluence.datasets import data_path

#: What begins the table of ``print_paper``.
PAPER = "beside the paper"


def origin(name):
    """Return where a data file was found, without this machine's folders."""
    try:
        folder = data_path(name).parent
    except FileNotFoundError:
        return f"{name}: not on this machine, fetched from OpenML"
    named = os.environ.get("SKINFLUENCE_DATA")
    if named and folder == Path(named):
        return f"{name}, in the folder that SKINFLUENCE_DATA names"
    if folder == Path(get_data_home()):
        return f"{name}, in scikit-learn's data home"
    return f"{name}"


def print_table(header, rows):
    """Print rows of strings and numbers under a header, in aligned columns."""
    cells = [list(map(_text, row)) for row in (header, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells)]
    cells.insert(1, ["-" * width for width in widths])
    for row in cells:
        first = row[0].ljust(widths[0])
        rest = (cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))
        print("  ".join((first, *rest)).rstrip())


def print_paper(rows):
    """Print what the paper has beside what was found here: rows of (what, paper, ours).

    ``make_results.py`` gathers these lines of all scripts in one table.
    """
    print()
    print_table((PAPER, "the paper", "here"), rows)


def mean_and_error(values):
    """Return "mean ± standard error" of one number a draw."""
    values = np.asarray(values, dtype=float)
    error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    return f"{values.mean():.3f} ± {error:.3f}"


def agreement(estimate, truth):
    """Return (Pearson, slope of the regression of the estimate on the truth)."""
    estimate, truth = estimate.ravel(), truth.ravel()
    covariance = np.cov(truth, estimate)
    return np.corrcoef(truth, estimate)[0, 1], covariance[0, 1] / covariance[0, 0]


def verdict(met):
    """Return the word for a target that was met, or not."""
    return "met" if met else "MISSED"


def _text(cell):
    return f"{cell:.4g}" if isinstance(cell, (float, np.floating)) else str(cell)
