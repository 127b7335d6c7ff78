"""Figure 6 of Koh and Liang (2017): find mislabelled mails by inspecting few of them.

A tenth of the training labels of a spam filter are flipped. Mails are inspected in the order of a
score, flipped labels among them are corrected, and the filter is fitted again: how many of the
flips are found, and what is the test accuracy?

Logistic regression without intercept on bags of words, weight decay 1e-4 on the mean loss
(C = 1 / (n 1e-4)), 4147 training and 1025 test mails of Enron1, words in at least 6 training
mails. The paper prints 1035 test mails; the corpus has 5172 mails. Of one fitted model and one
H⁻¹ a draw come all three scores:

    leave-one-out loss   loss of a mail under the model without it, from one Newton step
    self-influence       the paper's score, first order
    training loss        the paper's baseline
"""

import argparse
import os
import sys
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from threadpoolctl import threadpool_limits

from skinfluence import LabelCleaner, as_problem
from skinfluence.datasets import load_enron1
from skinfluence.operators import Hessian, Removal
from skinfluence.optimum import LeftOutRows, refine
from skinfluence.solvers import Direct

sys.path.insert(0, str(Path(__file__).parents[1]))
from _report import mean_and_error, origin, print_paper, print_table, verdict

N_TRAIN, MIN_DF, DECAY, FLIPPED = 4147, 6, 1e-4, 0.1
SHARES = (0.05, 0.10, 0.15, 0.20, 0.25, 0.30)
ORDERS = ("leave-one-out loss", "self-influence", "training loss", "random")
TARGETS = {
    "leave-one-out loss": {0.10: 0.65, 0.20: 0.88},
    "self-influence": {0.10: 0.58, 0.20: 0.78},
}
FIGURE = Path(__file__).parent / "figures" / "fig6_mislabelled_mail.png"


def spam_filter(n, **params):
    """Return the paper's model for n training mails."""
    return LogisticRegression(C=1 / (n * DECAY), fit_intercept=False, max_iter=10_000, **params)


def split_mails(mails, draw, features):
    """Return counts of words and labels of the training and the test mails of a draw."""
    texts, test_texts, y, y_test = train_test_split(
        mails.data, mails.target, train_size=N_TRAIN, random_state=draw
    )
    words = CountVectorizer(min_df=MIN_DF, binary=features == "binary", dtype=float)
    return words.fit_transform(texts), words.transform(test_texts), y, y_test


def flip(y, rng):
    """Return labels of which a tenth are the other one, and the mask of these."""
    flipped = np.zeros(len(y), dtype=bool)
    flipped[rng.choice(len(y), round(FLIPPED * len(y)), replace=False)] = True
    return np.where(flipped, np.where(y == "ham", "spam", "ham"), y), flipped


def suspicion(model, X, y):
    """Return every score of every mail, higher is more suspicious, from one inverse."""
    problem = refine(as_problem(model, X, y), Direct())
    inverse = Direct().invert(Hessian(problem))
    rows = np.arange(problem.n_rows)
    alone = LeftOutRows(problem, inverse, Direct(), tolerance=0.1).own_raw_changes(rows)
    own = Removal(problem, rows).own_change(inverse)
    return {
        "leave-one-out loss": problem.loss(problem.raw + alone, problem.y),
        "self-influence": np.einsum("nk,nk->n", problem.gradients, own),
        "training loss": problem.loss(problem.raw, problem.y),
    }


def one_draw(mails, draw, features, n_threads):
    """Return {order: (share of flips found, test accuracy) after each share}, accuracies around."""
    with threadpool_limits(n_threads):
        rng = np.random.default_rng(draw)
        X, X_test, y, y_test = split_mails(mails, draw, features)
        labels, flipped = flip(y, rng)
        model = spam_filter(len(y), tol=1e-6).fit(X, labels)
        scores = suspicion(model, X, labels) | {"random": rng.random(len(y))}
        refit = spam_filter(len(y), warm_start=True)
        curves = {}
        for order in ORDERS:
            ranking = np.argsort(-scores[order], kind="stable")
            refit.coef_ = model.coef_
            curves[order] = inspect(refit, ranking, X, y, labels, flipped, X_test, y_test)
        clean = spam_filter(len(y)).fit(X, y).score(X_test, y_test)
        return curves, clean, model.score(X_test, y_test), X.shape[1]


def inspect(refit, ranking, X, y, labels, flipped, X_test, y_test):
    """Return (share of flips found, test accuracy) after inspecting each share of the mails."""
    found, accuracy = [], []
    for share in SHARES:
        inspected = ranking[: round(share * len(y))]
        corrected = labels.copy()
        corrected[inspected] = y[inspected]
        found.append(flipped[inspected].sum() / flipped.sum())
        accuracy.append(refit.fit(X, corrected).score(X_test, y_test))
    return np.array(found), np.array(accuracy)


def largest_difference(mails, features):
    """Return how far the scores above are from ``LabelCleaner``'s on draw 0, relatively."""
    X, _, y, _ = split_mails(mails, 0, features)
    labels, _ = flip(y, np.random.default_rng(0))
    model = spam_filter(len(y), tol=1e-6)
    ours = suspicion(model.fit(X, labels), X, labels)
    names = {"leave-one-out loss": "loo_loss", "self-influence": "self_influence"}
    differences = []
    for order, score in names.items():
        cleaner = LabelCleaner(model, score=score, penalty="keep", action="keep").fit(X, labels)
        scores = cleaner.label_scores_
        differences.append(np.abs(ours[order] - scores).max() / np.abs(scores).max())
    return max(differences)


def plot(found, accuracy, clean, path):
    """Draw both panels, with standard errors over the draws."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(9, 3.9), layout="constrained")
    percent = 100 * np.array(SHARES)
    styles = dict(zip(ORDERS, ("o-", "s-", "^-", "x--")))
    axes[0].plot(percent, np.full(len(percent), clean.mean()), "k:", lw=1, label="no label flipped")
    for axis, curves in zip(axes, (accuracy, found)):
        for order in ORDERS:
            n_draws = len(curves[order])
            error = curves[order].std(axis=0, ddof=min(1, n_draws - 1)) / np.sqrt(n_draws)
            mean = curves[order].mean(axis=0)
            axis.errorbar(percent, mean, error, fmt=styles[order], ms=4, capsize=2, label=order)
        axis.set_xlabel("training mails inspected (%)")
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("test accuracy")
    axes[1].set_ylabel("share of flipped mails found")
    names = axes[0].get_legend_handles_labels()
    figure.legend(*names, loc="outside lower center", ncols=5, fontsize=9, frameon=False)
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, dpi=110)


def print_found(found):
    """Print the share of flips found, beside its targets."""
    header = ("flips found after inspecting", *(f"{share:.0%}" for share in SHARES))
    rows = [(order, *(mean_and_error(column) for column in found[order].T)) for order in ORDERS]
    print_table(header, rows)
    print()
    rows = []
    for order, targets in TARGETS.items():
        for share, target in targets.items():
            values = found[order][:, SHARES.index(share)]
            met = verdict(values.mean() >= target)
            rows.append((f"{order}, {share:.0%} inspected", target, mean_and_error(values), met))
    print_table(("flips found", "target", "measured", ""), rows)


def print_accuracy(accuracy, clean, noisy):
    """Print the test accuracy after correction, beside its target."""
    header = ("test accuracy after inspecting", *(f"{share:.0%}" for share in SHARES))
    rows = [(order, *(mean_and_error(column) for column in accuracy[order].T)) for order in ORDERS]
    print_table(header, rows)
    print(f"\nno label flipped {mean_and_error(clean)}, none corrected {mean_and_error(noisy)}\n")
    gap = clean - accuracy["leave-one-out loss"][:, SHARES.index(0.20)]
    what = "clean minus corrected, leave-one-out loss, 20% inspected"
    row = (what, "<= 0.015", mean_and_error(gap), verdict(gap.mean() <= 0.015))
    print_table(("test accuracy", "target", "measured", ""), [row])


def main():
    """Run the draws; print the tables and write the figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=40)
    parser.add_argument("--n-jobs", type=int, default=os.cpu_count())
    parser.add_argument("--features", choices=("counts", "binary"), default="counts")
    parser.add_argument("--figure", type=Path, default=FIGURE)
    args = parser.parse_args()
    mails = load_enron1()
    print(f"data: {origin('enron1.csv.gz')}")
    n_threads = max(1, os.cpu_count() // args.n_jobs)
    tasks = (delayed(one_draw)(mails, i, args.features, n_threads) for i in range(args.draws))
    curves, clean, noisy, n_words = zip(*Parallel(n_jobs=args.n_jobs)(tasks))
    clean, noisy = np.array(clean), np.array(noisy)
    found = {order: np.array([curve[order][0] for curve in curves]) for order in ORDERS}
    accuracy = {order: np.array([curve[order][1] for curve in curves]) for order in ORDERS}
    print(f"{args.draws} draws (mean ± standard error), {N_TRAIN} training mails,")
    print(f"{len(mails.data) - N_TRAIN} test mails, {np.mean(n_words):.0f} words ({args.features})")
    difference = largest_difference(mails, args.features)
    print(f"largest relative difference from LabelCleaner's scores, draw 0: {difference:.1e}\n")
    print_found(found)
    print()
    print_accuracy(accuracy, clean, noisy)
    plot(found, accuracy, clean, args.figure)
    share = SHARES.index(0.20)
    print_paper(
        [
            (f"Figure 6: flips found, 20% inspected, {order}", "a curve", f"{mean:.2f}")
            for order in ORDERS
            for mean in [found[order][:, share].mean()]
        ]
    )


if __name__ == "__main__":
    main()
