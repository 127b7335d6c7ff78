"""Retrain: really fit again with every change, and ask the model that comes out.

A fit that draws random numbers, and has no optimum that is known (a forest), is noise besides:
under other seeds the same rows give other answers. Refits are then compared with fits under their
own seed, averaged over seeds where that is asked for, and the noise that is left is told.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from .._parameters import check_flag, check_seed, check_whole
from .._warnings import warn
from ..adapters import Model, final_estimator
from ..changes import EncodedChange
from ..optimum import Certificates
from ..questions import EncodedQuestion, OwnLoss
from ._effect import Effects, in_one_block
from ._fit import Fit
from ._refit import Refit, warn_if_frozen_elsewhere

#: Noise of refits, beside the median effect of a change, that is told.
NOISY = 0.1
#: Seed of the fit that noise is measured with, where there is one fit only.
ANOTHER_SEED = 2**31 - 2


@dataclass(frozen=True)
class Retrain:
    """Real refits, one a change: the truth, for any estimator.

    Parameters
    ----------
    refine : bool, default=True
        Take each refit to its optimum, where that is known.
    n_repeats : int, default=1
        Refits of each change, under seeds of their own, that are averaged. It is for estimators
        whose optimum is not known, and which have a ``random_state``; others are fitted once.
    random_state : int, RandomState instance or None, default=None
        Draws these seeds. With None a single fit keeps the estimator's own.
    """

    refine: bool = True
    n_repeats: int = 1
    random_state: int | np.random.RandomState | None = None

    name: ClassVar[str] = "retrain"
    needs_hessian: ClassVar[bool] = False
    evaluates: ClassVar[bool] = True
    remedy: ClassVar[str] = ""
    estimates: ClassVar[bool] = False

    def __post_init__(self):
        check_flag("refine", self.refine)
        check_whole("n_repeats", self.n_repeats)
        check_seed(self.random_state)

    def check(self, fit: Fit) -> None:
        """Do nothing: any fit can be answered from."""

    def bind(self, fit: Fit) -> "RetrainAnswers":
        """Return what it answers of a fitted model."""
        warn_if_frozen_elsewhere(fit.model)
        answers = RetrainAnswers.of(fit, refine=self.refine)
        if not answers.refit.draws or (self.n_repeats == 1 and self.random_state is None):
            return answers
        seeds = check_seed(self.random_state).randint(ANOTHER_SEED, size=self.n_repeats)
        return replace(answers, seeds=tuple(seeds.tolist()))


@dataclass(frozen=True, eq=False)
class RetrainAnswers:
    """What real refits say of a fitted model. Build it with ``RetrainAnswers.of``.

    Parameters
    ----------
    fit : Fit
        Its model is the one that refits are compared with: at its optimum, if they are at theirs.
    refit : Refit
        Fits again.
    seeds : tuple of int, default=()
        Seeds that are averaged over; none leaves the estimator its own.
    """

    fit: Fit
    refit: Refit
    seeds: tuple[int, ...] = ()

    @classmethod
    def of(cls, fit: Fit, refine: bool = True) -> "RetrainAnswers":
        """Prepare refits of a fitted model, and compare with the fit that they start from."""
        refit = Refit.of(fit.model, refine=refine, n_jobs=fit.n_jobs, verbose=fit.verbose)
        return cls(replace(fit, model=refit.model), refit)

    @cached_property
    def refits(self) -> list[Refit]:
        """What is averaged: one that fits again under each of the seeds."""
        return [self.refit.under(seed) for seed in self.seeds] or [self.refit]

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

        def asked(model):
            return np.asarray(question.value(model, None))

        def moved(refit):
            before = asked(refit.model)
            after = np.reshape(refit.values(question, change), (len(change), *before.shape))
            return np.moveaxis(after, 0, question.axis) - np.expand_dims(before, question.axis)

        def fill(block, out):
            out[:] = np.mean([moved(refit) for refit in self.refits], axis=0)
            self._tell_noise(asked, out)

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
        rows = change.own_rows

        def asked(model):
            own = self._of(question, model)
            return model.loss(own.raw[rows], own.y[rows])

        def moved(refit):
            own = self._of(question, refit.model)
            return own.change(rows, _own_raw(refit, own, change))

        def fill(block, out):
            out[:] = np.mean([moved(refit) for refit in self.refits], axis=0)
            self._tell_noise(asked, out)

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
        own = OwnLoss().encode(self.fit)
        moves = [_own_raw(refit, self._of(own, refit.model), change) for refit in self.refits]
        return np.mean(moves, axis=0)

    def _of(self, question, model):
        """Return a question about training rows, asked of another fit of them."""
        return question if model is self.refit.model else replace(question, model=model)

    def _tell_noise(self, asked: Callable[[Model], np.ndarray], effects: np.ndarray) -> None:
        """Warn where fits under other seeds differ by as much as changes of the rows do."""
        if not self.refit.draws or not effects.size:
            return
        models = [refit.model for refit in self.refits]
        if len(models) == 1:
            models.append(self.refit.under(ANOTHER_SEED).model)
        variance = np.mean(np.var([asked(model) for model in models], axis=0, ddof=1))
        noise = float(np.sqrt(2 * variance / len(self.refits)))
        typical = float(np.median(np.abs(effects)))
        if noise > NOISY * typical:
            name = type(final_estimator(self.refit.model.estimator)).__name__
            warn(
                f"Refits of {name} differ by their random numbers: the noise of an answer is "
                f"{noise:.2g} (root mean square, from fits of the same rows under other seeds), "
                f"the median answer {typical:.2g}. Average over more seeds: `n_repeats` of "
                "leave_one_out, or method=Retrain(n_repeats=...).",
                UserWarning,
            )


def _own_raw(refit, own, change):
    """Return the change of the raw prediction of each change's own row, by one refit each."""
    before = own.raw[change.own_rows]
    return np.reshape(refit.values(own, change), before.shape) - before
