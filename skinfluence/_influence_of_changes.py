"""Questions about changes of training rows that stay: other features, another label."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from ._blocks import row_blocks
from ._rows import check_rows
from ._sklearn_private import _num_samples
from ._typing import MatrixLike, RowsLike
from .operators import Hessian, MixedDerivative
from .problems import (
    NewRows,
    encode_features,
    kernel_input_influence,
    pull_back_features,
    require_predictions,
)
from .scores import FirstOrder


class InfluenceOfChanges:
    """Methods of a fitted explainer that change training rows, and remove none."""

    def input_influence(
        self, X_test: MatrixLike, y_test: ArrayLike, *, rows: RowsLike | None = None
    ) -> np.ndarray:
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
        rows : None, int indices, bool mask or slice, default=None
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
        asked = self._slopes(X_test, X, y)
        n_inner = asked.n_features
        n_features = pull_back_features(self.estimator_, np.zeros((0, n_inner))).shape[1]
        out = np.empty((X.shape[0], len(rows), n_features), dtype=self.problem_.theta.dtype)
        for tests in self._test_blocks(X):
            question = asked.of(tests)
            row_bytes = 2 * (tests.stop - tests.start) * (n_inner + n_features) * out.itemsize
            for block in row_blocks(len(rows), row_bytes, self.block_size):
                inner = question(rows[block]).reshape(-1, n_inner)
                outer = pull_back_features(self.estimator_, inner)
                out[tests, block] = outer.reshape(-1, block.stop - block.start, n_features)
        return out

    def _slopes(self, X_test, X, y):
        """Return what gives the derivatives of test losses in the final estimator's features."""
        first_order = FirstOrder(self.problem_, self.inverse_)
        if not self.problem_.in_kernel_features:
            return Slopes(first_order, X, y)
        return KernelSlopes(first_order, X, y, encode_features(self.estimator_, X_test))

    def replacement_influence(
        self,
        X_test: MatrixLike,
        y_test: ArrayLike,
        *,
        rows: RowsLike | None,
        X_new: MatrixLike | None = None,
        y_new: ArrayLike | None = None,
    ) -> np.ndarray:
        """Return the change of every test loss when each training row is replaced (equation 3).

        The old row leaves and a new one comes, one row at a time: with other features, another
        label, or both, however far from the old. Weights stay, but for what goes with a label:
        class weights, and the counts of balanced classes.

        Parameters
        ----------
        X_test, y_test : array-like of n_test rows
            Rows asked about, y in the user's labels.
        rows : None, int indices, bool mask or slice
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
        scores = self.scores_
        if X_new is not None and self.problem_ is not None and self.problem_.in_kernel_features:
            scores = self._spanning(encode_features(self.estimator_, X_new))
            X, X_new = (
                scores.problem.encode(encode_features(self.estimator_, rows_))
                for rows_ in (X_test, X_new)
            )
        elif X_new is not None:
            X_new = self._encode_features(X_new)
        for name, new in (("X_new", X_new), ("y_new", y_new)):
            if new is not None and _num_samples(new) != len(rows):
                raise ValueError(
                    f"`{name}` must have one row for each of the {len(rows)} `rows`; "
                    f"got {_num_samples(new)}."
                )
        if self.method_ == "retrain":
            return scores.on_replacements(X, y, rows, X_new, y_new)
        require_predictions(self.problem_)
        new = NewRows.of(scores.problem, rows, X_new, y_new)
        influence = scores.on_replacements(X, y, new)
        return influence.astype(self.problem_.theta.dtype, copy=False)

    def _spanning(self, X_new):
        """Return the scores of a kernel model, in features that hold new rows too."""
        problem = self.problem_.kernel.spanning(self.problem_, X_new)
        if self.method_ == "retrain":
            return replace(self.scores_, problem=problem, X=problem.X)
        inverse = self.solver_.invert(Hessian(problem, self.damping_, self.block_size))
        return replace(self.scores_, problem=problem, inverse=inverse)


@dataclass(frozen=True, eq=False)
class Slopes:
    """Derivatives of test losses in the features of training rows.

    Parameters
    ----------
    first_order : FirstOrder
        The problem and H⁻¹.
    X, y : test rows as the predictor takes them, and their encoded targets
    """

    first_order: FirstOrder
    X: Any
    y: np.ndarray

    @property
    def n_features(self):
        """Number of features; a loss of one's own takes the targets as columns too."""
        problem = self.first_order.problem
        return problem.X.shape[1] - (0 if problem.loss.predicts else problem.y.shape[1])

    def of(self, tests):
        """Return what gives, for rows, the derivatives of a slice of tests, (m, b, p)."""
        problem, end = self.first_order.problem, self.n_features
        solved = self.first_order.solve_losses(self.X[tests], self.y[tests])
        return lambda rows: MixedDerivative(problem, rows).rows_by_vectors(solved)[..., :end]


@dataclass(frozen=True, eq=False)
class KernelSlopes(Slopes):
    """The same for a kernel model; ``rows_asked`` are the test rows as the estimator takes them."""

    rows_asked: Any = None

    @property
    def n_features(self):
        """Number of features, before the kernel."""
        return self.rows_asked.shape[1]

    def of(self, tests):
        """Return what gives, for rows, the derivatives of a slice of tests, (m, b, p)."""
        problem, hessian = self.first_order.problem, self.first_order.inverse.hessian
        X, y = self.X[tests], self.y[tests]
        solved = self.first_order.solve_losses(X, y)
        gradients = problem.asked.gradient(problem.predict_raw(X), y)
        ridge = hessian.ridge[: problem.predictor.n_coefficients : problem.X.shape[1]]
        asked = solved, self.rows_asked[tests], gradients
        return lambda rows: kernel_input_influence(problem, ridge, rows, *asked)
