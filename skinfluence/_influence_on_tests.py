"""Questions about test rows: what each training row does to their losses and predictions."""

import numbers

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import Bunch
from sklearn.utils.validation import check_is_fitted

from ._blocks import evaluate_blocks, row_blocks, strongest_by_block
from ._frames import influence_frame, row_names
from ._rows import check_groups, check_rows
from ._typing import MatrixLike, RowsLike
from .problems import encode_features, encode_targets, require_predictions


class InfluenceOnTests:
    """Methods of a fitted explainer that take test rows."""

    def loss_influence(
        self,
        X_test: MatrixLike,
        y_test: ArrayLike,
        *,
        rows: RowsLike | None = None,
        scale: str = "removal",
        out: ArrayLike | None = None,
    ) -> np.ndarray:
        """Return the change of every test loss when each training row is removed (equation 2).

        Parameters
        ----------
        X_test, y_test : array-like of n_test rows
            Rows asked about, y in the user's labels.
        rows : None, int indices, bool mask or slice, default=None
            Training rows; the columns of the result follow it. None means all.
        scale : {"removal", "upweight"}, default="removal"
            "upweight" gives the paper's I_up,loss, -n times the removal estimate.
        out : ndarray of shape (n_test, n_rows), default=None
            Array to fill, such as a memmap. If the call is interrupted, the blocks of test rows
            and of training rows that were done are in it.

        Returns
        -------
        influence : ndarray of shape (n_test, n_rows)
            In units of the loss; positive where the row helps.
        """
        check_is_fitted(self)
        if scale not in ("removal", "upweight"):
            raise ValueError(f"`scale` must be 'removal' or 'upweight'; got {scale!r}.")
        if scale == "upweight" and self.problem_ is None:
            raise ValueError('scale="upweight" needs a supported estimator; use "removal".')
        rows = check_rows(rows, self._n_rows)
        X, y = self._encode(X_test, y_test)
        out = _check_out(out, (X.shape[0], len(rows)), y.dtype)
        for block in self._test_blocks(X):
            self._fill(self.scores_.on_losses(X[block], y[block]), rows, out[block])
        if scale == "upweight":
            out *= -self.problem_.n
        return out

    def prediction_influence(
        self, X_test: MatrixLike, *, rows: RowsLike | None = None
    ) -> np.ndarray:
        """Return the change of every test prediction when each training row is removed.

        Parameters
        ----------
        X_test : array-like of n_test rows
            Rows asked about.
        rows : None, int indices, bool mask or slice, default=None
            Training rows; None means all.

        Returns
        -------
        influence : ndarray of shape (n_test, n_rows) or (n_test, n_rows, K)
            In units of ``decision_function`` where there is one, else of ``predict_proba``, else
            of ``predict``; with an axis for K > 1 outputs or more than two classes. Of a
            OneVsOneClassifier the decision values of its pairs, not their votes; of a
            MultiOutputClassifier those of all its outputs.
        """
        check_is_fitted(self)
        require_predictions(self.problem_)
        rows = check_rows(rows, self._n_rows)
        X = self._encode_features(X_test)
        parts = [self._predictions(X[block], rows) for block in self._test_blocks(X)]
        influence = np.concatenate(parts)
        return influence[:, :, 0] if influence.shape[2] == 1 else influence

    def group_influence(
        self, X_test: MatrixLike, y_test: ArrayLike, groups: ArrayLike
    ) -> np.ndarray:
        """Return the change of every test loss when each group of rows is removed at once.

        Parameters
        ----------
        X_test, y_test : array-like of n_test rows
            Rows asked about.
        groups : array-like of shape (n_train,), or bool of shape (n_train, n_groups)
            A label for every row, columns in ``np.unique`` order; or a mask a column, which may
            overlap or leave rows out.

        Returns
        -------
        influence : ndarray of shape (n_test, n_groups)
            With "newton" the loss after Newton steps without the group, taken until they have
            reached the optimum (exact for squared error), minus the loss before; to first order
            with "influence"; really refitted with "retrain".

        Raises
        ------
        ValueError
            With "newton", if no row is left of some class, or a group alone determines some
            parameter that carries no penalty.
        """
        check_is_fitted(self)
        groups = check_groups(groups, self._n_rows)
        X, y = self._encode(X_test, y_test)
        return self.scores_.on_groups(X, y, groups)

    def most_influential(
        self, X_test: MatrixLike, y_test: ArrayLike, *, k: int = 10, as_frame: bool = False
    ) -> Bunch:
        """Return the rows that help and harm each test row most, and by how much.

        Parameters
        ----------
        X_test, y_test : array-like of n_test rows
            Rows asked about.
        k : int, default=10
            Rows to return on either side, between 1 and n_train.
        as_frame : bool, default=False
            Return a DataFrame, which names rows as the DataFrames that were given do.

        Returns
        -------
        rows : Bunch or pandas.DataFrame
            ``helpful``, ``harmful`` (n_test, k): indices of training rows, strongest first;
            ``helpful_influence``, ``harmful_influence`` (n_test, k): their loss influence. The
            whole matrix is never held. With ``as_frame``, one row for each of these, in columns
            ``test_row``, ``role`` ("helpful" or "harmful"), ``rank`` (1 is the strongest),
            ``training_row``, its ``label`` (``label_0``, ``label_1``, ... of several outputs) and
            its ``influence``. Rows are named by the index of X_test and of the training X, where
            these are DataFrames or Series, else by position.
        """
        check_is_fitted(self)
        n = self._n_rows
        if not isinstance(k, numbers.Integral) or isinstance(k, bool) or not 1 <= k <= n:
            raise ValueError(f"`k` must be an integer between 1 and n_train={n}; got {k}.")
        X, y = self._encode(X_test, y_test)
        parts = [self._strongest(X[block], y[block], k) for block in self._test_blocks(X)]
        found = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        if not as_frame:
            return Bunch(**found)
        labels, _ = self._training
        return influence_frame(Bunch(**found), labels, self._row_names, row_names(X_test))

    def _predictions(self, X, rows):
        effect = self.scores_.on_predictions(X)
        if self.method_ == "retrain":
            return effect(rows)
        problem, response = self.problem_, self.problem_.targets.response
        out = np.empty((X.shape[0], len(rows), problem.n_outputs), dtype=problem.theta.dtype)
        change, raw = self._fill(effect, rows, out), problem.predict_raw(X)[:, None]
        linear = self.method_ == "influence"
        return (response.derivative if linear else response.change)(raw, change)

    def _strongest(self, X, y, k):
        effect, rows = self.scores_.on_losses(X, y), np.arange(self._n_rows)
        both = strongest_by_block(
            lambda chosen: _both_signs(effect(chosen)),
            rows,
            k,
            self._row_bytes(X),
            block_size=self.block_size,
        )
        (helpful, harmful), (gain, loss) = (np.split(part, 2) for part in both)
        return {
            "helpful": helpful,
            "harmful": harmful,
            "helpful_influence": gain,
            "harmful_influence": -loss,
        }

    def _encode_features(self, X_test):
        """Return test rows as the final estimator sees them."""
        if self.problem_ is None:
            return self.scores_.encode_features(self.estimator_, X_test)
        return self.problem_.encode(encode_features(self.estimator_, X_test))

    def _encode(self, X_test, y_test):
        """Return test rows as the final estimator sees them, and their encoded targets."""
        if self.problem_ is None:
            return self.scores_.encode(self.estimator_, X_test, y_test)
        X, problem = self._encode_features(X_test), self.problem_
        y = encode_targets(problem.targets, problem.asked, y_test, problem.theta.dtype)
        if len(y) != X.shape[0]:
            raise ValueError(f"X_test has {X.shape[0]} rows and y_test {len(y)}.")
        return problem.rows_asked(X, y), y

    def _fill(self, effect, rows, out):
        if self.method_ == "retrain":
            out[:] = effect(rows)
            return out
        return evaluate_blocks(
            effect,
            rows,
            out,
            self._row_bytes(out),
            block_size=self.block_size,
            n_jobs=self.n_jobs,
        )

    def _row_bytes(self, tests):
        """Return the bytes that a training row takes while scored against ``tests``."""
        n_outputs = self.problem_.n_outputs if self.problem_ is not None else 1
        return 4 * tests.shape[0] * n_outputs * 8

    def _test_blocks(self, X):
        """Split test rows so that what is solved for a block fits ``working_memory``."""
        if self.method_ == "retrain":
            return [slice(None)]
        n_outputs, n_parameters = self.problem_.n_outputs, len(self.problem_.theta)
        return row_blocks(X.shape[0], 3 * n_outputs * n_parameters * 8)


def _both_signs(influence):
    """Stack influence and minus influence, so that one pass finds both ends."""
    return np.concatenate([influence, -influence])


def _check_out(out, shape, dtype):
    if out is None:
        return np.empty(shape, dtype=dtype)
    if not isinstance(out, np.ndarray) or not np.issubdtype(out.dtype, np.floating):
        raise ValueError(f"`out` must be an array of floats, such as np.empty({shape}).")
    if out.shape != shape:
        raise ValueError(f"`out` must have shape {shape}; got {out.shape}.")
    if not out.flags.writeable:
        raise ValueError("`out` must be writeable; open a memmap with mode='r+' or 'w+'.")
    return out
