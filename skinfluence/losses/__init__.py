"""Losses, pointwise in the raw prediction: ``loss(raw, y) -> (n_samples,)``.

A loss is one line of ``autograd.numpy`` over the last axis (the K outputs), and never sees X,
weights or penalties. Autograd turns it into the two factors everything else is built from::

    gradient  g_i = d loss_i / d raw_i      (n_samples, K)
    hessian   A_i = d² loss_i / d raw_i²    (n_samples, K, K)

``raw`` is the prediction before the link, ``y`` the encoded target; both have shape
(n_samples, K), or anything that broadcasts to a common shape (..., K).

``change(raw, y, delta)`` is ``loss(raw + delta) - loss(raw)``; where a closed form is faster and
loses no digits to the subtraction, a loss has one, and the subtraction is its oracle.
"""

from ._composite import AverageLogLoss, AverageSquaredError, PairwiseLoss, SumOfLosses
from ._deviances import GammaDeviance, PoissonDeviance, SquaredError, TweedieDeviance
from ._itself import LossItself
from ._log import LogLoss, MultilabelLogLoss, MultinomialLogLoss, NegativeLogProbability
from ._loss import Loss
from ._margins import ModifiedHuber, SmoothHinge, SquaredHinge
from ._robust import (
    HuberLoss,
    HuberWithScale,
    SmoothEpsilonInsensitive,
    SmoothPinball,
    SquaredEpsilonInsensitive,
)

__all__ = [
    "AverageLogLoss",
    "AverageSquaredError",
    "GammaDeviance",
    "HuberLoss",
    "HuberWithScale",
    "LogLoss",
    "Loss",
    "LossItself",
    "ModifiedHuber",
    "MultilabelLogLoss",
    "MultinomialLogLoss",
    "NegativeLogProbability",
    "PairwiseLoss",
    "PoissonDeviance",
    "SmoothEpsilonInsensitive",
    "SmoothHinge",
    "SmoothPinball",
    "SquaredEpsilonInsensitive",
    "SquaredError",
    "SquaredHinge",
    "SumOfLosses",
    "TweedieDeviance",
]
