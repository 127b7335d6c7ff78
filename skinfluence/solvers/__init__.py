"""Solvers: frozen values that turn a Hessian into its inverse, ``solver.invert(hessian)``.

Any object with ``invert`` is one. What it can do is asked, of it or of the inverse that it returns,
and never read off its class::

    solver.order(hessian)    order of the system that it would factor, None if it factors none
    inverse.order            the same, of what it has factored
    inverse.rcond            reciprocal condition of the factor, None where there is none
    inverse.exact            whether products are solved to a tolerance, rather than estimated
"""

from ._accuracy import warn_if_inaccurate
from ._cg import CG
from ._choice import resolve_solver
from ._conjugate_gradients import Iterated, conjugate_gradients
from ._curvature import invert_curved
from ._damping import invert_damped
from ._direct import Direct
from ._inverse import FactoredInverse, Inverse
from ._lanczos import Lanczos
from ._lissa import LiSSA
from ._solver import Solver, SupportsInvert, factored_order
from ._spectrum import IndefiniteError, extremes, largest_eigenvalue
from ._spectrum import safe_rcond as safe_rcond

__all__ = [
    "CG",
    "Direct",
    "FactoredInverse",
    "IndefiniteError",
    "Inverse",
    "Iterated",
    "Lanczos",
    "LiSSA",
    "Solver",
    "SupportsInvert",
    "conjugate_gradients",
    "extremes",
    "factored_order",
    "invert_curved",
    "invert_damped",
    "largest_eigenvalue",
    "resolve_solver",
    "warn_if_inaccurate",
]
