"""Choose a penalty by its approximate leave-one-out risk: one fit a value, no refits.

The risk is the mean loss of every training row under a Newton step without it, weighted as in
training. The grid is half decades; it is walked downhill by decades from 1, then refined.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..adapters import fit_clone
from ..operators import Hessian
from ..problems import as_problem
from ..solvers import invert_curved, resolve_solver
from ._newton import Newton

#: The penalty is looked for between 10^-DECADES and 10^DECADES.
DECADES = 6


def leave_one_out_losses(problem, newton):
    """Return the unweighted loss of every row under a Newton step without it, shape (n,)."""
    change = newton.on_own_raw(np.arange(problem.n_rows))
    return problem.reported(problem.raw + change, problem.y)


@dataclass
class PenaltySearch:
    """Minimise the approximate leave-one-out risk over one hyper-parameter.

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
    sample_weight: Any = None
    solver: Any = "auto"
    damping: float | str = 0.0
    risks: dict = field(default_factory=dict)

    def best(self):
        """Return the value of the grid where the risk is least."""
        stronger = -1 if self.parameter.split("__")[-1] == "C" else 1
        position = 0
        for step in (2, 1):
            for direction in (stronger, -stronger):  # strong penalties fit fast: try them first
                while self._improves(position, position + direction * step):
                    position += direction * step
        return 10 ** (position / 2)

    def _improves(self, position, candidate):
        within = abs(candidate) <= 2 * DECADES
        return within and self.risk(candidate) < self.risk(position)

    def risk(self, position):
        """Return the risk at 10^(position / 2); infinite where the fit fails."""
        if position not in self.risks:
            self.risks[position] = self._fitted_risk(10 ** (position / 2))
        return self.risks[position]

    def _fitted_risk(self, value):
        model = self.estimator.set_params(**{self.parameter: value})
        model = fit_clone(model, self.X, self.y, self.sample_weight)
        problem = as_problem(model, self.X, self.y, self.sample_weight)
        known = 0.0 if self.damping == "auto" else self.damping
        solver = resolve_solver(self.solver, Hessian(problem, known))
        inverse, _ = invert_curved(solver, problem, self.damping)
        newton = Newton(inverse.hessian.problem, inverse, solver, tolerance=None)
        risk = np.average(leave_one_out_losses(problem, newton), weights=problem.weights)
        return float(risk) if np.isfinite(risk) else np.inf
