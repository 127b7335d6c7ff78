"""How well does LabelCleaner rank flipped labels, beside cleanlab and plain losses?

A tenth of the labels are flipped to another class at random. Average precision of each ranking of
the rows, 1 if all flipped ones come first:

    LabelCleaner          as it comes: leave-one-out loss at the penalty it chooses
    LabelCleaner, keep    the same at the user's C
    train loss            the loss of each row under the model that was fitted on it
    cleanlab, 5 folds     self-confidence from shuffled 5-fold cross_val_predict
    CleanLearning         the label quality of cleanlab's own meta-estimator

at C=1 (scikit-learn's default) and at the C that LabelCleaner chose.
"""

import argparse
import logging
import os
import warnings

import numpy as np
from _report import mean_and_error, origin, print_table, verdict
from cleanlab.classification import CleanLearning
from cleanlab.rank import get_self_confidence_for_each_label
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, f1_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from threadpoolctl import threadpool_limits

from skinfluence import LabelCleaner
from skinfluence.datasets import load_enron1

FLIPPED, SLACK = 0.1, 0.01
OURS = "LabelCleaner"


def model_at(steps, C):
    """Return the preprocessing steps and a logistic regression."""
    return make_pipeline(*map(clone, steps), LogisticRegression(C=C, max_iter=10_000))


def flip(y, rng):
    """Return integer labels of which a tenth are another one, and the mask of these."""
    flipped = np.zeros(len(y), dtype=bool)
    flipped[rng.choice(len(y), round(FLIPPED * len(y)), replace=False)] = True
    n_classes = y.max() + 1
    other = (y + rng.integers(1, n_classes, size=len(y))) % n_classes
    return np.where(flipped, other, y), flipped


def suspicions(steps, X, labels, C, seed):
    """Return the competitors' suspicion of every row at one C, higher is worse."""
    model = model_at(steps, C)
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    probabilities = cross_val_predict(model, X, labels, cv=folds, method="predict_proba")
    one_process = {"n_jobs": 1}  # the draws run in parallel already
    learner = CleanLearning(model_at(steps, C), seed=seed, find_label_issues_kwargs=one_process)
    quality = learner.find_label_issues(X, labels)["label_quality"].to_numpy()
    keep = LabelCleaner(model, penalty="keep", action="keep").fit(X, labels)
    loss = LabelCleaner(model, score="loss", penalty="keep", action="keep").fit(X, labels)
    return {
        "LabelCleaner, keep": keep.label_scores_,
        "train loss": loss.label_scores_,
        "cleanlab, 5 folds": -get_self_confidence_for_each_label(labels, probabilities),
        "CleanLearning": -quality,
    }


def one_draw(steps, X, y, draw):
    """Return average precisions {(ranking, C)}, and what LabelCleaner chose and flagged."""
    labels, flipped = flip(y, np.random.default_rng(draw))
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        logging.disable(logging.WARNING)
        cleaner = LabelCleaner(model_at(steps, 1.0)).fit(X, labels)
        precision = {(OURS, "chosen"): average_precision_score(flipped, cleaner.label_scores_)}
        for name, C in {"1": 1.0, "chosen": cleaner.penalty_}.items():
            for ranking, scores in suspicions(steps, X, labels, C, draw).items():
                precision[ranking, name] = average_precision_score(flipped, scores)
    flagged = cleaner.flagged_
    return precision, {
        "C": cleaner.penalty_,
        "flagged": flagged.sum(),
        "flipped": flipped.sum(),
        "F1": f1_score(flipped, flagged),
    }


def compare(name, steps, X, y, draws, n_jobs, target=None):
    """Print the tables of one data set."""
    tasks = (delayed(one_draw)(steps, X, y, draw) for draw in range(draws))
    precisions, details = zip(*Parallel(n_jobs=n_jobs)(tasks))
    table = {key: np.array([draw[key] for draw in precisions]) for key in precisions[0]}
    print(f"\n{name}: {X.shape[0]} rows, mean of {draws} draws ± standard error\n")
    rankings = [OURS, *(ranking for ranking, C in table if C == "1")]
    rows = []
    for ranking in rankings:
        cells = [table.get((ranking, C)) for C in ("1", "chosen")]
        rows.append((ranking, *("-" if cell is None else mean_and_error(cell) for cell in cells)))
    print_table(("average precision", "C=1", "C chosen"), rows)
    print()
    print_table(("what", "target", "measured", ""), targets(table, target))
    chosen, counts = np.unique([detail["C"] for detail in details], return_counts=True)
    print("\nC chosen: " + ", ".join(f"{C:.3g} ({n}x)" for C, n in zip(chosen, counts)))
    flags = [mean_and_error([detail[key] for detail in details]) for key in ("flagged", "F1")]
    print(f'contamination="auto": {flags[0]} rows flagged of {details[0]["flipped"]} flipped,')
    print(f"F1 {flags[1]}")


def targets(table, target):
    """Return the rows that say whether LabelCleaner reached its targets."""
    ours = table[OURS, "chosen"].mean()
    if target is not None:
        yield "LabelCleaner as it comes", f"{target}", ours, verdict(ours >= target)
    rivals = [key for key in table if not key[0].startswith(OURS)]
    for ranking, C in rivals:
        gap = table[OURS, "chosen"] - table[ranking, C]
        required = target is None or C == "chosen"
        wanted = f">= -{SLACK}" if required else "-"
        met = verdict(gap.mean() >= -SLACK) if required else ""
        where = "C=1" if C == "1" else "C chosen"
        yield f"minus {ranking}, {where}", wanted, mean_and_error(gap), met


def main():
    """Print the tables of the three data sets."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=10, help="draws on Enron1")
    parser.add_argument("--small-draws", type=int, default=5, help="on breast cancer and digits")
    parser.add_argument("--n-jobs", type=int, default=os.cpu_count())
    args = parser.parse_args()
    print(f"data: {origin('enron1.csv.gz')};")
    print("      breast cancer and digits ship with scikit-learn")
    if args.draws:
        mails = load_enron1()
        X = CountVectorizer(binary=True, min_df=5, dtype=float).fit_transform(mails.data)
        y = (mails.target == "spam").astype(int)
        compare("Enron1, binary counts, min_df=5", (), X, y, args.draws, args.n_jobs, 0.95)
    if not args.small_draws:
        return
    standardised, small = (StandardScaler(),), (args.small_draws, args.n_jobs)
    X, y = load_breast_cancer(return_X_y=True)
    compare("breast cancer, standardised", standardised, X, y, *small)
    X, y = load_digits(return_X_y=True)
    compare("digits, standardised", standardised, X, y, *small)
    compare("digits, pixels / 16", (FunctionTransformer(),), X / 16, y, *small)


if __name__ == "__main__":
    main()
