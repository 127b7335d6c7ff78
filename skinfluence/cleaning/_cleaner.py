"""LabelCleaner: which labels look wrong, and the model fitted without them."""

import numbers
import os
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from sklearn.base import BaseEstimator, is_classifier
from sklearn.exceptions import DataConversionWarning
from sklearn.utils import Bunch, column_or_1d, indexable
from sklearn.utils.validation import check_is_fitted

from .._parameters import check_choices, check_damping, check_running, check_whole
from .._sklearn_private import _check_method_params, _num_samples, _safe_indexing
from .._typing import MatrixLike, RowsLike
from .._warnings import warn
from .._wrapping import DelegatingEstimator
from ..adapters import (
    check_weights,
    counted_classes,
    final_is_frozen,
    fit_clone,
    fit_watched,
    penalty_parameter,
    seen_by_last,
)
from ..changes import check_rows
from ..report import (
    CONTRADICTING,
    LabelFindings,
    check_destination,
    check_image_shape,
    check_table,
    cleaning_report,
    import_pandas,
    label_columns,
    require_report_packages,
    row_names,
    write_whole,
)
from ._contradictions import contradicting_rows, convincing
from ._flagging import estimated_errors, flag
from ._score_parameter import ScoreParameter
from ._scored_model import ScoredModel, scored_model
from ._trust_in_scores import figures_of_scores, refit_some


class LabelCleaner(DelegatingEstimator):
    """Score how suspicious every label is, flag the worst, and refit on what is left.

    Parameters
    ----------
    estimator : estimator, default=None
        A supported estimator, or a Pipeline that ends in one. None means
        ``LogisticRegression()``.
    score : {"loo_loss", "self_influence", "loss"}, default="loo_loss"
        "loo_loss" is the row's loss under the model without it, from Newton steps.
        "self_influence" is the paper's score (Koh & Liang 2017, section 5.4), first order.
        "loss" is the training loss; it fails where there are more features than rows.
    contamination : "auto" or float in (0, 0.5], default="auto"
        Share of rows to flag. "auto" counts the labels that the leave-one-out probabilities
        contradict (confident learning, no cross-validation), or on a regressor the
        leave-one-out residuals beyond 3.5 robust deviations.
    action : {"drop", "relabel", "keep"}, default="drop"
        What to do with flagged rows before the final fit. A class never loses its last row.
    penalty : {"tune", "keep"}, default="tune"
        For scoring, choose the penalty by its approximate leave-one-out risk over a grid, or
        keep the estimator's. The fitted ``estimator_`` always keeps its own.
    solver : {"auto", "direct", "cg", "lissa", "lanczos"} or solver, default="auto"
        How H⁻¹ is applied.
    damping : float or "auto", default=0.0
        λ >= 0 added to the mean Hessian, as in ``InfluenceExplainer``.
    n_jobs : int, default=None
        Repeats of a stochastic solver run at the same time.
    random_state : int, RandomState instance or None, default=None
        Seeds stochastic solvers.
    verbose : int, default=0
        Unused by exact solvers.

    Attributes
    ----------
    label_scores_ : ndarray of shape (n,)
        Suspicion of every label, higher is worse, in the units of ``score``. nan for the rows of
        a class that no row of positive weight has.
    ranking_ : ndarray of int of shape (n,)
        Rows, most suspicious first.
    flagged_ : ndarray of bool of shape (n,)
        Rows whose label is called wrong.
    suggested_labels_ : ndarray of shape (n,)
        The label (or value) that the model without the row predicts.
    loo_probabilities_ : ndarray of shape (n, n_classes) or None
        Class probabilities of every row under the model without it; of a RidgeClassifier its
        decision values mapped to [0, 1]. None on a regressor.
    penalty_ : float or None
        The penalty that rows were scored with, None where there is none to choose.
    sample_indices_ : ndarray of int
        Rows that ``estimator_`` was fitted on.
    estimator_ : estimator
        Fitted on the cleaned rows, with the user's hyper-parameters.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skinfluence import LabelCleaner
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> y[:10] = 1 - y[:10]
    >>> cleaner = LabelCleaner(make_pipeline(StandardScaler(), LogisticRegression())).fit(X, y)
    >>> int(np.isin(np.arange(10), cleaner.ranking_[:20]).sum())
    8
    """

    score = ScoreParameter()  # the parameter, and scikit-learn's method

    label_scores_: np.ndarray
    ranking_: np.ndarray
    flagged_: np.ndarray
    suggested_labels_: np.ndarray
    loo_probabilities_: np.ndarray | None
    penalty_: float | None
    sample_indices_: np.ndarray
    estimator_: BaseEstimator
    _scored: ScoredModel
    _row_names: Any
    _training: tuple[Any, np.ndarray, np.ndarray | None]
    _given: np.ndarray
    _codes: np.ndarray | None

    def __init__(
        self,
        estimator: BaseEstimator | None = None,
        *,
        score: Literal["loo_loss", "self_influence", "loss"] = "loo_loss",
        contamination: float | Literal["auto"] = "auto",
        action: Literal["drop", "relabel", "keep"] = "drop",
        penalty: Literal["tune", "keep"] = "tune",
        solver: Any = "auto",
        damping: float | Literal["auto"] = 0.0,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.score = score
        self.contamination = contamination
        self.action = action
        self.penalty = penalty
        self.solver = solver
        self.damping = damping
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def get_params(self, deep: bool = True) -> dict:
        """Return the parameters, ``score`` as it was given.

        Parameters
        ----------
        deep : bool, default=True
            Those of the estimator inside, too.

        Returns
        -------
        params : dict
            Names and values.
        """
        return {**super().get_params(deep), "score": vars(self)["score"]}

    def fit(
        self,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        **params: Any,
    ) -> "LabelCleaner":
        """Score the labels, flag the suspicious ones, and fit on the cleaned rows.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n, n_features)
            Rows. A Pipeline takes whatever its first step takes.
        y : array-like of shape (n,)
            Their labels, or the values of a regression.
        sample_weight : array-like of shape (n,), default=None
            Weights >= 0.
        **params : dict
            What else the estimator's ``fit`` takes, such as ``groups`` of a search; with metadata
            routing, what an estimator inside has asked for.

        Returns
        -------
        self : LabelCleaner

        Raises
        ------
        ValueError
            If a parameter is out of range, or ``action="relabel"`` on a regressor.
        """
        self._check_parameters()
        X, y = indexable(X, self._labels(y))
        sample_weight = check_weights(sample_weight, X)
        params = self._routed("fit", sample_weight, params)
        if (n_rows := _num_samples(X)) < 2:
            raise ValueError(f"LabelCleaner needs two rows or more; got n_samples={n_rows}.")
        labels, lost = counted_classes(self._base_estimator(), y, sample_weight)
        first, X_last = fit_watched(self._base_estimator(), X, labels, sample_weight, **params)
        scored, penalty = scored_model(
            *seen_by_last(first, X, X_last),
            labels,
            sample_weight,
            tuned=self.penalty == "tune",
            solver=self.solver,
            damping=self.damping,
            random_state=self.random_state,
            n_jobs=self.n_jobs,
        )
        fitted = self._judge(scored, y, labels, lost)
        kept, final = self._fit_again(first, X, labels, sample_weight, params, fitted)
        fitted |= {"penalty_": penalty, "sample_indices_": kept, "estimator_": final}
        fitted |= {"_scored": scored, "_row_names": row_names(X)}
        fitted["_training"] = X, np.array(labels), sample_weight  # X as given: a report shows it
        self.__dict__.update(fitted)  # all at once: an interrupted fit leaves the last one whole
        return self

    def to_frame(self) -> Any:
        """Return what was found of every label, as a DataFrame of one row a training row.

        Returns
        -------
        frame : pandas.DataFrame
            ``label``, ``suggested_label``, ``label_score``, ``flagged``, of classifiers
            ``probability`` of the given label under the model without the row, and ``rank``, 1 for
            the most suspicious. Its index is that of X, where X is a DataFrame or Series. Of
            several outputs ``label_0``, ``label_1`` and so on.
        """
        check_is_fitted(self)
        pandas, y = import_pandas("LabelCleaner.to_frame"), self._given
        columns = {
            **label_columns("label", y),
            **label_columns("suggested_label", self.suggested_labels_),
            "label_score": self.label_scores_,
            "flagged": self.flagged_,
        }
        if self.loo_probabilities_ is not None:
            columns["probability"] = self._probability_of_given
        columns["rank"] = np.argsort(self.ranking_) + 1
        return pandas.DataFrame(columns, index=self._row_names)

    def fit_resample(self, X: MatrixLike, y: ArrayLike, **params: Any) -> tuple:
        """Fit, and return the cleaned rows and labels (imbalanced-learn's protocol).

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n, n_features)
            Rows.
        y : array-like of shape (n,)
            Their labels, or the values of a regression.
        **params : dict
            What else ``fit`` takes.

        Returns
        -------
        X_resampled, y_resampled : array-like
            The rows ``sample_indices_``; flagged labels replaced if ``action="relabel"``.
        """
        self.fit(X, y, **params)
        X, y = indexable(X, self._labels(y))
        relabel = self.action == "relabel"
        labels = _relabelled(y, self.flagged_, self.suggested_labels_) if relabel else y
        return _safe_indexing(X, self.sample_indices_), _safe_indexing(labels, self.sample_indices_)

    def contradicting_rows(self, rows: RowsLike | None = None, *, k: int = 5) -> Bunch:
        """Return the training rows that contradict the labels of some rows most.

        They are the most harmful rows for the loss of a row with its given label, under the model
        that scored it: those whose removal would lower that loss most, to first order. Most carry
        another label; one with the same label may be among them where it pulls the model away.

        Parameters
        ----------
        rows : None, int indices, bool mask or slice, default=None
            Training rows whose labels are contradicted. None means the flagged ones, most
            suspicious first.
        k : int, default=5
            Rows to return for each, between 1 and n - 1.

        Returns
        -------
        contradicting : Bunch
            ``rows`` (n_contradicted, k): indices of training rows, the strongest first, never the
            row itself; ``influence`` (n_contradicted, k): the change of the loss of the
            contradicted row without each, negative where it contradicts the label.

        Raises
        ------
        ValueError
            If ``k`` or ``rows`` are out of range.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.linear_model import LogisticRegression
        >>> from skinfluence import LabelCleaner
        >>> X = np.r_[np.linspace(-2, -1, 30), np.linspace(1, 2, 30)][:, None]
        >>> y = np.where(np.arange(60) < 30, "low", "high")
        >>> y[29] = "high"
        >>> cleaner = LabelCleaner(LogisticRegression()).fit(X, y)
        >>> found = cleaner.contradicting_rows([29], k=2)
        >>> y[found.rows[0]]
        array(['low', 'low'], dtype='<U4')
        >>> bool(np.all(found.influence < 0))
        True
        """
        check_is_fitted(self)
        n = len(self.label_scores_)
        check_whole("k", k)
        if k >= n:
            raise ValueError(f"`k` must be at most n - 1 = {n - 1}, the other rows; got {k}.")
        flagged = self.ranking_[self.flagged_[self.ranking_]]
        return contradicting_rows(self._scored, flagged if rows is None else check_rows(rows, n), k)

    def to_html(
        self,
        path: str | os.PathLike,
        *,
        title: str | None = None,
        max_rows: int = 100,
        table: Any = None,
        image_shape: tuple | None = None,
    ) -> None:
        """Write a report: the labels to look at, and the rows that contradict each.

        One HTML file that stands alone: it asks for nothing from elsewhere, and can be read with
        scripting off, on a phone and in print. Ten rows are really refitted for it.

        Parameters
        ----------
        path : str or Path
            The file. It is written whole or not at all.
        title : str, default=None
            Heading of the report.
        max_rows : int, default=100
            Rows of the ranking to show, the most suspicious ones.
        table : DataFrame of n rows, default=None
            Columns to show for the training rows. None means the X that ``fit`` was given, as it
            is now: texts, columns, or pictures.
        image_shape : tuple (height, width) or (height, width, 3), default=None
            The images that rows are. None takes arrays of more than two axes for images, and,
            unless ``table`` is given, arrays without column names whose p = s² >= 64 columns are
            never negative for squares of side s.

        Raises
        ------
        ImportError
            If the "report" extra is not installed.
        OSError
            If there can be no file at ``path``.
        ValueError
            If ``table`` has another number of rows, or ``image_shape`` of values.
        """
        check_is_fitted(self)
        require_report_packages(f"{type(self).__name__}.to_html")
        path = check_destination(path)
        check_whole("max_rows", max_rows)
        X, y, weights = self._training
        check_table(table, len(y))
        if table is None or image_shape is not None:
            image_shape = check_image_shape(image_shape, X)
        trust = refit_some(self._scored, self.ranking_, y, weights)
        findings, figures = self._findings(max_rows), figures_of_scores(self._scored)
        shown = {"title": title, "table": table, "image_shape": image_shape}
        write_whole(path, cleaning_report(findings, trust, figures, **shown))

    def _findings(self, max_rows: int) -> LabelFindings:
        """Return what a report shows of ``max_rows`` rows."""
        X, y = self._training[0], self._given
        y = y.ravel() if y.size == len(y) else y
        name, suggested = penalty_parameter(self._scored.estimator), self.suggested_labels_
        probabilities, of_given = self.loo_probabilities_, self._probability_of_given
        return LabelFindings(
            X=X,
            labels=y,
            suggested=suggested,
            ranking=self.ranking_,
            flagged=self.flagged_,
            probability_of_given=of_given,
            n_wrong=estimated_errors(y, suggested, probabilities, self._codes),
            contradicting=list(convincing(self, y, self.ranking_[:max_rows], CONTRADICTING)),
            contamination=self.contamination,
            action=self.action,
            score=str(self.score),
            penalty=self.penalty,
            chosen_penalty=None if self.penalty_ is None else f"{name}={self.penalty_:.3g}",
            estimator=type(self._scored.estimator).__name__,
        )

    @property
    def _probability_of_given(self) -> np.ndarray | None:
        """The leave-one-out probability of every given label; None on a regression."""
        if self.loo_probabilities_ is None or self._codes is None:
            return None
        of_given = self.loo_probabilities_[np.arange(len(self._codes)), self._codes]
        return np.where(self._codes < 0, np.nan, of_given)

    def _labels(self, y: Any) -> Any:
        """Return y; a classifier's column of labels becomes one-dimensional."""
        shape = y.shape if sparse.issparse(y) else np.asarray(y).shape
        if len(shape) < 2 or not self._classifies():
            return y
        if shape[1] > 1:
            raise ValueError(
                f"LabelCleaner judges one label a row; got y of shape {shape}. Clean the columns "
                "of y one at a time."
            )
        column = column_or_1d(y)
        warn(
            "A column-vector y was passed when a 1d array was expected. Please change the shape of "
            "y to (n_samples, ), for example using ravel().",
            DataConversionWarning,
        )
        return y.iloc[:, 0] if hasattr(y, "iloc") else column

    def _classifies(self) -> bool:
        return is_classifier(self._base_estimator())

    def _fit_again(
        self,
        first: Any,
        X: Any,
        y: Any,
        sample_weight: Any,
        params: dict[str, Any],
        judged: dict[str, Any],
    ) -> tuple[np.ndarray, BaseEstimator]:
        """Return the rows that are kept, and the estimator fitted on them after ``action``."""
        flagged, suggested = judged["flagged_"], judged["suggested_labels_"]
        kept = np.flatnonzero(~flagged) if self.action == "drop" else np.arange(len(flagged))
        if not flagged.any() or self.action == "keep":
            return kept, first
        labels = _relabelled(y, flagged, suggested) if self.action == "relabel" else y
        weights = None if sample_weight is None else _safe_indexing(sample_weight, kept)
        rows = _safe_indexing(X, kept), _safe_indexing(labels, kept)
        others = _check_method_params(X, params, indices=kept)
        try:
            return kept, fit_clone(self._base_estimator(), *rows, weights, **others)
        except ValueError as error:
            raise ValueError(
                f"The estimator cannot be fitted on the {len(kept)} cleaned rows: {error} Use "
                "action='keep', or flag fewer with `contamination`."
            ) from error

    def _judge(
        self, scored: ScoredModel, given: Any, labels: Any, lost: np.ndarray | None
    ) -> dict[str, Any]:
        """Return the fitted attributes that tell of every label.

        Of the rows ``lost``, whose class has no weight, nothing is known: they are ranked last.
        """
        raw, codes = scored.raw_without(), scored.codes(labels)
        scores, probabilities = scored.label_scores(self.score, raw), scored.probabilities(raw)
        suggested = scored.predicted(raw, probabilities)
        if lost is not None and codes is not None:
            scores, suggested = np.where(lost, np.nan, scores), np.where(lost, given, suggested)
            codes = np.where(lost, -1, codes)
        ranking = np.argsort(-scores, kind="stable")
        if self.contamination == "auto":
            count = estimated_errors(labels, suggested, probabilities, codes)
        else:
            count = round(self.contamination * np.count_nonzero(~np.isnan(scores)))
        return {
            "_given": np.array(given),
            "_codes": codes,
            "label_scores_": scores,
            "ranking_": ranking,
            "flagged_": flag(ranking, count, None if self.action == "keep" else codes),
            "suggested_labels_": suggested,
            "loo_probabilities_": probabilities,
        }

    def _check_parameters(self) -> None:
        choices = {
            "score": ("loo_loss", "self_influence", "loss"),
            "action": ("drop", "relabel", "keep"),
            "penalty": ("tune", "keep"),
        }
        check_choices(self, choices)
        check_damping(self)
        check_running(self)
        share = self.contamination
        if share != "auto" and not (isinstance(share, numbers.Real) and 0 < share <= 0.5):
            raise ValueError(f"`contamination` must be 'auto' or in (0, 0.5]; got {share!r}.")
        if self.action != "keep" and final_is_frozen(self._base_estimator()):
            raise ValueError(
                f"`action={self.action!r}` refits, and a FrozenEstimator cannot be; use "
                "action='keep', or give the estimator without FrozenEstimator."
            )
        if self.action == "relabel" and not self._classifies():
            raise ValueError(
                "`action='relabel'` is for classifiers; on a regressor use 'drop' or 'keep'."
            )


def _relabelled(y: Any, flagged: np.ndarray, suggested: np.ndarray) -> Any:
    """Return a copy of y in which flagged labels are the suggested ones."""
    labels = y.copy() if hasattr(y, "copy") else np.array(y)
    labels = labels if hasattr(labels, "iloc") else np.asarray(labels)
    target = labels.iloc if hasattr(labels, "iloc") else labels
    target[np.flatnonzero(flagged)] = suggested[flagged]
    return labels
