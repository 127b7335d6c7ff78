"""Figure 1 of Koh and Liang (2017): is influence just closeness?

Logistic regression without intercept tells ones from sevens in MNIST: 784 parameters, weight decay
0.01 on the mean loss (C = 1 / (0.01 n)), fitted to its optimum. The training images are the ones
and sevens among the paper's 55,000 (TensorFlow's split keeps the first 5,000 of the 60,000 for
validation); the test image is the paper's, number 30 among the ones and sevens of the test set. Of

    influence = J · H⁻¹ · Rᵀ,      R_j = -y_j σ(-y_j θ·x_j) x_j

a factor is left out: the training loss (σ = 1), H⁻¹ (the identity), or both, which leaves the
Euclidean inner product y_test y_j x_test·x_j up to a constant. Nearness is y_test y_j over the
distance of the images. The judge is ``leave_one_out``: really refitting without each of the rows
that one of the measures calls the most influential, and random ones.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
from scipy.stats import rankdata
from sklearn.linear_model import LogisticRegression

from skinfluence import InfluenceExplainer, leave_one_out
from skinfluence.datasets import load_mnist
from skinfluence.operators import Jacobian, Removal

sys.path.insert(0, str(Path(__file__).parents[1]))
from _report import agreement, origin, print_paper, print_table, verdict

N_VALIDATION, DECAY, TEST = 5_000, 0.01, 30
FULL = "full influence"
FIGURE = Path(__file__).parent / "figures" / "fig1_influence_or_distance.png"
PAPER = {
    FULL: "taken as the truth",
    "without training loss": "overestimates many",
    "without H⁻¹": "every row of the same class helps",
    "Euclidean inner product": "far from the diagonal",
    "nearness": "-",
}


def load(question):
    """Return the ones and sevens of the paper's training images, and the test image asked about."""
    digits = load_mnist()
    X, y = digits.X_train[N_VALIDATION:] / 255.0, digits.y_train[N_VALIDATION:]
    kept, asked = np.isin(y, (1, 7)), np.flatnonzero(np.isin(digits.y_test, (1, 7)))[question]
    return X[kept], y[kept], digits.X_test[[asked]] / 255.0, digits.y_test[[asked]]


def measures(explainer, X_test, y_test):
    """Return {name: measure of every training row}, positive where the row should help."""
    problem, inverse = explainer.problem_, explainer.inverse_
    target = problem.targets.encode(y_test, X_test.dtype)
    gradients = problem.loss.gradient(problem.predict_raw(X_test), target)
    question = Jacobian(problem.predictor, X_test, gradients).dense().T
    removal = Removal(problem, np.arange(problem.n_rows))
    no_loss = removal.with_own(np.sign(problem.gradients))
    agree = np.where(problem.y == target, 1, -1)[:, 0]
    found = {
        FULL: removal @ (inverse @ question),
        "without training loss": no_loss @ (inverse @ question),
        "without H⁻¹": removal @ question,
        "Euclidean inner product": no_loss @ question,
        "nearness": agree / np.linalg.norm(problem.X - X_test, axis=1),
    }
    return {name: np.ravel(measure) for name, measure in found.items()}


def chosen(found, most, random):
    """Return the rows of the largest absolute measure, by each of them, and random ones."""
    rows = [np.argsort(-np.abs(measure), kind="stable")[:most] for measure in found.values()]
    n_rows = len(found[FULL])
    rows.append(np.random.default_rng(0).choice(n_rows, random, replace=False))
    return np.unique(np.concatenate(rows))


def print_agreement(found, truth, rows):
    """Print the correlation of every measure with the refits, and that full influence is first."""
    table, pearsons = [], {}
    for name, measure in found.items():
        pearsons[name] = agreement(measure[rows], truth)[0]
        spearman = agreement(rankdata(measure[rows]), rankdata(truth))[0]
        slope = f"{agreement(measure[rows], truth)[1]:.3f}" if name == FULL else "-"
        table.append((name, PAPER[name], f"{pearsons[name]:.4f}", f"{spearman:.4f}", slope))
    print_table(("against refits", "paper's figure", "Pearson", "rank", "slope"), table)
    second = max(value for name, value in pearsons.items() if name != FULL)
    met = verdict(pearsons[FULL] > second)
    print()
    row = ("Pearson of full influence", f"> {second:.4f}, the next", pearsons[FULL], met)
    print_table(("against refits", "target", "measured", ""), [row])
    return [
        (f"Figure 1: R of {name}", "a picture", f"{pearson:.3f}")
        for name, pearson in pearsons.items()
    ]


def print_claims(found, same):
    """Print what the paper reads off its three panels, over all training rows."""
    table = []
    for name in (FULL, "without H⁻¹"):
        helps = found[name] > 0
        table.append((name, f"{helps[same].mean():.1%}", f"{helps[~same].mean():.1%}"))
    header = ("share of the rows that help", "of the test image's class", "of the other class")
    print_table(header, table)
    small = np.abs(found[FULL]) < 0.01 * np.abs(found[FULL]).max()
    variant = np.abs(found["without training loss"])
    above = np.mean(variant[small] > 0.25 * variant.max())
    print(f"\n{above:.0%} of the {small.sum()} rows whose influence is below 1% of the largest are")
    print("above a quarter of the largest when the training loss is left out\n")


def plot(found, same, digit, path):
    """Draw influence against each of its three truncations, over all training rows."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 3, figsize=(11, 4), sharey=True, layout="constrained")
    other = 8 - digit  # one or seven
    for axis, name in zip(axes, list(found)[1:4]):
        for mask, label, colour in ((~same, other, "tab:red"), (same, digit, "tab:green")):
            points = found[name][mask], found[FULL][mask]
            axis.plot(*points, "o", ms=2, alpha=0.4, color=colour, label=f"{label}s")
        axis.set_xlabel(name)
        axis.locator_params(axis="x", nbins=5)
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("influence on the test loss")
    axes[0].legend(title="training rows", markerscale=3)
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, dpi=110)


def main():
    """Fit, measure, refit; print the tables and write the figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--most", type=int, default=25, help="rows refitted of each measure")
    parser.add_argument("--random", type=int, default=75, help="random rows refitted")
    parser.add_argument("--test", type=int, default=TEST, help="test image, of the ones and sevens")
    parser.add_argument("--n-jobs", type=int, default=1)
    parser.add_argument("--figure", type=Path, default=FIGURE)
    args = parser.parse_args()
    X, y, *question = load(args.test)
    print(f"data: {origin('mnist.npz')}")
    C = 1 / (DECAY * len(y))
    model = LogisticRegression(C=C, fit_intercept=False, tol=1e-8, max_iter=10_000)
    explainer = InfluenceExplainer(model, method="influence", solver="direct", refine=True)
    explainer.fit(X, y)
    found = measures(explainer, *question)
    ours = explainer.loss_influence(*question)[0]
    difference = np.abs(found[FULL] - ours).max() / np.abs(ours).max()
    digit = question[1][0]
    rows = chosen(found, args.most, args.random)
    print(f"{len(y)} training images of ones and sevens; the test image is a {digit}, called a")
    print(
        f"{digit} with probability {explainer.predict_proba(question[0])[0, int(digit == 7)]:.3f}"
    )
    print(f"full influence is InfluenceExplainer's, to {difference:.1e} of the largest\n")
    print_claims(found, y == digit)
    began = time.perf_counter()
    truth = leave_one_out(model, X, y, *question, rows=rows, n_jobs=args.n_jobs)[0]
    print(f"{len(rows)} rows really left out in {time.perf_counter() - began:.0f} s: the")
    print(f"{args.most} of the largest size by each measure, and {args.random} random ones\n")
    beside = print_agreement(found, truth, rows)
    print_paper(beside)
    plot(found, y == digit, digit, args.figure)


if __name__ == "__main__":
    main()
