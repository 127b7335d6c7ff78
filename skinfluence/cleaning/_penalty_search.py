"""Choose a penalty by its approximate leave-one-out risk: one fit a value, no refits.

The risk is the mean loss of every training row under a Newton step without it, weighted as in
training. No row counts for more than a few times the loss of a constant prediction: one step may
go anywhere where a prediction is curved, or the row alone determines a parameter. The grid is half
decades; it is walked downhill by decades from 1, then refined.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from ..adapters import as_problem, fit_clone
from ..operators import Hessian
from ..optimum import LeftOutRows
from ..solvers import invert_curved, resolve_solver

#: The penalty is looked for between 10^-DECADES and 10^DECADES.
DECADES = 6
#: What a row's loss counts for at most, in units of the mean loss of a constant prediction.
CEILING = 10


@dataclass
class PenaltySearch:
    """Minimise the approximate leave-one-out risk over one hyper-parameter.

    A point of the grid is a whole number, the penalty's value 10^(point / 2).

    Parameters
    ----------
    estimator : estimator
        A supported final estimator.
    parameter : str
        Its hyper-parameter, such as "C" or "estimator__alpha": "C" is the inverse of a penalty,
        "alpha" the penalty.
    X, y, sample_weight
        Training data as the final estimator sees them.
    solver, damping
        As in ``LabelCleaner``.
    """

    estimator: Any
    parameter: str
    X: Any
    y: Any
    sample_weight: ArrayLike | None = None
    solver: Any = "auto"
    damping: float | Literal["auto"] = 0.0
    risks: dict[int, float] = field(default_factory=dict)
    ceiling: float | None = None

    def best(self) -> float:
        """Return the value of the grid where the risk is least."""
        stronger = -1 if self.parameter.split("__")[-1] == "C" else 1
        point = 0 if np.isfinite(self.risk(0)) else min((2, -2), key=self.risk)
        for step in (2, 1):
            for direction in (stronger, -stronger):  # strong penalties fit fast: try them first
                while self._improves(point, point + direction * step):
                    point += direction * step
        return 10 ** (point / 2)

    def _improves(self, point: int, candidate: int) -> bool:
        within = abs(candidate) <= 2 * DECADES
        return within and self.risk(candidate) < self.risk(point)

    def risk(self, point: int) -> float:
        """Return the risk at 10^(point / 2); infinite where the fit, or a step, fails."""
        if point not in self.risks:
            try:
                self.risks[point] = self._fitted_risk(10 ** (point / 2))
            except (ValueError, ArithmeticError):
                self.risks[point] = np.inf
        return self.risks[point]

    def _fitted_risk(self, value: float) -> float:
        model: BaseEstimator = self.estimator.set_params(**{self.parameter: value})
        model = fit_clone(model, self.X, self.y, self.sample_weight)
        problem = as_problem(model, self.X, self.y, self.sample_weight)
        known = 0.0 if self.damping == "auto" else self.damping
        solver = resolve_solver(self.solver, Hessian(problem, known))
        inverse, _ = invert_curved(solver, problem, self.damping)
        left_out = LeftOutRows(inverse.hessian.problem, inverse, solver, tolerance=None)
        change = left_out.own_raw_changes(np.arange(problem.n_rows))
        if self.ceiling is None:
            self.ceiling = CEILING * _risk_of_constant(problem)
        with np.errstate(over="ignore", invalid="ignore"):  # of a step that went anywhere
            losses = problem.reported_loss(problem.raw + change, problem.y)
        risk = np.average(np.fmin(losses, self.ceiling), weights=problem.weights)
        return float(risk) if np.isfinite(risk) else np.inf


def _risk_of_constant(problem):
    """Return the mean loss of the mean raw prediction."""
    constant = np.broadcast_to(problem.raw.mean(axis=0), problem.raw.shape)
    return float(np.average(problem.reported_loss(constant, problem.y), weights=problem.weights))
