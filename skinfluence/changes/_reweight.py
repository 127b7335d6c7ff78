"""Give rows another sample weight, each alone."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .._typing import RowsLike
from ..problem import Problem
from ._changed import ChangedObjective, DenseChange, minus_gradient_change, only_these
from ._rows import check_rows


@dataclass(frozen=True, eq=False)
class Reweight:
    """Each of some training rows counts for more or less, alone.

    A weight of 0 is removal, and twice the weight the row once more; but estimators that count
    rows (SGD, which divides by their number) still count a row of weight 0.

    Parameters
    ----------
    rows : None, int indices, bool mask or slice
        Training rows; None means all. A row may be named twice.
    weights : float or array-like of shape (n_rows,)
        Their new sample weights, >= 0. A row that was fitted without weights has 1.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import Ridge
    >>> from skinfluence import InfluenceExplainer
    >>> from skinfluence.changes import Reweight
    >>> from skinfluence.questions import Prediction
    >>> X, y = load_diabetes(return_X_y=True)
    >>> explainer = InfluenceExplainer(Ridge()).fit(X, y)
    >>> twice = explainer.effect(Prediction(X[:1]), Reweight([7], 2.0))
    >>> weights = [2.0 if row == 7 else 1.0 for row in range(len(y))]
    >>> after, before = (Ridge().fit(X, y, w).predict(X[:1]) for w in (weights, None))
    >>> bool(abs(twice.item() - (after - before).item()) < 1e-8)
    True
    """

    rows: RowsLike | None
    weights: ArrayLike

    def encode(self, fit: Any) -> "EncodedReweight":
        """Return the rows as indices, with the weights of all rows after each change.

        Raises
        ------
        ValueError
            For weights that are negative or not finite, or of another number than the rows; and
            where a class would have no weight left.
        """
        model = fit.model
        rows = check_rows(self.rows, model.n_rows)
        weights = np.asarray(self.weights, dtype=float)
        if weights.ndim > 1 or (weights.ndim == 1 and len(weights) != len(rows)):
            raise ValueError(
                f"`weights` must be one number, or one for each of the {len(rows)} `rows`; got "
                f"shape {weights.shape}."
            )
        if not np.all(np.isfinite(weights)) or np.any(weights < 0):
            raise ValueError(f"`weights` must be finite and >= 0; got {self.weights!r}.")
        weights = np.broadcast_to(weights, rows.shape)
        _require_classes(model, rows[weights == 0])
        return EncodedReweight(rows, weights, model)

    def spanning(self, fit: Any) -> Any:
        """Return the fit itself: no row comes."""
        return fit


@dataclass(frozen=True, eq=False)
class EncodedReweight(DenseChange):
    """Rows that get another sample weight, each alone.

    Parameters
    ----------
    rows : ndarray of int of shape (c,)
        The rows.
    weights : ndarray of shape (c,)
        Their new weights.
    model : Model
        Says what the weights do to the objective.
    """

    rows: np.ndarray
    weights: np.ndarray
    model: Any

    def __len__(self) -> int:
        return len(self.rows)

    def removals(self, problem: Problem, block: slice) -> np.ndarray:
        """Return R of a block of rows."""
        parts = [change.removal for change in self.objectives(problem, block)]
        return np.reshape(parts, (len(parts), len(problem.theta)))

    def objectives(self, problem: Problem, block: slice):
        """Yield the objective with each row reweighted."""
        every = np.arange(len(self))[block]
        weights = (self.sample_weight(position) for position in every)
        stated = self.model.problems_with_weights(weights)
        for position in every:
            changed = problem.with_weights_of(next(stated))
            removal = minus_gradient_change(problem, changed)
            rows = only_these(problem, changed, self.rows[[position]])
            yield ChangedObjective(changed, removal, rows)

    def moves(self, optimum):
        """Return where an optimum goes with each row reweighted."""
        return optimum.with_objectives(self)

    def refit(self, refits, position):
        """Return the model fitted with one of the rows reweighted."""
        return refits.with_weights(self.sample_weight(position), self.rows[position])

    def sample_weight(self, position: int) -> np.ndarray:
        """Return the sample weights of all rows after one of the changes, shape (n,)."""
        known = self.model.sample_weight
        weights = np.ones(self.model.n_rows) if known is None else np.array(known, dtype=float)
        weights[self.rows[position]] = self.weights[position]
        return weights


def _require_classes(model, emptied):
    """Raise ValueError where one of the rows alone has the weight of its class."""
    known = model.sample_weight
    counted = np.ones(model.n_rows, dtype=bool) if known is None else known > 0
    emptied = emptied[counted[emptied]]
    for codes in model.targets.kinds(model.encoded_y()):
        alone = np.bincount(codes, counted)[codes[emptied]] == 1
        if np.any(alone):
            raise ValueError(
                f"Without the weight of row(s) {emptied[alone][:5].tolist()} a class has none "
                "left, so the model cannot be fitted again; leave them out of `rows`."
            )
