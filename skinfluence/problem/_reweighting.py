"""How the weights of the rows that stay depend on the rows that leave.

Removing row j changes the objective's gradient by

    -s'_j grad_j + sum_d c_jd D_d,        c_jd = s'_d / s_d - 1

where s' are the weights after the removal, and the q shared directions D_d are common to all
rows. With fixed weights q = 0 and s' = s.
"""

from dataclasses import dataclass, replace
from typing import ClassVar, Protocol

import numpy as np


class Reweighting(Protocol):
    """How weights change when rows leave, or get another label; see the classes below.

    Attributes
    ----------
    by_label : bool
        Whether a row's weight depends on its label.
    """

    by_label: ClassVar[bool]

    def classes_of(self, rows: np.ndarray) -> np.ndarray:
        """Return the class of some rows, 0 to K - 1; 0 where weights do not depend on it."""

    def own_weights(self, weights: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Return the weight s'_j that row j carries as it leaves."""

    def replacing(
        self, weights: np.ndarray, rows: np.ndarray, codes: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return what becomes of the weights when a row is replaced by one of another class."""

    def relabelled(
        self, weights: np.ndarray, rows: np.ndarray, codes: np.ndarray
    ) -> "tuple[np.ndarray, Reweighting]":
        """Return the weights of all n rows once some have other classes, and the reweighting."""

    def without(self, members: np.ndarray) -> "Reweighting":
        """Return how weights change once a group (a mask) has left."""

    def coefficients(self, rows: np.ndarray) -> np.ndarray:
        """Return c, the relative change of each group's weights; shape (n_rows, q)."""

    def memberships(self) -> np.ndarray:
        """Return the rows of each of the q groups, as masks; shape (q, n)."""

    def leave_one_out_weights(self, weights: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """Split the n rows by the weights that the others have once one of them has left."""

    def weights_without(self, weights: np.ndarray, members: np.ndarray) -> np.ndarray:
        """Return the weights of all n rows once a group (a mask) has left: 0 in the group."""


@dataclass(frozen=True)
class FixedWeights:
    """Weights that stay as they are when rows leave: the rule."""

    by_label: ClassVar[bool] = False

    def classes_of(self, rows: np.ndarray) -> np.ndarray:
        """Return 0 for every row: no class has a weight of its own."""
        return np.zeros(len(rows), dtype=int)

    def own_weights(self, weights: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Return the weight s'_j that row j carries as it leaves."""
        return weights[rows]

    def replacing(
        self, weights: np.ndarray, rows: np.ndarray, codes: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return what becomes of the weights when a row is replaced by one of another class.

        Returns
        -------
        old, new : ndarray of shape (n_rows,)
            The weight that the old row carries as it leaves, and that of the new one.
        coefficients : ndarray of shape (n_rows, q)
            Relative change of each group's weights, as in ``coefficients``.
        """
        return weights[rows], weights[rows], np.zeros((len(rows), 0))

    def relabelled(
        self, weights: np.ndarray, rows: np.ndarray, codes: np.ndarray
    ) -> tuple[np.ndarray, Reweighting]:
        """Return the weights of all n rows once some have other classes, and the reweighting."""
        return weights, self

    def without(self, members: np.ndarray) -> Reweighting:
        """Return how weights change once a group (a mask) has left."""
        return self

    def coefficients(self, rows: np.ndarray) -> np.ndarray:
        """Return c, the relative change of each group's weights; shape (n_rows, q)."""
        return np.zeros((len(rows), 0))

    def memberships(self) -> np.ndarray:
        """Return the rows of each of the q groups, as masks; shape (q, n)."""
        return np.zeros((0, 1), dtype=bool)

    def leave_one_out_weights(self, weights: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """Split the n rows by the weights that the others have once one of them has left.

        Returns
        -------
        parts : list of (members, weights)
            Boolean mask of shape (n,), and the weights of all n rows.
        """
        return [(np.ones(len(weights), dtype=bool), weights)]

    def weights_without(self, weights: np.ndarray, members: np.ndarray) -> np.ndarray:
        """Return the weights of all n rows once a group (a mask) has left: 0 in the group."""
        return np.where(members, 0, weights)


@dataclass(frozen=True, eq=False)
class FixedClassWeights(FixedWeights):
    """A weight for each class, given: it stays when rows leave, and goes with a row's label.

    Parameters
    ----------
    codes : ndarray of shape (n,)
        Class of every row, 0 to K - 1.
    class_weights : ndarray of shape (K,)
        Their weights.
    mass : ndarray of shape (n,)
        Weights of the rows without those of their classes.
    """

    codes: np.ndarray
    class_weights: np.ndarray
    mass: np.ndarray

    by_label: ClassVar[bool] = True

    def classes_of(self, rows: np.ndarray) -> np.ndarray:
        """Return the class of some rows, 0 to K - 1."""
        return self.codes[rows]

    def replacing(
        self, weights: np.ndarray, rows: np.ndarray, codes: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the weights that the old and the new rows carry; the others' stay."""
        old, _, coefficients = super().replacing(weights, rows, codes)
        return old, self._weights(self.mass[rows], codes), coefficients

    def relabelled(
        self, weights: np.ndarray, rows: np.ndarray, codes: np.ndarray
    ) -> tuple[np.ndarray, Reweighting]:
        """Return the weights of all n rows once some have other classes, and the reweighting."""
        after = self.codes.copy()
        after[rows] = codes
        part = replace(self, codes=after)
        weights = weights.copy()
        weights[rows] = self._weights(self.mass[rows], codes)
        return weights, part

    def _weights(self, mass: np.ndarray, codes: np.ndarray) -> np.ndarray:
        return mass * self.class_weights[codes].astype(mass.dtype)


@dataclass(frozen=True)
class BalancedClasses:
    """``class_weight="balanced"``: class c weighs N / (K N_c), counted again after a removal.

    Parameters
    ----------
    codes : ndarray of shape (n,)
        Class of every row, 0 to K - 1.
    mass : ndarray of shape (n,)
        What a row counts for in N and N_c: 1, or its sample weight where scikit-learn does so.
    """

    codes: np.ndarray
    mass: np.ndarray

    by_label: ClassVar[bool] = True

    def classes_of(self, rows: np.ndarray) -> np.ndarray:
        """Return the class of some rows, 0 to K - 1."""
        return self.codes[rows]

    @property
    def totals(self) -> np.ndarray:
        """N_c, the mass of every class."""
        return np.bincount(self.codes, weights=self.mass)

    def class_weights(self) -> np.ndarray:
        """Return N / (K N_c), shape (K,)."""
        totals = self.totals
        return totals.sum() / (len(totals) * totals)

    def _ratios(self, classes: np.ndarray, mass: np.ndarray) -> np.ndarray:
        """Return new over old weight of each class when ``mass`` leaves one of ``classes``."""
        totals = self.totals
        left = totals[classes] - mass
        if np.any(left <= 0):
            lost = np.unique(classes[left <= 0]).tolist()
            raise ValueError(
                f"A class cannot be balanced without its only row (class number {lost[0]} of "
                "class_weight='balanced'); leave that row out of `rows`."
            )
        ratios = np.repeat((1 - mass / totals.sum())[:, None], len(totals), axis=1)
        ratios[np.arange(len(classes)), classes] *= totals[classes] / left
        return ratios

    def own_weights(self, weights: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Return the weight s'_j that row j carries as it leaves."""
        classes = self.codes[rows]
        ratios = self._ratios(classes, self.mass[rows])[np.arange(len(rows)), classes]
        return weights[rows] * ratios.astype(weights.dtype)

    def coefficients(self, rows: np.ndarray) -> np.ndarray:
        """Return c, the relative change of each class weight; shape (n_rows, K)."""
        return self._ratios(self.codes[rows], self.mass[rows]) - 1

    def replacing(
        self, weights: np.ndarray, rows: np.ndarray, codes: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the weights that old and new rows carry, and the change of the classes'."""
        before, each = self.codes[rows], np.arange(len(rows))
        after = np.repeat(self.totals[None], len(rows), axis=0)
        moved = np.where(codes != before, self.mass[rows], 0)
        after[each, before] -= moved
        after[each, codes] += moved
        self._require_classes(after)
        ratios = self.totals / after
        old = weights[rows] * ratios[each, before].astype(weights.dtype)
        new = weights[rows] * (self.totals[before] / after[each, codes]).astype(weights.dtype)
        return old, new, ratios - 1

    def relabelled(
        self, weights: np.ndarray, rows: np.ndarray, codes: np.ndarray
    ) -> tuple[np.ndarray, Reweighting]:
        """Return the weights of all n rows once some have other classes, and the reweighting."""
        after = self.codes.copy()
        after[rows] = codes
        part = replace(self, codes=after)
        self._require_classes(np.bincount(after, self.mass, minlength=len(self.totals)))
        ratios = part.class_weights()[after] / self.class_weights()[self.codes]
        return weights * ratios.astype(weights.dtype), part

    @staticmethod
    def _require_classes(totals: np.ndarray) -> None:
        if np.any(totals <= 0):
            raise ValueError(
                "A class cannot be balanced once its last row has another label; leave that row "
                "out of `rows`."
            )

    def memberships(self) -> np.ndarray:
        """Return the rows of each class, as masks; shape (K, n)."""
        return np.arange(len(self.totals))[:, None] == self.codes

    def leave_one_out_weights(self, weights: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """Split the rows by class; rows of unequal mass share what their mean leaves behind."""
        parts = []
        for c, members in enumerate(self.memberships()):
            mass = self.mass[members]
            mean = mass @ mass / max(mass.sum(), np.finfo(float).tiny)  # rows of mass 0 count not
            if mean < self.totals[c]:
                ratios = self._ratios(np.array([c]), np.array([mean]))[0]
                parts.append((members, weights * ratios[self.codes].astype(weights.dtype)))
        return parts

    def without(self, members: np.ndarray) -> "BalancedClasses":
        """Return how weights change once a group (a mask) has left."""
        return BalancedClasses(self.codes, np.where(members, 0, self.mass))

    def weights_without(self, weights: np.ndarray, members: np.ndarray) -> np.ndarray:
        """Return the weights of all n rows once a group (a mask) has left: 0 in the group."""
        after = self.without(members)
        if np.any(after.totals <= 0):
            raise ValueError("A group holds a whole class, which cannot be balanced without it.")
        ratios = after.class_weights() / self.class_weights()
        return np.where(members, 0, weights * ratios[self.codes].astype(weights.dtype))
