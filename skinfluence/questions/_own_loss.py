"""The loss of the changed row itself."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .._sklearn_private import _safe_indexing
from ..adapters import Model


@dataclass(frozen=True)
class OwnLoss:
    """The loss of the training row that a change is of, with the features and label it had.

    Answers are of shape (changes,), in units of the unweighted loss. To first order it is the
    self-influence, ``s_j ∇loss_jᵀ H⁻¹ ∇loss_j``. A group has no row of its own.
    """

    def encode(self, fit: Any) -> "EncodedOwnLoss":
        """Return the question of a model."""
        return EncodedOwnLoss(fit.model)


@dataclass(frozen=True, eq=False)
class EncodedOwnLoss:
    """The loss of each changed row of a model."""

    model: Model

    axis = 0

    def ask(self, answers, change):
        """Look at the changed rows; ValueError where there is no one row."""
        _ = change.own_rows  # ValueError where there is no one row
        return answers.on_own(self, change)

    def shape(self, n_changes, features):
        """Return (n_changes,)."""
        if features:
            raise ValueError(
                "`OwnLoss` of a row whose features change is that of another row; ask for `Loss` "
                "with `Perturb`."
            )
        return (n_changes,)

    def to_user(self, answer):
        """Return the answer as it is."""
        return answer

    @cached_property
    def raw(self) -> np.ndarray:
        """Raw predictions of the training rows, shape (n, K)."""
        return self.model.own_raw()

    @cached_property
    def y(self) -> np.ndarray:
        """Their encoded targets, shape (n, K)."""
        return self.model.encoded_y()

    def value(self, model, row):
        """Return the row's own raw prediction under another model, shape (K,)."""
        return model.predict_raw(_safe_indexing(self.model.X, np.array([row])))[0]

    def derivative(self, rows: np.ndarray, moved: np.ndarray) -> np.ndarray:
        """Return the change of every row's loss to first order in that of its raw prediction."""
        return np.einsum("nk,nk->n", self.model.known_problem.evaluation_gradients[rows], moved)

    def change(self, rows: np.ndarray, moved: np.ndarray) -> np.ndarray:
        """Return the change of every row's loss where its raw prediction changes by ``moved``."""
        return self.model.loss.change(self.raw[rows], self.y[rows], moved)
