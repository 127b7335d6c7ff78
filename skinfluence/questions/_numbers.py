"""Numbers that are often asked about: of a segment, of two groups, of a ranking."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics import roc_auc_score

from .._sklearn_private import _num_samples
from .._typing import MatrixLike
from ..adapters import Model, encode_rows
from ._scalar import EncodedScalar, Number, ScalarQuestion


@dataclass(frozen=True, eq=False)
class MeanLoss:
    """The mean loss of some rows, such as those of a segment.

    Parameters
    ----------
    X : {array-like, sparse matrix, DataFrame} of m rows
        Rows, as ``fit`` takes them.
    y : array-like of m targets
        In the user's labels.
    """

    X: MatrixLike
    y: ArrayLike

    def encode(self, fit: Any) -> EncodedScalar:
        """Return the rows and the mean of their losses; of a model known by its losses, too."""
        model = fit.model
        inner, X, y = encode_rows(model, self.X, self.y)

        def slope(raw):  # of the smooth loss
            return model.known_problem.evaluation_loss.gradient(raw, y) / raw.dtype.type(len(raw))

        mean = Number(lambda raw: np.mean(model.loss(raw, y)), slope)
        return EncodedScalar(model, inner, X, mean)


@dataclass(frozen=True, eq=False)
class DemographicParity(ScalarQuestion):
    """The gap between the mean predictions of two groups of rows: the second's minus the first's.

    Predictions are probabilities of the second class, decision values where there are none, or the
    predicted values of a regression.

    Parameters
    ----------
    X : {array-like, sparse matrix, DataFrame} of m rows
        Rows, as ``fit`` takes them.
    groups : array-like of shape (m,)
        The group of every row, one of two labels; the first is the lesser.
    """

    X: MatrixLike
    groups: ArrayLike

    y = None

    def number(self, model: Model) -> Number:
        """Return the gap."""
        return _gap(model, self.groups, np.ones(_num_samples(self.X), dtype=bool))


@dataclass(frozen=True, eq=False)
class EqualOpportunity(ScalarQuestion):
    """The gap between the mean predictions of two groups, among the rows of the second class.

    Parameters
    ----------
    X : {array-like, sparse matrix, DataFrame} of m rows
        Rows, as ``fit`` takes them.
    y : array-like of shape (m,)
        Their true labels; of two classes the second is the positive one.
    groups : array-like of shape (m,)
        The group of every row, one of two labels; the first is the lesser.
    """

    X: MatrixLike
    y: ArrayLike
    groups: ArrayLike

    def number(self, model: Model) -> Number:
        """Return the gap among the positives."""
        return _gap(model, self.groups, _positives(model, self.y, type(self).__name__))


@dataclass(frozen=True, eq=False)
class Accuracy(ScalarQuestion):
    """The share of rows whose label is predicted right. It has jumps: not to first order.

    Parameters
    ----------
    X : {array-like, sparse matrix, DataFrame} of m rows
        Rows, as ``fit`` takes them.
    y : array-like of shape (m,)
        Their true labels.
    """

    X: MatrixLike
    y: ArrayLike

    def number(self, model: Model) -> Number:
        """Return the share of right labels."""
        if not hasattr(model.targets, "classes"):
            raise ValueError("`Accuracy` needs a classifier; use `MeanLoss` for a regression.")
        y = model.encode_targets(self.y)

        def accuracy(raw):
            return np.mean(np.all(model.encode_targets(model.decode(raw)) == y, axis=1))

        return Number(accuracy, jumps="The accuracy")


@dataclass(frozen=True, eq=False)
class ROCAUC(ScalarQuestion):
    """The area under the ROC curve of two classes. It has jumps: not to first order.

    Parameters
    ----------
    X : {array-like, sparse matrix, DataFrame} of m rows
        Rows, as ``fit`` takes them.
    y : array-like of shape (m,)
        Their true labels; the second class is the positive one.
    """

    X: MatrixLike
    y: ArrayLike

    def number(self, model: Model) -> Number:
        """Return the area under the curve of the raw prediction."""
        positive = _positives(model, self.y, type(self).__name__)
        if positive.all() or not positive.any():
            raise ValueError("`ROCAUC` needs rows of both classes; `y` has one of them only.")
        score = _ranked(model)
        area = lambda raw: roc_auc_score(positive, score(raw))  # noqa: E731
        return Number(area, jumps="The area under the ROC curve")


def _positives(model, y, name):
    """Return the mask of the rows of the second of two classes."""
    classes: Any = getattr(model.targets, "classes", ())
    if len(classes) != 2 or np.ndim(classes[0]):
        known = f"the model has {len(classes)}" if len(classes) else "the model is a regression"
        raise ValueError(f"`{name}` needs a classifier of two classes; {known}.")
    labels: Any = model.targets
    return np.asarray(labels.codes(y)) == 1


def _ranked(model):
    """Return the function from raw predictions (m, K) to what ranks rows, shape (m,)."""
    if model.n_outputs == 1:
        return lambda raw: raw[:, 0]
    return _predicted(model)


def _predicted(model):
    """Return the function from raw predictions (m, K) to one prediction a row, shape (m,)."""
    probabilities = getattr(model.loss, "probabilities", None)
    if hasattr(model.targets, "classes"):
        if len(model.targets.classes) != 2 or np.ndim(model.targets.classes[0]):
            raise ValueError(
                "A gap between mean predictions is of two classes, or of one target; the model has "
                f"{len(model.targets.classes)}. Write what you ask as a `Scalar`."
            )
        if probabilities is None:
            return lambda raw: raw[:, 0]
        return lambda raw: probabilities(raw)[:, 1]

    def response(raw):
        predicted = model.targets.response(raw)
        if predicted.shape[1] != 1:
            raise ValueError(
                "A gap between mean predictions is of one target; the model predicts "
                f"{predicted.shape[1]}. Write what you ask as a `Scalar`."
            )
        return predicted[:, 0]

    return response


def _gap(model, groups, counted):
    """Return the gap between the mean predictions of two groups, among the rows that count."""
    groups = np.asarray(groups)
    if groups.shape != counted.shape:
        raise ValueError(
            f"`groups` must have one label for each of the {len(counted)} rows; got shape "
            f"{groups.shape}."
        )
    try:
        labels = np.unique(groups)
    except TypeError:
        raise ValueError("`groups` must hold labels of one kind; got a mixture.") from None
    members = [(groups == label) & counted for label in labels]
    if len(labels) != 2 or not all(mask.any() for mask in members):
        raise ValueError(
            f"`groups` must hold two labels, each of some row that counts; got {labels.tolist()}."
        )
    predicted = _predicted(model)
    first, second = (mask / mask.sum() for mask in members)

    def gap(raw):
        return (second - first) @ predicted(raw)

    return Number(gap, lambda raw: (second - first)[:, None] * _slopes(predicted, raw))


def _slopes(predicted: Any, raw: np.ndarray) -> np.ndarray:
    """Return the derivative of every row's prediction in its raw prediction, (m, K).

    By central differences: a link or a target's transformer may be anything.
    """
    wide, slopes = raw.astype(np.float64), np.empty(raw.shape)
    for k, unit in enumerate(np.eye(raw.shape[1])):
        step = np.cbrt(np.finfo(np.float64).eps) * (1 + np.abs(wide[:, k, None]))
        apart = predicted(wide + step * unit) - predicted(wide - step * unit)
        slopes[:, k] = apart / (2 * step[:, 0])
    return slopes.astype(raw.dtype)
