"""One Newton step without a row, in the units of the classical diagnostics.

With g, A the gradient and Hessian of row j's loss in its raw prediction, s its weight, H that of
the penalised objective, ``P = J H⁻¹ Jᵀ`` the row's leverage and ``h = s A P`` its hat value,

    u = (I - h)⁻¹ s g,       theta - theta_(j) = -H⁻¹ Jᵀ u          (Pregibon 1981)

which is the deletion itself for squared error. In standard errors, and in the norm of H,

    DFBETAS_k = -(H⁻¹ Jᵀ u)_k / √(φ (H⁻¹)_kk)                       (Belsley, Kuh & Welsch 1980)
    DFFITS    = -(P u) / √(φ P)                                     (the same)
    Cook      = uᵀ P u / (p φ) = r² h / (p φ (1 - h)²), r² = s g²/A (Cook 1977, Williams 1987)

p is the effective dimension ``trace(h)``, summed over rows: the number of parameters of a fit
without a penalty. φ is the dispersion (``_dispersion``): what the distribution fixes, or Pearson's
estimate. Every factor that the loss or the weights share (squared error is not halved, a deviance
is twice a log-likelihood) is in g², in A and in φ, and cancels.

A penalty changes H, and with it h and p, and nothing else, as for smooths (Wood 2017); ``φ H⁻¹``
is then the Bayesian covariance of theta. All but the row is held: balanced class weights; a penalty
on the mean, of which a row that is really removed takes its share; and what a norm holds at zero,
so that p counts the other coefficients of a lasso (Zou, Hastie and Tibshirani 2007). Under a link
that is not canonical A depends on y, and the step is the one that the row's own A gives; φ takes
the expected one.

References
----------
Belsley, D. A., Kuh, E. and Welsch, R. E. (1980). Regression Diagnostics. Wiley.
Cook, R. D. (1977). Detection of Influential Observation in Linear Regression. Technometrics.
Pregibon, D. (1981). Logistic Regression Diagnostics. Annals of Statistics.
Williams, D. A. (1987). Generalized Linear Model Diagnostics Using the Deviance and Single Case
Deletions. Applied Statistics.
Wood, S. N. (2017). Generalized Additive Models, 2nd edition. CRC Press.
Zou, H., Hastie, T. and Tibshirani, R. (2007). On the "degrees of freedom" of the lasso. Annals of
Statistics.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .._blocks import row_blocks
from ..optimum import meets_every_target
from ..problem import Problem
from ._dispersion import Dispersion


@dataclass(frozen=True, eq=False)
class OneStep:
    """Newton steps without each row, the rest of the objective held, in standard errors.

    Every part, a block of outputs that interacts with no other, has a p and a φ: an output of a
    separable loss, all classes of a softmax, all outputs under a norm of groups. Rows of hat value
    1 alone determine some parameter; what they determine gets infinity.

    Parameters
    ----------
    problem : Problem
        The fitted problem.
    inverse : Inverse
        H⁻¹ at its theta.
    """

    problem: Problem
    inverse: Any

    def cooks_distance(self):
        """Return ``uᵀ P u / (p φ)``, summed over outputs, shape (n,)."""
        squares = _ratio(self.steps * self.moved, self.dimension * self.dispersion.of_all_rows)
        return np.where(self.alone.any(axis=1), np.inf, np.maximum(squares.sum(axis=1), 0))

    def dffits(self):
        """Return ``-(P u) / √(φ P)``, shape (n, K)."""
        spread = np.sqrt(np.maximum(np.einsum("nkk->nk", self.leverages), 0))
        fits = -_ratio(self.moved, spread * np.sqrt(self.dispersion.without_row))
        return self._mark_alone(fits, self.moved, spread, slice(None), np.arange(fits.shape[1]))

    def dfbetas(self):
        """Return ``-(H⁻¹ Jᵀ u) / √(φ diag(H⁻¹))``, shape (n, P)."""
        problem, owner = self.problem, self._output_of_parameters()
        scale, spread = np.sqrt(self.dispersion.without_row)[:, owner], self._parameter_spread()
        betas = np.empty((problem.n_rows, len(problem.theta)), dtype=problem.theta.dtype)
        for block in self.row_blocks(problem.n_rows):
            own = problem.predictor.row_gradients(problem.X[block], self.steps[block])
            change = (self.inverse @ own.T).T
            part = -_ratio(change, spread * scale[block])
            betas[block] = self._mark_alone(part, change, spread, block, owner)
        return betas

    @cached_property
    def parts(self):
        """List of (Loss, slice of outputs, parameters) of every part."""
        problem, whole = self.problem, slice(0, self.problem.n_outputs)
        blocks = problem.blocks()
        if self.inverse.hessian.coupling is not None:
            blocks = [(problem.loss, whole)]
        if len(blocks) == 1:
            return [(blocks[0][0], whole, slice(None))]
        return [(loss, part, problem.predictor.block(part)[1]) for loss, part in blocks]

    def _sum_parts(self, values):
        """Sum values (..., K) over the outputs of each part; every output gets its part's sum."""
        total = np.empty_like(values)
        for _, part, _ in self.parts:
            total[..., part] = values[..., part].sum(axis=-1, keepdims=True)
        return total

    @cached_property
    def leverages(self):
        """P, shape (n, K, K)."""
        return self.inverse.leverages(np.arange(self.problem.n_rows))

    @cached_property
    def hats(self):
        """Hat values h = s A P, shape (n, K, K)."""
        return self.inverse.hessian.curvatures @ self.leverages

    @cached_property
    def _left(self):
        """I - h."""
        return np.eye(self.hats.shape[1], dtype=self.hats.dtype) - self.hats

    @cached_property
    def alone(self):
        """Rows with a hat value of 1 in a part, (n, K): without them its fit is not unique."""
        alone = np.empty(self.hats.shape[:2], dtype=bool)
        for _, part, _ in self.parts:
            smallest = np.linalg.norm(self._left[:, part, part], ord=-2, axis=(1, 2))
            alone[:, part] = ~(smallest > 100 * np.finfo(smallest.dtype).eps)[:, None]
        return alone

    @cached_property
    def steps(self):
        """u, shape (n, K); the direction in which it is unbounded for rows that are alone."""
        own = self._pulls()
        steps = np.empty_like(own)
        for _, part, _ in self.parts:
            alone, left = self.alone[:, part.start], self._left[:, part, part]
            solved = np.linalg.solve(left[~alone], own[~alone, part, None])
            steps[~alone, part] = solved[:, :, 0]
            steps[alone, part] = np.linalg.svd(left[alone])[2][:, -1]
        return steps

    def _pulls(self):
        """Return s g, shape (n, K); 0 in a part that meets every target, where it is rounding."""
        problem = self.problem
        pulls = problem.weights[:, None] * problem.gradients
        for loss, part, _ in self.parts:
            alone = problem if len(self.parts) == 1 else problem.block(loss, part)[0]
            if meets_every_target(alone):
                pulls[:, part] = 0
        return pulls

    @cached_property
    def moved(self):
        """P u: how far the row's own raw prediction moves, shape (n, K)."""
        return np.einsum("nkl,nl->nk", self.leverages, self.steps)

    @cached_property
    def dimension(self):
        """p, the effective dimension of the part that each output belongs to, shape (K,)."""
        return self._sum_parts(np.einsum("nkk->k", self.hats))

    @cached_property
    def dispersion(self):
        """φ, of all rows and without each."""
        return Dispersion(self)

    def _parameter_spread(self):
        """Return ``√diag(H⁻¹)``, shape (P,), a block of its columns at a time."""
        P, dtype = len(self.problem.theta), self.problem.theta.dtype
        diagonal = np.empty(P, dtype=dtype)
        for block in self.row_blocks(P):
            columns = np.arange(P)[block]
            units = np.zeros((P, len(columns)), dtype=dtype)
            units[columns, np.arange(len(columns))] = 1
            diagonal[block] = (self.inverse @ units)[columns, np.arange(len(columns))]
        return np.sqrt(np.maximum(diagonal, 0))

    def _output_of_parameters(self):
        """Return an output of the part that each parameter belongs to, for its φ; shape (P,)."""
        owner = np.zeros(len(self.problem.theta), dtype=int)
        for _, part, positions in self.parts:
            owner[positions] = part.start
        return owner

    def _mark_alone(self, values, change, spread, block, owner):
        """Put infinity where a row that is alone determines something, 0 where it does not.

        ``owner`` is the output that each column of ``values`` belongs to.
        """
        if not self.alone[block].any():
            return values
        eps, squares = np.finfo(values.dtype).eps, self.steps[block] * self.moved[block]
        length = np.sqrt(self._sum_parts(squares).clip(0))[:, owner]
        determined = np.abs(change) > np.sqrt(eps) * spread * length
        return np.where(self.alone[block][:, owner], np.where(determined, np.inf, 0), values)

    def row_blocks(self, n_rows):
        """Split rows so that their Jacobians, solved for, fit ``working_memory``."""
        K, P = self.steps.shape[1], len(self.problem.theta)
        row_bytes = 4 * K * P * self.problem.theta.itemsize
        return row_blocks(n_rows, row_bytes, self.inverse.hessian.block_size)


def _ratio(numerator, denominator):
    """Divide, 0 where the numerator is 0."""
    nothing = np.zeros(np.broadcast_shapes(numerator.shape, denominator.shape), numerator.dtype)
    with np.errstate(divide="ignore"):
        return np.divide(numerator, denominator, out=nothing, where=numerator != 0)
