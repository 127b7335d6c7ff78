"""Any number that is a function of the raw predictions of some rows."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd import grad
from autograd.tracer import isbox
from numpy.typing import ArrayLike

from .._sklearn_private import _num_samples
from .._tracing import TRACING
from .._typing import MatrixLike
from .._warnings import warn
from ..adapters import Model
from ._question import RowQuestion


class ScalarQuestion:
    """The base of questions about one number; a subclass has X, and ``number``.

    Attributes
    ----------
    X : {array-like, sparse matrix, DataFrame} of m rows
        Rows, as ``fit`` takes them.
    y : array-like of m targets or None
        Their targets, where there are any.
    """

    X: MatrixLike
    y: ArrayLike | None

    def encode(self, fit: Any) -> "EncodedScalar":
        """Return the rows as the model takes them, and the number as a function of raw alone."""
        model = fit.model
        model.require_predictions()
        inner = model.inner_features(self.X)
        if self.y is not None and _num_samples(self.y) != _num_samples(inner):
            raise ValueError(
                f"`X` has {_num_samples(inner)} rows and `y` has {_num_samples(self.y)}."
            )
        return EncodedScalar(model, inner, model.encode(inner), self.number(model))

    def number(self, model: Model) -> "Number":
        """Return the number as a function of the raw predictions of the rows."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class Scalar(ScalarQuestion):
    """A number that is a function of the raw predictions of some rows.

    Answers are of shape (changes,). To first order the number changes by its gradient, which
    autograd finds; Newton steps and refits evaluate it at the changed predictions, so that there
    it may have jumps.

    Parameters
    ----------
    function : callable
        ``function(raw) -> float``, or ``function(raw, y) -> float`` if y is given: raw of shape
        (m, K), the predictions before the link (K is 1 for two classes, the log-odds of the
        second, and for one target), and y as it is given here. Of an estimator without an adapter,
        which only refits explain, raw is what it predicts: probabilities, without the first of two
        classes, or values. To be differentiable it is written in ``autograd.numpy``.
    X : {array-like, sparse matrix, DataFrame} of m rows
        Rows, as ``fit`` takes them.
    y : array-like of m targets, default=None
        Handed to ``function`` as an array.

    Examples
    --------
    Which training rows widen the gap between the predictions for two groups of rows?

    >>> import autograd.numpy as anp
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import Ridge
    >>> from skinfluence import InfluenceExplainer
    >>> from skinfluence.changes import Remove
    >>> from skinfluence.questions import Scalar
    >>> X, y = load_diabetes(return_X_y=True)
    >>> second = X[:, 1] > 0
    >>> def gap(raw):
    ...     return anp.mean(raw[second]) - anp.mean(raw[~second])
    >>> explainer = InfluenceExplainer(Ridge(alpha=0.1)).fit(X, y)
    >>> explainer.effect(Scalar(gap, X), Remove([0, 7])).shape
    (2,)
    """

    function: Callable[..., Any]
    X: MatrixLike
    y: ArrayLike | None = None

    def number(self, model: Model) -> "Number":
        """Return the number as a function of the raw predictions of the rows."""
        if self.y is None:
            return Number(self.function)
        y = np.asarray(self.y)
        return Number(lambda raw: self.function(raw, y))


@dataclass(frozen=True, eq=False)
class Number:
    """A number as a function of raw predictions, and its gradient.

    Parameters
    ----------
    function : callable
        ``function(raw) -> float``.
    slope : callable, default=None
        ``slope(raw)`` is its gradient, of the shape of raw; None is autograd's.
    jumps : str or None
        What it is, if it has no gradient.
    """

    function: Callable[[np.ndarray], Any]
    slope: Callable[[np.ndarray], np.ndarray] | None = None
    jumps: str | None = None

    def __call__(self, raw: np.ndarray) -> float:
        """Evaluate; ValueError unless it is one finite number."""
        value = np.asarray(self.function(np.array(raw)))  # a copy, which it may write to
        if value.size != 1:
            raise ValueError(
                "The function of a `Scalar` must return one number; got an array of shape "
                f"{value.shape}. Take a mean or a sum of it."
            )
        if value.dtype.kind not in "biuf":
            raise ValueError(
                f"The function of a `Scalar` must return one number; got {value.reshape(-1)[0]!r}."
            )
        if not np.isfinite(value).all():
            raise ValueError(
                f"The number that is asked about must be finite; got {value.reshape(-1)[0]} for "
                f"{len(raw)} rows. See that the function of a `Scalar` is defined at the "
                "predictions, and those after the change too."
            )
        return float(value.reshape(()))

    def gradient(self, raw: np.ndarray) -> np.ndarray:
        """Return the gradient in raw, of its shape."""
        if self.jumps is not None:
            raise ValueError(
                f"{self.jumps} has jumps, and no gradient; ask about changes that are not "
                'infinitely small, with method="newton" or "retrain", which evaluate it.'
            )
        _ = self(raw)
        if self.slope is not None:
            return self.slope(raw)
        gradient = self._traced(np.asarray(raw))
        if not np.all(np.isfinite(gradient)):
            raise ValueError(
                "The gradient of the function of a `Scalar` is not finite at the fit; use "
                'method="newton" or "retrain", which evaluate it.'
            )
        if not np.any(gradient):
            warn(
                "The gradient of the function of a `Scalar` is zero at the fit, and so is every "
                'effect to first order. If it has jumps, use method="newton" or "retrain"; '
                "`autograd.numpy` must see all that it does to the predictions.",
                UserWarning,
            )
        return gradient.astype(raw.dtype, copy=False)

    def _traced(self, raw):
        """Return the gradient that autograd finds; TypeError where it cannot see what is done."""

        def one(raw):
            value = self.function(raw)
            value = value if np.ndim(value) == 0 else anp.reshape(anp.array(value), ())
            return value if isbox(value) else 0.0 * anp.sum(raw)  # a count has no gradient

        try:
            with TRACING:
                return np.asarray(grad(one)(raw))
        except Exception as error:  # on arrays it worked
            raise TypeError(
                f"Autograd cannot follow the function of a `Scalar`: {error}. Write it in "
                "`autograd.numpy`, without `float()` and without assigning to parts of arrays; or "
                'use method="newton" or "retrain", which evaluate it.'
            ) from error


@dataclass(frozen=True, eq=False)
class EncodedScalar(RowQuestion):
    """A number as a function of the raw predictions of encoded rows.

    Parameters
    ----------
    model, inner, X
        As in ``RowQuestion``.
    number : Number
        Of their raw predictions.
    """

    number: Number

    divides = False
    axis = 0

    def shape(self, n_changes, features):
        """Return (n_changes,), and the features."""
        return (n_changes, *features)

    def value(self, model, row):
        """Return the number under another model."""
        return np.float64(self.number(model.predict_raw(self.X)))

    def gradients(self):
        """Return every row, and its part of the gradient."""
        return np.arange(len(self)), self.number.gradient(self.raw)

    def jacobian(self, problem):
        """Return J: the gradient of the number in theta, shape (1, P)."""
        gradient = self.number.gradient(self.raw)
        return problem.predictor.vjp(self.X, gradient[:, :, None]).T

    def gather(self, values):
        """Return the sum of the effects on the parts."""
        return values.sum(axis=0, keepdims=True)

    def derivative(self, values):
        """Return the effects on the one number."""
        return values[0]

    def change(self, moved, out):
        """Write the change of the number with every change."""
        before = self.number(self.raw)
        for j in range(moved.shape[1]):
            out[j] = self.number(self.raw + moved[:, j]) - before
