"""Which rows are flagged: by the probability of a wrong label, or by residuals."""

import numpy as np
from scipy.spatial import KDTree

#: Probability of a wrong label below which no row is flagged.
LEAST_WRONG = 0.2
#: Share of a class that is flagged at most, unless a share of rows is asked for.
MOST_OF_CLASS = 0.5
#: Robust deviations from which a residual is outlying (Iglewicz and Hoaglin 1993).
OUTLYING = 3.5
#: Rows nearby whose residuals tell the scale, and columns up to which they are looked for.
NEARBY, FEW_COLUMNS = 50, 20


def wrong_labels(
    wrong: np.ndarray, codes: np.ndarray, suggested: np.ndarray, scores: np.ndarray
) -> np.ndarray:
    """Return the mask of rows whose label is called wrong: those of the largest expected F1.

    Of calibrated probabilities these are the largest ones, down to half of that F1 (Lipton, Elkan
    and Naryanaswamy 2014, "Optimal thresholding of classifiers to maximize F1 measure").

    Parameters
    ----------
    wrong : ndarray of shape (n,)
        Probability that the label is wrong; nan where it is not known.
    codes, suggested : ndarray of int of shape (n,)
        The given class, and the suggested one: a row is flagged only for another label.
    scores : ndarray of shape (n,)
        Suspicion, which breaks ties.
    """
    candidates = np.flatnonzero((wrong > LEAST_WRONG) & (suggested != codes))
    candidates = candidates[np.lexsort((-scores[candidates], -wrong[candidates]))]
    sizes, n_wrong = np.arange(1, len(candidates) + 1), np.nansum(wrong)
    expected = 2 * np.cumsum(wrong[candidates]) / (sizes + n_wrong)
    found = candidates[: expected.argmax() + 1 if len(candidates) else 0]
    flagged = np.zeros(len(codes), dtype=bool)
    for code in np.unique(codes[found]):
        most = int(MOST_OF_CLASS * np.count_nonzero(codes == code))
        flagged[found[codes[found] == code][:most]] = True
    return flagged


def first_of(ranking: np.ndarray, count: int, codes: np.ndarray | None = None) -> np.ndarray:
    """Return the mask of the first rows of a ranking; where ``codes`` are given, no whole class.

    A class of which every row is among the first keeps the last of these.
    """
    flagged = np.zeros(len(ranking), dtype=bool)
    flagged[ranking[:count]] = True
    for members in [] if codes is None else np.arange(codes.max() + 1)[:, None] == codes:
        if flagged[members].all():
            flagged[ranking[members[ranking]][-1]] = False
    return flagged


def outlying(residuals: np.ndarray, X: np.ndarray | None, predicted: np.ndarray) -> np.ndarray:
    """Return the mask of residuals beyond 3.5 robust deviations of those nearby.

    The modified z-score of Iglewicz and Hoaglin (1993), each residual in units of the median of
    those of the rows nearby, so that where values are noisier more is allowed.

    Parameters
    ----------
    residuals : ndarray of shape (n,)
        Sizes of the leave-one-out residuals, >= 0.
    X : ndarray of shape (n, p) or None
        Few columns, that say which rows are nearby; None is by the prediction alone.
    predicted : ndarray of shape (n, n_outputs)
    """
    everywhere = np.median(residuals)
    nearby = everywhere
    if len(residuals) > 4 * NEARBY:
        nearby = np.maximum(_medians_nearby(residuals, X, predicted), everywhere / 4)
    rounding = max(1e-8 * residuals.max(initial=0), 1e-10 * np.abs(predicted).max(initial=0))
    return residuals > np.maximum(OUTLYING * 1.4826 * nearby, rounding)


def _medians_nearby(residuals, X, predicted):
    columns = predicted if X is None else X
    spread = columns.std(axis=0)
    columns = (columns - columns.mean(axis=0)) / np.where(spread > 0, spread, 1)
    _, found = KDTree(columns).query(columns, k=NEARBY)
    return np.median(residuals[found], axis=1)
