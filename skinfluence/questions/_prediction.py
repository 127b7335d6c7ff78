"""The prediction of test rows."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .._typing import MatrixLike
from ._question import RowQuestion


@dataclass(frozen=True, eq=False)
class Prediction:
    """The prediction of each of some rows, in the units users see.

    Answers are of shape (m, changes), with a last axis K for several outputs or more than two
    classes; in units of ``decision_function`` where there is one, else of ``predict_proba``, else
    of ``predict``.

    Parameters
    ----------
    X : {array-like, sparse matrix, DataFrame} of m rows
        Rows, as ``fit`` takes them.
    """

    X: MatrixLike

    def encode(self, fit: Any) -> "EncodedPrediction":
        """Return the rows as the model takes them."""
        fit.model.require_predictions()
        inner = fit.model.inner_features(self.X)
        return EncodedPrediction(fit.model, inner, fit.model.encode(inner))


@dataclass(frozen=True, eq=False)
class EncodedPrediction(RowQuestion):
    """The prediction of encoded rows."""

    @cached_property
    def n_responses(self) -> int:
        """K', the numbers that users see of a row."""
        one = self.X[:1] if len(self) else self.model.X[:1]
        return self.model.predict_response(one).shape[1]

    @property
    def _response(self):
        return self.model.targets.response

    def shape(self, n_changes, features):
        """Return (m, n_changes, features, K')."""
        return (len(self), n_changes, *features, self.n_responses)

    def to_user(self, answer):
        """Return the answer without its last axis, where there is one number a row."""
        return answer[..., 0] if answer.shape[-1] == 1 else answer

    def value(self, model, row):
        """Return the predictions of the rows under another model, shape (m, K')."""
        return model.predict_response(self.X)

    def gradients(self):
        """Return every row K times, and the unit gradients of its raw predictions."""
        m, K = self.raw.shape
        units = np.tile(np.eye(K, dtype=self.raw.dtype), (m, 1))
        return np.repeat(np.arange(m), K), units

    def jacobian(self, problem):
        """Return J: the gradient of every raw prediction in theta, shape (m K, P)."""
        jacobian = problem.predictor.jacobian(self.X)
        return jacobian.reshape(-1, jacobian.shape[2])

    def derivative(self, values):
        """Return the change of predictions to first order in that of raw predictions."""
        m, K = self.raw.shape
        moved = np.moveaxis(values.reshape(m, K, *values.shape[1:]), 1, -1)
        raw = self.raw.reshape(m, *[1] * (moved.ndim - 2), K)
        return self._response.derivative(raw, moved)

    def error(self, moved, gram):
        """Return how far every change may be off that is told of ``moved``, shape (m, b, K')."""
        radius = np.sqrt(np.maximum(np.einsum("...kk->...k", gram), 0))
        shifted = self.raw[:, None] + moved
        ends = (self._response.change(shifted, end) for end in (radius, -radius))
        return np.max(np.abs(list(ends)), axis=0)

    def change(self, moved, out):
        """Write the change of every prediction."""
        out[:] = self._response.change(self.raw[:, None], moved)
