"""Figure 3 of Koh and Liang (2017): influence on a hinge loss, through a smooth one.

A linear SVM tells 1 from 7 in MNIST: hinge loss and 0.01 ‖w‖², which is C = 1 / (0.02 n), and no
intercept. Where the hinge has a curvature it is infinite, so that influence as the hinge gives it
(t = 0: H is the penalty) misses most of what happens when a row leaves. The smooth hinge of
temperature t gives it a curvature near its kink:

    t log(1 + exp((1 - s) / t))

The SVM is trained on the hinge, as is every refit: by liblinear, to a tolerance of 1e-10. Of a
wrongly classified test digit the rows of the largest influence at t = 1e-3 are really left out, and
the change of its hinge loss is compared with what each temperature says. `newton` goes on to the
optimum without the row, on the active set that it has there: which rows are at the kink.
"""

import argparse
import os
import sys
import time
import warnings
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.svm import LinearSVC

from skinfluence import InfluenceExplainer, as_problem
from skinfluence.datasets import load_mnist
from skinfluence.operators import Hessian, Jacobian, Removal
from skinfluence.solvers import Direct

sys.path.insert(0, str(Path(__file__).parents[1]))
from _report import agreement, origin, print_paper, print_table, verdict

DECAY, TEMPERATURES, SHARP = 0.01, (0.0, 1e-4, 1e-3, 1e-2, 1e-1), 1e-5
PAPER = {0.0: "0.63", 1e-4: "0.94", 1e-3: "0.95", 1e-1: "0.91"}
TARGETS = {("first order", 1e-3): 0.98, ("newton", 1e-3): 0.995, ("newton", SHARP): 0.995}
FIGURE = Path(__file__).parent / "figures" / "fig3_smooth_hinge.png"


def ones_and_sevens():
    """Return the digits between 0 and 1, and whether they are a 7: X, y, X_test, y_test."""
    mnist = load_mnist()
    kept, kept_test = (np.isin(y, (1, 7)) for y in (mnist.y_train, mnist.y_test))
    X, X_test = mnist.X_train[kept] / 255.0, mnist.X_test[kept_test] / 255.0
    return X, (mnist.y_train[kept] == 7) + 0, X_test, (mnist.y_test[kept_test] == 7) + 0


def first_order(model, X, y, temperature, x, label, rows=None):
    """Return the influence of rows on the loss of one test row, to first order."""
    if temperature > 0:
        known = FrozenEstimator(model)
        explainer = InfluenceExplainer(known, method="influence", temperature=temperature)
        return explainer.fit(X, y).loss_influence(x, label, rows=rows)[0]
    problem = as_problem(model, X, y).at_temperature(0.0)
    rows = np.arange(len(y)) if rows is None else rows
    inverse = Direct("primal").invert(Hessian(problem))
    gradient = problem.loss.gradient(problem.predict_raw(x), problem.targets.encode(label, float))
    solved = inverse @ Jacobian(problem.predictor, x, gradient).dense().T
    return (Removal(problem, rows) @ solved)[:, 0]


def newton(model, X, y, temperature, x, label, rows):
    """Return the change of the hinge loss of one test row by Newton's method without each row."""
    explainer = InfluenceExplainer(FrozenEstimator(model), method="newton", temperature=temperature)
    return explainer.fit(X, y).loss_influence(x, label, rows=rows)[0]


def hinge(model, x, label):
    """Return the hinge loss of one test row."""
    return max(0.0, 1 - (2 * label[0] - 1) * model.decision_function(x)[0])


def change_without(model, X, y, j, x, label):
    """Return the change of the hinge loss of one test row when row j is really left out."""
    kept = np.arange(len(y)) != j
    return hinge(clone(model).fit(X[kept], y[kept]), x, label) - hinge(model, x, label)


def estimates(model, X, y, x, label, rows):
    """Yield (method, temperature, estimate, seconds)."""
    for method, temperatures in (("first order", TEMPERATURES), ("newton", (1e-3, SHARP))):
        of = first_order if method == "first order" else newton
        for temperature in temperatures:
            start = time.perf_counter()
            estimate = of(model, X, y, temperature, x, label, rows)
            yield method, temperature, estimate, time.perf_counter() - start


def plot(truth, found, path):
    """Draw estimate against truth, a panel a temperature."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2, 4, figsize=(12, 6.2), layout="constrained")
    axes.ravel()[-1].axis("off")
    for axis, (method, temperature, estimate, _) in zip(axes.ravel(), found):
        pearson, slope = agreement(estimate, truth)
        axis.axline((0, 0), slope=1, color="0.7", lw=1, zorder=0)
        axis.plot(truth, estimate, "o", ms=3, alpha=0.7)
        axis.set_title(f"{method}, t = {temperature:g}\nR = {pearson:.4f}, slope {slope:.2f}")
        axis.grid(alpha=0.3)
    figure.supxlabel("change of the hinge loss when the row is really left out")
    figure.supylabel("as estimated")
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, dpi=110)


def report(truth, found):
    """Print Pearson's R and the slope of every estimate beside the paper's R and the targets."""
    rows = []
    for method, temperature, estimate, seconds in found:
        pearson, slope = agreement(estimate, truth)
        target = TARGETS.get((method, temperature))
        paper = PAPER.get(temperature, "-") if method == "first order" else "-"
        wanted = "-" if target is None else f">= {target}"
        met = "" if target is None else verdict(pearson >= target)
        name = f"{method}, t = {temperature:g}"
        rows.append((name, paper, wanted, f"{pearson:.6f}", met, f"{slope:.4f}", f"{seconds:.1f}"))
    print_table(("estimate", "paper's R", "target", "R", "", "slope", "seconds"), rows)
    print_paper([(f"Figure 3: R of {row[0]}", row[1], row[3]) for row in rows])


def main():
    """Leave rows out, print the table and draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100)
    parser.add_argument("--n-jobs", type=int, default=os.cpu_count())
    parser.add_argument("--figure", type=Path, default=FIGURE)
    args = parser.parse_args()
    warnings.simplefilter("error", ConvergenceWarning)
    X, y, X_test, y_test = ones_and_sevens()
    print(f"data: {origin('mnist.npz')}")
    C = 1 / (2 * DECAY * len(y))
    svm = LinearSVC(loss="hinge", C=C, fit_intercept=False, tol=1e-10, max_iter=10**6)
    svm.fit(X, y)
    i = np.flatnonzero(svm.predict(X_test) != y_test)[0]
    x, label = X_test[[i]], y_test[[i]]
    print(f"{len(y)} rows, test digit {i}: its hinge loss is {hinge(svm, x, label):.3f}")
    influence = first_order(svm, X, y, 1e-3, x, label)
    rows = np.argsort(-np.abs(influence))[: args.rows]
    start = time.perf_counter()
    tasks = (delayed(change_without)(svm, X, y, j, x, label) for j in rows)
    truth = np.array(Parallel(n_jobs=args.n_jobs)(tasks))
    seconds = time.perf_counter() - start
    print(f"its {len(rows)} most influential rows really left out in {seconds:.0f} s\n")
    found = list(estimates(svm, X, y, x, label, rows))
    report(truth, found)
    plot(truth, found, args.figure)


if __name__ == "__main__":
    main()
