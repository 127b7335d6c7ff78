"""The one way to the optimum of an objective whose training rows changed.

Newton steps and their line search, curvature of rows taken out of H or put in, many rows followed
at once, active sets, and what is left to go: all of it is here, and once.
"""

from ._changed_objective import step_left
from ._convergence import (
    check_convergence,
    distance_left,
    newton_decrement,
    stopped_a_little_short,
    stopped_short,
    typical_decrement,
    typical_gradients,
)
from ._ends import Certificates
from ._left_out_rows import LeftOutRows
from ._moves import Moves
from ._newton_steps import newton_steps, refine, to_optimum
from ._optimum import Optimum
from ._preconditioned import PreconditionedSolver
from ._replaced_rows import ReplacedRows
from ._rounding import meets_every_target
from ._support_machines import refine_as_trained

__all__ = [
    "Certificates",
    "LeftOutRows",
    "Moves",
    "Optimum",
    "PreconditionedSolver",
    "ReplacedRows",
    "check_convergence",
    "distance_left",
    "meets_every_target",
    "newton_decrement",
    "newton_steps",
    "refine",
    "refine_as_trained",
    "step_left",
    "stopped_a_little_short",
    "stopped_short",
    "to_optimum",
    "typical_decrement",
    "typical_gradients",
]
