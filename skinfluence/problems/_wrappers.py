"""Estimators around an estimator: what they do to X, and which estimator owns the parameters.

A Pipeline applies its earlier steps, a FrozenEstimator and a fitted search nothing. All of them
are held as they were fitted.
"""

from copy import deepcopy
from functools import singledispatch

import numpy as np
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted, has_fit_parameter, validate_data


@singledispatch
def inner(estimator):
    """Return the estimator inside a wrapper, fitted if the wrapper is; None if there is none.

    Parameters
    ----------
    estimator : estimator
        Fitted or not. To bring a wrapper of your own: ``inner.register(MyWrapper)``.

    Returns
    -------
    inner : estimator or None
        The one that learns from what the wrapper hands on.
    """
    return None


@inner.register(Pipeline)
def _last_step(estimator):
    return estimator.steps[-1][1]


@inner.register(FrozenEstimator)
def _frozen(estimator):
    return estimator.estimator


@inner.register(BaseSearchCV)
def _best(estimator):
    if not hasattr(estimator, "cv_results_"):
        return estimator.estimator
    if not hasattr(estimator, "best_estimator_"):
        raise ValueError(f"{type(estimator).__name__}(refit=False) has no fitted model; set refit.")
    return estimator.best_estimator_


def final_estimator(estimator):
    """Return the estimator inside wrappers that owns the parameters.

    Parameters
    ----------
    estimator : estimator
        Fitted or not.

    Returns
    -------
    final : estimator
        The last step of a Pipeline, the best estimator of a search, or the estimator itself.
    """
    while (within := inner(estimator)) is not None:
        estimator = within
    return estimator


def with_final(estimator, final):
    """Return a copy of an estimator that has another final estimator inside its wrappers.

    Parameters
    ----------
    estimator : estimator
        A Pipeline, or another wrapper; or the final estimator itself.
    final : estimator
        What stands in the place of its final estimator.

    Returns
    -------
    estimator : estimator
        A deep copy of the wrappers, around ``final`` itself.
    """
    return deepcopy(estimator, {id(final_estimator(estimator)): final})


def final_is_frozen(estimator):
    """Tell whether a FrozenEstimator, which ``fit`` leaves alone, is around the final estimator.

    Parameters
    ----------
    estimator : estimator
        Fitted or not.

    Returns
    -------
    frozen : bool
        Whether its parameters will stay.
    """
    while not isinstance(estimator, FrozenEstimator) and (within := inner(estimator)) is not None:
        estimator = within
    return isinstance(estimator, FrozenEstimator)


def transforms(estimator):
    """Tell whether a Pipeline around the final estimator changes X."""
    while (within := inner(estimator)) is not None:
        if isinstance(estimator, Pipeline) and len(estimator.steps) > 1:
            return True
        estimator = within
    return False


def transform_features(estimator, X):
    """Return X as the final estimator sees it, unvalidated: the earlier steps applied.

    Parameters
    ----------
    estimator : fitted estimator
        Its Pipelines' earlier steps are applied.
    X : array-like of n rows
        As ``estimator.fit`` takes them.

    Returns
    -------
    X : array-like of n rows
        X itself where nothing is before the final estimator.
    """
    while (within := inner(estimator)) is not None:
        if isinstance(estimator, Pipeline) and len(estimator.steps) > 1:
            X = estimator[:-1].transform(X)
        estimator = within
    return X


@singledispatch
def encode_features(estimator, X):
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
    X, final = transform_features(estimator, X), final_estimator(estimator)
    if final is not estimator:
        return encode_features(final, X)
    check_is_fitted(final)
    return validate_data(final, X, reset=False, accept_sparse="csr", dtype=[np.float64, np.float32])


@singledispatch
def held(estimator):
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
    final = final_estimator(estimator)
    return clone(estimator) if final is estimator else held(final)


@singledispatch
def weight_argument(estimator):
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
    within = inner(estimator)
    if within is not None:
        return weight_argument(within)
    return "sample_weight" if has_fit_parameter(estimator, "sample_weight") else None


@weight_argument.register(Pipeline)
def _of_last_step(estimator):
    name, last = estimator.steps[-1]
    argument = weight_argument(last)
    return None if argument is None else f"{name}__{argument}"
