"""InfluenceDisplay: influence of every training row on one prediction, against distance."""

import numpy as np
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.utils.validation import check_is_fitted

from .._parameters import check_whole
from ._matplotlib import import_pyplot

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
    image_axes_ : ndarray of matplotlib Axes of shape (2, k + 1), or None
        Helpful rows above harmful ones, behind the test image.
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
    (2, 4)
    """

    def __init__(
        self,
        *,
        influence,
        distance,
        helpful,
        harmful,
        same_class=None,
        labels=None,
        images=None,
        test_image=None,
        name=None,
    ):
        self.influence = influence
        self.distance = distance
        self.helpful = helpful
        self.harmful = harmful
        self.same_class = same_class
        self.labels = labels
        self.images = images
        self.test_image = test_image
        self.name = name

    @classmethod
    def from_estimator(
        cls, explainer, X_test, y_test, *, k=5, image_shape=None, name=None, ax=None, **plot_params
    ):
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
            distances taken, as the final step of a Pipeline sees them.
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
        check_is_fitted(explainer)
        check_whole("k", k)
        test, _ = explainer._encode(X_test, y_test)
        if test.shape[0] != 1:
            raise ValueError(f"Give one test row; got {test.shape[0]}.")
        problem, images, test_image = explainer.problem_, None, None
        if problem is None:
            raise ValueError(
                'Distances are taken in the features of a supported estimator; method="retrain" of '
                "another one knows none."
            )
        if image_shape is not None:
            images, test_image = (_as_images(rows, image_shape) for rows in (problem.X, test))
        influence = explainer.loss_influence(X_test, y_test)[0]
        order = np.argsort(influence, kind="stable")
        k = min(k, len(order) // 2)
        labels = np.asarray(explainer._training[0])
        categorical = hasattr(problem.targets, "classes") and labels.ndim == 1
        return cls(
            influence=influence,
            distance=euclidean_distances(problem.X, test)[:, 0],
            helpful=order[::-1][:k],
            harmful=order[:k],
            same_class=labels == np.ravel(y_test)[0] if categorical else None,
            labels=labels if categorical else None,
            images=images,
            test_image=None if test_image is None else test_image[0],
            name=name,
        ).plot(ax, **plot_params)

    def plot(self, ax=None, *, scatter_kw=None, image_kw=None):
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
        self.image_axes_ = None
        if ax is None and self.images is not None:
            k = len(self.helpful)
            figure = plt.figure(figsize=(5.5, 4.0 + 2 * 5.5 / (k + 1)), layout="constrained")
            above, below = figure.subfigures(2, 1, height_ratios=(4.0, 2 * 5.5 / (k + 1)))
            ax, self.image_axes_ = above.subplots(), below.subplots(2, k + 1)
            self._draw_images({"cmap": "gray_r"} | (image_kw or {}))
        elif ax is None:
            _, ax = plt.subplots(figsize=(5.5, 4.2), layout="constrained")
        self.ax_, self.figure_ = ax, ax.figure
        self._draw_points(scatter_kw or {})
        ax.axhline(0, color="0.7", lw=0.8, zorder=0)
        ax.set(xlabel="distance to the test row", ylabel="influence on its loss")
        ax.set_title(self.name or "positive: the row helps", fontsize="medium")
        if self.same_class is not None:
            ax.legend(fontsize="small", title="training row")
        return self

    def _draw_points(self, scatter_kw):
        influence, distance = np.asarray(self.influence), np.asarray(self.distance)
        colors = np.full(len(influence), OTHERS, dtype=object)
        colors[self.helpful], colors[self.harmful] = HELPFUL, HARMFUL
        kinds = [(np.ones(len(influence), dtype=bool), "o", None)]
        if self.same_class is not None:
            same = np.asarray(self.same_class)
            kinds = [(same, "o", "same class"), (~same, "^", "another class")]
        self.scatters_ = []
        for mask, marker, label in kinds:
            style = {"s": 18, "alpha": 0.8, "lw": 0, "marker": marker} | scatter_kw
            style = {"color": colors[mask].tolist()} | style
            self.scatters_.append(self.ax_.scatter(distance[mask], influence[mask], **style))
            if label:
                self.ax_.scatter([], [], **style | {"color": OTHERS, "label": label})
        for row in (*self.helpful[:1], *self.harmful[:1]):
            self.ax_.annotate(
                f"row {row}",
                (distance[row], influence[row]),
                xytext=(6, 0),
                textcoords="offset points",
                va="center",
                fontsize="small",
            )

    def _draw_images(self, image_kw):
        for axes, rows, name in zip(
            self.image_axes_, (self.helpful, self.harmful), ("helpful", "harmful")
        ):
            axes[0].set_ylabel(name)
            axes[0].imshow(self.test_image, **image_kw)
            axes[0].set_title("asked", fontsize="small")
            for axis, row in zip(axes[1:], rows):
                axis.imshow(self.images[row], **image_kw)
                label = "" if self.labels is None else f": {self.labels[row]}"
                axis.set_title(f"{row}{label}", fontsize="small")
            for axis in axes:
                axis.set(xticks=[], yticks=[])


def _as_images(X, shape):
    """Return rows as images."""
    X = X.toarray() if hasattr(X, "toarray") else np.asarray(X)
    if np.prod(shape) != X.shape[1]:
        raise ValueError(f"`image_shape` {shape} does not hold a row of {X.shape[1]} features.")
    return X.reshape(len(X), *shape)
