"""The loss of test rows."""

from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike

from .._blocks import row_blocks
from .._typing import MatrixLike
from ..adapters import encode_rows
from ..operators import Jacobian
from ._question import RowQuestion

#: Bytes of predictions whose losses are evaluated at once: a quarter of a core's cache.
IN_CACHE = 2**18


@dataclass(frozen=True, eq=False)
class Loss:
    """The loss of each of some rows; J is its gradient (Koh & Liang 2017, equation 2).

    Answers are of shape (m, changes), in units of the loss.

    Parameters
    ----------
    X : {array-like, sparse matrix, DataFrame} of m rows
        Rows, as ``fit`` takes them.
    y : array-like of m targets
        In the user's labels.
    """

    X: MatrixLike
    y: ArrayLike

    def encode(self, fit: Any) -> "EncodedLoss":
        """Return the rows and their targets as the model takes them."""
        inner, X, y = encode_rows(fit.model, self.X, self.y)
        return EncodedLoss(fit.model, inner, X, y)


@dataclass(frozen=True, eq=False)
class EncodedLoss(RowQuestion):
    """The loss of encoded rows.

    Parameters
    ----------
    model, inner, X
        As in ``RowQuestion``.
    y : ndarray of shape (m, K)
        Encoded targets.
    """

    y: np.ndarray

    def part(self, tests: slice) -> "EncodedLoss":
        """Return the question about some of the rows."""
        part = cast("EncodedLoss", super().part(tests))
        return part if part is self else replace(part, y=self.y[tests])

    def shape(self, n_changes, features):
        """Return (m, n_changes), and the features."""
        return (len(self), n_changes, *features)

    def value(self, model, row):
        """Return the losses of the rows under another model, shape (m,)."""
        return self.model.loss(model.predict_raw(self.X), self.y)

    def gradients(self):
        """Return every row, and the gradient of its loss; the smooth one where that has a kink."""
        return np.arange(len(self)), self.model.known_problem.evaluation_loss.gradient(
            self.raw, self.y
        )

    def jacobian(self, problem):
        """Return J: the gradient of every loss in theta, shape (m, P)."""
        return Jacobian(problem.predictor, self.X, self.gradients()[1]).dense()

    def derivative(self, values):
        """Return the effects as they are."""
        return values

    def error(self, moved, gram):
        """Return how far every change may be off that is told of ``moved``, shape (m, b)."""
        shifted = self.raw[:, None] + moved
        y = np.broadcast_to(self.y[:, None], shifted.shape)
        return self.model.loss.largest_change(shifted, y, gram)

    def change(self, moved, out):
        """Write the change of every loss, a part of the predictions in the cache at a time."""
        loss, tests = self.model.loss, max(1, IN_CACHE // max(1, moved[:1].nbytes))
        for block in row_blocks(len(out), 1, tests):
            out[block] = loss.change(self.raw[block, None], self.y[block, None], moved[block])
