"""Methods: how an answer is found, to first order, by Newton steps, or by really fitting again.

``InfluenceExplainer(method=)`` takes a name or one of these values. Each answers any question about
any change, *after minus before*, in the same units.
"""

from ._effect import Effect, absolute_total, strongest, whole
from ._first_order import FirstOrder, FirstOrderAnswers
from ._fit import Fit
from ._leave_one_out import leave_one_out
from ._method import NAMES, Answers, Method, affordable_method, resolve_method
from ._newton import Newton, NewtonAnswers
from ._refit import Refit
from ._relative import relative_influence
from ._retrain import Retrain, RetrainAnswers
from ._solving import solve

__all__ = [
    "NAMES",
    "Answers",
    "Effect",
    "FirstOrder",
    "FirstOrderAnswers",
    "Fit",
    "Method",
    "Newton",
    "NewtonAnswers",
    "Refit",
    "Retrain",
    "RetrainAnswers",
    "absolute_total",
    "affordable_method",
    "leave_one_out",
    "relative_influence",
    "resolve_method",
    "solve",
    "strongest",
    "whole",
]
