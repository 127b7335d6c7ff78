"""Solvers: frozen values that turn a Hessian into its inverse, ``solver.invert(hessian)``."""

from ._cg import CG
from ._choice import resolve_solver
from ._direct import Direct
from ._inverse import Inverse
from ._lissa import LiSSA

__all__ = ["CG", "Direct", "Inverse", "LiSSA", "resolve_solver"]
