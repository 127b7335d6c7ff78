"""First order: ``influence = J · H⁻¹ · Rᵀ`` (Koh & Liang 2017, equations 1 and 2)."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..changes import EncodedChange
from ..optimum import Certificates
from ..questions import EncodedQuestion
from ._effect import Effect, Effects, in_one_block
from ._fit import Fit, block_bytes, question_parts


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

    def effects(self, question: EncodedQuestion, change: EncodedChange) -> Effects:
        """Return the effects of changes on what is asked, in parts."""
        return question.ask(self, change)

    def on_rows(self, question, change) -> Effects:
        """Yield effects on numbers of rows: of as many rows at a time as can be solved for."""
        product_of = change.linear_products(self.fit)
        features = change.features(self.fit)
        for tests in question_parts(question, self.fit.problem):
            part = question.part(tests)
            fill = _filled_from(part, product_of(part))
            blocks = change.blocks(self.fit, block_bytes(len(part), self.fit.model.n_outputs))
            shape, dtype = part.shape(len(change), features), self.fit.model.dtype
            effect = Effect(shape, part.axis, dtype, fill, blocks)
            yield (tests if question.divides else ...), effect

    def on_parameters(self, question, change) -> Effects:
        """Yield effects on theta, equation 1: ``H⁻¹ Rᵀ``."""
        problem = self.fit.model.known_problem

        def fill(block, out):
            delta = change.linear_change(self.fit, block)
            out[:] = change.user_parameters(problem, block, delta, linear=True)

        yield ..., in_one_block(self, question, change, fill)

    def on_own(self, question, change) -> Effects:
        """Yield effects on the loss of the changed rows, ``G_j J_j H⁻¹ R_jᵀ``."""

        def fill(block, out):
            out[:] = question.derivative(change.own_rows[block], self.own_raw(change, block))

        yield ..., in_one_block(self, question, change, fill)

    def estimator_without(self, members: np.ndarray) -> tuple[Any, float]:
        """Raise ValueError: what is left of a model is not found to first order."""
        raise ValueError("The first order finds no estimator without rows; use Newton steps.")

    def certificates(self, change: EncodedChange) -> Certificates:
        """Return nan: nothing is certified."""
        return Certificates.unknown(len(change))

    def errors(self, question: EncodedQuestion, change: EncodedChange) -> np.ndarray:
        """Return nan: nothing is certified."""
        return np.full(question.shape(len(change), change.features(self.fit)), np.nan)

    def own_raw(self, change: EncodedChange, block: slice = slice(None)) -> np.ndarray:
        """Return the change of the raw prediction of each change's own row, shape (b, K)."""
        return change.linear_own(self.fit, block)


def _filled_from(question, product):
    """Return what writes the answer of a block of changes."""

    def fill(block, out):
        out[:] = question.derivative(product(block))

    return fill
