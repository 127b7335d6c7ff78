"""Attack: projected sign steps on training rows, ``x_j ← Π(x_j + α sign(I_pert))``."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils import Bunch

from ._blocks import row_blocks
from ._perturbing import Allowed
from ._resolved import Resolved
from ._sklearn_private import _safe_indexing
from .operators import MixedDerivative
from .problems import (
    NewRows,
    encode_features,
    encode_targets,
    pull_back_features,
    replace_rows,
    with_parameters,
)
from .scores import FirstOrder


@dataclass(frozen=True, eq=False)
class Attack:
    """Projected sign steps on training rows of a model that is solved again after each.

    Parameters
    ----------
    resolved : Resolved
        The fitted model.
    X : {array-like, sparse matrix, DataFrame}
        Its training rows, as they were given to ``fit``.
    allowed : Allowed
        Where the rows may go.
    n_iter : int
    step : ndarray of shape (n_features,)
        α.
    """

    resolved: Resolved
    X: Any
    allowed: Allowed
    n_iter: int
    step: np.ndarray

    def ranking(self, X_test, y_test, rows):
        """Return rows in the order of how much their first step is predicted to raise the loss."""
        problem, gains = self.resolved.problem, np.empty(len(rows))
        solved = self._solved(problem, *self._encoded(X_test, y_test))
        for block in row_blocks(len(rows), 8 * gains.itemsize * len(self.step)):
            before = self._features(rows[block])
            slopes = self._slopes(problem, solved, rows[block], before)
            after = self.allowed.project(before + self.step * np.sign(slopes), before)
            gains[block] = np.einsum("np,np->n", slopes, after - before)
        return rows[np.argsort(-gains, kind="stable")]

    def run(self, X_test, y_test, rows):
        """Move rows so that the sum of the test losses rises, refit, and say what came of it."""
        test, target = self._encoded(X_test, y_test)
        X_new, predicted = self._move(test, target, rows)
        return self._refitted(X_test, test, target, rows, X_new, predicted)

    def _encoded(self, X_test, y_test):
        problem = self.resolved.problem
        target = encode_targets(problem.targets, problem.asked, y_test, problem.theta.dtype)
        return encode_features(self.resolved.estimator, X_test), target

    def _move(self, test, target, rows):
        """Return the features after the best step, and the change of the loss predicted there."""
        before = now = free = self._features(rows)
        problem, predicted = self.resolved.problem, 0.0
        best = -np.inf, before, 0.0
        for _ in range(self.n_iter):
            slopes = self._slopes(problem, self._solved(problem, test, target), rows, now)
            free = free + self.step * np.sign(slopes)  # off the grid, so that small steps add up
            free = np.clip(free, before - self.allowed.epsilon, before + self.allowed.epsilon)
            last, now = now, self.allowed.project(free, before)
            predicted += float(np.sum(slopes * (now - last)))
            if self.n_iter == 1:
                return now, predicted
            problem = self.resolved.solve(self._moved_problem(rows, now), problem)
            value = float(problem.asked(problem.predict_raw(test), target).sum())
            best = max(best, (value, now, predicted), key=lambda found: found[0])
        return best[1:]

    def _solved(self, problem, test, target):
        """Return H⁻¹ times the gradient of the sum of the test losses, shape (P, 1)."""
        first_order = FirstOrder(problem, self.resolved.inverse(problem))
        return first_order.solve_losses(test, target).sum(axis=1, keepdims=True)

    def _slopes(self, problem, solved, rows, X):
        """Return I_pert of the sum of the test losses, at the rows as X; (n_rows, p)."""
        inner = MixedDerivative(problem, rows).rows_by_vectors(solved)[0]
        return pull_back_features(self.resolved.estimator, inner, self._like(rows, X))

    def _moved_problem(self, rows, X_new):
        moved = encode_features(self.resolved.estimator, self._like(rows, X_new))
        return replace_rows(self.resolved.problem, NewRows.of(self.resolved.problem, rows, moved))

    def _refitted(self, X_test, test, target, rows, X_new, predicted):
        resolved = self.resolved
        moved = encode_features(resolved.estimator, self._like(rows, X_new))
        _, after = resolved.refit.fit_replaced(rows, moved)
        losses = [p.asked(p.predict_raw(test), target) for p in (resolved.problem, after)]
        model = with_parameters(resolved.estimator, after)
        return Bunch(
            rows=rows,
            X_new=X_new,
            predicted_change=predicted,
            realised_change=float((losses[1] - losses[0]).sum()),
            loss_before=losses[0],
            loss_after=losses[1],
            prediction_before=resolved.estimator.predict(X_test),
            prediction_after=model.predict(X_test),
            estimator=model,
        )

    def _features(self, rows):
        """Return training rows as a dense array of floats."""
        part = _safe_indexing(self.X, rows)
        part = part.toarray() if sparse.issparse(part) else part
        return np.asarray(part, dtype=float)

    def _like(self, rows, X_new):
        """Return moved rows in the form of X, a DataFrame if it is one."""
        if not hasattr(self.X, "iloc"):
            return X_new
        frame = _safe_indexing(self.X, rows).astype(float)
        frame.iloc[:, :] = X_new
        return frame
