"""Does removing the witnesses of a flag move the margin as ``contradicting_rows`` predicts?

A tenth of the labels are made wrong, uniformly. For each flagged row, the most suspicious first,
its ten witnesses are left out together, the logistic regression is refitted at the penalty that
rows were scored with, and the change of the margin between the suggested and the given label

    raw_suggested(x_i) - raw_given(x_i)

is compared with the sum of their ``influence``. A witness is near if it is among the tenth of the
other training rows that are nearest, Euclidean in standardised columns.
"""

import warnings

import numpy as np
from _noisy_tables import split_of
from joblib import Parallel, delayed
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from skinfluence import LabelCleaner

TABLES = ("australian", "breast_cancer", "german", "ionosphere", "vowel", "wisconsin")
N_WITNESSES, MOST_FLAGS = 10, 20


def margins(model, X, suggested, given):
    """Return raw_suggested - raw_given of rows, labels as codes."""
    raw = model.decision_function(X)
    if raw.ndim == 1:
        raw = np.column_stack([np.zeros(len(raw)), raw])
    rows = np.arange(len(raw))
    return raw[rows, suggested] - raw[rows, given]


def witnesses_of_table(name, seed):
    """Return a record for every flag, the most suspicious first."""
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        split = split_of(name, seed)
        X, given = split.X, split.noisy("uniform", 0.1)
        cleaner = LabelCleaner(LogisticRegression(max_iter=1000)).fit(X, given)
        flags = cleaner.ranking_[cleaner.flagged_[cleaner.ranking_]][:MOST_FLAGS]
        found = cleaner.contradicting_rows(flags, k=N_WITNESSES)
        model = LogisticRegression(C=cleaner.penalty_, tol=1e-8, max_iter=10_000, warm_start=True)
        labels = cleaner.suggested_labels_[flags], given[flags]
        before = margins(model.fit(X, given), X[flags], *labels)
        return [
            {
                "table": name,
                "predicted": found.influence[i].sum(),
                "real": margin_without(others, model, X, given, flags[i], labels[0][i]) - before[i],
                "near": np.isin(others, nearest_tenth(X, flags[i])).mean(),
            }
            for i, others in enumerate(found.rows)
        ]


def margin_without(others, model, X, given, row, suggested):
    """Return the margin of a row under the model refitted without others."""
    model.fit(np.delete(X, others, axis=0), np.delete(given, others))
    return margins(model, X[[row]], [suggested], given[[row]])[0]


def nearest_tenth(X, row):
    """Return the tenth of the other rows that are nearest to one."""
    distances = np.linalg.norm(X - X[row], axis=1)
    distances[row] = np.inf
    return np.argsort(distances, kind="stable")[: (len(X) - 1) // 10]


def witnesses(n_seeds, n_jobs):
    """Return the records of all tables."""
    tasks = (delayed(witnesses_of_table)(name, seed) for name in TABLES for seed in range(n_seeds))
    return [record for records in Parallel(n_jobs=n_jobs)(tasks) for record in records]
