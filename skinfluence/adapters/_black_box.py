"""Estimators without an adapter: known by their predictions only, and judged by these."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from sklearn.base import is_classifier

from .._sklearn_private import _num_samples
from ..losses import Loss, NegativeLogProbability, SquaredError
from ..problem import Continuous, Labels, Problem, Targets, encode_targets
from ._wrappers import transform_features


@dataclass(frozen=True, eq=False)
class BlackBox:
    """A fitted estimator that is known by its predictions alone; see ``Model``.

    What its loss takes is ``predict_proba`` of a classifier, without the first of two classes, and
    ``predict`` of a regressor.

    Parameters
    ----------
    estimator : fitted estimator
        Pipelines and all.
    final : fitted estimator
        The one that owns the parameters, whatever they are.
    X : array-like of n rows
        Training rows as the final estimator takes them.
    y : ndarray of n targets
        In the user's labels.
    sample_weight : ndarray of shape (n,) or None
        Training weights.
    X_given : array-like of n rows
        The training rows as they were given.
    """

    estimator: Any
    final: Any
    X: Any
    y: np.ndarray
    sample_weight: np.ndarray | None = None
    X_given: Any = None

    problem: ClassVar[None] = None
    dtype: ClassVar[np.dtype] = np.dtype(np.float64)

    def __post_init__(self):
        _ = self.loss  # raises where there is none

    @cached_property
    def _evaluation(self):
        return evaluation_of(self.final, self.y)

    @property
    def loss(self) -> Loss:
        """The log loss of a classifier's probabilities, or the squared error."""
        return self._evaluation[0]

    @property
    def targets(self) -> Targets:
        """The user's y to the numbers that the loss takes, and back."""
        return self._evaluation[1]

    @property
    def n_rows(self) -> int:
        """Number of training rows."""
        return len(self.y)

    @property
    def n_outputs(self) -> int:
        """K, the numbers that the loss takes of a row."""
        targets: Any = self.targets
        return targets.n_outputs

    @property
    def known_problem(self) -> Problem:
        """Unknown."""
        raise TypeError(f"What {type(self.final).__name__} minimises is not known.")

    def problems_with_weights(self, weights: Iterable[np.ndarray]) -> Iterator[Problem]:
        """Raise TypeError: they are not known."""
        yield self.known_problem

    def spanning(self, X_new: Any) -> "BlackBox":
        """Return the model itself: it has no features of its own."""
        return self

    @property
    def theta(self) -> np.ndarray:
        """Unknown."""
        raise TypeError(f"The parameters of {type(self.final).__name__} are not known.")

    def inner_features(self, X):
        """Return rows as the final estimator takes them, unvalidated."""
        return transform_features(self.estimator, X)

    def encode(self, inner, y=None):
        """Return rows as they are."""
        return inner

    def encode_targets(self, y) -> np.ndarray:
        """Return targets as the loss takes them, shape (m, K)."""
        return encode_targets(self.targets, self.loss, y, self.dtype)

    def encoded_y(self) -> np.ndarray:
        """Return the training targets as the loss takes them, shape (n, K)."""
        return self.targets.encode(self.y, self.dtype)

    def predict_raw(self, X) -> np.ndarray:
        """Return what the loss takes, shape (m, K)."""
        if not is_classifier(self.final):
            return _columns(self.final.predict(X))
        probabilities = self.final.predict_proba(X)
        return probabilities[:, 1:] if probabilities.shape[1] == 2 else probabilities

    def predict_response(self, X) -> np.ndarray:
        """Return the decision function where there is one, else what the loss takes."""
        if is_classifier(self.final) and hasattr(self.final, "decision_function"):
            return _columns(self.final.decision_function(X))
        return self.predict_raw(X)

    def own_raw(self) -> np.ndarray:
        """Return what the loss takes of every training row, shape (n, K)."""
        return self.predict_raw(self.X)

    def require_predictions(self) -> None:
        """Do nothing: a black box predicts."""

    def require_decision_function(self) -> None:
        """Raise ValueError: probabilities are all that is known without a row."""
        raise ValueError(
            "`method='decision_function'` needs a supported estimator; use 'predict_proba'."
        )

    def total_weight(self) -> float:
        """Raise ValueError: what the estimator makes of weights is not known."""
        raise ValueError('scale="upweight" needs a supported estimator; use "removal".')

    def decode(self, raw) -> np.ndarray:
        """Return the labels of the largest probability, or the values."""
        if is_classifier(self.final):
            loss: Any = self.loss
            return self.final.classes_[np.argmax(loss.probabilities(raw), axis=1)]
        return self.targets.decode(raw)


def evaluation_of(estimator, y):
    """Return the loss and the targets of an estimator that is known by its predictions only."""
    if is_classifier(estimator) and y.ndim > 1 and y.shape[1] > 1:
        raise TypeError(
            f'method="retrain" judges a classifier without an adapter by one label a row, and y '
            f"has shape {y.shape}; explain each column of y with an estimator of its own."
        )
    if not is_classifier(estimator):
        one_dimensional = y.ndim == 1
        return SquaredError(), Continuous(1 if one_dimensional else y.shape[1], one_dimensional)
    if not hasattr(estimator, "predict_proba"):
        raise TypeError(
            f'method="retrain" judges a classifier by its log loss, and '
            f"{type(estimator).__name__} has no predict_proba; wrap it in CalibratedClassifierCV."
        )
    return NegativeLogProbability(), Labels(estimator.classes_)


def _columns(values):
    return np.reshape(values, (_num_samples(values), -1))
