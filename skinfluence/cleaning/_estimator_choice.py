"""``estimator="auto"``: of three kinds of classifier, that of the least out-of-sample risk.

A linear model, a forest and boosting predict each row without having seen it; the risk is the log
loss of the given labels, calibrated under the noise that was estimated from the same predictions,
so that a kind that is only too sure of itself is not passed over.
"""

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ._label_noise import label_noise
from ._out_of_sample import held_out
from ._second_view import LEAF, TREES


def usual_estimator() -> BaseEstimator:
    """Return a classifier for the time before one is chosen."""
    return LogisticRegression()


def chosen_estimator(
    X: Any,
    y: Any,
    sample_weight: Any,
    params: dict[str, Any],
    *,
    cv: Any,
    random_state: Any,
    n_jobs: int | None,
) -> BaseEstimator:
    """Return the classifier, not fitted, whose out-of-sample risk is least.

    Parameters
    ----------
    X, y, sample_weight, params, cv, random_state, n_jobs
        As in ``LabelCleaner``. Without a seed 0 is taken.

    Raises
    ------
    ValueError
        If X is not numbers.
    """
    _check_numbers(X)
    seed = 0 if random_state is None else random_state
    known = {"cv": cv, "random_state": seed, "n_jobs": n_jobs}
    codes = np.unique(np.asarray(y), return_inverse=True)[1]

    def risk(model):
        found = held_out(model, X, y, sample_weight, params, **known)
        return label_noise([np.asarray(found.probabilities)], codes, sample_weight).log_loss

    return min(_candidates(X, seed), key=risk)


def _check_numbers(X):
    kinds = [str(each) for each in getattr(X, "dtypes", [getattr(X, "dtype", "float64")])]
    if not all(kind.lower().startswith(("int", "uint", "float", "bool")) for kind in kinds):
        raise ValueError(
            "`estimator='auto'` takes columns of numbers. Encode the others first, or give a "
            "Pipeline that does, such as one of a ColumnTransformer and a classifier."
        )


def _candidates(X, seed):
    linear = make_pipeline(
        SimpleImputer(), StandardScaler(with_mean=False), LogisticRegression(max_iter=1000)
    )
    forest = RandomForestClassifier(TREES, min_samples_leaf=LEAF, random_state=seed)
    boosting = HistGradientBoostingClassifier(max_iter=50, random_state=seed)
    return [linear, forest] if hasattr(X, "tocsr") else [linear, forest, boosting]
