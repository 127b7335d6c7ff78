"""Does cross-validation from one fit choose the same penalty as real cross-validation?

Features are standardised with the whole data beforehand: a scaler inside a Pipeline would be held
as it was fitted on all rows, and real cross-validation would fit it again.
"""

import argparse
import time

import numpy as np
from _report import print_table, verdict
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss, make_scorer
from sklearn.model_selection import KFold, LeaveOneOut, StratifiedKFold, cross_val_score
from sklearn.preprocessing import scale

from skinfluence.metrics import approximate_cross_val_score

GRID = [10.0**power for power in (-3, -2, -1, 0, 1, 2, 3)]


def logistic(C):
    """Return a logistic regression that reaches its optimum."""
    return LogisticRegression(C=C, tol=1e-6, max_iter=10_000)


def neg_log_loss(classes):
    """Return the scorer of log loss that knows the classes, as a fold of one row needs."""
    return make_scorer(
        log_loss, response_method="predict_proba", greater_is_better=False, labels=classes
    )


def compare(make_model, X, y, cv, scoring, grid=GRID):
    """Return mean scores over the grid by one fit and by real folds, and the seconds of each."""
    means, seconds = [], []
    for score in (approximate_cross_val_score, cross_val_score):
        start = time.perf_counter()
        means.append([score(make_model(v), X, y, cv=cv, scoring=scoring).mean() for v in grid])
        seconds.append(time.perf_counter() - start)
    return *np.array(means), *seconds


def row(name, make_model, X, y, cv, scoring, grid=GRID):
    """Return a row of the table."""
    approximate, real, fast, slow = compare(make_model, X, y, cv, scoring, grid)
    chosen = [f"{grid[np.argmax(means)]:g}" for means in (approximate, real)]
    folds = "each row" if isinstance(cv, LeaveOneOut) else f"{cv.n_splits} folds"
    difference = f"{np.abs(approximate - real).max():.1e}"
    times = f"{slow:.1f} / {fast:.1f} = {slow / fast:.1f}"
    return name, folds, *chosen, difference, f"{np.ptp(real):.2g}", times, agree(*chosen)


def agree(one, other):
    """Return the verdict on the two values chosen."""
    return verdict(one == other)


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--digits", type=int, default=3, help="values of C on digits")
    args = parser.parse_args()
    print("data: breast cancer, digits and diabetes ship with scikit-learn")
    print(f"grid of C and alpha: {', '.join(f'{value:g}' for value in GRID)}")
    print("difference: the largest over the grid of the mean score; spread: of the real means\n")
    rows = []
    X, y = load_breast_cancer(return_X_y=True)
    X, loss = scale(X), neg_log_loss([0, 1])
    folds = StratifiedKFold(10, shuffle=True, random_state=0)
    for cv in (folds, LeaveOneOut()):
        rows.append(row("cancer, C, log loss", logistic, X, y, cv, loss))
        rows.append(row("cancer, C, accuracy", logistic, X, y, cv, "accuracy"))
    X, y = load_diabetes(return_X_y=True)
    for cv in (KFold(10, shuffle=True, random_state=0), LeaveOneOut()):
        name = "diabetes, alpha, squared error"
        rows.append(row(name, Ridge, X, y, cv, "neg_mean_squared_error"))
    X, y = load_digits(return_X_y=True)
    grid = GRID[:: max(1, len(GRID) // args.digits)][: args.digits]
    loss = neg_log_loss(np.arange(10))
    rows.append(row(f"digits, {len(grid)} of C, log loss", logistic, X / 16, y, folds, loss, grid))
    header = ("what", "left out", "one fit", "real", "difference", "spread", "seconds, ratio", "")
    print_table(header, rows)


if __name__ == "__main__":
    main()
