"""How far changes of raw predictions may be off, as the certificates of their changes have it."""

from collections.abc import Iterator
from typing import Any

import numpy as np

#: (positions among the changes, change of the raw predictions (m, b, K), gram (m, b, K, K)) of some
#: changes: the truth is within ``deltaᵀ gram⁻¹ delta <= 1`` of what is told.
Around = Iterator[tuple[Any, np.ndarray, np.ndarray]]


def gram_of(predictor, X, inverse):
    """Return ``J_i H⁻¹ J_iᵀ`` of some rows, shape (m, K, K)."""
    jacobian = predictor.jacobian(X)
    solved = (inverse @ jacobian.reshape(-1, jacobian.shape[2]).T).T.reshape(jacobian.shape)
    return np.einsum("mkp,mlp->mkl", jacobian, solved)


def distance_of(relative, size):
    """Return the distance to the optimum from a relative error: the inverse of ``relative_error``.

    Parameters
    ----------
    relative, size : float or ndarray of shape (b,)
        Relative errors, and the lengths of the changes.

    Returns
    -------
    distance : float or ndarray of shape (b,)
        inf where the error may be as large as the change.
    """
    with np.errstate(invalid="ignore"):
        return np.where(np.greater_equal(relative, 1), np.inf, relative / (1 + relative) * size)
