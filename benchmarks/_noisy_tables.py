"""Tables split in training and test rows, and ways to make some training labels wrong.

The tables are those of the folder ``tables``, breast cancer, digits and Enron1. 30% of the rows are
for tests and keep right labels. Columns are standardised, missing numbers are the median, texts are
one-hot, all as in the training rows; mails are sparse, binary counts of words.

    uniform     any row, to any other class
    pair        classes at rates that differ, each to one other class
    boundary    rows that a forest is least sure of, to the class that it takes for the next
    shuffled    the labels in another order: there is nothing to learn
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import StratifiedKFold, cross_val_predict, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skinfluence.datasets import data_path, load_enron1

SHIPPED = {"breast_cancer": load_breast_cancer, "digits": load_digits}
SPARSE = "Enron1"
RATES = (0.05, 0.1, 0.2, 0.3)
KINDS = ("uniform", "pair", "boundary")
CLEAN, SHUFFLED = ("clean", 0.0), ("shuffled", 0.0)
NOISES = [CLEAN, *((kind, rate) for kind in KINDS for rate in RATES), SHUFFLED]
#: Rows of each class that must be left after labels were made wrong.
LEAST = 5


def table_names():
    """Return the names of all tables."""
    folder = Path(data_path("tables/australian.csv.gz")).parent
    files = sorted(path.name.split(".")[0] for path in folder.glob("*.csv.gz"))
    return [*files, *SHIPPED, SPARSE]


@dataclass(frozen=True)
class Split:
    """Training rows with their right labels, codes from 0, and test rows."""

    name: str
    seed: int
    X: Any
    X_test: Any
    y: np.ndarray
    y_test: np.ndarray

    @property
    def folds(self):
        """Five shuffled folds."""
        return StratifiedKFold(5, shuffle=True, random_state=self.seed)

    @cached_property
    def sure(self):
        """Out-of-sample probabilities of a forest that is given the right labels."""
        forest = RandomForestClassifier(100, min_samples_leaf=3, random_state=self.seed)
        return cross_val_predict(forest, self.X, self.y, cv=self.folds, method="predict_proba")

    def noisy(self, kind, rate):
        """Return noisy labels; None if a class has fewer than five rows then."""
        given = flipped(self, kind, rate, np.random.default_rng(self.seed))
        counts = np.bincount(given, minlength=self.y.max() + 1)
        return None if counts.min() < LEAST else given


def split_of(name, seed):
    """Return the split of a table for a seed."""
    X, y, columns = _table(name)
    y = np.unique(y, return_inverse=True)[1]
    rows = train_test_split(np.arange(len(y)), test_size=0.3, random_state=seed, stratify=y)
    train, test = rows
    if isinstance(X, pd.DataFrame):
        X_train, X_test = X.iloc[train], X.iloc[test]
    else:
        X_train, X_test = X[train], X[test]
    X_train = columns.fit_transform(X_train)
    return Split(name, seed, X_train, columns.transform(X_test), y[train], y[test])


def _table(name):
    """Return rows, labels and what makes numbers of the columns."""
    if name == SPARSE:
        mails = load_enron1()
        words = CountVectorizer(binary=True, min_df=5, dtype=float)
        return np.array(mails.data, dtype=object), mails.target, words
    if name in SHIPPED:
        return *SHIPPED[name](return_X_y=True), StandardScaler()
    frame = pd.read_csv(data_path(f"tables/{name}.csv.gz"))
    X, y = frame.iloc[:, :-1], frame.iloc[:, -1].to_numpy(str)
    numbers = X.select_dtypes("number").columns
    others = X.columns.difference(numbers, sort=False)
    columns = make_column_transformer(
        (SimpleImputer(strategy="median"), list(numbers)),
        (OneHotEncoder(sparse_output=False, handle_unknown="ignore"), list(others)),
    )
    return X, y, make_pipeline(columns, StandardScaler())


def flipped(split, kind, rate, random):
    """Return labels of which a share ``rate`` is another one."""
    y = split.y
    n, K, noisy = len(y), y.max() + 1, y.copy()
    if kind == "shuffled":
        return random.permutation(y)
    chances, to = np.ones(n), (y + random.integers(1, K, n)) % K
    if kind == "pair":
        chances = random.uniform(0, 2, K)[y]
        to = (np.arange(K) + random.integers(1, K))[y] % K
    if kind == "boundary":
        own, others = split.sure[np.arange(n), y], split.sure.copy()
        others[np.arange(n), y] = -1
        chances, to = np.exp(-4 * (own - others.max(axis=1))), others.argmax(axis=1)
    rows = random.choice(n, round(rate * n), replace=False, p=chances / chances.sum())
    noisy[rows] = to[rows]
    return noisy
