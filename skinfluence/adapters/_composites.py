"""The meta-estimators that fit one estimator several times.

Each of these minimises the sum of its parts' objectives: the parts are joined into one problem.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import cast

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import MetaEstimatorMixin, is_classifier
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor
from sklearn.utils.validation import has_fit_parameter

from .._typing import MatrixLike
from ..losses import LogLoss, Loss, MultilabelLogLoss, PairwiseLoss, SumOfLosses
from ..problem import Continuous, Labels, Problem, Targets
from ..problem._targets import LabelsByOutput, Pairs
from ..problem._weights import WeightsLike
from ._adapter import register, unsupported
from ._hooks import encode_features, penalty_parameter
from ._joint import Joint, Task, joined, joint_loss, shared_weights, weighs_apart


class Repeated(Joint):
    """One ``estimator``, fitted to several targets."""

    def penalty_parameter(self, estimator: MetaEstimatorMixin) -> str | None:
        parameter = penalty_parameter(estimator.estimator)
        return None if parameter is None else f"estimator__{parameter}"


@register(OneVsRestClassifier)
class OneVsRest(Repeated):
    """The sum of the K binary objectives, each class against the rest."""

    def problem(
        self,
        estimator: OneVsRestClassifier,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: WeightsLike = None,
    ) -> Problem:
        _require_binary_classifiers(estimator)
        parts = self.part_problems(estimator, X, y, sample_weight)
        loss, negative = joint_loss(parts), _labels(parts[0]).negative
        targets: Targets = Labels(estimator.classes_, negative)
        if estimator.multilabel_:
            loss = MultilabelLogLoss() if loss == LogLoss() else loss
            targets = LabelsByOutput(tuple(_labels(part) for part in parts))
        return _side_by_side(estimator, parts, y, loss, targets)

    def tasks(self, estimator: OneVsRestClassifier, y: ArrayLike) -> list[Task]:
        indicators = estimator.label_binarizer_.transform(y)
        return [(None, column) for column in indicators.toarray().T]


@register(OneVsOneClassifier)
class OneVsOne(Repeated):
    """The sum of the K (K - 1) / 2 binary objectives, each of the rows of two classes."""

    def problem(
        self,
        estimator: OneVsOneClassifier,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: WeightsLike = None,
    ) -> Problem:
        _require_binary_classifiers(estimator)
        name, X = type(estimator).__name__, encode_features(estimator, X)
        parts = self.part_problems(estimator, X, y, sample_weight)
        if any(part.mass is not None for part in parts):
            reason = "their penalties multiply the means of different rows; use OneVsRestClassifier"
            raise unsupported(f"{name} of this estimator", reason)
        weights = np.full(X.shape[0], np.nan, dtype=X.dtype)
        for part, (rows, _) in zip(parts, self.tasks(estimator, y)):
            known = weights[rows]
            if np.any(np.where(np.isnan(known), part.weights, known) != part.weights):
                raise weighs_apart(name)
            weights[rows] = part.weights
        loss = PairwiseLoss(joint_loss(parts), _labels(parts[0]).negative)
        return joined(name, parts, X, y, weights, loss, Pairs(estimator.classes_))

    def tasks(self, estimator: OneVsOneClassifier, y: ArrayLike) -> list[Task]:
        codes = Labels(estimator.classes_).codes(y)
        pairs = combinations(range(len(estimator.classes_)), 2)
        members = [((codes == first) | (codes == second), second) for first, second in pairs]
        return [(rows, (codes[rows] == second).astype(int)) for rows, second in members]


class ByColumn(Repeated):
    """The sum of the objectives of every column of y."""

    def tasks(
        self, estimator: MultiOutputClassifier | MultiOutputRegressor, y: ArrayLike
    ) -> list[Task]:
        columns, n_outputs = np.asarray(y), len(estimator.estimators_)
        if columns.ndim != 2 or columns.shape[1] != n_outputs:
            raise ValueError(f"y must have {n_outputs} column(s); got shape {columns.shape}.")
        return [(None, column) for column in columns.T]

    def weight_argument(
        self, estimator: MultiOutputClassifier | MultiOutputRegressor
    ) -> str | None:
        return "sample_weight" if has_fit_parameter(estimator.estimator, "sample_weight") else None


@register(MultiOutputClassifier)
class ManyLabels(ByColumn):
    """Labels, whose numbers of classes may differ."""

    def problem(
        self,
        estimator: MultiOutputClassifier,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: WeightsLike = None,
    ) -> Problem:
        parts = self.part_problems(estimator, X, y, sample_weight)
        loss = SumOfLosses(tuple((part.loss, part.n_outputs) for part in parts))
        targets = LabelsByOutput(tuple(_labels(part) for part in parts))
        return _side_by_side(estimator, parts, y, loss, targets)

    def sizes(self, estimator: MultiOutputClassifier, problem: Problem) -> list[int]:
        return [size for _, size in cast(SumOfLosses, problem.loss).parts]


@register(MultiOutputRegressor)
class ManyNumbers(ByColumn):
    """Numbers; penalties may differ."""

    def problem(
        self,
        estimator: MultiOutputRegressor,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: WeightsLike = None,
    ) -> Problem:
        parts = self.part_problems(estimator, X, y, sample_weight)
        response = parts[0].targets.response
        if any(part.targets.response != response for part in parts):
            what = "MultiOutputRegressor of estimators that transform their target"
            raise unsupported(what, "put the target's transformer around the MultiOutputRegressor")
        targets = Continuous(len(parts), False, response)
        return _side_by_side(estimator, parts, y, joint_loss(parts), targets)


def _side_by_side(
    estimator: MetaEstimatorMixin,
    parts: Sequence[Problem],
    y: ArrayLike,
    loss: Loss,
    targets: Targets,
) -> Problem:
    """Join parts that were fitted on all rows."""
    name = type(estimator).__name__
    return joined(name, parts, parts[0].X, y, shared_weights(name, parts), loss, targets)


def _labels(part: Problem) -> Labels:
    """Return the targets of a classifier."""
    return cast(Labels, part.targets)


def _require_binary_classifiers(estimator: OneVsOneClassifier | OneVsRestClassifier) -> None:
    name = type(estimator).__name__
    if not is_classifier(estimator.estimator):
        reason = "give it a classifier, such as RidgeClassifier"
        raise unsupported(f"{name} of a regressor", reason)
    if not all(hasattr(part, "classes_") for part in estimator.estimators_):
        raise unsupported(f"{name} with a label that all rows have, or none", "drop that column")
