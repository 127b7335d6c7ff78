"""Which training rows contradict a label: those without which its own loss would fall most.

``influence[i, j] = ∇loss_i · H⁻¹ · R_jᵀ`` of two training rows, and the most negative j of each i.
"""

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
from sklearn.utils import Bunch

from .._blocks import row_blocks, strongest_of, take_rows
from ..changes import EncodedRemove
from ..methods import evaluate
from ..questions import EncodedLoss
from ._scored_model import ScoredModel

#: Contradicting rows among which convincing ones are looked for.
CONSIDERED = 100


class FittedCleaner(Protocol):
    """What ``convincing`` needs of a fitted ``LabelCleaner``."""

    flagged_: np.ndarray
    loo_probabilities_: np.ndarray | None

    def contradicting_rows(self, rows: Any = None, *, k: int = 5) -> Bunch:
        """Return the k rows that contradict each of ``rows`` most."""


def contradicting_rows(scored: ScoredModel, rows: np.ndarray, k: int) -> Bunch:
    """Return ``rows`` and ``influence``, each (n_rows, k), of the k rows that contradict each."""
    problem, n = scored.working, scored.problem.n_rows
    found = Bunch(rows=np.empty((len(rows), k), int), influence=np.empty((len(rows), k)))
    row_bytes = 3 * (problem.n_outputs * len(problem.theta) + n) * problem.theta.itemsize
    for block in row_blocks(len(rows), row_bytes):
        found.rows[block], found.influence[block] = _contradicting_block(scored, rows[block], k)
    return found


def _contradicting_block(
    scored: ScoredModel, suspects: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray]:
    problem, answers = scored.working, scored.first_order
    own = take_rows(problem.X, suspects), problem.y[suspects]
    losses = EncodedLoss(answers.fit.model, None, *own)

    def against(block: slice) -> np.ndarray:
        rows = np.arange(problem.n_rows)[block]
        strength = -evaluate(answers, losses, EncodedRemove(rows))
        strength[suspects[:, None] == rows] = -np.inf  # a row does not contradict itself
        return strength

    row_bytes = 3 * len(suspects) * problem.theta.itemsize
    rows, strength = strongest_of(row_blocks(problem.n_rows, row_bytes), against, k)
    return rows, -strength


def convincing(
    cleaner: FittedCleaner, labels: np.ndarray, rows: np.ndarray, k: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield, for each of ``rows``, up to k rows that contradict its label, and their influence.

    Rows that are flagged themselves, or have the same label, are left out: a wrong label pulls the
    model away from the right ones of its class, and so "contradicts" them too.
    """
    found = cleaner.contradicting_rows(rows, k=min(CONSIDERED, len(labels) - 1))
    classifies = cleaner.loo_probabilities_ is not None
    for row, others, influence in zip(rows, found.rows, found.influence):
        convinces = ~cleaner.flagged_[others] & (influence < 0)
        if classifies:
            convinces &= labels[others] != labels[row]
        yield others[convinces][:k], influence[convinces][:k]
