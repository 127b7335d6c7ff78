"""The inverse of a Hessian, as an operator: ``inverse @ B = H⁻¹ B``."""

from functools import cached_property
from typing import Any

import numpy as np

from .._blocks import row_blocks, take_rows
from .._typing import Array, is_sparse
from ..operators import Hessian, SymmetricOperator


class Inverse(SymmetricOperator):
    """H⁻¹ as a symmetric ``LinearOperator``; a solver's subclass writes ``_matmat``.

    Where H has flat directions (a softmax and its intercepts) this is the pseudo-inverse: it
    returns the answer of minimum norm, which is the one the estimator's own solver finds.

    Parameters
    ----------
    hessian : Hessian
        The operator that is inverted.

    Attributes
    ----------
    exact : bool
        Whether products are solved to a tolerance, rather than estimated.
    rcond : float or None
        Reciprocal condition of the matrix that was factored, its columns scaled alike; 0 if it is
        singular. None where nothing is factored.
    """

    exact: bool = True
    rcond: float | None = None

    def __init__(self, hessian: Hessian) -> None:
        super().__init__(hessian.dtype, hessian.shape)
        self.hessian = hessian
        K = hessian.problem.n_outputs
        self.known_leverages = np.full((hessian.problem.n_rows, K, K), np.nan, dtype=self.dtype)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if not self.known_leverages.flags.writeable:  # loaded with mmap_mode="r"
            self.known_leverages = np.array(self.known_leverages)

    @property
    def order(self) -> int | None:
        """Order of the largest system that was factored; None where none was."""
        return None if self.rcond is None else self.shape[0]

    @property
    def amplification(self) -> float | None:
        """Factor by which rounding grows in what is solved; None where nothing is factored."""
        return None

    @property
    def full_rank(self) -> int:
        """Number of directions that are neither flat nor held."""
        free = self.hessian.free
        held = 0 if free is None else np.count_nonzero(~free)
        return self.shape[0] - held - self.hessian.flat_directions.shape[1]

    @property
    def rank(self) -> int:
        """Number of directions that are not flat, as far as the solver knows."""
        return self.full_rank

    def project(self, B: Array) -> Array:
        """Return B without its flat directions."""
        return self.hessian.project(B)

    def leverages(self, rows: Array) -> Array:
        """Return ``J_i H⁻¹ J_iᵀ`` of training rows, shape (n_rows, K, K).

        It is how far row i's own raw prediction moves by a unit change of its gradient. What was
        computed once is kept.
        """
        missing = np.unique(rows[np.isnan(self.known_leverages[rows, 0, 0])])
        if len(missing):
            self.known_leverages[missing] = self._leverages(missing)
        return self.known_leverages[rows]

    @cached_property
    def leverage_bounds(self) -> Array | None:
        """Upper bounds on P_j of one output, from the ridge alone; shape (n,), or None.

        H is at least its ridge, and along the intercept at least the total curvature: with means
        weighted by curvature, ``h_i <= Σ_k (x_ik - mean_k)² / ridge_k + 1 / Σ_j s_j a_j``. None
        where there is no such bound.
        """
        hessian, problem = self.hessian, self.hessian.problem
        predictor, n = problem.predictor, problem.n_rows
        curvatures = hessian.curvatures[:, :1, 0]
        ridge, total = hessian.ridge[: predictor.n_coefficients], float(curvatures.sum())
        alone = predictor.n_outputs == 1 and predictor.has_dual and hessian.free is None
        if not (alone and np.all(ridge > 0) and total > 0 and np.all(curvatures >= 0)):
            return None
        mean = predictor.vjp(problem.X, curvatures[:, :, None])[: len(ridge), 0] / total
        mean = mean if predictor.fit_intercept else np.zeros_like(mean)
        intercept = 1 / total if predictor.fit_intercept else 0.0
        bounds = np.empty(n, dtype=self.dtype)
        for block in row_blocks(n, 2 * len(ridge) * self.dtype.itemsize, at_most=512):
            X = problem.X[block]
            X = (X.toarray() if is_sparse(X) else X) - mean
            bounds[block] = np.einsum("np,np->n", X, X / ridge) + intercept
        return bounds

    def _leverages(self, rows: Array) -> Array:
        """Solve for every row; inverses that know better override this."""
        problem = self.hessian.problem
        K, P = problem.n_outputs, len(problem.theta)
        row_bytes = 3 * K * P * self.dtype.itemsize
        blocks = []
        for block in row_blocks(len(rows), row_bytes, self.hessian.block_size):
            jacobian = problem.predictor.jacobian(take_rows(problem.X, rows[block]))
            blocks.append(self._leverage_block(jacobian))
        return np.concatenate(blocks)

    def _leverage_block(self, jacobian: Array) -> Array:
        n, K, P = jacobian.shape
        solved = (self @ jacobian.reshape(n * K, P).T).reshape(P, n, K)
        return np.einsum("nkp,pnl->nkl", jacobian, solved, optimize=True)


class FactoredInverse(Inverse):
    """H⁻¹ from a factor of a system: it has a condition, an order, and a root W, ``H⁻¹ = WᵀW``.

    Parameters
    ----------
    hessian : Hessian
        The operator that is inverted.

    Attributes
    ----------
    rcond : float
        Reciprocal condition of the matrix that was factored, its columns scaled alike; 0 if it is
        singular.
    """

    rcond: float

    @property
    def amplification(self) -> float:
        """Factor by which rounding grows in what is solved, in the norm of H."""
        return 1 / self.rcond if self.rcond > 0 else np.inf

    @property
    def order(self) -> int:
        """Order of the largest system that was factored."""
        return self.shape[0]

    @property
    def white_size(self) -> int:
        """Number of rows of W."""
        return self.shape[0]

    def whiten(self, B: Array) -> Array:
        """Return W B, so that (W B)ᵀ(W B) = Bᵀ H⁻¹ B."""
        raise NotImplementedError

    def unwhiten(self, Z: Array) -> Array:
        """Return Wᵀ Z."""
        raise NotImplementedError
