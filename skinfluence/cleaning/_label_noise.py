"""How many labels are wrong, and which, told from out-of-sample probabilities.

A model that was trained on noisy labels predicts noisy labels. With p_iv the probabilities of row
i by view v, a model that has not seen the row, and the noise matrix T, given × true,

    q_i = softmax(Σ_v a_v log p_iv + b)    the probabilities of the true class: p_i, calibrated
    P(given = g | x_i) = Σ_k T_gk q_ik.

The share ε of wrong labels is identified by where the probabilities of given labels level off: of
right labels a calibrated model may be as sure as it likes, of noisy ones no surer than 1 - ε. The
likelihood of ε is found on a grid, with a and b where it is largest, and T by steps of expectation
maximisation (Dempster, Laird and Rubin 1977; Dawid and Skene 1979) from the uniform one, to which
it is shrunk by ``PSEUDO_ROWS`` rows a class, its entries beside the diagonal multiplied so that ε
of the labels are wrong. Averages over the likelihood are what is told; the interval is that of its
ratio (``2 log L`` within 2.71 of its maximum). It is too narrow where the classes that are taken
for one another are few, since what T leaves open is not counted. Then

    P(true = k | x_i, given = g) = T_gk q_ik / Σ_l T_gl q_il.

Of probabilities that are right for given labels, which level off at 1 - ε themselves, a = 1 and no
noise is as likely as ε: anything between is. A model that is wrong, as a line is where the border
is curved, disagrees with right labels too, and is surer than it should be: ε is then too large, and
its interval too narrow. A view of another kind that is sure of the labels there says so, and gets
the larger exponent.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.optimize import minimize
from scipy.special import softmax
from scipy.stats import chi2

#: Shares of wrong labels whose likelihood is found.
SHARES = np.array([0, 0.5, 1, 2, 3, 5, 7.5, 10, 12.5, 15, 17.5, 20, 22.5, 25, 27.5, 30, 35, 40, 45])
SHARES = SHARES / 100
#: Rows that the likelihood is found with, at most.
MOST_ROWS = 5_000
#: Rows a class that the noise matrix is shrunk to the uniform one by.
PSEUDO_ROWS = 20
#: Steps of expectation maximisation a share, and the largest share of a class that is wrong.
ROUNDS, MOST = 2, 0.9
#: Probability that the interval has.
CONFIDENCE = 0.9
#: Fall of the log likelihood between shares of the grid that is followed, and the finest step.
STEP, FINEST = 0.5, 0.004
#: Weight in the average over shares, relative, from which a share counts.
COUNTS = 1e-3
#: Precision of the prior that calibrations have around none, in rows; and their largest exponent.
PRIOR, STEEPEST = 0.1, 20
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
        The least and largest entries of T over the shares within the interval, and of its mean.
    averaged : list of (weight, Noise)
        The calibrations and noise matrices that are averaged over.
    log_loss, baseline_log_loss : float
        Mean log loss of the calibrated probabilities of given labels, and of the classes' shares.
    p_value : float
        Of the likelihood ratio of the two, a degree of freedom a view: chance that labels which
        have nothing to do with X are predicted as well.
    """

    rate: float
    rate_interval: np.ndarray
    matrix: np.ndarray
    matrix_interval: np.ndarray
    averaged: list[tuple[float, "Noise"]]
    log_loss: float
    baseline_log_loss: float
    p_value: float

    def true_probabilities(
        self, views: Sequence[np.ndarray], codes: np.ndarray | None = None
    ) -> np.ndarray:
        """Return ``P(true = k | x_i)`` of rows, and where ``codes`` are given of their labels too.

        Parameters
        ----------
        views : sequence of ndarray of shape (n, K)
        codes : ndarray of int of shape (n,), default=None
            The given classes.

        Returns
        -------
        probabilities : ndarray of shape (n, K)
        """
        logs, total = _logs(views), 0.0
        for weight, fit in self.averaged:
            true = fit.calibrated(logs)
            given = true if codes is None else _posterior(true, fit.matrix, codes)
            total = total + weight * given
        return np.asarray(total) / np.sum(total, axis=1, keepdims=True)

    def wrong_probabilities(self, views: Sequence[np.ndarray], codes: np.ndarray) -> np.ndarray:
        """Return the probability that each label is wrong, ``P(true ≠ given | x_i, given)``."""
        right = self.true_probabilities(views, codes)
        return 1 - right[np.arange(len(codes)), codes]


def label_noise(
    views: Sequence[np.ndarray], codes: np.ndarray, weights: np.ndarray | None = None
) -> LabelNoise:
    """Estimate the noise of labels.

    Parameters
    ----------
    views : sequence of ndarray of shape (n, K)
        Out-of-sample probabilities of the classes, of one model or several.
    codes : ndarray of int of shape (n,)
        The given classes.
    weights : ndarray of shape (n,), default=None
        Of the rows: one of weight 2 is the row twice.
    """
    n = len(codes)
    part = np.arange(n) if n <= MOST_ROWS else np.random.RandomState(0).permutation(n)[:MOST_ROWS]
    weights = np.ones(n) if weights is None else weights
    weights, codes = weights[part], codes[part]
    logs = _logs([view[part] for view in views])
    fits = _likelihood(logs, codes, weights)
    losses, shares = (np.array([getattr(fit, name) for fit in fits]) for name in ("loss", "share"))
    likelihood = np.exp(losses.min() - losses) * np.gradient(shares)
    likelihood /= likelihood.sum()
    rate = float(likelihood @ shares)
    low, high = _interval(shares, 2 * (losses - losses.min()))
    averaged = [(float(p), fit) for p, fit in zip(likelihood, fits) if p > COUNTS]
    matrix = np.sum([weight * fit.matrix for weight, fit in averaged], axis=0)
    matrix /= matrix.sum(axis=0)
    inside = [fit.matrix for fit in fits if low <= fit.share <= high]
    return LabelNoise(
        rate,
        np.array([min(low, rate), max(high, rate)]),
        matrix,
        np.array([extreme([*inside, matrix], axis=0) for extreme in (np.min, np.max)]),
        averaged,
        *_skill(fits[losses.argmin()], logs, codes, weights),
    )


def _skill(best, logs, codes, weights):
    """Return the log loss, that of the shares of classes, and the p-value of their difference."""
    total = weights.sum()
    shares = np.bincount(codes, weights=weights, minlength=logs.shape[2]) / total
    baseline = -(weights @ np.log(np.maximum(shares[codes], TINY))) / total
    reached = -(weights @ np.log(best.of_given(logs, codes))) / total
    ratio = max(2 * total * (baseline - reached), 0)
    return float(reached), float(baseline), float(chi2.sf(ratio, len(logs)))


@dataclass(frozen=True, eq=False)
class Noise:
    """Probabilities calibrated, and T, under some share of wrong labels; the loss they reach."""

    share: float
    slopes: np.ndarray
    shifts: np.ndarray
    matrix: np.ndarray
    loss: float

    def calibrated(self, logs):
        """Return q, shape (n, K)."""
        return _combined(logs, self.slopes, self.shifts)

    def of_given(self, logs, codes):
        """Return the probability of every given label, shape (n,)."""
        given = np.sum(self.matrix[codes] * self.calibrated(logs), axis=1)
        return np.maximum(given, TINY)


def _logs(views):
    return np.log(np.clip(views, TINY, 1))


def _combined(logs, slopes, shifts):
    """Return ``softmax(Σ_v a_v log p_iv + b)``, shape (n, K)."""
    return softmax(np.tensordot(slopes, logs, 1) + shifts, axis=1)


def _likelihood(logs, codes, weights):
    """Return the fits of a grid of shares, finer where the likelihood is steep."""
    fits = list(_profile(SHARES, logs, codes, weights))
    while True:
        best = int(np.argmin([fit.loss for fit in fits]))
        near = fits[max(best - 1, 0) : best + 2]
        steep = max(fit.loss for fit in near) - fits[best].loss > STEP
        if not steep or near[-1].share - near[0].share < FINEST:
            return fits
        for one, other in pairwise(near):
            between = [(one.share + other.share) / 2]
            fits += _profile(between, logs, codes, weights, start=one)
        fits.sort(key=lambda fit: fit.share)


def _profile(shares, logs, codes, weights, start=None) -> Iterator[Noise]:
    """Yield the calibration and T of largest likelihood for each share, from those before it."""
    V, _, K = logs.shape
    point, matrix = np.append(np.full(V, 1 / V), np.zeros(K - 1)), _uniform(SHARES[1], K)
    if start is not None and start.share:
        point, matrix = np.append(start.slopes, start.shifts[1:]), start.matrix
    for share in shares:
        of_share = _of_share(matrix, share, np.full(K, 1 / K))
        for _ in range(ROUNDS if share else 1):
            loss, point = _calibrate(of_share, logs, codes, weights, point)
            told = Noise(float(share), point[:V], np.append(0, point[V:]), of_share, loss)
            if share:
                true = told.calibrated(logs)
                matrix = of_share = _matrix(share, of_share, true, codes, weights)
        yield told


def _calibrate(matrix, logs, codes, weights, start):
    """Return minus the log likelihood, and (a_1, …, a_V, b_2, …, b_K) where it is least."""
    V, _, K = logs.shape
    of_given = matrix[codes]
    usual = np.append(np.full(V, 1 / V), np.zeros(K - 1))

    def loss(point):
        q = _combined(logs, point[:V], np.append(0, point[V:]))
        given = np.maximum(np.sum(of_given * q, axis=1), TINY)
        gradient = (weights / given)[:, None] * q * (given[:, None] - of_given)
        slopes = np.append(np.sum(gradient * logs, axis=(1, 2)), gradient.sum(axis=0)[1:])
        away = point - usual  # a prior that keeps separable classes from running away
        return -(weights @ np.log(given)) + PRIOR * (away @ away), slopes + 2 * PRIOR * away

    bounds = [(0, STEEPEST)] * V + [(-8, 8)] * (K - 1)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
    return float(found.fun), found.x


def _interval(shares, deviances):
    """Return where the likelihood ratio crosses its quantile, between points of the grid."""
    within = np.flatnonzero(deviances <= (level := chi2.ppf(CONFIDENCE, 1)))
    ends = []
    for edge, step in ((within[0], -1), (within[-1], 1)):
        beyond = edge + step
        if not 0 <= beyond < len(shares):
            ends.append(shares[edge])
            continue
        part = (level - deviances[edge]) / (deviances[beyond] - deviances[edge])
        ends.append(shares[edge] + part * (shares[beyond] - shares[edge]))
    return np.array(ends)


def _uniform(share, n_classes):
    """Return the T that takes every class for every other alike."""
    matrix = np.full((n_classes, n_classes), share / max(n_classes - 1, 1))
    np.fill_diagonal(matrix, 1 - share)
    return matrix


def _of_share(matrix, share, shares):
    """Return T, its entries beside the diagonal multiplied so that a share of labels is wrong."""
    wrong = matrix - np.diag(np.diag(matrix))
    of_classes = wrong.sum(axis=0)
    factors = share / max(of_classes @ shares, TINY), MOST / np.maximum(of_classes, TINY)
    wrong = wrong * np.minimum(*factors)
    return wrong + np.diag(1 - wrong.sum(axis=0))


def _matrix(share, matrix, true, codes, weights):
    """Return T after a step of expectation maximisation, a given share of labels wrong."""
    K = true.shape[1]
    posterior = _posterior(true, matrix, codes)
    counts = (np.eye(K)[codes] * weights[:, None]).T @ posterior
    shares = counts.sum(axis=0) / counts.sum()
    counts = counts + PSEUDO_ROWS * _uniform(share, K)
    return _of_share(counts / counts.sum(axis=0), share, shares)


def _posterior(true, matrix, codes):
    """Return ``T_gk q_ik / Σ_l T_gl q_il``, shape (n, K)."""
    joint = true * matrix[codes]
    return joint / np.maximum(joint.sum(axis=1, keepdims=True), TINY)
