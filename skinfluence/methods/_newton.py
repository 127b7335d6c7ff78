"""Newton: exact Newton steps on the objective with other training rows, on to its optimum.

The steps, and how far they are followed, are those of ``skinfluence.optimum``; what is asked is
evaluated at their end.
"""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from .._blocks import as_slice
from .._parameters import check_at_least
from .._warnings import warn
from ..adapters import with_parameters
from ..changes import EncodedChange, EncodedRemoveGroups
from ..optimum import Certificates, Moves, Optimum
from ..questions import EncodedLoss, EncodedPrediction, EncodedQuestion
from ._effect import Effect, Effects, in_one_block
from ._first_order import FirstOrderAnswers
from ._fit import Fit, block_bytes, question_parts


@dataclass(frozen=True)
class Newton:
    """Newton steps without each row, or with any other change, and what is asked at their end.

    Exact for squared error, and of losses in straight pieces: support vector machines and quantile
    regressions are followed to the optimum as trained.

    Parameters
    ----------
    tolerance : float or None, default=0.05
        Relative error of the change of theta, in the norm of H, that is let be: changes of which
        one step does not show that theirs is below are followed until it is. None takes one step
        for all.

    Raises
    ------
    ValueError
        If it is no number > 0.
    """

    tolerance: float | None = 0.05

    name: ClassVar[str] = "newton"
    needs_hessian: ClassVar[bool] = True
    evaluates: ClassVar[bool] = True
    remedy: ClassVar[str] = (
        "See that the fit reaches its optimum (refine=True), or use leave_one_out."
    )
    estimates: ClassVar[bool] = True

    def __post_init__(self):
        if self.tolerance is not None:
            check_at_least(self, "tolerance", 0, strict=True)

    def check(self, fit: Fit) -> None:
        """Raise ValueError for a model that is known by its losses alone."""
        if not fit.model.known_problem.loss.predicts:
            raise ValueError(
                'method="newton" takes the curvature of a row\'s loss in its prediction out of the '
                "Hessian, and a model that is known by its losses alone has no prediction. Use "
                'method="influence", or give the model as a prediction and a loss of it.'
            )

    def bind(self, fit: Fit) -> "NewtonAnswers":
        """Return what it answers of a fitted model."""
        known = fit.problem, fit.known_inverse, fit.solver
        optimum = Optimum(*known, self.tolerance, fit.short, fit.fitted)
        return NewtonAnswers(fit.evaluated_at(optimum.trained), optimum)


@dataclass(frozen=True, eq=False)
class NewtonAnswers:
    """What Newton steps say of a fitted model.

    Parameters
    ----------
    fit : Fit
        With H⁻¹.
    optimum : Optimum
        Where it is asked to go; it keeps the rows that were followed.
    """

    fit: Fit
    optimum: Optimum

    def effects(self, question: EncodedQuestion, change: EncodedChange) -> Effects:
        """Return the effects of changes on what is asked, in parts."""
        derivative = change.has_derivative_only  # which further steps add nothing to
        if not derivative:
            return question.ask(self, change)
        smooth = self.fit.differentiated
        asked: Any = question
        return replace(asked, model=smooth.model).ask(FirstOrderAnswers(smooth), change)

    def on_rows(self, question, change) -> Effects:
        """Yield effects on numbers of rows, evaluated at the end of the steps."""
        moves = change.moves(self.optimum)
        for tests in question_parts(question, self.fit.problem):
            part = question.part(tests)
            blocks = self._blocks(change, moves, len(part))
            fill = _filled_from(part, moves.raw(part.X))
            shape = part.shape(len(change), ())
            effect = Effect(shape, part.axis, self.fit.model.dtype, fill, blocks)
            yield (tests if question.divides else ...), effect

    def _blocks(self, change, moves: Moves, n_tests):
        if not moves.independent:
            return [slice(0, len(change))]
        return change.blocks(self.fit, block_bytes(n_tests, self.fit.model.n_outputs))

    def on_parameters(self, question, change) -> Effects:
        """Yield effects on theta: where the steps end."""
        moves, problem = change.moves(self.optimum), self.fit.model.known_problem

        def fill(block, out):
            delta = moves.parameters(block)
            out[:] = change.user_parameters(problem, block, delta, linear=False)

        yield ..., in_one_block(self, question, change, fill)

    def on_own(self, question, change) -> Effects:
        """Yield effects on the loss of the changed rows, evaluated at the end of the steps."""
        moves = change.moves(self.optimum)

        def fill(block, out):
            out[:] = question.change(change.own_rows[block], moves.own(block))

        yield ..., in_one_block(self, question, change, fill)

    def certificates(self, change: EncodedChange) -> Certificates:
        """Return the relative error of every change of theta, and which of them are proved.

        nan where H is that of a linearised model: of the model itself nothing is known.
        """
        if self.fit.problem.predictor is not self.fit.model.known_problem.predictor:
            return Certificates.unknown(len(change))
        return change.moves(self.optimum).certificates

    def errors(self, question: EncodedQuestion, change: EncodedChange) -> np.ndarray:
        """Return how far each entry of an answer may be off, nan where that is not known.

        A change of theta that is c off, in the norm of H₋, leaves a test row's raw prediction
        within c √h of what is told, h its leverage under H₋.
        """
        if not isinstance(question, EncodedLoss | EncodedPrediction):
            raise ValueError("The error of an answer is known for `Loss` and `Prediction` only.")
        errors = np.full(question.shape(len(change), change.features(self.fit)), np.nan)
        if not (change.has_derivative_only or not self.fit.problem.predictor.is_linear):
            for positions, moved, gram in change.moves(self.optimum).around(question.X):
                with np.errstate(invalid="ignore", over="ignore"):  # of what may be off without end
                    errors[:, positions] = question.error(moved, gram)
        return errors

    def estimator_without(self, members: np.ndarray) -> tuple[Any, float]:
        """Return the estimator as it would be without the rows of a mask, and the certificate."""
        optimum, model = self.optimum, self.fit.model
        ends = optimum.with_objectives(EncodedRemoveGroups(members[:, None])).ends
        theta, certificate = model.theta + ends.changes[0], ends.certificates[0]
        rest = model.known_problem.rest(members).at(theta)
        if not optimum.objectives.follows and not certificate <= (optimum.tolerance or 0):
            _warn_one_step(certificate)
        return with_parameters(model.estimator, rest), certificate

    def own_raw(self, change: EncodedChange, block: slice = slice(None)) -> np.ndarray:
        """Return the change of the raw prediction of each change's own row, shape (b, K)."""
        return change.moves(self.optimum).own(block)


def _filled_from(question, moved):
    """Return what writes the answer of a block of changes."""
    axis = (slice(None),) * question.axis

    def fill(block, out):
        for positions, raw in moved(block):
            where = (*axis, as_slice(positions) if isinstance(positions, np.ndarray) else positions)
            if isinstance(where[-1], slice):
                question.change(raw, out[where])
            else:
                part = np.empty_like(out[where])
                question.change(raw, part)
                out[where] = part

    return fill


def _warn_one_step(certificate):
    warn(
        f"With damping or a stochastic solver a removal is one Newton step, and another would move "
        f'{certificate:.2g} of what it moved. Set damping=0 and solver="direct" or "cg".',
        ConvergenceWarning,
    )
