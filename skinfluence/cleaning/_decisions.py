"""Decisions that a person may edit: a table with a ``decision`` and a ``new_label`` a row."""

from dataclasses import replace
from typing import Any

import numpy as np

from .._sklearn_private import _safe_indexing
from ._actions import with_labels
from ._training_rows import TrainingRows

#: What may be decided on a row.
DECISIONS = ("drop", "keep", "relabel")


def decision_columns(
    action: str, flagged: np.ndarray, suggested: np.ndarray, wrong: np.ndarray | None
) -> dict[str, np.ndarray]:
    """Return the columns ``decision``, ``new_label`` and, where rows are weighted, ``weight``."""
    decided = action if action in DECISIONS else "keep"
    columns: dict[str, np.ndarray] = {
        "decision": np.where(flagged, decided, "keep").astype(object),
        "new_label": suggested,
    }
    if action == "reweight" and wrong is not None:
        columns["weight"] = 1 - np.nan_to_num(wrong)
    return columns


def check_decisions(decisions: Any, y: Any, names: Any) -> Any:
    """Return a table of decisions in the order of the rows; ValueError if it does not fit them.

    Parameters
    ----------
    decisions : DataFrame of n rows
    y : array-like of shape (n,)
    names : Index or None
        The rows' names, by default their numbers. A table that has them, in another order, is put
        into theirs.
    """
    columns = getattr(decisions, "columns", ())
    if "decision" not in columns:
        raise ValueError(
            "`decisions` must be a table with a column `decision`, such as that of `to_frame()`."
        )
    if len(decisions) != len(y):
        raise ValueError(
            f"`decisions` must have a row for each of the {len(y)} rows; got {len(decisions)}."
        )
    if hasattr(decisions, "reindex"):
        names = np.arange(len(y)) if names is None else names
        unique = len(set(names)) == len(y) and decisions.index.is_unique
        if unique and set(decisions.index) == set(names):
            decisions = decisions.reindex(names)
    unknown = sorted({str(each) for each in decisions["decision"]} - set(DECISIONS))
    if unknown:
        raise ValueError(f"`decision` must be one of {DECISIONS}; got {unknown[:5]}.")
    relabelled = np.asarray(decisions["decision"]) == "relabel"
    if relabelled.any():
        missing = "new_label" not in columns
        labels = np.array([]) if missing else np.asarray(decisions["new_label"])[relabelled]
        if missing or any(label is None or label != label for label in labels.tolist()):
            raise ValueError("Rows whose `decision` is 'relabel' need a `new_label`.")
    return decisions


def decided_rows(decisions: Any, rows: TrainingRows, classifies: bool) -> TrainingRows:
    """Return what is fitted on after decisions."""
    decided = np.asarray(decisions["decision"])
    relabelled, labels, weights = decided == "relabel", rows.labels, rows.weights
    if relabelled.any():
        new = np.asarray(decisions["new_label"])
        if classifies:
            new = _as_labels(new.astype(object), relabelled, labels)
        labels = with_labels(labels, relabelled, new)
    if "weight" in decisions.columns:
        own = np.asarray(decisions["weight"], dtype=float)
        if not np.all(own >= 0):
            raise ValueError("`weight` of decisions must be >= 0.")
        own = np.where(relabelled, 1, own)  # the weight of a label is that of the given one
        weights = own if weights is None else own * weights
    return replace(rows, labels=labels, weights=weights, kept=rows.kept & (decided != "drop"))


def apply(X: Any, y: Any, decisions: Any, names: Any, classifies: bool) -> tuple:
    """Return (X, y), and weights where the table has them, after decisions."""
    decisions = check_decisions(decisions, y, names)
    rows = decided_rows(decisions, TrainingRows.every(X, y, None), classifies)
    kept = np.flatnonzero(rows.kept)
    taken = _safe_indexing(X, kept), _safe_indexing(rows.labels, kept)
    return taken if rows.weights is None else (*taken, rows.weights[kept])


def _as_labels(column, changed, y):
    """Return new labels as those of y that they are, or that they are written as in a file."""
    known = np.unique(np.asarray(y))
    of_text = {str(label): label for label in known.tolist()}
    of_text |= {str(float(label)): label for label in known.tolist() if _is_number(label)}
    labels = np.array(np.asarray(y), dtype=object)
    for row in np.flatnonzero(changed):
        value = column[row]
        if (text := str(value)) not in of_text:
            raise ValueError(
                f"`new_label` of row {row} is {value!r}, and y has no such label; it has "
                f"{list(of_text.values())[:10]}."
            )
        labels[row] = of_text[text]
    return labels if known.dtype == object else labels.astype(known.dtype)


def _is_number(label):
    return isinstance(label, (int, float)) and not isinstance(label, bool)
