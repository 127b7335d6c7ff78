"""Back through the affine steps of a Pipeline: a gradient in their output to one in their input.

A step ``x ↦ (x - b) M`` turns the gradient G, one row a point, into ``G Mᵀ``. The steps are held
as they were fitted. A step that is differentiable, but not affine, needs the points: it is gone
back through where these are known (``pull_back_at``).
"""

from functools import singledispatch

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA, IncrementalPCA, TruncatedSVD
from sklearn.feature_selection import SelectorMixin
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    RobustScaler,
    StandardScaler,
)

from ._wrappers import inner


@singledispatch
def pull_back(step, gradient):
    """Return a gradient in the input of a fitted transformer.

    Parameters
    ----------
    step : fitted transformer
        Affine. To bring one of your own: ``pull_back.register(MyTransformer)``.
    gradient : ndarray of shape (n, n_features_out)
        Gradient in its output.

    Returns
    -------
    gradient : ndarray of shape (n, n_features_in)

    Raises
    ------
    TypeError
        If the step is not known to be affine.
    """
    raise _not_affine(step)


@singledispatch
def pull_back_at(step, gradient, X):
    """Return a gradient in the input of a fitted transformer, at rows X of that input.

    An affine one does not depend on X. To bring a differentiable one of your own, such as a
    network whose last layer is asked about: ``pull_back_at.register(MyTransformer)``.

    Parameters
    ----------
    step : fitted transformer
        Affine, or registered.
    gradient : ndarray of shape (n, n_features_out)
        Gradient in its output.
    X : array-like of n rows
        Its input.

    Returns
    -------
    gradient : ndarray of shape (n, n_features_in)
        Gradient in its input.
    """
    return pull_back(step, gradient)


@singledispatch
def pull_back_features(estimator, gradient, X=None):
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
    """
    within = inner(estimator)
    if within is None:
        return gradient
    earlier = estimator.steps[:-1] if isinstance(estimator, Pipeline) else []
    points = _points(earlier, X)
    gradient = pull_back_features(within, gradient, points[-1])
    return _back_through(earlier, gradient, points)


def _transforms(step):
    return step is not None and not isinstance(step, str)  # "passthrough"


def _points(steps, X):
    """Return what goes into every step, and what comes out of the last; None if X is."""
    points = [X]
    for _, step in steps:
        X = step.transform(X) if X is not None and _transforms(step) else X
        points.append(X)
    return points


def _back_through(steps, gradient, points):
    for (name, step), X in zip(reversed(steps), points[-2::-1]):
        if _transforms(step):
            try:
                known = X is not None
                gradient = pull_back_at(step, gradient, X) if known else pull_back(step, gradient)
            except _NotAffineError as error:
                raise error.of(name) from None
    return gradient


class _NotAffineError(TypeError):
    """A step cannot be gone back through; the names of the steps around it are added."""

    def __init__(self, what, names=()):
        self.what, self.names = what, names
        super().__init__(
            f"The gradient cannot go back through {' > '.join((*names, what))}: it is not known to "
            "be affine. Ask about the features after it: fit the explainer on the last step alone, "
            "with pipeline[:-1].transform(X). Or register its transposed map with "
            "skinfluence.problems.pull_back (for poisoning, pull_back_at)."
        )

    def of(self, name):
        return _NotAffineError(self.what, (repr(name), *self.names))


def _not_affine(step, setting=""):
    return _NotAffineError(f"{type(step).__name__}{setting}")


@pull_back.register(Pipeline)
@pull_back_at.register(Pipeline)
def _pipeline(step, gradient, X=None):
    return _back_through(step.steps, gradient, _points(step.steps, X))


@pull_back.register(FrozenEstimator)
def _frozen(step, gradient):
    return pull_back(step.estimator, gradient)


@pull_back.register(StandardScaler)
@pull_back.register(RobustScaler)
def _scaled(step, gradient):
    return gradient if step.scale_ is None else gradient / step.scale_


@pull_back.register(MaxAbsScaler)
def _scaled_by_maximum(step, gradient):
    if getattr(step, "clip", False):
        raise _not_affine(step, "(clip=True)")
    return gradient / step.scale_


@pull_back.register(MinMaxScaler)
def _scaled_to_range(step, gradient):
    if step.clip:
        raise _not_affine(step, "(clip=True)")
    return gradient * step.scale_


@pull_back.register(PCA)
@pull_back.register(IncrementalPCA)
def _principal_components(step, gradient):
    if step.whiten:
        scale = np.sqrt(step.explained_variance_)
        gradient = gradient / np.maximum(scale, np.finfo(scale.dtype).eps)
    return gradient @ step.components_


@pull_back.register(TruncatedSVD)
def _singular_vectors(step, gradient):
    return gradient @ step.components_


@pull_back.register(FunctionTransformer)
def _identity(step, gradient):
    if step.func is not None:
        raise _not_affine(step, "(func=...)")
    return gradient


@pull_back.register(SelectorMixin)
def _selected(step, gradient):
    support = step.get_support()
    before = np.zeros((len(gradient), len(support)), dtype=gradient.dtype)
    before[:, support] = gradient
    return before


@pull_back.register(ColumnTransformer)
def _columns(step, gradient):
    before = np.zeros((len(gradient), step.n_features_in_), dtype=gradient.dtype)
    for name, transformer, _ in step.transformers_:
        output, columns = step.output_indices_[name], step._transformer_to_input_indices[name]
        if isinstance(transformer, str):  # "passthrough", or "drop", whose output is empty
            part = gradient[:, output]
        else:
            part = _back_through([(name, transformer)], gradient[:, output], [None, None])
        if part.shape[1]:
            np.add.at(before, (slice(None), columns), part)  # a column may be taken twice
    return before
