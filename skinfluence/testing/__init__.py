"""Testing: the laws that an adapter must obey, as checks for estimators of one's own.

``check_adapter`` runs them all. Each raises an ``AssertionError`` that says what is wrong, and
where to look for it::

    stationary   ∇ objective(θ̂) = 0: what was stated is what was minimised
    gradient     is that of the objective
    hessian      is that of the gradient, and symmetric
    adjoints     uᵀ(A v) = (Aᵀu)ᵀ v, for J and R
    removal      R_j is what the gradient loses when row j is left out
    weights      a row of weight 2 is the row twice
    refits       estimates are what really fitting again gives, with a slope of 1
"""

from ._adapter import check_adapter, check_refits, check_removal, check_weights
from ._problem import check_adjoints, check_gradient, check_hessian, check_stationary

__all__ = [
    "check_adapter",
    "check_adjoints",
    "check_gradient",
    "check_hessian",
    "check_refits",
    "check_removal",
    "check_stationary",
    "check_weights",
]
