"""The voting estimators: fitted apart, but judged by the average of what they say.

What was trained is the sum of the parts' objectives; what is asked about is the loss of their
average: the log loss of the mean probability, or the squared error of the mean prediction.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import numpy as np
from numpy.typing import ArrayLike, DTypeLike
from sklearn.ensemble import VotingClassifier, VotingRegressor

from .._sklearn_private import voter_weights
from .._typing import MatrixLike
from ..losses import (
    AverageLogLoss,
    AverageSquaredError,
    LogLoss,
    Loss,
    MultinomialLogLoss,
    SumOfLosses,
)
from ..problem import Continuous, Labels, Problem, Targets
from ..problem._response import Average, AverageProbability, Identity
from ..problem._targets import VotedLabels
from ..problem._weights import WeightsLike
from ._adapter import register, unsupported
from ._hooks import weight_argument
from ._joint import Joint, Task, joined, joint_loss, shared_weights


class Vote(Joint):
    """Voters that are all fitted to the same target."""

    def weight_argument(self, estimator: VotingClassifier | VotingRegressor) -> str | None:
        voters = [voter for _, voter in estimator.estimators if voter != "drop"]
        takes = all(weight_argument(voter) == "sample_weight" for voter in voters)
        return "sample_weight" if takes else None


@register(VotingClassifier)
class VoteOfClassifiers(Vote):
    """The loss is that of the mean probability."""

    def problem(
        self,
        estimator: VotingClassifier,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: WeightsLike = None,
    ) -> Problem:
        if estimator.voting == "hard":
            reason = 'a majority of labels has no loss; use voting="soft"'
            raise unsupported('VotingClassifier(voting="hard")', reason)
        parts, shares = self.part_problems(estimator, X, y, sample_weight), _shares(estimator)
        n_classes = len(estimator.classes_)
        log_loss = LogLoss() if n_classes == 2 else MultinomialLogLoss()
        if any(part.loss != log_loss for part in parts):
            reason = "some of them has no log loss over all classes at once"
            raise unsupported("VotingClassifier of these estimators", reason)
        negative = cast(Labels, parts[0].targets).negative
        response = AverageProbability(n_classes, shares)
        targets = VotedLabels(estimator.classes_, negative, response=response)
        losses = SumOfLosses(tuple((part.loss, part.n_outputs) for part in parts))
        return _vote(estimator, parts, y, targets, AverageLogLoss(losses, shares))

    def tasks(self, estimator: VotingClassifier, y: ArrayLike) -> list[Task]:
        return [(None, estimator.le_.transform(y))] * len(estimator.estimators_)


@register(VotingRegressor)
class VoteOfRegressors(Vote):
    """The loss is that of the mean prediction."""

    def problem(
        self,
        estimator: VotingRegressor,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: WeightsLike = None,
    ) -> Problem:
        parts, shares = self.part_problems(estimator, X, y, sample_weight), _shares(estimator)
        if any(part.targets.response != Identity() for part in parts):
            reason = "some of them has a link or a transformed target"
            raise unsupported("VotingRegressor of these estimators", reason)
        targets = RepeatedTargets(len(parts), True, Average(shares))
        return _vote(estimator, parts, y, targets, AverageSquaredError(shares))

    def tasks(self, estimator: VotingRegressor, y: ArrayLike) -> list[Task]:
        return [(None, np.ravel(y))] * len(estimator.estimators_)


class RepeatedTargets(Continuous):
    """One numeric target that several regressors are fitted on."""

    def encode(self, y: ArrayLike, dtype: DTypeLike) -> np.ndarray:
        """Return y as (n_samples, n_regressors), its column repeated."""
        return np.tile(Continuous().encode(y, dtype), self.n_outputs)


def _vote(
    estimator: VotingClassifier | VotingRegressor,
    parts: Sequence[Problem],
    y: ArrayLike,
    targets: Targets,
    question: Loss,
) -> Problem:
    name = type(estimator).__name__
    weights = shared_weights(name, parts)
    problem = joined(name, parts, parts[0].X, y, weights, joint_loss(parts), targets)
    return replace(problem, question=question, reweighting=parts[0].reweighting)


def _shares(estimator: VotingClassifier | VotingRegressor) -> tuple[float, ...]:
    """Return the parts' shares in the average, which sum to 1."""
    weights = voter_weights(estimator)
    shares = np.ones(len(estimator.estimators_)) if weights is None else np.array(weights, float)
    return tuple((shares / shares.sum()).tolist())
