"""Which estimator judges a table, by its target and the name of a model."""

from collections.abc import Callable

from sklearn.base import BaseEstimator
from sklearn.linear_model import (
    HuberRegressor,
    LogisticRegression,
    Ridge,
    RidgeClassifier,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline
from sklearn.svm import LinearSVC

from ._column_kinds import Column
from ._feature_steps import feature_steps
from ._table_error import TableError
from ._target_column import Target

#: Multiplications that the leverages of all rows may take at one penalty; several are tried.
WORK = 5e11
#: Of the features of all texts, at least and at most.
FEWEST_WORDS, MOST_WORDS = 300, 50_000

MODELS: dict[str, dict[str, Callable[[int], BaseEstimator]]] = {
    "classification": {
        "logistic": lambda n_classes: _logistic(n_classes),
        "ridge": lambda n_classes: RidgeClassifier(),
        "svm": lambda n_classes: LinearSVC(),
    },
    "regression": {
        "ridge": lambda n_classes: Ridge(),
        "huber": lambda n_classes: HuberRegressor(max_iter=1000),
    },
}


def model_for(columns: list[Column], target: Target, name: str | None = None) -> Pipeline:
    """Return the pipeline that predicts a target from the columns of a table.

    Parameters
    ----------
    columns : list of Column
    target : Target
    name : str, default=None
        A model of the target's task; None means the first of ``MODELS``.

    Raises
    ------
    TableError
        If the model is none for the task, or no column is left to learn from.
    """
    choices = MODELS[target.task]
    name = name or next(iter(choices))
    if name not in choices:
        other = next(task for task in MODELS if task != target.task)
        raise TableError(
            f"--model {name} is not for {target.task}, which {target.name!r} looks like. Use "
            f"{' or '.join(choices)}, or say --task {other}."
        )
    if all(column.kind == "ignore" for column in columns):
        raise TableError(
            "No column is left to learn from: all are empty, constant or identifiers. Add columns, "
            "or name their kind, as in --type column=category."
        )
    n_classes = len(set(target.values)) if target.task == "classification" else 1
    n_rows = len(target.rows)
    features = feature_steps(columns, n_rows, most_words(n_rows, n_classes))
    return Pipeline([("features", features), ("model", choices[name](n_classes))])


def most_words(n_rows: int, n_classes: int) -> int:
    """Return how many words can be counted while the leverages take no more than ``WORK``.

    In the dual, with as many unknowns as rows, the number of words does not matter.
    """
    outputs = n_classes if n_classes > 2 else 1
    affordable = int((WORK / (n_rows * outputs)) ** 0.5)
    if n_rows * outputs <= affordable:
        return MOST_WORDS
    return min(max(affordable, FEWEST_WORDS), MOST_WORDS)


def _logistic(n_classes: int) -> BaseEstimator:
    """Return a logistic regression; of many classes, one for each of them."""
    model = LogisticRegression(max_iter=1000)
    return model if n_classes <= 3 else OneVsRestClassifier(model)
