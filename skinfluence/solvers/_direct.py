"""Direct: factor the Hessian once, in the primal (P, P) or in the dual (nK, nK)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from .._typing import Array
from ..operators import Hessian
from ._dual import dual_inverse
from ._inverse import FactoredInverse
from ._primal import primal_inverse
from ._solver import Solver

#: Times the order of the dual, and parameters, up to which the primal is tried where that is bad.
CHEAP, SMALL = 3, 300


@dataclass(frozen=True)
class Direct(Solver):
    """Solve by Cholesky, in whichever of the primal and the dual is smaller.

    The primal factors H itself, (P, P). The dual factors ``I + Fᵀ Jᵀ D⁻¹ J F`` of size (nK, nK)
    with Woodbury's identity, where D is the penalty and n counts the rows that curve: for more
    parameters than these H is never formed. A loss that is a sum over outputs, or over blocks of
    them, is solved block by block.

    Parameters
    ----------
    form : {"auto", "primal", "dual"}, default="auto"
        Which system to factor. The dual needs every coefficient penalised (or damped).
    """

    form: Literal["auto", "primal", "dual"] = "auto"

    def invert(self, hessian: Hessian) -> FactoredInverse:
        """Return H⁻¹.

        Parameters
        ----------
        hessian : Hessian
            Must offer ``dense()``.

        Returns
        -------
        inverse : Inverse

        Raises
        ------
        ValueError
            If ``form="dual"`` and some coefficient carries no penalty; if H is indefinite.
        """
        active = hessian.active_set()
        if active is not None:
            part, positions = active
            return ActiveSetInverse(hessian, self.invert(part), positions)
        blocks = hessian.outputs()
        if blocks is not None:
            return SeparableInverse(hessian, blocks, self)
        if not self._takes_dual(hessian):
            return primal_inverse(hessian)
        inverse = dual_inverse(hessian)
        if self.form == "auto" and _loses_digits(inverse):
            return min(inverse, primal_inverse(hessian), key=lambda each: each.amplification)
        return inverse

    def order(self, hessian: Hessian) -> int:
        """Return the order of the largest system that ``invert`` would factor."""
        active = hessian.active_set()
        if active is not None:
            return self.order(active[0])
        parts = hessian.outputs()
        if parts is not None:
            return max(self.order(part) for part, _, _ in parts)
        return _dual_size(hessian) if self._takes_dual(hessian) else hessian.shape[0]

    def _takes_dual(self, hessian: Hessian) -> bool:
        if self.form not in ("auto", "primal", "dual"):
            raise ValueError(f"`form` must be 'auto', 'primal' or 'dual'; got {self.form!r}.")
        if hessian.free is not None and not hessian.free.any():
            return False  # nothing moves
        if self.form == "dual" and not hessian.has_dual:
            raise ValueError(
                'Direct(form="dual") needs a convex loss and a penalty on every coefficient; '
                'set damping > 0, or use Direct(form="primal").'
            )
        if self.form == "auto":
            return hessian.has_dual and _dual_size(hessian) < hessian.shape[0]
        return self.form == "dual"


class ActiveSetInverse(FactoredInverse):
    """H⁻¹ on the features that a norm does not hold at zero, 0 on those that it does."""

    def __init__(self, hessian: Hessian, part: FactoredInverse, positions: Array) -> None:
        super().__init__(hessian)
        self.part, self.positions = part, positions
        self.exact, self.rcond = part.exact, part.rcond

    @property
    def amplification(self) -> float:
        """Factor by which rounding grows on the active set."""
        return self.part.amplification

    @property
    def order(self) -> int:
        """Order of the system of the active set."""
        return self.part.order

    @property
    def rank(self) -> int:
        """Rank on the active set."""
        return self.part.rank

    def _matmat(self, B: Array) -> Array:
        solved = np.zeros(B.shape, dtype=np.result_type(self.dtype, B.dtype))
        solved[self.positions] = self.part @ B[self.positions]
        return solved

    @property
    def white_size(self) -> int:
        """Number of rows of W."""
        return self.part.white_size

    def whiten(self, B: Array) -> Array:
        """Return W B."""
        return self.part.whiten(B[self.positions])

    def unwhiten(self, Z: Array) -> Array:
        """Return Wᵀ Z."""
        spread = np.zeros((self.shape[0], Z.shape[1]), dtype=np.result_type(self.dtype, Z.dtype))
        spread[self.positions] = self.part.unwhiten(Z)
        return spread

    def _leverages(self, rows: Array) -> Array:
        return self.part.leverages(rows)


class SeparableInverse(FactoredInverse):
    """H⁻¹ of a loss that is a sum over blocks of outputs: one small inverse a block.

    Blocks with the same curvature and penalty (squared error) share one factor.
    """

    def __init__(
        self, hessian: Hessian, blocks: list[tuple[Hessian, Array, slice]], solver: Direct
    ) -> None:
        super().__init__(hessian)
        self.positions: list[Array] = []
        self.outputs: list[slice] = []
        self.parts: list[FactoredInverse] = []
        for part, positions, outputs in blocks:
            shared = self.parts and _same_matrix(part, self.parts[0].hessian)
            self.parts.append(self.parts[0] if shared else solver.invert(part))
            self.positions.append(positions)
            self.outputs.append(outputs)
        self.rcond = min(part.rcond for part in self.parts)

    @property
    def amplification(self) -> float:
        """Factor by which rounding grows in the worst block."""
        return max(part.amplification for part in self.parts)

    @property
    def order(self) -> int:
        """Order of the largest block's system."""
        return max(part.order for part in self.parts)

    @property
    def rank(self) -> int:
        """Sum of the ranks of the outputs."""
        return sum(part.rank for part in self.parts)

    def _matmat(self, B: Array) -> Array:
        solved = np.empty(B.shape, dtype=np.result_type(self.dtype, B.dtype))
        for part, positions in zip(self.parts, self.positions):
            solved[positions] = part @ B[positions]
        return solved

    @property
    def white_size(self) -> int:
        """Number of rows of W, those of the blocks one below the other."""
        return sum(part.white_size for part in self.parts)

    def whiten(self, B: Array) -> Array:
        """Return W B."""
        blocks = zip(self.parts, self.positions)
        return np.concatenate([part.whiten(B[positions]) for part, positions in blocks])

    def unwhiten(self, Z: Array) -> Array:
        """Return Wᵀ Z."""
        spread = np.empty((self.shape[0], Z.shape[1]), dtype=np.result_type(self.dtype, Z.dtype))
        ends = np.cumsum([part.white_size for part in self.parts])
        for part, positions, rows in zip(self.parts, self.positions, np.split(Z, ends[:-1])):
            spread[positions] = part.unwhiten(rows)
        return spread

    def _leverages(self, rows: Array) -> Array:
        K = self.hessian.problem.n_outputs
        leverages = np.zeros((len(rows), K, K), dtype=self.dtype)
        for part, outputs in zip(self.parts, self.outputs):
            leverages[:, outputs, outputs] = part.leverages(rows)
        return leverages


def _loses_digits(inverse: FactoredInverse) -> bool:
    """Tell whether a dual loses half of its digits, and the primal, which scales columns, is cheap.

    One column of large units is enough: the dual is a difference of its size.
    """
    rounding = inverse.amplification * np.finfo(inverse.dtype).eps
    return rounding > np.finfo(inverse.dtype).eps ** 0.5 and inverse.shape[0] <= max(
        CHEAP * inverse.order, SMALL
    )


def _dual_size(hessian: Hessian) -> int:
    """Return the order of the dual: the rows that curve, times outputs."""
    return len(hessian.curved_rows) * hessian.problem.n_outputs


def _same_matrix(one: Hessian, other: Hessian) -> bool:
    """Tell whether two blocks of the same rows have the same ridge, curvature and active set."""
    pairs = ((one.ridge, other.ridge), (one.curvatures, other.curvatures), (one.free, other.free))
    return all(np.array_equal(*pair) for pair in pairs)
