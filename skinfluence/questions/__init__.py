"""Questions: what is asked of a model, the J of ``influence = J · H⁻¹ · Rᵀ``.

Each is a value in its user's terms, for ``InfluenceExplainer.effect(question, change)``, about any
of :mod:`skinfluence.changes`.
"""

from ._loss import EncodedLoss as EncodedLoss
from ._loss import Loss
from ._numbers import ROCAUC, Accuracy, DemographicParity, EqualOpportunity, MeanLoss
from ._own_loss import OwnLoss
from ._parameters import Parameters
from ._prediction import EncodedPrediction as EncodedPrediction
from ._prediction import Prediction
from ._question import EncodedQuestion as EncodedQuestion
from ._question import Question
from ._question import RowQuestion as RowQuestion
from ._scalar import Scalar

__all__ = [
    "ROCAUC",
    "Accuracy",
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
