"""Laws of a problem alone: it is stationary, and its derivatives are derivatives."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .._parameters import check_seed
from ..operators import Hessian, Jacobian, Removal
from ..optimum import newton_decrement, typical_decrement
from ..solvers import Direct, invert_curved


def check_stationary(problem: Any, *, tol: float = 1e-2) -> None:
    """Check that the fit is a stationary point of the objective that the adapter states.

    Parameters
    ----------
    problem : Problem
        What ``as_problem`` returned for a fitted estimator.
    tol : float, default=1e-2
        Largest Newton decrement, √(∇ᵀ H⁻¹ ∇), in units of what removing the median row makes of
        it. Beside 1, the answers would be about another model; 0.1 is where fits are warned of.

    Raises
    ------
    AssertionError
        If the decrement is larger.
    """
    inverse, _ = invert_curved(Direct(), problem, 0.0)
    decrement, typical = newton_decrement(problem, inverse), typical_decrement(problem, inverse)
    assert decrement <= tol * typical, (
        f"The fit is no stationary point of the objective that its adapter states: the Newton "
        f"decrement is {decrement:.2g}, and removing the median row makes it {typical:.2g}. Either "
        "the fit stopped early (lower its tolerance), or it minimised something else: look at "
        "`penalty`, which is the diagonal of the penalty's Hessian (2 alpha for alpha ‖theta‖²), "
        "at `weights`, which hold factors such as ½ or 1/n of the losses, and at which parameters "
        "are penalised (the intercept?)."
    )


def check_gradient(problem: Any, *, random_state: int = 0) -> None:
    """Check the gradient against differences of the objective, at and near the fit.

    Parameters
    ----------
    problem : Problem
        What ``as_problem`` returned for a fitted estimator.
    random_state : int, default=0
        Seeds the three directions that are tried.

    Raises
    ------
    AssertionError
        If a slope differs by more than rounding.
    """
    problem = problem.at(problem.theta + 0.1)
    eps = np.finfo(problem.theta.dtype).eps
    directions = check_seed(random_state).standard_normal((3, len(problem.theta)))
    for direction in directions / len(problem.theta) ** 0.5:
        step = eps ** (1 / 3) * direction
        ahead, behind = problem.at(problem.theta + step), problem.at(problem.theta - step)
        difference = ahead.objective() - behind.objective()
        stated = 2 * step @ problem.gradient()
        assert abs(difference - stated) <= 100 * eps * abs(problem.objective()), (
            f"The gradient is not that of the objective: along a short step the objective changes "
            f"by {difference:.10g}, and the gradient says {stated:.10g}. Look at the loss's "
            "`gradient` and at the predictor's `row_gradients` and `vjp`, if they are yours."
        )


def check_hessian(problem: Any) -> None:
    """Check the Hessian against differences of the gradient, and that it is symmetric.

    Parameters
    ----------
    problem : Problem
        What ``as_problem`` returned for a fitted estimator. Parameters that a norm holds at zero
        are left out.

    Raises
    ------
    AssertionError
        If it is not symmetric, or differs from the differences by more than √ε of its largest
        entry, ε the rounding of its dtype, whether they are taken over a step of ε^⅓ or of ε^¼.
    """
    eps = np.finfo(problem.theta.dtype).eps
    dense = Hessian(problem).dense()
    free = np.ones(len(dense), bool) if problem.free is None else problem.free
    largest = np.abs(dense).max(initial=0)
    assert np.abs(dense - dense.T).max(initial=0) <= 4 * eps * largest, (
        "The Hessian is not symmetric."
    )
    # A short step is for what bends, a longer one for gradients that are large sums, and round.
    steps = (eps**power * _smallest_norm(problem) for power in (1 / 3, 1 / 4))
    differences = (_differences(problem, free, step) for step in steps)
    error = min(np.abs(d - dense[free][:, free]).max(initial=0) for d in differences)
    assert error <= eps**0.5 * largest, (
        f"The Hessian is not that of the gradient: an entry is off by {error:.2g}, of at most "
        f"{largest:.2g}. Look at the loss's `hessian` and at the predictor's `weighted_gram`, if "
        "they are yours, and for a `raw` that is not linear in theta at how it was declared: a "
        "LinearPredictor has no curvature of its own."
    )


def _differences(problem, free, step):
    """Return central differences of the gradient, of and along the free parameters."""
    columns = [
        problem.at(problem.theta + h).gradient() - problem.at(problem.theta - h).gradient()
        for h in step * np.eye(len(free), dtype=problem.theta.dtype)[free]
    ]
    return np.stack(columns)[:, free] / (2 * step)


def _smallest_norm(problem):
    """Return the smallest norm of a group that is not zero, at most 1: within it, it bends."""
    if problem.norm is None or problem.norm.positions.shape[1] == 1:
        return 1.0
    norms = np.linalg.norm(problem.theta[problem.norm.positions], axis=1)
    return min(1.0, norms[norms > 0].min(initial=1.0))


def check_adjoints(problem: Any, rows: ArrayLike) -> None:
    """Check that J and R are the transposes of their transposes.

    Parameters
    ----------
    problem : Problem
        What ``as_problem`` returned for a fitted estimator.
    rows : ndarray of int of shape (n_rows,)
        Training rows that the operators are made of.

    Raises
    ------
    AssertionError
        If uᵀ(A v) and (Aᵀu)ᵀ v differ by more than rounding.
    """
    random, eps = np.random.RandomState(0), np.finfo(problem.theta.dtype).eps
    rows = np.asarray(rows)
    jacobian = Jacobian(problem.predictor, problem.X[rows], problem.gradients[rows])
    for operator in (jacobian, Removal(problem, rows)):
        u, v = (random.standard_normal(size) for size in operator.shape)
        there, back = u @ (operator @ v), (operator.T @ u) @ v
        size = np.abs(u) @ np.abs(operator.dense()) @ np.abs(v)
        assert abs(there - back) <= 1000 * eps * size, (
            f"{type(operator).__name__} and its transpose disagree: uᵀ(A v) is {there:.10g}, "
            f"(Aᵀu)ᵀ v is {back:.10g}. Look at the predictor's `jvp`, `vjp` and `row_gradients`."
        )
