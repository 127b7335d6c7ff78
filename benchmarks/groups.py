"""Do the estimates agree with really removing whole groups of rows?

Truth: one refit a group, taken to its optimum. Groups are random rows, the rows nearest to one
row, and the worst case of Koh et al. (2019): the rows whose single influence on one test loss is
largest, of one sign. Pearson and slope are over all test losses and groups of one kind and size;
the slope is of the regression of the estimate on the truth.

Koh, P. W., Ang, K.-S., Teo, H. and Liang, P. (2019). On the accuracy of influence functions for
measuring group effects. NeurIPS.
"""

import argparse
import time

import numpy as np
from _report import print_table, verdict
from leave_one_out import agreement, logistic, split_of
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.linear_model import Ridge
from sklearn.metrics import pairwise_distances
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skinfluence import InfluenceExplainer

SHARES = (0.01, 0.05, 0.1, 0.2)
PEARSON, SLOPE = 0.999, 0.02


def random_rows(influence, X, size, n_groups, random):
    """Return masks of random groups."""
    chosen = [random.choice(len(X), size, replace=False) for _ in range(n_groups)]
    return masks(chosen, len(X))


def one_cluster(influence, X, size, n_groups, random):
    """Return masks of the rows nearest to a random row, in standardised features."""
    centres = random.choice(len(X), n_groups, replace=False)
    distances = pairwise_distances(X[centres], X)
    return masks(np.argsort(distances, axis=1)[:, :size], len(X))


def most_helpful(influence, X, size, n_groups, random):
    """Return masks of the rows that single influences call most helpful to one test row."""
    return masks(np.argsort(-influence[:n_groups], axis=1)[:, :size], len(X))


def most_harmful(influence, X, size, n_groups, random):
    """Return masks of the rows that single influences call most harmful to one test row."""
    return masks(np.argsort(influence[:n_groups], axis=1)[:, :size], len(X))


def masks(chosen, n):
    """Return (n, n_groups) from a list of rows a group."""
    return np.stack([np.isin(np.arange(n), rows) for rows in chosen], axis=1)


def removable(groups, y):
    """Return the groups without which every class is left."""
    if len(np.unique(y)) > 20:
        return groups
    left = [len(np.unique(y[~members])) == len(np.unique(y)) for members in groups.T]
    return groups[:, left]


def compare(model, split, n_groups, n_jobs, seed=0):
    """Yield (kind, share, newton's agreement, first order's, seconds of both and the truth)."""
    X, X_test, y, y_test = split
    random = np.random.default_rng(seed)
    explainers = {
        method: InfluenceExplainer(model, method=method, refine=method != "retrain", n_jobs=n_jobs)
        for method in ("newton", "influence", "retrain")
    }
    for explainer in explainers.values():
        explainer.fit(X, y)
    influence = explainers["influence"].loss_influence(X_test, y_test)
    whitened = StandardScaler().fit_transform(X)
    for kind in (random_rows, one_cluster, most_helpful, most_harmful):
        for share in SHARES:
            size = max(2, round(share * len(y)))
            groups = removable(kind(influence, whitened, size, n_groups, random), y)
            if not groups.size:
                continue
            found, seconds = {}, {}
            for method, explainer in explainers.items():
                start = time.perf_counter()
                found[method] = explainer.group_influence(X_test, y_test, groups)
                seconds[method] = time.perf_counter() - start
            agreed = [agreement(found[m], found["retrain"]) for m in ("newton", "influence")]
            yield kind.__name__.replace("_", " "), share, *agreed, seconds


def judge(name, model, split, n_groups, n_jobs):
    """Yield a row of the table for every kind and size of group."""
    for kind, share, newton, influence, seconds in compare(model, split, n_groups, n_jobs):
        met = newton[0] >= PEARSON and abs(newton[1] - 1) <= SLOPE
        judged = verdict(met) if share <= 0.1 else ""
        ratio = seconds["retrain"] / seconds["newton"]
        numbers = (f"{r:.5f}; {slope:.3f}" for r, slope in (newton, influence))
        yield f"{name}, {kind}", f"{share:.0%}", *numbers, f"{ratio:.1f}", judged


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--groups", type=int, default=10, help="groups of each kind and size")
    parser.add_argument("--n-test", type=int, default=30, help="test losses")
    parser.add_argument("--n-jobs", type=int, default=None)
    args = parser.parse_args()
    print("data: breast cancer, digits and diabetes ship with scikit-learn")
    print(f"{args.groups} groups of each kind and size, {args.n_test} test losses of each group")
    print(f"target of newton: Pearson {PEARSON}, slope 1 ± {SLOPE}, up to 10% of the rows")
    print("times: seconds of the refits over those of newton\n")
    cancer = split_of(load_breast_cancer, args.n_test, 0)
    digits = split_of(load_digits, args.n_test, 0)
    diabetes = split_of(load_diabetes, args.n_test, 0, stratify=False)
    few, jobs = max(3, args.groups // 3), args.n_jobs
    rows = list(judge("cancer, C=1", logistic(C=1.0), cancer, args.groups, jobs))
    rows += judge("cancer, C=100", logistic(C=100.0), cancer, args.groups, jobs)
    rows += judge("digits, C=0.1", logistic(C=0.1), digits, few, jobs)
    ridge = make_pipeline(StandardScaler(), Ridge(alpha=1.0))
    rows += judge("diabetes, ridge", ridge, diabetes, args.groups, jobs)
    header = ("model, groups", "rows", "newton", "sum of single influences", "times", "")
    print_table(header, rows)


if __name__ == "__main__":
    main()
