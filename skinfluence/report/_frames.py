"""Answers as tidy pandas DataFrames, their rows named as in the frames that were given."""

from typing import Any

import numpy as np
from sklearn.utils import Bunch


def import_pandas(caller: str) -> Any:
    """Return ``pandas``; ImportError that names the extra if it is not installed."""
    try:
        import pandas
    except ImportError as error:
        raise ImportError(
            f"{caller} needs pandas; install it with `pip install skinfluence[data]`."
        ) from error
    return pandas


def row_names(X: Any) -> Any:
    """Return the index of a pandas DataFrame or Series; None of anything else."""
    return X.index if hasattr(X, "iloc") else None


def named(rows: np.ndarray, names: Any) -> Any:
    """Return the names of rows, an array of positions; the positions where there are no names."""
    return rows if names is None else names.to_flat_index()[rows]


def label_columns(name: str, labels: np.ndarray) -> dict[str, Any]:
    """Return ``{name: labels}``, or a column ``name_k`` for every output k of two-dimensional y."""
    if np.ndim(labels) == 1:
        return {name: labels}
    return {f"{name}_{k}": column for k, column in enumerate(np.transpose(labels))}


def influence_frame(found: Bunch, y: np.ndarray, training_names: Any, test_names: Any) -> Any:
    """Return what ``most_influential`` found as a DataFrame, a row each, strongest first.

    Parameters
    ----------
    found : Bunch
        ``helpful``, ``harmful``, ``helpful_influence``, ``harmful_influence``, each (n_test, k).
    y : ndarray of shape (n_train,) or (n_train, n_outputs)
        The training rows' own labels.
    training_names, test_names : Index or None
        Of the rows.
    """
    pandas = import_pandas("most_influential(as_frame=True)")
    n_test, k = found.helpful.shape
    rows = np.hstack([found.helpful, found.harmful]).ravel()
    columns = {
        "test_row": named(np.repeat(np.arange(n_test), 2 * k), test_names),
        "role": np.tile(np.repeat(["helpful", "harmful"], k), n_test),
        "rank": np.tile(np.arange(1, k + 1), 2 * n_test),
        "training_row": named(rows, training_names),
        **label_columns("label", y[rows]),
        "influence": np.hstack([found.helpful_influence, found.harmful_influence]).ravel(),
    }
    return pandas.DataFrame(columns)
