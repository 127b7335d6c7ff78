"""Penalties with a kink at zero: ``Σ_g strength_g ‖theta_g‖``; l1 where groups are single numbers.

At its minimum such a penalty holds some groups at 0. Those that are away from it are *free*; they
are the active set, on which the objective is smooth, and all derivatives are taken there::

    gradient   strength_g theta_g / ‖theta_g‖
    hessian    strength_g (I - u_g u_gᵀ) / ‖theta_g‖,   u_g = theta_g / ‖theta_g‖   (0 for l1)
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from ._typing import Array

__all__ = ["GroupNorm", "l1_norm"]


@dataclass(frozen=True, eq=False)
class GroupNorm:
    """The sum of the Euclidean norms of groups of parameters (Yuan & Lin 2006).

    Parameters
    ----------
    positions : ndarray of int of shape (G, K)
        Where the K parameters of each group stand in theta. Parameters in no group carry none.
    strength : ndarray of shape (G,)
        Multiplier of every group's norm, >= 0.
    """

    positions: np.ndarray
    strength: np.ndarray

    def value(self, theta: Array) -> float:
        """Return the penalty of theta."""
        return float(self.strength @ self.sizes(theta))

    def sizes(self, theta: Array) -> Array:
        """Return the norm of every group of theta (..., P), shape (..., G)."""
        return np.linalg.norm(theta[..., self.positions], axis=-1)

    def free(self, theta: Array) -> Array:
        """Return the mask of the parameters that are not held at 0, shape (P,)."""
        free = np.ones(len(theta), dtype=bool)
        free[self.positions[(self.sizes(theta) == 0) & (self.strength > 0)]] = False
        return free

    def gradient(self, theta: Array) -> Array:
        """Return the gradient on the active set, 0 where parameters are held; shape (..., P)."""
        gradient, sizes = np.zeros_like(theta), self.sizes(theta)
        scale = self.strength / np.where(sizes > 0, sizes, 1)
        gradient[..., self.positions] = scale[..., None] * theta[..., self.positions]
        return gradient

    def subgradient(self, theta: Array, smooth: Array) -> Array:
        """Return the shortest subgradient of ``smooth part + penalty``, both of shape (..., P).

        On the active set it is the gradient; a group at 0 subtracts as much of the smooth part's
        gradient as its strength allows. It is 0 at the optimum, and only there.
        """
        total = smooth + self.gradient(theta)
        sizes, pull = self.sizes(theta), self.sizes(smooth)
        left = np.maximum(pull - self.strength, 0) / np.where(pull > 0, pull, 1)
        at_zero = np.where(sizes > 0, 1, left)[..., None]
        total[..., self.positions] *= at_zero
        return total

    def hessian(self, theta: Array) -> sparse.csr_matrix | None:
        """Return the Hessian on the active set as a sparse (P, P) matrix; None where it is 0."""
        if self.positions.shape[1] == 1:
            return None
        sizes = self.sizes(theta)
        free = (sizes > 0) & (self.strength > 0)
        groups, sizes = self.positions[free], sizes[free]
        units = theta[groups] / sizes[:, None]
        blocks = np.eye(groups.shape[1]) - units[:, :, None] * units[:, None, :]
        blocks = blocks * (self.strength[free] / sizes)[:, None, None]
        rows = np.broadcast_to(groups[:, :, None], blocks.shape).ravel()
        columns = np.broadcast_to(groups[:, None, :], blocks.shape).ravel()
        shape = (len(theta), len(theta))
        return sparse.csr_matrix((blocks.ravel(), (rows, columns)), shape=shape)

    def scaled(self, factor: float) -> GroupNorm:
        """Return the penalty times a factor."""
        return replace(self, strength=self.strength * factor)

    def restrict(self, kept: Array, n_parameters: int) -> GroupNorm:
        """Return the penalty of some positions of theta, whole groups only."""
        new = np.full(n_parameters, -1)
        new[kept] = np.arange(len(kept))
        positions = new[self.positions]
        whole = (positions >= 0).all(axis=1)
        return GroupNorm(positions[whole], self.strength[whole])


def l1_norm(strength: Array) -> GroupNorm:
    """Return the penalty ``Σ_p strength_p |theta_p|``.

    Parameters
    ----------
    strength : array-like of shape (P,)
        Multiplier of every parameter's size, 0 where there is none.

    Returns
    -------
    norm : GroupNorm
        Every parameter that carries a penalty is a group of its own.

    Examples
    --------
    >>> import numpy as np
    >>> from skinfluence.penalties import l1_norm
    >>> norm = l1_norm(np.array([2.0, 2.0, 0.0]))
    >>> norm.value(np.array([-1.0, 0.0, 5.0]))
    2.0
    >>> norm.free(np.array([-1.0, 0.0, 5.0]))
    array([ True, False,  True])
    """
    strength = np.asarray(strength)
    positions = np.flatnonzero(strength > 0)
    return GroupNorm(positions[:, None], strength[positions])
