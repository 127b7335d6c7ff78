"""Estimators that were fitted apart on the same rows, as one problem with all their outputs.

Their objectives add up, and share no parameter: theta holds the coefficients of all outputs, then
their intercepts, as for a linear model of several outputs.
"""

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from .._typing import MatrixLike
from ..losses import Loss, SumOfLosses
from ..penalties import GroupNorm
from ..predictors import LinearPredictor
from ..problem import FixedWeights, Problem, Targets
from ..problem._unsupported import UnsupportedEstimatorError
from ..problem._weights import WeightsLike
from ._adapter import Adapter, unsupported
from ._as_problem import as_problem
from ._hooks import assign, held
from ._wrappers import final_estimator, transforms

#: What a part is fitted on: a mask of the rows, None for all of them; and their target.
Task: TypeAlias = tuple[np.ndarray | None, np.ndarray]


class Joint(Adapter):
    """What the library asks of a meta-estimator that fits several, its ``estimators_``, apart.

    A subclass says on what, with ``tasks``, and makes one problem of the parts' own.
    """

    def tasks(self, estimator: Any, y: ArrayLike) -> list[Task]:
        """Return what each part of a fitted meta-estimator is fitted on."""
        raise NotImplementedError

    def part_problems(
        self, estimator: Any, X: MatrixLike, y: ArrayLike, sample_weight: WeightsLike
    ) -> list[Problem]:
        """Return the problem of every part."""
        name, parts = type(estimator).__name__, []
        weights = None if sample_weight is None else np.asarray(sample_weight)
        for part, (rows, target) in zip(estimator.estimators_, self.tasks(estimator, y)):
            if transforms(part):
                reason = f"put the steps before the {name}: make_pipeline(steps, {name}(estimator))"
                raise unsupported(f"{name} of Pipelines", reason)
            parts.append(as_problem(part, _take(X, rows), target, _take(weights, rows)))
        return parts

    def sizes(self, estimator: Any, problem: Problem) -> list[int]:
        """Return the number of outputs of every part."""
        n_parts = len(estimator.estimators_)
        return [problem.n_outputs // n_parts] * n_parts

    def assign(self, estimator: Any, problem: Problem) -> None:
        """Write theta into the parts."""
        sizes = self.sizes(estimator, problem)
        for part, size, stop in zip(estimator.estimators_, sizes, np.cumsum(sizes)):
            block, _ = problem.block(problem.loss, slice(stop - size, stop))
            assign(final_estimator(part), block)

    def held(self, estimator: Any) -> "HeldParts":
        """Return the meta-estimator with what is held of each part."""
        return HeldParts(estimator, self.tasks)


def _take(array: MatrixLike | None, rows: np.ndarray | None) -> MatrixLike | None:
    return array if rows is None or array is None else array[rows]


def joined(
    name: str,
    parts: Sequence[Problem],
    X: MatrixLike,
    y: ArrayLike,
    weights: np.ndarray,
    loss: Loss,
    targets: Targets,
) -> Problem:
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
    linear = cast(LinearPredictor, first.predictor)
    predictor = replace(linear, n_outputs=sum(part.n_outputs for part in parts))
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


def _require_joinable(name: str, parts: Sequence[Problem]) -> None:
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
    linear = [cast(LinearPredictor, part.predictor) for part in parts]
    if len({(predictor.n_features, predictor.fit_intercept) for predictor in linear}) > 1:
        raise unsupported(f"{name} of estimators of which some have no intercept", "give all one")
    if not all(isinstance(part.reweighting, FixedWeights) for part in parts):
        raise weighs_apart(name)
    if not all(_same(part.mass, first.mass) for part in parts):
        reason = (
            "a penalty multiplies the mean of the losses in some of them, and the sum in others"
        )
        raise unsupported(f"{name} of these estimators", reason)


def _same(mass: np.ndarray | None, other: np.ndarray | None) -> bool:
    if mass is None or other is None:
        return mass is other
    return np.array_equal(mass, other)


def positions(predictor: LinearPredictor, sizes: Sequence[int]) -> list[np.ndarray]:
    """Return where the parameters of consecutive blocks of outputs stand in theta."""
    stops = np.cumsum(sizes)
    return [predictor.block(slice(stop - size, stop))[1] for size, stop in zip(sizes, stops)]


def _joint_norm(parts: Sequence[Problem], where: Sequence[np.ndarray]) -> GroupNorm | None:
    """Return the norms of the parts at their positions in theta; None if there are none."""
    norms = [(part.norm, place) for part, place in zip(parts, where) if part.norm is not None]
    if not norms:
        return None
    groups = np.concatenate([place[norm.positions] for norm, place in norms])
    return GroupNorm(groups, np.concatenate([norm.strength for norm, _ in norms]))


def shared_weights(name: str, parts: Sequence[Problem]) -> np.ndarray:
    """Return the weights that all parts give the rows; an error if they differ."""
    first = parts[0].weights
    if not all(np.array_equal(part.weights, first) for part in parts):
        raise weighs_apart(name)
    return first


def weighs_apart(name: str) -> UnsupportedEstimatorError:
    """Return the error of parts that give rows different weights."""
    reason = "each of them weighs the rows in its own way; use `sample_weight` instead"
    return unsupported(f"{name} of estimators with class_weight", reason)


def joint_loss(parts: Sequence[Problem]) -> Loss:
    """Return the loss that is the sum of the parts' losses, each of its own outputs."""
    loss = parts[0].loss
    if loss.separable and all(part.loss == loss for part in parts):
        return loss
    return SumOfLosses(tuple((part.loss, part.n_outputs) for part in parts))


@dataclass(frozen=True)
class HeldParts:
    """A meta-estimator that fits its parts again, each with its own hyper-parameters held.

    The parts may differ: a search inside OneVsRestClassifier chooses a C for every class.

    Parameters
    ----------
    estimator : fitted meta-estimator
        Has ``estimators_``.
    tasks : callable
        ``tasks(estimator, y)``, of its adapter.
    """

    estimator: BaseEstimator
    tasks: Callable[[BaseEstimator, ArrayLike], list[Task]]

    def fit(self, X: MatrixLike, y: ArrayLike, sample_weight: WeightsLike = None) -> BaseEstimator:
        """Return a fitted copy of the meta-estimator."""
        model, parts = copy(self.estimator), []
        for part, (rows, target) in zip(model.estimators_, self.tasks(model, y)):
            weights = {} if sample_weight is None else {"sample_weight": _take(sample_weight, rows)}
            parts.append(held(part).fit(_take(X, rows), target, **weights))
        model.estimators_ = parts
        return model
