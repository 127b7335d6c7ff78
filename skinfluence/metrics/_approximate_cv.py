"""Cross-validation from one fit: what a model would score on rows it has not seen."""

from collections.abc import Callable
from typing import Any

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, is_classifier
from sklearn.metrics import check_scoring
from sklearn.model_selection import check_cv
from sklearn.utils import assert_all_finite, indexable

from .._blocks import row_blocks
from .._explainer import InfluenceExplainer
from .._parameters import check_flag, check_verbose
from .._sklearn_private import _safe_split
from .._typing import MatrixLike
from ..adapters import assign, cross_fitted, final_estimator, seen_by_last, with_parameters
from ..changes import EncodedRemoveGroups


def approximate_cross_val_score(
    estimator: BaseEstimator,
    X: MatrixLike,
    y: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    scoring: str | Callable | None = None,
    cv: Any = None,
    sample_weight: ArrayLike | None = None,
    solver: Any = "auto",
    refine: bool = True,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> np.ndarray:
    """Score an estimator by cross-validation, from one fit.

    The estimator is fitted once, on all rows. For each split the rows that it would not be
    trained on leave by Newton steps, all at once (``InfluenceExplainer.remove``), and the scorer
    is called on the estimator that is left. For squared error these are the scores of
    ``sklearn.model_selection.cross_val_score``; else they agree with them to the tolerance of the
    steps, 1e-4 of what the rows change. (A split that leaves out one row takes one step, or more
    where the row is influential, as ``loo_predict``.)

    Two things are held as they were fitted on all rows, where real cross-validation would fit
    them again without the fold: the steps of a Pipeline before the last, such as a scaler or a
    selection of features, and hyper-parameters that a search inside the estimator has chosen.
    Balanced class weights are counted again without the fold. A step that encodes the training rows
    by one another, as TargetEncoder does, knows the targets of the fold: its rows are scored as
    they were encoded for training, without their own.

    Parameters
    ----------
    estimator : estimator
        Supported by ``InfluenceExplainer``; it is cloned.
    X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
        Rows to fit and to score.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Their targets.
    groups : array-like of shape (n_samples,), default=None
        Labels for splitters such as ``GroupKFold``.
    scoring : str, callable or None, default=None
        As in scikit-learn; None is the estimator's own ``score``.
    cv : int, splitter, iterable of (train, test) or None, default=None
        As in scikit-learn: None is five folds, an integer its number, stratified for a
        classifier; ``LeaveOneOut()`` leaves out every row alone.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the fit. Scores are not weighted.
    solver : {"auto", "direct", "cg", "lissa"} or solver, default="auto"
        How H⁻¹ is applied; see :mod:`skinfluence.solvers`.
    refine : bool, default=True
        Take the one fit to its optimum first.
    n_jobs : int, default=None
        Splits are shared among as many processes.
    verbose : int, default=0
        Progress, as in joblib.

    Returns
    -------
    scores : ndarray of shape (n_splits,)

    Raises
    ------
    TypeError
        If the estimator is not supported.
    ValueError
        If a split leaves a class without training rows, or trains on some row twice.

    References
    ----------
    Beirami, A., Razaviyayn, M., Shahrampour, S. and Tarokh, V. (2017). On optimal generalizability
    in parametric learning. NeurIPS.
    Wilson, A., Kasy, M. and Mackey, L. (2020). Approximate cross-validation: guarantees for model
    assessment and selection. AISTATS.

    Examples
    --------
    Which C? The approximate scores and those of five real fits choose the same:

    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import cross_val_score
    >>> from sklearn.preprocessing import scale
    >>> from skinfluence.metrics import approximate_cross_val_score
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> X = scale(X)
    >>> asked = {"cv": 5, "scoring": "neg_log_loss"}
    >>> approximate, real = {}, {}
    >>> for C in (0.01, 0.1, 1.0, 10.0):
    ...     model = LogisticRegression(C=C, max_iter=1000)
    ...     approximate[C] = round(approximate_cross_val_score(model, X, y, **asked).mean(), 3)
    ...     real[C] = round(cross_val_score(model, X, y, **asked).mean(), 3)
    >>> max(approximate, key=approximate.get), max(real, key=real.get)
    (1.0, 1.0)
    """
    check_flag("refine", refine)
    check_verbose(verbose)
    if y is None:
        raise ValueError("`y` must be given: the scores are those of predictions of it.")
    assert_all_finite(y, input_name="y")
    X, y, groups = indexable(X, y, groups)
    cv = check_cv(cv, y, classifier=is_classifier(estimator))
    n_rows = np.shape(y)[0]
    splits = [(_left_out(train, n_rows), test) for train, test in cv.split(X, y, groups)]
    explainer = InfluenceExplainer(estimator, method="newton", solver=solver, refine=refine)
    explainer.fit(X, y, sample_weight)
    scorer = check_scoring(explainer.estimator_, scoring=scoring)
    scored = _scored(explainer, X)
    n_parts = min(effective_n_jobs(n_jobs), len(splits))
    parts = [part.tolist() for part in np.array_split(np.arange(len(splits)), n_parts)]
    scores = Parallel(n_jobs=n_jobs, verbose=verbose)(
        delayed(_scores)(explainer, *scored, y, [splits[i] for i in part], scorer) for part in parts
    )
    return np.concatenate(scores)


def _scored(explainer, X):
    """Return the fitted estimator that is scored, and the rows as it takes them."""
    model: Any = explainer.answers_.fit.model
    known = explainer.estimator_, X, model.X_last
    return seen_by_last(*known) if cross_fitted(*known) else known[:2]


def _scores(explainer, fitted, X, y, splits, scorer):
    """Return the score of every split, one estimator taking the parameters of each in turn."""
    problem = explainer.problem_
    estimator = with_parameters(fitted, problem)
    final, scores = final_estimator(estimator), []
    thetas = _thetas_without(explainer.answers_.optimum, [rows for rows, _ in splits])
    for theta, (rows, test) in zip(thetas, splits):
        members = np.isin(np.arange(problem.n_rows), rows)
        assign(final, problem.rest(members).at(theta))
        tested = _safe_split(estimator, X, y, test, np.flatnonzero(~members))
        scores.append(scorer(estimator, *tested))
    return np.array(scores)


def _thetas_without(optimum, left_out):
    """Yield theta without the rows that each split leaves out."""
    theta, n = optimum.problem.theta, optimum.problem.n_rows
    if all(len(rows) == 1 for rows in left_out):  # leave-one-out: many rows at a time
        moves = optimum.without_rows(np.concatenate(left_out))
        for block in row_blocks(len(left_out), 8 * len(theta)):
            yield from theta + moves.parameters(block)
        return
    for rows in left_out:
        group = EncodedRemoveGroups(np.isin(np.arange(n), rows)[:, None])
        yield theta + optimum.with_objectives(group).parameters(slice(None))[0]


def _left_out(train, n_rows):
    """Return the rows that are not among ``train``, which are indices or a mask."""
    train = np.asarray(train)
    if train.dtype == bool:
        return np.flatnonzero(~train)
    counts = np.bincount(train, minlength=n_rows)
    if counts.max(initial=0) > 1:
        raise ValueError("A split trains on some row twice; give every row once.")
    return np.flatnonzero(counts == 0)
