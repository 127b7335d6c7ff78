"""Predictors: ``raw(theta, X) -> (n_samples, K)`` and its derivatives in theta.

A predictor knows its Jacobian J_i = d raw_i / d theta (K, P) only through products, batched over
many vectors at once::

    jvp(X, V)            J_i V               (P, m)    -> (n, K, m)
    vjp(X, W)            sum_i J_iᵀ W_i      (n, K, m) -> (P, m)
    row_jvp(X, V)        J_i V_i, row by row (n, P)    -> (n, K)
    row_gradients(X, G)  G_i J_i, row by row (n, K)    -> (n, P)
    jacobian(X)          J_i                           -> (n, K, P)

and its derivative in the features through one more, of which no curvature is made::

    mixed_vjp(theta, X, W, G, v)   gradient in x_i of W_i · raw(theta, x_i) + G_i · (J_i v),
                                   (n, K), (n, K), (P,) -> (n, p)

``Predictor`` derives the others that a Hessian asks for (``weighted_gram``, ``squared_vjp``,
``row_norms``) from these. They take no theta: where the prediction is *curved* in it, the
predictor carries the theta that the Jacobian is taken at, ``predictor.at(theta)`` is the
predictor elsewhere, and a Problem keeps the two in step. Curved predictors have besides::

    second_order(X, G, V)        Σ_ik G_ik ∇²raw_ik V
    hessian_product(X, G, A, V)  the same, plus Σ_i J_iᵀ A_i J_i V
"""

from ._function import FunctionPredictor
from ._linear import LinearPredictor
from ._mlp import MLPPredictor
from ._predictor import CurvedPredictor, Predictor
from ._scale import LinearWithScale
from ._tangent import Tangent

__all__ = [
    "CurvedPredictor",
    "FunctionPredictor",
    "LinearPredictor",
    "LinearWithScale",
    "MLPPredictor",
    "Predictor",
    "Tangent",
]
