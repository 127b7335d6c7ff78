"""Hessian of the objective: ``Σ_i s_i J_iᵀ A_i J_i + diag(penalty) + damping n I``.

Where the prediction is curved in theta there is besides ``Σ_i s_i Σ_k g_ik ∇²raw_ik``.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from .._blocks import row_blocks
from .._typing import Array
from ..problem import Problem
from ._operator import SymmetricOperator


class Hessian(SymmetricOperator):
    """Hessian of the objective, ``Σ s_i J_iᵀ A_i J_i + diag(ridge)``.

    A prediction that is curved in theta adds ``Σ s_i Σ_k g_ik ∇²raw_ik``.

    ``ridge`` is the penalty's diagonal plus damping n. Where a norm holds parameters at zero,
    their rows and columns are zero, so that the pseudo-inverse is the inverse on the active set; a
    norm of groups adds its own curvature there.

    Products are always there; ``dense()``, ``diagonal()``, ``outputs()``, ``active_set()``
    and ``restrict(rows)`` say what else it can do, and solvers ask for these.

    Parameters
    ----------
    problem : Problem
        The problem at its theta.
    damping : float, default=0.0
        λ >= 0 of the paper's section 4.2, in the mean form: λ n is added to the diagonal.
    block_size : int, default=None
        Rows that are multiplied at once; None fits scikit-learn's ``working_memory``.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.sparse.linalg import cg
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import Ridge
    >>> from skinfluence import as_problem
    >>> from skinfluence.operators import Hessian
    >>> X, y = load_diabetes(return_X_y=True)
    >>> hessian = Hessian(as_problem(Ridge().fit(X, y), X, y))
    >>> hessian.shape
    (11, 11)
    >>> b = np.arange(11.0)
    >>> solution, _ = cg(hessian, b, atol=0.0)
    >>> bool(np.linalg.norm(hessian @ solution - b) < 1e-4 * np.linalg.norm(b))
    True
    """

    def __init__(
        self, problem: Problem, damping: float = 0.0, block_size: int | None = None
    ) -> None:
        P = len(problem.theta)
        super().__init__(problem.theta.dtype, (P, P))
        self.problem, self.damping, self.block_size = problem, float(damping), block_size
        self.ridge = problem.penalty + self.dtype.type(damping * problem.n)
        self.coupling = None if problem.norm is None else problem.norm.hessian(problem.theta)

    @cached_property
    def curvatures(self) -> Array:
        """Curvature of every row, s_i A_i, shape (n, K, K)."""
        return self.problem.weights[:, None, None] * self.problem.curvatures

    @cached_property
    def curved_rows(self) -> Array:
        """The rows whose curvature is not zero, to rounding: above ε of the largest.

        Of a smoothed hinge these are the rows near its kink. All rows where none curves.
        """
        sizes = np.abs(self.curvatures).max(axis=(1, 2))
        return np.flatnonzero(sizes >= np.finfo(self.dtype).eps * sizes.max(initial=0))

    @cached_property
    def gradients(self) -> Array:
        """Pull of every row, s_i g_i, shape (n, K)."""
        return self.problem.weights[:, None] * self.problem.gradients

    @cached_property
    def free(self) -> Array | None:
        """Mask of the parameters that can move, shape (P,); None if all can.

        A norm holds some at zero. Nothing moves the coefficients, without a ridge, of a column
        that is zero in every row.
        """
        problem, end = self.problem, self.problem.predictor.n_coefficients
        free, bare = problem.free, self.ridge[:end] == 0
        if not (bare.any() and problem.predictor.by_columns):
            return free
        pushes = np.abs(self.curvatures).sum(axis=2)
        pushes += np.abs(problem.weights[:, None] * problem.gradients)
        unused = bare & (problem.predictor.squared_vjp(problem.X, pushes)[:end] == 0)
        if not unused.any():
            return free
        free = np.ones(self.shape[0], dtype=bool) if free is None else free.copy()
        free[:end] &= ~unused
        return free

    @cached_property
    def flat_directions(self) -> Array:
        """Orthonormal directions that H maps to zero by construction; shape (P, g).

        A softmax is unchanged when all classes' parameters of one feature move together; where
        these carry no ridge (the intercepts) the minimiser is a line, and the estimator's
        solution is the point of it whose class-sum does not move. Where one of them is held they
        cannot move together.
        """
        problem, directions = self.problem, [np.zeros((self.shape[0], 0), dtype=self.dtype)]
        movable = self.ridge == 0 if self.free is None else (self.ridge == 0) & self.free
        for loss, outputs in problem.loss.blocks(problem.n_outputs):
            if loss.shift_invariant:
                parallel = problem.predictor.parallel_parameters()[:, outputs]
                free = parallel[movable[parallel].all(axis=1)]
                flat = np.zeros((self.shape[0], len(free)), dtype=self.dtype)
                flat[free.T, np.arange(len(free))] = free.shape[1] ** -0.5
                directions.append(flat)
        return np.hstack(directions)

    def _matmat(self, V: Array) -> Array:
        if self.free is not None:
            V = V * self.free[:, None]
        product = self.ridge[:, None] * V
        if self.coupling is not None:
            product = product + self.coupling @ V
        row_bytes = 2 * self.problem.n_outputs * V.shape[1] * self.dtype.itemsize
        for block in row_blocks(self.problem.n_rows, row_bytes, self.block_size):
            product = product + self.share(block, V)
        return product if self.free is None else product * self.free[:, None]

    def share(self, block: slice, V: Array) -> Array:
        """Return the share of the rows of a slice in the product with V."""
        predictor, X, A = self.problem.predictor, self.problem.X[block], self.curvatures[block]
        if not predictor.is_linear:
            return predictor.hessian_product(X, self.gradients[block], A, V)
        return predictor.vjp(X, np.matmul(A, predictor.jvp(X, V)))

    def dense(self) -> Array:
        """Return H as an array of shape (P, P)."""
        if not self.problem.predictor.is_linear:
            return self._products()
        X, curvatures = self.problem.X, self.curvatures
        if 2 * len(self.curved_rows) < len(curvatures):
            X, curvatures = X[self.curved_rows], curvatures[self.curved_rows]
        matrix = self.problem.predictor.weighted_gram(X, curvatures)
        matrix[np.diag_indices_from(matrix)] += self.ridge
        if self.coupling is not None:
            matrix += self.coupling.toarray()
        if self.free is not None:
            matrix[~self.free] = matrix[:, ~self.free] = 0
        return matrix

    def _products(self) -> Array:
        """Return H from its products with all unit vectors."""
        matrix = self @ np.eye(self.shape[0], dtype=self.dtype)
        return (matrix + matrix.T) / 2

    def diagonal(self) -> Array:
        """Return the diagonal of H, shape (P,)."""
        problem = self.problem
        if not problem.predictor.is_linear:
            return np.diag(self._products()).copy()
        A = np.einsum("nkk->nk", self.curvatures)
        diagonal = problem.predictor.squared_vjp(problem.X, A) + self.ridge
        if self.coupling is not None:
            diagonal = diagonal + self.coupling.diagonal()
        return diagonal if self.free is None else diagonal * self.free

    def restrict(self, rows: Array) -> Hessian:
        """Return the Hessian of some rows, scaled so that its mean over draws is H."""
        part = self._of(self.problem.restrict(rows), self.ridge)
        part.free = self.free
        return part

    def of(self, problem: Problem) -> Hessian:
        """Return the Hessian of another problem at the same theta, damped as much."""
        return self._of(problem, self.ridge - self.problem.penalty + problem.penalty)

    def _of(self, problem: Problem, ridge: Array) -> Hessian:
        hessian = Hessian(problem, block_size=self.block_size)
        hessian.ridge, hessian.damping = ridge, self.damping
        return hessian

    def project(self, B: Array) -> Array:
        """Return B without its flat directions and what it holds at zero."""
        if self.free is not None:
            B = B * self.free[:, None]
        flat = self.flat_directions
        if not flat.shape[1]:
            return B
        support = np.flatnonzero(flat.any(axis=1))  # the intercepts, as a rule: few of many
        projected = B.copy()
        with np.errstate(invalid="ignore"):  # which BLAS may raise for what lies beside an array
            projected[support] -= flat[support] @ (flat[support].T @ B[support])
        return projected

    @cached_property
    def is_convex(self) -> bool:
        """Whether no row's term has a negative curvature, rounding aside."""
        if not self.problem.predictor.is_linear:
            return False
        curvatures = self.curvatures
        smallest = np.linalg.eigvalsh(curvatures)[:, 0] if curvatures.shape[1] > 1 else curvatures
        rounding = 100 * np.finfo(self.dtype).eps * np.abs(curvatures).max(initial=0)
        return bool(np.min(smallest, initial=0) >= -rounding)

    @property
    def has_dual(self) -> bool:
        """Whether a linear predictor's coefficients all carry a ridge, as Woodbury's form needs.

        It also needs a convex loss, whose curvatures have square roots.
        """
        predictor = self.problem.predictor
        linear = predictor.has_dual and self.free is None and self.coupling is None
        ridged = linear and bool(np.all(self.ridge[: predictor.n_coefficients] > 0))
        return ridged and self.is_convex

    def centred(self, centre: Array) -> Hessian:
        """Return the Hessian in the coordinates ``coef, intercept + centre · coef``."""
        return self._of(self.problem.centred(centre), self.ridge)

    def active_set(self) -> tuple[Hessian, Array] | None:
        """Return the Hessian of the features that are not held at zero, and their positions.

        Returns
        -------
        active_set : tuple (Hessian, ndarray of int) or None
            None if no feature is held at zero in all outputs, or every parameter is.
        """
        if self.problem.free is None:
            return None
        problem, positions = self.problem.active_set()
        if len(positions) in (0, self.shape[0]):
            return None
        return self._of(problem, self.ridge[positions]), positions

    def row_bounds(self) -> Array:
        """Return a bound on the largest eigenvalue of every row's term, shape (n,)."""
        largest = np.linalg.norm(self.curvatures, ord=2, axis=(1, 2))
        return largest * self.problem.predictor.row_norms(self.problem.X)

    def outputs(self) -> list[tuple[Hessian, Array, slice]] | None:
        """Return the Hessian of each block of outputs that interacts with no other.

        Returns
        -------
        parts : list of (Hessian, positions, outputs), or None if all outputs interact.
            The block's part of theta, and the slice of its outputs.
        """
        blocks = self.problem.blocks()
        if len(blocks) == 1 or self.coupling is not None:
            return None
        parts = []
        for loss, outputs in blocks:
            problem, positions = self.problem.block(loss, outputs)
            parts.append((self._of(problem, self.ridge[positions]), positions, outputs))
        return parts
