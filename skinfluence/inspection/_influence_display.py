"""InfluenceDisplay: influence of every training row on one prediction, against distance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.utils.validation import check_is_fitted

from .._parameters import check_whole
from .._typing import Array, MatrixLike
from ..adapters import encode_features
from ._matplotlib import import_pyplot

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Inches of the figure, and of its points.
WIDTH, HEIGHT = 5.5, 4.2
HELPFUL, HARMFUL, OTHERS = "tab:blue", "tab:orange", "0.6"


class InfluenceDisplay:
    """Scatter of the influence of training rows on one test loss against their distance.

    Make it with :meth:`from_estimator`. The rows that help and harm most are marked, and named;
    where rows are images, these are shown beside the test image.

    Parameters
    ----------
    influence, distance : ndarray of shape (n_rows,)
        Loss influence of every training row, and its distance to the test row.
    helpful, harmful : ndarray of int of shape (k,)
        Rows to mark, strongest first.
    same_class : ndarray of bool of shape (n_rows,), default=None
        Which rows have the test row's label; None, on a regression, gives all the same marker.
    labels : array-like of shape (n_rows,), default=None
        Labels of the training rows, for the titles of their images.
    images : ndarray of shape (n_rows, height, width) or (n_rows, height, width, 3), default=None
        The training rows as images; None draws none.
    test_image : ndarray of shape (height, width) or (height, width, 3), default=None
        The test row as an image.
    name : str, default=None
        Title.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
        Where the points were drawn.
    image_axes_ : ndarray of matplotlib Axes of shape (2, k), or None
        Helpful rows above harmful ones.
    test_axes_ : matplotlib Axes or None
        The test image, on their left.
    scatters_ : list of PathCollection
        The points: rows of the test row's class, and others.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skinfluence import InfluenceExplainer
    >>> from skinfluence.inspection import InfluenceDisplay
    >>> X, y = load_digits(n_class=2, return_X_y=True)
    >>> explainer = InfluenceExplainer(refine=True).fit(X[20:] / 16, y[20:])
    >>> display = InfluenceDisplay.from_estimator(
    ...     explainer, X[:1] / 16, y[:1], k=3, image_shape=(8, 8)
    ... )
    >>> display.image_axes_.shape
    (2, 3)
    """

    def __init__(
        self,
        *,
        influence: ArrayLike,
        distance: ArrayLike,
        helpful: ArrayLike,
        harmful: ArrayLike,
        same_class: ArrayLike | None = None,
        labels: ArrayLike | None = None,
        images: ArrayLike | None = None,
        test_image: ArrayLike | None = None,
        name: str | None = None,
    ) -> None:
        self.influence = np.asarray(influence)
        self.distance = np.asarray(distance)
        self.helpful = np.asarray(helpful, dtype=int)
        self.harmful = np.asarray(harmful, dtype=int)
        self.same_class = None if same_class is None else np.asarray(same_class)
        self.labels = None if labels is None else np.asarray(labels)
        self.images = None if images is None else np.asarray(images)
        self.test_image = None if test_image is None else np.asarray(test_image)
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        explainer: Any,
        X_test: MatrixLike,
        y_test: ArrayLike,
        *,
        k: int = 5,
        image_shape: tuple | None = None,
        name: str | None = None,
        ax: Any = None,
        **plot_params: Any,
    ) -> InfluenceDisplay:
        """Ask a fitted explainer about one test row, and draw its answer.

        Parameters
        ----------
        explainer : InfluenceExplainer
            Fitted, of a supported estimator.
        X_test, y_test : array-like of one row
            The row asked about.
        k : int, default=5
            Rows to mark on either side.
        image_shape : tuple of int, default=None
            Shape of a row as an image, (height, width) or (height, width, 3). Rows are shown, and
            distances taken, as the final step of a Pipeline sees them; of a precomputed kernel,
            distances are those of its own space.
        name : str, default=None
            Title.
        ax : matplotlib Axes, default=None
            Where to draw the points alone, without images; None makes a new figure.
        **plot_params : dict
            Handed to :meth:`plot`.

        Returns
        -------
        display : InfluenceDisplay

        Raises
        ------
        ValueError
            If there is not one test row, or ``image_shape`` does not hold a row.
        """
        import_pyplot(f"{cls.__name__}.from_estimator")  # before the estimates, not after
        check_is_fitted(explainer)
        check_whole("k", k)
        problem, images, test_image = explainer.problem_, None, None
        if problem is None:
            raise ValueError(
                'Distances are taken in the features of a supported estimator; method="retrain" of '
                "another one knows none."
            )
        trained, test = _features(explainer, X_test)
        if test.shape[0] != 1:
            raise ValueError(f"Give one test row; got {test.shape[0]}.")
        if image_shape is not None:
            images, test_image = (_as_images(rows, image_shape) for rows in (trained, test))
        influence = explainer.loss_influence(X_test, y_test)[0]
        order = np.argsort(influence, kind="stable")
        k = min(k, len(order) // 2)
        labels = explainer.answers_.fit.model.y
        categorical = hasattr(problem.targets, "classes") and labels.ndim == 1
        return cls(
            influence=influence,
            distance=euclidean_distances(trained, test)[:, 0],
            helpful=order[::-1][:k],
            harmful=order[:k],
            same_class=labels == np.ravel(y_test)[0] if categorical else None,
            labels=labels if categorical else None,
            images=images,
            test_image=None if test_image is None else test_image[0],
            name=name,
        ).plot(ax, **plot_params)

    def plot(
        self, ax: Any = None, *, scatter_kw: dict | None = None, image_kw: dict | None = None
    ) -> InfluenceDisplay:
        """Draw the points, mark the strongest rows, and show them if they are images.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw the points alone; None makes a new figure.
        scatter_kw, image_kw : dict, default=None
            Handed to matplotlib for the points and for the images.

        Returns
        -------
        display : InfluenceDisplay
            Itself.
        """
        plt = import_pyplot(f"{type(self).__name__}.plot")
        self.image_axes_: Array | None = None
        self.test_axes_: Axes | None = None
        if ax is None and self.images is not None:
            below = 2 * min(1.2, WIDTH / (len(self.helpful) + 1))  # inches of two rows of images
            self.figure_ = plt.figure(figsize=(WIDTH, HEIGHT + below), layout="constrained")
            parts = self.figure_.subfigures(2, 1, height_ratios=(HEIGHT, below))
            ax = parts[0].subplots()
            self._draw_images(parts[1], self.images, {"cmap": "gray_r"} | (image_kw or {}))
        elif ax is None:
            self.figure_, ax = plt.subplots(figsize=(WIDTH, HEIGHT), layout="constrained")
        else:
            self.figure_ = ax.figure
        self.ax_ = ax
        self._draw_points(scatter_kw or {})
        ax.axhline(0, color="0.7", lw=0.8, zorder=0)
        ax.set(xlabel="distance to the test row", ylabel="influence on its loss")
        ax.set_title(self.name or "positive: the row helps", fontsize="medium")
        ax.legend(fontsize="small", title="training row")
        return self

    def _draw_points(self, scatter_kw):
        influence, distance = self.influence, self.distance
        colors = np.full(len(influence), OTHERS, dtype=object)
        colors[self.helpful], colors[self.harmful] = HELPFUL, HARMFUL
        same = np.ones(len(influence), dtype=bool) if self.same_class is None else self.same_class
        kinds = [(same, "o", "" if self.same_class is None else "same class")]
        if self.same_class is not None:
            kinds.append((~same, "^", "another class"))
        self.scatters_ = []
        style = {"s": 18, "alpha": 0.8, "lw": 0}
        for mask, marker, label in kinds:
            rows = np.flatnonzero(mask)
            rows = rows[np.argsort(colors[rows] != OTHERS, kind="stable")]  # marked rows on top
            own = style | {"marker": marker, "color": colors[rows].tolist()} | scatter_kw
            self.scatters_.append(self.ax_.scatter(distance[rows], influence[rows], **own))
            if label:
                self.ax_.scatter([], [], **own | {"color": OTHERS, "label": label})
        for color, label in ((HELPFUL, "most helpful"), (HARMFUL, "most harmful")):
            self.ax_.scatter([], [], **style | {"marker": "s", "color": color, "label": label})
        self.ax_.margins(y=0.12)  # room for the names: above the highest point, below the lowest
        for rows, side in ((self.helpful, 1), (self.harmful, -1)):
            for row in rows[:1]:
                self.ax_.annotate(
                    f"row {row}",
                    (distance[row], influence[row]),
                    xytext=(0, 5 * side),
                    textcoords="offset points",
                    ha="center",
                    va="bottom" if side > 0 else "top",
                    fontsize="small",
                )

    def _draw_images(self, figure, images, image_kw):
        k = len(self.helpful)
        grid = figure.add_gridspec(2, k + 1)
        self.test_axes_ = figure.add_subplot(grid[:, 0])
        shown: list[tuple[Axes, Any, str]] = [(self.test_axes_, self.test_image, "test row")]
        axes = [figure.add_subplot(grid[i, j + 1]) for i in range(2) for j in range(k)]
        self.image_axes_ = placed = np.reshape(axes, (2, k))
        for axis, row in zip(axes, (*self.helpful, *self.harmful)):
            label = "" if self.labels is None else f": {self.labels[row]}"
            shown.append((axis, images[row], f"{row}{label}"))
        for axis, image, title in shown:
            axis.imshow(image, **image_kw)
            axis.set_title(title, fontsize="small")
            axis.set(xticks=[], yticks=[])
        for axis, name in zip(placed[:, 0], ("helpful", "harmful")):
            axis.set_ylabel(name)


def _features(explainer, X_test):
    """Return training and test rows as the final estimator takes them."""
    problem, kernel = explainer.problem_, explainer.problem_.kernel
    if kernel is not None and not kernel.square:
        return kernel.rows, encode_features(explainer.estimator_, X_test)
    model = explainer.answers_.fit.model
    test = model.encode(model.inner_features(X_test))
    return problem.X[:, : test.shape[1]], test  # targets follow, of a model known by its losses


def _as_images(X, shape):
    """Return rows as images."""
    X = X.toarray() if hasattr(X, "toarray") else np.asarray(X)
    if np.prod(shape) != X.shape[1]:
        raise ValueError(f"`image_shape` {shape} does not hold a row of {X.shape[1]} features.")
    return X.reshape(len(X), *shape)
