"""Where the optimum went, and how certain that is."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Ends:
    """The optimum after each of several changes of the training rows.

    Parameters
    ----------
    changes : ndarray of shape (b, P)
        Change of theta.
    certificates : ndarray of shape (b,)
        What is left to go, relative to the first Newton step: 0 where the step is exact, nan where
        it was not measured.
    """

    changes: np.ndarray
    certificates: np.ndarray

    @classmethod
    def empty(cls, n_changes: int, n_parameters: int, dtype) -> "Ends":
        """Return room for ends that are yet to be found."""
        return cls(np.zeros((n_changes, n_parameters), dtype=dtype), np.full(n_changes, np.nan))

    def part(self, block: slice) -> "Ends":
        """Return a view of a slice of them."""
        return Ends(self.changes[block], self.certificates[block])
