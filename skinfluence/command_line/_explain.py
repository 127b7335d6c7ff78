"""``skinfluence explain``: the helpful and harmful rows behind the prediction of some rows."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.base import clone

from .. import _tables
from .._cleaner import LabelCleaner
from .._explainer import InfluenceExplainer
from .._tables import TableError
from ..problems import penalty_parameter
from ._audit import shown
from ._console import say, show_table, stage
from ._outputs import check_outputs, replacing
from ._preparing import Prepared, TableOptions, prepare


@dataclass(frozen=True)
class Question:
    """Rows asked about.

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
        Their positions among the training rows; -1 where they are none.
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
        Rows asked about, counted from 0.
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
        model = _scored_model(table.model, cleaner.penalty_)
        explainer = InfluenceExplainer(model, refine=True, n_jobs=n_jobs)
        explainer.fit(table.X, table.target.values)
    question = (
        _training_rows(table, cleaner, rows)
        if test is None
        else _test_rows(table, explainer, rows, test)
    )
    with stage("Looking for the rows behind the predictions"):
        found = influential_rows(table, explainer, question, k)
    _show(table, question, found)
    with replacing(output) as beside, replacing(report) as page:
        if output:
            found.to_csv(beside, index=False)
        if page:
            title = f"Rows behind predictions of {options.target!r}"
            asked = question.X, question.given
            explainer.to_html(page, *asked, title=title, k=k, table=table.others)
    for path in filter(None, (output, report)):
        say(f"Written: {path}")


def influential_rows(
    table: Prepared, explainer: InfluenceExplainer, question: Question, k: int
) -> pd.DataFrame:
    """Return the k training rows that help and harm each row asked about, as a tidy DataFrame.

    Its columns are ``asked_row``, ``side`` ("helpful" or "harmful"), ``rank`` from 1, ``row``, its
    ``line``, its target ``given``, and ``influence``: the change of the loss of the row asked
    about when it is removed. A row is not named for itself.
    """
    k_found = min(k + 1, len(table.X))
    found = explainer.most_influential(question.X, question.given, k=k_found)
    parts = []
    for i, own in enumerate(question.own):
        for side, sign in (("helpful", 1), ("harmful", -1)):
            others, influence = found[side][i], found[f"{side}_influence"][i]
            kept = np.flatnonzero((others != own) & (sign * influence > 0))[:k]
            part = pd.DataFrame({"row": table.target.rows[others[kept]]})
            part["line"] = table.lines(part["row"])
            part["given"] = table.target.values[others[kept]]
            part["influence"] = influence[kept]
            part.insert(0, "rank", np.arange(1, len(part) + 1))
            part.insert(0, "side", side)
            part.insert(0, "asked_row", question.rows[i])
            parts.append(part)
    return pd.concat(parts, ignore_index=True)


def _scored_model(model, penalty):
    """Return the model at the penalty that its leave-one-out risk chose."""
    if penalty is None:
        return model
    return clone(model).set_params(**{penalty_parameter(model): penalty})


def _training_rows(table, cleaner, rows):
    n = int(table.target.rows[-1]) + 1
    own = np.searchsorted(table.target.rows, rows)
    for row, position in zip(rows, own):
        if position == len(table.target.rows) or table.target.rows[position] != row:
            raise TableError(
                f"--rows {row} is not a row with a label: rows count from 0 to {n - 1}. See the "
                "column `row` of skinfluence audit."
            )
    given = table.target.values[own]
    return Question(
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


def _of_given(probabilities, classes, rows, given):
    return probabilities[rows, np.searchsorted(classes, given)]


def _test_rows(table, explainer, rows, test):
    with stage(f"Reading {test}"):
        frame = _tables.read_table(test, encoding=table.options.encoding)
        outside = [row for row in rows if row >= len(frame)]
        if outside:
            raise TableError(
                f"--rows {outside[0]} is not a row of {test}: they count from 0 to "
                f"{len(frame) - 1}."
            )
        frame = frame.iloc[rows]
        X = _tables.typed_frame(frame, table.columns)
    predicted = explainer.predict(X)
    given = table.target.known(frame, predicted)
    probabilities = None
    if hasattr(explainer, "predict_proba"):
        of_all = np.arange(len(rows))
        probabilities = _of_given(explainer.predict_proba(X), explainer.classes_, of_all, given)
    own = np.full(len(rows), -1)
    return Question(frame, X, np.asarray(rows), given, predicted, probabilities, own)


def _show(table, question, found):
    """Show every row asked about, and the rows behind its prediction."""
    for i, row in enumerate(question.rows):
        said = shown(question.predicted[i])
        without = "Without this row the model" if question.own[i] >= 0 else "The model"
        likely = ""
        if question.probabilities is not None:
            likely = f" The probability of the given one is {question.probabilities[i]:.2g}."
        say(f"Row {row}: given {shown(question.given[i])}. {without} says {said}.{likely}")
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
