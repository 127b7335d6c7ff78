"""The report of a LabelCleaner: which labels to look at, and what speaks against each."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._confident import confident_errors, outlying
from .._contradicting import convincing
from ..problems import penalty_parameter
from ._contents import BRIEF, Content, Contents
from ._page import render
from ._plots import histogram
from ._trust import Figure, Trust
from ._values import count, share, signed, text_of

#: Rows shown beside a label that they contradict.
CONTRADICTING = 3
#: Kinds of disagreement listed in the summary.
KINDS = 10


@dataclass(frozen=True)
class Witness:
    """A training row that speaks for or against another.

    Parameters
    ----------
    row : int
        Its number.
    name : str or None
        Its name, if that is not its number.
    label : str
        Its label.
    influence : str
        What its removal would do to the loss.
    width : float
        The size of that beside the largest in the list, in per cent.
    content : Content
        What it is.
    """

    row: int
    name: str | None
    label: str
    influence: str
    width: float
    content: Content


@dataclass(frozen=True)
class Suspect:
    """A row whose label is to be looked at; strings are as they are shown."""

    rank: int
    row: int
    name: str | None
    given: str
    suggested: str
    flagged: bool
    likelihood: str
    likelihood_value: float
    content: Content
    witnesses: list


def cleaning_report(
    cleaner: Any,
    trust: Trust | None,
    diagnostics: list[Figure],
    *,
    title: str | None,
    max_rows: int,
    table: Any,
    image_shape: tuple[int, ...] | None,
) -> str:
    """Return the HTML of a cleaner's report.

    Parameters
    ----------
    cleaner : LabelCleaner
        Fitted.
    trust : Trust or None
        What real refits said; None if no row could be left out.
    diagnostics : list of Figure
        Of the model that scored.
    title, max_rows, table, image_shape
        As in ``LabelCleaner.to_html``.
    """
    X, y, _ = cleaner._training
    contents, labels = Contents(X, table, image_shape), np.asarray(y)
    labels = labels.ravel() if labels.size == len(labels) else labels
    rows = cleaner.ranking_[:max_rows]
    flagged = int(cleaner.flagged_.sum())
    return render(
        "cleaning.html",
        title=title or "Labels worth a second look",
        n_rows=count(len(labels)),
        n_flagged=count(flagged),
        any_flagged=flagged > 0,
        all_shown=flagged <= len(rows),
        share_flagged=share(flagged / len(labels)),
        share_wrong=share(_estimated_errors(cleaner, labels) / len(labels)),
        given_share=cleaner.contamination != "auto",
        classifies=cleaner.loo_probabilities_ is not None,
        kinds=_kinds(cleaner, labels),
        action=cleaner.action,
        penalty=_penalty(cleaner),
        tuned=cleaner.penalty == "tune",
        suspects=_suspects(cleaner, rows, labels, contents),
        spread=_spread(cleaner, labels),
        estimator=type(cleaner._scored.estimator).__name__,
        score=str(cleaner.score),
        diagnostics=diagnostics,
        trust=trust,
    )


def _suspects(cleaner, rows, labels, contents):
    against = convincing(cleaner, labels, rows, CONTRADICTING)
    likelihoods = _likelihoods(cleaner, labels)
    classifies = cleaner.loo_probabilities_ is not None
    return [
        Suspect(
            rank=rank,
            row=int(row),
            name=contents.name(row),
            given=text_of(labels[row]),
            suggested=text_of(cleaner.suggested_labels_[row]),
            flagged=bool(cleaner.flagged_[row]),
            likelihood=(share if classifies else signed)(likelihoods[row]),
            likelihood_value=float(likelihoods[row]),
            content=contents[row],
            witnesses=witnesses(others, influence, labels, contents, -1),
        )
        for rank, (row, (others, influence)) in enumerate(zip(rows, against), 1)
    ]


def witnesses(
    rows: np.ndarray, influence: np.ndarray, labels: np.ndarray, contents: Contents, sign: int
) -> list[Witness]:
    """Return the Witnesses among rows: those whose influence has a sign."""
    strongest = np.max(np.abs(influence), initial=0) or 1.0
    return [
        Witness(
            row=int(row),
            name=contents.name(row),
            label=text_of(labels[row]),
            influence=signed(change),
            width=round(100 * abs(float(change)) / strongest, 1),
            content=contents.content(row, BRIEF),
        )
        for row, change in zip(rows, influence)
        if sign * change > 0
    ]


def _likelihoods(cleaner, labels):
    """Return the probability of every given label without its row; of a value its excess.

    Of several values, the length of that.
    """
    probabilities = cleaner.loo_probabilities_
    if probabilities is None:
        excess = labels - cleaner.suggested_labels_
        return excess if excess.ndim == 1 else np.linalg.norm(excess, axis=1)
    return probabilities[np.arange(len(labels)), _codes(cleaner, labels)]


def _codes(cleaner, labels):
    return cleaner._scored.problem.targets.codes(labels)


def _estimated_errors(cleaner, labels):
    """Return how many labels are wrong, as far as the leave-one-out predictions tell."""
    if cleaner.loo_probabilities_ is None:
        return outlying(np.abs(_likelihoods(cleaner, labels)))
    return confident_errors(cleaner.loo_probabilities_, _codes(cleaner, labels))


def _kinds(cleaner, labels):
    """Return (given, suggested, how many) of the flagged rows, the most frequent first."""
    if cleaner.loo_probabilities_ is None:
        return []
    flagged = cleaner.flagged_
    pairs = zip(map(text_of, labels[flagged]), map(text_of, cleaner.suggested_labels_[flagged]))
    counts = Counter((given, suggested) for given, suggested in pairs if given != suggested)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:KINDS]
    return [(*pair, count(number)) for pair, number in ordered]


def _spread(cleaner, labels):
    """Return the histogram of what the other rows say about every label."""
    values = _likelihoods(cleaner, labels)
    classifies = cleaner.loo_probabilities_ is not None
    if classifies:
        label = "probability of the given label, by the other rows"
    else:
        label, values = "distance from the expected value", np.abs(values)
    description = (
        f"Histogram of the {label}, over {count(len(values))} rows of which "
        f"{count(cleaner.flagged_.sum())} are flagged."
    )
    many = classifies and len(values) > 200
    told = {"label": label, "description": description}
    return histogram(values, cleaner.flagged_, logarithmic=many, **told)


def _penalty(cleaner):
    """Return the penalty that rows were scored with, as it is written; None if there is none."""
    if cleaner.penalty_ is None:
        return None
    return f"{penalty_parameter(cleaner._scored.estimator)}={cleaner.penalty_:.3g}"
