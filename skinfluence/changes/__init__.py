"""Changes: what happens to the training rows, the R of ``influence = J · H⁻¹ · Rᵀ``.

Each is a value in its user's terms, for ``InfluenceExplainer.effect(question, change)``; any of
:mod:`skinfluence.questions` meets any change that it has a meaning for.
"""

from ._changed import Change, ChangedObjective, EncodedChange
from ._perturb import Perturb
from ._remove import EncodedRemove as EncodedRemove
from ._remove import Remove
from ._remove_groups import EncodedRemoveGroups as EncodedRemoveGroups
from ._remove_groups import RemoveGroups
from ._replace import EncodedReplace as EncodedReplace
from ._replace import Replace
from ._reweight import Reweight
from ._rows import check_rows as check_rows

__all__ = [
    "Change",
    "ChangedObjective",
    "EncodedChange",
    "Perturb",
    "Remove",
    "RemoveGroups",
    "Replace",
    "Reweight",
]
