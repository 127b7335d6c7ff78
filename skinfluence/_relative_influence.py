"""RelatIF: influence on a test loss, relative to how much the row moves the model at all.

With Δ_j = H⁻¹ R_jᵀ the change of theta when row j is removed, to first order,

    relative influence = ∇loss_test · Δ_j / ‖Δ_j‖,     ‖Δ‖² = ΔᵀHΔ ("loss")  or  ΔᵀΔ ("theta")
"""

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from ._blocks import row_blocks
from ._rows import check_rows
from ._typing import MatrixLike, RowsLike
from .operators import Removal
from .scores import FirstOrder


class RelativeInfluence:
    """A method of a fitted explainer that finds the rows specific to a test row."""

    def relative_influence(
        self,
        X_test: MatrixLike,
        y_test: ArrayLike,
        *,
        rows: RowsLike | None = None,
        constraint: str = "loss",
    ) -> np.ndarray:
        """Return the influence on every test loss for a unit of each row's whole effect.

        It explains and does not predict: of two rows with the same influence, the one that
        changes less elsewhere scores higher, so what stands out are rows specific to this
        prediction instead of outliers that move everything. What a refit without the row would
        do is ``loss_influence``.

        Parameters
        ----------
        X_test, y_test : array-like of n_test rows
            Rows asked about, y in the user's labels.
        rows : None, int indices, bool mask or slice, default=None
            Training rows; the columns of the result follow it. None means all.
        constraint : {"loss", "theta"}, default="loss"
            What a row's whole effect is measured by: "loss" (ℓ-RelatIF) by the change of all
            training losses, ``√(∇loss_jᵀ H⁻¹ ∇loss_j)``; "theta" (θ-RelatIF) by the change of
            the parameters, ``‖H⁻¹ ∇loss_j‖``, which depends on the units of X.

        Returns
        -------
        influence : ndarray of shape (n_test, n_rows)
            First order, whatever ``method`` is; positive where the row helps; 0 for rows that
            have no effect. The weight of a row cancels, but for its part in H.

        Raises
        ------
        ValueError
            With ``method="retrain"``.

        References
        ----------
        Barshan, E., Brunet, M.-E. and Dziugaite, G. K. (2020). RelatIF: Identifying Explanatory
        Training Examples via Relative Influence. AISTATS.

        Examples
        --------
        >>> from sklearn.datasets import load_breast_cancer
        >>> from sklearn.linear_model import LogisticRegression
        >>> from sklearn.pipeline import make_pipeline
        >>> from sklearn.preprocessing import StandardScaler
        >>> from skinfluence import InfluenceExplainer
        >>> X, y = load_breast_cancer(return_X_y=True)
        >>> model = make_pipeline(StandardScaler(), LogisticRegression(tol=1e-8))
        >>> explainer = InfluenceExplainer(model).fit(X[50:], y[50:])
        >>> explainer.relative_influence(X[:5], y[:5]).shape
        (5, 519)
        """
        check_is_fitted(self)
        if constraint not in ("loss", "theta"):
            raise ValueError(f"`constraint` must be 'loss' or 'theta'; got {constraint!r}.")
        if self.inverse_ is None:
            raise ValueError(
                '`relative_influence` needs the Hessian; use method="newton" or "influence".'
            )
        rows = check_rows(rows, self._n_rows)
        X, y = self._encode(X_test, y_test)
        first_order = FirstOrder(self.problem_, self.inverse_)
        sizes = _sizes(first_order, rows, constraint, self.block_size)
        out = np.empty((X.shape[0], len(rows)), dtype=y.dtype)
        for block in self._test_blocks(X):
            self._fill(first_order.on_losses(X[block], y[block]), rows, out[block])
        out[:, sizes == 0] = 0
        return np.divide(out, sizes, out=out, where=sizes > 0)


def _sizes(first_order, rows, constraint, block_size):
    """Return ‖Δ_j‖ of every row, shape (n_rows,)."""
    size = _loss_size if constraint == "loss" else _theta_size
    sizes = np.empty(len(rows), dtype=first_order.problem.theta.dtype)
    row_bytes = 4 * sizes.itemsize * len(first_order.problem.theta)
    for block in row_blocks(len(rows), row_bytes, block_size):
        sizes[block] = size(first_order, rows[block])
    return sizes


def _theta_size(first_order, rows):
    return np.linalg.norm(first_order.on_parameters()(rows), axis=1)


def _loss_size(first_order, rows):
    """Return ``√(R_j H⁻¹ R_jᵀ)`` from the leverages, and what balanced weights add."""
    removal = Removal(first_order.problem, rows)
    own = first_order.own_change(rows, removal)
    squares = np.einsum("nk,nk->n", removal.own.gradients, own)
    if removal.directions.shape[0]:
        shared = removal @ (first_order.inverse @ removal.directions.T)
        squares += np.einsum("nq,nq->n", removal.coefficients, shared)
    return np.sqrt(np.maximum(squares, 0))
