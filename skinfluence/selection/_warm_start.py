"""A fitted model that is solved again, from where it was, after training rows have changed.

A changed problem is taken to its own optimum by Newton steps, which is the refit without its
noise. ``refit`` really fits again, and confirms.
"""

from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import ArrayLike
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from .._explainer import InfluenceExplainer
from ..adapters import FittedModel
from ..methods import Fit, Refit
from ..optimum import refine
from ..problem import Problem
from ..solvers import Direct, invert_damped


@dataclass(frozen=True, eq=False)
class WarmStart:
    """A fitted model that can be solved again. Build it with ``WarmStart.of``.

    Parameters
    ----------
    estimator : fitted estimator
        Its Pipeline's earlier steps are held.
    problem : Problem
        At its optimum.
    solver, damping
        Those of the explainer.
    refit : Refit
        Really refits the last step.
    """

    estimator: Any
    problem: Problem
    solver: Any
    damping: float
    refit: Refit

    @classmethod
    def of(
        cls, estimator: Any, X: Any, y: Any, sample_weight: ArrayLike | None = None
    ) -> "WarmStart":
        """Fit an estimator or an explainer, unless it is an explainer that is fitted already.

        Raises
        ------
        TypeError
            If the estimator is not supported.
        ValueError
            If an explainer was fitted with ``method="retrain"``.
        """
        explainer = estimator
        if not isinstance(estimator, InfluenceExplainer):
            explainer = InfluenceExplainer(estimator, method="influence", refine=True)
        if not hasattr(explainer, "estimator_"):
            explainer = clone(explainer).fit(X, y, sample_weight)
        check_is_fitted(explainer)
        if explainer.inverse_ is None:
            raise ValueError(
                'An explainer with method="retrain" has no derivatives; use "newton" or '
                '"influence". What is found is confirmed by really refitting anyway.'
            )
        solver = explainer.solver_ if explainer.inverse_.exact else Direct()
        damping = explainer.damping_
        problem = refine(explainer.problem_, solver)
        jobs: dict[str, Any] = {"n_jobs": explainer.n_jobs, "verbose": explainer.verbose}
        refit = Refit.of(replace(explainer.answers_.fit.model, problem=problem), **jobs)
        return cls(explainer.estimator_, problem, solver, damping, refit)

    def solve(self, problem: Problem, start: Problem) -> Problem:
        """Return a changed problem at its optimum, found from that of ``start``."""
        return refine(problem.at(start.theta), self.solver)

    def fit(self, problem: Problem) -> Fit:
        """Return a problem and its H⁻¹, for methods to answer from."""
        return Fit(FittedModel(self.estimator, problem), self.solver, self.inverse(problem))

    def inverse(self, problem: Problem) -> Any:
        """Return H⁻¹ of a problem, damped as the explainer's."""
        return invert_damped(self.solver, problem, self.damping)
