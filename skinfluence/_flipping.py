"""Greedy search for the fewest changes of the training set that change an answer.

Take the change that is estimated to push the answer most, solve again, and so on until the answer
is another one; then take back every change that it does without. What is left is a smallest set
by inclusion: none of its changes can be spared, though another set may have fewer.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import is_classifier

from ._sklearn_private import _num_samples
from .problems import encode_features, encode_targets


def fewest(problem, best, solve, changed, most):
    """Return the changes that were chosen, and whether they change the answer.

    Parameters
    ----------
    problem : Problem
        Before any change, at its optimum.
    best : callable
        ``best(problem, chosen)`` is the next change, or None.
    solve : callable
        ``solve(chosen, start)`` is the problem with these changes at its optimum.
    changed : callable
        ``changed(problem)`` tells whether the answer is another one.
    most : int
        Changes at which to give up.
    """
    chosen = []
    while not changed(problem):
        change = best(problem, chosen) if len(chosen) < most else None
        if change is None:
            return chosen, False
        chosen.append(change)
        problem = solve(chosen, problem)
    for change in chosen[:-1]:  # without the last the answer had not changed
        rest = [other for other in chosen if other != change]
        if changed(solve(rest, problem)):
            chosen = rest
    return chosen, True


@dataclass(frozen=True, eq=False)
class PredictedLabel:
    """Is a test row predicted to have a label? Pushed by the loss of that label.

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

    def holds(self, problem):
        """Tell whether the label is predicted."""
        return bool(np.all(problem.targets.decode(problem.predict_raw(self.X))[0] == self.label))

    def push(self, scores, rows):
        """Return how much the removal of each row speaks against the label."""
        return scores.on_losses(self.X, self.y)(rows)[0]


@dataclass(frozen=True, eq=False)
class SideOfPrediction:
    """Is the prediction of a test row on one side of a threshold?

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

    def holds(self, problem):
        """Tell whether the prediction is on that side."""
        predicted = problem.targets.response(problem.predict_raw(self.X))
        return bool(self.sign * (predicted[0, 0] - self.threshold) > 0)

    def push(self, scores, rows):
        """Return how far the removal of each row moves the prediction towards the other side."""
        problem = scores.problem
        change = scores.on_predictions(self.X)(rows)
        response = problem.targets.response
        moved = response.derivative(problem.predict_raw(self.X)[:, None], change)
        return -self.sign * moved[0, :, 0]


@dataclass(frozen=True, eq=False)
class SignOfCoefficient:
    """Has a parameter its sign?

    Parameters
    ----------
    position : int
        Where it stands in theta: ``coef_``, row by row, then ``intercept_``.
    sign : {-1.0, 1.0}
        The sign.
    """

    position: int
    sign: float

    def holds(self, problem):
        """Tell whether the parameter has that sign."""
        return bool(self.sign * problem.theta[self.position] > 0)

    def push(self, scores, rows):
        """Return how far the removal of each row moves the parameter towards the other sign."""
        return -self.sign * scores.on_parameters()(rows)[:, self.position]


def question_of(resolved, X_test, coefficient, threshold):
    """Return what is asked about a fitted model; ValueError unless it is one thing."""
    problem = resolved.problem
    if (X_test is None) == (coefficient is None):
        raise ValueError("Give one of `X_test` and `coefficient`: what is to change.")
    if coefficient is not None:
        if not 0 <= coefficient < len(problem.theta):
            raise ValueError(
                f"`coefficient` must lie between 0 and {len(problem.theta) - 1}; got {coefficient}."
            )
        return SignOfCoefficient(coefficient, float(np.sign(problem.theta[coefficient])))
    test = one_row(resolved, X_test)
    raw = problem.predict_raw(test)
    if not is_classifier(resolved.estimator):
        predicted = problem.targets.response(raw)[0, 0]
        return SideOfPrediction(test, threshold, float(np.sign(predicted - threshold)))
    label = problem.targets.decode(raw)
    y = encode_targets(problem.targets, problem.asked, label, problem.theta.dtype)
    return PredictedLabel(test, y, label[0])


def one_row(resolved, X_test):
    """Return a single test row as the final estimator sees it."""
    if _num_samples(X_test) != 1:
        raise ValueError(f"`X_test` must be one row; got {_num_samples(X_test)}.")
    return resolved.problem.encode(encode_features(resolved.estimator, X_test))
