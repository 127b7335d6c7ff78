"""The quantile regression, a linear program, as a support vector machine with next to no ridge.

    Σ s_i pinball_i(f_i) + Σ_j strength_j |theta_j| + ½ δ ‖theta - theta₀‖²

Its l1 norm is the loss of one more row for each coefficient, which predicts it and has its kink at
0. Where δ is small enough the optimum is one of the linear program itself: of all its solutions
the one nearest to theta₀ (Mangasarian and Meyer 1979). That is the fit. Where it is one of several,
as a median of an even number of rows is, it is itself the nearest, and stays where it is if it is
still a solution when a row has left. Where δ is too large, as beside an l1 norm of next to no
strength, the optimum becomes the next theta₀, until it stays (the proximal point algorithm, which
ends at a solution: Ferris 1991).
"""

from typing import Any, cast

import numpy as np
from scipy import sparse

from ..predictors import LinearPredictor
from ..problem import Problem
from ._gram import FeatureGram
from ._support_path import Machine

#: δ of a parameter, in units of the largest slope of the losses in it over the parameter, or over
#: that which crosses the largest residual.
RIDGE = 1e-6


def is_linear_program(problem: Problem) -> bool:
    """Tell whether a problem whose loss is in straight pieces has no penalty but an l1 norm."""
    alone = problem.norm is None or problem.norm.positions.shape[1] == 1
    return alone and problem.n_outputs == 1 and not np.any(problem.penalty)


def program_weights(problem: Problem) -> np.ndarray:
    """Return the weights of the rows, and the strength of an l1 norm on every coefficient."""
    weights = problem.weights.astype(float)
    return weights if problem.norm is None else np.append(weights, problem.norm.strength)


def program_machine(
    problem: Problem, kinks: np.ndarray, slopes: np.ndarray, near: np.ndarray
) -> tuple[Machine, Any, np.ndarray, np.ndarray]:
    """Return the machine of a linear program, Φ, the scale of its columns, and a guess of a.

    Its w is the distance from ``near``, which is theta₀.
    """
    linear, rows = cast(LinearPredictor, problem.predictor), problem.X.astype(float)
    stack: Any = sparse if sparse.issparse(rows) else np
    if linear.fit_intercept:
        rows = stack.hstack([rows, np.ones((rows.shape[0], 1))])
    guess = -problem.weights.astype(float) * problem.gradients[:, 0]
    pulls = np.asarray(rows.T @ guess).ravel()
    steep = np.asarray(abs(rows).T @ problem.weights.astype(float)).ravel()
    if problem.norm is not None:
        held, strength = problem.norm.positions[:, 0], problem.norm.strength
        rows = stack.vstack([rows, np.eye(rows.shape[1])[held]])
        guess = np.append(guess, np.clip(-pulls[held], -strength, strength))
        kinks = np.vstack([kinks, np.zeros((len(held), 1))])
        slopes = np.vstack([slopes, np.tile([-1.0, 1.0], (len(held), 1))])
    origin = np.asarray(rows @ near).ravel()
    largest: Any = abs(rows).max(axis=0)
    largest = np.asarray(largest.todense() if stack is sparse else largest)
    across = np.abs(kinks - origin[:, None]).max() / np.where(largest > 0, largest, 1).ravel()
    size = np.maximum(np.abs(near), across)
    ridge = RIDGE * np.where(steep > 0, steep, 1) / np.where(size > 0, size, 1)
    scale = 1 / np.sqrt(ridge)
    features = sparse.csr_matrix(rows @ sparse.diags(scale)) if stack is sparse else rows * scale
    squares = features.multiply(features) if stack is sparse else features**2
    gram = FeatureGram(features, np.asarray(squares.sum(axis=1)).ravel())
    return Machine(gram, kinks, slopes, False, origin), features, scale, guess
