"""Estimators that were fitted apart on the same rows, as one problem with all their outputs.

Their objectives add up, and share no parameter: theta holds the coefficients of all outputs, then
their intercepts, as for a linear model of several outputs.
"""

from copy import copy
from dataclasses import dataclass, replace
from functools import singledispatch
from typing import Any

import numpy as np

from ..losses import SumOfLosses
from ..penalties import GroupNorm
from ..predictors import LinearPredictor
from ._as_problem import as_problem, assign, unsupported
from ._problem import Problem
from ._reweighting import FixedWeights
from ._wrappers import final_estimator, held, transforms


@singledispatch
def tasks(estimator, y):
    """Return what each part of a fitted meta-estimator is fitted on.

    Returns
    -------
    tasks : list of (rows, target)
        For every part a mask of the rows, or None for all of them; and their target.
    """
    raise NotImplementedError


def part_problems(estimator, X, y, sample_weight):
    """Return the problem of every part of a fitted meta-estimator."""
    name = type(estimator).__name__
    parts, weights = [], None if sample_weight is None else np.asarray(sample_weight)
    for part, (rows, target) in zip(estimator.estimators_, tasks(estimator, y)):
        if transforms(part):
            reason = f"put the steps before the {name}: make_pipeline(steps, {name}(estimator))"
            raise unsupported(f"{name} of Pipelines", reason)
        parts.append(as_problem(part, _take(X, rows), target, _take(weights, rows)))
    return parts


def _take(array, rows):
    return array if rows is None or array is None else array[rows]


def joined(name, parts, X, y, weights, loss, targets):
    """Return the problem that is the sum of several, which share rows and nothing else.

    Parameters
    ----------
    name : str
        The meta-estimator, for errors.
    parts : list of Problem
        Their outputs stand side by side in the result.
    X, weights, loss, targets
        Those of the joint problem.
    y : array-like
        Its targets as the user gave them.

    Raises
    ------
    UnsupportedEstimatorError
        If the parts are not linear in the same columns, are votes, weigh rows by their classes'
        counts, or differ in what their penalty multiplies.
    """
    _require_joinable(name, parts)
    first = parts[0]
    predictor = replace(first.predictor, n_outputs=sum(part.n_outputs for part in parts))
    where = positions(predictor, [part.n_outputs for part in parts])
    theta, penalty = np.zeros((2, predictor.n_parameters), dtype=first.theta.dtype)
    for part, place in zip(parts, where):
        theta[place], penalty[place] = part.theta, part.penalty
    return Problem(
        loss=loss,
        predictor=predictor,
        theta=theta,
        X=X,
        y=targets.encode(y, X.dtype),
        weights=weights,
        penalty=penalty,
        targets=targets,
        norm=_joint_norm(parts, where),
        mass=first.mass,
    )


def _require_joinable(name, parts):
    """Raise UnsupportedEstimatorError with the reason why parts cannot be joined."""
    first = parts[0]
    if any(type(part.predictor) is not LinearPredictor for part in parts):
        reason = "it has parameters that are not linear in X; explain `estimators_` one by one"
        raise unsupported(f"{name} of this estimator", reason)
    if any(part.question is not None for part in parts):
        reason = "a vote is not judged by the sum of its losses; explain `estimators_` one by one"
        raise unsupported(f"{name} of voting estimators", reason)
    if any(part.kernel is not None for part in parts):
        reason = "each of its kernel models has features of its own; explain them one by one"
        raise unsupported(f"{name} of this estimator", reason)
    if len({(part.predictor.n_features, part.predictor.fit_intercept) for part in parts}) > 1:
        raise unsupported(f"{name} of estimators of which some have no intercept", "give all one")
    if not all(isinstance(part.reweighting, FixedWeights) for part in parts):
        raise weighs_apart(name)
    if not all(np.array_equal(part.mass, first.mass) for part in parts):
        reason = (
            "a penalty multiplies the mean of the losses in some of them, and the sum in others"
        )
        raise unsupported(f"{name} of these estimators", reason)


def positions(predictor, sizes):
    """Return where the parameters of consecutive blocks of outputs stand in theta."""
    stops = np.cumsum(sizes)
    return [predictor.block(slice(stop - size, stop))[1] for size, stop in zip(sizes, stops)]


def _joint_norm(parts, where):
    """Return the norms of the parts at their positions in theta; None if there are none."""
    norms = [(part.norm, place) for part, place in zip(parts, where) if part.norm is not None]
    if not norms:
        return None
    groups = np.concatenate([place[norm.positions] for norm, place in norms])
    return GroupNorm(groups, np.concatenate([norm.strength for norm, _ in norms]))


def shared_weights(name, parts):
    """Return the weights that all parts give the rows; an error if they differ."""
    first = parts[0].weights
    if not all(np.array_equal(part.weights, first) for part in parts):
        raise weighs_apart(name)
    return first


def weighs_apart(name):
    """Return the error of parts that give rows different weights."""
    reason = "each of them weighs the rows in its own way; use `sample_weight` instead"
    return unsupported(f"{name} of estimators with class_weight", reason)


def joint_loss(parts):
    """Return the loss that is the sum of the parts' losses, each of its own outputs."""
    loss = parts[0].loss
    if loss.separable and all(part.loss == loss for part in parts):
        return loss
    return SumOfLosses(tuple((part.loss, part.n_outputs) for part in parts))


def assign_parts(estimator, problem, sizes=None):
    """Write theta into the parts of a meta-estimator; ``sizes`` are their numbers of outputs."""
    parts = estimator.estimators_
    sizes = [problem.n_outputs // len(parts)] * len(parts) if sizes is None else sizes
    stops = np.cumsum(sizes)
    for part, size, stop in zip(parts, sizes, stops):
        block, _ = problem.block(problem.loss, slice(stop - size, stop))
        assign(final_estimator(part), block)


@dataclass(frozen=True)
class HeldParts:
    """A meta-estimator that fits its parts again, each with its own hyper-parameters held.

    The parts may differ: a search inside OneVsRestClassifier chooses a C for every class.

    Parameters
    ----------
    estimator : fitted meta-estimator
        Has ``estimators_``, and ``tasks``.
    """

    estimator: Any

    def fit(self, X, y, sample_weight=None):
        """Return a fitted copy of the meta-estimator."""
        model, parts = copy(self.estimator), []
        for part, (rows, target) in zip(model.estimators_, tasks(model, y)):
            weights = {} if sample_weight is None else {"sample_weight": _take(sample_weight, rows)}
            parts.append(held(part).fit(_take(X, rows), target, **weights))
        model.estimators_ = parts
        return model
