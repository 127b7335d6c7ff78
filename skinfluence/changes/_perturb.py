"""Change the features of rows a little, each alone (Koh & Liang 2017, equation 5)."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._typing import RowsLike
from ..adapters import pull_back_features
from ..operators import Jacobian, MixedDerivative
from ..problem import kernel_input_influence
from ._changed import EncodedChange
from ._rows import check_rows


@dataclass(frozen=True, eq=False)
class Perturb:
    """Each feature of some training rows changes a little, alone: answers are derivatives.

    They have an axis more than those of other changes, after that of the rows: the features, as X
    was given to ``fit``.

    Parameters
    ----------
    rows : None, int indices, bool mask or slice, default=None
        Training rows; None means all.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skinfluence import InfluenceExplainer
    >>> from skinfluence.changes import Perturb
    >>> from skinfluence.questions import Loss
    >>> X, y = load_iris(return_X_y=True)
    >>> explainer = InfluenceExplainer(LogisticRegression(tol=1e-6, max_iter=1000)).fit(X, y)
    >>> explainer.effect(Loss(X[:2], y[:2]), Perturb([5, 70, 101])).shape
    (2, 3, 4)
    """

    rows: RowsLike | None = None

    def encode(self, fit: Any) -> "EncodedPerturb":
        """Return the rows as indices."""
        return EncodedPerturb(check_rows(self.rows, fit.model.n_rows))

    def spanning(self, fit: Any) -> Any:
        """Return the fit itself: no row comes."""
        return fit


@dataclass(frozen=True, eq=False)
class EncodedPerturb(EncodedChange):
    """Rows whose features change a little, each alone.

    Weights stay, those of balanced classes too, because no row leaves.

    Parameters
    ----------
    rows : ndarray of int of shape (c,)
        The rows.
    """

    rows: np.ndarray

    has_derivative_only = True

    def __len__(self) -> int:
        return len(self.rows)

    def features(self, fit):
        """Return (p,), the number of features that the user has."""
        inner = np.zeros((0, _n_inner(fit.model.known_problem)))
        return (pull_back_features(fit.model.estimator, inner).shape[1],)

    def blocks(self, fit, change_bytes):
        """Split the rows so that all their features fit in memory."""
        (p,) = self.features(fit)
        wide = change_bytes * (_n_inner(fit.model.known_problem) + p)
        return super().blocks(fit, wide // (2 * fit.model.n_outputs))

    def linear_products(self, fit):
        """Return what gives, for a question about rows, ``J H⁻¹ Rᵀ`` of a block of rows."""
        problem, inverse, estimator = (
            fit.model.known_problem,
            fit.known_inverse,
            fit.model.estimator,
        )
        find = _in_kernel_features if problem.in_kernel_features else _in_features

        def of(question):
            inner = find(problem, inverse, question, self.rows)
            return lambda block: _pulled_back(estimator, inner(block))

        return of

    def linear_change(self, fit, block):
        """Return ``H⁻¹ Rᵀ`` of a block of rows, shape (b, p, P)."""
        problem = fit.model.known_problem
        if problem.kernel is not None:
            raise ValueError(
                "The dual coefficients of a kernel model have no derivative in its rows' features: "
                "these are what they multiply. Ask for `Prediction` or `Loss` with `Perturb`."
            )
        every = fit.known_inverse @ np.eye(len(problem.theta), dtype=problem.theta.dtype)
        slopes = MixedDerivative(problem, self.rows[block]).rows_by_vectors(every)
        inner = slopes[..., : _n_inner(problem)]
        return np.moveaxis(_pulled_back(fit.model.estimator, inner), 0, -1)

    def user_parameters(self, problem, block, change, linear):
        """Return the change itself: kernel models, whose parameters are others, have none."""
        return change


def _n_inner(problem):
    """Return the number of features of the final estimator, before a kernel.

    A loss of one's own takes the targets as columns too.
    """
    if problem.in_kernel_features:
        return problem.kernel.rows.shape[1]
    return problem.X.shape[1] - (0 if problem.loss.predicts else problem.y.shape[1])


def _in_features(problem, inverse, question, rows):
    """Return what gives the derivatives in the final estimator's features, (M, b, p)."""
    solved, end = inverse @ question.jacobian(problem).T, _n_inner(problem)
    return lambda block: MixedDerivative(problem, rows[block]).rows_by_vectors(solved)[..., :end]


def _in_kernel_features(problem, inverse, question, rows):
    """Return the same for a kernel model, whose slope follows from that of the kernel."""
    tests, gradients = question.gradients()
    solved = inverse @ Jacobian(problem.predictor, question.X[tests], gradients).dense().T
    end = problem.predictor.n_coefficients
    ridge = inverse.hessian.ridge[: end : problem.X.shape[1]]
    known = solved, question.inner[tests], gradients
    return lambda block: question.gather(
        kernel_input_influence(problem, ridge, rows[block], *known)
    )


def _pulled_back(estimator, inner):
    """Return derivatives in the features that a Pipeline takes, from those its last step takes."""
    outer = pull_back_features(estimator, inner.reshape(-1, inner.shape[2]))
    return outer.reshape(*inner.shape[:2], outer.shape[1])
