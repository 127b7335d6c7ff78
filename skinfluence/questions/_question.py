"""What questions have in common: where they look, and how what they find there is told.

A question is said in its user's terms and encoded for a model. Encoded, it looks at test rows, at
theta, or at the changed row itself; a method has one way to each of these (``ask``), and hands
back what it found: a change to first order, the change itself, or a refitted model.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from .._sklearn_private import _num_samples, _safe_indexing
from ..adapters import Model
from ..problem import Problem


class Question(Protocol):
    """What is asked, in its user's terms."""

    def encode(self, fit: Any) -> "EncodedQuestion":
        """Return the question as a fitted model takes it; ValueError where it has no meaning."""


class EncodedQuestion(Protocol):
    """What is asked, as a fitted model takes it."""

    def ask(self, answers: Any, change: Any) -> Any:
        """Hand the question to the way that answers have to where it looks."""

    def shape(self, n_changes: int, features: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of the answer; ``features`` is (p,) of derivatives in them, else ()."""

    def to_user(self, answer: np.ndarray) -> np.ndarray:
        """Return the answer as users get it."""

    def value(self, model: Model, row: int | None) -> np.ndarray:
        """Return what is asked of a model that was fitted after the change of a row."""


@dataclass(frozen=True, eq=False)
class RowQuestion:
    """A question about the raw predictions of some rows.

    Parameters
    ----------
    model : Model
        The fitted model.
    inner : rows as the final estimator takes them
    X : rows as ``predict_raw`` takes them, m of them
    """

    model: Model
    inner: Any
    X: Any

    #: Whether each row is a question of its own, so that they can be asked about in parts.
    divides = True
    #: Where the changes stand in the answer.
    axis = 1

    def __len__(self) -> int:
        return _num_samples(self.X)

    @cached_property
    def raw(self) -> np.ndarray:
        """Raw predictions of the rows, shape (m, K)."""
        return self.model.predict_raw(self.X)

    def part(self, tests: slice) -> "RowQuestion":
        """Return the question about some of the rows."""
        if tests == slice(0, len(self)):
            return self
        inner = self.inner if self.inner is None else _safe_indexing(self.inner, tests)
        return replace(self, X=self.X[tests], inner=inner)

    def ask(self, answers, change):
        """Look at the rows."""
        return answers.on_rows(self, change)

    def to_user(self, answer):
        """Return the answer as it is."""
        return answer

    def gradients(self) -> tuple[np.ndarray, np.ndarray]:
        """Return numbers that are asked about, as rows and gradients in their raw predictions.

        Returns
        -------
        rows : ndarray of int of shape (M,)
            The row of each number.
        gradients : ndarray of shape (M, K)
        """
        raise NotImplementedError

    def jacobian(self, problem: Problem) -> np.ndarray:
        """Return J: the gradient of every number in theta, shape (M, P)."""
        raise NotImplementedError

    def gather(self, values: np.ndarray) -> np.ndarray:
        """Return effects on the numbers of ``jacobian`` from those on ``gradients``."""
        return values

    def derivative(self, values: np.ndarray) -> np.ndarray:
        """Return the answer from effects on the numbers, (M, b) or (M, b, p)."""
        raise NotImplementedError

    def change(self, moved: np.ndarray, out: np.ndarray) -> None:
        """Write the answer where raw predictions change by ``moved``, of shape (m, b, K)."""
        raise NotImplementedError
