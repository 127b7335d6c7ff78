"""How many labels are wrong, and which, told from out-of-sample probabilities.

A model that was trained on noisy labels predicts noisy labels. With p_i its probabilities of row i
without the row, and the noise matrix T, given × true,

    q_i = softmax(a log p_i + b)           the probabilities of the true class: p_i, calibrated
    P(given = g | x_i) = Σ_k T_gk q_ik,    T = (1 - ε) I + ε / (K - 1) (1 - I)  to begin with.

The share ε of wrong labels is identified by where the probabilities of given labels level off: of
right labels a calibrated model may be as sure as it likes, of noisy ones no surer than 1 - ε. The
likelihood of ε, with a and b where it is largest, is found on a grid; averages over it are what is
told, and its interval is that of the likelihood ratio (``2 log L`` within 2.71 of its maximum). The
classes that are taken for one another are then found by expectation maximisation (Dempster, Laird
and Rubin 1977; Dawid and Skene 1979), T shrunk to the uniform one by ``PSEUDO_ROWS`` rows a class:

    P(true = k | x_i, given = g) = T_gk q_ik / Σ_l T_gl q_il.

A model that is wrong, as a line is where the border is curved, disagrees with right labels too, and
is surer than it should be: ε is then too large, and its interval too narrow.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import softmax
from scipy.stats import chi2

#: Shares of wrong labels whose likelihood is found.
SHARES = np.array([0, 0.5, 1, 2, 3, 5, 7.5, 10, 12.5, 15, 17.5, 20, 22.5, 25, 27.5, 30, 35, 40, 45])
SHARES = SHARES / 100
#: Rows that the likelihood is found with, at most.
MOST_ROWS = 20_000
#: Rows a class that the noise matrix is shrunk to the uniform one by.
PSEUDO_ROWS = 20
#: Probability that the interval has.
CONFIDENCE = 0.9
#: Weight in the average over shares, relative, from which a share counts.
COUNTS = 1e-3
#: Smallest probability: no row counts for more than its logarithm.
TINY = 1e-12


@dataclass(frozen=True, eq=False)
class LabelNoise:
    """What is known of wrong labels, K classes.

    Attributes
    ----------
    rate : float
        Share of labels that are wrong, between 0 and 0.45: the mean over its likelihood.
    rate_interval : ndarray of shape (2,)
        Its interval of 90%, where calibrated probabilities are right.
    matrix : ndarray of shape (K, K)
        T, given × true: columns sum to 1.
    matrix_interval : ndarray of shape (2, K, K)
        The least and largest entries of T over the shares within the interval.
    averaged : list of (weight, Calibration, T)
        The calibrations and noise matrices that are averaged over.
    log_loss, baseline_log_loss : float
        Mean log loss of the calibrated probabilities of given labels, and of the classes' shares.
    p_value : float
        Of the likelihood ratio of the two, one degree of freedom: chance that labels which have
        nothing to do with X are predicted as well.
    """

    rate: float
    rate_interval: np.ndarray
    matrix: np.ndarray
    matrix_interval: np.ndarray
    averaged: list[tuple[float, "Calibration", np.ndarray]]
    log_loss: float
    baseline_log_loss: float
    p_value: float

    def of_rows(self, probabilities: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """Return the probability that each label is right, ``P(true = given | x_i, given)``."""
        return self.true_probabilities(probabilities, codes)[np.arange(len(codes)), codes]

    def true_probabilities(self, probabilities: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """Return ``P(true = k | x_i, given)`` of rows, shape (n, K)."""
        logs = np.log(np.clip(probabilities, TINY, 1))
        total = sum(
            weight * _posterior(calibration.calibrated(logs), matrix, codes)
            for weight, calibration, matrix in self.averaged
        )
        return np.asarray(total) / np.sum(total, axis=1, keepdims=True)


def label_noise(
    probabilities: np.ndarray, codes: np.ndarray, weights: np.ndarray | None = None
) -> LabelNoise:
    """Estimate the noise of labels.

    Parameters
    ----------
    probabilities : ndarray of shape (n, K)
        Out-of-sample probabilities of the classes.
    codes : ndarray of int of shape (n,)
        The given classes.
    weights : ndarray of shape (n,), default=None
        Of the rows: one of weight 2 is the row twice.
    """
    n, K = probabilities.shape
    part = np.arange(n) if n <= MOST_ROWS else np.random.RandomState(0).permutation(n)[:MOST_ROWS]
    weights = np.ones(n) if weights is None else weights
    weights, codes = weights[part], codes[part]
    logs = np.log(np.clip(probabilities[part], TINY, 1))
    fits = list(_profile(logs, codes, weights))
    losses = np.array([fit.loss for fit in fits])
    likelihood = np.exp(losses.min() - losses) * np.gradient(SHARES)
    likelihood /= likelihood.sum()
    interval = _interval(2 * (losses - losses.min()))
    inside = (interval[0] <= SHARES) & (interval[1] >= SHARES)
    matrices = {
        i: _matrix(SHARES[i], fits[i].calibrated(logs), codes, weights)
        for i in np.flatnonzero(inside | (likelihood > COUNTS))
    }
    averaged = [
        (float(likelihood[i]), fits[i], matrices[i]) for i in matrices if likelihood[i] > COUNTS
    ]
    within = [matrices[i] for i in np.flatnonzero(inside)]
    matrix = np.sum([weight * each for weight, _, each in averaged], axis=0)
    best, shares = fits[losses.argmin()], _shares(codes, weights, K)
    total = weights.sum()
    baseline = -(weights @ np.log(np.maximum(shares[codes], TINY))) / total
    reached = -(weights @ np.log(best.of_given(logs, codes))) / total
    ratio = max(2 * total * (baseline - reached), 0)
    return LabelNoise(
        rate=float(likelihood @ SHARES),
        rate_interval=interval,
        matrix=matrix / matrix.sum(axis=0),
        matrix_interval=np.array([np.min(within, axis=0), np.max(within, axis=0)]),
        averaged=averaged,
        log_loss=float(reached),
        baseline_log_loss=float(baseline),
        p_value=float(chi2.sf(ratio, 1)) / 2,
    )


@dataclass(frozen=True)
class Calibration:
    """Probabilities calibrated under some share of wrong labels, and the loss they reach."""

    share: float
    slope: float
    shifts: np.ndarray
    loss: float

    def calibrated(self, logs):
        """Return q, shape (n, K)."""
        return softmax(self.slope * logs + self.shifts, axis=1)

    def of_given(self, logs, codes):
        """Return the probability of every given label, shape (n,)."""
        right = self.calibrated(logs)[np.arange(len(codes)), codes]
        other = self.share / max(logs.shape[1] - 1, 1)
        return np.maximum(other + (1 - self.share - other) * right, TINY)


def _profile(logs, codes, weights) -> Iterator[Calibration]:
    """Yield the calibration of largest likelihood for each share, from the one before it."""
    point = np.zeros(logs.shape[1])
    for share in SHARES:
        loss, point = _calibrate(share, logs, codes, weights, point)
        shifts = np.append(0, point[1:])
        yield Calibration(share, float(np.exp(point[0])), shifts, loss)


def _calibrate(share, logs, codes, weights, start):
    """Return minus the log likelihood, and (log a, b_2, …, b_K) where it is least."""
    n, K = logs.shape
    rows, other = np.arange(n), share / (K - 1)

    def loss(point):
        slope = np.exp(point[0])
        q = softmax(slope * logs + np.append(0, point[1:]), axis=1)
        right = q[rows, codes]
        given = np.maximum(other + (1 - share - other) * right, TINY)
        pull = -weights * (1 - share - other) * right / given
        gradient = -pull[:, None] * q
        gradient[rows, codes] += pull
        of_slope = slope * np.sum(gradient * logs)
        shrunk = point @ point  # a prior that keeps separable classes from running away
        slopes = np.append(of_slope, gradient.sum(axis=0)[1:]) + 2 * point
        return -(weights @ np.log(given)) + shrunk, slopes

    bounds = [(-3, 3)] + [(-8, 8)] * (K - 1)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
    return float(found.fun), found.x


def _interval(deviances):
    """Return where the likelihood ratio crosses its quantile, between points of the grid."""
    within = np.flatnonzero(deviances <= (level := chi2.ppf(CONFIDENCE, 1)))
    ends = []
    for edge, step in ((within[0], -1), (within[-1], 1)):
        beyond = edge + step
        if not 0 <= beyond < len(SHARES):
            ends.append(SHARES[edge])
            continue
        part = (level - deviances[edge]) / (deviances[beyond] - deviances[edge])
        ends.append(SHARES[edge] + part * (SHARES[beyond] - SHARES[edge]))
    return np.array(ends)


def _matrix(share, true, codes, weights):
    """Return T by expectation maximisation, from calibrated probabilities of the true class."""
    K = true.shape[1]
    uniform = np.full((K, K), share / (K - 1))
    np.fill_diagonal(uniform, 1 - share)
    matrix, given = uniform, np.eye(K)[codes] * weights[:, None]
    for _ in range(50):
        counts = given.T @ _posterior(true, matrix, codes) + PSEUDO_ROWS * uniform
        before, matrix = matrix, counts / counts.sum(axis=0)
        if np.abs(matrix - before).max() < 1e-4:
            break
    return matrix


def _posterior(true, matrix, codes):
    """Return ``T_gk q_ik / Σ_l T_gl q_il``, shape (n, K)."""
    joint = true * matrix[codes]
    return joint / np.maximum(joint.sum(axis=1, keepdims=True), TINY)


def _shares(codes, weights, n_classes):
    """Return the weighted shares of the classes."""
    counts = np.bincount(codes, weights=weights, minlength=n_classes)
    return counts / counts.sum()
