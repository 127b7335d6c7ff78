"""Flags, suggestions and the model that comes out, on tables with flipped labels.

Each table is split, 30% with right labels for tests; labels of the others are flipped: uniformly,
by class pair (rates that differ, each class to one other), or near the boundary (where a forest is
least sure). A logistic regression on standardised columns is cleaned by ``LabelCleaner`` and, from
five shuffled folds of the same model, by cleanlab. Nothing here was used to choose a rule.

    F1, precision, recall      of flags, given which labels were flipped
    log loss, area, balanced   of the model that comes out on the test rows, less no cleaning
    share off                  mean absolute error of the estimated share of wrong labels

Set DECISIONS_SEEDS for another number of seeds than 2.
"""

import os
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from _report import print_table
from cleanlab.filter import find_label_issues
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, balanced_accuracy_score, roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict, train_test_split
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skinfluence import LabelCleaner
from skinfluence.datasets import data_path

SEEDS = int(os.environ.get("DECISIONS_SEEDS", "2"))
NOISES = [
    ("uniform", 0.0),
    ("uniform", 0.05),
    ("uniform", 0.1),
    ("uniform", 0.2),
    ("uniform", 0.3),
    ("pair", 0.1),
    ("boundary", 0.1),
    ("shuffled", 0.0),
]


def tables():
    """Yield (name, X, y) of every table, columns as numbers."""
    for path in sorted(Path(data_path("tables/australian.csv.gz")).parent.glob("*.csv.gz")):
        frame = pd.read_csv(path)
        X, y = frame.iloc[:, :-1], frame.iloc[:, -1].to_numpy(str)
        numbers = X.select_dtypes("number").columns
        others = X.columns.difference(numbers, sort=False)
        columns = make_column_transformer(
            (SimpleImputer(strategy="median"), list(numbers)),
            (OneHotEncoder(sparse_output=False, handle_unknown="ignore"), list(others)),
        )
        yield (
            path.name.split(".")[0],
            columns.fit_transform(X),
            np.unique(y, return_inverse=True)[1],
        )
    for load in (load_breast_cancer, load_digits):
        X, y = load(return_X_y=True)
        yield load.__name__[5:], X, y


def flip(y, kind, rate, random, sure):
    """Return noisy labels."""
    n, K, noisy = len(y), y.max() + 1, y.copy()
    if kind == "shuffled":
        return random.permutation(y)
    chances, to = np.ones(n), (y + random.randint(1, K, n)) % K
    if kind == "pair":
        chances = random.uniform(0, 2, K)[y]
        to = (np.arange(K) + random.randint(1, K))[y] % K
    if kind == "boundary":
        own, others = sure[np.arange(n), y], sure.copy()
        others[np.arange(n), y] = -1
        chances, to = np.exp(-4 * (own - others.max(axis=1))), others.argmax(axis=1)
    rows = random.choice(n, round(rate * n), replace=False, p=chances / chances.sum())
    noisy[rows] = to[rows]
    return noisy


def judge(model, X, y):
    """Return log loss, area under the ROC curve and balanced accuracy."""
    found = np.clip(model.predict_proba(X), 1e-7, 1)
    found /= found.sum(axis=1, keepdims=True)
    rows = np.arange(len(y))
    score = found[:, 1] if found.shape[1] == 2 else found
    area = roc_auc_score(y, score, multi_class="ovr")
    return np.array(
        [-np.log(found[rows, y]).mean(), area, balanced_accuracy_score(y, found.argmax(axis=1))]
    )


def run(X, y, kind, rate, seed):
    """Return what both cleaners decided and what came out; None if a class is lost."""
    random = np.random.RandomState(seed)
    train, test = train_test_split(np.arange(len(y)), test_size=0.3, random_state=seed, stratify=y)
    scale = StandardScaler().fit(X[train])
    X_train, X_test, true = scale.transform(X[train]), scale.transform(X[test]), y[train]
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    forest = RandomForestClassifier(100, min_samples_leaf=3, random_state=seed)
    sure = cross_val_predict(forest, X_train, true, cv=folds, method="predict_proba")
    given = flip(true, kind, rate, random, sure)
    if len(np.unique(given)) < len(np.unique(true)) or np.bincount(given).min() < 5:
        return None
    wrong, model = given != true, LogisticRegression(max_iter=1000)
    before = judge(model.fit(X_train, given), X_test, y[test])
    cleaner = LabelCleaner(LogisticRegression(max_iter=1000)).fit(X_train, given)
    pred = cross_val_predict(model, X_train, given, cv=folds, method="predict_proba")
    issues = find_label_issues(given, pred, n_jobs=1)
    kept = ~issues
    theirs = before
    if len(np.unique(given[kept])) == len(np.unique(true)):
        theirs = judge(model.fit(X_train[kept], given[kept]), X_test, y[test])
    own = pred[np.arange(len(given)), given]
    return {
        "ours": figures(cleaner.flagged_, wrong, given)
        | {
            "ap": average_precision_score(wrong, cleaner.label_scores_) if wrong.any() else np.nan,
            "share": abs(cleaner.noise_rate_ - wrong.mean()),
            "change": judge(cleaner.estimator_, X_test, y[test]) - before,
        },
        "cleanlab": figures(issues, wrong, given)
        | {
            "ap": average_precision_score(wrong, -own) if wrong.any() else np.nan,
            "share": abs(issues.mean() - wrong.mean()),
            "change": theirs - before,
        },
    }


def figures(flagged, wrong, given):
    """Return F1, precision, recall, share flagged and the least share of a class that is kept."""
    hit = np.sum(flagged & wrong)
    kept = [1 - flagged[given == label].mean() for label in np.unique(given)]
    return {
        "F1": 2 * hit / max(flagged.sum() + wrong.sum(), 1),
        "precision": hit / flagged.sum() if flagged.any() else np.nan,
        "recall": hit / max(wrong.sum(), 1),
        "flagged": flagged.mean(),
        "kept": min(kept),
    }


def main():
    """Print the means over tables of every kind of noise."""
    warnings.filterwarnings("ignore")
    found = {noise: {"ours": [], "cleanlab": []} for noise in NOISES}
    names = {noise: [] for noise in NOISES}
    for name, X, y in tables():
        for noise in NOISES:
            for seed in range(SEEDS):
                result = run(X, y, *noise, seed)
                if result is None:
                    continue
                names[noise].append(name)
                for who, what in result.items():
                    found[noise][who].append(what)
    rows, changes = [], []
    for (kind, rate), by in found.items():
        noise = f"{kind} {rate:.0%}"
        for who, results in by.items():
            means = [
                np.nanmean([each[what] for each in results])
                for what in ("ap", "F1", "precision", "recall", "flagged", "share")
            ]
            least = min(each["kept"] for each in results)
            rows.append([noise, who, *(f"{mean:.3f}" for mean in means), f"{least:.2f}"])
            by_table = pd.DataFrame([each["change"] for each in results])
            mean = by_table.mean()
            worst = by_table.groupby(names[kind, rate]).mean()
            changes.append(
                [
                    noise,
                    who,
                    *(f"{value:+.4f}" for value in mean),
                    f"{worst[0].max():+.3f}",
                    f"{worst[1].min():+.3f}",
                    f"{np.mean([each['flagged'] > 0 for each in results]):.2f}",
                ]
            )
    headings = [
        "noise",
        "by",
        "AP",
        "F1",
        "precision",
        "recall",
        "flagged",
        "share off",
        "least kept",
    ]
    print(f"{len(set(names[NOISES[0]]))} tables, {SEEDS} seeds\n")
    print_table(headings, rows)
    print()
    headings = [
        "noise",
        "by",
        "log loss",
        "area",
        "balanced",
        "worst table",
        "worst area",
        "any flag",
    ]
    print_table(headings, changes)


if __name__ == "__main__":
    main()
