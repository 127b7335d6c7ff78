"""``skinfluence audit``: which labels of a table look wrong, and which rows say so."""

import numpy as np
import pandas as pd

from .._cleaner import LabelCleaner
from .._contradicting import convincing
from ._console import say, show_table, stage
from ._outputs import check_outputs, replacing
from ._preparing import Prepared, TableOptions, prepare

#: Rows shown; the file has all of them.
SHOWN = 20
#: Rows named that contradict a label.
CONTRADICTING = 3


def audit(
    options: TableOptions,
    *,
    output: str | None = None,
    report: str | None = None,
    budget: int | None = None,
    n_jobs: int | None = None,
) -> None:
    """Flag suspicious labels of a table, show the worst, and write files.

    Parameters
    ----------
    options : TableOptions
    output : path, default=None
        CSV file of the flagged rows.
    report : path, default=None
        HTML file.
    budget : int, default=None
        Rows to flag; None estimates how many labels are wrong.
    n_jobs : int, default=None
        As in ``LabelCleaner``.
    """
    check_outputs([("--output", output), ("--report", report)], [options.path])
    table = prepare(options)
    with stage(f"Scoring {len(table.X)} labels"):
        cleaner = LabelCleaner(table.model, action="keep", n_jobs=n_jobs)
        cleaner.fit(table.X, table.target.values)
    wrong = int(cleaner.flagged_.sum())
    positions = cleaner.ranking_[: wrong if budget is None else budget]
    with stage("Looking for the rows that contradict the worst"):
        found = flagged_rows(table, cleaner, positions)
    _show(table, found)
    _summarise(table, cleaner)
    if output or report:
        with stage("Writing"), replacing(output) as beside, replacing(report) as page:
            if output:
                contents = table.frame.iloc[positions].reset_index(drop=True)
                pd.concat([found, contents], axis=1).to_csv(beside, index=False)
            if page:
                title = f"Suspicious labels of {options.path}"
                shown = max(1, len(positions))
                cleaner.to_html(page, title=title, max_rows=shown, table=table.others)
    for path in filter(None, (output, report)):
        say(f"Written: {path}")
    if not output and len(found) > SHOWN:
        say("Add --output flagged.csv for all of them.")


def flagged_rows(table: Prepared, cleaner: LabelCleaner, positions: np.ndarray) -> pd.DataFrame:
    """Return one row for every flagged row of a table, the most suspicious first.

    Parameters
    ----------
    table : Prepared
    cleaner : LabelCleaner
        Fitted on it.
    positions : ndarray of int of shape (k,)
        Flagged rows, counted among those that have a target.

    Returns
    -------
    found : DataFrame of k rows
        ``rank`` from 1; ``row`` of the table from 0; its ``line`` in the file; the ``given`` and
        the ``suggested`` target; the leave-one-out ``probability_of_given`` (classes only);
        ``score``; and the rows that contradict it most, with their targets.
    """
    values, rows = table.target.values, table.target.rows
    found = pd.DataFrame({"rank": np.arange(1, len(positions) + 1), "row": rows[positions]})
    found["line"] = table.lines(rows[positions])
    found["given"] = values[positions]
    found["suggested"] = cleaner.suggested_labels_[positions]
    if cleaner.loo_probabilities_ is not None:
        codes = np.searchsorted(cleaner.classes_, values[positions])
        found["probability_of_given"] = cleaner.loo_probabilities_[positions, codes]
    found["score"] = cleaner.label_scores_[positions]
    against = [others for others, _ in convincing(cleaner, values, positions, CONTRADICTING)]
    for i in range(CONTRADICTING):
        others = [chosen[i] if i < len(chosen) else None for chosen in against]
        found[f"contradicting_row_{i + 1}"] = pd.array(
            [None if j is None else rows[j] for j in others], dtype="Int64"
        )
        found[f"contradicting_given_{i + 1}"] = [None if j is None else values[j] for j in others]
    return found


def _show(table, found):
    """Show the worst rows."""
    if not len(found):
        return
    name, what = table.target.name, _what(table)
    headings = ["row", "line", "given", "suggested", "probability", "contradicted most by"]
    if table.target.task == "regression":
        headings[4] = "squared error"
    rows = []
    for row in found.head(SHOWN).itertuples():
        others = [
            f"{getattr(row, f'contradicting_row_{i}')} "
            f"({shown(getattr(row, f'contradicting_given_{i}'))})"
            for i in range(1, CONTRADICTING + 1)
            if not pd.isna(getattr(row, f"contradicting_row_{i}"))
        ]
        judged = getattr(row, "probability_of_given", row.score)
        given, suggested = shown(row.given), shown(row.suggested)
        rows.append((row.row, row.line, given, suggested, f"{judged:.1e}", ", ".join(others)))
    show_table(
        headings,
        rows,
        title=f"The {len(rows)} most suspicious {what} of {name!r} (rows count from 0)",
        numbers=("row", "line", headings[4]),
    )


def _summarise(table, cleaner):
    """Say how many rows look wrong, and how well the model that says so predicts."""
    values, what = table.target.values, _what(table)
    wrong = int(cleaner.flagged_.sum())
    more = "" if wrong else " Add --budget 20 to see the least likely ones."
    say(f"{wrong} of {len(values)} {what} of {table.target.name!r} look wrong.{more}")
    predicted = cleaner.suggested_labels_
    if table.target.task == "regression":
        share, of = 1 - np.mean((values - predicted) ** 2) / np.var(values), "their variance"
    else:
        share, of = np.mean(values == predicted), f"the {what}"
        _, counts = np.unique(values, return_counts=True)
        of += f" (always the commonest: {counts.max() / len(values):.0%})"
    say(
        f"The model that judged them predicts {share:.0%} of {of}, each from the other rows: "
        "the fewer, the less its verdict counts."
    )


def _what(table):
    return "labels" if table.target.task == "classification" else "values"


def shown(value: object) -> str:
    """Return a label, or a number in few digits, as text."""
    return f"{value:.6g}" if isinstance(value, float) else str(value)
