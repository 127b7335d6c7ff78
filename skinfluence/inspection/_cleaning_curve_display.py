"""CleaningCurveDisplay: what inspecting the most suspicious rows finds, and is worth."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import Bunch

from .._typing import MatrixLike
from ..metrics import cleaning_curve
from ._matplotlib import import_pyplot

#: Words for the orders in which rows are inspected, a marker and a colour for each.
ORDERS = {
    "loo_loss": ("leave-one-out loss", "o-", "tab:blue"),
    "self_influence": ("self-influence", "s-", "tab:orange"),
    "loss": ("training loss", "^-", "black"),
    "random": ("random", "x--", "0.5"),
}


class CleaningCurveDisplay:
    """Share of wrong labels found, and test score after correcting them, as rows are inspected.

    Make it with :meth:`from_estimator`, or with :meth:`from_curve` from what
    :func:`skinfluence.metrics.cleaning_curve` returned. Lines are means over draws of flipped
    labels, bars their standard errors.

    Parameters
    ----------
    shares : ndarray of shape (n_shares,)
        Shares of the rows inspected.
    found, scores : dict of ndarray of shape (n_draws, n_shares)
        Share of the wrong labels found, and the test score, by the name of the order:
        one of ``cleaning_curve``, or any other.
    clean_scores, noisy_scores : ndarray of shape (n_draws,)
        Test scores with the right labels, and with none corrected.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes of shape (2,)
        Labels found on the left, test score on the right.
    figure_ : matplotlib Figure
        Where it was drawn.
    errorbars_ : dict of list of ErrorbarContainer
        The curves of every order, on both axes.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.preprocessing import scale
    >>> from skinfluence import LabelCleaner
    >>> from skinfluence.inspection import CleaningCurveDisplay
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> X = scale(X)
    >>> display = CleaningCurveDisplay.from_estimator(
    ...     LabelCleaner(), X[:300], y[:300], X[300:], y[300:], n_draws=2, random_state=0
    ... )
    >>> display.axes_[0].get_xlabel()
    'rows inspected (%)'
    """

    def __init__(
        self,
        *,
        shares: ArrayLike,
        found: dict,
        scores: dict,
        clean_scores: ArrayLike,
        noisy_scores: ArrayLike,
    ) -> None:
        self.shares = np.asarray(shares)
        self.found = found
        self.scores = scores
        self.clean_scores = np.asarray(clean_scores)
        self.noisy_scores = np.asarray(noisy_scores)

    @classmethod
    def from_curve(
        cls, curve: Bunch, *, ax: ArrayLike | None = None, **plot_params: Any
    ) -> "CleaningCurveDisplay":
        """Draw what ``cleaning_curve`` returned.

        Parameters
        ----------
        curve : Bunch
            Its result.
        ax : array-like of two matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **plot_params : dict
            Handed to :meth:`plot`.

        Returns
        -------
        display : CleaningCurveDisplay
        """
        return cls(**curve).plot(ax, **plot_params)

    @classmethod
    def from_estimator(
        cls,
        cleaner: Any,
        X: MatrixLike,
        y: ArrayLike,
        X_test: MatrixLike,
        y_test: ArrayLike,
        *,
        ax: ArrayLike | None = None,
        plot_kw: dict | None = None,
        **params: Any,
    ) -> "CleaningCurveDisplay":
        """Flip labels, find them again, and draw the curves.

        Parameters
        ----------
        cleaner : LabelCleaner
            Around a classifier.
        X, y : array-like of n_train rows
            Rows and labels that are held to be right.
        X_test, y_test : array-like of n_test rows
            Rows to score the corrected model on.
        ax : array-like of two matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        plot_kw : dict, default=None
            Handed to :meth:`plot`.
        **params : dict
            Handed to :func:`skinfluence.metrics.cleaning_curve`.

        Returns
        -------
        display : CleaningCurveDisplay
        """
        import_pyplot(f"{cls.__name__}.from_estimator")  # before the fits, not after
        curve = cleaning_curve(cleaner, X, y, X_test, y_test, **params)
        return cls.from_curve(curve, ax=ax, **(plot_kw or {}))

    def plot(
        self,
        ax: ArrayLike | None = None,
        *,
        score_name: str = "test score",
        line_kw: dict | None = None,
    ) -> "CleaningCurveDisplay":
        """Draw both panels.

        Parameters
        ----------
        ax : array-like of two matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        score_name : str, default="test score"
            What the score is, for its axis.
        line_kw : dict, default=None
            Handed to matplotlib for the curves.

        Returns
        -------
        display : CleaningCurveDisplay
            Itself.
        """
        plt = import_pyplot(f"{type(self).__name__}.plot")
        if ax is None:
            _, ax = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
        self.axes_ = np.ravel(ax)
        self.figure_ = self.axes_[0].figure
        percent, self.errorbars_ = 100 * self.shares, {}
        for order, aside in zip(self.found, _aside(percent, len(self.found))):
            name, style, color = ORDERS.get(order, (order, "D-", None))
            kw = {"fmt": style, "color": color, "ms": 4, "capsize": 2, "label": name}
            kw |= line_kw or {}
            self.errorbars_[order] = [
                axis.errorbar(percent + aside, np.mean(values, axis=0), _error(values), **kw)
                for axis, values in zip(self.axes_, (self.found[order], self.scores[order]))
            ]
        levels = (
            (np.mean(self.clean_scores), "right labels"),
            (np.mean(self.noisy_scores), "as given"),
        )
        for (level, name), va in zip(sorted(levels), ("top", "bottom")):  # apart if they are equal
            self.axes_[1].axhline(level, color="0.5", ls=":", lw=1)
            beside = {"xycoords": ("axes fraction", "data"), "va": va, "color": "0.4"}
            self.axes_[1].annotate(name, (1.01, level), fontsize="small", **beside)
        self.axes_[0].set(ylabel="share of the wrong labels found", ylim=(0, 1.03))
        self.axes_[1].set(ylabel=f"{score_name} after correcting them")
        for axis in self.axes_:
            axis.set_xlabel("rows inspected (%)")
            axis.grid(alpha=0.3)
        above = {"loc": "lower center", "bbox_to_anchor": (0.5, 1.0), "frameon": False}
        self.axes_[0].legend(fontsize="small", ncols=2, **above)
        return self


def _aside(percent, n_orders):
    """Return how far each curve is drawn aside, so that bars of equal curves are told apart."""
    gap = np.diff(np.sort(percent)).min(initial=5.0)
    return 0.08 * gap * (np.arange(n_orders) - (n_orders - 1) / 2)


def _error(values):
    """Return the standard error over draws, or None of a single one."""
    n_draws = len(values)
    return np.std(values, axis=0, ddof=1) / np.sqrt(n_draws) if n_draws > 1 else None
