"""The answer that changes of the training set are to turn into another.

An answer says whether it ``holds`` of a changed problem, and how far the removal of each row pushes
it towards another.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from sklearn.base import is_classifier

from .._sklearn_private import _num_samples
from ..adapters import encode_features
from ..changes import EncodedRemove
from ..methods import NewtonAnswers, evaluate
from ..problem import Problem
from ..questions import EncodedLoss, EncodedPrediction
from ._warm_start import WarmStart


class Answer(Protocol):
    """What a model says, which other training rows may change."""

    def holds(self, problem: Problem) -> bool:
        """Tell whether it is the answer of this problem."""

    def push(self, answers: NewtonAnswers, rows: np.ndarray) -> np.ndarray:
        """Return how far the removal of each row moves the model towards another answer."""


@dataclass(frozen=True, eq=False)
class PredictedLabel:
    """The label that a test row is predicted to have; removals push it by that label's loss.

    Parameters
    ----------
    X : {ndarray, CSR matrix} of shape (1, p)
        The test row, as the final estimator sees it.
    y : ndarray of shape (1, K)
        The label, encoded.
    label : array-like
        The label, in the user's terms.
    """

    X: Any
    y: np.ndarray
    label: Any

    def holds(self, problem: Problem) -> bool:
        """Tell whether the label is predicted."""
        return bool(np.all(problem.targets.decode(problem.predict_raw(self.X))[0] == self.label))

    def push(self, answers: NewtonAnswers, rows: np.ndarray) -> np.ndarray:
        """Return how much the removal of each row speaks against the label."""
        return evaluate(
            answers, EncodedLoss(answers.fit.model, None, self.X, self.y), EncodedRemove(rows)
        )[0]


@dataclass(frozen=True, eq=False)
class PredictedSide:
    """The side of a threshold that the prediction of a test row is on.

    Parameters
    ----------
    X : {ndarray, CSR matrix} of shape (1, p)
        The test row, as the final estimator sees it.
    threshold : float
        In units of ``predict``.
    sign : {-1.0, 1.0}
        The side.
    """

    X: Any
    threshold: float
    sign: float

    def holds(self, problem: Problem) -> bool:
        """Tell whether the prediction is on that side."""
        predicted = problem.targets.response(problem.predict_raw(self.X))
        return bool(self.sign * (predicted[0, 0] - self.threshold) > 0)

    def push(self, answers: NewtonAnswers, rows: np.ndarray) -> np.ndarray:
        """Return how far the removal of each row moves the prediction towards the other side."""
        asked = EncodedPrediction(answers.fit.model, None, self.X)
        return -self.sign * evaluate(answers, asked, EncodedRemove(rows))[0, :, 0]


@dataclass(frozen=True, eq=False)
class CoefficientSign:
    """The sign of a parameter.

    Parameters
    ----------
    index : int
        Its index in theta: ``coef_``, row by row, then ``intercept_``.
    sign : {-1.0, 1.0}
        The sign.
    """

    index: int
    sign: float

    def holds(self, problem: Problem) -> bool:
        """Tell whether the parameter has that sign."""
        return bool(self.sign * problem.theta[self.index] > 0)

    def push(self, answers: NewtonAnswers, rows: np.ndarray) -> np.ndarray:
        """Return how far the removal of each row moves the parameter towards the other sign."""
        moves = answers.optimum.without_rows(rows)
        return -self.sign * moves.parameters(slice(None))[:, self.index]


def current_answer(
    model: WarmStart, X_test: Any, coefficient: int | None, threshold: float
) -> Answer:
    """Return what a fitted model says of one test row, or of one coefficient."""
    problem = model.problem
    if (X_test is None) == (coefficient is None):
        raise ValueError("Give one of `X_test` and `coefficient`: what is to change.")
    if coefficient is not None:
        if not 0 <= coefficient < len(problem.theta):
            raise ValueError(
                f"`coefficient` must lie between 0 and {len(problem.theta) - 1}; got {coefficient}."
            )
        return CoefficientSign(coefficient, float(np.sign(problem.theta[coefficient])))
    test = one_row(model, X_test)
    raw = problem.predict_raw(test)
    if not is_classifier(model.estimator):
        predicted = problem.targets.response(raw)[0, 0]
        return PredictedSide(test, threshold, float(np.sign(predicted - threshold)))
    label = problem.targets.decode(raw)
    return PredictedLabel(test, model.refit.model.encode_targets(label), label[0])


def one_row(model: WarmStart, X_test: Any) -> Any:
    """Return a single test row as the final estimator sees it."""
    if _num_samples(X_test) != 1:
        raise ValueError(f"`X_test` must be one row; got {_num_samples(X_test)}.")
    return model.problem.encode(encode_features(model.estimator, X_test))
