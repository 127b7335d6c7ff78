"""A fitted estimator as questions see it: test rows go in as its users have them, numbers come out.

What is asked is the same of a model whose objective is known and of one that is known by its
predictions alone (``_black_box``): encode rows and targets, predict, and say a row's loss.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from sklearn.utils import indexable

from .._sklearn_private import _num_samples
from .._typing import MatrixLike
from ..losses import Loss
from ..problem import Problem, Targets, encode_targets, require_predictions
from ..problem._unsupported import UnsupportedEstimatorError
from ._as_problem import as_problem
from ._black_box import BlackBox
from ._hooks import encode_features
from ._training_features import seen_by_last
from ._wrappers import final_estimator, training_features, transform_features


class Model(Protocol):
    """What questions, changes and methods ask of a fitted model.

    Attributes
    ----------
    estimator : fitted estimator
        As its user has it, Pipelines and all.
    problem : Problem or None
        What it minimised, if that is known.
    y : ndarray of shape (n,) or (n, n_outputs)
        The training targets, in the user's labels.
    sample_weight : ndarray of shape (n,) or None
        The training weights.
    X_given : array-like of n rows
        The training rows as they were given to ``fit``; not a copy.
    loss : Loss
        The loss whose values are told.
    targets : Targets
        The user's y to the numbers that the loss takes, and back.
    """

    @property
    def estimator(self) -> Any: ...

    @property
    def problem(self) -> Problem | None: ...

    @property
    def known_problem(self) -> Problem:
        """The same; TypeError if it is not known."""

    @property
    def y(self) -> np.ndarray: ...

    @property
    def sample_weight(self) -> np.ndarray | None: ...

    @property
    def X_given(self) -> Any: ...

    @property
    def loss(self) -> Loss: ...

    @property
    def targets(self) -> Targets: ...

    @property
    def n_rows(self) -> int: ...

    @property
    def n_outputs(self) -> int: ...

    @property
    def dtype(self) -> np.dtype: ...

    @property
    def X(self) -> Any:
        """The training rows as ``predict_raw`` takes them."""

    @property
    def theta(self) -> np.ndarray:
        """The parameters; TypeError where these are not known."""

    def inner_features(self, X: MatrixLike) -> Any:
        """Return rows as the final estimator takes them."""

    def encode(self, inner: Any, y: np.ndarray | None = None) -> Any:
        """Return rows as ``predict_raw`` takes them, from rows as the final estimator does."""

    def encode_targets(self, y: ArrayLike) -> np.ndarray:
        """Return targets as the loss takes them, shape (m, K)."""

    def encoded_y(self) -> np.ndarray:
        """Return the training targets as the loss takes them, shape (n, K)."""

    def predict_raw(self, X: Any) -> np.ndarray:
        """Return what the loss takes, shape (m, K)."""

    def predict_response(self, X: Any) -> np.ndarray:
        """Return predictions in the units that users see, shape (m, K')."""

    def own_raw(self) -> np.ndarray:
        """Return what the loss takes of every training row, shape (n, K)."""

    def require_predictions(self) -> None:
        """Raise ValueError where the model is known by its losses alone."""

    def require_decision_function(self) -> None:
        """Raise ValueError where decision values do not follow from what the loss takes."""

    def total_weight(self) -> float:
        """Return n, the sum of the weights; ValueError where it is not known."""

    def problems_with_weights(self, weights: Iterable[np.ndarray]) -> Iterator[Problem]:
        """Yield what the estimator would minimise with each of several sample weights."""

    def spanning(self, X_new: MatrixLike) -> "Model":
        """Return the model in features that also hold new rows: those of a kernel may not."""

    def decode(self, raw: np.ndarray) -> np.ndarray:
        """Return the labels or values that raw predictions stand for."""


@dataclass(frozen=True, eq=False)
class FittedModel:
    """A fitted estimator whose objective is known; see ``Model``.

    Parameters
    ----------
    estimator : fitted estimator
        Pipelines and all; None where test rows are given as the final estimator takes them.
    problem : Problem
        What its final estimator minimised, at its theta.
    y : ndarray of n targets
        In the user's labels.
    sample_weight : ndarray of shape (n,), default=None
        Training weights.
    X_given : array-like of n rows, default=None
        The training rows as they were given.
    X_last : array-like of n rows, default=None
        The training rows as the last step of a Pipeline was fitted on them, where that is known.
    """

    estimator: Any
    problem: Problem
    y: Any = None
    sample_weight: np.ndarray | None = None
    X_given: Any = None
    X_last: Any = None

    @property
    def loss(self) -> Loss:
        """The loss whose values are told."""
        return self.problem.reported_loss

    @property
    def targets(self) -> Targets:
        """The user's y to the numbers that the loss takes, and back."""
        return self.problem.targets

    @property
    def known_problem(self) -> Problem:
        """The problem."""
        return self.problem

    @property
    def n_rows(self) -> int:
        """Number of training rows."""
        return self.problem.n_rows

    @property
    def n_outputs(self) -> int:
        """K, the number of raw predictions of a row."""
        return self.problem.n_outputs

    @property
    def dtype(self) -> np.dtype:
        """Of all answers."""
        return self.problem.theta.dtype

    @property
    def X(self):
        """The training rows as the predictor takes them."""
        return self.problem.X

    @property
    def theta(self) -> np.ndarray:
        """The fitted parameters, shape (P,)."""
        return self.problem.theta

    def inner_features(self, X):
        """Return rows as the final estimator takes them."""
        return encode_features(self.estimator, X)

    def encode(self, inner, y=None):
        """Return rows as the predictor takes them: features of a kernel, or with targets."""
        X = self.problem.encode(inner)
        return X if y is None else self.problem.with_targets(X, y)

    def encode_targets(self, y) -> np.ndarray:
        """Return targets as the loss takes them, shape (m, K)."""
        return encode_targets(self.targets, self.problem.evaluation_loss, y, self.dtype)

    def encoded_y(self) -> np.ndarray:
        """Return the training targets as the loss takes them, shape (n, K)."""
        return self.problem.y

    def predict_raw(self, X) -> np.ndarray:
        """Return the raw predictions of encoded rows, shape (m, K)."""
        return self.problem.predict_raw(X)

    def predict_response(self, X) -> np.ndarray:
        """Return predictions in the units that users see, shape (m, K')."""
        return self.targets.response(self.predict_raw(X))

    def own_raw(self) -> np.ndarray:
        """Return the raw predictions of the training rows, shape (n, K)."""
        return self.problem.raw

    def require_predictions(self) -> None:
        """Raise ValueError where the model is known by its losses alone."""
        require_predictions(self.problem)

    def require_decision_function(self) -> None:
        """Do nothing: decision values follow from raw predictions."""

    def decode(self, raw) -> np.ndarray:
        """Return the labels or values that raw predictions stand for."""
        return self.targets.decode(raw)

    def total_weight(self) -> float:
        """Return n, the sum of the weights."""
        return self.problem.n

    def spanning(self, X_new: MatrixLike) -> "FittedModel":
        """Return the model in features that also hold new rows: those of a kernel may not."""
        kernel = self.problem.kernel
        if kernel is None or kernel.features is None:
            return self
        return replace(self, problem=kernel.spanning(self.problem, self.inner_features(X_new)))

    def problems_with_weights(self, weights: Iterable[np.ndarray]) -> Iterator[Problem]:
        """Yield what the estimator would minimise with each of several sample weights."""
        last, X = seen_by_last(self.estimator, self.X_given, self.X_last)
        final, X = final_estimator(last), transform_features(last, X)
        for sample_weight in weights:
            yield as_problem(final, X, self.y, sample_weight)


def fitted_model(
    estimator: Any,
    X: Any,
    y: Any,
    sample_weight: Any = None,
    *,
    X_last: Any = None,
    temperature: float = 1e-3,
) -> FittedModel:
    """Return a fitted estimator as questions see it.

    Parameters
    ----------
    estimator : fitted estimator
        Of any kind.
    X, y : array-like
        Its training data.
    sample_weight : array-like of shape (n,), default=None
        Its training weights.
    X_last : array-like of n rows, default=None
        X as the last step of a Pipeline was fitted on it, from ``fit_watched``.
    temperature : float, default=1e-3
        Width of the smooth loss that stands for one with a kink.

    Raises
    ------
    UnsupportedEstimatorError
        For an estimator without an adapter.
    """
    y = y.toarray() if sparse.issparse(y) else np.array(y)
    weights = None if sample_weight is None else np.array(sample_weight)
    problem = as_problem(*seen_by_last(estimator, X, X_last), y, weights).at_temperature(
        temperature
    )
    return FittedModel(estimator, problem, y, weights, X, X_last)


def model_or_black_box(
    estimator: Any,
    X: Any,
    y: Any,
    sample_weight: Any = None,
    *,
    X_last: Any = None,
    temperature: float = 1e-3,
) -> FittedModel | BlackBox:
    """Return a fitted estimator as questions see it, a black box where it has no adapter."""
    try:
        known = {"X_last": X_last, "temperature": temperature}
        return fitted_model(estimator, X, y, sample_weight, **known)
    except UnsupportedEstimatorError:
        y = y.toarray() if sparse.issparse(y) else np.array(y)
        weights = None if sample_weight is None else np.array(sample_weight)
        (features,) = indexable(training_features(*seen_by_last(estimator, X, X_last), y))
        return BlackBox(estimator, final_estimator(estimator), features, y, weights, X)


def encode_rows(model: Model, X: MatrixLike, y: ArrayLike):
    """Return (rows as the final estimator takes them, rows encoded, targets encoded).

    Raises
    ------
    ValueError
        For lengths that differ, and for targets that the model was not fitted on.
    """
    inner = model.inner_features(X)
    encoded = model.encode_targets(y)
    if _num_samples(inner) != len(encoded):
        raise ValueError(f"X_test has {_num_samples(inner)} rows and y_test {len(encoded)}.")
    return inner, model.encode(inner, encoded), encoded
