"""How far changes of raw predictions may be off, as the certificates of their changes have it."""

from collections.abc import Iterator
from typing import Any

import numpy as np

#: (positions among the changes, change of the raw predictions (m, b, K), gram (m, b, K, K)) of some
#: changes: the truth is within ``deltaᵀ gram⁻¹ delta <= 1`` of what is told.
Around = Iterator[tuple[Any, np.ndarray, np.ndarray]]

#: Part of a gradient outside the range of H, relative to it, from which it is not determined.
OUTSIDE = 1e-6


def gram_of(predictor, X, inverse):
    """Return ``J_i H⁻¹ J_iᵀ`` of some rows, shape (m, K, K).

    inf of rows whose prediction the training rows do not determine, where H is singular.
    """
    jacobian = predictor.jacobian(X)
    flat = jacobian.reshape(-1, jacobian.shape[2]).T
    solved = inverse @ flat
    gram = np.einsum("mkp,mlp->mkl", jacobian, solved.T.reshape(jacobian.shape))
    if inverse.rank < inverse.full_rank:
        left = np.abs(inverse.project(flat) - inverse.hessian @ solved).max(axis=0)
        outside = left > OUTSIDE * np.abs(flat).max(axis=0)
        gram[outside.reshape(jacobian.shape[:2]).any(axis=1)] = np.inf
    return gram


def scaled(gram, squares):
    """Return the gram of every test row and change, in units of the square of what it may be off.

    Parameters
    ----------
    gram : ndarray of shape (m, K, K)
    squares : ndarray of shape (b,)

    Returns
    -------
    grams : ndarray of shape (m, b, K, K)
    """
    with np.errstate(invalid="ignore"):  # of inf and 0: nothing is known, whatever the change
        grams = gram[:, None] * squares[:, None, None]
    return np.where(np.isinf(gram)[:, None], np.inf, grams)


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
