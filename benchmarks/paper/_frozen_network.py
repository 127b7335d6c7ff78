"""The network that stands in for Inception v3 in figures 4 and 5, and two classes of images.

The paper trains a logistic regression on the frozen features of Inception v3, which had been
trained on ImageNet, and asks about 900 dogs and 900 fish. Here the images are the fours and the
nines of MNIST, 28 × 28 in 256 grey levels, and the network is trained here: two hidden layers of
256 and 64 rectified units, on the ten classes of the images that the experiment does not use.
"""

import warnings
from dataclasses import dataclass

import autograd.numpy as anp
import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from skinfluence.datasets import load_mnist

CLASSES = (4, 9)
#: Training and test images of each class, as in the paper, and images for the network.
N_TRAIN, N_TEST, N_NETWORK = 900, 300, 30_000
EPOCHS = 10


@dataclass(frozen=True)
class Images:
    """Images of two classes, pixels in [0, 1], and those that the network is trained on."""

    X: np.ndarray
    y: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray
    X_network: np.ndarray
    y_network: np.ndarray


def two_classes():
    """Return the first images of each class to train on, others to test on, and the rest."""
    mnist = load_mnist()
    pixels, labels = mnist.X_train / 255.0, mnist.y_train
    rows = [np.flatnonzero(labels == label)[:N_TRAIN] for label in CLASSES]
    tests = [np.flatnonzero(mnist.y_test == label)[:N_TEST] for label in CLASSES]
    rows, tests = np.sort(np.concatenate(rows)), np.sort(np.concatenate(tests))
    rest = np.setdiff1d(np.arange(len(labels)), rows)[:N_NETWORK]
    return Images(
        pixels[rows],
        labels[rows],
        mnist.X_test[tests] / 255.0,
        mnist.y_test[tests],
        pixels[rest],
        labels[rest],
    )


class FrozenFeatures(TransformerMixin, BaseEstimator):
    """The last hidden layer of a fitted ``MLPClassifier`` of rectified units; ``fit`` does nothing.

    Parameters
    ----------
    layers : list of (weights, biases)
        One pair a hidden layer.
    """

    def __init__(self, layers):
        self.layers = layers

    def fit(self, X, y=None):
        """Return self: the network is frozen."""
        self.n_features_in_ = X.shape[1]
        return self

    def __sklearn_is_fitted__(self):
        return True

    def transform(self, X):
        """Return the features, shape (n_samples, n_units)."""
        for weights, biases in self.layers:
            X = anp.maximum(X @ weights + biases, 0)
        return X


def train_network(X, y):
    """Return the frozen features of a network trained on ten classes."""
    network = MLPClassifier((256, 64), max_iter=EPOCHS, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # ten epochs are what was meant
        network.fit(X, y)
    layers = list(zip(network.coefs_[:-1], network.intercepts_[:-1]))
    return FrozenFeatures(layers).fit(X)
