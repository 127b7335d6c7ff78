"""Questions: what is asked of a model, the J of ``influence = J · H⁻¹ · Rᵀ``.

Each is a value in its user's terms, for ``InfluenceExplainer.effect(question, change)``.
"""

from ._loss import AskedLoss, Loss
from ._numbers import ROCAUC, Accuracy, DemographicParity, EqualOpportunity, MeanLoss
from ._own_loss import OwnLoss
from ._parameters import Parameters
from ._prediction import AskedPrediction, Prediction
from ._question import Asked, AskedOfRows, Question
from ._scalar import Scalar

__all__ = [
    "ROCAUC",
    "Accuracy",
    "Asked",
    "AskedLoss",
    "AskedOfRows",
    "AskedPrediction",
    "DemographicParity",
    "EqualOpportunity",
    "Loss",
    "MeanLoss",
    "OwnLoss",
    "Parameters",
    "Prediction",
    "Question",
    "Scalar",
]
