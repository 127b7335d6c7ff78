"""Questions about the training rows themselves: what each does alone, and to its own prediction."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ._rows import check_rows
from .scores import Newton


class InfluenceOfRows:
    """Methods of a fitted explainer that ask about its training rows."""

    def parameter_influence(self, rows=None):
        """Return the change of the parameters when each training row is removed (equation 1).

        Parameters
        ----------
        rows : None, int indices, boolean mask or slice, default=None
            Training rows; None means all.

        Returns
        -------
        influence : ndarray of shape (n_rows, n_params)
            In the layout of ``coef_``, row by row, then ``intercept_``.
        """
        check_is_fitted(self)
        rows = check_rows(rows, self._n_rows)
        return self.scores_.on_parameters()(rows)

    def self_influence(self):
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
            return np.einsum("nk,nk->n", problem.gradients, change)
        raw, loss, y = self._own_rows()
        return loss(raw + change, y) - loss(raw, y)

    def loo_predict(self, method="auto"):
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

    def leverage(self):
        """Return the leverage of every training row: the effective parameters it uses up.

        ``trace(s_j A_j J_j H⁻¹ J_jᵀ)``, the hat value of generalised linear models, summed over
        outputs; all rows together give the effective dimension of the fit.

        Returns
        -------
        leverage : ndarray of shape (n_train,)
            Between 0 and K, the number of outputs (0 and 1 for one output).
        """
        check_is_fitted(self)
        if self.inverse_ is None:
            raise ValueError('`leverage` needs the Hessian; use method="newton" or "influence".')
        curvatures = self.inverse_.hessian.curvatures
        leverages = self.inverse_.leverages(np.arange(self._n_rows))
        return np.einsum("nkl,nlk->n", curvatures, leverages)

    def _loo_scores(self):
        if self.method_ == "influence":
            return Newton(self.problem_, self.inverse_, self.solver_)
        return self.scores_

    def _respond(self, raw, loss, method):
        targets = self.scores_.targets if self.problem_ is None else self.problem_.targets
        if method == "decision_function":
            return raw[:, 0] if raw.shape[1] == 1 else raw
        if hasattr(loss, "probabilities"):
            probabilities = loss.probabilities(raw)
            if method == "predict_proba":
                return probabilities
            return targets.classes[np.argmax(probabilities, axis=1)]
        return targets.decode(raw)

    def _own_rows(self):
        """Return the training rows' raw predictions, the loss, and the encoded targets."""
        if self.problem_ is not None:
            return self.problem_.raw, self.problem_.loss, self.problem_.y
        return self.scores_.own_rows()
