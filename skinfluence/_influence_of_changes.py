"""Questions about changes of training rows that stay: other features, another label."""

import numpy as np
from sklearn.utils.validation import _num_samples, check_is_fitted

from ._blocks import row_blocks
from ._rows import check_rows
from .operators import MixedDerivative
from .problems import NewRows, pull_back_features
from .scores import FirstOrder


class InfluenceOfChanges:
    """Methods of a fitted explainer that change training rows, and remove none."""

    def input_influence(self, X_test, y_test, *, rows=None):
        """Return the derivative of every test loss in the features of each training row.

        It is the derivative under refitting, ``-∇loss_testᵀ H⁻¹ s_j ∇ₓ∇θ loss_j`` (equation 5,
        with the 1/n of the paper's section 3), at the features that the estimator was fitted on.
        Weights stay, those of balanced classes too, because no row leaves; so does every step of
        a Pipeline before the last. The features of a row whose entries are large are those that
        its influence hangs on: up to O(1/n), ``-input_influence`` is the gradient of
        ``loss_influence`` in them (section 2.2).

        Parameters
        ----------
        X_test, y_test : array-like of n_test rows
            Rows asked about, y in the user's labels.
        rows : None, int indices, boolean mask or slice, default=None
            Training rows; None means all.

        Returns
        -------
        influence : ndarray of shape (n_test, n_rows, n_features)
            In units of the loss over those of the feature, as X was given to ``fit``; the same
            for "influence" and "newton". Dense, also for sparse X: ask about some rows.

        Raises
        ------
        TypeError
            If a Pipeline has a step that is not affine: scalers, PCA, TruncatedSVD, selectors
            of features and a ColumnTransformer of these are.
        ValueError
            With ``method="retrain"``.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.datasets import load_diabetes
        >>> from sklearn.linear_model import Ridge
        >>> from skinfluence import InfluenceExplainer
        >>> X, y = load_diabetes(return_X_y=True)
        >>> explainer = InfluenceExplainer(Ridge(alpha=0.1)).fit(X, y)
        >>> slope = explainer.input_influence(X[:1], y[:1], rows=[7])[0, 0, 2]
        >>> moved = X.copy()
        >>> moved[7, 2] += 0.001
        >>> after, before = (Ridge(alpha=0.1).fit(X_, y).predict(X[:1]) for X_ in (moved, X))
        >>> change = (y[:1] - after) ** 2 - (y[:1] - before) ** 2
        >>> bool(np.isclose(change.item(), 0.001 * slope, rtol=0.01))
        True
        """
        check_is_fitted(self)
        if self.inverse_ is None:
            raise ValueError(
                "`input_influence` is a derivative, which refits do not give; use "
                'method="newton" or "influence".'
            )
        rows = check_rows(rows, self._n_rows)
        X, y = self._encode(X_test, y_test)
        n_inner, dtype = self.problem_.X.shape[1], self.problem_.theta.dtype
        n_features = pull_back_features(self.estimator_, np.zeros((0, n_inner))).shape[1]
        out = np.empty((X.shape[0], len(rows), n_features), dtype=dtype)
        first_order = FirstOrder(self.problem_, self.inverse_)
        for tests in self._test_blocks(X):
            solved = first_order.solve_losses(X[tests], y[tests])
            row_bytes = 2 * solved.shape[1] * (n_inner + n_features) * dtype.itemsize
            for block in row_blocks(len(rows), row_bytes, self.block_size):
                mixed = MixedDerivative(self.problem_, rows[block])
                inner = mixed.rows_by_vectors(solved).reshape(-1, n_inner)
                outer = pull_back_features(self.estimator_, inner)
                out[tests, block] = outer.reshape(solved.shape[1], -1, n_features)
        return out

    def replacement_influence(self, X_test, y_test, *, rows, X_new=None, y_new=None):
        """Return the change of every test loss when each training row is replaced (equation 3).

        The old row leaves and a new one comes, one row at a time: with other features, another
        label, or both, however far from the old. Weights stay, but for what goes with a label:
        class weights, and the counts of balanced classes.

        Parameters
        ----------
        X_test, y_test : array-like of n_test rows
            Rows asked about, y in the user's labels.
        rows : None, int indices, boolean mask or slice
            Training rows; None means all. A row may be named twice, to be replaced by several.
        X_new : {array-like, sparse matrix, DataFrame} of n_rows rows, default=None
            What they become, as X was given to ``fit``: a Pipeline's earlier steps are applied,
            as they were fitted. None leaves the features as they are.
        y_new : array-like of n_rows targets, default=None
            What their targets become, in the user's labels; None leaves them.

        Returns
        -------
        influence : ndarray of shape (n_test, n_rows)
            Test loss after the replacement minus before. To first order with "influence". With
            "newton" the loss after an exact Newton step, the curvature of both rows exchanged
            (exact for squared error), and full steps where one is not enough. Really refitted
            with "retrain".

        Raises
        ------
        ValueError
            If nothing is new, for labels that the estimator was not fitted on, and where the only
            row of a class would be given another label.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.linear_model import LogisticRegression
        >>> from skinfluence import InfluenceExplainer
        >>> X, y = load_iris(return_X_y=True)
        >>> model = LogisticRegression(tol=1e-6, max_iter=1000)
        >>> explainer = InfluenceExplainer(model).fit(X, y)
        >>> explainer.replacement_influence(X[:2], y[:2], rows=[5, 70], y_new=[1, 2]).shape
        (2, 2)
        """
        check_is_fitted(self)
        if X_new is None and y_new is None:
            raise ValueError("Nothing is new: give `X_new`, `y_new`, or both.")
        rows = check_rows(rows, self._n_rows)
        X, y = self._encode(X_test, y_test)
        X_new = None if X_new is None else self._encode_features(X_new)
        for name, new in (("X_new", X_new), ("y_new", y_new)):
            if new is not None and _num_samples(new) != len(rows):
                raise ValueError(
                    f"`{name}` must have one row for each of the {len(rows)} `rows`; "
                    f"got {_num_samples(new)}."
                )
        if self.method_ == "retrain":
            return self.scores_.on_replacements(X, y, rows, X_new, y_new)
        new = NewRows.of(self.problem_, rows, X_new, y_new)
        influence = self.scores_.on_replacements(X, y, new)
        return influence.astype(self.problem_.theta.dtype, copy=False)
