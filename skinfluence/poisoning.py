"""Training-set attacks: move training rows a little, so that test losses rise (section 5.2).

::

    x_j ← Π(x_j + α sign(I_pert,loss(z_j, z_test)))

(Koh & Liang 2017): every feature of the training rows that matter most is moved by the step α in
the direction in which, after refitting, the test loss rises; Π keeps the rows within ε of where
they were, in bounds and on the grid. Labels stay, and so do the test rows. What such an attack can
do, and how few rows it needs, is a measure of how far a prediction hangs on single rows.
"""

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, is_classifier
from sklearn.utils import Bunch

from ._attack import Attack
from ._parameters import check_whole
from ._perturbing import Allowed
from ._resolved import Resolved
from ._rows import check_rows
from ._sklearn_private import _num_samples, _safe_indexing
from ._typing import MatrixLike, RowsLike
from .problems import pull_back_features

__all__ = ["poison", "vulnerability"]


def poison(
    estimator: BaseEstimator,
    X: MatrixLike,
    y: MatrixLike,
    X_test: MatrixLike,
    y_test: ArrayLike,
    *,
    epsilon: float,
    n_rows: int = 1,
    rows: RowsLike | None = None,
    n_iter: int = 1,
    step: float | None = None,
    bounds: tuple | None = None,
    grid: float | None = None,
    mutable: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> Bunch:
    """Move a few training rows so that the sum of the test losses rises, and refit.

    Parameters
    ----------
    estimator : estimator or InfluenceExplainer
        A supported estimator, or a Pipeline of affine steps around one: the attack is on X as it
        is given here. It is fitted on X and y, unless it is an explainer that is fitted already.
    X, y : {array-like, sparse matrix, DataFrame}, array-like
        Training data.
    X_test, y_test : array-like of n_test rows
        The rows whose losses are to rise: one, several, or a whole class.
    epsilon : float or array-like of shape (n_features,)
        Largest change of a feature, >= 0.
    n_rows : int, default=1
        Training rows to move, those first whose move is predicted to raise the loss most.
    rows : None, int indices, bool mask or slice, default=None
        Training rows that may be moved; None means all.
    n_iter : int, default=1
        Steps. After each the model is solved again with the moved rows; what is returned is the
        step after which the loss was largest.
    step : float or array-like of shape (n_features,), default=None
        α; None is ``epsilon`` for one step, and ``2.5 epsilon / n_iter`` for several.
    bounds : tuple (low, high), default=None
        Least and largest values of the features: numbers, or one for each feature.
    grid : float or array-like of shape (n_features,), default=None
        Spacing of discrete features, whose values are multiples of it: 1 for grey levels or
        counts; 0 where a feature is continuous.
    mutable : array-like of bool of shape (n_features,) or of int, default=None
        Features that may change; None means all.
    sample_weight : array-like of shape (n_train,), default=None
        Training weights.

    Returns
    -------
    attack : Bunch
        ``rows`` (n_rows,): the training rows that were moved, the most vulnerable first;
        ``X_new`` (n_rows, n_features): what they became;
        ``predicted_change`` (float): of the sum of the test losses, from I_pert along the steps;
        ``realised_change`` (float): the same after really refitting;
        ``loss_before``, ``loss_after`` (n_test,), ``prediction_before``, ``prediction_after``
        (n_test,): of the fit and of the refit; ``estimator``: the refitted estimator.

    Raises
    ------
    TypeError
        If the estimator is not supported, or a step of a Pipeline is not affine.

    Notes
    -----
    ``predicted_change`` is what is summed to first order at each step; for large ``epsilon`` one
    step overstates or understates it, and several follow the curve. The earlier steps of a
    Pipeline stay as they were fitted.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skinfluence.poisoning import poison
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = make_pipeline(StandardScaler(), LogisticRegression())
    >>> attack = poison(model, X[5:], y[5:], X[:1], y[:1], epsilon=0.1 * X.std(axis=0), n_rows=3)
    >>> attack.X_new.shape
    (3, 30)
    >>> bool(attack.realised_change > 0)
    True
    """
    resolved = Resolved.of(estimator, X, y, sample_weight)
    allowed = Allowed.of(_n_features(resolved, X), epsilon, bounds, grid, mutable)
    attack = Attack(resolved, X, allowed, n_iter, _step(allowed, n_iter, step))
    rows = check_rows(rows, _num_samples(X))
    check_whole("n_rows", n_rows)
    if n_rows > len(rows):
        raise ValueError(f"`n_rows` must be at most the {len(rows)} `rows`; got {n_rows}.")
    return attack.run(X_test, y_test, attack.ranking(X_test, y_test, rows)[:n_rows])


def vulnerability(
    estimator: BaseEstimator,
    X: MatrixLike,
    y: MatrixLike,
    X_test: MatrixLike,
    *,
    epsilon: float,
    max_rows: int = 64,
    rows: RowsLike | None = None,
    n_iter: int = 1,
    step: float | None = None,
    bounds: tuple | None = None,
    grid: float | None = None,
    mutable: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> np.ndarray:
    """Return how few training rows, moved by ``epsilon``, change the prediction of each test row.

    Parameters
    ----------
    estimator : estimator or InfluenceExplainer
        A classifier, as in :func:`poison`.
    X, y : {array-like, sparse matrix, DataFrame}, array-like
        Training data.
    X_test : array-like of n_test rows
        Each is attacked alone, by raising the loss of the class that it is predicted to have.
    epsilon : float or array-like of shape (n_features,)
        Largest change of a feature, >= 0.
    max_rows : int, default=64
        Rows to move at most.
    rows : None, int indices, bool mask or slice, default=None
        Training rows that may be moved; None means all.
    n_iter : int, default=1
        Steps, as in :func:`poison`.
    step : float or array-like of shape (n_features,), default=None
        Size of a step, as in :func:`poison`.
    bounds : tuple (low, high), default=None
        Least and largest values of the features.
    grid : float or array-like of shape (n_features,), default=None
        Spacing of discrete features.
    mutable : array-like of bool of shape (n_features,) or of int, default=None
        Features that may change; None means all.
    sample_weight : array-like of shape (n_train,), default=None
        Training weights.

    Returns
    -------
    n_rows : ndarray of shape (n_test,)
        The least number of rows after whose attack the refitted model predicts another class; inf
        where ``max_rows`` do not change it. Small: vulnerable. Numbers are doubled until one is
        enough and then halved between, as if more rows always did more.

    Raises
    ------
    TypeError
        If the estimator is no classifier.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skinfluence.poisoning import vulnerability
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = make_pipeline(StandardScaler(), LogisticRegression())
    >>> close, clear = 68, 0
    >>> test = X[[close, clear]]
    >>> vulnerability(model, X[100:], y[100:], test, epsilon=X.std(axis=0), max_rows=4)
    array([ 2., inf])
    """
    resolved = Resolved.of(estimator, X, y, sample_weight)
    if not is_classifier(resolved.estimator):
        raise TypeError(
            "`vulnerability` asks when a predicted class changes; it needs a classifier."
        )
    check_whole("max_rows", max_rows)
    allowed = Allowed.of(_n_features(resolved, X), epsilon, bounds, grid, mutable)
    attack = Attack(resolved, X, allowed, n_iter, _step(allowed, n_iter, step))
    rows = check_rows(rows, _num_samples(X))
    predicted, max_rows = resolved.estimator.predict(X_test), min(max_rows, len(rows))
    least = np.empty(_num_samples(X_test))
    for i, label in enumerate(predicted):
        test = _safe_indexing(X_test, [i]), predicted[[i]]
        ranking = attack.ranking(*test, rows)

        def flips(n_rows, test=test, label=label, ranking=ranking):
            return np.any(attack.run(*test, ranking[:n_rows]).prediction_after != label)

        least[i] = _least(flips, max_rows)
    return least


def _n_features(resolved, X):
    """Return the number of columns of X, of which the attack knows the slopes."""
    if resolved.problem.in_kernel_features:
        raise TypeError(
            "An attack moves rows again and again, and in a kernel model every move has a "
            "direction of its own; use a linear kernel, or ask for `input_influence`."
        )
    inner = np.zeros((1, resolved.problem.X.shape[1]))
    return pull_back_features(resolved.estimator, inner, _safe_indexing(X, [0])).shape[1]


def _step(allowed, n_iter, step):
    check_whole("n_iter", n_iter)
    if step is None:
        return allowed.epsilon if n_iter == 1 else 2.5 * allowed.epsilon / n_iter
    return np.broadcast_to(np.asarray(step, dtype=float), allowed.epsilon.shape)


def _least(enough, most):
    """Return the least number up to ``most`` that is enough, by doubling and halving, or inf."""
    too_few, number = 0, 1
    while not enough(number):
        if number == most:
            return np.inf
        too_few, number = number, min(2 * number, most)
    while number - too_few > 1:
        middle = (too_few + number) // 2
        if enough(middle):
            number = middle
        else:
            too_few = middle
    return number
