"""Verification: what comparing estimates with real refits found, and whether to believe them."""

from typing import Any

import numpy as np
from sklearn.utils import Bunch

from ._fidelity import Fidelity

#: Below this correlation a tenth of the variance of the effects, or more, is something else.
LEAST_PEARSON = 0.95
#: Between these slopes the sizes of the effects are right to a quarter.
SLOPES = (0.8, 1.25)

FIGURES = ("pearson", "spearman", "slope", "sign_agreement")


class Verification(Bunch):
    """What ``InfluenceExplainer.verify`` found: items that are attributes, and a verdict.

    Attributes
    ----------
    pearson, spearman, slope, sign_agreement : float
        Agreement of estimates and refits over all n_test × n_rows pairs; the slope is that of the
        regression of the estimate on the truth. NaN where all effects are the same.
    pearson_interval, spearman_interval, slope_interval, sign_agreement_interval : tuple
        (low, high) of each, from resampled rows; (nan, nan) with fewer than 3 rows.
    rows : ndarray of shape (n_rows,)
        The training rows that were left out, one at a time.
    selected_as : ndarray of shape (n_rows,)
        Why each row was taken: "influential", "uncertain", "random" or "given".
    estimated, refitted : ndarray of shape (n_test, n_rows)
        The explainer's loss influence, and the change of the loss in a real refit.
    worst_row, worst_test : int
        The training row, and the test row, of the largest error.
    worst_error : float
        That error, absolute, in units of the loss.
    relative_error : float
        Norm of all errors divided by the norm of the refitted changes.
    confidence : float
        Nominal coverage of the intervals.
    proved : float
        Share of the rows whose certificate is a bound by theorem; nan where the method has none.
    method : str
        The explainer's ``method_``.
    remedy : str
        What to do where its estimates do not agree.
    """

    @property
    def agrees(self):
        """Whether Pearson >= 0.95 and 0.8 <= slope <= 1.25; False where these are not defined."""
        return not _poor(self.pearson, self.slope)

    @property
    def verdict(self):
        """Whether the estimates agree with the refits, what to do if not, and what is proved."""
        if np.isnan(self.proved):
            return self._said
        return f"{self._said} Of {self.proved:.0%} of these rows the change is proved as well."

    @property
    def _said(self):
        if not np.all(np.isfinite([self.pearson, self.slope])):
            return "Nothing can be said, because all effects are the same: ask about other rows."
        poor = _poor(self.pearson, self.slope)
        if poor:
            return f"Do not rely on these estimates: {poor}. {self.remedy}"
        if not np.all(np.isfinite([*self.pearson_interval, *self.slope_interval])):
            return "The estimates agree with the refits, but of too few rows for an interval."
        poor = _poor(self.pearson_interval[0], *self.slope_interval)
        if poor:
            return f"The estimates agree with the refits; other rows may not, up to {poor}."
        return "The estimates agree with the refits."

    def __repr__(self):
        n_test, n_rows = self.estimated.shape
        worst = self.worst_test, int(np.flatnonzero(self.rows == self.worst_row)[0])
        lines = [
            f'Verification of method="{self.method}": {_count(n_rows, "row")} really left out, '
            f"{_count(n_test, 'test loss', 'es')}"
        ]
        for name in FIGURES:
            low, high = self[f"{name}_interval"]
            lines.append(f"  {name:<15s} {self[name]:6.3f}  [{low:.3f}, {high:.3f}]")
        lines += [
            f"  {'relative_error':<15s} {self.relative_error:6.3f}",
            f"  worst row {self.worst_row}: estimated {self.estimated[worst]:.4g}, "
            f"refitted {self.refitted[worst]:.4g} (test row {self.worst_test})",
            self.verdict,
        ]
        return "\n".join(lines)


def compare(estimated, refitted, rows, *, confidence, random, **context):
    """Return the Verification of estimates against refits.

    Parameters
    ----------
    estimated, refitted : ndarray of shape (n_test, n_rows)
        Change of every test loss without each training row.
    rows : ndarray of shape (n_rows,)
        The training row of each column.
    confidence : float in (0, 1)
        Nominal coverage of the intervals.
    random : RandomState
        Draws their resamples.
    **context : dict
        Items to keep beside the figures: ``selected_as``, ``method``, ``remedy`` and ``proved``.
    """
    fidelity = Fidelity(estimated.astype(float), refitted.astype(float), rows)
    figures, intervals = fidelity.figures(), fidelity.intervals(confidence, random)
    errors = np.abs(fidelity.estimated - fidelity.refitted)
    test, column = np.unravel_index(np.argmax(errors), errors.shape)
    size = np.linalg.norm(fidelity.refitted)
    found: dict[str, Any] = {name: float(figure) for name, figure in zip(FIGURES, figures)}
    found |= {f"{name}_interval": tuple(ends.tolist()) for name, ends in zip(FIGURES, intervals)}
    return Verification(
        **found,
        estimated=estimated,
        refitted=refitted,
        worst_row=int(rows[column]),
        worst_test=int(test),
        worst_error=float(errors[test, column]),
        relative_error=float(np.linalg.norm(errors) / size) if size else np.nan,
        rows=rows,
        confidence=confidence,
        **context,
    )


def _poor(pearson, *slopes):
    """Say which figures lie beyond the thresholds; an empty string if none is."""
    said = [] if pearson >= LEAST_PEARSON else [f"Pearson {pearson:.3f} is below {LEAST_PEARSON}"]
    said += [
        f"slope {slope:.3f} is outside {list(SLOPES)}"
        for slope in slopes
        if not SLOPES[0] <= slope <= SLOPES[1]
    ]
    return " and ".join(said)


def _count(number, noun, plural="s"):
    return f"{number} {noun}{plural if number != 1 else ''}"
