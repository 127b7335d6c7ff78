"""The all-convolutional tanh network of Koh and Liang's section 4.2, as a model of one's own.

Seven convolutions with intercepts, 2,616 parameters: five of 3 × 3 into 8 channels (the first
with stride 3), then two of 1 × 1 into 10. The library sees ``raw`` alone, and differentiates it.
Training and refits use ``gradient``, backpropagation in numpy: the truth owes the library nothing.
"""

import autograd.numpy as anp
import numpy as np
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin

from skinfluence import as_problem
from skinfluence.losses import MultinomialLogLoss
from skinfluence.problems import problem_of_function

# channels in, channels out, side of the filter, stride
LAYERS = ((1, 8, 3, 3), *[(8, 8, 3, 1)] * 4, (8, 10, 1, 1), (10, 10, 1, 1))
N_PARAMETERS = sum(p * q * k * k + q for p, q, k, _ in LAYERS)
DECAY = 0.001  # the paper's weight decay: DECAY / 2 ‖theta‖² beside the mean loss
BLOCK = 50  # rows whose patches stay in the cache


def filters(theta):
    """Yield (filters, intercepts, side, stride) of every layer."""
    start = 0
    for p, q, k, stride in LAYERS:
        stop = start + p * q * k * k
        yield theta[start:stop].reshape(k * k * p, q), theta[stop : stop + q], k, stride
        start = stop + q


def patches(images, side, stride):
    """Return the windows that a filter sees, (n, height, width, side² channels)."""
    end = stride * ((images.shape[1] - side) // stride) + 1
    offsets = [(i, j) for i in range(side) for j in range(side)]
    windows = [images[:, i : i + end : stride, j : j + end : stride] for i, j in offsets]
    return anp.concatenate(windows, axis=3)


def raw(theta, X):
    """Return the 10 logits of every image, shape (n, 10)."""
    layer = X.reshape(-1, 28, 28, 1)
    for i, (weights, intercepts, side, stride) in enumerate(filters(theta)):
        layer = anp.dot(patches(layer, side, stride), weights) + intercepts
        layer = anp.tanh(layer) if i < len(LAYERS) - 1 else layer
    return layer[:, 0, 0]


def backpropagate(theta, X, codes, weights):
    """Return the gradient of the weighted sum of losses of a block of rows, in numpy."""
    layers, columns = [X.reshape(-1, 28, 28, 1)], []
    for W, b, side, stride in filters(theta):
        columns.append(patches(layers[-1], side, stride))
        layers.append(columns[-1] @ W + b)
        if len(layers) <= len(LAYERS):
            np.tanh(layers[-1], out=layers[-1])
    delta = softmax(layers[-1], axis=3)
    delta[np.arange(len(X)), 0, 0, codes] -= 1
    delta *= weights[:, None, None, None]
    parts = []
    for i, (W, _, side, stride) in reversed(list(enumerate(filters(theta)))):
        flat = delta.reshape(-1, delta.shape[3])
        parts += [flat.sum(axis=0), (columns[i].reshape(len(flat), -1).T @ flat).ravel()]
        if i:
            back, delta = delta @ W.T, np.zeros_like(layers[i])
            size, end = layers[i].shape[3], stride * (back.shape[1] - 1) + 1
            for k in range(side * side):
                at = k // side, k % side
                into = delta[:, at[0] : at[0] + end : stride, at[1] : at[1] + end : stride]
                into += back[..., k * size : (k + 1) * size]
            delta *= 1 - layers[i] ** 2
    return np.concatenate(parts[::-1])


def gradient(theta, X, codes, weights):
    """Return the gradient of the weighted mean loss over len(X), weight decay included."""
    total = sum(
        backpropagate(theta, X[i : i + BLOCK], codes[i : i + BLOCK], weights[i : i + BLOCK])
        for i in range(0, len(X), BLOCK)
    )
    return total / len(X) + theta.dtype.type(DECAY) * theta


class TanhCNN(ClassifierMixin, BaseEstimator):
    """The network, trained by Adam on mini-batches (Kingma and Ba 2015), and stopped."""

    def __init__(self, epochs=30, batch_size=100, rate=0.003, random_state=0):
        self.epochs = epochs
        self.batch_size = batch_size
        self.rate = rate
        self.random_state = random_state

    def fit(self, X, y):
        """Train for a fixed number of epochs; the rate falls to nothing over the last half."""
        random = np.random.RandomState(self.random_state)
        self.classes_, codes = np.unique(y, return_inverse=True)
        sizes = [(p * k * k, q) for p, q, k, _ in LAYERS]
        start = [(random.standard_normal(s) / np.sqrt(s[0]), np.zeros(s[1])) for s in sizes]
        theta = np.concatenate([np.ravel(part) for pair in start for part in pair]).astype(X.dtype)
        mean, square, step = np.zeros_like(theta), np.zeros_like(theta), 0
        n_steps = self.epochs * (len(X) // self.batch_size)
        ones = np.ones(self.batch_size, dtype=X.dtype)
        for _ in range(self.epochs):
            order = random.permutation(len(X))
            for rows in order[: n_steps // self.epochs * self.batch_size].reshape(
                -1, self.batch_size
            ):
                g, step = gradient(theta, X[rows], codes[rows], ones), step + 1
                mean, square = 0.9 * mean + 0.1 * g, 0.999 * square + 0.001 * g * g
                rate = self.rate * min(1.0, 2 * (1 - step / (n_steps + 1)))
                rate *= np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
                theta = theta - X.dtype.type(rate) * mean / (np.sqrt(square) + 1e-8)
                theta = theta.astype(X.dtype)
        self.theta_ = theta
        return self

    def decision_function(self, X):
        """Return the logits."""
        blocks = [raw(self.theta_, X[i : i + BLOCK]) for i in range(0, len(X), BLOCK)]
        return np.concatenate(blocks)

    def predict(self, X):
        """Return the digit of every image."""
        return self.classes_[self.decision_function(X).argmax(axis=1)]


@as_problem.register(TanhCNN)
def _tanh_cnn(estimator, X, y, sample_weight=None):
    loss, classes = MultinomialLogLoss(), estimator.classes_
    penalty = DECAY * len(X)
    return problem_of_function(raw, loss, estimator.theta_, X, y, penalty=penalty, classes=classes)
