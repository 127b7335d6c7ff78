"""Which training rows made a scikit-learn model say that? Influence functions, checked."""

from ._explainer import InfluenceExplainer
from ._smoothed_linear_svc import SmoothedLinearSVC
from .adapters import as_problem
from .cleaning import LabelCleaner
from .embedding import InfluenceEmbedding
from .methods import leave_one_out

__version__ = "0.1.0.dev0"

__all__ = [
    "InfluenceEmbedding",
    "InfluenceExplainer",
    "LabelCleaner",
    "SmoothedLinearSVC",
    "as_problem",
    "leave_one_out",
]
