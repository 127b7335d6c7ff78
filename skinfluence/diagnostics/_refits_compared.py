"""Should an explainer be believed? Really refit without some rows, and compare."""

from dataclasses import dataclass, replace

import numpy as np
from sklearn.base import is_classifier

from .._parameters import check_whole
from ..changes import EncodedRemove
from ..methods import Answers, Method, RetrainAnswers, absolute_total, evaluate
from ..questions import EncodedLoss
from ._verification import Verification, compare

#: Roundings up to which changes of the test losses are none.
ROUNDING = 1000
SELECTIONS = ("influential", "uncertain", "random", "mix")


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
        refitted = evaluate(truth, question, EncodedRemove(distinct))[:, columns]
        n_jobs = self.answers.fit.n_jobs
        estimated = evaluate(self.answers, self.question, EncodedRemove(rows), n_jobs=n_jobs)
        if np.maximum(np.abs(estimated), np.abs(refitted)).max(initial=0) <= self._rounding:
            estimated, refitted = np.zeros_like(estimated), np.zeros_like(refitted)
        return compare(
            estimated,
            refitted,
            rows,
            confidence=confidence,
            random=random,
            selected_as=selected_as,
            method=self.method.name,
            remedy=self.method.remedy,
            proved=self._proved(rows),
        )

    def select(self, n_rows: int, select: str, random: np.random.RandomState):
        """Choose training rows; return them and why each was taken."""
        if not isinstance(select, str) or select not in SELECTIONS:
            raise ValueError(f"`select` must be one of {SELECTIONS}; got {select!r}.")
        check_whole("n_rows", n_rows)
        candidates = refittable_rows(self.answers.fit.model)
        reasons = [select] if select != "mix" else ["influential", "uncertain", "random"]
        if not len(candidates):
            return candidates, np.array([], dtype=str)
        errors = np.full(self.answers.fit.model.n_rows, np.nan)
        if "uncertain" in reasons:
            errors[candidates] = self.answers.certificates(EncodedRemove(candidates)).errors
        if select == "mix" and np.all(np.isnan(errors)):
            reasons.remove("uncertain")
        rows, selected_as = candidates[:0], []
        n_left = min(n_rows, len(candidates))
        for position, reason in enumerate(reasons):
            n_taken = -(-n_left // (len(reasons) - position))
            rest = candidates[~np.isin(candidates, rows)]
            rows = np.append(rows, self._first(rest, reason, errors, random)[:n_taken])
            selected_as += [reason] * n_taken
            n_left -= n_taken
        return rows, np.array(selected_as)

    @property
    def _rounding(self):
        """A change of the test losses that is none: that of their sizes, and of predictions'."""
        losses, raw = self.question.value(self.answers.fit.model, None), self.question.raw
        slopes = np.abs(self.question.gradients()[1])
        size = np.abs(losses).max(initial=0) + np.abs(slopes * raw).max(initial=0)
        return ROUNDING * np.finfo(raw.dtype).eps * size

    def _first(self, rows, reason, errors, random):
        """Return rows in the order in which they are taken for a reason."""
        if reason == "random":
            return random.permutation(rows)
        if reason == "uncertain":  # of which nothing is known first
            return rows[np.argsort(-np.nan_to_num(errors[rows], nan=np.inf), kind="stable")]
        alone = EncodedRemove(rows)
        total = absolute_total(self.answers, self.question, alone, self.answers.fit.n_jobs)
        return rows[np.argsort(-total, kind="stable")]

    def _proved(self, rows):
        """Return the share of rows whose change is proved, nan where nothing is known."""
        errors, proved = self.answers.certificates(EncodedRemove(rows))
        return float(np.nan if np.all(np.isnan(errors)) else proved.mean())


def refittable_rows(model) -> np.ndarray:
    """Return the rows that another row of their class can stand in for."""
    if not is_classifier(model.estimator) or model.y.size != model.n_rows:
        return np.arange(model.n_rows)
    _, codes, sizes = np.unique(model.y, return_inverse=True, return_counts=True)
    return np.flatnonzero(sizes[codes.ravel()] > 1)
