"""Changes: what happens to the training rows, the R of ``influence = J · H⁻¹ · Rᵀ``.

Each is a value in its user's terms, for ``InfluenceExplainer.effect(question, change)``; any of
:mod:`skinfluence.questions` meets any change that it has a meaning for.
"""

from ._changed import Change, Changed, ChangedObjective
from ._perturb import Perturb
from ._remove import Remove
from ._remove import Removed as Removed
from ._remove_groups import RemovedGroups as RemovedGroups
from ._remove_groups import RemoveGroups
from ._replace import Replace
from ._replace import Replaced as Replaced
from ._reweight import Reweight
from ._rows import check_rows as check_rows

__all__ = [
    "Change",
    "Changed",
    "ChangedObjective",
    "Perturb",
    "Remove",
    "RemoveGroups",
    "Replace",
    "Reweight",
]
