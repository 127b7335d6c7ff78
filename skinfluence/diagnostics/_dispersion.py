"""φ, the variance of a row's gradient over its expected curvature: known, or Pearson's estimate.

    φ = Σ_i r_i² / (n - p),        r² = s g² / E[A]

over the n rows of positive weight of an output, or over all outputs that interact.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Dispersion:
    """φ of a fit, and of the fit without each row.

    Parameters
    ----------
    step : OneStep
        The steps without each row, whose effective dimension p is that of the fit.
    """

    step: Any

    @cached_property
    def of_all_rows(self):
        """φ of the part that each output belongs to, shape (K,)."""
        if self.step.problem.question is not None:
            raise ValueError(
                "The average of estimators that were fitted apart has no standard errors of its "
                "own; ask for `leverage`, `self_influence` or `parameter_influence` instead, or "
                "explain the averaged estimators one by one."
            )
        dispersion = np.empty_like(self.step.dimension)
        for loss, part, _ in self.step.parts:
            known = _known(loss)
            dispersion[part] = self._pearson(part) if known == "pearson" else known
        return dispersion

    @cached_property
    def without_row(self):
        """φ of the standard errors of each row, shape (n, K).

        For squared error it is that of the fit without the row, as in OLS ("externally
        studentised"). Other losses keep that of all rows, as is usual for their models, and so
        does a norm of groups, under which a step is no refit.
        """
        of_all_rows = self.of_all_rows
        if all(
            loss.quadratic and loss.dispersion == "pearson" and part.stop - part.start == 1
            for loss, part, _ in self.step.parts
        ):
            return self._refitted()
        return np.broadcast_to(of_all_rows, self.step.steps.shape)

    def _pearson(self, part):
        """Return Pearson's φ of a part."""
        free = self._counted[:, part].sum() - self.step.dimension[part.start]
        return self._squares[:, part].sum() / _free(free)

    def _refitted(self):
        """Return Pearson's φ at the end of every row's step, exactly; shape (n, K).

        Without a penalty ``Σ r²`` falls by r² / (1 - h) and n - p by 1. A ridge D, and a norm on
        its active set, add twice what the step takes off them, and p falls with ``trace(H⁻¹ D)``:

            Σ r²  +=  2 dᵀ Δ - Δᵀ D Δ,        p  -=  s A (J H⁻¹) D (H⁻¹ Jᵀ) / (1 - h)

        where d is the gradient of the data term.
        """
        step, hats = self.step, np.einsum("nkk->nk", self.step.hats)
        support = np.where(step.alone, 1, 1 - hats)
        squares = self._squares.sum(axis=0) - self._squares / support
        dimension = np.broadcast_to(step.dimension, hats.shape)
        if np.any(step.inverse.hessian.ridge) or step.problem.norm is not None:
            pull, bend = self._against_penalty()
            squares = squares + 2 * step.steps * pull - step.steps**2 * bend
            curvatures = np.einsum("nkk->nk", step.inverse.hessian.curvatures)
            dimension = dimension - curvatures * bend / support
        left = self._counted.sum(axis=0) - self._counted
        return np.maximum(squares, 0) / _free(left - dimension)

    def _against_penalty(self):
        """Return ``J H⁻¹ d`` and ``J H⁻¹ D H⁻¹ Jᵀ`` of every row and output, shape (n, K) each."""
        step, ridge = self.step, self.step.inverse.hessian.ridge
        predictor, X = step.problem.predictor, step.problem.X
        gradient = step.problem.data_gradient(step.problem.weights)
        pull, bend = np.empty_like(step.steps), np.empty_like(step.steps)
        for block in step.row_blocks(step.problem.n_rows):
            jacobian = predictor.jacobian(X[block])
            solved = (step.inverse @ jacobian.reshape(-1, len(ridge)).T).T
            pull[block] = (solved @ gradient).reshape(jacobian.shape[:2])
            bend[block] = (solved**2 @ ridge).reshape(jacobian.shape[:2])
        return pull, bend

    @cached_property
    def _expected(self):
        """Diagonal of E[A], shape (n, K)."""
        problem = self.step.problem
        return np.einsum("nkk->nk", problem.loss.expected_hessian(problem.raw, problem.y))

    @cached_property
    def _squares(self):
        """r² = s g² / E[A] of every output, shape (n, K)."""
        problem = self.step.problem
        squares, counted = problem.weights[:, None] * problem.gradients**2, self._counted > 0
        return np.divide(squares, self._expected, out=np.zeros_like(squares), where=counted)

    @cached_property
    def _counted(self):
        """1 for rows that count among the n of an output, else 0; shape (n, K).

        They have a positive weight and, in one-vs-one, one of the two classes of the output.
        """
        weights = self.step.problem.weights[:, None]
        return ((weights > 0) & (self._expected != 0)).astype(weights.dtype)


def _known(loss):
    """Return the dispersion that a loss knows, or "pearson"."""
    if loss.dispersion is None:
        raise ValueError(
            f"{type(loss).__name__} is no log-likelihood, so its diagnostics have no standard "
            "errors; ask for `leverage`, `self_influence` or `parameter_influence` instead, or "
            "set `dispersion` on a loss of your own."
        )
    return loss.dispersion


def _free(degrees):
    """Return degrees of freedom, which must be positive for a dispersion to be estimated."""
    if np.any(degrees < 1e-6):
        raise ValueError(
            f"The rows leave {np.min(degrees):.2g} degrees of freedom to estimate the dispersion "
            "from: the model has as many effective parameters as there are rows of positive "
            "weight. Add rows or a penalty."
        )
    return degrees
