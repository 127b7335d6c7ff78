"""A second view of every row, by a model of another kind that has not seen it.

Where the border between classes is curved a linear model disagrees with right labels, and is sure
of it; where classes differ by a sum of many small effects a forest is unsure. Neither says so of
itself. Next to the other it does: see ``_label_noise``. What each is worth is told by the data.
"""

from typing import Any

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_array

from .._sklearn_private import _safe_indexing
from ..adapters import fit_clone
from ._out_of_sample import OutOfSample, ProbabilitiesOf, held_out

#: Trees of the forest, and rows of a leaf: smoother votes are nearer to probabilities.
TREES, LEAF = 100, 5
#: Rows that each tree draws at most.
ROWS_OF_TREE = 10_000


def check_view(view: Any) -> None:
    """Raise ValueError unless a view is "auto", None or a classifier."""
    known = view is None or (isinstance(view, str) and view == "auto")
    classifier = not isinstance(view, type) and hasattr(view, "fit") and is_classifier(view)
    if not known and not classifier:
        raise ValueError(f"`second_view` must be 'auto', None or a classifier; got {view!r}.")


def second_view(
    view: Any,
    first: OutOfSample,
    X: Any,
    features: Any,
    y: Any,
    sample_weight: Any,
    params: dict[str, Any],
    *,
    cv: Any,
    random_state: Any,
    n_jobs: int | None,
) -> np.ndarray | None:
    """Return out-of-sample probabilities of the classes by another model; None if there is none.

    Parameters
    ----------
    view : "auto", estimator or None
        "auto" is a forest, or where the first view is one a logistic regression of standardised
        columns; none where X is not numbers, or has no more rows than columns, so that a linear
        model bends to any labels.
    first : OutOfSample
        The first view.
    X, features : array-like of n rows
        The training rows, and as the last step of a Pipeline takes them.
    y, sample_weight, params, cv, random_state, n_jobs
        As in ``LabelCleaner``. Rows of one of its ``groups`` would vouch for each other: with these
        there is no second view. Folds and trees without a seed are drawn with 0, so that the same
        rows are flagged each time.
    """
    no_classes = first.probabilities is None or first.source == "given"
    if view is None or no_classes or params.get("groups") is not None:
        return None
    seed = 0 if random_state is None else random_state
    if not isinstance(view, str):
        model = clone(view)
    else:
        X = _numbers(features)
        if X is None or X.shape[0] <= X.shape[1]:
            return None
        model = _another_kind(first, len(y), seed, n_jobs)
    known = {"cv": cv, "random_state": seed, "n_jobs": n_jobs}
    return _of_counted(model, X, y, sample_weight, known)


def _of_counted(model, X, y, sample_weight, known):
    """Return the probabilities by a model for which rows of weight 0 are not there."""
    if sample_weight is None or np.all(sample_weight):
        return held_out(model, X, y, sample_weight, {}, **known).probabilities
    rows, others = np.flatnonzero(sample_weight), np.flatnonzero(sample_weight == 0)
    data = _safe_indexing(X, rows), _safe_indexing(y, rows), sample_weight[rows]
    classes = np.unique(np.asarray(data[1]))
    probabilities = np.empty((len(sample_weight), len(classes)))
    probabilities[rows] = held_out(model, *data, {}, **known).probabilities
    fitted, predict = fit_clone(model, *data), ProbabilitiesOf(classes)
    probabilities[others] = predict(fitted, _safe_indexing(X, others))
    return probabilities


def _another_kind(first, n, seed, n_jobs):
    if first.source == "out_of_bag":
        return make_pipeline(StandardScaler(with_mean=False), LogisticRegression(max_iter=1000))
    return RandomForestClassifier(
        TREES,
        min_samples_leaf=LEAF,
        max_samples=ROWS_OF_TREE if n > ROWS_OF_TREE else None,
        random_state=seed,
        n_jobs=n_jobs,
    )


def _numbers(X):
    """Return X as numbers; None if it holds others, or misses some."""
    try:
        return check_array(X, accept_sparse=("csr", "csc"))
    except (TypeError, ValueError):
        return None
