"""Metrics: how far to trust estimates of influence, and what they are good for.

- ``linear_datamodeling_score`` and ``make_fidelity_scorer`` hold estimates against real refits;
- ``cleaning_curve`` and ``removal_curve`` act on a ranking of rows, and look what comes of it;
- ``approximate_cross_val_score`` scores a model by cross-validation, from one fit.
"""

from ._approximate_cv import approximate_cross_val_score
from ._curves import cleaning_curve, removal_curve
from ._datamodeling import linear_datamodeling_score, make_fidelity_scorer

__all__ = [
    "approximate_cross_val_score",
    "cleaning_curve",
    "linear_datamodeling_score",
    "make_fidelity_scorer",
    "removal_curve",
]
