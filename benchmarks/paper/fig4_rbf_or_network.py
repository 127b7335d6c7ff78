"""Figure 4 of Koh and Liang (2017): what does a kernel look at, and what does a network?

An RBF SVM on pixels, and a logistic regression on the frozen features of a network, tell the same
two classes of images apart. Of a test image that both get right, the influence of every training
image is drawn against its distance in pixels. In the SVM influence falls with the distance, near
images of the same class help, and those of the other harm; in the network it does not follow the
distance, and images of the other class help too.

The paper has dogs and fish, 900 training images of each, an SVM, and Inception v3. Here the images
are fours and nines of MNIST, and a network trained here stands in for Inception (see
``_frozen_network``). What the paper shows as a picture of one test image is printed too, as the
mean over many: over images inside the SVM's margin, for its loss is flat outside, and over training
images that have any influence on them, for those beyond their margin have none.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from _frozen_network import CLASSES, train_network, two_classes
from scipy.stats import spearmanr
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import euclidean_distances
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from skinfluence import InfluenceExplainer

sys.path.insert(0, str(Path(__file__).parents[1]))
from _report import mean_and_error, origin, print_paper, print_table, verdict

FIGURE = Path(__file__).parent / "figures" / "fig4_rbf_or_network.png"


def models(images):
    """Return the two models, unfitted."""
    features = train_network(images.X_network, images.y_network)
    network = make_pipeline(features, LogisticRegression(C=0.1, tol=1e-8, max_iter=10_000))
    return {"RBF SVM": SVC(C=1.0, gamma=0.05, tol=1e-6), "network": network}


def influences(model, images, tests):
    """Return the influence of every training image on the losses of test images."""
    explainer = InfluenceExplainer(model, method="influence").fit(images.X, images.y)
    return explainer.loss_influence(images.X_test[tests], images.y_test[tests])


def asked(fitted, images, n_tests):
    """Return the first test images that both models get right, inside the SVM's margin."""
    right = [model.predict(images.X_test) == images.y_test for model in fitted.values()]
    inside = np.abs(fitted["RBF SVM"].decision_function(images.X_test)) < 1
    return np.flatnonzero(np.logical_and.reduce([*right, inside]))[:n_tests]


def summary(influence, distance, same):
    """Return figures of one test image; ``same`` tells training images of its class.

    Returns
    -------
    correlation : float
        Spearman's, of the absolute influence with the distance.
    nearest : float
        Share of the absolute influence that the nearest tenth of the images has.
    own, other : float
        Share of the absolute influence of the images of each class that helps.
    """
    sizes = np.abs(influence)
    any_ = sizes > 1e-6 * sizes.max()
    correlation = spearmanr(sizes[any_], distance[any_]).statistic
    nearest = sizes[np.argsort(distance)[: len(sizes) // 10]].sum() / sizes.sum()
    helps = influence > 0
    own, other = (sizes[kind & helps].sum() / sizes[kind].sum() for kind in (same, ~same))
    return correlation, nearest, own, other


def draw(found, distance, same):
    """Draw influence against distance, a panel a model, and save the figure."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for axis, (name, influence) in zip(axes, found.items()):
        for kind, colour, label in ((same, "tab:green", "same"), (~same, "tab:red", "other")):
            axis.scatter(
                distance[kind], influence[kind], s=7, c=colour, alpha=0.5, lw=0, label=label
            )
        axis.axhline(0, c="0.7", lw=0.8, zorder=0)
        axis.set(title=name, xlabel="Euclidean distance in pixels")
    axes[0].set_ylabel("influence on the test loss")
    axes[0].legend(title="class", frameon=False)
    FIGURE.parent.mkdir(exist_ok=True)
    figure.savefig(FIGURE, dpi=110)


def main():
    """Print the rank correlations, and draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tests", type=int, default=50, help="test images to average over")
    args = parser.parse_args()
    print(f"data: {origin('mnist.npz')}\n")
    images = two_classes()
    fitted = {name: model.fit(images.X, images.y) for name, model in models(images).items()}
    print(f"{CLASSES[0]} against {CLASSES[1]}, {len(images.y)} training images, a network trained")
    print("here stands in for Inception v3; wrong on test images: ", end="")
    print(
        ", ".join(
            f"{name} {np.sum(model.predict(images.X_test) != images.y_test)}"
            for name, model in fitted.items()
        ),
        f"of {len(images.y_test)}\n",
    )
    tests = asked(fitted, images, args.tests)
    distance = euclidean_distances(images.X_test[tests], images.X)
    same = images.y_test[tests][:, None] == images.y
    found = {name: influences(model, images, tests) for name, model in fitted.items()}
    report(found, distance, same)
    draw({name: influence[0] for name, influence in found.items()}, distance[0], same[0])


def report(found, distance, same):
    """Print what the panels show, as means over test images."""
    figures = {
        name: np.array([summary(*row) for row in zip(influence, distance, same)])
        for name, influence in found.items()
    }
    print(f"mean over {len(same)} test images ± standard error\n")
    names = (
        "Spearman's correlation of |influence| with distance",
        "share of |influence| that the nearest tenth has",
        "share that helps, images of the same class",
        "share that helps, images of the other class",
    )
    table = [
        (name, *(mean_and_error(values[:, i]) for values in figures.values()))
        for i, name in enumerate(names)
    ]
    print_table(("", *figures), table)
    print()
    svm, network = (values.mean(axis=0) for values in figures.values())
    table = [
        ("SVM: influence falls with distance", verdict(svm[0] < 0 and svm[1] > 0.2)),
        ("SVM: the same class helps, the other harms", verdict(svm[2] > 0.5 > svm[3])),
        ("network: less so than the SVM", verdict(abs(network[0]) < abs(svm[0]))),
    ]
    print_table(("what the paper's figure shows", ""), table)
    falls, network = f"rank correlation {svm[0]:.2f}", f"{network[0]:.2f}"
    print_paper(
        [
            ("Figure 4: influence against distance, RBF SVM", "falls (a picture)", falls),
            ("Figure 4: the same, network", "unrelated (a picture)", network),
        ]
    )


if __name__ == "__main__":
    main()
