"""A case: everything that is handed to the library, as values that a script can spell out."""

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import sklearn
from scipy import sparse
from sklearn.base import BaseEstimator, clone


@dataclass(frozen=True)
class Case:
    """An estimator, its data, how they are handed over, what is asked, and the options.

    ``X`` is dense float64 whatever the container, so that shrinking is slicing and the truth needs
    no care; ``labels`` names the classes that the codes in ``y`` stand for, or is None where y is
    a number. ``X_test`` and ``y_test`` are rows to ask about.
    """

    estimator: BaseEstimator
    X: np.ndarray
    y: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray
    labels: tuple | None = None
    weights: np.ndarray | None = None
    container: str = "dense"
    options: dict = field(default_factory=dict)
    request: str = "losses"
    rows: tuple = ()
    seed: int = 0
    kind: str = "real"

    @property
    def n_rows(self):
        """Number of training rows."""
        return len(self.X)

    def fresh(self):
        """Return the estimator, unfitted."""
        return clone(self.estimator)

    def handed(self, X):
        """Return rows of features as the case hands them over."""
        return CONTAINERS[self.container](X)

    def targets(self, y):
        """Return targets as the case hands them over."""
        return y if self.labels is None else np.asarray(self.labels)[y]

    @cached_property
    def rounding(self):
        """Relative rounding of what is handed over."""
        return 1e-7 if self.container == "float32" else 1e-16

    def take(self, keep):
        """Return the case with some of its training rows only, ``keep`` a mask."""
        place = np.cumsum(keep) - 1
        return replace(
            self,
            X=self.X[keep],
            y=self.y[keep],
            weights=None if self.weights is None else self.weights[keep],
            rows=tuple(int(place[row]) for row in self.rows if keep[row]),
        )

    def take_columns(self, keep):
        """Return the case with some of its columns only."""
        return replace(self, X=self.X[:, keep], X_test=self.X_test[:, keep])

    def __str__(self):
        options = "".join(f", {name}={value!r}" for name, value in self.options.items())
        weights = "" if self.weights is None else ", weights"
        shape = "×".join(map(str, self.X.shape))
        name = spelled(self.estimator)
        return f"{self.request} of {name} on {shape} {self.container}{weights}{options}"


def frame(X):
    """Return rows as a DataFrame with an index of its own."""
    import pandas as pd

    names = [f"x{j}" for j in range(X.shape[1])]
    return pd.DataFrame(X, columns=names, index=np.arange(len(X))[::-1] * 3 + 7)


def mapped(X):
    """Return rows that nobody may write to."""
    X = X.copy()
    X.setflags(write=False)
    return X


def strided(X):
    """Return rows as every other row and column, backwards, of a larger array."""
    wide = np.full((2 * X.shape[0], 2 * X.shape[1]), np.nan)
    wide[::2, ::2] = X[::-1]
    return wide[::2, ::2][::-1]


#: How the features are handed over; the code that a script needs is the name.
CONTAINERS = {
    "dense": np.array,
    "fortran": np.asfortranarray,
    "strided": strided,
    "mapped": mapped,
    "float32": lambda X: X.astype(np.float32),
    "sparse": sparse.csr_array,
    "csc": sparse.csc_matrix,
    "frame": frame,
    "list": lambda X: X.tolist(),
}


def spelled(estimator):
    """Return an estimator as code on one line."""
    with sklearn.config_context(print_changed_only=True):
        return " ".join(estimator.__repr__(N_CHAR_MAX=10**6).split())
