"""Where training features may go: within ε of where they were, in bounds, on a grid.

Π(z) = the nearest point to z of {x : |x - x₀| <= ε, low <= x <= high, x on the grid}
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

#: A grid point this close to a limit, in units of the grid, is on it.
ON_GRID = 1e-9


@dataclass(frozen=True)
class FeasibleSet:
    """The set that perturbed features stay in.

    Parameters
    ----------
    epsilon : ndarray of shape (n_features,)
        Largest change of a feature, >= 0.
    bounds : tuple (low, high) of ndarray of shape (n_features,)
        Least and largest values.
    grid : ndarray of shape (n_features,)
        Spacing of the values, multiples of which are allowed; 0 for a continuous feature.
    mutable : ndarray of bool of shape (n_features,)
        Features that may change.
    """

    epsilon: np.ndarray
    bounds: tuple[np.ndarray, np.ndarray]
    grid: np.ndarray
    mutable: np.ndarray

    @classmethod
    def of(
        cls,
        n_features: int,
        epsilon: ArrayLike,
        bounds: tuple | None = None,
        grid: ArrayLike | None = None,
        mutable: ArrayLike | None = None,
    ) -> "FeasibleSet":
        """Check the limits and spread them over the features.

        Raises
        ------
        ValueError
            For limits that are negative, crossed, or of another number of features.
        """
        radius = _spread("epsilon", epsilon, n_features)
        if np.any(radius < 0):
            raise ValueError(f"`epsilon` must be >= 0; got {radius.min():g}.")
        spacing = _spread("grid", 0.0 if grid is None else grid, n_features)
        if np.any(spacing < 0):
            raise ValueError(f"`grid` must be >= 0; got {spacing.min():g}.")
        low, high = (-np.inf, np.inf) if bounds is None else bounds
        low, high = _spread("bounds", low, n_features), _spread("bounds", high, n_features)
        if np.any(low > high):
            raise ValueError("`bounds` must be (low, high) with low <= high.")
        changeable = np.ones(n_features, dtype=bool)
        if mutable is not None:
            mutable = np.asarray(mutable)
            if mutable.dtype == bool and mutable.shape != (n_features,):
                raise ValueError(
                    f"`mutable` must have one entry for each of the {n_features} features, or be "
                    f"their indices; got shape {mutable.shape}."
                )
            changeable[:] = False
            changeable[mutable] = True
        return cls(radius, (low, high), spacing, changeable)

    def project(self, Z: np.ndarray, X: np.ndarray) -> np.ndarray:
        """Return Π(Z) around the rows X; values that cannot move stay as they are."""
        low = np.maximum(X - self.epsilon, self.bounds[0])
        high = np.minimum(X + self.epsilon, self.bounds[1])
        gridded = self.grid > 0
        unit = np.where(gridded, self.grid, 1)
        low = np.where(gridded, np.ceil(low / unit - ON_GRID) * unit, low)
        high = np.where(gridded, np.floor(high / unit + ON_GRID) * unit, high)
        nearest = np.where(gridded, np.round(Z / unit) * unit, Z)
        moves = self.mutable & (low <= high) & (Z != X)
        return np.where(moves, np.clip(nearest, low, high), X)


def _spread(name: str, values: ArrayLike, n_features: int) -> np.ndarray:
    try:
        return np.broadcast_to(np.asarray(values, dtype=float), (n_features,))
    except ValueError:
        raise ValueError(
            f"`{name}` must be a number, or one for each of the {n_features} features."
        ) from None
