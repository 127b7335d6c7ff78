"""Diagnostics: should the numbers be believed, and how unusual is each row?"""

from ._conditioning import Conditioning
from ._fidelity import Fidelity
from ._one_step import OneStep
from ._refits_compared import RefitComparison, refittable_rows
from ._summary import SummarisedRepr, summary
from ._verification import Verification, compare

__all__ = [
    "Conditioning",
    "Fidelity",
    "OneStep",
    "RefitComparison",
    "SummarisedRepr",
    "Verification",
    "compare",
    "refittable_rows",
    "summary",
]
