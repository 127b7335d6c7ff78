"""Problems of models of one's own: a function in ``autograd.numpy``, and no derivative by hand.

    Σ_i s_i loss(raw(theta, X)_i, y_i) + ½ Σ_j penalty_j theta_j²        problem_of_function
    Σ_i s_i loss(theta, X, y)_i        + ½ Σ_j penalty_j theta_j²        problem_of_loss

Register one for the class of the estimator, which keeps its parameters in ``theta_``; where they
are called otherwise, an ``Adapter`` with ``assign`` writes them back::

    @as_problem.register(MyNetwork)
    def _(estimator, X, y, sample_weight=None):
        return problem_of_function(raw, MultinomialLogLoss(), estimator.theta_, X, y,
                                   penalty=estimator.alpha, classes=estimator.classes_)
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_array

from .._typing import MatrixLike
from ..losses import Loss, LossItself
from ..predictors import FunctionPredictor
from ._problem import Problem
from ._response import Identity, Response
from ._targets import Continuous, Labels, Targets
from ._weights import row_weights


def problem_of_function(
    raw: Callable[[np.ndarray, np.ndarray], np.ndarray],
    loss: Loss,
    theta: ArrayLike,
    X: MatrixLike,
    y: ArrayLike,
    *,
    penalty: float | np.ndarray = 0.0,
    sample_weight: ArrayLike | None = None,
    classes: ArrayLike | None = None,
    response: Response | None = None,
) -> Problem:
    """Return the problem of a raw prediction of one's own and a loss of it.

    Parameters
    ----------
    raw : callable
        ``raw(theta, X) -> (n_samples, K)`` in ``autograd.numpy``; row i of the result depends on
        row i of X alone. A function of a module, so that it pickles.
    loss : Loss
        Any of :mod:`skinfluence.losses`, or a subclass of ``Loss``.
    theta : ndarray of shape (P,)
        Fitted parameters.
    X, y : array-like
        Training rows and targets, as the user has them.
    penalty : float or ndarray of shape (P,), default=0.0
        Multiplies ``½ theta²`` beside the *sum* of the losses.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights >= 0.
    classes : ndarray of shape (n_classes,), default=None
        Of a classifier: K is 1 for two of them (the log-odds of the second), else their number.
    response : Response, default=None
        From raw predictions to those of ``prediction_influence``; None means raw itself.

    Returns
    -------
    problem : Problem
    """
    X = check_array(X, dtype=[np.float64, np.float32])
    theta = np.asarray(theta, dtype=X.dtype)
    n_outputs = np.shape(raw(theta, np.asarray(X[:1])))[1]
    targets: Targets = Continuous(n_outputs, np.ndim(y) == 1, response or Identity())
    if classes is not None:
        targets = labels = Labels(np.asarray(classes))
        if labels.n_outputs != n_outputs:
            raise ValueError(
                f"`raw` must return {labels.n_outputs} column(s) for {len(labels.classes)} "
                f"classes; got {n_outputs}."
            )
    return Problem(
        loss=loss,
        predictor=FunctionPredictor(raw, n_outputs, theta),
        theta=theta,
        X=X,
        y=targets.encode(y, X.dtype),
        weights=row_weights(sample_weight, X),
        penalty=np.broadcast_to(np.asarray(penalty, dtype=X.dtype), theta.shape).copy(),
        targets=targets,
    )


def problem_of_loss(
    loss: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray],
    theta: ArrayLike,
    X: MatrixLike,
    y: ArrayLike,
    *,
    penalty: float | np.ndarray = 0.0,
    sample_weight: ArrayLike | None = None,
) -> Problem:
    """Return the problem of a whole per-sample loss of one's own.

    The loss is taken for the raw prediction, whose second derivatives are then all of the
    Hessian. Predictions are not known, and neither is ``method="newton"``.

    Parameters
    ----------
    loss : callable
        ``loss(theta, X, y) -> (n_samples,)`` in ``autograd.numpy``, y of shape (n_samples,) or
        (n_samples, q) as it is given here. A function of a module, so that it pickles.
    theta : ndarray of shape (P,)
        Fitted parameters.
    X, y : array-like
        Training rows, and numeric targets.
    penalty : float or ndarray of shape (P,), default=0.0
        Multiplies ``½ theta²`` beside the *sum* of the losses.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights >= 0.

    Returns
    -------
    problem : Problem
    """
    X = check_array(X, dtype=[np.float64, np.float32])
    theta = np.asarray(theta, dtype=X.dtype)
    targets = Continuous(1 if np.ndim(y) == 1 else np.shape(y)[1], np.ndim(y) == 1)
    y = targets.encode(y, X.dtype)
    function = JoinedLoss(loss, y.shape[1], targets.one_dimensional)
    return Problem(
        loss=LossItself(),
        predictor=FunctionPredictor(function, 1, theta),
        theta=theta,
        X=np.hstack([X, y]),
        y=y,
        weights=row_weights(sample_weight, X),
        penalty=np.broadcast_to(np.asarray(penalty, dtype=X.dtype), theta.shape).copy(),
        targets=targets,
    )


@dataclass(frozen=True)
class JoinedLoss:
    """A per-sample loss as a function of rows that end with their targets.

    Parameters
    ----------
    loss : callable
        ``loss(theta, X, y) -> (n_samples,)``.
    n_targets : int
        Columns of the target.
    one_dimensional : bool
        Whether the loss takes y as (n_samples,).
    """

    loss: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
    n_targets: int
    one_dimensional: bool

    def __call__(self, theta: np.ndarray, rows: np.ndarray) -> np.ndarray:
        X, y = rows[:, : -self.n_targets], rows[:, -self.n_targets :]
        return self.loss(theta, X, y[:, 0] if self.one_dimensional else y)[:, None]
