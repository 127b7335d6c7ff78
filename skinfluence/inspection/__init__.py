"""Inspection: figures of what the estimators found, as scikit-learn's displays.

Each stores its numbers, is made by ``from_estimator`` or ``from_...``, and draws with ``plot``.
They need matplotlib: ``pip install skinfluence[plot]``.
"""

from ._cleaning_curve_display import CleaningCurveDisplay
from ._fidelity_display import FidelityDisplay
from ._influence_display import InfluenceDisplay

__all__ = ["CleaningCurveDisplay", "FidelityDisplay", "InfluenceDisplay"]
