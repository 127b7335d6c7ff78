"""What a fitted explainer knows of its own numerics, found when it is asked for, and its summary.

The mean Hessian is H / n, its penalty and damping included. Flat directions, parameters that a
norm holds at zero, and those of columns of zeros do not count: eigenvalues are those of the
directions that are solved in.
"""

import html
from copy import copy
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
from sklearn import get_config
from sklearn.base import BaseEstimator
from sklearn.utils import estimator_html_repr
from sklearn.utils.validation import check_is_fitted

from ._one_step import OneStep
from .problems import final_estimator
from .scores import stopped_short, typical_gradients
from .solvers import extremes, largest_eigenvalue

#: Multiplications that a summary may spend on figures nobody asked for: a twentieth of a second.
SUMMARY_BUDGET = 1e8


@dataclass(frozen=True, eq=False)
class FitDiagnostics:
    """Figures about H and its inverse, each found once.

    Parameters
    ----------
    problem : Problem
        The fitted problem.
    inverse : Inverse
        H⁻¹ at its theta.
    """

    problem: Any
    inverse: Any

    @cached_property
    def eigenvalues(self):
        """The smallest and the largest eigenvalue of H / n.

        Where H was factored the smallest is one over the largest of the inverse, which is right
        to more digits, and 0 where the factor has left directions out.
        """
        hessian, n = self.inverse.hessian, self.problem.n
        if self.inverse.rcond is None:
            smallest, largest, _ = extremes(hessian)
            nothing = len(hessian.ridge) * np.finfo(hessian.dtype).eps * abs(largest)
            return (0.0 if abs(smallest) <= nothing else smallest / n), largest / n
        largest = largest_eigenvalue(hessian)
        inverted = largest_eigenvalue(self.inverse) if self.inverse.rcond > 0 else 0.0
        return (1 / (inverted * n) if inverted > 0 else 0.0), largest / n

    @cached_property
    def effective_dimension(self):
        """The sum of the leverages."""
        return float(np.einsum("nkk->", OneStep(self.problem, self.inverse).hats))

    @cached_property
    def residual(self):
        """The largest ``‖b - H x‖ / ‖b‖`` over the gradients b of a few rows."""
        hessian = self.inverse.hessian
        B = hessian.project(typical_gradients(self.problem, n_rows=8).T)
        sizes = np.linalg.norm(B, axis=0)
        left = np.linalg.norm(B - hessian @ (self.inverse @ B), axis=0)
        return float(np.max(left / np.where(sizes > 0, sizes, 1), initial=0))


class _Repr:
    """``repr`` of an instance is summarised; that of the class is scikit-learn's.

    scikit-learn's printer knows an estimator by the ``__repr__`` of its class, and breaks its
    lines inside a Pipeline or a search only if that is BaseEstimator's own.
    """

    def __get__(self, estimator, owner=None):
        return BaseEstimator.__repr__ if estimator is None else partial(_summarised, estimator)


class DiagnosticsOfFit:
    """Attributes of a fitted explainer, computed at first access and kept, and its ``repr``."""

    __repr__ = _Repr()

    @property
    def smallest_eigenvalue_(self) -> float | None:
        """Smallest eigenvalue of H / n, 0 if H is singular."""
        return self._of_fit(lambda fit: fit.eigenvalues[0])

    @property
    def largest_eigenvalue_(self) -> float | None:
        """Largest eigenvalue of H / n."""
        return self._of_fit(lambda fit: fit.eigenvalues[1])

    @property
    def condition_(self) -> float | None:
        """Largest eigenvalue over smallest; infinite where the smallest is not positive."""
        return self._of_fit(lambda fit: _ratio(*fit.eigenvalues))

    @property
    def effective_dimension_(self) -> float | None:
        """Sum of the leverages: the effective number of parameters."""
        return self._of_fit(lambda fit: fit.effective_dimension)

    @property
    def solve_residual_(self) -> float | None:
        """Largest relative residual of a solve with H: typical ones, and any of ``CG`` so far."""
        return self._of_fit(lambda fit: max(fit.residual, getattr(fit.inverse, "residual", 0.0)))

    @property
    def lissa_spread_(self) -> float | None:
        """Relative standard error of the last solve by ``LiSSA``, its worst right-hand side."""
        return self._of_fit(lambda fit: _largest(getattr(fit.inverse, "spread", None)))

    def _of_fit(self, figure):
        check_is_fitted(self)
        return None if self._fit_diagnostics is None else figure(self._fit_diagnostics)

    def _repr_html_inner(self):
        diagram, summary = estimator_html_repr(self), _summary(self)
        if not summary:
            return diagram
        inside = diagram.removesuffix("</body>")  # newer versions of scikit-learn end so
        return f"{inside}<pre>{html.escape(summary)}</pre>{diagram[len(inside) :]}"

    def _get_fitted_attr_html(self, doc_link=""):
        """List the fitted attributes that are known; scikit-learn (>= 1.9) would find them all."""
        known = copy(self)
        known._fit_diagnostics = None
        attributes = super(DiagnosticsOfFit, known)._get_fitted_attr_html(doc_link)
        for name, shown in list(attributes.items()):
            if shown["value"] is None or isinstance(shown["value"], property):
                del attributes[name]
        return attributes

    def _repr_mimebundle_(self, **kwargs):
        bundle = {"text/plain": repr(self)}
        if get_config()["display"] == "diagram":
            bundle["text/html"] = self._repr_html_inner()
        return bundle


def _summarised(estimator, N_CHAR_MAX=700):
    """Return scikit-learn's repr, and a summary of the fit below it."""
    summary = _summary(estimator)
    parameters = BaseEstimator.__repr__(estimator, N_CHAR_MAX=N_CHAR_MAX)
    return f"{parameters}\n{summary}" if summary else parameters


def _summary(explainer):
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
    problem, fit = explainer.problem_, explainer._fit_diagnostics
    parameters = "" if problem is None else f", {len(problem.theta)} parameters"
    yield "estimator", f"{name}, {explainer._n_rows} rows{parameters}"
    if fit is None:
        yield "method", explainer.method_
        return
    damping = f", damping={explainer.damping_:.3g}" if explainer.damping_ else ""
    yield "method", f"{explainer.method_}, {type(explainer.solver_).__name__}{damping}"
    decrement, typical = explainer.newton_decrement_, explainer.typical_decrement_
    state = "stopped short" if stopped_short(problem, decrement, typical) else "converged"
    ratio = decrement / typical if typical > 0 else 0.0
    yield "optimum", f"{state}: {ratio:.1g} of a typical row's removal away"
    cheap = is_cheap(fit)
    if cheap or "eigenvalues" in vars(fit):
        yield "condition", f"{explainer.condition_:.2g}"
    if cheap or "effective_dimension" in vars(fit):
        yield "effective dimension", f"{explainer.effective_dimension_:.1f}"
    if "residual" in vars(fit):
        yield "solve residual", f"{explainer.solve_residual_:.1g}"
    if explainer.lissa_spread_ is not None:
        yield "LiSSA spread", f"{explainer.lissa_spread_:.1g}"


def is_cheap(fit):
    """Tell whether H was factored, and is small enough to answer anything at once."""
    P = len(fit.problem.theta)
    work = fit.problem.y.size * P**2
    return fit.inverse.rcond is not None and P <= 1000 and work <= SUMMARY_BUDGET


def _ratio(smallest, largest):
    return largest / smallest if smallest > 0 else float("inf")


def _largest(spread):
    return None if spread is None else float(np.max(spread, initial=0))
