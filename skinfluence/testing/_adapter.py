"""Laws of an adapter: of the problems that it makes, and of what comes of removing rows."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from .._explainer import InfluenceExplainer
from .._sklearn_private import _num_samples, _safe_indexing
from .._typing import MatrixLike
from ..adapters import as_problem, fit_clone, weight_argument
from ..methods import FirstOrder, Method, Newton
from ..operators import Hessian, Removal
from ._problem import check_adjoints, check_gradient, check_hessian, check_stationary


def check_adapter(
    estimator: BaseEstimator,
    X: MatrixLike,
    y: ArrayLike,
    *,
    rows: ArrayLike | None = None,
    stationary_tol: float = 1e-2,
    slope_tol: float = 0.05,
) -> None:
    """Check everything that an adapter registered with ``as_problem`` states of an estimator.

    Give it a small data set, of more rows than parameters if nothing is penalised, and an
    estimator that does not stop before its optimum: with a small ``tol``, and a fixed
    ``random_state`` if it draws random numbers.

    Parameters
    ----------
    estimator : estimator
        Cloned and fitted, without weights and, if ``fit`` takes them, with weights.
    X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
        Training rows.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Their targets.
    rows : array-like of int, default=None
        Rows that are removed, one at a time, and really refitted without; None takes eight,
        evenly spaced.
    stationary_tol : float, default=1e-2
        See ``check_stationary``.
    slope_tol : float, default=0.05
        See ``check_refits``.

    Raises
    ------
    AssertionError
        At the first law that does not hold.
    TypeError
        If there is no adapter.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import Ridge
    >>> from skinfluence.testing import check_adapter
    >>> X, y = load_diabetes(return_X_y=True)
    >>> check_adapter(Ridge(alpha=0.1), X, y)
    """
    n = _num_samples(X)
    rows = np.linspace(0, n - 1, min(n, 8)).astype(int) if rows is None else np.asarray(rows)
    weightings = [None]
    if weight_argument(estimator) is not None:
        weightings.append(np.random.RandomState(0).uniform(0.5, 2, size=n))
    for sample_weight in weightings:
        fitted = fit_clone(estimator, X, y, sample_weight)
        problem = as_problem(fitted, X, y, sample_weight)
        check_stationary(problem, tol=stationary_tol)
        check_gradient(problem)
        check_hessian(problem)
        check_adjoints(problem, rows)
        check_removal(fitted, X, y, rows, sample_weight=sample_weight)
        if sample_weight is not None:
            check_weights(fitted, X, y, sample_weight)
    check_refits(estimator, X, y, rows, tol=slope_tol)


def check_removal(
    fitted: Any,
    X: MatrixLike,
    y: ArrayLike,
    rows: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
) -> None:
    """Check that R is the change of the objective's gradient when a row is really left out.

    Parameters
    ----------
    fitted : fitted estimator
        One that ``as_problem`` knows.
    X, y : array-like
        Its training data.
    rows : array-like of int
        Rows to leave out, one at a time.
    sample_weight : array-like of shape (n_samples,), default=None
        Its weights.

    Raises
    ------
    AssertionError
        If the gradient of the adapter's objective without the row is another.
    """
    problem = as_problem(fitted, X, y, sample_weight)
    left_out = np.asarray(rows)
    for row, removal in zip(left_out, Removal(problem, left_out).dense()):
        kept = np.flatnonzero(np.arange(problem.n_rows) != row)
        weights = None if sample_weight is None else np.asarray(sample_weight)[kept]
        without = as_problem(fitted, _safe_indexing(X, kept), _safe_indexing(y, kept), weights)
        change = problem.gradient() - without.gradient()
        error = np.abs(change - removal).max()
        assert error <= 1e-7 * max(np.abs(change).max(), np.abs(removal).max()), (
            f"Without row {row} the gradient changes by something else than is stated: an entry is "
            f"off by {error:.2g}. If the estimator's penalty multiplies the mean of the losses, "
            "give the adapter's `mass`; if its weights are counted from the data, `reweighting`."
        )


def check_weights(fitted: Any, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike) -> None:
    """Check that a row of weight 2 is the row twice, to the objective and to its derivatives.

    Parameters
    ----------
    fitted : fitted estimator
        One that ``as_problem`` knows.
    X, y : array-like
        Its training data.
    sample_weight : array-like of shape (n_samples,)
        Its weights.

    Raises
    ------
    AssertionError
        If doubling a row's weight and repeating the row make two different objectives.
    """
    n = _num_samples(X)
    row, double = n // 2, np.array(sample_weight, dtype=float)
    double[row] *= 2
    twice = np.append(np.arange(n), row)
    once = as_problem(fitted, X, y, double)
    rows = _safe_indexing(X, twice), _safe_indexing(y, twice), np.asarray(sample_weight)[twice]
    both = as_problem(fitted, *rows)
    for name in ("objective", "gradient", "hessian"):
        one, other = (_value(problem, name) for problem in (once, both))
        error, size = np.abs(one - other).max(), np.abs(_value(once, "hessian")).max()
        assert error <= 1e-8 * max(size, np.abs(one).max()), (
            f"A row of weight 2 is not the row twice: the {name} differs by {error:.2g}. Does the "
            "adapter use `sample_weight`? A mean must be over Σ weights, not over rows."
        )


def _value(problem, name):
    return Hessian(problem).dense() if name == "hessian" else getattr(problem, name)()


def check_refits(
    estimator: BaseEstimator, X: MatrixLike, y: ArrayLike, rows: ArrayLike, *, tol: float = 0.05
) -> None:
    """Check the estimates against what really fitting again, without each row, gives.

    Newton steps have a slope of 1 against the truth. A model that is known by its losses alone
    has no Newton steps: of its first-order estimates only the correlation is asked for. A model
    that is curved in its parameters has many minima, and its own refits may end in another; they
    are taken from the fit to the optimum of the adapter's objective, others are the estimator's
    own.

    Parameters
    ----------
    estimator : estimator
        Cloned and fitted.
    X, y : array-like
        Training data, whose own losses are asked about.
    rows : array-like of int
        Rows to leave out, one at a time.
    tol : float, default=0.05
        How far the slope of the estimates on the truth may be from 1.

    Raises
    ------
    AssertionError
        If the correlation is below 0.99 (0.9 to first order), or the slope is not 1.
    """
    problem = as_problem(fit_clone(estimator, X, y), X, y)
    method: Method = Newton() if problem.loss.predicts else FirstOrder()
    curved = not problem.predictor.is_linear
    explainer = InfluenceExplainer(estimator, method=method, refine=curved).fit(X, y)
    left_out = np.asarray(rows)
    found = explainer.verify(X, y, rows=left_out, refine=curved, random_state=0)
    least = 0.99 if method.evaluates else 0.9
    slope_fits = not method.evaluates or abs(found.slope - 1) <= tol
    assert found.pearson >= least and slope_fits, (
        f"Estimates and real refits disagree: correlation {found.pearson:.4f}, slope "
        f"{found.slope:.3f} over {len(left_out)} rows. If the other checks pass, the refits are "
        "probably noise: lower the estimator's tolerance, and fix its `random_state`."
    )
