"""Projected sign steps on training rows, ``x_j ← Π(x_j + α sign(I_pert))``."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from sklearn.utils import Bunch

from .._blocks import row_blocks
from .._parameters import check_whole
from .._sklearn_private import _safe_indexing
from ..adapters import encode_features, pull_back_features, with_parameters
from ..operators import MixedDerivative
from ..problem import NewRows, Problem, replace_rows
from ..selection._warm_start import WarmStart
from ._feasible_set import FeasibleSet


@dataclass(frozen=True, eq=False)
class SignAttack:
    """Projected sign steps on training rows of a model that is solved again after each.

    Parameters
    ----------
    model : WarmStart
        The fitted model.
    X : {array-like, sparse matrix, DataFrame}
        Its training rows, as they were given to ``fit``.
    feasible : FeasibleSet
        Where the rows may go.
    n_iter : int
    step : ndarray of shape (n_features,)
        α.
    """

    model: WarmStart
    X: Any
    feasible: FeasibleSet
    n_iter: int
    step: np.ndarray

    @classmethod
    def of(
        cls, model: WarmStart, X: Any, feasible: FeasibleSet, n_iter: int, step: ArrayLike | None
    ) -> "SignAttack":
        """Return the attack in steps of the given size; None crosses the feasible set."""
        check_whole("n_iter", n_iter)
        if step is None:
            step = feasible.epsilon if n_iter == 1 else 2.5 * feasible.epsilon / n_iter
        sizes = np.broadcast_to(np.asarray(step, dtype=float), feasible.epsilon.shape)
        return cls(model, X, feasible, n_iter, sizes)

    def ranking(self, X_test: Any, y_test: Any, rows: np.ndarray) -> np.ndarray:
        """Return rows in the order of how much their first step is predicted to raise the loss."""
        problem, gains = self.model.problem, np.empty(len(rows))
        solved = self._solved(problem, *self._encoded(X_test, y_test))
        for block in row_blocks(len(rows), 8 * gains.itemsize * len(self.step)):
            before = self._features(rows[block])
            slopes = self._slopes(problem, solved, rows[block], before)
            after = self.feasible.project(before + self.step * np.sign(slopes), before)
            gains[block] = np.einsum("np,np->n", slopes, after - before)
        return rows[np.argsort(-gains, kind="stable")]

    def run(self, X_test: Any, y_test: Any, rows: np.ndarray) -> Bunch:
        """Move rows so that the sum of the test losses rises, refit, and say what came of it."""
        test, target = self._encoded(X_test, y_test)
        X_new, predicted = self._move(test, target, rows)
        before, estimator = self.model.problem, self.model.estimator
        moved = encode_features(estimator, self._like(rows, X_new))
        after = self.model.refit.with_rows(rows, moved).known_problem
        losses = [p.evaluation_loss(p.predict_raw(test), target) for p in (before, after)]
        refitted = with_parameters(estimator, after)
        return Bunch(
            rows=rows,
            X_new=X_new,
            predicted_change=predicted,
            realised_change=float((losses[1] - losses[0]).sum()),
            loss_before=losses[0],
            loss_after=losses[1],
            prediction_before=estimator.predict(X_test),
            prediction_after=refitted.predict(X_test),
            estimator=refitted,
        )

    def _encoded(self, X_test: Any, y_test: Any) -> tuple[Any, np.ndarray]:
        target = self.model.refit.model.encode_targets(y_test)
        return encode_features(self.model.estimator, X_test), target

    def _move(self, test: Any, target: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, float]:
        """Return the features after the best step, and the change of the loss predicted there."""
        before = now = free = self._features(rows)
        problem, predicted = self.model.problem, 0.0
        best: tuple[float, np.ndarray, float] = (-np.inf, before, 0.0)
        for _ in range(self.n_iter):
            slopes = self._slopes(problem, self._solved(problem, test, target), rows, now)
            free = free + self.step * np.sign(slopes)  # off the grid, so that small steps add up
            free = np.clip(free, before - self.feasible.epsilon, before + self.feasible.epsilon)
            last, now = now, self.feasible.project(free, before)
            predicted += float(np.sum(slopes * (now - last)))
            if self.n_iter == 1:
                return now, predicted
            problem = self.model.solve(self._moved_problem(rows, now), problem)
            value = float(problem.evaluation_loss(problem.predict_raw(test), target).sum())
            best = max(best, (value, now, predicted), key=lambda found: found[0])
        return best[1:]

    def _solved(self, problem: Problem, test: Any, target: np.ndarray) -> np.ndarray:
        """Return H⁻¹ times the gradient of the sum of the test losses, shape (P, 1)."""
        gradients = problem.evaluation_loss.gradient(problem.predict_raw(test), target)
        total = problem.predictor.vjp(test, gradients[:, :, None])
        return self.model.inverse(problem) @ total

    def _slopes(
        self, problem: Problem, solved: np.ndarray, rows: np.ndarray, X: np.ndarray
    ) -> np.ndarray:
        """Return I_pert of the sum of the test losses, at the rows as X; (n_rows, p)."""
        inner = MixedDerivative(problem, rows).rows_by_vectors(solved)[0]
        return pull_back_features(self.model.estimator, inner, self._like(rows, X))

    def _moved_problem(self, rows: np.ndarray, X_new: np.ndarray) -> Problem:
        moved = encode_features(self.model.estimator, self._like(rows, X_new))
        return replace_rows(self.model.problem, NewRows.of(self.model.problem, rows, moved))

    def _features(self, rows: np.ndarray) -> np.ndarray:
        """Return training rows as a dense array of floats."""
        part = _safe_indexing(self.X, rows)
        part = part.toarray() if sparse.issparse(part) else part
        return np.asarray(part, dtype=float)

    def _like(self, rows: np.ndarray, X_new: np.ndarray) -> Any:
        """Return moved rows in the form of X, a DataFrame if it is one."""
        if not hasattr(self.X, "iloc"):
            return X_new
        frame = _safe_indexing(self.X, rows).astype(float)
        frame.iloc[:, :] = X_new
        return frame


def feasible_set(
    model: WarmStart,
    X: Any,
    epsilon: ArrayLike,
    bounds: tuple | None,
    grid: ArrayLike | None,
    mutable: ArrayLike | None,
) -> FeasibleSet:
    """Return where the training rows of a model may go.

    Raises
    ------
    TypeError
        If the model has a kernel.
    """
    if model.problem.in_kernel_features:
        raise TypeError(
            "An attack moves rows again and again, and in a kernel model every move has a "
            "direction of its own; use a linear kernel, or ask for `input_influence`."
        )
    inner = np.zeros((1, model.problem.X.shape[1]))
    slopes = pull_back_features(model.estimator, inner, _safe_indexing(X, [0]))
    return FeasibleSet.of(slopes.shape[1], epsilon, bounds, grid, mutable)
