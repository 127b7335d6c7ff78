"""Operators: J, H and R of ``influence = J · H⁻¹ · Rᵀ`` as scipy ``LinearOperator``s.

    Jacobian   row i = gradient of what is asked about test row i         (m, P)
    Hessian    Σ_i s_i J_iᵀ A_i J_i + diag(penalty) + damping n I         (P, P)
    Removal    row j = minus the change of the objective's gradient       (n_rows, P)
    MixedDerivative   rows j·p + f: minus its derivative in x_jf         (n_rows p, P)

They hold arrays and values only, so they pickle, and they walk the rows in blocks that fit
scikit-learn's ``working_memory``.
"""

from ._hessian import Hessian
from ._jacobian import Jacobian
from ._mixed_derivative import MixedDerivative
from ._removal import Removal

__all__ = ["Hessian", "Jacobian", "MixedDerivative", "Removal"]
