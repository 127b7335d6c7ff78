"""A raw prediction that is a loss itself, of a model that is known by its losses alone."""

from dataclasses import dataclass

import autograd.numpy as anp
import numpy as np

from .._typing import Array
from ._loss import Loss


@dataclass(frozen=True)
class LossItself(Loss):
    """The sum of the raw predictions: each is a term of the row's loss already.

    Its gradient is 1 and its Hessian 0; all curvature is that of the predictor.
    """

    predicts = False

    def __call__(self, raw: Array, y: Array) -> Array:
        return anp.sum(raw, axis=-1)

    def change(self, raw: Array, y: Array, delta: Array) -> Array:
        """Evaluate ``sum_k delta_k``."""
        return delta.sum(axis=-1)

    def gradient(self, raw: Array, y: Array) -> Array:
        """Differentiate the loss in the raw prediction: ones."""
        return np.ones_like(raw)

    def hessian(self, raw: Array, y: Array) -> Array:
        """Differentiate the loss twice: zeros."""
        return np.zeros((*raw.shape, raw.shape[-1]), dtype=raw.dtype)
