"""What is asked of an estimator beside its problem: each function asks its adapter."""

import numpy as np
from sklearn.base import BaseEstimator

from .._typing import MatrixLike
from ..problem import Problem
from ._adapter import Fittable, adapter_of


def assign(estimator: BaseEstimator, problem: Problem) -> None:
    """Write the problem's theta into a fitted final estimator.

    Parameters
    ----------
    estimator : fitted estimator
        Changed in place.
    problem : Problem
        Its theta is written.
    """
    adapter_of(estimator).assign(estimator, problem)


def encode_features(estimator: BaseEstimator, X: MatrixLike) -> MatrixLike:
    """Return X as the final estimator sees it: transformed, floating, dense or CSR.

    Parameters
    ----------
    estimator : fitted estimator
        Its Pipelines' earlier steps are applied.
    X : array-like of n rows
        As ``estimator.fit`` takes them.

    Returns
    -------
    X : {ndarray, CSR matrix} of shape (n, p)
        In the floating dtype that it has, or float64.

    Raises
    ------
    ValueError
        For NaN, infinity or another number of features than in ``fit``.
    """
    return adapter_of(estimator).encode_features(estimator, X)


def held(estimator: BaseEstimator) -> Fittable:
    """Return what fits as this fitted estimator would again: its ``fit`` returns a fitted one.

    Hyper-parameters that the data chose, such as the C of a search, are held at their fitted
    values. It takes rows as the final estimator sees them: steps before it are left out.

    Parameters
    ----------
    estimator : fitted estimator
        Wrappers around it are left out.

    Returns
    -------
    estimator : estimator
        Not fitted.
    """
    return adapter_of(estimator).held(estimator)


def penalty_parameter(estimator: BaseEstimator) -> str | None:
    """Return the name of the hyper-parameter that scales the penalty, None if there is none.

    ``LabelCleaner`` tunes what is named.

    Parameters
    ----------
    estimator : estimator
        Fitted or not.

    Returns
    -------
    name : str or None
        Such as "C", or "alpha"; of a Pipeline with the name of its last step before it.
    """
    return adapter_of(estimator).penalty_parameter(estimator)


def weight_argument(estimator: BaseEstimator) -> str | None:
    """Return the name under which ``fit`` takes sample weights, None if it does not.

    It is for metadata routing switched off; a Pipeline takes ``laststep__sample_weight``.

    Parameters
    ----------
    estimator : estimator
        Fitted or not.

    Returns
    -------
    name : str or None
        Such as "sample_weight".
    """
    return adapter_of(estimator).weight_argument(estimator)


def inner(estimator: BaseEstimator) -> BaseEstimator | None:
    """Return the estimator inside a wrapper, fitted if the wrapper is; None if there is none.

    Parameters
    ----------
    estimator : estimator
        Fitted or not.

    Returns
    -------
    inner : estimator or None
        The one that learns from what the wrapper hands on.
    """
    return adapter_of(estimator).inner(estimator)


def pull_back(step: BaseEstimator, gradient: np.ndarray) -> np.ndarray:
    """Return a gradient in the input of a fitted transformer.

    Parameters
    ----------
    step : fitted transformer
        Affine.
    gradient : ndarray of shape (n, n_features_out)
        Gradient in its output.

    Returns
    -------
    gradient : ndarray of shape (n, n_features_in)
        Gradient in its input.

    Raises
    ------
    TypeError
        If the step is not known to be affine.
    """
    return adapter_of(step).pull_back(step, gradient)


def pull_back_at(step: BaseEstimator, gradient: np.ndarray, X: MatrixLike) -> np.ndarray:
    """Return a gradient in the input of a fitted transformer, at rows X of that input.

    An affine one does not depend on X.

    Parameters
    ----------
    step : fitted transformer
        Affine, or one whose adapter has ``pull_back_at``, such as a network whose last layer is
        asked about.
    gradient : ndarray of shape (n, n_features_out)
        Gradient in its output.
    X : array-like of n rows
        Its input.

    Returns
    -------
    gradient : ndarray of shape (n, n_features_in)
        Gradient in its input.
    """
    return adapter_of(step).pull_back_at(step, gradient, X)


def pull_back_features(
    estimator: BaseEstimator, gradient: np.ndarray, X: MatrixLike | None = None
) -> np.ndarray:
    """Return a gradient in X as ``estimator.fit`` takes it, given that of its final estimator.

    Parameters
    ----------
    estimator : fitted estimator
        Its Pipelines' earlier steps are gone back through, the last first.
    gradient : ndarray of shape (n, n_features)
        Gradient in X as the final estimator sees it.
    X : array-like of n rows, default=None
        The points, as ``estimator.fit`` takes them; steps that are not affine need them.

    Returns
    -------
    gradient : ndarray of shape (n, n_features_in)
        Gradient in X.
    """
    return adapter_of(estimator).pull_back_features(estimator, gradient, X)
