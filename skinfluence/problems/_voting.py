"""Adapters of the voting estimators: fitted apart, but judged by the average of what they say.

What was trained is the sum of the parts' objectives; what is asked about is the loss of their
average: the log loss of the mean probability, or the squared error of the mean prediction.
"""

from dataclasses import replace

import numpy as np
from sklearn.ensemble import VotingClassifier, VotingRegressor

from ..losses import AverageLogLoss, AverageSquaredError, LogLoss, MultinomialLogLoss, SumOfLosses
from ._as_problem import as_problem, assign, unsupported
from ._joint import (
    HeldParts,
    assign_parts,
    joined,
    joint_loss,
    part_problems,
    shared_weights,
    tasks,
)
from ._response import Average, AverageProbability, Identity
from ._targets import Continuous, VotedLabels
from ._wrappers import held, weight_argument


@as_problem.register(VotingClassifier)
def _voting_classifier(estimator, X, y, sample_weight=None):
    """Minimise the sum of the parts' objectives; the loss is that of the mean probability."""
    if estimator.voting == "hard":
        reason = 'a majority of labels has no loss; use voting="soft"'
        raise unsupported('VotingClassifier(voting="hard")', reason)
    parts, weights = part_problems(estimator, X, y, sample_weight), _weights(estimator)
    n_classes = len(estimator.classes_)
    if any(part.loss != (LogLoss() if n_classes == 2 else MultinomialLogLoss()) for part in parts):
        reason = "some of them has no log loss over all classes at once"
        raise unsupported("VotingClassifier of these estimators", reason)
    targets = VotedLabels(
        estimator.classes_, parts[0].targets.negative, AverageProbability(n_classes, weights)
    )
    losses = SumOfLosses(tuple((part.loss, part.n_outputs) for part in parts))
    return _vote(estimator, parts, y, targets, AverageLogLoss(losses, weights))


@as_problem.register(VotingRegressor)
def _voting_regressor(estimator, X, y, sample_weight=None):
    """Minimise the sum of the parts' objectives; the loss is that of the mean prediction."""
    parts, weights = part_problems(estimator, X, y, sample_weight), _weights(estimator)
    if any(part.targets.response != Identity() for part in parts):
        reason = "some of them has a link or a transformed target"
        raise unsupported("VotingRegressor of these estimators", reason)
    targets = RepeatedTargets(len(parts), True, Average(weights))
    return _vote(estimator, parts, y, targets, AverageSquaredError(weights))


class RepeatedTargets(Continuous):
    """One numeric target that several regressors are fitted on."""

    def encode(self, y, dtype):
        """Return y as (n_samples, n_regressors), its column repeated."""
        return np.tile(Continuous().encode(y, dtype), self.n_outputs)


def _vote(estimator, parts, y, targets, question):
    name = type(estimator).__name__
    weights = shared_weights(name, parts)
    problem = joined(name, parts, parts[0].X, y, weights, joint_loss(parts), targets)
    return replace(problem, question=question, reweighting=parts[0].reweighting)


def _weights(estimator):
    """Return the parts' shares in the average, which sum to 1."""
    weights = estimator._weights_not_none
    weights = np.ones(len(estimator.estimators_)) if weights is None else np.array(weights, float)
    return tuple((weights / weights.sum()).tolist())


@tasks.register(VotingClassifier)
def _code_tasks(estimator, y):
    return [(None, estimator.le_.transform(y))] * len(estimator.estimators_)


@tasks.register(VotingRegressor)
def _target_tasks(estimator, y):
    return [(None, np.ravel(y))] * len(estimator.estimators_)


@assign.register(VotingClassifier)
@assign.register(VotingRegressor)
def _assign_voters(estimator, problem):
    assign_parts(estimator, problem)


@held.register(VotingClassifier)
@held.register(VotingRegressor)
def _hold_voters(estimator):
    return HeldParts(estimator)


@weight_argument.register(VotingClassifier)
@weight_argument.register(VotingRegressor)
def _weights_of_voters(estimator):
    voters = [voter for _, voter in estimator.estimators if voter != "drop"]
    takes = all(weight_argument(voter) == "sample_weight" for voter in voters)
    return "sample_weight" if takes else None
