"""Which labels look wrong, what speaks against them, and the model fitted without them."""

from ._cleaner import LabelCleaner
from ._contradictions import convincing

__all__ = ["LabelCleaner", "convincing"]
