"""New rows in place of old ones: other features, another label, or both. And rows that leave.

Where rows are replaced the penalty stays. Weights change where they depend on the label: that of
the row itself with class weights, those of whole classes where they are balanced.
"""

from dataclasses import dataclass, replace
from typing import cast

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from sklearn.utils import check_consistent_length

from .._typing import MatrixLike
from ._problem import Problem
from ._targets import Labels, encode_targets


@dataclass(frozen=True, eq=False)
class NewRows:
    """What will stand in some training rows. Build it with ``NewRows.of``.

    Parameters
    ----------
    rows : ndarray of int of shape (b,)
        Where they will stand.
    X : {ndarray, CSR matrix} of shape (b, p)
        As the final estimator sees them.
    y : ndarray of shape (b, K)
        Encoded targets.
    codes : ndarray of int of shape (b,)
        Classes by number; 0 where the weights do not depend on them.
    """

    rows: np.ndarray
    X: MatrixLike
    y: np.ndarray
    codes: np.ndarray

    @classmethod
    def of(
        cls,
        problem: Problem,
        rows: np.ndarray,
        X_new: MatrixLike | None = None,
        y_new: ArrayLike | None = None,
    ) -> "NewRows":
        """Encode new rows; what is None stays as it is.

        Parameters
        ----------
        problem : Problem
            The fitted problem.
        rows : ndarray of int of shape (b,)
            Where they will stand.
        X_new : {ndarray, sparse matrix} of shape (b, p), default=None
            As the final estimator sees them.
        y_new : array-like of b targets, default=None
            In the user's labels.

        Raises
        ------
        ValueError
            For lengths that differ, labels that the estimator was not fitted on, and rows that
            are the only ones of the class that they would leave.
        """
        dtype, how = problem.theta.dtype, problem.reweighting
        X = problem.X[rows] if X_new is None else _like(problem.X, X_new)
        y, codes = problem.y[rows], how.classes_of(rows)
        if y_new is not None:
            y = encode_targets(problem.targets, problem.loss, y_new, dtype)
            if how.by_label:  # then the targets are labels
                codes = cast(Labels, problem.targets).codes(y_new)
        check_consistent_length(rows, X, y)
        new = cls(rows, X, y, codes)
        if y_new is not None:
            _require_classes(problem, new)
        return new

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, positions: np.ndarray | slice | list[int]) -> "NewRows":
        """Return some of the new rows."""
        return NewRows(*(part[positions] for part in (self.rows, self.X, self.y, self.codes)))


def replace_rows(problem: Problem, new: NewRows) -> Problem:
    """Return the problem, at the same parameters, with all the new rows in their places at once.

    Parameters
    ----------
    problem : Problem
        The problem before.
    new : NewRows
        No row is named twice.

    Returns
    -------
    problem : Problem
        The problem with them.
    """
    X, y = with_rows(problem.X, new.rows, new.X), with_rows(problem.y, new.rows, new.y)
    weights, reweighting = problem.reweighting.relabelled(problem.weights, new.rows, new.codes)
    return replace(problem, X=X, y=y, weights=weights, reweighting=reweighting)


def remove_rows(problem: Problem, members: np.ndarray) -> Problem:
    """Return the problem, at the same parameters, once a group (a mask) has left for good.

    The rows stay in it with weight 0, so that their numbers do; nothing is left of what they
    count for in the balance of classes and in a penalty on the mean.

    Parameters
    ----------
    problem : Problem
        The problem before.
    members : ndarray of bool of shape (n,)
        The rows that leave.

    Returns
    -------
    problem : Problem
        The problem without them.
    """
    mass = None if problem.mass is None else np.where(members, 0, problem.mass)
    left, reweighting = problem.without(members), problem.reweighting.without(members)
    return replace(left, reweighting=reweighting, mass=mass)


def with_rows(X: MatrixLike, rows: np.ndarray, X_new: MatrixLike) -> MatrixLike:
    """Return a copy of X (dense, CSR or a DataFrame, or targets) with other rows in some places.

    Parameters
    ----------
    X : {ndarray, CSR matrix, DataFrame} of n rows
        Features, or targets.
    rows : ndarray of int of shape (b,)
        The places.
    X_new : {ndarray, CSR matrix, DataFrame} of b rows
        What stands there then.

    Returns
    -------
    X : {ndarray, CSR matrix, DataFrame} of n rows
        A copy.

    Raises
    ------
    ValueError
        If the columns of DataFrames are not the same, in the same order.
    """
    if hasattr(X, "iloc"):
        columns = getattr(X_new, "columns", X.columns)
        if list(columns) != list(X.columns):
            raise ValueError(
                f"`X_new` must have the columns of X, in their order: {list(X.columns)}; got "
                f"{list(columns)}."
            )
        X = X.copy()
        X.iloc[rows] = X_new
        return X
    if isinstance(X, list):
        X = np.asarray(X)
    order = np.arange(X.shape[0])
    order[rows] = X.shape[0] + np.arange(len(rows))
    if sparse.issparse(X):
        return sparse.vstack([X, X_new]).tocsr()[order]
    return np.concatenate([X, X_new])[order]  # labels may be longer than those that were there


def _like(X: MatrixLike, X_new: MatrixLike) -> MatrixLike:
    """Return new rows as X is stored."""
    if sparse.issparse(X):
        return sparse.csr_matrix(X_new, dtype=X.dtype)
    return (X_new.toarray() if sparse.issparse(X_new) else X_new).astype(X.dtype)


def last_of_class(problem: Problem, present: np.ndarray | None = None) -> np.ndarray:
    """Tell which rows are the only ones of some class, among those of a mask.

    Parameters
    ----------
    problem : Problem
        The fitted problem.
    present : ndarray of bool of shape (n,), default=None
        The rows that count; None means all.

    Returns
    -------
    last : ndarray of bool of shape (n,)
        All False for a regression.
    """
    last = np.zeros(problem.n_rows, dtype=bool)
    for codes in problem.targets.kinds(problem.y):
        last |= np.bincount(codes, present)[codes] == 1
    return last


def _require_classes(problem: Problem, new: NewRows) -> None:
    """Raise ValueError where a row is the only one of a class that it would leave."""
    for codes in problem.targets.kinds(np.vstack([problem.y, new.y])):
        before, after = codes[new.rows], codes[problem.n_rows :]
        alone = np.bincount(codes[: problem.n_rows])[before] == 1
        if np.any(alone & (before != after)):
            raise ValueError(
                f"Row(s) {new.rows[alone & (before != after)][:5].tolist()} are the only ones of "
                "their class, and without it the model cannot be fitted again; leave them out of "
                "`rows`."
            )
