"""The report of a LabelCleaner: which labels to look at, and what speaks against each."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

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
    witnesses: list[Witness]


@dataclass(frozen=True, eq=False)
class LabelFindings:
    """What a fitted ``LabelCleaner`` hands to its report.

    Parameters
    ----------
    X : {array-like, sparse matrix, DataFrame, list}
        The rows, as ``fit`` was given them.
    labels : ndarray of shape (n,) or (n, n_outputs)
        The labels, or values, that were given.
    suggested : ndarray of the same shape
        What the model without each row predicts.
    ranking : ndarray of int of shape (n,)
        Rows, most suspicious first.
    flagged : ndarray of bool of shape (n,)
        Rows whose label is called wrong.
    probability_of_given : ndarray of shape (n,) or None
        Under the model without each row; None on a regression.
    n_wrong : int
        Labels that are estimated to be wrong.
    contradicting : list of (rows, influence)
        Of the first rows of the ranking, as many as are shown, the rows that contradict each.
    contamination, action, score, penalty
        The cleaner's parameters.
    chosen_penalty : str or None
        The penalty that rows were scored with, such as "C=0.1"; None if there is none.
    estimator : str
        The name of the class of the model that scored.
    """

    X: Any
    labels: np.ndarray
    suggested: np.ndarray
    ranking: np.ndarray
    flagged: np.ndarray
    probability_of_given: np.ndarray | None
    n_wrong: int
    contradicting: list[tuple[np.ndarray, np.ndarray]]
    contamination: float | str
    action: str
    score: str
    penalty: str
    chosen_penalty: str | None
    estimator: str

    @property
    def likelihoods(self) -> np.ndarray:
        """The probability of every given label without its row; of a value its excess.

        Of several values, the length of that.
        """
        if self.probability_of_given is not None:
            return self.probability_of_given
        excess = self.labels - self.suggested
        return excess if excess.ndim == 1 else np.linalg.norm(excess, axis=1)


def cleaning_report(
    findings: LabelFindings,
    trust: Trust | None,
    diagnostics: list[Figure],
    *,
    title: str | None,
    table: Any,
    image_shape: tuple[int, ...] | None,
) -> str:
    """Return the HTML of a cleaner's report.

    Parameters
    ----------
    findings : LabelFindings
        What the cleaner found; as many rows are shown as have contradicting ones.
    trust : Trust or None
        What real refits said; None if no row could be left out.
    diagnostics : list of Figure
        Of the model that scored.
    title, table, image_shape
        As in ``LabelCleaner.to_html``.
    """
    n_rows, n_flagged = len(findings.labels), int(findings.flagged.sum())
    return render(
        "cleaning.html",
        title=title or "Labels worth a second look",
        n_rows=count(n_rows),
        n_flagged=count(n_flagged),
        any_flagged=n_flagged > 0,
        all_shown=n_flagged <= len(findings.contradicting),
        share_flagged=share(n_flagged / n_rows),
        share_wrong=share(findings.n_wrong / n_rows),
        given_share=findings.contamination != "auto",
        classifies=findings.probability_of_given is not None,
        kinds=_kinds(findings),
        action=findings.action,
        penalty=findings.chosen_penalty,
        tuned=findings.penalty == "tune",
        suspects=_suspects(findings, Contents(findings.X, table, image_shape)),
        spread=_spread(findings),
        estimator=findings.estimator,
        score=findings.score,
        diagnostics=diagnostics,
        trust=trust,
    )


def _suspects(findings: LabelFindings, contents: Contents) -> list[Suspect]:
    labels, likelihoods = findings.labels, findings.likelihoods
    classifies = findings.probability_of_given is not None
    return [
        Suspect(
            rank=rank,
            row=int(row),
            name=contents.name(row),
            given=text_of(labels[row]),
            suggested=text_of(findings.suggested[row]),
            flagged=bool(findings.flagged[row]),
            likelihood=(share if classifies else signed)(likelihoods[row]),
            likelihood_value=float(likelihoods[row]),
            content=contents[row],
            witnesses=witnesses(*against, labels, contents, -1),
        )
        for rank, (row, against) in enumerate(zip(findings.ranking, findings.contradicting), 1)
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


def _kinds(findings: LabelFindings) -> list[tuple[str, str, str]]:
    """Return (given, suggested, how many) of the flagged rows, the most frequent first."""
    if findings.probability_of_given is None:
        return []
    pairs = zip(
        map(text_of, findings.labels[findings.flagged]),
        map(text_of, findings.suggested[findings.flagged]),
    )
    counts = Counter((given, suggested) for given, suggested in pairs if given != suggested)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:KINDS]
    return [(*pair, count(number)) for pair, number in ordered]


def _spread(findings: LabelFindings) -> str:
    """Return the histogram of what the other rows say about every label."""
    values = findings.likelihoods
    classifies = findings.probability_of_given is not None
    if classifies:
        label = "probability of the given label, by the other rows"
    else:
        label, values = "distance from the expected value", np.abs(values)
    description = (
        f"Histogram of the {label}, over {count(len(values))} rows of which "
        f"{count(findings.flagged.sum())} are flagged."
    )
    many = classifies and len(values) > 200
    shown = {"label": label, "description": description}
    return histogram(values, findings.flagged, logarithmic=many, **shown)
