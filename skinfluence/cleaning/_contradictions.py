"""Which training rows speak for the label that is suggested, against the one that was given.

They are those without which the margin between the two would fall most, to first order:

    effect_ij = m_i · H⁻¹ · R_jᵀ,        m_i = ∇theta (raw_suggested - raw_given) at row i,

and, relative to how much row j moves the parameters, those that resemble row i: divided by
``√(R_j H⁻¹ R_jᵀ)`` the effect is the cosine of the two (Barshan, Brunet and Dziugaite 2020,
"RelatIF"). A linear prediction's effect is a sum over its columns, ``Σ_f m_if (H⁻¹ R_j)_f``, whose
largest terms say what makes a row a witness.
"""

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
from sklearn.utils import Bunch

from .._blocks import row_blocks, strongest_of, take_rows
from ..operators import Removal
from ._scored_model import ScoredModel

#: Witnesses among which convincing ones are looked for.
CONSIDERED = 100
#: Columns that are named for each witness.
NAMED = 3


class FittedCleaner(Protocol):
    """What ``convincing`` needs of a fitted ``LabelCleaner``."""

    flagged_: np.ndarray
    loo_probabilities_: np.ndarray | None

    def contradicting_rows(self, rows: Any = None, *, k: int = 5) -> Bunch:
        """Return the k rows that contradict each of ``rows`` most."""


def contradicting_rows(
    scored: ScoredModel,
    rows: np.ndarray,
    given: np.ndarray,
    suggested: np.ndarray,
    k: int,
    relative: bool,
) -> Bunch:
    """Return ``rows``, ``influence`` and ``features`` of the k rows that contradict each of some.

    Parameters
    ----------
    scored : ScoredModel
    rows : ndarray of int of shape (n_rows,)
        Whose labels are contradicted.
    given, suggested : ndarray of shape (n_rows, ...)
        Their labels or values, and those that are suggested for them.
    k : int
    relative : bool
        Whether effects are divided by how much each row moves the parameters.
    """
    problem, n = scored.working, scored.problem.n_rows
    found = Bunch(rows=np.empty((len(rows), k), int), influence=np.empty((len(rows), k)))
    directions = _directions(problem, given, suggested)
    sizes = _sizes(scored) if relative else np.ones(n)
    row_bytes = 3 * (problem.n_outputs * len(problem.theta) + n) * problem.theta.itemsize
    for block in row_blocks(len(rows), row_bytes):
        part = rows[block], directions[block]
        found.rows[block], found.influence[block] = _block(scored, *part, sizes, k)
    found.features = _features(scored, rows, directions, found.rows)
    return found


def _directions(problem, given, suggested):
    """Return which way the raw predictions of rows move towards the suggestion, (n_rows, K)."""
    towards = np.zeros((len(given), problem.n_outputs), dtype=problem.theta.dtype)
    if len(given):
        encoded = [problem.targets.encode(y, towards.dtype) for y in (suggested, given)]
        towards[:, : encoded[0].shape[1]] = encoded[0] - encoded[1]  # Huber's scale is not asked
    largest = np.abs(towards).max(axis=1, keepdims=True, initial=0)
    return towards / np.where(largest > 0, largest, 1)


def _sizes(scored):
    """Return ``√(R_j H⁻¹ R_jᵀ)`` of every row's own share."""
    problem = scored.working
    pulls = problem.weights[:, None] * problem.gradients
    leverages = scored.inverse.leverages(np.arange(problem.n_rows))
    squares = np.einsum("nk,nkl,nl->n", pulls, leverages, pulls)
    sizes = np.sqrt(np.maximum(squares, 0))
    return np.where(sizes > 0, sizes, np.inf)  # what moves nothing is no witness


def _block(scored, suspects, directions, sizes, k):
    problem = scored.working
    margins = problem.predictor.row_gradients(take_rows(problem.X, suspects), directions)
    solved = scored.inverse @ margins.T

    def against(block: slice) -> np.ndarray:
        rows = np.arange(problem.n_rows)[block]
        strength = -(Removal(problem, rows) @ solved).T / sizes[rows]
        strength[suspects[:, None] == rows] = -np.inf  # a row does not contradict itself
        return strength

    row_bytes = 3 * len(suspects) * problem.theta.itemsize
    rows, strength = strongest_of(row_blocks(problem.n_rows, row_bytes), against, k)
    return rows, -strength * np.where(np.isinf(sizes), 1, sizes)[rows]


def _features(scored, suspects, directions, witnesses):
    """Return the columns of the largest terms of every effect, (n_rows, k, NAMED); None if none.

    Columns are those of X as the final estimator takes them.
    """
    problem = scored.working
    predictor = problem.predictor
    linear = predictor.is_linear and predictor.by_columns and not problem.in_kernel_features
    if not linear or not witnesses.size:
        return None
    p = problem.X.shape[1]
    named = np.empty((*witnesses.shape, min(NAMED, p)), dtype=int)
    for i, (row, others) in enumerate(zip(suspects, witnesses)):
        moves = (scored.inverse @ Removal(problem, others).dense().T).T
        own = take_rows(problem.X, np.array([row]))
        own = np.ravel(own.toarray() if hasattr(own, "toarray") else own)
        for j, move in enumerate(moves):
            coef = predictor.unflatten(move)[0]
            terms = np.abs(own * (directions[i, : len(coef)] @ coef))
            named[i, j] = np.argsort(-terms, kind="stable")[: named.shape[2]]
    return named


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
