"""``skinfluence demo``: flip a tenth of the labels of the digits, and find them again."""

import numpy as np
from sklearn.datasets import load_digits

from ..cleaning import LabelCleaner, convincing
from ..tables import MODELS
from ._console import say, show_table, stage
from ._outputs import check_outputs, replacing

#: Flagged digits shown.
SHOWN = 20


def demo(report: str) -> None:
    """Flip labels, flag them, show what was found, and write a report.

    Parameters
    ----------
    report : path
        HTML file.
    """
    check_outputs([("--report", report)], [])
    pixels, true = load_digits(return_X_y=True)
    X = pixels / 16  # from 0 to 1
    given, flipped = _flip(true, np.random.default_rng(0))
    say(f"{len(true)} handwritten digits. {flipped.sum()} labels are now another digit.")
    with stage("Looking for them"):
        cleaner = LabelCleaner(MODELS["classification"]["logistic"](2), action="keep")
        cleaner.fit(X, given)
    found = cleaner.ranking_[cleaner.flagged_[cleaner.ranking_]]
    against = [others for others, _ in convincing(cleaner, given, found[:SHOWN], 3)]
    probability = np.asarray(cleaner.loo_probabilities_)[found, given[found]]
    rows = [
        (
            row,
            given[row],
            cleaner.suggested_labels_[row],
            f"{probability[i]:.0e}",
            ", ".join(f"{other} ({given[other]})" for other in against[i]),
            "yes" if flipped[row] else "no",
        )
        for i, row in enumerate(found[:SHOWN])
    ]
    headings = ("row", "given", "suggested", "probability", "contradicted most by", "flipped?")
    title = f"The {len(rows)} most suspicious of {len(found)} flagged labels"
    show_table(headings, rows, title=title, numbers=headings[:4])
    _show_counts(cleaner, true, flipped)
    with stage("Writing the report"), replacing(report) as page:
        cleaner.to_html(page or report, title="Flipped digits", image_shape=(8, 8))
    say(f"Written: {report}")


def _flip(true: np.ndarray, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return labels of which a tenth are one of the nine other digits, and the mask of these."""
    flipped = np.zeros(len(true), dtype=bool)
    flipped[random.choice(len(true), size=len(true) // 10, replace=False)] = True
    other = (true + random.integers(1, 10, size=len(true))) % 10
    return np.where(flipped, other, true), flipped


def _show_counts(cleaner: LabelCleaner, true: np.ndarray, flipped: np.ndarray) -> None:
    """Show how many of the flipped labels were found, and put right."""
    found = flipped & cleaner.flagged_
    right = cleaner.suggested_labels_[found] == true[found]
    most = cleaner.ranking_[: flipped.sum()]
    counts = [
        ("flipped labels found", found.sum(), flipped.sum()),
        (
            "flagged that were not flipped",
            (cleaner.flagged_ & ~flipped).sum(),
            cleaner.flagged_.sum(),
        ),
        ("found whose suggestion is the truth", right.sum(), found.sum()),
        (f"flips among the {flipped.sum()} most suspicious", flipped[most].sum(), flipped.sum()),
    ]
    show_table(("", "rows", "of"), counts, numbers=("rows", "of"))
