"""Should an explainer be believed? Really refit without some rows, and compare."""

import numbers
from copy import deepcopy

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import is_classifier
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from ._blocks import evaluate_blocks
from ._parameters import check_share
from ._rows import check_rows
from ._typing import MatrixLike, RowsLike
from ._verification import Verification, compare
from .problems import final_estimator
from .scores import Refit

SELECTIONS = ("influential", "random", "mix")


class VerifiedByRefits:
    """The method of a fitted explainer that compares it with the truth."""

    def verify(
        self,
        X_test: MatrixLike,
        y_test: ArrayLike,
        *,
        rows: RowsLike | None = None,
        n_rows: int = 20,
        select: str = "mix",
        refine: bool = True,
        confidence: float = 0.95,
        random_state: int | np.random.RandomState | None = None,
    ) -> Verification:
        """Really refit without some training rows, and compare with the loss influence.

        The refits are those of :func:`leave_one_out`, run with the explainer's ``n_jobs`` and
        ``verbose``. The explainer itself stays as it is.

        Parameters
        ----------
        X_test, y_test : array-like of n_test rows
            Rows whose losses are asked about, y in the user's labels.
        rows : None, int indices, bool mask or slice, default=None
            Training rows to leave out, one at a time. None chooses them by ``select``.
        n_rows : int, default=20
            Rows to choose; all that there are if these are fewer. Unused if ``rows`` is given.
        select : {"mix", "influential", "random"}, default="mix"
            "influential" takes the rows of the largest absolute loss influence, summed over the
            test rows, as this explainer estimates it; a row that it understates may be missed.
            "random" draws rows; "mix" is half of each. A row that is alone in its class is never
            taken, because nothing can be fitted without it.
        refine : bool, default=True
            Take each refit to its optimum, as in :func:`leave_one_out`.
        confidence : float in (0, 1), default=0.95
            Nominal coverage of the intervals. They are percentiles of a bootstrap of the rows,
            each drawn with all its test losses. They say how far the figures hang on single rows
            of those refitted, and nothing about rows of larger effect that were not: hence "mix".
        random_state : int, RandomState instance or None, default=None
            Seeds the choice of rows and the intervals; None means the explainer's.

        Returns
        -------
        verification : Verification
            A Bunch of ``pearson``, ``spearman``, ``slope`` and ``sign_agreement``, each with its
            ``_interval`` (nan with fewer than 3 rows), ``rows``, ``estimated``, ``refitted``,
            ``worst_row``, ``worst_error``, ``relative_error``; printed, it gives a verdict, which
            is favourable if Pearson >= 0.95 and 0.8 <= slope <= 1.25.

        Raises
        ------
        ValueError
            With ``method="retrain"``, whose answers are refits already.

        Examples
        --------
        >>> from sklearn.datasets import load_breast_cancer
        >>> from sklearn.linear_model import LogisticRegression
        >>> from sklearn.pipeline import make_pipeline
        >>> from sklearn.preprocessing import StandardScaler
        >>> from skinfluence import InfluenceExplainer
        >>> X, y = load_breast_cancer(return_X_y=True)
        >>> model = make_pipeline(StandardScaler(), LogisticRegression())
        >>> explainer = InfluenceExplainer(model, method="newton", refine=True)
        >>> explainer.fit(X[50:], y[50:]).verify(X[:50], y[:50], n_rows=10, random_state=0)
        Verification of method="newton": 10 rows really left out, 50 test losses
          pearson          1.000  [1.000, 1.000]
          spearman         1.000  [0.999, 1.000]
          slope            1.000  [0.999, 1.000]
          sign_agreement   0.998  [0.994, 1.000]
          relative_error   0.000
          worst row 247: estimated -0.02043, refitted -0.01966 (test row 41)
        The estimates agree with the refits.
        """
        check_is_fitted(self)
        check_share("confidence", confidence)
        if self.method_ == "retrain":
            raise ValueError(
                '`verify` compares an estimate with refits, and method="retrain" refits already; '
                'fit with method="newton" or "influence".'
            )
        random = check_random_state(
            deepcopy(self.random_state) if random_state is None else random_state
        )
        if rows is None:
            rows, selected_as = self._select(X_test, y_test, n_rows, select, random)
        else:
            rows = check_rows(rows, self._n_rows)
            selected_as = np.full(len(rows), "given")
        if not len(rows):
            raise ValueError(
                "There is no row to leave out: name one in `rows`, or give every class two rows."
            )
        return compare(
            self.loss_influence(X_test, y_test, rows=rows),
            self._refitted(X_test, y_test, rows, refine),
            rows,
            confidence=confidence,
            random=random,
            selected_as=selected_as,
            method=self.method_,
        )

    def _refitted(self, X_test, y_test, rows, refine):
        """Return what ``leave_one_out`` would on the data of ``fit``, one refit a distinct row."""
        distinct, columns = np.unique(rows, return_inverse=True)
        effect = self._refits(refine).on_losses(*self._encode(X_test, y_test))
        return effect(distinct)[:, columns]

    def _refits(self, refine=True):
        """Return real refits on the data of ``fit``, refined or not."""
        if self.problem_ is None:  # no optimum is known that a refit could be taken to
            return self.scores_
        y, sample_weight = self._training
        jobs = {"n_jobs": self.n_jobs, "verbose": self.verbose}
        final = final_estimator(self.estimator_)
        return Refit.around(final, self.problem_, y, sample_weight, refine=refine, **jobs)

    def _select(self, X_test, y_test, n_rows, select, random):
        """Choose training rows; return them and why each was taken."""
        if not isinstance(select, str) or select not in SELECTIONS:
            raise ValueError(f"`select` must be one of {SELECTIONS}; got {select!r}.")
        if not isinstance(n_rows, numbers.Integral) or isinstance(n_rows, bool) or n_rows < 1:
            raise ValueError(f"`n_rows` must be an integer >= 1; got {n_rows!r}.")
        candidates = self._refittable_rows()
        n_rows = min(n_rows, len(candidates))
        n_influential = {"influential": n_rows, "random": 0, "mix": (n_rows + 1) // 2}[select]
        if n_influential:
            total = self._total_influence(X_test, y_test)[candidates]
            candidates = candidates[np.argsort(-total, kind="stable")]
        drawn = random.permutation(candidates[n_influential:])[: n_rows - n_influential]
        rows = np.concatenate([candidates[:n_influential], drawn])
        return rows, np.repeat(["influential", "random"], [n_influential, len(drawn)])

    def _refittable_rows(self):
        """Return the rows that another row of their class can stand in for."""
        y, _ = self._training
        if not is_classifier(self.estimator_) or y.size != self._n_rows:
            return np.arange(self._n_rows)
        _, codes, sizes = np.unique(y, return_inverse=True, return_counts=True)
        return np.flatnonzero(sizes[codes.ravel()] > 1)

    def _total_influence(self, X_test, y_test):
        """Return every row's absolute loss influence, summed over test rows, shape (n_train,)."""
        X, y = self._encode(X_test, y_test)
        rows = np.arange(self._n_rows)
        total, part = np.zeros(len(rows)), np.empty((1, len(rows)))
        for block in self._test_blocks(X):
            effect = self.scores_.on_losses(X[block], y[block])
            evaluate_blocks(
                lambda rows, effect=effect: np.abs(effect(rows)).sum(axis=0, keepdims=True),
                rows,
                part,
                self._row_bytes(X[block]),
                block_size=self.block_size,
                n_jobs=self.n_jobs,
            )
            total += part[0]
        return total
