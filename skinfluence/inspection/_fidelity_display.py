"""FidelityDisplay: estimated against refitted changes of the loss."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .._typing import MatrixLike, RowsLike
from ._matplotlib import import_pyplot

#: Colour and words for why a row was verified.
SELECTED_AS = {
    "influential": ("tab:orange", "row of large influence"),
    "uncertain": ("tab:green", "row of which least is certain"),
    "random": ("tab:blue", "random row"),
    "given": ("tab:blue", "row that was named"),
}


class FidelityDisplay:
    """Scatter of estimated against really refitted changes of the test losses.

    Make it with :meth:`from_estimator`, or with :meth:`from_verification` from a comparison that
    has been run. The estimates are right where the points lie on the identity line; where their
    regression line is flatter, effects are understated.

    Parameters
    ----------
    estimated, refitted : ndarray of shape (n_test, n_rows)
        Change of every test loss without each training row.
    rows : ndarray of shape (n_rows,)
        Indices of the training rows.
    pearson, slope : float
        Correlation, and slope of the regression of the estimate on the truth.
    pearson_interval, slope_interval : tuple (low, high), default=None
        Their uncertainty; None or NaN leaves it out of the title.
    selected_as : array-like of shape (n_rows,), default=None
        Why each row was taken: "influential", "random" or "given"; it chooses the colour.
    name : str, default=None
        Name of the estimate, for the title.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
        Where it was drawn.
    scatter_ : PathCollection
        One point for every test loss and training row.
    identity_, line_ : Line2D
        The line on which estimate and refit are equal, and the regression line.
    annotation_ : Annotation
        Names the row of the largest error.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import Ridge
    >>> from skinfluence import InfluenceExplainer
    >>> from skinfluence.inspection import FidelityDisplay
    >>> X, y = load_diabetes(return_X_y=True)
    >>> explainer = InfluenceExplainer(Ridge(), method="influence").fit(X[20:], y[20:])
    >>> display = FidelityDisplay.from_estimator(explainer, X[:20], y[:20], rows=range(10))
    >>> display.ax_.get_ylabel()
    'estimated change'
    """

    def __init__(
        self,
        *,
        estimated: ArrayLike,
        refitted: ArrayLike,
        rows: ArrayLike,
        pearson: float,
        slope: float,
        pearson_interval: tuple[float, float] | None = None,
        slope_interval: tuple[float, float] | None = None,
        selected_as: ArrayLike | None = None,
        name: str | None = None,
    ) -> None:
        self.estimated = np.asarray(estimated)
        self.refitted = np.asarray(refitted)
        self.rows = np.asarray(rows)
        self.pearson = pearson
        self.slope = slope
        self.pearson_interval = pearson_interval
        self.slope_interval = slope_interval
        self.selected_as = None if selected_as is None else np.asarray(selected_as)
        self.name = name

    @classmethod
    def from_verification(
        cls, verification: Any, *, ax: Any = None, name: str | None = None, **plot_params: Any
    ) -> "FidelityDisplay":
        """Draw what ``InfluenceExplainer.verify`` returned.

        Parameters
        ----------
        verification : Verification
            Its result.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        name : str, default=None
            Name of the estimate; None means the explainer's ``method_``.
        **plot_params : dict
            Handed to :meth:`plot`.

        Returns
        -------
        display : FidelityDisplay
        """
        figures = ("pearson", "slope", "pearson_interval", "slope_interval")
        names = ("estimated", "refitted", "rows", "selected_as", *figures)
        numbers = {key: verification[key] for key in names}
        name = verification.method if name is None else name
        return cls(**numbers, name=name).plot(ax, **plot_params)

    @classmethod
    def from_estimator(
        cls,
        explainer: Any,
        X_test: MatrixLike,
        y_test: ArrayLike,
        *,
        rows: RowsLike | None = None,
        n_rows: int = 20,
        select: str = "mix",
        refine: bool = True,
        confidence: float = 0.95,
        random_state: int | np.random.RandomState | None = None,
        ax: Any = None,
        name: str | None = None,
        **plot_params: Any,
    ) -> "FidelityDisplay":
        """Really refit without some rows, and draw the comparison.

        Parameters
        ----------
        explainer : InfluenceExplainer
            Fitted.
        X_test, y_test : array-like of n_test rows
            Rows whose losses are asked about, y in the user's labels.
        rows, n_rows, select, refine, confidence, random_state : optional
            As in :meth:`skinfluence.InfluenceExplainer.verify`.
        ax, name : optional
            As in :meth:`from_verification`.
        **plot_params : dict
            As in :meth:`plot`.

        Returns
        -------
        display : FidelityDisplay
        """
        import_pyplot(f"{cls.__name__}.from_estimator")  # before the refits, not after
        verification = explainer.verify(
            X_test,
            y_test,
            rows=rows,
            n_rows=n_rows,
            select=select,
            refine=refine,
            confidence=confidence,
            random_state=random_state,
        )
        return cls.from_verification(verification, ax=ax, name=name, **plot_params)

    def plot(
        self,
        ax: Any = None,
        *,
        name: str | None = None,
        scatter_kw: dict | None = None,
        identity_kw: dict | None = None,
        line_kw: dict | None = None,
    ) -> "FidelityDisplay":
        """Draw the points, the identity, the regression line, and name the worst row.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        name : str, default=None
            Name of the estimate; None means the stored one.
        scatter_kw, identity_kw, line_kw : dict, default=None
            Handed to matplotlib for the points and the two lines.

        Returns
        -------
        display : FidelityDisplay
            Itself.
        """
        plt = import_pyplot(f"{type(self).__name__}.plot")
        if ax is None:
            _, ax = plt.subplots(figsize=(5.5, 5.5), layout="constrained")
        self.ax_, self.figure_ = ax, ax.figure
        limits = self._limits()
        self._draw_lines(limits, identity_kw or {}, line_kw or {})
        self._draw_points(scatter_kw or {})
        self.annotation_ = self._annotate_worst(limits)
        ax.set(xlim=limits, ylim=limits, aspect="equal")
        ax.set(xlabel="change of the test loss in a real refit", ylabel="estimated change")
        ax.set_title(self._title(self.name if name is None else name), fontsize="medium")
        ax.legend(loc="upper left", fontsize="small")
        return self

    def _limits(self):
        low = min(np.min(self.estimated), np.min(self.refitted))
        high = max(np.max(self.estimated), np.max(self.refitted))
        margin = 0.06 * (high - low) or 1.0
        return np.array([low - margin, high + margin])

    def _draw_lines(self, limits, identity_kw, line_kw):
        identity_kw = {"color": "0.6", "lw": 1, "label": "estimate = refit"} | identity_kw
        (self.identity_,) = self.ax_.plot(limits, limits, **identity_kw)
        line_kw = {"color": "black", "ls": "--", "lw": 1, "label": "regression"} | line_kw
        fitted = np.mean(self.estimated) + self.slope * (limits - np.mean(self.refitted))
        (self.line_,) = self.ax_.plot(limits, fitted, **line_kw)

    def _draw_points(self, scatter_kw):
        truth, estimate = np.ravel(self.refitted), np.ravel(self.estimated)
        kinds = np.full(len(self.rows), "given") if self.selected_as is None else self.selected_as
        kinds = np.broadcast_to(kinds, np.shape(self.estimated)).ravel()
        style: dict[str, Any] = {"s": 18, "alpha": 0.7, "lw": 0, "zorder": 2}
        if not {"c", "color", "facecolor", "facecolors"} & set(scatter_kw):
            style["color"] = [SELECTED_AS[kind][0] for kind in kinds]
            for kind in dict.fromkeys(kinds.tolist()):
                color, label = SELECTED_AS[kind]
                self.ax_.scatter([], [], **style | scatter_kw | {"color": color, "label": label})
        self.scatter_ = self.ax_.scatter(truth, estimate, **style | scatter_kw)

    def _annotate_worst(self, limits):
        errors = np.abs(np.subtract(self.estimated, self.refitted))
        worst = np.unravel_index(np.argmax(errors), errors.shape)
        point = self.refitted[worst], self.estimated[worst]
        side = 1 if point[1] > point[0] else -1  # away from the identity, where there is room
        taken = (point[0] - limits[0]) / (limits[1] - limits[0])
        taken = taken if side < 0 else 1 - taken
        placed = int(np.searchsorted([0.5, 0.8], taken))
        return self.ax_.annotate(
            f"row {self.rows[worst[1]]}, largest error",
            point,
            xytext=(0, 40 * side) if placed else (-15 * side, 15 * side),
            textcoords="offset points",
            ha=("left", "center", "right")[::-side][placed],
            va="center",
            fontsize="small",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1, "alpha": 0.8},
            arrowprops={"arrowstyle": "-", "color": "0.4", "lw": 0.8},
        )

    def _title(self, name):
        n_test, n_rows = np.shape(self.estimated)
        head = f"{n_rows} rows left out, {n_test} test losses"
        figures = [
            _figure("Pearson", self.pearson, self.pearson_interval),
            _figure("slope", self.slope, self.slope_interval),
        ]
        return "\n".join([head if name is None else f"{name}: {head}", ", ".join(figures)])


def _figure(name, value, interval):
    known = interval is not None and np.all(np.isfinite(interval))
    return f"{name} {value:.3f}" + (" [{:.3f}, {:.3f}]".format(*interval) if known else "")
