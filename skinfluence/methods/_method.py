"""Methods are values that are bound to a fit, and then answer any question about any change."""

from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np

from ..changes import EncodedChange
from ..optimum import Certificates
from ..questions import EncodedQuestion
from ..solvers import factored_order
from ._effect import Effects
from ._first_order import FirstOrder
from ._fit import Fit
from ._newton import Newton
from ._retrain import Retrain


class Answers(Protocol):
    """What a method says of one fitted model, in the same units as any other.

    A question looks at rows, at theta, or at the changed row itself, and calls the method's way
    there: ``on_rows``, ``on_parameters`` or ``on_own``, with itself and the change.

    Attributes
    ----------
    fit : Fit
        The fitted model.
    """

    @property
    def fit(self) -> Fit:
        """The fitted model."""

    def effects(self, question: EncodedQuestion, change: EncodedChange) -> Effects:
        """Return the effects of changes on what is asked, in parts."""

    def on_rows(self, question: Any, change: EncodedChange) -> Effects:
        """Yield effects on numbers of rows."""

    def on_parameters(self, question: Any, change: EncodedChange) -> Effects:
        """Yield effects on theta."""

    def on_own(self, question: Any, change: EncodedChange) -> Effects:
        """Yield effects on the loss of the changed rows."""

    def own_raw(self, change: EncodedChange) -> np.ndarray:
        """Return the change of the raw prediction of each change's own row, shape (c, K)."""

    def certificates(self, change: EncodedChange) -> Certificates:
        """Return how certain the change of theta is that each change causes."""

    def errors(self, question: EncodedQuestion, change: EncodedChange) -> np.ndarray:
        """Return how far each entry of an answer may be off, nan where that is not known."""

    def estimator_without(self, members: np.ndarray) -> tuple[Any, float]:
        """Return the estimator as it would be without the rows of a mask, and the certificate."""


@runtime_checkable
class Method(Protocol):
    """How an answer is found: ``InfluenceExplainer(method=)`` takes one of these as well as a name.

    Attributes
    ----------
    name : str
        What ``method_`` says.
    needs_hessian : bool
        Whether it answers from H⁻¹, so that the objective must be known.
    evaluates : bool
        Whether what is asked is evaluated after the change, and not only its derivative.
    estimates : bool
        Whether its answers are estimates, which refits can be compared with.
    remedy : str
        What to do where they do not agree.
    """

    name: ClassVar[str]
    needs_hessian: ClassVar[bool]
    estimates: ClassVar[bool]
    remedy: ClassVar[str]
    evaluates: ClassVar[bool]

    def check(self, fit: Fit) -> None:
        """Raise ValueError where it cannot answer from a fit."""

    def bind(self, fit: Fit) -> Answers:
        """Return what it answers of a fitted model."""


#: Multiplications that method="auto" spends on Newton steps: about a minute on one core.
NEWTON_BUDGET = 2e12
#: Multiplications a row and parameter that a gradient of a curved model counts for, at least.
CURVED = 100

NAMES = ("auto", FirstOrder.name, Newton.name, Retrain.name)


def resolve_method(method: str | Method, tolerance: float | None = 0.05) -> Method | None:
    """Return the method that a name stands for; instances as they are, and None for "auto".

    Parameters
    ----------
    method : str or Method
    tolerance : float or None, default=0.05
        Of Newton steps, where they are named.

    Raises
    ------
    ValueError
        If the name is unknown.
    TypeError
        If it is neither a name nor a method.
    """
    if isinstance(method, str):
        if method not in NAMES:
            raise ValueError(f"`method` must be one of {NAMES}; got {method!r}.")
        named = {each.name: each for each in (FirstOrder(), Newton(tolerance), Retrain())}
        return named.get(method)
    if isinstance(method, type) or not isinstance(method, Method):
        raise TypeError(f"`method` must be one of {NAMES} or a method; got {method!r}.")
    return method


def affordable_method(fit: Fit, tolerance: float | None = 0.05) -> Method:
    """Return what "auto" stands for: Newton steps where they fit a budget, else the first order.

    Parameters
    ----------
    fit : Fit
        With H⁻¹.
    tolerance : float or None, default=0.05
        Of the Newton steps.
    """
    problem, solver = fit.model.known_problem, fit.solver
    order = factored_order(solver, fit.known_inverse.hessian, fit.known_inverse)
    work = np.inf if order is None else problem.y.size * order**2
    if not problem.predictor.is_linear:  # every row is followed: a gradient of all rows each
        work += CURVED * problem.n_rows**2 * len(problem.theta)
    affordable = work <= NEWTON_BUDGET and problem.loss.predicts
    return Newton(tolerance) if affordable else FirstOrder()
