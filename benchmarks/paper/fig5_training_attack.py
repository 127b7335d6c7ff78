"""Figure 5 of Koh and Liang (2017): how many training images must an attacker touch, and how much?

A logistic regression on the frozen features of a network tells two classes of images apart, 900
training images of each. A test image that it gets right is attacked through the training set: the
pixels of a few training images move, by ε grey levels at most and with their labels as they were,
in the direction in which the loss of the test image rises after refitting (I_pert, equation 5,
through the whole network, in projected sign steps). Then the model is really fitted again: is the
test image still right? Beside it, the same images with random-sign noise of the same size.

The paper attacks Inception v3 on dogs and fish; here the images are fours and nines of MNIST, and
a network trained here stands in for Inception (see ``_frozen_network``).
"""

import argparse
import sys
from pathlib import Path

import autograd.numpy as anp
import numpy as np
from _frozen_network import CLASSES, FrozenFeatures, train_network, two_classes
from autograd import grad
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from skinfluence import InfluenceExplainer
from skinfluence.adapters import Transformer, register
from skinfluence.poisoning import poison

sys.path.insert(0, str(Path(__file__).parents[1]))
from _report import origin, print_paper, print_table

DECAY = 0.001  # on the mean loss
N_ROWS = (1, 2, 10, 18, 36)
GREY_LEVELS = (1, 2, 4, 8, 16)
#: What the paper has, at the ε that rounds to the same 8-bit image: images touched: share flipped.
PAPER = {1: 20 / 592, 18: 0.54, 36: 0.87}
FIGURE = Path(__file__).parent / "figures" / "fig5_training_attack.png"


@register(FrozenFeatures)
class BackThroughNetwork(Transformer):
    def pull_back_at(self, step, gradient, X):
        """Return a gradient in the pixels of X, given that in their features."""
        return grad(lambda X: anp.sum(gradient * step.transform(X)))(np.asarray(X))


def attacked(explainer, images, test, n_rows, epsilon, n_iter):
    """Attack one test image; return the attack, and the pixels that noise makes of its rows."""
    attack = poison(
        explainer,
        images.X,
        images.y,
        images.X_test[[test]],
        images.y_test[[test]],
        epsilon=epsilon / 255,
        n_rows=n_rows,
        n_iter=n_iter,
        bounds=(0, 1),
        grid=1 / 255,
    )
    signs = np.random.default_rng(test).choice([-1, 1], size=attack.X_new.shape)
    return attack, np.clip(images.X[attack.rows] + epsilon / 255 * signs, 0, 1)


def still_right(model, features, rows, X_new, images, test):
    """Tell whether a model fitted with other pixels in some rows gets the test image right."""
    network, last = model
    features = features.copy()
    features[rows] = network.transform(X_new)
    refitted = LogisticRegression(**last.get_params()).fit(features, images.y)
    answer = refitted.predict(network.transform(images.X_test[[test]]))
    return answer[0] == images.y_test[test]


def shares_flipped(explainer, images, tests, n_iter):
    """Return the shares of test images flipped by the attack and by noise, two tables."""
    model = explainer.estimator_
    features = model[0].transform(images.X)
    flipped = np.zeros((2, len(N_ROWS), len(GREY_LEVELS)))
    for test in tests:
        for i, n_rows in enumerate(N_ROWS):
            for j, epsilon in enumerate(GREY_LEVELS):
                attack, noisy = attacked(explainer, images, test, n_rows, epsilon, n_iter)
                flipped[0, i, j] += attack.prediction_after[0] != images.y_test[test]
                right = still_right(model, features, attack.rows, noisy, images, test)
                flipped[1, i, j] += not right
    return flipped / len(tests)


def draw(images, explainer, test):
    """Draw a training image before and after, and the difference, and save the figure."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    attack, _ = attacked(explainer, images, test, 2, 8, 10)
    figure, axes = plt.subplots(2, 3, figsize=(7, 4.6), layout="constrained")
    for row, (index, after) in enumerate(zip(attack.rows, attack.X_new)):
        before = images.X[index]
        panels = {
            f"training image {index}: a {images.y[index]}": before,
            "after 8 grey levels": after,
            "difference": (after - before) * 255,
        }
        for axis, (title, pixels) in zip(axes[row], panels.items()):
            limits = (-8, 8) if title == "difference" else (0, 1)
            colours = "RdBu_r" if title == "difference" else "gray"
            axis.imshow(pixels.reshape(28, 28), cmap=colours, vmin=limits[0], vmax=limits[1])
            axis.set_title(title, fontsize=9)
            axis.set_axis_off()
    FIGURE.parent.mkdir(exist_ok=True)
    figure.savefig(FIGURE, dpi=110)


def main():
    """Print the shares of flipped predictions, and draw two attacked images."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tests", type=int, default=40, help="test images to attack")
    parser.add_argument("--steps", type=int, default=10, help="projected steps of an attack")
    args = parser.parse_args()
    print(f"data: {origin('mnist.npz')}\n")
    images = two_classes()
    features = train_network(images.X_network, images.y_network)
    last = LogisticRegression(C=1 / (DECAY * len(images.y)), tol=1e-8, max_iter=10_000)
    model = make_pipeline(features, last)
    explainer = InfluenceExplainer(model, method="influence", refine=True).fit(images.X, images.y)
    right = np.flatnonzero(explainer.predict(images.X_test) == images.y_test)
    print(f"{CLASSES[0]} against {CLASSES[1]}, {len(images.y)} training images, a network trained")
    share = f"{len(right)} of {len(images.y_test)}"
    print(f"here stands in for Inception v3; {share} test images right")
    tests = np.sort(np.random.RandomState(0).permutation(right)[: args.tests])
    attack, noise = shares_flipped(explainer, images, tests, args.steps)
    report(attack, noise, len(tests), args.steps)
    draw(images, explainer, tests[0])
    found = dict(zip(N_ROWS, attack[:, -1]))
    flipped = [
        (f"Figure 5: flipped by {n_rows}, ε = 16", f"{theirs:.0%}", f"{found[n_rows]:.0%}")
        for n_rows, theirs in PAPER.items()
    ]
    print_paper([("Figure 5: test images right", "592 of 600", share), *flipped])


def report(attack, noise, n_tests, n_iter):
    """Print the shares of flipped test images, the paper's beside them."""
    print(f"(the paper: 592 of 600). Share of {n_tests} of these that are wrong after really")
    print(f"refitting, {n_iter} steps an attack; in brackets: random-sign noise\n")
    header = ("training images touched", *(f"ε = {level}" for level in GREY_LEVELS), "the paper")
    table = [
        (
            str(n_rows),
            *(f"{a:.0%} ({b:.0%})" for a, b in zip(attack[i], noise[i])),
            f"{PAPER[n_rows]:.0%}" if n_rows in PAPER else "",
        )
        for i, n_rows in enumerate(N_ROWS)
    ]
    print_table(header, table)


if __name__ == "__main__":
    main()
