"""Are machines with kinks followed exactly, and faster than they are refitted?

"newton" goes to the optimum of the machine as it was trained without each row. The truth is a cold
refit of scikit-learn's own estimator without the row at tol=1e-8. Rows whose dual coefficient is
zero move nothing: they are skipped on both sides.

    agreement    test losses without each row, six tables: Pearson, slope, and the largest error
                 over the largest change
    time         50 test losses without every row, over as many cold refits
    cleaner      LabelCleaner(SVC()) on 300 rows, over five shuffled folds of the SVC
    threads      rows of an SVC of 700 x 57 with two BLAS threads, over one
"""

import argparse
import warnings
from time import perf_counter

import numpy as np
from _report import agreement, print_table, verdict
from sklearn.base import clone, is_classifier
from sklearn.datasets import load_diabetes, make_classification, make_regression
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import QuantileRegressor
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.preprocessing import scale
from sklearn.svm import SVC, SVR, LinearSVC, LinearSVR
from threadpoolctl import threadpool_limits

from skinfluence import InfluenceExplainer, LabelCleaner
from skinfluence.datasets import data_path

TIGHT = {"tol": 1e-8}
LINEAR = {**TIGHT, "max_iter": 10_000_000, "random_state": 0}
TABLES = ("australian", "wisconsin", "ionosphere")
N_TEST = 50

CLASSIFIERS = {
    "SVC": SVC(gamma="auto", **TIGHT),
    "LinearSVC": LinearSVC(loss="hinge", C=0.1, **LINEAR),
}
REGRESSIONS = {
    "SVR": SVR(gamma="auto", epsilon=0.2, **TIGHT),
    "LinearSVR": LinearSVR(epsilon=0.2, C=0.1, **LINEAR),
    "QuantileRegressor": QuantileRegressor(alpha=0.01),
}


def table(name, n_rows=300):
    """Return a table with two classes, standardised, some of its rows: X, X_test, y, y_test."""
    cells = np.loadtxt(data_path(f"tables/{name}.csv.gz"), delimiter=",", skiprows=1, dtype=str)
    y = (cells[:, -1] == cells[0, -1]).astype(int)
    return split(cells[:, :-1].astype(float), y, n_rows)


def regressions(n_rows=300):
    """Yield (name, split) of diabetes and of two tables that are made, of unit variance."""
    yield "diabetes", split(*load_diabetes(return_X_y=True), n_rows)
    shape = {"n_samples": n_rows + N_TEST, "random_state": 0}
    X, y = make_regression(n_features=8, noise=30, **shape)
    yield "normal noise", split(X, y, n_rows)
    random = np.random.RandomState(1)
    X = random.standard_normal((n_rows + N_TEST, 5))
    yield "heavy tails", split(X, np.sin(2 * X[:, 0]) + random.standard_t(2, len(X)), n_rows)


def split(X, y, n_rows):
    """Return X, X_test, y, y_test of rows at random, columns scaled, and y of no classes too."""
    order = np.random.RandomState(0).permutation(len(y))[: n_rows + N_TEST]
    X, y = scale(X[order]), y[order]
    y = y if y.dtype.kind == "i" else scale(y)
    return X[N_TEST:], X[:N_TEST], y[N_TEST:], y[:N_TEST]


def losses(model, X, y):
    """Return the losses that a model was trained on, of other rows."""
    if is_classifier(model):
        return np.maximum(1 - (2 * y - 1) * model.decision_function(X), 0)
    residual = y - model.predict(X)
    if isinstance(model, QuantileRegressor):
        return np.maximum(model.quantile * residual, (model.quantile - 1) * residual)
    return np.maximum(np.abs(residual) - model.epsilon, 0)


def refit_without(model, X, y, rows):
    """Yield the model fitted again, cold, without each row."""
    for row in rows:
        kept = np.arange(len(y)) != row
        yield clone(model).fit(X[kept], y[kept])


def moving(explainer, X):
    """Return the rows that move the machine."""
    return np.flatnonzero(np.any(explainer.prediction_influence(X) != 0, axis=0))


def compare(model, X, X_test, y, y_test):
    """Return Pearson, slope, and the largest error over the largest change, of the test losses."""
    explainer = InfluenceExplainer(model, method="newton").fit(X, y)
    rows, truth = moving(explainer, X), np.zeros((len(y_test), len(y)))
    before = losses(clone(model).fit(X, y), X_test, y_test)
    for row, after in zip(rows, refit_without(model, X, y, rows)):
        truth[:, row] = losses(after, X_test, y_test) - before
    estimate = explainer.loss_influence(X_test, y_test)
    worst = np.abs(estimate - truth).max() / np.abs(truth).max()
    return *agreement(estimate, truth), worst


def accuracy():
    """Print how far test losses agree."""
    rows = []
    data = [(CLASSIFIERS, name, table(name)) for name in TABLES]
    data += [(REGRESSIONS, name, part) for name, part in regressions()]
    for models, where, (X, X_test, y, y_test) in data:
        for name, model in models.items():
            r, slope, worst = compare(model, X, X_test, y, y_test)
            met = verdict(r >= 0.9999 and abs(slope - 1) <= 0.005)
            rows.append((f"{name}, {where}", f"{r:.6f}", f"{slope:.4f}", f"{worst:.1e}", met))
    print_table(("test losses", "Pearson", "slope", "largest error", "0.9999; 1 ± 0.005"), rows)


def time_rows(name, model, X, y, n_refits=40):
    """Return a line: seconds for all rows, and for as many refits, a few of them really done."""
    explainer = InfluenceExplainer(model, method="newton").fit(X, y)
    start = perf_counter()
    explainer.loss_influence(X[:N_TEST], y[:N_TEST])
    followed, rows = perf_counter() - start, moving(explainer, X)
    chosen = rows[:: max(1, len(rows) // n_refits)]
    start = perf_counter()
    for _ in refit_without(model, X, y, chosen):
        pass
    refitted = (perf_counter() - start) / len(chosen) * len(rows)
    ratio = followed / refitted
    return f"{name}, {len(y)} rows", len(rows), followed, refitted, ratio, verdict(ratio <= 0.3)


def speed(sizes):
    """Print how long all rows take, over refits."""
    rows = []
    for n in sizes:
        X, y = make_classification(
            n, 20, n_informative=8, flip_y=0.1, class_sep=0.7, random_state=0
        )
        Xr, yr = make_regression(n, 20, n_informative=8, noise=30, random_state=0)
        data = {"C": (scale(X), y), "R": (scale(Xr), scale(yr))}
        for name, model in (CLASSIFIERS | REGRESSIONS).items():
            rows.append(time_rows(name, model, *data[name[-1].upper()]))
    print_table(("time", "rows that move", "newton s", "refits s", "over", "0.3"), rows)


def cleaner():
    """Print how long labels take, over folds."""
    X, _, y, _ = table("australian")
    y = np.where(np.random.RandomState(0).uniform(size=len(y)) < 0.1, 1 - y, y)
    start = perf_counter()
    LabelCleaner(SVC()).fit(X, y)
    cleaned = perf_counter() - start
    start = perf_counter()
    folds = StratifiedKFold(shuffle=True, random_state=0)
    cross_val_predict(SVC(probability=True, random_state=0), X, y, cv=folds, method="predict_proba")
    folded = perf_counter() - start
    start = perf_counter()
    cross_val_predict(SVC(), X, y, cv=folds, method="decision_function")
    plain = perf_counter() - start
    print_table(
        ("cleaner", "seconds", "over", "5"),
        [
            ("LabelCleaner(SVC()), 300 rows", cleaned, "", ""),
            ("five folds, probabilities", folded, cleaned / folded, verdict(cleaned <= 5 * folded)),
            ("five folds, decision values", plain, cleaned / plain, verdict(cleaned <= 5 * plain)),
        ],
    )


def threads():
    """Print what a second BLAS thread costs."""
    random = np.random.RandomState(0)
    X = random.standard_normal((700, 57))
    y = (X[:, :8].sum(axis=1) + 2 * random.standard_normal(700) > 0).astype(int)
    taken = {}
    for n_threads in (1, 2, 1, 2):
        with threadpool_limits(n_threads):
            explainer = InfluenceExplainer(SVC(), method="newton").fit(X, y)
            start = perf_counter()
            explainer.self_influence()
            spent = perf_counter() - start
        taken[n_threads] = min(spent, taken.get(n_threads, np.inf))
    ratio = taken[2] / taken[1]
    print_table(
        ("threads", "one, s", "two, s", "over", "1.1"),
        [("SVC, 700 x 57", taken[1], taken[2], ratio, verdict(ratio <= 1.1))],
    )


def main():
    """Print all tables, or those that are named."""
    parts = {"agreement": accuracy, "time": None, "cleaner": cleaner, "threads": threads}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", default=[*parts], help=", ".join(parts))
    parser.add_argument("--sizes", type=int, nargs="*", default=[300, 1000])
    args = parser.parse_args()
    parts["time"] = lambda: speed(args.sizes)
    warnings.simplefilter("ignore", ConvergenceWarning)
    for name in args.parts:
        parts[name]()
        print()


if __name__ == "__main__":
    main()
