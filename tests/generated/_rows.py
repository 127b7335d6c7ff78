"""Training rows as the last estimator takes them, and what is known of none."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse


class NoTruth(Exception):
    """Nothing here can say what is right."""


@dataclass(frozen=True)
class Rows:
    """Training rows: features as the last estimator takes them, codes or targets, and weights."""

    X: np.ndarray
    y: np.ndarray
    weights: np.ndarray

    def without(self, rows):
        """Return what is left without some rows."""
        keep = np.ones(len(self.X), bool)
        keep[rows] = False
        return Rows(self.X[keep], self.y[keep], self.weights[keep])

    def replaced(self, row, x, y):
        """Return the rows with one of them replaced."""
        X, targets = self.X.copy(), self.y.copy()
        X[row], targets[row] = x, y
        return Rows(X, targets, self.weights)

    def reweighted(self, row, weight):
        """Return the rows with another weight of one."""
        weights = self.weights.copy()
        weights[row] = weight
        return Rows(self.X, self.y, weights)


def dense(X):
    """Return features as a dense float64 array."""
    return np.asarray(X.todense() if sparse.issparse(X) else X, dtype=float)
