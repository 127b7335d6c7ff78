"""Targets: the user's y to the (n, K) numbers a loss takes, and raw predictions back.

targets.encode(y, dtype)    the user's y       -> (n, K)
targets.decode(raw)         (n, K)             -> what ``predict`` returns
targets.response(raw)       (n, K)             -> what is told of a prediction, (n, K')
"""

from dataclasses import dataclass, field
from itertools import combinations
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, DTypeLike
from scipy import sparse
from sklearn.utils import check_array, column_or_1d

from .._sklearn_private import _ovr_decision_function
from .._typing import MatrixLike
from ..losses import Loss
from ._response import (
    AverageProbability,
    Identity,
    Inverted,
    Negated,
    Response,
    Shifted,
    TargetTransformer,
    Votes,
)


class Targets(Protocol):
    """How the targets of a fitted estimator are encoded; its raw predictions in the user's terms.

    Attributes
    ----------
    response : Response
        From raw predictions to what is told of them.
    """

    @property
    def response(self) -> Response:
        """From raw predictions to what is told of them."""

    def encode(self, y: ArrayLike, dtype: DTypeLike) -> np.ndarray:
        """Return y as the loss takes it, (n_samples, K); ValueError for a y that does not fit."""

    def decode(self, raw: np.ndarray) -> np.ndarray:
        """Return what ``predict`` does, in the user's units or labels."""

    def lost(self, y: ArrayLike) -> bool:
        """Tell whether some class has no row in y."""

    def kinds(self, encoded: np.ndarray) -> list[np.ndarray]:
        """Return the class of every encoded row, an array of codes an output that has classes."""


def encode_targets(
    targets: Targets, loss: Loss, y: ArrayLike | None, dtype: DTypeLike
) -> np.ndarray:
    """Return the targets of test rows as their loss takes them.

    Parameters
    ----------
    targets : Targets
        How the fitted estimator's targets are encoded.
    loss : Loss
        Its loss, which may be defined for some targets only.
    y : array-like of m targets
        In the user's labels.
    dtype : dtype
        Of what is returned.

    Returns
    -------
    y : ndarray of shape (m, K)
        Encoded targets.

    Raises
    ------
    ValueError
        For a label that was not fitted, or a target that the loss is not defined for.
    """
    if y is None:
        raise ValueError("`y_test` must be given: the loss of a row depends on its target.")
    encoded = targets.encode(y, dtype)
    if not np.all(encoded >= loss.least_target):
        bound = "> 0" if loss.least_target > 0 else f">= {loss.least_target:g}"
        raise ValueError(
            f"y must be {bound} for {type(loss).__name__}; got {encoded.min():g}. Leave such rows "
            "out."
        )
    return encoded


@dataclass(frozen=True)
class Continuous:
    """Numeric targets, one column an output.

    Parameters
    ----------
    n_outputs : int
        K, the number of columns.
    one_dimensional : bool
        Whether the user's y, and so the predictions, have shape (n_samples,).
    response : Response
        From raw predictions to those of ``predict``; see ``_response``.
    """

    n_outputs: int = 1
    one_dimensional: bool = True
    response: Response = field(default_factory=Identity)

    def encode(self, y: ArrayLike, dtype: DTypeLike) -> np.ndarray:
        """Return y as (n_samples, K); ValueError if it has another number of columns."""
        known = {"ensure_2d": False, "input_name": "y", "ensure_min_samples": 0}
        target = check_array(y, dtype=dtype, **known)
        if target.ndim not in (1, 2) or target.size != len(target) * self.n_outputs:
            raise ValueError(f"y must have {self.n_outputs} column(s); got shape {target.shape}.")
        return target.reshape(len(target), self.n_outputs)

    def decode(self, raw: np.ndarray) -> np.ndarray:
        """Return predictions in the units and the shape of the user's y."""
        predicted = self.response(raw)
        return predicted[:, 0] if self.one_dimensional else predicted

    def lost(self, y: ArrayLike) -> bool:
        """Tell whether some class has no row in y: never, there are none."""
        return False

    def kinds(self, encoded: np.ndarray) -> list[np.ndarray]:
        """Return the class of every encoded row, an array of codes an output: there are none."""
        return []


@dataclass(frozen=True)
class ShiftedTargets(Continuous):
    """Numeric targets that the model is fitted to after a shift, which ``response`` puts back."""

    response: Shifted = field(kw_only=True)

    def encode(self, y: ArrayLike, dtype: DTypeLike) -> np.ndarray:
        """Return y without the shift, as (n_samples, K)."""
        return super().encode(y, dtype) - self.response.shift


@dataclass(frozen=True)
class Labels:
    """Class labels as one column (two classes) or an indicator of K columns.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
        The estimator's ``classes_``.
    negative : {0, -1}
        The number that stands for "not this class"; 1 stands for "this class".
    """

    classes: np.ndarray
    negative: float = 0.0
    response = Identity()

    @property
    def n_outputs(self) -> int:
        """Number of columns of the encoded y."""
        return 1 if len(self.classes) == 2 else len(self.classes)

    def codes(self, y: ArrayLike) -> np.ndarray:
        """Return the position of every label in ``classes``; ValueError for an unseen one."""
        try:
            labels, inverse = np.unique(column_or_1d(y), return_inverse=True)
        except TypeError:  # they have no order
            raise ValueError(
                "y must hold labels of one kind; some are missing, or of another kind."
            ) from None
        positions = {label: code for code, label in enumerate(self.classes.tolist())}
        unseen = [label for label in labels.tolist() if label not in positions]
        if unseen:
            raise ValueError(
                f"y contains labels that the estimator was not fitted on: {unseen[:10]}; it knows "
                f"{self.classes[:10].tolist()}."
            )
        codes = np.array([positions[label] for label in labels.tolist()], dtype=int)
        return codes[inverse]

    def encode(self, y: ArrayLike, dtype: DTypeLike) -> np.ndarray:
        """Return y as an indicator of shape (n_samples, 1) or (n_samples, n_classes)."""
        codes = self.codes(y)
        positive = np.arange(len(self.classes)) == codes[:, None]
        if len(self.classes) == 2:
            positive = positive[:, 1:]
        return np.where(positive, 1.0, self.negative).astype(dtype)

    def decode(self, raw: np.ndarray) -> np.ndarray:
        """Return the labels that raw predictions stand for."""
        decision = self.decision_function(raw)
        if decision.ndim == 1:
            return self.classes[(decision > 0).astype(int)]
        return self.classes[np.argmax(decision, axis=1)]

    def lost(self, y: ArrayLike) -> bool:
        """Tell whether some class has no row in y."""
        return len(np.unique(self.codes(y))) < len(self.classes)

    def kinds(self, encoded: np.ndarray) -> list[np.ndarray]:
        """Return the class of every encoded row, an array of codes an output."""
        return [np.unique(encoded, axis=0, return_inverse=True)[1].ravel()]

    def decision_function(self, raw: np.ndarray) -> np.ndarray:
        """Return what the estimator's ``decision_function`` does for raw predictions."""
        return raw[:, 0] if raw.shape[1] == 1 else raw

    def shares(self, raw: np.ndarray) -> np.ndarray:
        """Return decision values mapped to [0, 1], where there are no probabilities; (n, K)."""
        positive = np.clip((1 + raw) / 2, 0, 1)
        return np.hstack([1 - positive, positive]) if raw.shape[1] == 1 else positive


@dataclass(frozen=True)
class Pairs(Labels):
    """Class labels as one column a pair of classes: 1 for the second, -1 for the first, else 0."""

    negative: float = -1.0

    @property
    def n_outputs(self) -> int:
        """Number of pairs."""
        return len(self.classes) * (len(self.classes) - 1) // 2

    def encode(self, y: ArrayLike, dtype: DTypeLike) -> np.ndarray:
        """Return y as (n_samples, K (K - 1) / 2), pairs in the order of the estimators."""
        codes = self.codes(y)[:, None]
        first, second = np.transpose(list(combinations(range(len(self.classes)), 2)))
        return np.subtract(codes == second, codes == first, dtype=dtype)

    def decision_function(self, raw: np.ndarray) -> np.ndarray:
        """Return the votes that each class wins, ties broken by the pairs' decision values."""
        if raw.shape[1] == 1:
            return raw[:, 0]
        return _ovr_decision_function(raw > 0, raw, len(self.classes))

    def shares(self, raw: np.ndarray) -> np.ndarray:
        """Return the share of its votes that each class wins, shape (n, K)."""
        if raw.shape[1] == 1:
            return super().shares(raw)
        return np.clip(self.decision_function(raw) / (len(self.classes) - 1), 0, 1)


@dataclass(frozen=True)
class VotingPairs(Pairs):
    """Labels of pairs of classes as SVC decides them: by votes, the first of equals.

    Parameters
    ----------
    classes, negative
        As in ``Pairs``.
    by_votes : bool, default=True
        Whether the decision function is that of the classes, or the pairs' own: positive for the
        first class of a pair.
    break_ties : bool, default=False
        Whether equal votes are decided by that of the classes.
    """

    by_votes: bool = True
    break_ties: bool = False

    response: Identity = field(init=False, compare=False)

    def __post_init__(self) -> None:
        """Tell predictions as the estimator's ``decision_function`` does."""
        members = self.encode(self.classes, np.float64).T
        told = Votes(members) if self.by_votes else Negated()
        object.__setattr__(self, "response", told)

    def decode(self, raw: np.ndarray) -> np.ndarray:
        """Return the labels that raw predictions stand for."""
        if self.break_ties:
            return super().decode(raw)
        votes = self.encode(self.classes, raw.dtype) @ np.where(raw > 0, 1.0, -1.0).T
        return self.classes[np.argmax(votes, axis=0)]

    def decision_function(self, raw: np.ndarray) -> np.ndarray:
        """Return what the estimator's ``decision_function`` does for raw predictions."""
        return super().decision_function(raw) if self.by_votes else -raw


@dataclass(frozen=True)
class VotedLabels(Labels):
    """Class labels that several classifiers are fitted on, decided by their average probability.

    Parameters
    ----------
    classes, negative
        As in ``Labels``.
    response : AverageProbability
        The average probability of the classes; of the second one if there are two.
    """

    response: AverageProbability = field(kw_only=True)

    def encode(self, y: ArrayLike, dtype: DTypeLike) -> np.ndarray:
        """Return the encoded y of every classifier, side by side."""
        return np.tile(super().encode(y, dtype), len(self.response.weights))

    def decode(self, raw: np.ndarray) -> np.ndarray:
        """Return the labels that raw predictions stand for."""
        average = self.response(raw)
        return super().decode(average - 0.5 if average.shape[1] == 1 else average)


@dataclass(frozen=True)
class LabelsByOutput:
    """A label for each of several outputs.

    Parameters
    ----------
    parts : tuple of Labels
        One an output; their columns stand side by side.
    """

    parts: tuple[Labels, ...]
    response = Identity()

    @property
    def classes(self) -> list[np.ndarray]:
        """The classes of every output, a list of arrays."""
        return [part.classes for part in self.parts]

    def columns(self, y: MatrixLike) -> np.ndarray:
        """Return y column by column; ValueError if it has another number of columns."""
        labels = y.toarray() if sparse.issparse(y) else np.asarray(y)
        if labels.ndim != 2 or labels.shape[1] != len(self.parts):
            raise ValueError(f"y must have {len(self.parts)} column(s); got shape {labels.shape}.")
        return labels.T

    def encode(self, y: ArrayLike, dtype: DTypeLike) -> np.ndarray:
        """Return the encoded columns of every output, side by side."""
        columns = self.columns(y)
        return np.hstack([part.encode(labels, dtype) for part, labels in zip(self.parts, columns)])

    def decode(self, raw: np.ndarray) -> np.ndarray:
        """Return the labels that raw predictions stand for, one column an output."""
        pairs = zip(self.parts, self._split(raw))
        return np.column_stack([part.decode(block) for part, block in pairs])

    def lost(self, y: ArrayLike) -> bool:
        """Tell whether some class of some output has no row in y."""
        return any(part.lost(labels) for part, labels in zip(self.parts, self.columns(y)))

    def kinds(self, encoded: np.ndarray) -> list[np.ndarray]:
        """Return the class of every encoded row, an array of codes an output."""
        pairs = zip(self.parts, self._split(encoded))
        return [codes for part, block in pairs for codes in part.kinds(block)]

    def _split(self, columns: np.ndarray) -> list[np.ndarray]:
        stops = np.cumsum([part.n_outputs for part in self.parts])
        return np.split(columns, stops[:-1], axis=1)


@dataclass(frozen=True)
class Transformed:
    """Numeric targets that a fitted transformer maps to those of the regressor.

    Parameters
    ----------
    inner : Targets
        Targets of the regressor, in the transformer's units.
    transformer : TargetTransformer
        Takes and returns y as (n_samples, n_outputs).
    one_dimensional : bool
        Whether the user's y, and so the predictions, have shape (n_samples,).
    """

    inner: Targets
    transformer: TargetTransformer
    one_dimensional: bool

    @property
    def response(self) -> Inverted:
        """The regressor's response in the user's units."""
        return Inverted(self.inner.response, self.transformer)

    def transform(self, y: ArrayLike) -> np.ndarray:
        """Return y as the regressor was fitted on it."""
        known = {"ensure_2d": False, "input_name": "y", "ensure_min_samples": 0}
        target = check_array(y, dtype="numeric", **known)
        return self.transformer.transform(target.reshape(len(target), -1))

    def encode(self, y: ArrayLike, dtype: DTypeLike) -> np.ndarray:
        """Return the transformed y as (n_samples, K)."""
        return self.inner.encode(self.transform(y), dtype)

    def decode(self, raw: np.ndarray) -> np.ndarray:
        """Return predictions in the units and the shape of the user's y."""
        predicted = self.response(raw)
        return predicted[:, 0] if self.one_dimensional else predicted

    def lost(self, y: ArrayLike) -> bool:
        """Tell whether some class has no row in y: never, there are none."""
        return False

    def kinds(self, encoded: np.ndarray) -> list[np.ndarray]:
        """Return the class of every encoded row, an array of codes an output: there are none."""
        return []
