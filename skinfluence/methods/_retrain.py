"""Retrain: really fit again with every change, and ask the model that comes out."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from ..changes import EncodedChange
from ..optimum import Certificates
from ..questions import EncodedQuestion, OwnLoss
from ._effect import Effects, in_one_block
from ._fit import Fit
from ._refit import Refit, warn_if_frozen_elsewhere


@dataclass(frozen=True)
class Retrain:
    """Real refits, one a change: the truth, for any estimator.

    Parameters
    ----------
    refine : bool, default=True
        Take each refit to its optimum, where that is known.
    """

    refine: bool = True

    name: ClassVar[str] = "retrain"
    needs_hessian: ClassVar[bool] = False
    evaluates: ClassVar[bool] = True
    remedy: ClassVar[str] = ""
    estimates: ClassVar[bool] = False

    def check(self, fit: Fit) -> None:
        """Do nothing: any fit can be answered from."""

    def bind(self, fit: Fit) -> "RetrainAnswers":
        """Return what it answers of a fitted model."""
        warn_if_frozen_elsewhere(fit.model)
        return RetrainAnswers.of(fit, refine=self.refine)


@dataclass(frozen=True, eq=False)
class RetrainAnswers:
    """What real refits say of a fitted model. Build it with ``RetrainAnswers.of``.

    Parameters
    ----------
    fit : Fit
        Its model is the one that refits are compared with: at its optimum, if they are at theirs.
    refit : Refit
        Fits again.
    """

    fit: Fit
    refit: Refit

    @classmethod
    def of(cls, fit: Fit, refine: bool = True) -> "RetrainAnswers":
        """Prepare refits of a fitted model, and compare with the fit that they start from."""
        refit = Refit.of(fit.model, refine=refine, n_jobs=fit.n_jobs, verbose=fit.verbose)
        return cls(replace(fit, model=refit.model), refit)

    def effects(self, question: EncodedQuestion, change: EncodedChange) -> Effects:
        """Return the effects of changes on what is asked: one part, all refits in it."""
        if change.has_derivative_only:
            raise ValueError(
                "`input_influence` is a derivative (`Perturb`), which refits do not give; use "
                'method="newton" or "influence".'
            )
        return question.ask(self, change)

    def on_rows(self, question, change) -> Effects:
        """Yield effects on numbers of rows."""

        def fill(block, out):
            before = np.asarray(question.value(self.fit.model, None))
            after = np.reshape(self.refit.values(question, change), (len(change), *before.shape))
            out[:] = np.moveaxis(after, 0, question.axis) - np.expand_dims(before, question.axis)

        yield ..., in_one_block(self, question, change, fill)

    def on_parameters(self, question, change) -> Effects:
        """Yield effects on theta."""
        problem, before = self.fit.model.known_problem, self.fit.model.theta

        def fill(block, out):
            after = np.reshape(self.refit.values(question, change), (len(change), len(before)))
            out[:] = change.user_parameters(problem, block, after - before, linear=False)

        yield ..., in_one_block(self, question, change, fill)

    def on_own(self, question, change) -> Effects:
        """Yield effects on the loss of the changed rows."""

        def fill(block, out):
            out[:] = question.change(change.own_rows, self._own_raw(question, change))

        yield ..., in_one_block(self, question, change, fill)

    def certificates(self, change: EncodedChange) -> Certificates:
        """Return nan: a refit has no step to certify."""
        return Certificates.unknown(len(change))

    def errors(self, question: EncodedQuestion, change: EncodedChange) -> np.ndarray:
        """Return nan: nothing is certified."""
        return np.full(question.shape(len(change), change.features(self.fit)), np.nan)

    def estimator_without(self, members: np.ndarray) -> tuple[Any, float]:
        """Return the estimator refitted without the rows of a mask, and the certificate."""
        return self.refit.estimator_without(np.flatnonzero(members))

    def own_raw(self, change: EncodedChange) -> np.ndarray:
        """Return the change of the raw prediction of each change's own row, shape (c, K)."""
        return self._own_raw(OwnLoss().encode(self.fit), change)

    def _own_raw(self, question, change):
        before = question.raw[change.own_rows]
        return np.reshape(self.refit.values(question, change), before.shape) - before
