"""Curves: act on more and more of the rows that a ranking names, and look what comes of it."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone, is_classifier
from sklearn.metrics import check_scoring
from sklearn.utils import Bunch
from sklearn.utils.parallel import Parallel, delayed

from .._parameters import check_flag, check_seed, check_share, check_verbose, check_whole
from .._typing import MatrixLike
from ..adapters import fit_clone
from ..changes import EncodedRemoveGroups
from ..methods import RetrainAnswers, evaluate
from ..questions import Loss
from ._datamodeling import check_explainer, draw_subsets


def cleaning_curve(
    cleaner: Any,
    X: MatrixLike,
    y: ArrayLike,
    X_test: MatrixLike,
    y_test: ArrayLike,
    *,
    shares: ArrayLike = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3),
    noise: float = 0.1,
    n_draws: int = 5,
    baselines: tuple = ("loss", "random"),
    scoring: str | Callable | None = None,
    random_state: int | np.random.RandomState | None = None,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> Bunch:
    """Flip labels, inspect rows in the order of a cleaner, and correct what is wrong among them.

    The experiment of section 5.4 of Koh and Liang (2017): how many of the flips are found after a
    share of the rows has been looked at, and how good is the model then?

    Parameters
    ----------
    cleaner : LabelCleaner
        Around a classifier; it is cloned. Its ranking is taken, and its ``estimator`` is fitted
        again on the corrected labels; its ``action`` plays no part.
    X, y : array-like of n_train rows
        Rows and labels that are held to be right.
    X_test, y_test : array-like of n_test rows
        Rows to score the corrected model on.
    shares : array-like of float in (0, 1], default=(0.05, 0.1, 0.15, 0.2, 0.25, 0.3)
        Shares of the rows that have been inspected.
    noise : float in (0, 1), default=0.1
        Share of the labels to flip; each becomes one of the other classes, at random.
    n_draws : int, default=5
        Draws of flips, for error bars.
    baselines : tuple of str, default=("loss", "random")
        What to compare with: other scores of the cleaner ("loo_loss", "self_influence", "loss"),
        and a "random" order.
    scoring : str, callable or None, default=None
        As in scikit-learn; None is the estimator's own ``score``.
    random_state : int, RandomState instance or None, default=None
        Draws the flips and the random order.
    n_jobs : int, default=None
        Draws run at the same time, in processes.
    verbose : int, default=0
        Progress, as in joblib.

    Returns
    -------
    curve : Bunch
        ``shares`` (n_shares,); ``found`` and ``scores``, dicts of arrays (n_draws, n_shares) by
        the name of the order, the cleaner's own ``score`` first: the share of the flips among the
        inspected rows, and the test score after correcting them; ``clean_scores`` and
        ``noisy_scores`` (n_draws,): with no label flipped, and with none corrected.

    Raises
    ------
    ValueError
        If the cleaner's estimator is not a classifier, or a parameter is out of range.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.preprocessing import scale
    >>> from skinfluence import LabelCleaner
    >>> from skinfluence.metrics import cleaning_curve
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> X = scale(X)
    >>> cleaner = LabelCleaner(LogisticRegression())
    >>> curve = cleaning_curve(
    ...     cleaner, X[:400], y[:400], X[400:], y[400:], n_draws=2, random_state=0
    ... )
    >>> list(curve.found), curve.found["loo_loss"].shape
    (['loo_loss', 'loss', 'random'], (2, 6))
    """
    check_whole("n_draws", n_draws)
    check_share("noise", noise)
    check_verbose(verbose)
    shares = _check_shares(shares, whole=True)
    if not is_classifier(cleaner):
        raise ValueError("`cleaner` must wrap a classifier: only labels can be flipped.")
    orders = _check_orders(cleaner, baselines)
    random = check_seed(random_state)
    seeds = random.randint(np.iinfo(np.int32).max, size=n_draws)
    data = X, np.asarray(y), X_test, y_test
    draws = Parallel(n_jobs=n_jobs, verbose=verbose)(
        delayed(_clean)(cleaner, *data, orders, shares, noise, scoring, seed) for seed in seeds
    )
    curves, clean, noisy = zip(*draws)
    return Bunch(
        shares=shares,
        found={order: np.array([curve[order][0] for curve in curves]) for order in orders},
        scores={order: np.array([curve[order][1] for curve in curves]) for order in orders},
        clean_scores=np.array(clean),
        noisy_scores=np.array(noisy),
    )


def removal_curve(
    explainer: Any,
    X_test: MatrixLike,
    y_test: ArrayLike,
    *,
    shares: ArrayLike = (0.01, 0.02, 0.05, 0.1, 0.2),
    n_draws: int = 5,
    refine: bool = True,
    random_state: int | np.random.RandomState | None = None,
) -> Bunch:
    """Remove the rows that are said to help or to harm most, and really retrain without them.

    If the ranking is right, the mean test loss rises without the helpful rows and falls, or rises
    least, without the harmful ones; random rows are the baseline.

    Parameters
    ----------
    explainer : InfluenceExplainer
        Fitted. Rows are ranked by their loss influence, summed over the test rows.
    X_test, y_test : array-like of n_test rows
        Rows whose losses are asked about, y in the user's labels. Rows chosen by these losses are
        judged by them: for an honest gain, ask about other rows afterwards.
    shares : array-like of float in (0, 1), default=(0.01, 0.02, 0.05, 0.1, 0.2)
        Shares of the training rows to remove.
    n_draws : int, default=5
        Draws of random rows, for error bars.
    refine : bool, default=True
        Take each refit to its optimum, as in :func:`skinfluence.leave_one_out`.
    random_state : int, RandomState instance or None, default=None
        Draws the random rows.

    Returns
    -------
    curve : Bunch
        ``shares`` (n_shares,); ``helpful`` and ``harmful`` (n_shares,), ``random`` (n_draws,
        n_shares): change of the mean test loss in the refit without these rows; NaN where they
        are all that is left of a class.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import Ridge
    >>> from skinfluence import InfluenceExplainer
    >>> from skinfluence.metrics import removal_curve
    >>> X, y = load_diabetes(return_X_y=True)
    >>> explainer = InfluenceExplainer(Ridge()).fit(X[100:], y[100:])
    >>> curve = removal_curve(explainer, X[:100], y[:100], shares=[0.05, 0.1], random_state=0)
    >>> bool((curve.helpful > curve.random.mean(axis=0)).all())
    True
    >>> bool((curve.harmful < curve.random.mean(axis=0)).all())
    True
    """
    check_explainer(explainer)
    check_whole("n_draws", n_draws)
    check_flag("refine", refine)
    taken = _check_shares(shares, whole=False)
    random = check_seed(random_state)
    refits = RetrainAnswers.of(explainer.answers_.fit, refine)
    model = refits.fit.model
    total = explainer.loss_influence(X_test, y_test).sum(axis=0)
    rankings = {"helpful": np.argsort(-total, kind="stable")}
    rankings["harmful"] = rankings["helpful"][::-1]
    asked, found = Loss(X_test, y_test).encode(refits.fit), {}
    for name, ranking in rankings.items():
        removed = _top(ranking, taken)
        possible = np.array([not model.targets.lost(model.y[~members]) for members in removed])
        groups = EncodedRemoveGroups(removed[possible].T)
        found[name] = np.full(len(taken), np.nan)
        found[name][possible] = evaluate(refits, asked, groups).mean(axis=0)
    sizes = model.n_rows - _counts(taken, model.n_rows)
    kept = [draw_subsets(model, n_draws, size, random) for size in sizes]
    losses = evaluate(refits, asked, EncodedRemoveGroups(~np.concatenate(kept).T)).mean(axis=0)
    return Bunch(shares=taken, **found, random=losses.reshape(len(taken), n_draws).T)


def _clean(cleaner, X, y, X_test, y_test, orders, shares, noise, scoring, seed):
    """Return {order: (found, scores)} of one draw, and the scores with no flip and with all."""
    random = np.random.RandomState(seed)
    noisy = _flip(y, noise, random)
    base = cleaner._base_estimator()

    def score(labels):
        fitted = fit_clone(base, X, labels)
        return check_scoring(fitted, scoring=scoring)(fitted, X_test, y_test)

    curves = {}
    for order in orders:
        inspected = _top(_ranking(cleaner, order, X, noisy, random), shares)
        found = [np.mean(members[noisy != y]) for members in inspected]
        scores = [score(np.where(members, y, noisy)) for members in inspected]
        curves[order] = np.array(found), np.array(scores)
    return curves, score(y), score(noisy)


def _flip(y, noise, random):
    """Return labels of which a share is one of the other classes, each as likely."""
    classes, codes = np.unique(y, return_inverse=True)
    rows = random.permutation(len(y))[: max(1, round(noise * len(y)))]
    codes[rows] += random.randint(1, len(classes), size=len(rows))
    return classes[codes % len(classes)]


def _ranking(cleaner, order, X, y, random):
    """Return rows in the order in which they are inspected."""
    if order == "random":
        return random.permutation(len(y))
    return clone(cleaner).set_params(score=order, action="keep").fit(X, y).ranking_


def _top(ranking, shares):
    """Return masks of the first rows of a ranking, (n_shares, n_rows), one row or more each."""
    places = np.empty(len(ranking), dtype=int)
    places[ranking] = np.arange(len(ranking))
    return places < _counts(shares, len(ranking))[:, None]


def _counts(shares, n_rows):
    """Return how many rows the shares are, one or more."""
    return np.maximum(1, np.round(shares * n_rows)).astype(int)


def _check_shares(shares, whole):
    """Return the shares as an array; ValueError unless they are in (0, 1), or (0, 1]."""
    shares = np.atleast_1d(np.asarray(shares, dtype=float))
    below = np.all(shares <= 1) if whole else np.all(shares < 1)
    if shares.ndim != 1 or not len(shares) or not (np.all(shares > 0) and below):
        raise ValueError(f"`shares` must lie in (0, 1{']' if whole else ')'}; got {shares}.")
    return shares


def _check_orders(cleaner, baselines):
    """Return the names of the orders, the cleaner's own first."""
    known = ("loo_loss", "self_influence", "loss", "random")
    unknown = [name for name in baselines if name not in known]
    if isinstance(baselines, str) or unknown:
        raise ValueError(f"`baselines` must be a tuple of {known}; got {baselines!r}.")
    return tuple(dict.fromkeys((cleaner.get_params()["score"], *baselines)))
