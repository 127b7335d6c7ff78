"""Questions about the training rows themselves: what each does alone, and to its own prediction."""

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from ._rows import check_rows
from ._typing import RowsLike
from ._warnings import warn
from .problems import require_predictions, with_parameters
from .scores import Newton


class InfluenceOfRows:
    """Methods of a fitted explainer that ask about its training rows."""

    def parameter_influence(self, rows: RowsLike | None = None) -> np.ndarray:
        """Return the change of the parameters when each training row is removed (equation 1).

        Parameters
        ----------
        rows : None, int indices, bool mask or slice, default=None
            Training rows; None means all.

        Returns
        -------
        influence : ndarray of shape (n_rows, n_params)
            In the layout of ``coef_``, row by row, then ``intercept_``. Of a kernel model (SVC
            and SVR with any kernel, KernelRidge, GaussianProcessRegressor) the dual coefficients
            β, n_train for each output, then the intercepts if it has any: raw predictions are
            ``K β + intercept``, and a row's own coefficient goes to 0. SVC has an output for
            each pair of classes, positive for the second; two classes are one.
        """
        check_is_fitted(self)
        rows = check_rows(rows, self._n_rows)
        change = self.scores_.on_parameters()(rows)
        return self.problem_.parameter_change(rows, change, linear=self.method_ == "influence")

    def self_influence(self) -> np.ndarray:
        """Return the change of every training row's own unweighted loss when it is removed.

        Returns
        -------
        influence : ndarray of shape (n_train,)
            To first order ``s_j ∇loss_jᵀ H⁻¹ ∇loss_j``; with "newton" and "retrain" the loss
            after the removal minus before. Large for rows that nothing else supports.
        """
        check_is_fitted(self)
        scores, problem = self.scores_, self.problem_
        change = scores.on_own_raw(np.arange(self._n_rows))
        if self.method_ == "influence":
            return np.einsum("nk,nk->n", problem.asked_gradients, change)
        raw, loss, y = self._own_rows()
        return loss.change(raw, y, change)

    def loo_predict(self, method: str = "auto") -> np.ndarray:
        """Predict every training row by the model without it, from one fit.

        Parameters
        ----------
        method : {"auto", "predict_proba", "decision_function", "predict"}, default="auto"
            What to return; "auto" is the first of these that the estimator has.

        Returns
        -------
        predictions : ndarray of shape (n_train,) or (n_train, K)
            From a Newton step without the row (exact for squared error), or from real refits
            with ``method="retrain"``.
        """
        check_is_fitted(self)
        require_predictions(self.problem_)
        names = ("predict_proba", "decision_function", "predict")
        if method == "auto":
            method = next(name for name in names if hasattr(self.estimator_, name))
        if method not in names or not hasattr(self.estimator_, method):
            raise ValueError(
                f"`method` must be one of {('auto', *names)} that "
                f"{type(self.estimator_).__name__} has; got {method!r}."
            )
        if self.problem_ is None and method == "decision_function":
            raise ValueError(
                "`method='decision_function'` needs a supported estimator; use 'predict_proba'."
            )
        raw, loss, _ = self._own_rows()
        raw = raw + self._loo_scores().on_own_raw(np.arange(self._n_rows))
        return self._respond(raw, loss, method)

    def remove(self, rows: RowsLike) -> BaseEstimator:
        """Return the estimator as it would be without some training rows, not fitted again.

        Newton steps on the objective without the rows, all at once, start from the fitted
        parameters and go on until they have reached the optimum; with ``method="influence"`` too.
        With ``method="retrain"`` the estimator is really fitted again. Hyper-parameters, and the
        steps of a Pipeline before the last, stay as they are. So does this explainer: what was
        removed before is not remembered.

        Parameters
        ----------
        rows : int indices, bool mask or slice
            Training rows to remove; a row that is named twice is removed once.

        Returns
        -------
        estimator : estimator
            A copy of ``estimator_`` with other parameters. Its ``certificate_`` (float) is what
            one more Newton step would move, relative to what the first moved: the larger ratio of
            the lengths in the norm of the Hessian, and of the largest changes of a training row's
            raw prediction. It is at most 1e-4 where the steps reached the optimum, 0 where
            nothing moves, and nan for a refit of an estimator whose objective is not known.

        Raises
        ------
        ValueError
            If no row is left, or none of some class, or if the rows alone determine some
            parameter that carries no penalty.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from sklearn.linear_model import Ridge
        >>> from skinfluence import InfluenceExplainer
        >>> X, y = load_diabetes(return_X_y=True)
        >>> explainer = InfluenceExplainer(Ridge()).fit(X, y)
        >>> model = explainer.remove(slice(0, 42))
        >>> model.predict(X[:2]).round(3)
        array([181.084,  91.855])
        >>> Ridge().fit(X[42:], y[42:]).predict(X[:2]).round(3)
        array([181.084,  91.855])
        >>> model.certificate_ < 1e-4
        True
        """
        check_is_fitted(self)
        members = np.zeros(self._n_rows, dtype=bool)
        members[check_rows(rows, self._n_rows)] = True
        if members.all():
            raise ValueError("`rows` must leave some training rows; got all of them.")
        if self.method_ == "retrain":
            dropped = np.flatnonzero(members)
            estimator, certificate = self.scores_.estimator_without(self.estimator_, dropped)
        else:
            newton = self._loo_scores()
            (theta,), (certificate,) = newton.thetas_without(members[:, None])
            estimator = with_parameters(self.estimator_, self.problem_.rest(members).at(theta))
            if certificate > newton.tolerance and not newton.groups.follows:
                _warn_one_step(certificate)
        estimator.certificate_ = float(certificate)
        return estimator

    def _loo_scores(self):
        if self.method_ == "influence":
            return Newton(self.scores_.problem, self.inverse_, self.solver_)
        return self.scores_

    def _respond(self, raw, loss, method):
        targets = self.scores_.targets if self.problem_ is None else self.problem_.targets
        if method == "decision_function":
            return targets.decision_function(raw)
        if method == "predict_proba":
            return loss.probabilities(raw)
        if self.problem_ is None and hasattr(loss, "probabilities"):
            return targets.classes[np.argmax(loss.probabilities(raw), axis=1)]
        return targets.decode(raw)

    def _own_rows(self):
        """Return the training rows' raw predictions, the loss, and the encoded targets."""
        if self.problem_ is not None:
            return self.problem_.raw, self.problem_.reported, self.problem_.y
        return self.scores_.own_rows()


def _warn_one_step(certificate):
    warn(
        f"With damping or a stochastic solver a removal is one Newton step, and another would move "
        f'{certificate:.2g} of what it moved. Set damping=0 and solver="direct" or "cg".',
        ConvergenceWarning,
    )
