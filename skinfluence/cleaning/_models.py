"""The models that are asked, or chosen, where the user names none."""

from typing import Any

from sklearn.base import BaseEstimator
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_array

#: Trees of the forest, and rows of a leaf: smoother votes are nearer to probabilities.
TREES, LEAF = 100, 5
#: Rows that each tree draws at most.
ROWS_OF_TREE = 10_000
#: Trees of boosting, for each class.
ROUNDS = 50


def linear() -> BaseEstimator:
    """Return a logistic regression of standardised columns, means where a number is missing."""
    scaled = SimpleImputer(), StandardScaler(with_mean=False)
    return make_pipeline(*scaled, LogisticRegression(max_iter=1000))


def forest(n_rows: int, random_state: Any, n_jobs: int | None) -> BaseEstimator:
    """Return a forest, of which trees draw some of many rows."""
    most = ROWS_OF_TREE if n_rows > ROWS_OF_TREE else None
    known = {"random_state": random_state, "n_jobs": n_jobs}
    return RandomForestClassifier(TREES, min_samples_leaf=LEAF, max_samples=most, **known)


def boosting(random_state: Any) -> BaseEstimator:
    """Return gradient boosting."""
    return HistGradientBoostingClassifier(max_iter=ROUNDS, random_state=random_state)


def numbers(X: Any, missing: bool = False) -> Any:
    """Return X as an array or sparse matrix of numbers; None if it holds others, or misses some."""
    finite: Any = "allow-nan" if missing else True
    try:
        return check_array(X, accept_sparse=("csr", "csc"), ensure_all_finite=finite)
    except (TypeError, ValueError):
        return None
