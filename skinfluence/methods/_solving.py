"""From a fitted model to H⁻¹: which solver and Hessian, how much damping, and is it an optimum."""

from dataclasses import replace
from typing import Any, Literal

import numpy as np

from ..adapters import FittedModel, final_is_frozen, with_parameters
from ..operators import Hessian
from ..optimum import check_convergence, stopped_a_little_short, to_optimum
from ..optimum import refine as refine_problem
from ..solvers import invert_curved, resolve_solver, warn_if_inaccurate
from ._fit import Fit


def solve(
    model: FittedModel,
    *,
    solver: Any = "auto",
    damping: float | Literal["auto"] = 0.0,
    curvature: Literal["auto", "hessian", "gauss_newton"] = "auto",
    refine: bool | Literal["auto"] = "auto",
    block_size: int | None = None,
    random_state: int | np.random.RandomState | None = None,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> Fit:
    """Factor H, refine the fit and check it.

    Parameters
    ----------
    model : FittedModel
        As it was fitted.
    solver, damping, curvature, refine, block_size, random_state, n_jobs, verbose
        As in ``InfluenceExplainer``.

    Returns
    -------
    fit : Fit
        With the refined model, and the estimator that has its parameters.
    """
    problem, frozen = model.problem, final_is_frozen(model.estimator)
    fitted = problem.theta
    hessian = Hessian(problem, 0.0 if damping == "auto" else damping, block_size)
    solver = resolve_solver(solver, hessian, random_state=random_state, n_jobs=n_jobs)
    if refine is True and frozen:
        inverse, _ = invert_curved(solver, problem, damping, "auto", block_size)
        check_convergence(problem, inverse, frozen=frozen, threshold=10)
    exact = getattr(solver, "exact", True)  # Newton's steps are: they cannot be estimates
    stepper = solver if exact else resolve_solver("auto", hessian)
    if refine is True or problem.loss.smoothed:
        problem = refine_problem(problem, stepper)
    inverse, taken = invert_curved(solver, problem, damping, curvature, block_size)
    refined = refine is True
    if refine == "auto" and not frozen and not problem.loss.smoothed:
        refined = stopped_a_little_short(problem, inverse)
        if refined:
            refined, end = to_optimum(problem, stepper)
        if refined:
            problem = end
            inverse, taken = invert_curved(solver, problem, damping, curvature, block_size)
    if refined:  # else the estimator keeps the optimum of its own loss
        model = replace(model, estimator=with_parameters(model.estimator, problem))
    decrement, typical = check_convergence(
        problem, inverse, frozen=frozen, refined=refined or refine
    )
    warn_if_inaccurate(inverse)
    model = replace(model, problem=problem)
    known = model, solver, inverse, taken, decrement, typical, refined, n_jobs, verbose
    return Fit(*known, fitted if problem.loss.smoothed else None)
