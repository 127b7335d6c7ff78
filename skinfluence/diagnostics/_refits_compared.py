"""Should an explainer be believed? Really refit without some rows, and compare."""

from dataclasses import dataclass, replace

import numpy as np
from sklearn.base import is_classifier

from .._parameters import check_whole
from ..changes import EncodedRemove
from ..methods import Answers, Method, RetrainAnswers, absolute_total, evaluate
from ..questions import EncodedLoss
from ._verification import Verification, compare

SELECTIONS = ("influential", "random", "mix")


@dataclass(frozen=True, eq=False)
class RefitComparison:
    """Compares what answers say of some test losses with real refits.

    Parameters
    ----------
    answers : Answers
        Estimates.
    method : Method
        What gave them.
    question : EncodedLoss
        The test losses.
    """

    answers: Answers
    method: Method
    question: EncodedLoss

    def verify(
        self, rows, selected_as, *, refine: bool, confidence: float, random: np.random.RandomState
    ) -> Verification:
        """Leave rows out one at a time, really, and compare.

        Parameters
        ----------
        rows : ndarray of int of shape (n_rows,)
            The rows; repeated ones are refitted once.
        selected_as : ndarray of str of shape (n_rows,)
            Why each was taken.
        refine : bool
            Whether each refit is taken to its optimum.
        confidence : float in (0, 1)
            Of the intervals.
        random : RandomState
            Draws them.
        """
        if not len(rows):
            raise ValueError(
                "There is no row to leave out: name one in `rows`, or give every class two rows."
            )
        distinct, columns = np.unique(rows, return_inverse=True)
        truth = RetrainAnswers.of(self.answers.fit, refine)
        question = replace(self.question, model=truth.fit.model)
        return compare(
            evaluate(
                self.answers,
                self.question,
                EncodedRemove(rows),
                n_jobs=self.answers.fit.n_jobs,
            ),
            evaluate(truth, question, EncodedRemove(distinct))[:, columns],
            rows,
            confidence=confidence,
            random=random,
            selected_as=selected_as,
            method=self.method.name,
            remedy=self.method.remedy,
        )

    def select(self, n_rows: int, select: str, random: np.random.RandomState):
        """Choose training rows; return them and why each was taken."""
        if not isinstance(select, str) or select not in SELECTIONS:
            raise ValueError(f"`select` must be one of {SELECTIONS}; got {select!r}.")
        check_whole("n_rows", n_rows)
        candidates = refittable_rows(self.answers.fit.model)
        n_rows = min(n_rows, len(candidates))
        n_influential = {"influential": n_rows, "random": 0, "mix": (n_rows + 1) // 2}[select]
        if n_influential:
            every = EncodedRemove(np.arange(self.answers.fit.model.n_rows))
            total = absolute_total(self.answers, self.question, every, self.answers.fit.n_jobs)
            candidates = candidates[np.argsort(-total[candidates], kind="stable")]
        drawn = random.permutation(candidates[n_influential:])[: n_rows - n_influential]
        rows = np.concatenate([candidates[:n_influential], drawn])
        return rows, np.repeat(["influential", "random"], [n_influential, len(drawn)])


def refittable_rows(model) -> np.ndarray:
    """Return the rows that another row of their class can stand in for."""
    if not is_classifier(model.estimator) or model.y.size != model.n_rows:
        return np.arange(model.n_rows)
    _, codes, sizes = np.unique(model.y, return_inverse=True, return_counts=True)
    return np.flatnonzero(sizes[codes.ravel()] > 1)
