"""The summary of a fitted explainer: what is known already, and what takes next to no time."""

from functools import partial
from typing import Any

from sklearn.base import BaseEstimator

from ..adapters import final_estimator
from ..optimum import stopped_short


class SummarisedRepr:
    """``repr`` of an instance is summarised; that of the class is scikit-learn's.

    scikit-learn's printer knows an estimator by the ``__repr__`` of its class, and breaks its
    lines inside a Pipeline or a search only if that is BaseEstimator's own.
    """

    def __get__(self, estimator, owner=None):
        return BaseEstimator.__repr__ if estimator is None else partial(_summarised, estimator)


def _summarised(estimator, N_CHAR_MAX=700):
    """Return scikit-learn's repr, and a summary of the fit below it."""
    text = summary(estimator)
    parameters = BaseEstimator.__repr__(estimator, N_CHAR_MAX=N_CHAR_MAX)
    return f"{parameters}\n{text}" if text else parameters


def summary(explainer: Any) -> str:
    """Return the summary, "" before ``fit``. Whatever goes wrong in it must not hide the repr."""
    if not hasattr(explainer, "estimator_"):
        return ""
    try:
        return "\n".join(f"  {name:<21}{value}" for name, value in _lines(explainer))
    except Exception:
        return ""


def _lines(explainer):
    """Yield names and values: what is known already, and what takes next to no time."""
    name = type(final_estimator(explainer.estimator_)).__name__
    problem, fit = explainer.problem_, explainer.conditioning_
    parameters = "" if problem is None else f", {len(problem.theta)} parameters"
    yield "estimator", f"{name}, {explainer.answers_.fit.model.n_rows} rows{parameters}"
    if fit is None:
        yield "method", explainer.method_
        return
    damping = f", damping={explainer.damping_:.3g}" if explainer.damping_ else ""
    yield "method", f"{explainer.method_}, {type(explainer.solver_).__name__}{damping}"
    decrement, typical = explainer.newton_decrement_, explainer.typical_decrement_
    state = "stopped short" if stopped_short(problem, decrement, typical) else "converged"
    ratio = decrement / typical if typical > 0 else 0.0
    yield "optimum", f"{state}: {ratio:.1g} of a typical row's removal away"
    if fit.is_cheap or "eigenvalues" in vars(fit):
        yield "condition", f"{fit.condition:.2g}"
    if fit.is_cheap or "effective_dimension" in vars(fit):
        yield "effective dimension", f"{fit.effective_dimension:.1f}"
    if "residual" in vars(fit):
        yield "solve residual", f"{fit.largest_residual:.1g}"
    if fit.spread is not None:
        yield "LiSSA spread", f"{fit.spread:.1g}"
