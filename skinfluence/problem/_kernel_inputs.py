"""Derivatives of kernel models in the features of their training rows.

In features of the training rows a function is known by its values there, which say nothing of its
slope. But the question ``v = H⁻¹ ∇loss_test``, a function of the kernel's space, solves

    λ v + Σ_i s_i A_i v(x_i) k(x_i, ·) = g_test k(x_test, ·)

so that its slope follows from its values and from that of k, as that of the prediction itself does
from ``f = Σ_i β_i k(x_i, ·)``.
"""

from collections.abc import Callable
from functools import partial

import autograd.numpy as anp
import numpy as np
from autograd import grad
from scipy import sparse

from ._kernels import Kernel, KernelModel, PairwiseKernel, model_of
from ._problem import Problem
from ._unsupported import UnsupportedEstimatorError


def kernel_input_influence(
    problem: Problem,
    ridge: np.ndarray,
    rows: np.ndarray,
    solved: np.ndarray,
    X_test: np.ndarray,
    gradients: np.ndarray,
) -> np.ndarray:
    """Return the derivative of test losses in the features of training rows (equation 5).

    Parameters
    ----------
    problem : Problem
        Of a kernel model.
    ridge : ndarray of shape (K,)
        λ of every output, damping included.
    rows : ndarray of int of shape (b,)
        Training rows.
    solved : ndarray of shape (P, m)
        H⁻¹ times the gradients of the test losses.
    X_test : ndarray of shape (m, p)
        Test rows, as the estimator takes them.
    gradients : ndarray of shape (m, K)
        Gradients of their losses in their raw predictions.

    Returns
    -------
    influence : ndarray of shape (m, b, p)

    Raises
    ------
    TypeError
        If the kernel has no derivative here.
    ValueError
        If the problem is that of no kernel model.
    """
    model = model_of(problem)
    kernel, centres = _differentiable(model), model.rows
    values = problem.predictor.jvp(problem.X, solved)
    curvatures = problem.weights[:, None, None] * problem.curvatures
    pulls = -np.matmul(curvatures, values) / ridge[:, None]
    beta = model.coefficients(problem)
    own = -problem.weights[rows, None] * problem.gradients[rows]
    out = np.empty((len(X_test), len(rows), centres.shape[1]), dtype=problem.theta.dtype)
    for i, test in enumerate(X_test):
        bent = -np.einsum("nkl,nl->nk", curvatures[rows], values[rows, :, i])
        weights = bent @ beta.T + own @ pulls[:, :, i].T
        weight_of_test = own @ (gradients[i] / ridge)
        out[i] = _slope(kernel, centres[rows], centres, weights)
        out[i] += _slope(kernel, centres[rows], test[None], weight_of_test[:, None])
    return out


def _slope(kernel: Kernel, X: np.ndarray, centres: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the gradient of ``Σ_c weights_ic k(x_i, c)`` in every x_i, shape (b, p)."""
    return grad(lambda X: anp.sum(weights * kernel(X, centres)))(np.asarray(X))


def _differentiable(model: KernelModel) -> Kernel:
    """Return the kernel in ``autograd.numpy``, a function of two sets of rows."""
    kernel = None if model.features is None else model.features.kernel
    if isinstance(kernel, PairwiseKernel) and not sparse.issparse(model.rows):
        function, params = _KERNELS.get(kernel.metric), dict(kernel.params)
        if params.get("gamma") is None:  # as scikit-learn's pairwise kernels take it
            params["gamma"] = 1 / model.rows.shape[1]
        if function is not None:
            return partial(function, **params)
    raise UnsupportedEstimatorError(
        "The derivative of this kernel in its rows is not known; it is for dense rows and the "
        f"kernels {', '.join(sorted(map(str, _KERNELS)))}."
    )


def _rbf(X: np.ndarray, Y: np.ndarray, gamma: float, **_: float) -> np.ndarray:
    centre = np.mean(Y, axis=0)
    X, Y = X - centre, Y - centre
    squares = anp.sum(X**2, axis=1)[:, None] + anp.sum(Y**2, axis=1) - 2 * anp.dot(X, Y.T)
    return anp.exp(-gamma * squares)


def _polynomial(
    X: np.ndarray, Y: np.ndarray, gamma: float, degree: float, coef0: float
) -> np.ndarray:
    return (gamma * anp.dot(X, Y.T) + coef0) ** degree


def _sigmoid(X: np.ndarray, Y: np.ndarray, gamma: float, coef0: float, **_: float) -> np.ndarray:
    return anp.tanh(gamma * anp.dot(X, Y.T) + coef0)


_KERNELS: dict[object, Callable[..., np.ndarray]] = {
    "rbf": _rbf,
    "poly": _polynomial,
    "polynomial": _polynomial,
    "sigmoid": _sigmoid,
}
