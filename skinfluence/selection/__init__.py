"""Which few training rows does an answer hang on? Those to remove, or to give another label.

The search is greedy and solves the model again after every change; what is found is confirmed by
really refitting.
"""

from ._label_changes import label_changes
from ._removals import removals

__all__ = ["label_changes", "removals"]
