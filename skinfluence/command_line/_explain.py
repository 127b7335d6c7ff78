"""``skinfluence explain``: the helpful and harmful rows behind the prediction of some rows."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from .. import tables
from .._explainer import InfluenceExplainer
from ..adapters import penalty_parameter
from ..cleaning import LabelCleaner
from ..tables import TableError
from ._audit import shown
from ._console import say, show_table, stage
from ._outputs import check_outputs, replacing
from ._preparing import Prepared, TableOptions, prepare


@dataclass(frozen=True)
class ExplainedRows:
    """Rows whose predictions are explained.

    Attributes
    ----------
    frame, X : DataFrame
        As read, and typed.
    rows : ndarray of int of shape (m,)
        Their rows in the table they come from.
    given : ndarray of shape (m,)
        Their targets; what the model predicts where they have none.
    predicted : ndarray of shape (m,)
        What the model says, without the row where it is a training row.
    probabilities : ndarray of shape (m,) or None
        Of ``given`` under the same model; None on a regression.
    own : ndarray of int of shape (m,)
        Their indices among the training rows; -1 where they are none.
    """

    frame: pd.DataFrame
    X: pd.DataFrame
    rows: np.ndarray
    given: np.ndarray
    predicted: np.ndarray
    probabilities: np.ndarray | None
    own: np.ndarray


def explain(
    options: TableOptions,
    rows: list[int],
    *,
    test: str | None = None,
    output: str | None = None,
    report: str | None = None,
    k: int = 5,
    n_jobs: int | None = None,
) -> None:
    """Show which training rows help and harm the prediction of some rows, and write files.

    Parameters
    ----------
    options : TableOptions
    rows : list of int
        Rows whose predictions are explained, counted from 0.
    test : path, default=None
        The table that they are rows of; None means the table that the model is fitted on.
    output : path, default=None
        CSV file of helpful and harmful rows.
    report : path, default=None
        HTML file.
    k : int, default=5
        Rows named on either side.
    n_jobs : int, default=None
        As in ``InfluenceExplainer``.
    """
    inputs = [options.path, *filter(None, [test])]
    check_outputs([("--output", output), ("--report", report)], inputs)
    table = prepare(options)
    k = min(k, len(table.X) - 1)
    with stage(f"Fitting {len(table.X)} rows"):
        cleaner = LabelCleaner(table.model, action="keep", n_jobs=n_jobs)
        cleaner.fit(table.X, table.target.values)
        model = _at_penalty(table.model, cleaner.penalty_)
        explainer = InfluenceExplainer(model, refine=True, n_jobs=n_jobs)
        explainer.fit(table.X, table.target.values)
    explained = (
        _training_rows(table, cleaner, rows)
        if test is None
        else _test_rows(table, explainer, rows, test)
    )
    with stage("Looking for the rows behind the predictions"):
        found = influential_rows(table, explainer, explained, k)
    _show(table, explained, found)
    with replacing(output) as beside, replacing(report) as page:
        if output:
            found.to_csv(beside, index=False)
        if report:
            title = f"Rows behind predictions of {options.target!r}"
            explainer.to_html(
                page, explained.X, explained.given, title=title, k=k, table=table.others
            )
    for path in filter(None, (output, report)):
        say(f"Written: {path}")


def influential_rows(
    table: Prepared, explainer: InfluenceExplainer, explained: ExplainedRows, k: int
) -> pd.DataFrame:
    """Return the k training rows that help and harm each explained row, as a tidy DataFrame.

    Its columns are ``asked_row``, ``side`` ("helpful" or "harmful"), ``rank`` from 1, ``row``, its
    ``line``, its target ``given``, and ``influence``: the change of the loss of the
    explained row when it is removed. A row is not named for itself.
    """
    k_found = min(k + 1, len(table.X))
    found = explainer.most_influential(explained.X, explained.given, k=k_found)
    parts = []
    for i, own in enumerate(explained.own):
        for side, sign in (("helpful", 1), ("harmful", -1)):
            others, influence = found[side][i], found[f"{side}_influence"][i]
            kept = np.flatnonzero((others != own) & (sign * influence > 0))[:k]
            part = pd.DataFrame({"row": table.target.rows[others[kept]]})
            part["line"] = table.lines(part["row"])
            part["given"] = table.target.values[others[kept]]
            part["influence"] = influence[kept]
            part.insert(0, "rank", np.arange(1, len(part) + 1))
            part.insert(0, "side", side)
            part.insert(0, "asked_row", explained.rows[i])
            parts.append(part)
    return pd.concat(parts, ignore_index=True)


def _at_penalty(model: Pipeline, penalty: float | None) -> Pipeline:
    """Return the model at the penalty that its leave-one-out risk chose."""
    parameter = penalty_parameter(model)
    if penalty is None or parameter is None:
        return model
    return clone(model).set_params(**{parameter: penalty})


def _training_rows(table: Prepared, cleaner: LabelCleaner, rows: list[int]) -> ExplainedRows:
    n = int(table.target.rows[-1]) + 1
    own = np.searchsorted(table.target.rows, rows)
    for row, index in zip(rows, own):
        if index == len(table.target.rows) or table.target.rows[index] != row:
            raise TableError(
                f"--rows {row} is not a row with a label: rows count from 0 to {n - 1}. See the "
                "column `row` of skinfluence audit."
            )
    given = table.target.values[own]
    return ExplainedRows(
        table.frame.iloc[own],
        table.X.iloc[own],
        np.asarray(rows),
        given,
        cleaner.suggested_labels_[own],
        _of_given(cleaner.loo_probabilities_, cleaner.classes_, own, given)
        if cleaner.loo_probabilities_ is not None
        else None,
        own,
    )


def _of_given(
    probabilities: np.ndarray, classes: np.ndarray, rows: np.ndarray, given: np.ndarray
) -> np.ndarray:
    return probabilities[rows, np.searchsorted(classes, given)]


def _test_rows(
    table: Prepared, explainer: InfluenceExplainer, rows: list[int], test: str
) -> ExplainedRows:
    with stage(f"Reading {test}"):
        frame = tables.read_table(test, encoding=table.options.encoding)
        outside = [row for row in rows if row >= len(frame)]
        if outside:
            raise TableError(
                f"--rows {outside[0]} is not a row of {test}: they count from 0 to "
                f"{len(frame) - 1}."
            )
        frame = frame.iloc[rows]
        X = tables.typed_frame(frame, table.columns)
    predicted = explainer.predict(X)
    given = table.target.known(frame, predicted)
    probabilities = None
    if hasattr(explainer, "predict_proba"):
        of_all = np.arange(len(rows))
        probabilities = _of_given(explainer.predict_proba(X), explainer.classes_, of_all, given)
    own = np.full(len(rows), -1)
    return ExplainedRows(frame, X, np.asarray(rows), given, predicted, probabilities, own)


def _show(table: Prepared, explained: ExplainedRows, found: pd.DataFrame) -> None:
    """Show every explained row, and the rows behind its prediction."""
    for i, row in enumerate(explained.rows):
        said = shown(explained.predicted[i])
        without = "Without this row the model" if explained.own[i] >= 0 else "The model"
        likely = ""
        if explained.probabilities is not None:
            likely = f" The probability of the given one is {explained.probabilities[i]:.2g}."
        say(f"Row {row}: given {shown(explained.given[i])}. {without} says {said}.{likely}")
        mine = found[found["asked_row"] == row]
        rows = [
            (r.side, r.row, r.line, shown(r.given), f"{r.influence:+.2g}")
            for r in mine.itertuples()
        ]
        show_table(
            ("side", "row", "line", "given", "change of loss without it"),
            rows,
            numbers=("row", "line", "change of loss without it"),
        )
