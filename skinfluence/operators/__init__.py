"""Operators: J, H and R of ``influence = J · H⁻¹ · Rᵀ`` as scipy ``LinearOperator``.

::

    Jacobian           row i = gradient of what is asked about test row i         (m, P)
    Hessian            Σ_i s_i J_iᵀ A_i J_i + diag(penalty) + damping n I         (P, P)
    Removal            row j = minus the change of the objective's gradient       (n_rows, P)
    Replacement        the same when row j is replaced                   (n_rows, P)
    MixedDerivative    row j p + f = the same, per unit of feature f      (n_rows p, P)

They hold arrays and values only, so they pickle, and they walk the rows in blocks that fit
scikit-learn's ``working_memory``.
"""

from ._hessian import Hessian
from ._jacobian import Jacobian
from ._mixed_derivative import MixedDerivative
from ._operator import Operator, SymmetricOperator
from ._removal import Removal
from ._replacement import Replacement

__all__ = [
    "Hessian",
    "Jacobian",
    "MixedDerivative",
    "Operator",
    "Removal",
    "Replacement",
    "SymmetricOperator",
]
