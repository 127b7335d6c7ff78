"""Logistic regressions with a norm in their penalty, minimised here."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from ._losses import BinaryLog, Softmax
from ._rows import NoTruth
from ._smooth import Optimum


@dataclass
class SparseLogistic:
    """A logistic regression with a norm in its penalty: a quasi-Newton method within bounds finds
    the signs, Newton's method the optimum of that sign, and the conditions of optimality confirm.
    """

    estimator: object
    n_classes: int

    def fit(self, rows, start=None):
        """Return the fit on some rows."""
        if len(np.unique(rows.y[rows.weights > 0])) < self.n_classes:
            raise NoTruth("a class is gone")
        return SparseOptimum(self, rows)


class SparseOptimum:
    """The optimum of a ``SparseLogistic`` on some rows."""

    def __init__(self, model, rows):
        self.model = model
        estimator = model.estimator
        self.loss = BinaryLog() if model.n_classes == 2 else Softmax(model.n_classes)
        self.n_outputs = 1 if model.n_classes == 2 else model.n_classes
        if estimator.class_weight is not None:
            raise NoTruth("of balanced classes")
        self.s = estimator.C * rows.weights
        self.design, self.y = np.column_stack([rows.X, np.ones(len(rows.X))]), rows.y
        self.l1 = np.append(np.full(rows.X.shape[1], estimator.l1_ratio), 0.0)
        self.l2 = np.append(np.full(rows.X.shape[1], 1 - estimator.l1_ratio), 0.0)
        self.theta = self._solve()

    def _slopes(self, theta):
        raw = self.design @ theta.T
        return (self.s[:, None] * self.loss.slopes(raw, self.y)).T @ self.design + self.l2 * theta

    def _solve(self):
        shape = (self.n_outputs, self.design.shape[1])
        spread = np.maximum(np.abs(self.design).max(axis=0), 1e-300)

        def objective(parts):
            up, down = parts.reshape(2, *shape) / spread
            theta = up - down
            slopes = self._slopes(theta)
            losses = self.s @ self.loss.values(self.design @ theta.T, self.y)
            value = losses + 0.5 * np.sum(self.l2 * theta**2) + np.sum(self.l1 * (up + down))
            both = np.array([slopes + self.l1, self.l1 - slopes]) / spread
            return value, both.ravel()

        found = minimize(
            objective, np.zeros(2 * np.prod(shape)), jac=True, method="L-BFGS-B",
            bounds=[(0, None)] * (2 * int(np.prod(shape))),
            options={"maxiter": 20_000, "maxfun": 40_000, "ftol": 1e-16, "gtol": 1e-9},
        )  # fmt: skip
        up, down = found.x.reshape(2, *shape) / spread
        theta = up - down
        size = np.abs(theta * spread).max()
        free = (np.abs(theta * spread) > 1e-7 * size) | (self.l1 == 0)
        signs_held = np.where(free, np.sign(theta), 0) * self.l1
        theta = np.where(free, theta, 0)
        for _ in range(50):
            slopes = (self._slopes(theta) + signs_held)[free]
            curvatures = self.s[:, None, None] * self.loss.curvatures(self.design @ theta.T, self.y)
            hessian = np.einsum("ikl,ip,iq->kplq", curvatures, self.design, self.design)
            hessian = hessian.reshape(np.prod(shape), -1)
            hessian[np.diag_indices_from(hessian)] += np.tile(self.l2, shape[0])
            step = Optimum.inverse(hessian[np.ix_(free.ravel(), free.ravel())]) @ slopes
            theta[free] -= step
            if slopes @ step < 1e-24:
                break
        slopes = self._slopes(theta)
        kept = np.sign(theta) == np.sign(signs_held) if self.l1.any() else True
        held = np.abs(slopes) <= self.l1 * (1 + 1e-6)
        if not (np.where(free, kept | (self.l1 == 0), held)).all() or (
            np.abs((slopes + signs_held) / spread)[free].max(initial=0) > 1e-7
        ):
            raise NoTruth("the conditions of optimality are not met")
        if self.n_outputs > 1:  # a sum of intercepts over classes is free, and stays 0
            theta[:, -1] -= theta[:, -1].mean()
        return theta

    def raw(self, X):
        """Return raw predictions (n, K)."""
        return np.column_stack([X, np.ones(len(X))]) @ self.theta.T

    def losses(self, X, y):
        """Return the loss of each row."""
        return self.loss.values(self.raw(X), y)

    def raw_noise(self, X):
        """Return what rounding leaves."""
        return 1e-9 * np.abs(self.raw(X))

    def loss_noise(self, X, y):
        """Return what rounding leaves, in losses."""
        return 1e-9 * np.abs(self.raw(X)).max(axis=1)
