"""Back through the affine steps of a Pipeline: a gradient in their output to one in their input.

A step ``x ↦ (x - b) M`` turns the gradient G, one row a point, into ``G Mᵀ``. The steps are held
as they were fitted. A step that is differentiable, but not affine, needs the points: it is gone
back through where these are known (``pull_back_at``).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA, IncrementalPCA, TruncatedSVD
from sklearn.feature_selection import SelectorMixin
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    RobustScaler,
    StandardScaler,
)

from .._sklearn_private import columns_of
from .._typing import MatrixLike
from ._adapter import Adapter, register
from ._hooks import pull_back, pull_back_at
from ._not_affine import NotAffineError


class Transformer(Adapter):
    """What the library asks of a fitted transformer: how a gradient goes back through it.

    A subclass has ``pull_back`` if it is affine, and ``pull_back_at`` if it is differentiable.
    """

    has_problem = False


def back_through(
    steps: Sequence[tuple[str, BaseEstimator]],
    gradient: np.ndarray,
    X: MatrixLike | None = None,
) -> np.ndarray:
    """Return a gradient in what goes into the first of some steps, X where it is known.

    A step may be None, or "passthrough". An error names the step.
    """
    steps = [(name, step) for name, step in steps if step is not None and step != "passthrough"]
    points = [X]
    for _, step in steps[:-1]:
        points.append(None if X is None else step.transform(points[-1]))
    for (name, step), inputs in zip(reversed(steps), reversed(points)):
        try:
            known = inputs is not None
            gradient = pull_back_at(step, gradient, inputs) if known else pull_back(step, gradient)
        except NotAffineError as error:
            raise error.of(name) from None
    return gradient


def _not_affine(step: Any, setting: str) -> NotAffineError:
    return NotAffineError(f"{type(step).__name__}({setting})")


@register(StandardScaler, RobustScaler)
class Scaled(Transformer):
    """``(x - centre) / scale``."""

    def pull_back(self, step: StandardScaler | RobustScaler, gradient: np.ndarray) -> np.ndarray:
        return gradient if step.scale_ is None else gradient / step.scale_


@register(MaxAbsScaler)
class ScaledByMaximum(Transformer):
    """``x / scale``."""

    def pull_back(self, step: MaxAbsScaler, gradient: np.ndarray) -> np.ndarray:
        if getattr(step, "clip", False):
            raise _not_affine(step, "clip=True")
        return gradient / step.scale_


@register(MinMaxScaler)
class ScaledToRange(Transformer):
    """``x * scale + least``."""

    def pull_back(self, step: MinMaxScaler, gradient: np.ndarray) -> np.ndarray:
        if step.clip:
            raise _not_affine(step, "clip=True")
        return gradient * step.scale_


@register(PCA, IncrementalPCA)
class PrincipalComponents(Transformer):
    """``(x - mean) componentsᵀ``, over the standard deviations if whitened."""

    def pull_back(self, step: PCA | IncrementalPCA, gradient: np.ndarray) -> np.ndarray:
        if step.whiten:
            scale = np.sqrt(step.explained_variance_)
            gradient = gradient / np.maximum(scale, np.finfo(scale.dtype).eps)
        return gradient @ step.components_


@register(TruncatedSVD)
class SingularVectors(Transformer):
    """``x componentsᵀ``."""

    def pull_back(self, step: TruncatedSVD, gradient: np.ndarray) -> np.ndarray:
        return gradient @ step.components_


@register(FunctionTransformer)
class IdentityFunction(Transformer):
    """x itself, where no function is given."""

    def pull_back(self, step: FunctionTransformer, gradient: np.ndarray) -> np.ndarray:
        if step.func is not None:
            raise _not_affine(step, "func=...")
        return gradient


@register(SelectorMixin)
class Selected(Transformer):
    """Some of the columns of x."""

    def pull_back(self, step: SelectorMixin, gradient: np.ndarray) -> np.ndarray:
        support = step.get_support()
        before = np.zeros((len(gradient), len(support)), dtype=gradient.dtype)
        before[:, support] = gradient
        return before


@register(ColumnTransformer)
class Columns(Transformer):
    """Transformers side by side, each of some columns of x."""

    def pull_back(self, step: ColumnTransformer, gradient: np.ndarray) -> np.ndarray:
        before = np.zeros((len(gradient), step.n_features_in_), dtype=gradient.dtype)
        for name, transformer, _ in step.transformers_:
            part = gradient[:, step.output_indices_[name]]
            if not isinstance(transformer, str):  # "passthrough", or "drop", whose output is empty
                part = back_through([(name, transformer)], part)
            if part.shape[1]:  # a column may be taken twice
                np.add.at(before.T, columns_of(step, name), part.T)
        return before
