"""First order: ``influence = J · H⁻¹ · Rᵀ`` (Koh & Liang 2017, equations 1 and 2)."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .._blocks import row_blocks
from ..changes import Changed
from ..questions import Asked
from ._effect import Effect, Effects
from ._fit import Fit, block_bytes


@dataclass(frozen=True)
class FirstOrder:
    """Influence functions: the derivative of the optimum in a row's weight, times the change.

    R is minus the exact change of the objective's gradient; the curvature that a change takes out
    of H, or puts in, stays out of the account.
    """

    name: ClassVar[str] = "influence"
    needs_hessian: ClassVar[bool] = True
    evaluates: ClassVar[bool] = False
    remedy: ClassVar[str] = 'Try method="newton".'
    estimates: ClassVar[bool] = True

    def check(self, fit: Fit) -> None:
        """Do nothing: any fit can be answered from."""

    def bind(self, fit: Fit) -> "FirstOrderAnswers":
        """Return what it answers of a fitted model."""
        return FirstOrderAnswers(fit)


@dataclass(frozen=True, eq=False)
class FirstOrderAnswers:
    """What the first order says of a fitted model.

    Parameters
    ----------
    fit : Fit
        With H⁻¹.
    """

    fit: Fit

    def effects(self, asked: Asked, changed: Changed) -> Effects:
        """Return the effects of changes on what is asked, in parts."""
        return asked.ask(self, changed)

    def on_rows(self, asked, changed) -> Effects:
        """Yield effects on numbers of rows: of as many rows at a time as can be solved for."""
        product_of = changed.linear_products(self.fit)
        features = changed.features(self.fit)
        for tests in self._parts(asked):
            part = asked.part(tests)
            fill = _filled_from(part, product_of(part))
            blocks = changed.blocks(self.fit, block_bytes(len(part), self.fit.model.n_outputs))
            effect = Effect(
                part.shape(len(changed), features), part.axis, self._dtype, fill, blocks
            )
            yield (tests if asked.divides else ...), effect

    def _parts(self, asked):
        """Split rows so that what is solved for a block of them fits ``working_memory``."""
        problem = self.fit.problem
        row_bytes = 3 * problem.n_outputs * len(problem.theta) * 8
        return row_blocks(len(asked), row_bytes) if asked.divides else [slice(0, len(asked))]

    @property
    def _dtype(self):
        return self.fit.model.dtype

    def on_parameters(self, asked, changed) -> Effects:
        """Yield effects on theta, equation 1: ``H⁻¹ Rᵀ``."""
        problem = self.fit.model.known_problem

        def fill(block, out):
            change = changed.linear_change(self.fit, block)
            out[:] = changed.user_parameters(problem, block, change, linear=True)

        shape = asked.shape(len(changed), changed.features(self.fit))
        yield ..., Effect(shape, asked.axis, self._dtype, fill, [slice(0, len(changed))])

    def on_own(self, asked, changed) -> Effects:
        """Yield effects on the loss of the changed rows, ``G_j J_j H⁻¹ R_jᵀ``."""

        def fill(block, out):
            out[:] = asked.derivative(changed.own_rows[block], self.own_raw(changed, block))

        shape = asked.shape(len(changed), changed.features(self.fit))
        yield ..., Effect(shape, asked.axis, self._dtype, fill, [slice(0, len(changed))])

    def estimator_without(self, members: np.ndarray) -> tuple[Any, float]:
        """Raise ValueError: what is left of a model is not found to first order."""
        raise ValueError("The first order finds no estimator without rows; use Newton steps.")

    def certificates(self, rows: np.ndarray) -> np.ndarray:
        """Return nan: nothing is certified."""
        return np.full(len(rows), np.nan)

    def own_raw(self, changed: Changed, block: slice = slice(None)) -> np.ndarray:
        """Return the change of the raw prediction of each change's own row, shape (b, K)."""
        return changed.linear_own(self.fit, block)


def _filled_from(asked, product):
    """Return what writes the answer of a block of changes."""

    def fill(block, out):
        out[:] = asked.derivative(product(block))

    return fill
