"""Methods: how an answer is found, to first order, by Newton steps, or by really fitting again.

``InfluenceExplainer(method=)`` takes a name or one of these values. Each answers any of
:mod:`skinfluence.questions` about any of :mod:`skinfluence.changes`, *after minus before*, in the
same units.
"""

from ._effect import InfluentialRows as InfluentialRows
from ._effect import absolute_total as absolute_total
from ._effect import evaluate as evaluate
from ._effect import largest_effects as largest_effects
from ._first_order import FirstOrder
from ._first_order import FirstOrderAnswers as FirstOrderAnswers
from ._fit import Fit
from ._leave_one_out import leave_one_out as leave_one_out
from ._method import Answers, Method
from ._method import affordable_method as affordable_method
from ._method import resolve_method as resolve_method
from ._newton import Newton
from ._newton import NewtonAnswers as NewtonAnswers
from ._refit import Refit as Refit
from ._relative import relative_influence as relative_influence
from ._retrain import Retrain
from ._retrain import RetrainAnswers as RetrainAnswers
from ._solving import solve as solve

__all__ = ["Answers", "FirstOrder", "Fit", "Method", "Newton", "Retrain"]
