"""How far the numbers of a report can be trusted, in words: diagnostics, and real refits."""

from dataclasses import dataclass

import numpy as np

from .._diagnostics_of_fit import FitDiagnostics, is_cheap
from .._verification import Verification
from ..scores import stopped_short
from ._plots import fidelity
from ._values import count, signed

#: Rows that are really left out for a report, and test rows that are then asked about.
REFITTED, TESTED = 10, 20


@dataclass(frozen=True)
class Figure:
    """A diagnostic: what it is, its value, and what the value means."""

    name: str
    value: str
    meaning: str


def diagnostics(fit: FitDiagnostics, decrement: float, typical: float) -> list[Figure]:
    """Return the Figures of a fit.

    Parameters
    ----------
    fit : FitDiagnostics
        Of the model behind the numbers.
    decrement, typical : float
        How far the fit is from its optimum, and how far the median row would move it.
    """
    problem, n_parameters = fit.problem, len(fit.problem.theta)
    short = stopped_short(problem, decrement, typical)
    found = [
        Figure("Parameters", count(n_parameters), "numbers that were learnt from the data"),
        Figure(
            "Optimum",
            "stopped short" if short else "reached",
            "the fit is too far from the best one, and the estimates are off by as much"
            if short
            else "the fit is as good as the model allows, as the estimates suppose",
        ),
    ]
    cheap = is_cheap(fit)
    if cheap or "effective_dimension" in vars(fit):
        found.append(_dimension(fit.effective_dimension, problem.n_rows))
    if fit.inverse.exact:
        lost = fit.residual > 1e-3
        meaning = "too much: the columns may be very unlike in size" if lost else "next to nothing"
        found.append(Figure("Error of solving", f"{fit.residual:.0e}", meaning))
    return found


def _dimension(dimension, n_rows):
    close = dimension > n_rows / 2
    meaning = (
        "close to the number of rows: the model repeats many labels, and sees few errors"
        if close
        else f"parameters that the {count(n_rows)} rows determine: well below their number"
    )
    return Figure("Effective parameters", f"{dimension:,.1f}", meaning)


@dataclass(frozen=True)
class Trust:
    """What real refits said about the estimates.

    Parameters
    ----------
    verification : Verification
        Of the rows that were refitted.
    asked : str
        Whose losses were compared, for the sentence: "their own loss".
    """

    verification: Verification
    asked: str

    @property
    def known(self) -> bool:
        """Whether the effects differ, so that anything can be said."""
        return bool(np.isfinite([self.verification.pearson, self.verification.slope]).all())

    @property
    def agrees(self) -> bool:
        """Whether estimates agree with refits."""
        return self.verification.agrees

    @property
    def verdict(self) -> str:
        """One sentence for a reader who knows nothing of either."""
        if not self.known:
            return "The refits do not tell: they hardly changed anything."
        if self.agrees:
            return "The estimates agree with the refits."
        return "The estimates do not agree well with the refits: take the numbers with care."

    @property
    def figures(self) -> list[Figure]:
        """Correlation and slope, each with its meaning."""
        found = self.verification
        return [
            Figure(
                "Correlation",
                f"{found.pearson:.3f}",
                "of estimates and refits: 1 is the same order, 0 is chance",
            ),
            Figure(
                "Slope",
                f"{found.slope:.3f}",
                "of the estimate on the truth: 1 is the right size, below 1 understates",
            ),
        ]

    @property
    def rows(self) -> list[tuple[int, str, str, str]]:
        """(row, why it was taken, estimated, refitted) of every refit, the largest test change."""
        found = self.verification
        largest = np.argmax(np.abs(found.refitted), axis=0)
        columns = np.arange(len(found.rows))
        pairs = found.estimated[largest, columns], found.refitted[largest, columns]
        return [
            (int(row), str(why), signed(estimate), signed(truth))
            for row, why, estimate, truth in zip(found.rows, found.selected_as, *pairs)
        ]

    @property
    def plot(self) -> str:
        """Estimates against refits as SVG."""
        description = (
            f"Estimated against really refitted changes of {self.asked}; {self.verdict} "
            f"Correlation {self.verification.pearson:.3f}."
        )
        return fidelity(self.verification, description)
