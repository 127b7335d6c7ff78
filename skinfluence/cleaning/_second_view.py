"""A second view of every row, by a model of another kind that has not seen it.

Where the border between classes is curved a linear model disagrees with right labels, and is sure
of it; where classes differ by a sum of many small effects a forest is unsure. Neither says so of
itself. Next to the other it does: see ``_label_noise``. What each is worth is told by the data.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.base import clone, is_classifier

from ._holding_out import HoldingOut
from ._models import forest, linear, numbers
from ._out_of_sample import OutOfSample
from ._training_rows import TrainingRows


def check_view(view: Any) -> None:
    """Raise ValueError unless a view is "auto", None or a classifier."""
    known = view is None or (isinstance(view, str) and view == "auto")
    classifier = not isinstance(view, type) and hasattr(view, "fit") and is_classifier(view)
    if not known and not classifier:
        raise ValueError(f"`second_view` must be 'auto', None or a classifier; got {view!r}.")


def second_view(
    view: Any, first: OutOfSample, rows: TrainingRows, features: Any, holding_out: HoldingOut
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
    rows : TrainingRows
        Rows of one of its ``groups`` would vouch for each other: with these there is no second
        view.
    features : array-like of n rows
        The training rows as the last step of a Pipeline takes them.
    holding_out : HoldingOut
    """
    no_classes = first.probabilities is None or first.source == "given"
    if view is None or no_classes or rows.params.get("groups") is not None:
        return None
    rows = replace(rows, params={})
    if not isinstance(view, str):
        return holding_out.out_of_sample(clone(view), rows).probabilities
    X = numbers(features)
    if X is None or X.shape[0] <= X.shape[1]:
        return None
    seed, n_jobs = holding_out.random_state, holding_out.n_jobs
    model = linear() if first.source == "out_of_bag" else forest(len(rows.kept), seed, n_jobs)
    return holding_out.out_of_sample(model, replace(rows, X=X)).probabilities
