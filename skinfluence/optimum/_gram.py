"""The kernel K of training rows by parts: whole, or as the features that it is made of."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np


class Gram(Protocol):
    """The kernel K of the training rows, by parts; ``width`` numbers stand for a row."""

    @property
    def width(self) -> int:
        """Numbers that stand for a row."""

    @property
    def diagonal(self) -> np.ndarray:
        """The kernel of every row with itself, shape (n,)."""

    def row(self, i: int) -> np.ndarray:
        """Return what stands for row i."""

    def with_row(self, rows: np.ndarray, i: int) -> np.ndarray:
        """Return the kernel of several rows, as they are stood for, with row i."""

    def among(self, rows: np.ndarray, members: np.ndarray) -> np.ndarray:
        """Return the kernel of several rows, which are these, with one another."""

    def times(self, combined: np.ndarray) -> np.ndarray:
        """Return ``K a``, of the combination with a of what stands for the rows."""

    def combine(self, a: np.ndarray) -> np.ndarray:
        """Return the combination of all rows with a, the zeros of which cost nothing."""


@dataclass(frozen=True, eq=False)
class KernelGram:
    """K itself, a row of which stands for each: for features of about as many columns as rows."""

    kernel: np.ndarray
    diagonal: np.ndarray

    @property
    def width(self) -> int:
        return len(self.kernel)

    def row(self, i):
        return self.kernel[i]

    def with_row(self, rows, i):
        return rows[:, i]

    def among(self, rows, members):
        return rows[:, members]

    def times(self, combined):
        return combined

    def combine(self, a):
        support = np.flatnonzero(a)
        return a[support] @ self.kernel[support]


@dataclass(frozen=True, eq=False)
class FeatureGram:
    """Φ, dense or CSR, a row of which stands for each, made dense."""

    features: Any
    diagonal: np.ndarray

    @property
    def width(self) -> int:
        return self.features.shape[1]

    def row(self, i):
        dense = isinstance(self.features, np.ndarray)
        return self.features[i] if dense else self.features[[i]].toarray()[0]

    def with_row(self, rows, i):
        return rows @ self.row(i)

    def among(self, rows, members):
        return rows @ rows.T

    def times(self, combined):
        return self.features @ combined

    def combine(self, a):
        support = np.flatnonzero(a)
        return np.asarray(a[support] @ self.features[support]).ravel()
