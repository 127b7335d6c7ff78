"""``as_problem``: a fitted estimator to the problem it solved, as its adapter knows it.

To bring an estimator of your own whose parameters are ``coef_`` and ``intercept_``::

    @as_problem.register(MyEstimator)
    def _(estimator, X, y, sample_weight=None):
        return Problem(loss, predictor, theta, X, y, weights, penalty, targets)

One whose parameters are called otherwise has an ``Adapter``, with ``assign``. For a model of your
own that autograd can differentiate, ``problem_of_function`` and ``problem_of_loss`` make the
Problem.
"""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar, cast

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils.sparsefuncs import mean_variance_axis

from .._typing import MatrixLike
from ..problem import Problem
from ..problem._weights import WeightsLike
from ._adapter import ProblemFunction, adapter_of, adapter_of_class, register, with_problem

#: Means of columns, beside their spread, at which single precision loses too much: work is double.
FAR = 100
#: Share of its mean square that a column's variance has from rounding alone.
CONSTANT = 1e-13

FunctionT = TypeVar("FunctionT", bound=ProblemFunction)


class AsProblem(Protocol):
    """The type of ``as_problem``: a function that adapters of one function are registered with."""

    def __call__(
        self,
        estimator: BaseEstimator,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: WeightsLike = None,
    ) -> Problem:
        """Read off what a fitted estimator minimised on its training data."""

    def register(
        self, estimator: type, *, penalty: str | None = None
    ) -> Callable[[FunctionT], FunctionT]:
        """Return the decorator of a function for estimators of a class."""

    def dispatch(self, estimator: type) -> ProblemFunction:
        """Return the function for estimators of a class."""


def _register(estimator: type, *, penalty: str | None = None) -> Callable[[FunctionT], FunctionT]:
    """Return the decorator of a function that says what estimators of a class minimised.

    What their class has of other methods, its own or a base class's, they keep. ``penalty`` is the
    name of the hyper-parameter that scales the penalty.
    """

    def decorator(function: FunctionT) -> FunctionT:
        register(estimator)(with_problem(adapter_of_class(estimator), function, penalty))
        return function

    return decorator


def _dispatch(estimator: type) -> ProblemFunction:
    """Return the function that says what estimators of a class minimised."""
    return adapter_of_class(estimator).problem


def _registering(function: Callable[..., Problem]) -> AsProblem:
    vars(function).update(register=_register, dispatch=_dispatch)
    return cast(AsProblem, function)


@_registering
def as_problem(
    estimator: Any, X: MatrixLike, y: ArrayLike, sample_weight: WeightsLike = None
) -> Problem:
    """Read off what a fitted estimator minimised on its training data.

    Parameters
    ----------
    estimator : fitted estimator
        A supported estimator, or a Pipeline or FrozenEstimator around one. The steps of a
        Pipeline before the last are applied and held fixed.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        The training rows, as they were given to ``estimator.fit``.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Their targets, in the user's labels.
    sample_weight : array-like of shape (n_samples,), default=None
        Their weights, >= 0; None means 1 each.

    Returns
    -------
    problem : Problem
        Loss, predictor, penalty and data at the fitted parameters, in the precision of X: in
        double where the mean of a column, or of y, is over 100 times its spread.

    Raises
    ------
    TypeError
        If the estimator is not supported; the message lists what is.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import Ridge
    >>> from skinfluence import as_problem
    >>> X, y = load_diabetes(return_X_y=True)
    >>> problem = as_problem(Ridge().fit(X, y), X, y)
    >>> problem.theta.shape
    (11,)
    >>> bool(abs(problem.gradient()).max() < 1e-8)
    True
    """
    adapter = adapter_of(estimator)
    if _single(X):
        last = adapter.inner(estimator) is None
        if _far_from_zero(y) or (last and _far_from_zero(X)):
            X = X.astype(np.float64)
    return adapter.problem(estimator, X, y, sample_weight)


def _single(X: Any) -> bool:
    """Whether rows are in single precision."""
    values = X.to_numpy() if hasattr(X, "to_numpy") else X
    known = isinstance(values, np.ndarray) or sparse.issparse(values)
    return known and values.dtype == np.float32 and values.ndim == 2


def _far_from_zero(values: Any) -> bool:
    """Whether a column of numbers is too far from zero for the digits of single precision."""
    if sparse.issparse(values):  # of which such a column has hardly a zero
        mean, spread = mean_variance_axis(sparse.csr_matrix(values), axis=0)
        return bool(np.any((spread > 0) & (mean**2 > FAR**2 * spread)))
    values = np.asarray(values)
    if values.dtype.kind not in "fiu" or not values.size:
        return False
    columns = values.reshape(len(values), -1)
    squares = np.mean(columns, axis=0, dtype=float) ** 2
    spread = np.einsum("np,np->p", columns, columns, dtype=float) / len(columns) - squares
    varies = spread > CONSTANT * squares
    return bool(np.any(varies & (squares > FAR**2 * spread)))
