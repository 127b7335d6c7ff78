"""Predictors: ``raw(theta, X) -> (n_samples, K)`` and its derivatives in theta.

A predictor knows its Jacobian J_i = d raw_i / d theta (K, P) only through products, batched over
many vectors at once:

    jvp(X, V)            J_i V               (P, m)    -> (n, K, m)
    vjp(X, W)            sum_i J_iᵀ W_i      (n, K, m) -> (P, m)
    row_jvp(X, V)        J_i V_i, row by row (n, P)    -> (n, K)
    row_gradients(X, G)  G_i J_i, row by row (n, K)    -> (n, P)
    jacobian(X)          J_i                           -> (n, K, P)
"""

from ._linear import LinearPredictor
from ._scale import LinearWithScale

__all__ = ["LinearPredictor", "LinearWithScale"]
