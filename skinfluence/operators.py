"""Operators: J, H and R of ``influence = J · H⁻¹ · Rᵀ`` as scipy ``LinearOperator``s.

    Jacobian   row i = gradient of what is asked about test row i         (m, P)
    Hessian    Σ_i s_i J_iᵀ A_i J_i + diag(penalty) + damping n I         (P, P)
    Removal    row j = minus the change of the objective's gradient       (n_rows, P)

They hold arrays and values only, so they pickle, and they walk the rows in blocks that fit
scikit-learn's ``working_memory``.
"""

from copy import copy
from functools import cached_property

import numpy as np
from scipy.sparse.linalg import LinearOperator

from ._blocks import row_blocks, take_rows

__all__ = ["Hessian", "Jacobian", "Removal"]


class Jacobian(LinearOperator):
    """Rows ``Gᵢ Jᵢ``: gradients in theta of one number a row.

    Parameters
    ----------
    predictor : LinearPredictor
        Its Jacobian J_i is what ``gradients`` is chained with.
    X : {ndarray, CSR matrix} of shape (m, p)
        Rows, as the final estimator sees them.
    gradients : ndarray of shape (m, K)
        G, the gradient of the number asked about in the raw prediction.
    block_size : int, default=None
        Rows in a block; None fits ``working_memory``.
    """

    def __init__(self, predictor, X, gradients, block_size=None):
        super().__init__(gradients.dtype, (X.shape[0], predictor.n_parameters))
        self.predictor, self.X, self.gradients = predictor, X, gradients
        self.block_size = block_size

    def _blocks(self, n_vectors):
        row_bytes = self.gradients.shape[1] * n_vectors * self.dtype.itemsize
        return row_blocks(self.shape[0], row_bytes, self.block_size)

    def _matmat(self, V):
        blocks = self._blocks(V.shape[1])
        parts = [self._product(block, V) for block in blocks]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _product(self, block, V):
        product = self.predictor.jvp(self.X[block], V)
        product *= self.gradients[block, :, None]
        return product[:, 0] if product.shape[1] == 1 else product.sum(axis=1)

    def _rmatmat(self, U):
        return sum(
            self.predictor.vjp(self.X[block], self.gradients[block, :, None] * U[block, None, :])
            for block in self._blocks(U.shape[1])
        )

    def _matvec(self, v):
        return self._matmat(np.reshape(v, (-1, 1)))

    def _rmatvec(self, u):
        return self._rmatmat(np.reshape(u, (-1, 1)))

    def dense(self):
        """Return the rows as an array of shape (m, P)."""
        return self.predictor.row_gradients(self.X, self.gradients)


class Removal(LinearOperator):
    """R: row j is minus the change of the objective's gradient when row j is removed.

    ``R_j = s'_j ∇loss_j - Σ_d c_jd D_d``: the row's own share, and what its leaving does to the
    weights of the others (nothing, unless classes are balanced).

    Parameters
    ----------
    problem : Problem
        The problem at its theta.
    rows : ndarray of int of shape (n_rows,)
        Rows to remove, one at a time.
    """

    def __init__(self, problem, rows):
        super().__init__(problem.theta.dtype, (len(rows), len(problem.theta)))
        weights = problem.reweighting.own_weights(problem.weights, rows)
        gradients = weights[:, None] * problem.gradients[rows]
        self.own = Jacobian(problem.predictor, take_rows(problem.X, rows), gradients)
        self.coefficients = -problem.reweighting.coefficients(rows).astype(self.dtype)
        self.directions = shared_directions(problem)

    def with_own(self, gradients):
        """Return R with another gradient (n_rows, K) in place of the row's own share s'g."""
        removal = copy(self)
        own = self.own
        removal.own = Jacobian(own.predictor, own.X, gradients)
        return removal

    def _matmat(self, V):
        return self.own @ V + self.coefficients @ (self.directions @ V)

    def _rmatmat(self, U):
        return self.own.rmatmat(U) + self.directions.T @ (self.coefficients.T @ U)

    def _matvec(self, v):
        return self._matmat(np.reshape(v, (-1, 1)))

    def _rmatvec(self, u):
        return self._rmatmat(np.reshape(u, (-1, 1)))

    def dense(self):
        """Return R as an array of shape (n_rows, P)."""
        return self.own.dense() + self.coefficients @ self.directions


def shared_directions(problem):
    """Return D, shape (q, P): the gradient of the data term of each group of shared weights."""
    directions = np.zeros((0, len(problem.theta)), dtype=problem.theta.dtype)
    for members in problem.reweighting.memberships():
        direction = problem.data_gradient(problem.weights * members)
        directions = np.vstack([directions, direction])
    return directions


class Hessian(LinearOperator):
    """Hessian of the objective, ``Σ s_i J_iᵀ A_i J_i + diag(ridge)``.

    ``ridge`` is the penalty's diagonal plus damping n.

    Products are always there; ``dense()``, ``diagonal()``, ``outputs()`` and ``restrict(rows)``
    say what else it can do, and solvers ask for these.

    Parameters
    ----------
    problem : Problem
        The problem at its theta.
    damping : float, default=0.0
        λ >= 0 of the paper's section 4.2, in the mean form: λ n is added to the diagonal.

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

    def __init__(self, problem, damping=0.0, block_size=None):
        P = len(problem.theta)
        super().__init__(problem.theta.dtype, (P, P))
        self.problem, self.block_size = problem, block_size
        self.ridge = problem.penalty + self.dtype.type(damping * problem.n)

    @cached_property
    def curvatures(self):
        """s_i A_i, shape (n, K, K)."""
        return self.problem.weights[:, None, None] * self.problem.curvatures

    @cached_property
    def flat_directions(self):
        """Orthonormal directions that H maps to zero by construction; shape (P, g).

        A softmax is unchanged when all classes' parameters of one feature move together; where
        these carry no ridge (the intercepts) the minimiser is a line, and the estimator's
        solution is the point of it whose class-sum does not move.
        """
        predictor, dtype = self.problem.predictor, self.dtype
        if not self.problem.loss.shift_invariant:
            return np.zeros((self.shape[0], 0), dtype=dtype)
        parallel = predictor.parallel_parameters()
        free = parallel[(self.ridge[parallel] == 0).all(axis=1)]
        directions = np.zeros((self.shape[0], len(free)), dtype=dtype)
        directions[free.T, np.arange(len(free))] = free.shape[1] ** -0.5
        return directions

    def _matmat(self, V):
        predictor, X, curvatures = self.problem.predictor, self.problem.X, self.curvatures
        product = self.ridge[:, None] * V
        row_bytes = 2 * curvatures.shape[1] * V.shape[1] * self.dtype.itemsize
        for block in row_blocks(X.shape[0], row_bytes, self.block_size):
            change = predictor.jvp(X[block], V)
            product = product + predictor.vjp(X[block], np.matmul(curvatures[block], change))
        return product

    def _matvec(self, v):
        return self._matmat(np.reshape(v, (-1, 1)))[:, 0]

    def _adjoint(self):
        return self

    def dense(self):
        """Return H as an array of shape (P, P)."""
        matrix = self.problem.predictor.weighted_gram(self.problem.X, self.curvatures)
        matrix[np.diag_indices_from(matrix)] += self.ridge
        return matrix

    def diagonal(self):
        """Return the diagonal of H, shape (P,)."""
        problem = self.problem
        A = np.einsum("nkk->nk", self.curvatures)
        return problem.predictor.squared_vjp(problem.X, A) + self.ridge

    def restrict(self, rows):
        """Return the Hessian of some rows, scaled so that its mean over draws is H."""
        return self._with(self.problem.restrict(rows), self.ridge)

    def reweighted(self, weights):
        """Return the Hessian with other row weights, penalty and damping as they are."""
        return self._with(self.problem.reweighted(weights), self.ridge)

    def _with(self, problem, ridge):
        hessian = Hessian(problem, block_size=self.block_size)
        hessian.ridge = ridge
        return hessian

    def row_bounds(self):
        """Return a bound on the largest eigenvalue of every row's term, shape (n,)."""
        largest = np.linalg.norm(self.curvatures, ord=2, axis=(1, 2))
        return largest * self.problem.predictor.row_norms(self.problem.X)

    def outputs(self):
        """Return the Hessian of each output and its part of theta, if they do not interact.

        Returns
        -------
        parts : list of (Hessian, positions), or None if the loss couples the outputs.
        """
        if not self.problem.loss.separable or self.problem.y.shape[1] == 1:
            return None
        parts = [self.problem.output(k) for k in range(self.problem.y.shape[1])]
        return [(self._with(part, self.ridge[where]), where) for part, where in parts]
