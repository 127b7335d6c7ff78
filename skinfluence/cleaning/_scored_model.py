"""The model that labels were scored with, and what can be asked of it afterwards."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, clone

from ..adapters import (
    FittedModel,
    UnsupportedEstimatorError,
    as_problem,
    final_estimator,
    final_is_frozen,
    fit_clone,
    penalty_parameter,
    training_features,
)
from ..changes import EncodedRemove
from ..methods import FirstOrder, FirstOrderAnswers, Fit, Newton, NewtonAnswers
from ..operators import Hessian
from ..optimum import refine
from ..problem import Problem, require_predictions
from ..solvers import invert_curved, resolve_solver
from ._penalty_search import PenaltySearch


@dataclass(frozen=True, eq=False)
class ScoredModel:
    """The fitted model behind the scores of a ``LabelCleaner``.

    H⁻¹ may be far larger than the data. It is kept in memory for the questions that follow a fit
    and left out of a pickle, whose copy factors H again when it is asked.

    Parameters
    ----------
    estimator : estimator
        The final estimator, fitted with the penalty that was chosen.
    problem : Problem
        Its problem, at the optimum.
    solver : object with ``invert``
        Inverts H.
    damping : float or "auto"
        As in ``LabelCleaner``.
    """

    estimator: BaseEstimator
    problem: Problem
    solver: Any
    damping: float | Literal["auto"]

    @cached_property
    def inverse(self) -> Any:
        """H⁻¹ at the optimum."""
        return invert_curved(self.solver, self.problem, self.damping)[0]

    @property
    def working(self) -> Problem:
        """The problem that H belongs to: the linearised one with Gauss-Newton."""
        return self.inverse.hessian.problem

    @property
    def factored(self) -> bool:
        """Whether H itself was factored, undamped, so that it stands for those of refits."""
        return self.inverse.rcond is not None and not self.inverse.hessian.damping

    @property
    def fit(self) -> Fit:
        """The model and H⁻¹, for methods to answer from."""
        return Fit(FittedModel(self.estimator, self.problem), self.solver, self.inverse)

    @cached_property
    def newton(self) -> NewtonAnswers:
        """Newton steps without each row, as far as scores need them."""
        return Newton(tolerance=0.1).bind(self.fit)

    @property
    def first_order(self) -> FirstOrderAnswers:
        """The paper's first order."""
        return FirstOrder().bind(self.fit)

    @property
    def every_row(self) -> EncodedRemove:
        """Every training row left out, alone."""
        return EncodedRemove(np.arange(self.problem.n_rows))

    def raw_without(self) -> np.ndarray:
        """Return the raw prediction of every row under the model without it, shape (n, K)."""
        return self.newton.fit.model.own_raw() + self.newton.own_raw(self.every_row)

    def label_scores(self, score: str, raw_without: np.ndarray) -> np.ndarray:
        """Return the suspicion of every label, as ``LabelCleaner(score=...)`` names it."""
        problem = self.problem
        if score == "loss":
            return problem.reported_loss(problem.raw, problem.y)
        if score == "loo_loss":
            return problem.reported_loss(raw_without, problem.y)
        own = self.first_order.own_raw(self.every_row)
        return np.einsum("nk,nk->n", problem.evaluation_gradients, own)

    def probabilities(self, raw: np.ndarray) -> np.ndarray | None:
        """Return class probabilities, shape (n, n_classes); None for a regression."""
        targets: Any = self.problem.targets
        loss = self.problem.evaluation_loss
        if not hasattr(targets, "classes"):
            return None
        return loss.probabilities(raw) if hasattr(loss, "probabilities") else targets.shares(raw)

    def predicted(self, raw: np.ndarray, probabilities: np.ndarray | None) -> np.ndarray:
        """Return what raw predictions say, in the user's labels or units."""
        if probabilities is None:
            return self.problem.targets.decode(raw)
        targets: Any = self.problem.targets
        return targets.classes[np.argmax(probabilities, axis=1)]

    @property
    def classes(self) -> np.ndarray:
        """The user's labels of the classes."""
        targets: Any = self.problem.targets
        return targets.classes

    def codes(self, y: Any) -> np.ndarray | None:
        """Return the class of every label as a number from 0; None for a regression."""
        targets: Any = self.problem.targets
        return targets.codes(y) if hasattr(targets, "classes") else None

    def __getstate__(self) -> dict:
        large = ("inverse", "newton")
        return {name: value for name, value in vars(self).items() if name not in large}


def require_values_of_classes(fitted: BaseEstimator) -> None:
    """Raise UnsupportedEstimatorError if decision values are those of pairs of classes."""
    final: Any = final_estimator(fitted)
    pairs = getattr(final, "decision_function_shape", None) == "ovo"
    if pairs and len(final.classes_) > 2:
        raise UnsupportedEstimatorError(
            "Decision values of pairs of classes tell no label's loss without its row; use "
            "`decision_function_shape='ovr'`, which predicts the same."
        )


def scored_model(
    fitted: BaseEstimator,
    X: Any,
    y: Any,
    sample_weight: ArrayLike | None,
    *,
    tuned: bool,
    solver: Any,
    damping: float | Literal["auto"],
    random_state: Any,
    n_jobs: int | None,
) -> tuple[ScoredModel, float | None]:
    """Return the model that rows are scored with, and its penalty.

    Parameters
    ----------
    fitted : estimator
        Fitted on X, y and the weights.
    tuned : bool
        Whether the penalty is chosen by its leave-one-out risk.
    solver, damping, random_state, n_jobs
        As in ``LabelCleaner``.
    """
    final, features = final_estimator(fitted), training_features(fitted, X, y)
    parameter = penalty_parameter(final)
    penalty = None if parameter is None else final.get_params()[parameter]
    if tuned and parameter is not None and not final_is_frozen(fitted):
        data = features, y, sample_weight
        penalty = PenaltySearch(clone(final), parameter, *data, solver, damping).best()
        final = fit_clone(clone(final).set_params(**{parameter: penalty}), *data)
    problem = as_problem(final, features, y, sample_weight)
    require_predictions(problem)
    hessian = Hessian(problem, 0.0 if damping == "auto" else damping)
    solver = resolve_solver(solver, hessian, random_state=random_state, n_jobs=n_jobs)
    return ScoredModel(final, refine(problem, solver), solver, damping), penalty
