"""Where the optimum went, and how certain that is."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

#: Share of a change that a fit may have left to go, where what else is known is proved.
LITTLE = 1e-4


class Certificates(NamedTuple):
    """How certain several changes of theta are.

    Attributes
    ----------
    errors : ndarray of shape (b,)
        Relative error of each in the norm of H, or what is known of it: 0 where it is exact, nan
        where nothing was measured.
    proved : ndarray of bool of shape (b,)
        Whether that is a bound by theorem, rather than a residual that was measured.
    """

    errors: np.ndarray
    proved: np.ndarray

    @classmethod
    def unknown(cls, n_changes: int) -> "Certificates":
        """Return those of changes of which nothing is known."""
        return cls(np.full(n_changes, np.nan), np.zeros(n_changes, dtype=bool))

    def short(self, off: np.ndarray) -> "Certificates":
        """Return what is known where the fit stopped short, which changes are off by; (b,).

        Where that is more than a little of a change, its error is measured, and not proved.
        """
        return Certificates(self.errors + off, self.proved & (off <= LITTLE))


@dataclass(frozen=True, eq=False)
class Ends:
    """The optimum after each of several changes of the training rows.

    Parameters
    ----------
    changes : ndarray of shape (b, P)
        Change of theta.
    certificates : ndarray of shape (b,)
        Its relative error in the norm of H, or what is known of it: 0 where it is exact, nan where
        nothing was measured.
    proved : ndarray of bool of shape (b,)
        Whether that is a bound by theorem, rather than a residual that was measured.
    """

    changes: np.ndarray
    certificates: np.ndarray
    proved: np.ndarray

    @classmethod
    def empty(cls, n_changes: int, n_parameters: int, dtype) -> "Ends":
        """Return room for ends that are yet to be found."""
        changes = np.zeros((n_changes, n_parameters), dtype=dtype)
        return cls(changes, np.full(n_changes, np.nan), np.zeros(n_changes, dtype=bool))

    def put(self, positions: np.ndarray, others: "Ends") -> None:
        """Put others in the place of some."""
        self.changes[positions] = others.changes
        self.certificates[positions], self.proved[positions] = others.certificates, others.proved

    def part(self, block: slice) -> "Ends":
        """Return a view of a slice of them."""
        return Ends(self.changes[block], self.certificates[block], self.proved[block])
