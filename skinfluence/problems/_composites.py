"""Adapters of the meta-estimators that fit one estimator several times.

Each of these minimises the sum of its parts' objectives: the parts are joined into one problem.
"""

from itertools import combinations

import numpy as np
from sklearn.base import is_classifier
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor
from sklearn.utils.validation import has_fit_parameter

from ..losses import LogLoss, MultilabelLogLoss, PairwiseLoss, SumOfLosses
from ._as_problem import as_problem, assign, penalty_parameter, unsupported
from ._joint import (
    HeldParts,
    assign_parts,
    joined,
    joint_loss,
    part_problems,
    shared_weights,
    tasks,
    weighs_apart,
)
from ._targets import Continuous, Labels, LabelsByOutput, Pairs
from ._wrappers import encode_features, held, weight_argument


@as_problem.register(OneVsRestClassifier)
def _one_vs_rest(estimator, X, y, sample_weight=None):
    """Minimise the sum of the K binary objectives, each class against the rest."""
    _require_binary_classifiers(estimator)
    parts = part_problems(estimator, X, y, sample_weight)
    loss, negative = joint_loss(parts), parts[0].targets.negative
    targets = Labels(estimator.classes_, negative)
    if estimator.multilabel_:
        loss = MultilabelLogLoss() if loss == LogLoss() else loss
        targets = LabelsByOutput(tuple(part.targets for part in parts))
    return _side_by_side(estimator, parts, y, loss, targets)


@as_problem.register(OneVsOneClassifier)
def _one_vs_one(estimator, X, y, sample_weight=None):
    """Minimise the sum of the K (K - 1) / 2 binary objectives, each of the rows of two classes."""
    _require_binary_classifiers(estimator)
    name, X = type(estimator).__name__, encode_features(estimator, X)
    parts = part_problems(estimator, X, y, sample_weight)
    if any(part.mass is not None for part in parts):
        reason = "their penalties multiply the means of different rows; use OneVsRestClassifier"
        raise unsupported(f"{name} of this estimator", reason)
    weights = np.full(X.shape[0], np.nan, dtype=X.dtype)
    for part, (rows, _) in zip(parts, tasks(estimator, y)):
        if np.any(np.where(np.isnan(weights[rows]), part.weights, weights[rows]) != part.weights):
            raise weighs_apart(name)
        weights[rows] = part.weights
    loss = PairwiseLoss(joint_loss(parts), parts[0].targets.negative)
    return joined(name, parts, X, y, weights, loss, Pairs(estimator.classes_))


@as_problem.register(MultiOutputClassifier)
def _multi_output_classifier(estimator, X, y, sample_weight=None):
    """Minimise the sum of the objectives of every column of y."""
    parts = part_problems(estimator, X, y, sample_weight)
    loss = SumOfLosses(tuple((part.loss, part.n_outputs) for part in parts))
    targets = LabelsByOutput(tuple(part.targets for part in parts))
    return _side_by_side(estimator, parts, y, loss, targets)


@as_problem.register(MultiOutputRegressor)
def _multi_output_regressor(estimator, X, y, sample_weight=None):
    """Minimise the sum of the objectives of every column of y; penalties may differ."""
    parts = part_problems(estimator, X, y, sample_weight)
    response = parts[0].targets.response
    if any(part.targets.response != response for part in parts):
        reason = "put the target's transformer around the MultiOutputRegressor"
        raise unsupported("MultiOutputRegressor of estimators that transform their target", reason)
    targets = Continuous(len(parts), False, response)
    return _side_by_side(estimator, parts, y, joint_loss(parts), targets)


def _side_by_side(estimator, parts, y, loss, targets):
    """Join parts that were fitted on all rows."""
    name = type(estimator).__name__
    return joined(name, parts, parts[0].X, y, shared_weights(name, parts), loss, targets)


def _require_binary_classifiers(estimator):
    name = type(estimator).__name__
    if not is_classifier(estimator.estimator):
        reason = "give it a classifier, such as RidgeClassifier"
        raise unsupported(f"{name} of a regressor", reason)
    if not all(hasattr(part, "classes_") for part in estimator.estimators_):
        raise unsupported(f"{name} with a label that all rows have, or none", "drop that column")


@tasks.register(OneVsRestClassifier)
def _rest_tasks(estimator, y):
    indicators = estimator.label_binarizer_.transform(y)
    return [(None, column) for column in indicators.toarray().T]


@tasks.register(OneVsOneClassifier)
def _pair_tasks(estimator, y):
    codes = Labels(estimator.classes_).codes(y)
    pairs = combinations(range(len(estimator.classes_)), 2)
    members = [((codes == first) | (codes == second), second) for first, second in pairs]
    return [(rows, (codes[rows] == second).astype(int)) for rows, second in members]


@tasks.register(MultiOutputClassifier)
@tasks.register(MultiOutputRegressor)
def _column_tasks(estimator, y):
    y, n_outputs = np.asarray(y), len(estimator.estimators_)
    if y.ndim != 2 or y.shape[1] != n_outputs:
        raise ValueError(f"y must have {n_outputs} column(s); got shape {y.shape}.")
    return [(None, column) for column in y.T]


@assign.register(OneVsRestClassifier)
@assign.register(OneVsOneClassifier)
@assign.register(MultiOutputRegressor)
def _assign_outputs(estimator, problem):
    assign_parts(estimator, problem)


@assign.register(MultiOutputClassifier)
def _assign_blocks(estimator, problem):
    assign_parts(estimator, problem, [size for _, size in problem.loss.parts])


@held.register(OneVsRestClassifier)
@held.register(OneVsOneClassifier)
@held.register(MultiOutputClassifier)
@held.register(MultiOutputRegressor)
def _hold_parts(estimator):
    return HeldParts(estimator)


@penalty_parameter.register(OneVsRestClassifier)
@penalty_parameter.register(OneVsOneClassifier)
@penalty_parameter.register(MultiOutputClassifier)
@penalty_parameter.register(MultiOutputRegressor)
def _penalty_of_parts(estimator):
    parameter = penalty_parameter(estimator.estimator)
    return None if parameter is None else f"estimator__{parameter}"


@weight_argument.register(MultiOutputClassifier)
@weight_argument.register(MultiOutputRegressor)
def _weights_of_parts(estimator):
    return "sample_weight" if has_fit_parameter(estimator.estimator, "sample_weight") else None
