"""Figure 2, right: leaving rows out of a convolutional network that has not converged.

The tanh network of section 4.2 on 10% of MNIST, damping 0.01. The truth continues training without
a row for a fixed number of full-batch steps of gradient descent with momentum, and is compared with
the same steps with all rows: what continued training does anyway (the constant of Appendix B) is in
both, and cancels.
"""

import argparse
import os
import sys
import time
from pathlib import Path

import numpy as np
from _cnn import N_PARAMETERS, TanhCNN, gradient, raw
from joblib import Parallel, delayed
from scipy.special import logsumexp

from skinfluence import as_problem
from skinfluence.datasets import load_mnist
from skinfluence.operators import Hessian, Jacobian, Removal
from skinfluence.solvers import CG, IndefiniteError

sys.path.insert(0, str(Path(__file__).parents[1]))
from _report import agreement, origin, print_paper, print_table, verdict

DAMPING, MOMENTUM, RATE = 0.01, 0.95, 0.05


def images(n_images):
    """Return the first training images of MNIST, the test images, float32 in [0, 1]."""
    mnist = load_mnist()
    X, y = mnist.X_train[:n_images], mnist.y_train[:n_images]
    scale = np.float32(255)
    return X.astype(np.float32) / scale, y, mnist.X_test.astype(np.float32) / scale, mnist.y_test


def losses(theta, X, codes):
    """Return the log losses of a few rows."""
    logits = np.asarray(raw(theta, X), dtype=float)
    return logsumexp(logits, axis=1) - logits[np.arange(len(X)), codes]


def continue_training(theta, X, codes, left_out, n_steps):
    """Return theta after full-batch steps without a row, or with all rows (None)."""
    weights, velocity = np.ones(len(X), dtype=X.dtype), np.zeros_like(theta)
    if left_out is not None:
        weights[left_out] = 0
    for _ in range(n_steps):
        velocity = X.dtype.type(MOMENTUM) * velocity - X.dtype.type(RATE) * gradient(
            theta, X, codes, weights
        )
        theta = theta + velocity
    return theta


def influences(problem, X, y, curvature):
    """Return the predicted change of a test loss without every row, and the seconds it took."""
    start = time.perf_counter()
    working = problem if curvature == "hessian" else problem.linearised()
    inverse = CG(rtol=1e-2).invert(Hessian(working, DAMPING))
    gradient = working.loss.gradient(working.predict_raw(X), y)
    solved = inverse @ Jacobian(working.predictor, X, gradient).dense().T
    estimate = (Removal(working, np.arange(problem.n_rows)) @ solved)[:, 0]
    return estimate, time.perf_counter() - start


def estimates(problem, X, y):
    """Return {curvature: estimates}; the exact Hessian is left out where it is indefinite."""
    found = {}
    for curvature in ("hessian", "gauss_newton"):
        try:
            found[curvature], seconds = influences(problem, X, y, curvature)
            print(f"{curvature}: all {problem.n_rows} influences in {seconds:.0f} s", flush=True)
        except IndefiniteError as error:
            print(f"{curvature}: {error}", flush=True)
    return found


def wrongly_classified(model, X, y):
    """Return the wrongly classified test row of the median loss: not the most absurd one."""
    wrong = np.flatnonzero(model.predict(X) != y)
    return wrong[np.argsort(losses(model.theta_, X[wrong], y[wrong]))[len(wrong) // 2]]


def main():
    """Train, estimate, really continue without the most influential rows, and compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=30)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--images", type=int, default=5500)
    parser.add_argument("--epochs", type=int, default=300)
    parser.add_argument("--n-jobs", type=int, default=os.cpu_count())
    args = parser.parse_args()
    X, y, X_test, y_test = images(args.images)
    print(f"data: {origin('mnist.npz')}")
    start = time.perf_counter()
    model = TanhCNN(epochs=args.epochs).fit(X, y)
    error = np.mean(model.predict(X_test) != y_test)
    print(f"{len(X)} images, {N_PARAMETERS} parameters, trained in", end=" ")
    print(f"{time.perf_counter() - start:.0f} s, test error {error:.1%}", flush=True)
    ones = np.ones(len(X), dtype=X.dtype)
    print(f"gradient left at the fit: {np.linalg.norm(gradient(model.theta_, X, y, ones)):.2g}")
    chosen = wrongly_classified(model, X_test, y_test)
    test, target = X_test[[chosen]], y_test[[chosen]]
    problem = as_problem(model, X, y)
    found = estimates(problem, test, problem.targets.encode(target, X.dtype))
    estimate = next(iter(found.values()))
    rows = np.argsort(-np.abs(estimate))[: args.rows]
    start = time.perf_counter()
    tasks = (
        delayed(continue_training)(model.theta_, X, y, row, args.steps) for row in [None, *rows]
    )
    with_all, *without = Parallel(n_jobs=args.n_jobs)(tasks)
    truth = np.array([losses(theta, test, target)[0] for theta in without])
    truth -= losses(with_all, test, target)[0]
    print(f"{len(rows)} times {args.steps} steps in {time.perf_counter() - start:.0f} s\n")
    table = []
    for curvature, estimate in found.items():
        pearson, slope = agreement(estimate[rows], truth)
        table.append((curvature, "0.90", pearson, slope, verdict(pearson >= 0.90)))
    print_table(("most influential rows", "paper's R", "R", "slope", "R >= 0.90"), table)
    print_paper(
        [(f"Figure 2: R of the network, {row[0]}", row[1], f"{row[2]:.3f}") for row in table]
    )


if __name__ == "__main__":
    main()
