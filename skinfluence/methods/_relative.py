"""RelatIF: influence on a test loss, relative to how much the row moves the model at all.

With Δ_j = H⁻¹ R_jᵀ the change of theta when row j is removed, to first order,

    relative influence = ∇loss_test · Δ_j / ‖Δ_j‖,     ‖Δ‖² = ΔᵀHΔ ("loss")  or  ΔᵀΔ ("theta")

(Barshan, Brunet and Dziugaite 2020).
"""

import numpy as np

from .._blocks import row_blocks
from ..changes import EncodedRemove
from ..questions import EncodedLoss
from ._effect import evaluate
from ._first_order import FirstOrderAnswers
from ._fit import Fit


def relative_influence(
    fit: Fit,
    question: EncodedLoss,
    change: EncodedRemove,
    constraint: str,
    n_jobs: int | None = None,
) -> np.ndarray:
    """Return the influence on every test loss for a unit of each row's whole effect.

    Parameters
    ----------
    fit : Fit
        With H⁻¹.
    question : EncodedLoss
        Test losses.
    change : EncodedRemove
        The rows.
    constraint : {"loss", "theta"}
        The norm of a row's whole effect.
    n_jobs : int, default=None
        Blocks at the same time.
    """
    influence = evaluate(FirstOrderAnswers(fit), question, change, n_jobs=n_jobs)
    sizes = effect_sizes(fit, change, constraint)
    influence[:, sizes == 0] = 0
    return np.divide(influence, sizes, out=influence, where=sizes > 0)


def effect_sizes(fit: Fit, change: EncodedRemove, constraint: str) -> np.ndarray:
    """Return ‖Δ_j‖ of every row that leaves, shape (n_rows,).

    Parameters
    ----------
    fit : Fit
        With H⁻¹.
    change : EncodedRemove
        The rows.
    constraint : {"loss", "theta"}
        The norm.
    """
    size = {"loss": _loss_size, "theta": _theta_size}[constraint]
    theta = fit.model.theta
    sizes = np.empty(len(change), dtype=theta.dtype)
    row_bytes = 4 * sizes.itemsize * len(theta)
    for block in row_blocks(len(change), row_bytes, fit.known_inverse.hessian.block_size):
        sizes[block] = size(fit, change, block)
    return sizes


def _theta_size(fit, change, block):
    return np.linalg.norm(change.linear_change(fit, block), axis=1)


def _loss_size(fit, change, block):
    """Return ``√(R_j H⁻¹ R_jᵀ)`` from the leverages, and what balanced weights add."""
    removal = change.removals(fit.problem, block)
    squares = np.einsum("nk,nk->n", removal.own.gradients, removal.own_change(fit.known_inverse))
    if removal.directions.shape[0]:
        shared = removal @ (fit.known_inverse @ removal.directions.T)
        squares += np.einsum("nq,nq->n", removal.coefficients, shared)
    return np.sqrt(np.maximum(squares, 0))
