"""Changes: what happens to the training rows, the R of ``influence = J · H⁻¹ · Rᵀ``.

Each is a value in its user's terms, for ``InfluenceExplainer.effect(question, change)``; any
question meets any change that it has a meaning for.
"""

from ._changed import Change, Changed, ChangedObjective
from ._perturb import Perturb, Perturbed
from ._remove import Remove, Removed
from ._remove_groups import RemovedGroups, RemoveGroups, group_removal
from ._replace import Replace, Replaced
from ._reweight import Reweight, Reweighted
from ._rows import check_groups, check_rows

__all__ = [
    "Change",
    "Changed",
    "ChangedObjective",
    "Perturb",
    "Perturbed",
    "Remove",
    "RemoveGroups",
    "Removed",
    "RemovedGroups",
    "Replace",
    "Replaced",
    "Reweight",
    "Reweighted",
    "check_groups",
    "check_rows",
    "group_removal",
]
