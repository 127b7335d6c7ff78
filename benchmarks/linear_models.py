"""Do Newton steps agree with real refits, for every linear model and where it is hard?

Truth: ``leave_one_out``, one refit a row, each taken to its optimum. Pearson is the correlation of
estimate and truth over all test losses (or predictions) and rows pooled, slope the regression of
the estimate on the truth. The first order stands beside, for comparison.
"""

import argparse
import warnings

import numpy as np
from _report import agreement, print_table, verdict
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import (
    ARDRegression,
    BayesianRidge,
    ElasticNet,
    GammaRegressor,
    HuberRegressor,
    Lasso,
    LogisticRegression,
    MultiTaskLasso,
    PoissonRegressor,
    QuantileRegressor,
    SGDClassifier,
    SGDRegressor,
    TweedieRegressor,
)
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from skinfluence import InfluenceExplainer, leave_one_out

TIGHT = {"tol": 1e-10, "max_iter": 100_000}


def cancer(n_test=50):
    """Return breast cancer, standardised: X, X_test, y, y_test."""
    X, y = load_breast_cancer(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X, y, test_size=n_test, random_state=0, stratify=y)
    scaler = StandardScaler().fit(X)
    return scaler.transform(X), scaler.transform(X_test), y, y_test


def diabetes(n_test=50):
    """Return diabetes with columns of unit variance: X, X_test, y, y_test."""
    X, y = load_diabetes(return_X_y=True)
    return train_test_split(X / X.std(axis=0), y, test_size=n_test, random_state=0)


def heavy_tailed(n=3000, p=57, n_test=50):
    """Return rows of Student's t with 2 degrees of freedom, nearly separable: X, X_test, y, y_test.

    A few rows lie a hundred times as far out as the others. 1% of the labels contradict the
    direction that tells the classes apart.
    """
    rng = np.random.default_rng(0)
    X = rng.standard_t(2, size=(n + n_test, p))
    y = (X @ rng.normal(size=p) + 0.1 * rng.normal(size=len(X)) > 0).astype(int)
    y = np.where(rng.random(len(X)) < 0.01, 1 - y, y)
    return X[:n], X[n:], y[:n], y[n:]


def compare(model, split, rows=None, n_jobs=None):
    """Return {method: (Pearson, slope)} of the test losses."""
    X, X_test, y, y_test = split
    truth = leave_one_out(model, X, y, X_test, y_test, rows=rows, n_jobs=n_jobs)
    found = {}
    for method in ("newton", "influence"):
        explainer = InfluenceExplainer(model, method=method, refine=True).fit(X, y)
        found[method] = agreement(explainer.loss_influence(X_test, y_test, rows=rows), truth)
    return found


def line(name, found, pearson=0.0, slope=None):
    """Return a row of the table."""
    (r, b), first = found["newton"], found["influence"]
    wanted = f"{pearson:g}; 1 ± {slope:g}" if slope else "-"
    met = verdict(r >= pearson and abs(b - 1) <= slope) if slope else ""
    return name, wanted, f"{r:.6f}; {b:.4f}", met, f"{first[0]:.3f}; {first[1]:.2f}"


def logistic(n_jobs):
    """Logistic regression: breast cancer, then rows of high leverage."""
    for C, pearson, slope in ((1, 0.9999, 0.005), (100, 0.999, 0.01)):
        found = compare(LogisticRegression(C=C, **TIGHT), cancer(), n_jobs=n_jobs)
        yield line(f"LogisticRegression(C={C}), breast cancer", found, pearson, slope)
    split, model = heavy_tailed(), LogisticRegression(C=10, **TIGHT)
    explainer = InfluenceExplainer(model, method="newton", refine=True).fit(split[0], split[2])
    size = np.abs(explainer.loss_influence(split[1], split[3])).max(axis=0)
    strongest = np.argsort(-size)[:25]
    others = np.setdiff1d(np.arange(len(size)), strongest)
    drawn = np.random.default_rng(0).choice(others, size=35, replace=False)
    for name, rows in (
        ("25 most influential and 35 random", np.r_[strongest, drawn]),
        ("the 25 alone", strongest),
        ("the 35 alone", drawn),
    ):
        found = compare(model, split, rows, n_jobs)
        yield line(f"LogisticRegression(C=10), heavy-tailed, {name}", found, 0.999, 0.02)


def regressions(n_jobs):
    """The regressions, on diabetes."""
    split = diabetes()
    models = {
        PoissonRegressor(**TIGHT): (0.9995, 0.01),
        GammaRegressor(**TIGHT): (0.9995, 0.01),
        TweedieRegressor(power=1.5, **TIGHT): (0.9995, 0.01),
        TweedieRegressor(power=2.5, **TIGHT): (0.9995, 0.01),
        HuberRegressor(**TIGHT): (0.9995, 0.01),
        Lasso(alpha=1, **TIGHT): (0.99, 0.03),
        ElasticNet(alpha=1, **TIGHT): (0.99, 0.03),
        BayesianRidge(**TIGHT): (),
        ARDRegression(): (),
        QuantileRegressor(alpha=0.0): (),
    }
    for model, target in models.items():
        yield line(f"{short(model)}, diabetes", compare(model, split, n_jobs=n_jobs), *target)
    X, X_test, y, y_test = split
    for model in (Lasso(alpha=20, **TIGHT), ElasticNet(alpha=20, l1_ratio=0.9, **TIGHT)):
        found = compare(model, (X[:80], X_test, y[:80], y_test), n_jobs=n_jobs)
        yield line(f"{short(model)}, 80 rows of diabetes", found, 0.99, 0.03)
    targets = (
        np.column_stack([part, 20 * features[:, 0] - part])
        for features, part in ((X, y), (X_test, y_test))
    )
    found = compare(MultiTaskLasso(alpha=5, **TIGHT), (X, X_test, *targets), n_jobs=n_jobs)
    yield line("MultiTaskLasso(alpha=5), diabetes", found)


def stochastic(n_jobs):
    """Stochastic gradients against the exact minimiser; own refits of what does not reach it."""
    models = {
        SGDClassifier(loss="log_loss", alpha=0.01, random_state=0): cancer(),
        SGDRegressor(alpha=0.01, random_state=0): diabetes(),
    }
    for model, split in models.items():
        found = compare(model, split, n_jobs=n_jobs)
        yield line(f"{short(model)}, the exact minimiser", found, 0.999, 0.02)
        yield own_refits(model, split)
    yield own_refits(QuantileRegressor(alpha=0.0), diabetes())


def own_refits(model, split):
    """Return a row of the table: the estimator's own refits against the optima explained."""
    X, X_test, y, y_test = split
    rows = np.arange(0, len(y), 5)
    truth = leave_one_out(model, X, y, X_test, y_test, rows=rows)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        as_fitted = leave_one_out(model, X, y, X_test, y_test, rows=rows, refine=False)
    r, b = agreement(as_fitted, truth)
    return f"{short(model)}, its own refits", "-", f"{r:.6f}; {b:.4f}", "", ""


def short(model):
    """Return the estimator's name with what matters of its parameters."""
    shown = clone(model)
    shown.set_params(**{k: v for k, v in type(model)().get_params().items() if k in TIGHT})
    if "random_state" in shown.get_params():
        shown.set_params(random_state=None)
    return str(shown)


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n-jobs", type=int, default=-1)
    args = parser.parse_args()
    print("data: breast cancer and diabetes ship with scikit-learn; heavy-tailed is random")
    print("Pearson; slope against leave_one_out, 50 test losses, every training row left out")
    print("unless said otherwise\n")
    rows = [*logistic(args.n_jobs), *regressions(args.n_jobs), *stochastic(args.n_jobs)]
    print_table(("what", "target", "newton", "", "first order"), rows)


if __name__ == "__main__":
    main()
