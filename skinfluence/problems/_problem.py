"""Problem: loss + predictor + penalty + the data, at the fitted parameters.

The objective is ``Σ_i s_i loss(raw_i(theta), y_i) + ½ Σ_j penalty_j theta_j²``.
"""

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from ..losses import Loss
from ._reweighting import FixedWeights
from ._targets import Continuous


@dataclass(frozen=True, eq=False)
class Problem:
    """What an estimator minimised, at the theta it found.

    Parameters
    ----------
    loss : Loss
        Pointwise loss in the raw prediction.
    predictor : LinearPredictor
        ``raw(theta, X)`` and its derivatives.
    theta : ndarray of shape (P,)
        Fitted parameters, flat, in the predictor's layout.
    X : {ndarray, CSR matrix} of shape (n, p)
        Training rows as the final estimator saw them.
    y : ndarray of shape (n, K)
        Encoded targets.
    weights : ndarray of shape (n,)
        s: sample weight × class weight × any factor the estimator puts on the loss.
    penalty : ndarray of shape (P,)
        Diagonal of the penalty's Hessian; 0 where a parameter is not penalised.
    targets : Continuous or Labels
        The user's y to ``y`` and back.
    reweighting : FixedWeights or BalancedClasses
        How the weights of the others change when a row leaves.
    """

    loss: Loss
    predictor: Any
    theta: np.ndarray
    X: Any
    y: np.ndarray
    weights: np.ndarray
    penalty: np.ndarray
    targets: Any = field(default_factory=Continuous)
    reweighting: Any = field(default_factory=FixedWeights)

    @property
    def n_rows(self):
        """Number of training rows."""
        return self.X.shape[0]

    @property
    def n(self):
        """Sum of the weights, the n of ``damping`` and ``scale="upweight"``."""
        return float(self.weights.sum())

    @cached_property
    def raw(self):
        """Raw predictions of the training rows, shape (n, K)."""
        return self.predict_raw(self.X)

    @cached_property
    def gradients(self):
        """g_i, gradient of every row's loss in its raw prediction, unweighted, shape (n, K)."""
        return self.loss.gradient(self.raw, self.y)

    @cached_property
    def curvatures(self):
        """A_i, Hessian of every row's loss in its raw prediction, unweighted, shape (n, K, K)."""
        return self.loss.hessian(self.raw, self.y)

    def predict_raw(self, X):
        """Return the raw predictions of rows as the final estimator sees them, shape (m, K)."""
        return self.predictor.raw(self.theta, X)

    def at(self, theta):
        """Return the same problem at other parameters."""
        return replace(self, theta=np.asarray(theta, dtype=self.theta.dtype))

    def reweighted(self, weights):
        """Return the same problem, at the same parameters, with other row weights."""
        return self._known(replace(self, weights=weights), slice(None))

    def restrict(self, rows):
        """Return the problem of some rows, their weights scaled up to stand for all n."""
        scale = self.n_rows / len(rows)
        part = replace(self, X=self.X[rows], y=self.y[rows], weights=self.weights[rows] * scale)
        return self._known(part, rows)

    def _known(self, part, rows):
        """Hand the derivatives of ``rows`` on to ``part``, which has the same theta."""
        for name in ("raw", "gradients", "curvatures"):
            if name in self.__dict__:
                part.__dict__[name] = self.__dict__[name][rows]
        return part

    def output(self, k):
        """Return the problem of output k alone, for a separable loss, and its part of theta."""
        predictor, positions = self.predictor.output(k)
        part = replace(
            self,
            predictor=predictor,
            theta=self.theta[positions],
            y=self.y[:, k : k + 1],
            penalty=self.penalty[positions],
        )
        return part, positions

    def objective(self):
        """Return the value of the objective at theta."""
        losses = self.loss(self.raw, self.y)
        return float(self.weights @ losses + 0.5 * self.penalty @ self.theta**2)

    def gradient(self):
        """Return the objective's gradient at theta, shape (P,): zero if the fit converged."""
        return self.data_gradient(self.weights) + self.penalty * self.theta

    def data_gradient(self, weights):
        """Return sum_i weights_i J_iᵀ g_i, shape (P,)."""
        weighted = weights[:, None] * self.gradients
        return self.predictor.vjp(self.X, weighted[:, :, None])[:, 0]
