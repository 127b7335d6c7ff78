"""Inspection: figures of what the estimators found, as scikit-learn's displays.

Each stores its numbers, is made by ``from_estimator`` or ``from_...``, and draws with ``plot``.
They need matplotlib: ``pip install skinfluence[plot]``.
"""

from ._fidelity_display import FidelityDisplay

__all__ = ["FidelityDisplay"]
