"""Models of one's own, for the tests: a tanh network, its whole loss, and a convolutional one."""

import autograd.numpy as anp
import numpy as np
from autograd import grad
from autograd.scipy.special import logsumexp
from scipy.optimize import minimize
from sklearn.base import BaseEstimator, ClassifierMixin

from skinfluence import as_problem
from skinfluence.losses import MultinomialLogLoss
from skinfluence.problems import problem_of_function, problem_of_loss


def network(theta, X):
    """Return 3 logits of X (n, 4) through 3 tanh units; theta has 27 numbers."""
    hidden = anp.tanh(anp.dot(X, anp.reshape(theta[:12], (4, 3))) + theta[12:15])
    return anp.dot(hidden, anp.reshape(theta[15:24], (3, 3))) + theta[24:]


def network_loss(theta, X, y):
    """Return the softmax log loss of the network; y holds class numbers."""
    raw = network(theta, X)
    return logsumexp(raw, axis=1) - anp.sum((y[:, None] == np.arange(3)) * raw, axis=1)


def convolutional(theta, X):
    """Return 2 logits of images X (n, 36): two 3 × 3 convolutions with tanh, strides 2 and 1."""
    images = anp.reshape(X, (-1, 6, 6))
    windows = [images[:, i : i + 4 : 2, j : j + 4 : 2] for i in range(3) for j in range(3)]
    filters = anp.reshape(theta[:18], (9, 2))
    hidden = anp.tanh(anp.dot(anp.stack(windows, axis=-1), filters) + theta[18:20])
    flat = anp.reshape(hidden, (len(X), 8))
    return anp.dot(flat, anp.reshape(theta[20:36], (8, 2))) + theta[36:38]


class OwnNetwork(ClassifierMixin, BaseEstimator):
    """The network, fitted with L-BFGS from a fixed start."""

    def __init__(self, alpha=3.0, whole_loss=False):
        self.alpha = alpha
        self.whole_loss = whole_loss

    def fit(self, X, y, sample_weight=None):
        X = np.asarray(X)
        self.classes_, codes = np.unique(y, return_inverse=True)
        weights = np.ones(len(X)) if sample_weight is None else sample_weight

        def objective(theta):
            losses = network_loss(theta, X, codes)
            return anp.sum(weights * losses) + 0.5 * self.alpha * anp.sum(theta**2)

        start = np.random.RandomState(1).standard_normal(27) / 2
        tight = {"ftol": 1e-15, "gtol": 1e-9, "maxiter": 10_000}
        known = {"method": "L-BFGS-B", "jac": grad(objective), "options": tight}
        self.theta_ = minimize(objective, start, **known).x
        return self

    def decision_function(self, X):
        return network(self.theta_, np.asarray(X))

    def predict(self, X):
        return self.classes_[self.decision_function(X).argmax(axis=1)]


@as_problem.register(OwnNetwork)
def _own_network(estimator, X, y, sample_weight=None):
    rest = {"penalty": estimator.alpha, "sample_weight": sample_weight}
    if estimator.whole_loss:
        return problem_of_loss(network_loss, estimator.theta_, X, y, **rest)
    loss, classes = MultinomialLogLoss(), estimator.classes_
    return problem_of_function(network, loss, estimator.theta_, X, y, classes=classes, **rest)
