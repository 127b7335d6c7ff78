"""500 test losses against 12000 training rows: how far from the same in bare NumPy and LAPACK?

Dense logistic regression with an intercept on 12000 rows of 784 pixels. Timed, in turn, the
median of several runs each, both starting from the fitted model:

    ours     InfluenceExplainer(FrozenEstimator(fitted), method="influence").fit(X, y) and
             .loss_influence(X_test, y_test), with all validation and the convergence check
    bare     sigmoid, one weighted Gram matrix, one Cholesky, and the two products, for rows
             that already carry a column of ones for the intercept

    newton   the same with method="newton", every row settled to the tolerance, of float64 and
             float32

The results are equal up to rounding. The peers that the design lists do the same task in 0.9 s
to 3.8 s where the bare calls take 0.36 s.
"""

import argparse
from collections import defaultdict
from contextlib import nullcontext
from time import perf_counter

import numpy as np
from _report import origin, print_table, verdict
from scipy.linalg import cho_factor, cho_solve
from scipy.special import expit
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_info, threadpool_limits

from skinfluence import InfluenceExplainer
from skinfluence.datasets import load_mnist

N_TRAIN, N_TEST = 12_000, 500
#: Tolerances of Newton steps, and how many times as long as the first order they may take.
TOLERANCES = {0.05: 2.5, 0.01: 5}


def pixels():
    """Return MNIST 1-vs-7: X, y, X_test, y_test, with pixels in [0, 1]."""
    mnist = load_mnist()
    parts = []
    for X, y, n in ((mnist.X_train, mnist.y_train, N_TRAIN), (mnist.X_test, mnist.y_test, N_TEST)):
        kept = np.flatnonzero(np.isin(y, (1, 7)))[:n]
        parts += [X[kept] / 255.0, y[kept]]
    return parts


def noise():
    """Return random data of the same shape."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N_TRAIN + N_TEST, 784))
    chances = expit(X @ rng.normal(size=784) / 10)
    y = (rng.random(len(X)) < chances).astype(int)
    return X[:N_TRAIN], y[:N_TRAIN], X[N_TRAIN:], y[N_TRAIN:]


def ours(model, X, y, X_test, y_test, method="influence", **params):
    """Return the influence of every training row on every test loss."""
    explainer = InfluenceExplainer(FrozenEstimator(model), method=method, **params)
    return explainer.fit(X, y).loss_influence(X_test, y_test)


def bare(model, X, target, X_test, target_test):
    """Return the same, written out; X and X_test have a column of ones."""
    theta = np.append(model.coef_[0], model.intercept_)
    probabilities = expit(X @ theta)
    scaled = X * np.sqrt(probabilities * (1 - probabilities))[:, None]
    hessian = scaled.T @ scaled
    hessian[np.arange(784), np.arange(784)] += 1 / model.C
    questions = (expit(X_test @ theta) - target_test)[:, None] * X_test
    factor = cho_factor(hessian, overwrite_a=True, check_finite=False)
    influence = X @ cho_solve(factor, questions.T, check_finite=False)
    influence *= (probabilities - target)[:, None]
    return influence.T


def with_ones(X):
    """Return X with a column of ones."""
    return np.hstack([X, np.ones((len(X), 1))])


def stopwatch(call, *args, **params):
    """Return the seconds a call takes."""
    start = perf_counter()
    call(*args, **params)
    return perf_counter() - start


def main():
    """Print times, multiples and the difference."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", choices=("mnist", "random"), default="mnist")
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--threads", type=int, default=None, help="BLAS threads; default all")
    args = parser.parse_args()
    known = origin("mnist.npz") if args.data == "mnist" else "random numbers"
    print(f"data: {known}\n")
    X, y, X_test, y_test = pixels() if args.data == "mnist" else noise()
    model = LogisticRegression(solver="newton-cholesky", tol=1e-10).fit(X, y)
    target, target_test = y == model.classes_[1], y_test == model.classes_[1]
    written_out = (model, with_ones(X), target, with_ones(X_test), target_test)
    single = [part.astype(np.float32) for part in (X, X_test)]
    fitted = LogisticRegression(solver="newton-cholesky", tol=1e-10).fit(single[0], y)
    data = {
        "float64": (model, X, y, X_test, y_test),
        "float32": (fitted, single[0], y, single[1], y_test),
    }
    seconds = defaultdict(list)
    with threadpool_limits(args.threads) if args.threads else nullcontext():
        n_threads = max(info["num_threads"] for info in threadpool_info())
        for _ in range(args.repeats):
            seconds["bare"].append(stopwatch(bare, *written_out))
            for dtype, task in data.items():
                seconds[f"influence, {dtype}"].append(stopwatch(ours, *task))
                for tolerance in TOLERANCES:
                    run = stopwatch(ours, *task, method="newton", tolerance=tolerance)
                    seconds[f"newton, {dtype}, tolerance {tolerance}"].append(run)
    seconds = {name: np.array(values) for name, values in seconds.items()}
    truth = bare(*written_out)
    error = np.abs(ours(model, X, y, X_test, y_test) - truth).max() / np.abs(truth).max()
    print(f"{N_TRAIN} x 784, {N_TEST} test losses, {n_threads} BLAS threads,")
    print(f"median of {args.repeats} runs\n")
    print_table(("time", "seconds"), [(name, np.median(took)) for name, took in seconds.items()])
    print()
    ratio = np.median(seconds["influence, float64"] / seconds["bare"])
    table = [
        ("influence / bare", "<= 1.3", f"{ratio:.2f}", verdict(ratio <= 1.3)),
        ("influence - bare, relative to the largest", "rounding", f"{error:.1e}", ""),
    ]
    for dtype in data:
        for tolerance, most in TOLERANCES.items():
            took = seconds[f"newton, {dtype}, tolerance {tolerance}"]
            dearer = np.median(took / seconds[f"influence, {dtype}"])
            what = f"newton / influence, {dtype}, tolerance {tolerance}"
            table.append((what, f"<= {most}", f"{dearer:.2f}", verdict(dearer <= most)))
    print_table(("what", "target", "measured", ""), table)


if __name__ == "__main__":
    main()
