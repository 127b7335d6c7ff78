"""The rows that a final estimator was fitted on: not always what ``transform`` makes of X.

A Pipeline fits its last step on ``fit_transform`` of the others. A cross-fitting step, such as
TargetEncoder, makes another matrix there than ``transform`` does afterwards, and the parameters are
the optimum on the first. So the rows are kept as ``fit`` hands them on; where it cannot be watched
(a FrozenEstimator, the clones of a search) such a step is refused by name.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import StandardScaler

from .._typing import MatrixLike
from ._adapter import adapter_of
from ._transformers import Transformer

#: Root mean square, beside the scale of a column, of what a solver's tolerance may leave.
ALIKE = 1e-2


def last_step(estimator: BaseEstimator) -> BaseEstimator:
    """Return the last step of a Pipeline, of nested ones the innermost; else the estimator."""
    while isinstance(estimator, Pipeline) and hasattr(estimator.steps[-1][1], "fit"):
        estimator = estimator.steps[-1][1]
    return estimator


def seen_by_last(estimator: Any, X: Any, X_last: Any) -> tuple[Any, Any]:
    """Return the last step of Pipelines and what it was fitted on; all of them if it is unknown."""
    return (estimator, X) if X_last is None else (last_step(estimator), X_last)


def cross_fitted(estimator: Any, X: MatrixLike, X_last: Any) -> bool:
    """Tell whether the last step of Pipelines was fitted on another matrix than X becomes now."""
    if X_last is None or X_last is X:
        return False
    while isinstance(estimator, Pipeline):
        X = estimator[:-1].transform(X) if len(estimator.steps) > 1 else X
        estimator = estimator.steps[-1][1]
    return not _alike(X_last, X)


def watch_fit(estimator: Any) -> list:
    """Return a list that will hold the X which ``estimator.fit`` is called with next."""
    seen: list = []

    def fit(X, *args, **kwargs):
        del vars(estimator)["fit"]  # the method of its class, again
        seen.append(X)
        return estimator.fit(X, *args, **kwargs)

    vars(estimator)["fit"] = fit
    return seen


def require_no_samplers(estimator: BaseEstimator) -> None:
    """Raise TypeError if a Pipeline, the estimator or one inside it, has a step that resamples."""
    for each in (estimator, *estimator.get_params().values()):
        if isinstance(each, FrozenEstimator):  # whose parameters are not those of what is inside
            require_no_samplers(each.estimator)
        for name, step in each.steps[:-1] if isinstance(each, Pipeline) else ():
            _require_transformer(name, step)


def _require_transformer(name: str, step: Any) -> None:
    if hasattr(step, "fit_resample"):
        raise TypeError(
            f"Step {name!r} ({type(step).__name__}) changes which rows the model is trained on, so "
            "that its training rows are not those given. Resample first, `X, y = "
            "sampler.fit_resample(X, y)`, and give the other steps alone with these rows; or "
            "replace it by `class_weight` or `sample_weight`."
        )


def transform_alike(before: Any, X: MatrixLike, y: ArrayLike) -> MatrixLike:
    """Return ``before.transform(X)``, if it is what an estimator behind it was fitted on.

    Parameters
    ----------
    before : fitted transformer
        The steps of a Pipeline before the last, or any other.
    X, y : array-like of n rows
        The training rows and their targets.

    Raises
    ------
    TypeError
        If ``fit_transform`` of a step makes another matrix of them. Only steps that have one of
        their own, and are not known, are fitted again for it.
    """
    steps = before.steps if isinstance(before, Pipeline) else [(type(before).__name__, before)]
    for name, step in steps:
        if step is None or step == "passthrough":
            continue
        _require_transformer(name, step)
        if any(_may_differ(part) for part in _parts(step)):
            again = clone(step)
            if not _alike(again.fit_transform(X, y), again.transform(X)):
                raise TypeError(
                    f"Step {name!r} ({_named(step)}) makes another matrix of the training rows in "
                    "`fit_transform`, which the model was trained on, than in `transform`. The "
                    "first is known where the Pipeline is the outermost estimator and is fitted "
                    "here: give it without FrozenEstimator, and the `best_estimator_` of a search "
                    "in the place of the search."
                )
        X = step.transform(X)
    return X


def _parts(step: Any) -> Iterator[Any]:
    """Yield the transformers that make up a step."""
    if not isinstance(step, ColumnTransformer | FeatureUnion | Pipeline):
        yield step
        return
    for part in step.get_params().values():
        if hasattr(part, "fit") and not isinstance(part, ColumnTransformer | FeatureUnion):
            yield part


def _may_differ(part: Any) -> bool:
    """Tell whether a transformer has a ``fit_transform`` of its own, and is not known."""
    own = getattr(type(part), "fit_transform", None)
    if own is None or own is TransformerMixin.fit_transform or isinstance(part, Pipeline):
        return False
    return not isinstance(part, CountVectorizer) and not isinstance(adapter_of(part), Transformer)


def _named(step: Any) -> str:
    return ", ".join(type(part).__name__ for part in _parts(step) if _may_differ(part))


def _alike(made: Any, transformed: Any) -> bool:
    """Tell whether the columns of two matrices are the same, to what is left by a solver."""
    if np.shape(made) != np.shape(transformed):
        return False
    if sparse.issparse(made):
        difference = made - transformed
        squares = difference.multiply(difference)
    else:
        try:
            made, transformed = (np.asarray(X, dtype=float) for X in (made, transformed))
        except (TypeError, ValueError):  # words
            return np.array_equal(np.asarray(made), np.asarray(transformed))
        squares = (made - transformed) ** 2
    distance = np.sqrt(np.ravel(squares.mean(axis=0)))
    return not np.any(distance > ALIKE * StandardScaler(with_mean=False).fit(made).scale_)
