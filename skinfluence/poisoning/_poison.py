"""The attack itself: a few training rows are moved so that test losses rise."""

from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils import Bunch

from .._parameters import check_whole
from .._sklearn_private import _num_samples
from .._typing import MatrixLike, RowsLike
from ..changes import check_rows
from ..selection._warm_start import WarmStart
from ._sign_attack import SignAttack, feasible_set


def poison(
    estimator: BaseEstimator,
    X: MatrixLike,
    y: MatrixLike,
    X_test: MatrixLike,
    y_test: ArrayLike,
    *,
    epsilon: float | ArrayLike,
    n_rows: int = 1,
    rows: RowsLike | None = None,
    n_iter: int = 1,
    step: float | ArrayLike | None = None,
    bounds: tuple | None = None,
    grid: float | ArrayLike | None = None,
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
    model = WarmStart.of(estimator, X, y, sample_weight)
    feasible = feasible_set(model, X, epsilon, bounds, grid, mutable)
    attack = SignAttack.of(model, X, feasible, n_iter, step)
    movable = check_rows(rows, _num_samples(X))
    check_whole("n_rows", n_rows)
    if n_rows > len(movable):
        raise ValueError(f"`n_rows` must be at most the {len(movable)} `rows`; got {n_rows}.")
    return attack.run(X_test, y_test, attack.ranking(X_test, y_test, movable)[:n_rows])
