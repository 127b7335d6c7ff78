"""``as_problem``: a fitted estimator to the problem it solved, one registered function each.

Only this package knows scikit-learn's estimator classes. To bring an estimator of your own::

    @as_problem.register(MyEstimator)
    def _(estimator, X, y, sample_weight=None):
        return Problem(loss, predictor, theta, X, y, weights, penalty, targets)

and, where its parameters are not just ``coef_`` and ``intercept_``, or ``theta_`` of a model that
is not linear in X, another with ``assign``. For a model of your own that autograd can
differentiate, ``problem_of_function`` and ``problem_of_loss`` make the Problem.
"""

from copy import deepcopy
from functools import singledispatch

import numpy as np
from sklearn.pipeline import Pipeline

from ._wrappers import final_estimator, inner, transform_features


@singledispatch
def as_problem(estimator, X, y, sample_weight=None):
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
        Loss, predictor, penalty and data at the fitted parameters.

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
    within = inner(estimator)
    if within is None:
        raise unsupported(type(estimator).__name__, reason_against(estimator))
    X, final = transform_features(estimator, X), final_estimator(estimator)
    return as_problem(final, X, y, sample_weight)


@singledispatch
def reason_against(estimator):
    """Return why an estimator cannot have an adapter; empty where it only has none yet."""
    return ""


class UnsupportedEstimatorError(TypeError):
    """The estimator, or a setting of it, has no adapter."""


def unsupported(what, reason=""):
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
    supported = sorted(cls.__name__ for cls in as_problem.registry if cls is not object)
    return UnsupportedEstimatorError(
        f"{what} is not supported{': ' + reason if reason else ''}. Supported estimators: "
        f"{', '.join(supported)}, and Pipeline, FrozenEstimator and searches such as GridSearchCV "
        'around them. In InfluenceExplainer, method="retrain" works for anything that has '
        "predict_proba or is a regressor: it really refits without each row."
    )


@singledispatch
def assign(estimator, problem):
    """Write the problem's theta into a fitted final estimator: ``theta_`` of one's own model.

    Parameters
    ----------
    estimator : fitted estimator
        Changed in place. Where its parameters are called otherwise: ``assign.register``.
    problem : Problem
        Its theta is written.
    """
    if not problem.predictor.by_columns:
        estimator.theta_ = problem.theta.copy()
        return
    coef, intercept = problem.predictor.unflatten(problem.theta)
    estimator.coef_ = coef.reshape(estimator.coef_.shape).copy()
    if getattr(estimator, "fit_intercept", True):
        shape = np.shape(estimator.intercept_)
        estimator.intercept_ = intercept.reshape(shape).copy() if shape else intercept[0].item()


def with_parameters(estimator, problem):
    """Return a copy of a fitted estimator that has the problem's theta.

    Parameters
    ----------
    estimator : fitted estimator
        A Pipeline as a whole, or any other.
    problem : Problem
        Its theta is written into the copy's final estimator.

    Returns
    -------
    estimator : fitted estimator
        A deep copy.
    """
    estimator = deepcopy(estimator)
    assign(final_estimator(estimator), problem)
    return estimator


@singledispatch
def penalty_parameter(estimator):
    """Return the name of the hyper-parameter that scales the penalty, None if there is none.

    Parameters
    ----------
    estimator : estimator
        For one's own: ``penalty_parameter.register``. ``LabelCleaner`` tunes what is named.

    Returns
    -------
    name : str or None
        Such as "C", or "alpha"; of a Pipeline with the name of its last step before it.
    """
    return None


@penalty_parameter.register(Pipeline)
def _penalty_of_last_step(pipeline):
    name, last = pipeline.steps[-1]
    parameter = penalty_parameter(last)
    return None if parameter is None else f"{name}__{parameter}"
