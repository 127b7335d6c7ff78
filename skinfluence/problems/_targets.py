"""Targets: the user's y to the (n, K) numbers a loss takes, and raw predictions back."""

from dataclasses import dataclass

import numpy as np
from sklearn.utils import check_array, column_or_1d


@dataclass(frozen=True)
class Continuous:
    """Numeric targets, one column an output.

    Parameters
    ----------
    n_outputs : int
        K, the number of columns.
    one_dimensional : bool
        Whether the user's y, and so the predictions, have shape (n_samples,).
    """

    n_outputs: int = 1
    one_dimensional: bool = True

    def encode(self, y, dtype):
        """Return y as (n_samples, K); ValueError if it has another number of columns."""
        y = check_array(y, dtype=dtype, ensure_2d=False, input_name="y", ensure_min_samples=0)
        if y.ndim > 2 or y.size != len(y) * self.n_outputs:
            raise ValueError(f"y must have {self.n_outputs} column(s); got shape {y.shape}.")
        return y.reshape(len(y), self.n_outputs)

    def decode(self, raw):
        """Return predictions in the shape of the user's y."""
        return raw[:, 0] if self.one_dimensional else raw


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

    def codes(self, y):
        """Return the position of every label in ``classes``; ValueError for an unseen one."""
        labels, inverse = np.unique(column_or_1d(y), return_inverse=True)
        positions = {label: code for code, label in enumerate(self.classes.tolist())}
        unseen = [label for label in labels.tolist() if label not in positions]
        if unseen:
            raise ValueError(
                f"y contains labels that the estimator was not fitted on: {unseen[:10]}; it knows "
                f"{self.classes[:10].tolist()}."
            )
        codes = np.array([positions[label] for label in labels.tolist()], dtype=int)
        return codes[inverse]

    def encode(self, y, dtype):
        """Return y as an indicator of shape (n_samples, 1) or (n_samples, n_classes)."""
        codes = self.codes(y)
        positive = np.arange(len(self.classes)) == codes[:, None]
        if len(self.classes) == 2:
            positive = positive[:, 1:]
        return np.where(positive, 1.0, self.negative).astype(dtype)

    def decode(self, raw):
        """Return the labels that raw predictions stand for."""
        if raw.shape[1] == 1:
            return self.classes[(raw[:, 0] > 0).astype(int)]
        return self.classes[np.argmax(raw, axis=1)]
