"""Scores: three estimates of the same change, after minus before, of removing training rows.

Each is a value with the same four questions, so whatever asks them need not know which it is:

    on_losses(X, y)      effect(rows) -> (m, n_rows)      loss of test rows
    on_predictions(X)    effect(rows) -> (m, n_rows, K)   raw prediction of test rows
    on_parameters()      effect(rows) -> (n_rows, P)      theta
    on_own_raw(rows)     (n_rows, K)                      raw prediction of the row itself
"""

from ._convergence import (
    check_convergence,
    newton_decrement,
    newton_steps,
    refine,
    stopped_short,
    typical_decrement,
    typical_gradients,
)
from ._first_order import FirstOrder
from ._leave_one_out import leave_one_out
from ._newton import Newton
from ._refit import Refit
from ._replacing import Replacing

__all__ = [
    "FirstOrder",
    "Newton",
    "Refit",
    "Replacing",
    "check_convergence",
    "leave_one_out",
    "newton_decrement",
    "newton_steps",
    "refine",
    "stopped_short",
    "typical_decrement",
    "typical_gradients",
]
