"""Adapters: what the library knows of a family of estimators, one value each, by their class.

    adapter_of(estimator).problem(estimator, X, y)      what it minimised
    adapter_of(estimator).held(estimator)               what fits as it did, without some rows
    ...

An estimator whose parameters are ``coef_`` and ``intercept_`` needs the first alone, as a function
(``as_problem.register``). One that needs more is a small class::

    @register(MyEstimator)
    class MyAdapter(Adapter):
        penalty = "alpha"

        def problem(self, estimator, X, y, sample_weight=None):
            return Problem(loss, predictor, theta, X, y, weights, penalty, targets)

        def assign(self, estimator, problem):
            estimator.weights_ = problem.theta.copy()

Subclasses of a registered class have its adapter too, unless they have one of their own.
"""

from collections.abc import Callable
from copy import copy
from typing import Any, Protocol, TypeVar, cast

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, clone
from sklearn.utils.validation import check_is_fitted, has_fit_parameter, validate_data

from .._typing import MatrixLike
from ..predictors import LinearPredictor
from ..problem import Problem
from ..problem._unsupported import UnsupportedEstimatorError
from ..problem._weights import WeightsLike
from ._not_affine import NotAffineError


class Fittable(Protocol):
    """What fits again: its ``fit`` returns a fitted estimator."""

    def fit(self, X: MatrixLike, y: ArrayLike) -> BaseEstimator:
        """Return a fitted estimator."""


class ProblemFunction(Protocol):
    """A function that says what a fitted estimator minimised."""

    def __call__(
        self,
        estimator: Any,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: WeightsLike = None,
        /,
    ) -> Problem:
        """Return the problem."""


class Adapter:
    """What the library asks of a family of estimators; a subclass says what is different.

    As they are, its methods are right for an estimator that is fitted on X and y as they come, has
    its parameters in ``coef_`` and ``intercept_`` (in ``theta_`` where they are no linear model's),
    and no hyper-parameter that the data choose. Only ``problem`` has to be written.

    An adapter is one value for all estimators of its classes, and keeps nothing of them.

    Attributes
    ----------
    penalty : str or None
        The hyper-parameter that scales the penalty, such as "alpha" or "C"; None if there is none.
        ``LabelCleaner`` tunes it.
    reason_against : str
        Why these estimators have no problem, if they cannot have one.
    has_problem : bool
        Whether they have; it is False of what is no model.
    freezes : bool
        Whether ``fit`` leaves the estimator inside as it is, as that of FrozenEstimator does.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.base import BaseEstimator, RegressorMixin
    >>> from sklearn.linear_model import Ridge
    >>> from skinfluence import InfluenceExplainer
    >>> from skinfluence.adapters import Adapter, as_problem, register
    >>> class Proportional(RegressorMixin, BaseEstimator):  # its parameter has a name of its own
    ...     def fit(self, X, y):
    ...         self.ratio_ = (X[:, 0] @ y) / (1 + X[:, 0] @ X[:, 0])
    ...         return self
    ...     def predict(self, X):
    ...         return self.ratio_ * X[:, 0]
    >>> @register(Proportional)
    ... class ProportionalAdapter(Adapter):
    ...     def problem(self, estimator, X, y, sample_weight=None):
    ...         ridge = Ridge(fit_intercept=False).fit(X, y)
    ...         return as_problem(ridge, X, y).at([estimator.ratio_])
    ...     def assign(self, estimator, problem):
    ...         estimator.ratio_ = problem.theta[0]
    >>> X, y = np.array([[1.0], [2.0], [3.0]]), np.array([1.0, 2.0, 9.0])
    >>> explainer = InfluenceExplainer(Proportional(), method="newton").fit(X, y)
    >>> explainer.remove([2]).predict(X[:1]).round(3)  # 5 / 6
    array([0.833])
    """

    penalty: str | None = None
    reason_against: str = ""
    has_problem: bool = True
    freezes: bool = False

    def problem(
        self,
        estimator: Any,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: WeightsLike = None,
    ) -> Problem:
        """Return what a fitted estimator minimised on its training data.

        Parameters
        ----------
        estimator : fitted estimator
            Of a class that the adapter is registered for.
        X, y : array-like of n rows
            As they were given to its ``fit``.
        sample_weight : array-like of shape (n,), default=None
            Likewise.
        """
        raise unsupported(type(estimator).__name__, self.reason_against)

    def assign(self, estimator: Any, problem: Problem) -> None:
        """Write the problem's theta into a fitted estimator."""
        if not problem.predictor.by_columns:
            estimator.theta_ = problem.theta.copy()
            return
        linear = cast(LinearPredictor, problem.predictor)
        coef, intercept = linear.unflatten(problem.theta)
        estimator.coef_ = coef.reshape(estimator.coef_.shape).copy()
        if getattr(estimator, "fit_intercept", True):
            shape = np.shape(estimator.intercept_)
            estimator.intercept_ = intercept.reshape(shape).copy() if shape else intercept[0].item()

    def encode_features(self, estimator: Any, X: MatrixLike) -> MatrixLike:
        """Return X validated, floating, dense or CSR."""
        check_is_fitted(estimator)
        dtypes = [np.float64, np.float32]
        return validate_data(estimator, X, reset=False, accept_sparse="csr", dtype=dtypes)

    def held(self, estimator: Any) -> Fittable:
        """Return what fits as a fitted estimator would again, what the data chose held."""
        return clone(estimator)

    def penalty_parameter(self, estimator: Any) -> str | None:
        """Return the name of the hyper-parameter that scales the penalty, None without one."""
        return self.penalty

    def weight_argument(self, estimator: Any) -> str | None:
        """Return the name under which ``fit`` takes sample weights, None if it does not."""
        return "sample_weight" if has_fit_parameter(estimator, "sample_weight") else None

    def inner(self, estimator: Any) -> BaseEstimator | None:
        """Return the estimator inside a wrapper; None if this is no wrapper (see ``Wrapper``)."""
        return None

    def before(self, estimator: Any) -> BaseEstimator | None:
        """Return the fitted transformer before the estimator inside a wrapper, None without."""
        return None

    def pull_back(self, step: Any, gradient: np.ndarray) -> np.ndarray:
        """Return a gradient in the input of an affine transformer, given that in its output."""
        raise NotAffineError(type(step).__name__)

    def pull_back_at(self, step: Any, gradient: np.ndarray, X: MatrixLike) -> np.ndarray:
        """Return the same at rows X of the input, which a transformer that is not affine needs."""
        return self.pull_back(step, gradient)

    def pull_back_features(
        self, estimator: Any, gradient: np.ndarray, X: MatrixLike | None = None
    ) -> np.ndarray:
        """Return a gradient in X as ``fit`` takes it, given that in X as ``encode_features`` does.

        X are the points, where they are known.
        """
        return gradient


AdapterT = TypeVar("AdapterT", bound=Adapter | type[Adapter])

_ADAPTERS: dict[type, Adapter] = {object: Adapter()}


def register(*estimators: type) -> Callable[[AdapterT], AdapterT]:
    """Make an adapter that of some classes of estimators, or of transformers.

    Parameters
    ----------
    *estimators : type
        The classes. What was registered for one before is replaced.

    Returns
    -------
    decorator : callable
        For a subclass of ``Adapter``, or an instance of one; it is returned as it is.

    Examples
    --------
    A transformer that is linear, whose gradient goes back through its transpose:

    >>> import numpy as np
    >>> from sklearn.base import BaseEstimator, TransformerMixin
    >>> from skinfluence.adapters import Transformer, pull_back, register
    >>> class Halved(TransformerMixin, BaseEstimator):
    ...     def transform(self, X):
    ...         return X / 2
    >>> @register(Halved)
    ... class HalvedAdapter(Transformer):
    ...     def pull_back(self, step, gradient):
    ...         return gradient / 2
    >>> pull_back(Halved(), np.ones((1, 2)))
    array([[0.5, 0.5]])
    """

    def decorator(adapter: AdapterT) -> AdapterT:
        value = adapter() if isinstance(adapter, type) else adapter
        _ADAPTERS.update(dict.fromkeys(estimators, value))
        return adapter

    return decorator


def adapter_of(estimator: Any) -> Adapter:
    """Return the adapter of an estimator: that of its class, or of the nearest base class.

    Parameters
    ----------
    estimator : estimator or transformer
        Fitted or not.

    Returns
    -------
    adapter : Adapter
        A plain ``Adapter``, which has no problem, if none of its classes is registered.
    """
    return adapter_of_class(type(estimator))


def adapter_of_class(cls: type) -> Adapter:
    """Return the adapter of the estimators of a class."""
    known = [_ADAPTERS[base] for base in cls.__mro__ if base in _ADAPTERS]
    return known[0]  # that of `object` is there always


def with_problem(adapter: Adapter, function: ProblemFunction, penalty: str | None) -> Adapter:
    """Return an adapter that has this function for ``problem``, and the other's methods."""
    changed = copy(adapter)
    penalty = adapter.penalty if penalty is None else penalty
    vars(changed).update(problem=function, has_problem=True, penalty=penalty)
    return changed


def unsupported(what: str, reason: str = "") -> UnsupportedEstimatorError:
    """Return the error that says what is not supported and why, what is, and the remedy.

    Parameters
    ----------
    what : str
        An estimator, or a setting of it.
    reason : str, default=""
        Why it cannot be supported.

    Returns
    -------
    error : UnsupportedEstimatorError
        To be raised.
    """
    known = (cls for cls, adapter in _ADAPTERS.items() if adapter.has_problem)
    supported = sorted(cls.__name__ for cls in known if cls is not object)
    return UnsupportedEstimatorError(
        f"{what} is not supported{': ' + reason if reason else ''}. Supported estimators: "
        f"{', '.join(supported)}, and Pipeline, FrozenEstimator and searches such as GridSearchCV "
        'around them. In InfluenceExplainer, method="retrain" works for anything that has '
        "predict_proba or is a regressor: it really refits without each row."
    )
