"""Does the interval of the share of wrong labels cover it, where the model is right?

Labels are drawn from a logistic model, n rows of five normal columns and two or three classes, and
a share of them is made another at random, all classes alike. The size of the coefficients, hence
how well the labels can be told, is drawn too. What the interval is to cover is the share that was
made wrong.
"""

import warnings

import numpy as np
from joblib import Parallel, delayed
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from skinfluence import LabelCleaner

SIZES = (300, 1000, 3000)
SHARES = (0.0, 0.05, 0.1, 0.2, 0.3)
N_COLUMNS = 5


def one_interval(n, share, seed):
    """Return n, the share, the estimate and its interval for one draw."""
    random = np.random.default_rng([seed, n, round(100 * share)])
    K = 2 + seed % 2
    X = random.standard_normal((n, N_COLUMNS))
    coef = random.standard_normal((N_COLUMNS, K)) * random.uniform(1, 3)
    chances = softmax(X @ coef, axis=1)
    y = (chances.cumsum(axis=1) < random.random((n, 1))).sum(axis=1).clip(max=K - 1)
    rows = random.choice(n, round(share * n), replace=False)
    y[rows] = (y[rows] + random.integers(1, K, len(rows))) % K
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = LogisticRegression(max_iter=1000)
        cleaner = LabelCleaner(model, action="keep").fit(X, y)
    lower, upper = cleaner.noise_rate_interval_
    covers = lower <= share <= upper
    return {
        "n": n,
        "share": share,
        "estimate": cleaner.noise_rate_,
        "covers": covers,
        "length": upper - lower,
        "too high": lower > share,
        "too low": upper < share,
    }


def intervals(n_seeds, n_jobs):
    """Return a record for every size, share and seed."""
    tasks = (
        delayed(one_interval)(n, share, seed)
        for n in SIZES
        for share in SHARES
        for seed in range(n_seeds)
    )
    return Parallel(n_jobs=n_jobs)(tasks)
