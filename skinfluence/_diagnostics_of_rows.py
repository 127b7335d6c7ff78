"""The classical diagnostics by name: leverage, Cook's distance, DFFITS and DFBETAS."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ._one_step import OneStep


class DiagnosticsOfRows:
    """Methods of a fitted explainer that put one step without a row in standard errors.

    The formulas, and what each becomes for penalised models, are in ``_one_step``.
    """

    @property
    def certificates_(self) -> np.ndarray:
        """How much of its Newton step was left to go when a row that was followed was settled.

        Rows that one step settles are not followed. The others are when they are first asked
        about: their residual gradient is found, in the norm of the inverse Hessian and relative
        to the step, and steps go on until it is small. The last step is taken and not measured.

        Returns
        -------
        certificates : ndarray of shape (n_train,)
            nan for rows that were not followed, and with other methods than "newton".
        """
        check_is_fitted(self)
        certificates = np.full(self._n_rows, np.nan)
        for row, left in getattr(self.scores_, "certificates", {}).items():
            certificates[row] = left
        return certificates

    def leverage(self) -> np.ndarray:
        """Return the leverage of every training row: the effective parameters it uses up.

        ``trace(s_j A_j J_j H⁻¹ J_jᵀ)``, the hat value of generalised linear models, summed over
        outputs; all rows together give the effective dimension of the fit.

        Returns
        -------
        leverage : ndarray of shape (n_train,)
            Between 0 and K, the number of outputs (0 and 1 for one output).
        """
        return np.einsum("nkk->n", self._one_step("leverage").hats)

    def cooks_distance(self) -> np.ndarray:
        """Return Cook's distance of every training row.

        ``Δᵀ H Δ / (p φ)`` of the one step Δ without the row, which is ``r² h / (p φ (1 - h)²)``
        with r Pearson's residual and h the leverage. p is the number of parameters; with a
        penalty, the effective dimension ``leverage().sum()``. φ is the dispersion: 1 for log
        losses and Poisson, else Pearson's estimate on n - p degrees of freedom, n the rows of
        positive weight. For squared error the step is the refit; for other losses it is one
        Newton step, whatever ``method`` is. Class weights, a penalty on the mean of the losses,
        and parameters that a norm holds at zero stay as they are.

        Returns
        -------
        distance : ndarray of shape (n_train,)
            At least 0, and infinite for a row of leverage 1, without which the fit is not
            unique. Several outputs are summed, each over its own p and φ; outputs that interact
            (a softmax, a multi-task lasso) have one p and one φ.

        Raises
        ------
        ValueError
            With ``method="retrain"``; for a loss that is no log-likelihood, and for voting
            estimators; where as many parameters as rows leave nothing to estimate φ from.

        References
        ----------
        Cook, R. D. (1977). Detection of Influential Observation in Linear Regression.
        Technometrics. For generalised linear models: Williams, D. A. (1987). Generalized Linear
        Model Diagnostics Using the Deviance and Single Case Deletions. Applied Statistics.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from sklearn.linear_model import LinearRegression
        >>> from skinfluence import InfluenceExplainer
        >>> X, y = load_diabetes(return_X_y=True)
        >>> distance = InfluenceExplainer(LinearRegression()).fit(X, y).cooks_distance()
        >>> int(distance.argmax()), round(float(distance.max()), 3)
        (382, 0.024)
        """
        return self._one_step("cooks_distance").cooks_distance()

    def dffits(self) -> np.ndarray:
        """Return how many standard errors every training row moves its own prediction.

        ``(raw_j - raw_j without row j) / √(φ J_j H⁻¹ J_jᵀ)``: *before minus after*, the sign of
        the classical literature and the opposite of this library's influences. For squared error
        φ is that of the fit without the row, for other losses that of all rows.

        Returns
        -------
        dffits : ndarray of shape (n_train,) or (n_train, K)
            With an axis for K > 1 outputs or more than two classes. Infinite for a row of
            leverage 1.

        Raises
        ------
        ValueError
            As ``cooks_distance``.

        References
        ----------
        Belsley, D. A., Kuh, E. and Welsch, R. E. (1980). Regression Diagnostics. Wiley.
        """
        fits = self._one_step("dffits").dffits()
        return fits[:, 0] if fits.shape[1] == 1 else fits

    def dfbetas(self) -> np.ndarray:
        """Return how many standard errors every training row moves each parameter.

        ``(theta - theta without row j) / √(φ diag(H⁻¹))``: *before minus after*, the sign of the
        classical literature and the opposite of ``parameter_influence``. For squared error φ is
        that of the fit without the row, for other losses that of all rows.

        Returns
        -------
        dfbetas : ndarray of shape (n_train, n_params)
            In the layout of ``coef_``, row by row, then ``intercept_``. Infinite for the
            parameters that a row of leverage 1 determines.

        Raises
        ------
        ValueError
            As ``cooks_distance``.

        References
        ----------
        Belsley, D. A., Kuh, E. and Welsch, R. E. (1980). Regression Diagnostics. Wiley. For
        logistic regression: Pregibon, D. (1981). Logistic Regression Diagnostics. Annals of
        Statistics.
        """
        return self._one_step("dfbetas").dfbetas()

    def _one_step(self, name):
        check_is_fitted(self)
        if self.inverse_ is None:
            raise ValueError(f'`{name}` needs the Hessian; use method="newton" or "influence".')
        return OneStep(self.problem_, self.inverse_)
