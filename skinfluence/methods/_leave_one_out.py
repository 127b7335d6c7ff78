"""The ground truth: one real refit a row."""

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from .._parameters import check_verbose
from .._typing import MatrixLike, RowsLike
from ..adapters import check_weights, counted_classes, fit_watched, model_or_black_box
from ..changes import Remove
from ..questions import Loss
from ._effect import evaluate
from ._fit import Fit
from ._retrain import Retrain


def leave_one_out(
    estimator: BaseEstimator,
    X: MatrixLike,
    y: ArrayLike,
    X_test: MatrixLike,
    y_test: ArrayLike,
    *,
    rows: RowsLike | None = None,
    sample_weight: ArrayLike | None = None,
    refine: bool = True,
    temperature: float = 1e-3,
    n_repeats: int = 1,
    random_state: int | np.random.RandomState | None = None,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> np.ndarray:
    """Really refit without each row, and return how the test losses changed.

    The ground truth that every estimate is judged by, in the units of
    ``InfluenceExplainer.loss_influence``.

    Parameters
    ----------
    estimator : estimator
        Cloned and fitted on all rows first; a FrozenEstimator is taken as fitted.
    X, y : array-like
        Training data.
    X_test, y_test : array-like
        Rows whose losses are asked about; y_test in the user's labels.
    rows : None, int indices, bool mask or slice, default=None
        Training rows to leave out, one at a time; None means all.
    sample_weight : array-like of shape (n_train,), default=None
        Training weights.
    refine : bool, default=True
        Take each refit to its optimum by Newton steps: at default tolerances the noise of a fit
        is as large as the effect of one row. Supported estimators only.
    temperature : float, default=1e-3
        Width of the smoothing of a loss with a kink, as in ``InfluenceExplainer``. With
        ``refine`` the optimum is that of the loss as it is trained; where that is not found, of
        the smoothed loss. The values that are compared are those of the loss with its kink.
    n_repeats : int, default=1
        Refits of each row, and fits of all rows, under seeds of their own, that are averaged: for
        estimators that draw random numbers, such as forests. Others are fitted once.
    random_state : int, RandomState instance or None, default=None
        Draws these seeds. With None a single fit keeps the estimator's own.
    n_jobs : int, default=None
        Refits run at the same time; the answer does not depend on it.
    verbose : int, default=0
        Progress, as in joblib.

    Returns
    -------
    influence : ndarray of shape (n_test, n_rows)
        Test loss after the removal minus before.

    Warns
    -----
    UserWarning
        Where an estimator whose objective is not known, and which has a ``random_state``, gives
        the same rows other test losses under another seed: by more than a tenth of what the
        median row moves them.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skinfluence import leave_one_out
    >>> X, y = load_iris(return_X_y=True)
    >>> leave_one_out(LogisticRegression(max_iter=1000), X, y, X[:3], y[:3], rows=[0, 70]).shape
    (3, 2)
    """
    method = Retrain(refine, n_repeats, random_state)
    check_verbose(verbose)
    sample_weight = check_weights(sample_weight, X)
    y, _ = counted_classes(estimator, y, sample_weight)
    fitted, X_last = fit_watched(estimator, X, y, sample_weight)
    known = {"X_last": X_last, "temperature": temperature}
    model = model_or_black_box(fitted, X, y, sample_weight, **known)
    answers = method.bind(Fit(model, n_jobs=n_jobs, verbose=verbose))
    question, change = Loss(X_test, y_test).encode(answers.fit), Remove(rows).encode(answers.fit)
    return evaluate(answers, question, change)
