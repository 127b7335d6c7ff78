"""LabelCleaner: which labels look wrong, and the model fitted without them."""

import numbers
import os
from dataclasses import replace
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.utils import Bunch, indexable
from sklearn.utils.metadata_routing import UNUSED
from sklearn.utils.validation import check_is_fitted

from .._parameters import check_choices, check_damping, check_running, check_whole
from .._sklearn_private import _num_samples, _safe_indexing
from .._typing import MatrixLike, RowsLike
from .._warnings import warn
from .._wrapping import DelegatingEstimator, usual_estimator
from ..adapters import (
    UnsupportedEstimatorError,
    check_weights,
    counted_classes,
    final_is_frozen,
    fit_watched,
    penalty_parameter,
    seen_by_last,
    weight_argument,
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
from ._actions import Gain, after_action, gain, with_labels
from ._comparison import counts_of, figures_of_classes, figures_of_values
from ._contradictions import contradicting_rows, convincing
from ._decisions import apply, check_decisions, decided_rows, decision_columns
from ._estimator_choice import chosen_estimator
from ._given_labels import not_nullable, one_column, warn_of_alike
from ._holding_out import HoldingOut
from ._judging import Judged, judged
from ._out_of_sample import OutOfSample, check_probabilities
from ._score_parameter import ScoreParameter
from ._scored_model import ScoredModel, require_values_of_classes, scored_model
from ._second_view import check_view, second_view
from ._training_rows import TrainingRows
from ._trust_in_scores import figures_of_scores, refit_some


class LabelCleaner(DelegatingEstimator):
    """Score how suspicious every label is, flag the worst, and refit on what is left.

    Parameters
    ----------
    estimator : estimator or "auto", default=None
        Any classifier or regressor, or a Pipeline that ends in one. None means
        ``LogisticRegression()``. "auto" is, for classes, a standardised logistic regression, a
        random forest or gradient boosting, that whose out-of-sample risk is least. Of an estimator
        that ``InfluenceExplainer`` supports each label is judged by the model without its row; of
        bagged trees by the votes of those that did not draw it; of any other by models of shuffled
        folds.
    score : {"loo_loss", "self_influence", "loss"}, default="loo_loss"
        "loo_loss" is the row's loss under the model without it, from Newton steps.
        "self_influence" is the paper's score (Koh & Liang 2017, section 5.4), first order.
        "loss" is the training loss; it fails where there are more features than rows.
    contamination : "auto" or float in (0, 1), default="auto"
        Share of rows to flag. "auto" estimates how many labels are wrong, and flags those for which
        another label is suggested and that make the expected F1 largest, of no class more than
        half, and none that is wrong with a probability below 0.2; on a regressor it flags
        studentised residuals beyond 3.5 robust deviations of those nearby. Where the model has no
        skill it flags nothing.
    action : {"reweight", "drop", "relabel", "keep"}, default="reweight"
        What to do before the final fit, where rows are flagged: weight every row by the probability
        that its label is right, or drop or relabel the flagged rows. Where the share is estimated
        this is done only if the out-of-sample log loss, corrected for the noise of the labels,
        falls by more than its standard error (``gain_``); ``action_`` is what was done. Where
        weights cannot be had, of a regressor or an estimator that takes none, rows are dropped. A
        class never loses its last row.
    penalty : {"tune", "keep"}, default="tune"
        For scoring, choose the penalty by its approximate leave-one-out risk over a grid, or
        keep the estimator's. The fitted ``estimator_`` always keeps its own.
    second_view : "auto", classifier or None, default="auto"
        A model of another kind whose out-of-sample probabilities help to tell which labels are
        wrong, and how many: what ``estimator`` cannot see, as a linear model a border that is
        curved, would be called wrong. "auto" is a random forest with its out-of-bag votes (where
        ``estimator`` is one, a logistic regression), and none where X is not numbers, has as many
        columns as rows, or comes with ``groups``. Scores are those of ``estimator`` alone. Not
        used on a regressor, nor with ``pred_probs``.
    solver : {"auto", "direct", "cg", "lissa", "lanczos"} or solver, default="auto"
        How H⁻¹ is applied.
    damping : float or "auto", default=0.0
        λ >= 0 added to the mean Hessian, as in ``InfluenceExplainer``.
    cv : int, splitter or iterable of (train, test), default=5
        Folds that an action is tried on, and that labels are scored with where the estimator is not
        one that ``InfluenceExplainer`` supports. A number is shuffled, stratified folds.
    n_jobs : int, default=None
        Folds, or repeats of a stochastic solver, that run at the same time.
    random_state : int, RandomState instance or None, default=None
        Seeds stochastic solvers and the folds that score labels.
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
        The label (or value) that the model without the row predicts; with a second view, the label
        that is most probable by both.
    loo_probabilities_ : ndarray of shape (n, n_classes) or None
        Class probabilities of every row under the model without it; of a RidgeClassifier its
        decision values mapped to [0, 1]. None on a regressor.
    probabilities_from_ : {"leave_one_out", "out_of_bag", "cross_validation", "given"}
        Where the probabilities, or the predictions of a regressor, are from.
    second_view_probabilities_ : ndarray of shape (n, n_classes) or None
        Out-of-sample probabilities by the second view, where there is one.
    wrong_probabilities_ : ndarray of shape (n,) or None
        Probability that each label is wrong; None on a regressor.
    noise_rate_ : float or None
        Estimated share of labels that are wrong; None on a regressor.
    noise_rate_interval_ : ndarray of shape (2,) or None
        Its interval of 90%. It holds where the model is right: one that is wrong disagrees with
        right labels too.
    noise_matrix_ : ndarray of shape (n_classes, n_classes) or None
        Probability of each given label (rows) for each true one (columns).
    noise_matrix_interval_ : ndarray of shape (2, n_classes, n_classes) or None
        The least and the largest entries of it over the interval of the share.
    skill_ : Bunch
        ``score``, "log loss" or "squared error", of the out-of-sample predictions (``model``) and
        of the shares of the classes or the mean (``baseline``), the ``p_value`` of the difference,
        and whether that is below 0.01 (``skilled``).
    action_ : {"reweight", "drop", "relabel", "keep", "decisions"}
        What was done.
    gain_ : Gain or None
        ``change`` of the corrected out-of-sample log loss by the action, and its
        ``standard_error``; None where it was not looked at.
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
    # They are the cleaner's, and no estimator's inside.
    __metadata_request__fit: ClassVar = dict.fromkeys(("pred_probs", "decisions"), UNUSED)

    label_scores_: np.ndarray
    ranking_: np.ndarray
    flagged_: np.ndarray
    suggested_labels_: np.ndarray
    loo_probabilities_: np.ndarray | None
    probabilities_from_: str
    second_view_probabilities_: np.ndarray | None
    skill_: Bunch
    noise_rate_: float | None
    noise_rate_interval_: np.ndarray | None
    noise_matrix_: np.ndarray | None
    noise_matrix_interval_: np.ndarray | None
    wrong_probabilities_: np.ndarray | None
    action_: str
    gain_: Gain | None
    penalty_: float | None
    sample_indices_: np.ndarray
    estimator_: BaseEstimator
    _scored: ScoredModel | None
    _row_names: Any
    _chosen: BaseEstimator
    _training: TrainingRows
    _given: np.ndarray
    _codes: np.ndarray | None
    _after_cleaning: TrainingRows

    def __init__(
        self,
        estimator: BaseEstimator | Literal["auto"] | None = None,
        *,
        score: Literal["loo_loss", "self_influence", "loss"] = "loo_loss",
        contamination: float | Literal["auto"] = "auto",
        action: Literal["drop", "relabel", "reweight", "keep"] = "reweight",
        penalty: Literal["tune", "keep"] = "tune",
        second_view: Any = "auto",
        solver: Any = "auto",
        damping: float | Literal["auto"] = 0.0,
        cv: Any = 5,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.score = score
        self.contamination = contamination
        self.action = action
        self.penalty = penalty
        self.second_view = second_view
        self.solver = solver
        self.damping = damping
        self.cv = cv
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
        pred_probs: ArrayLike | None = None,
        decisions: Any = None,
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
        pred_probs : array-like of shape (n, n_classes), default=None
            Out-of-sample probabilities of the classes, in the order of ``np.unique(y)``, or a
            DataFrame of columns named by them, that labels are judged by in place of the
            estimator's own.
        decisions : DataFrame of n rows, default=None
            What to do with each row, in place of ``action``: a table as ``to_frame`` returns, which
            a person may have edited. Labels are scored and flagged all the same.
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
        if y is None:
            raise ValueError("LabelCleaner requires y to be passed, but the target y is None.")
        if self._chooses():
            return self._fit_chosen(X, y, sample_weight, pred_probs, decisions, params)
        self._check_parameters()
        X, y = indexable(X, self._labels(y))
        sample_weight = check_weights(sample_weight, X)
        params = self._routed("fit", sample_weight, params)
        if (n_rows := _num_samples(X)) < 2:
            raise ValueError(f"LabelCleaner needs two rows or more; got n_samples={n_rows}.")
        labels, lost = counted_classes(self._base_estimator(), y, sample_weight)
        labels = not_nullable(labels)
        if self._classifies():
            warn_of_alike(labels)
        names = row_names(X)
        if decisions is not None:
            decisions = check_decisions(decisions, labels, names)
        rows = TrainingRows.every(X, labels, sample_weight, params)
        first, seen = fit_watched(self._base_estimator(), X, labels, sample_weight, **params)
        final, features = seen_by_last(first, X, seen)
        found = self._out_of_sample(first, final, features, rows, pred_probs)
        second = second_view(self.second_view, found, rows, features, self._holding_out(0))
        judgement = judged(found, second, X, y, labels, sample_weight, lost, self.contamination)
        fitted = self._decided(first, judgement, decisions, rows)
        fitted |= judgement.attributes() | {"_row_names": names}
        fitted["_training"] = replace(rows, labels=np.array(labels))  # X as given, for a report
        if judgement.warning:
            warn(judgement.warning, UserWarning)
        self.__dict__.update(fitted)  # all at once: an interrupted fit leaves the last one whole
        return self

    def to_frame(self) -> Any:
        """Return what was found of every label, as a DataFrame of one row a training row.

        Returns
        -------
        frame : pandas.DataFrame
            ``label``, ``suggested_label``, ``label_score``, ``flagged``, of classifiers
            ``probability`` of the given label under the model without the row and
            ``wrong_probability`` of a wrong label, ``rank``, 1 for the most suspicious, and what is
            done: ``decision``, "drop", "keep" or "relabel", ``new_label``, which a row that is
            relabelled gets, and with ``action="reweight"`` the row's ``weight``. Its index is that
            of X, where X is a DataFrame or Series. Of several outputs ``label_0``, ``label_1`` and
            so on, and no ``new_label``.

        Notes
        -----
        A person may edit ``decision`` and ``new_label``, in a file too: ``apply`` and
        ``fit(decisions=...)`` obey the table.
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
        if self.wrong_probabilities_ is not None:
            columns["wrong_probability"] = self.wrong_probabilities_
        columns["rank"] = np.argsort(self.ranking_) + 1
        done = self.action_, self.flagged_, self.suggested_labels_, self.wrong_probabilities_
        decided = decision_columns(*done)
        if np.ndim(self.suggested_labels_) > 1 and np.shape(self.suggested_labels_)[1] > 1:
            del decided["new_label"]
        columns |= {name: np.ravel(values) for name, values in decided.items()}
        return pandas.DataFrame(columns, index=self._row_names)

    def apply(self, X: MatrixLike, y: ArrayLike, decisions: Any) -> tuple:
        """Return rows and labels after the decisions of a table.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n, n_features)
            The training rows.
        y : array-like of shape (n,)
            Their labels.
        decisions : DataFrame of n rows
            As ``to_frame`` returns, which a person may have edited. Where it has the names of the
            rows of X for its index it may be in another order.

        Returns
        -------
        X, y : array-like
            Without the rows to drop, and with the new labels, in the types that were given.
        sample_weight : ndarray
            Only where the table has a column ``weight``.

        Raises
        ------
        ValueError
            If the table has another number of rows, or a decision that is none.
        """
        X, y = indexable(X, self._labels(y))
        return apply(X, y, decisions, row_names(X), self._classifies())

    def compare(self) -> Any:
        """Return what cleaning did, before and after.

        Models are fitted on shuffled folds of the training rows, as they were and as they are
        after cleaning, and predict the rows of the other folds.

        Returns
        -------
        comparison : pandas.DataFrame
            Columns ``before`` and ``after``. Rows: how many rows there are, and of each class; of a
            classifier accuracy, balanced accuracy, log loss, log loss corrected for the noise of
            the labels and calibration error, all of the *given* labels of all rows; of a regressor
            the root mean squared and the mean absolute error.
        """
        check_is_fitted(self)
        pandas, told, every = import_pandas("LabelCleaner.compare"), {}, self._training
        y, counted = every.labels[every.counted], every.counted
        classes = np.unique(every.labels) if self._classifies() else None
        for name, rows in (("before", every), ("after", self._after_cleaning)):
            found = self._tried(rows, every)[counted]
            told[name] = counts_of(rows, classes)
            if classes is None:
                told[name] |= figures_of_values(found, y)
            else:
                codes = np.searchsorted(classes, y)
                told[name] |= figures_of_classes(found, codes, self.noise_rate_ or 0.0)
        return pandas.DataFrame(told)

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
            The rows ``sample_indices_``; flagged labels replaced if ``action="relabel"``. Weights
            cannot be handed on: with ``action="reweight"`` flagged rows are left out.
        """
        self.fit(X, y, **params)
        X, y = indexable(X, self._labels(y))
        kept = self.sample_indices_
        if self.action_ == "decisions":
            return self.apply(X, y, params["decisions"])[:2]
        if self.action_ == "reweight":  # weights cannot be handed on
            kept = np.flatnonzero(~self.flagged_)
        if self.action_ == "relabel":
            y = with_labels(y, self.flagged_, self.suggested_labels_)
        return _safe_indexing(X, kept), _safe_indexing(y, kept)

    def contradicting_rows(
        self, rows: RowsLike | None = None, *, k: int = 5, relative: bool = True
    ) -> Bunch:
        """Return the training rows that speak for the label suggested in place of a given one.

        They are those whose removal would lower the margin between the suggested and the given
        label most (of a regression, would move the prediction away from what is suggested), to
        first order, under the model that scored it. Most carry the suggested label.

        Parameters
        ----------
        rows : None, int indices, bool mask or slice, default=None
            Training rows whose labels are contradicted. None means the flagged ones, most
            suspicious first. Of a row whose given label is also the suggested one, witnesses
            against the next most probable label are returned.
        k : int, default=5
            Rows to return for each, between 1 and n - 1.
        relative : bool, default=True
            Rank by the effect relative to how far each row moves the parameters, which prefers rows
            that resemble the one in question (Barshan et al. 2020). False ranks by the effect.

        Returns
        -------
        contradicting : Bunch
            ``rows`` (n_contradicted, k): indices of training rows, the strongest first, never the
            row itself; ``influence`` (n_contradicted, k): the change of the margin without each, in
            units of the raw prediction, negative where it speaks for the suggestion; ``features``
            (n_contradicted, k, 3): columns of X, as the final estimator takes it, of the largest
            terms of each, None where the prediction is no sum over columns.

        Raises
        ------
        ValueError
            If ``k`` or ``rows`` are out of range, or the labels were not scored by a model without
            each row (see ``probabilities_from_``).

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
        suspects: Any = flagged if rows is None else check_rows(rows, n)
        scored = self._require_scored("contradicting_rows")
        labels, others = self._training.labels[suspects], self._alternatives(suspects)
        return contradicting_rows(scored, suspects, labels, others, k, relative)

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
        X, y, weights = self._training.X, self._training.labels, self._training.weights
        check_table(table, len(y))
        if table is None or image_shape is not None:
            image_shape = check_image_shape(image_shape, X)
        scored = self._require_scored("to_html")
        trust = refit_some(scored, self.ranking_, y, weights)
        findings, figures = self._findings(scored, max_rows), figures_of_scores(scored)
        shown = {"title": title, "table": table, "image_shape": image_shape}
        write_whole(path, cleaning_report(findings, trust, figures, **shown))

    def _alternatives(self, rows: np.ndarray) -> np.ndarray:
        """Return what is suggested for rows, or where that is the given label the next one."""
        suggested = self.suggested_labels_[rows]
        if self.loo_probabilities_ is None or self._codes is None:
            return suggested
        codes, others = self._codes[rows], self.loo_probabilities_[rows]
        others[np.arange(len(rows)), codes] = -1
        labels = self._require_scored("contradicting_rows").classes[others.argmax(axis=1)]
        open_to_doubt = (codes < 0) | (suggested == self._training.labels[rows])
        return np.where(open_to_doubt, labels, suggested)

    def _require_scored(self, name: str) -> ScoredModel:
        """Return the model without each row; ValueError if labels were scored by another."""
        if self._scored is None:
            raise ValueError(
                f"`{name}` asks the model that scored each label without it, and here labels were "
                f"scored by {self.probabilities_from_!r} probabilities. Use an estimator that "
                "InfluenceExplainer supports, without `pred_probs`."
            )
        return self._scored

    def _findings(self, scored: ScoredModel, max_rows: int) -> LabelFindings:
        """Return what a report shows of ``max_rows`` rows."""
        X, y = self._training.X, self._given
        y = y.ravel() if y.size == len(y) else y
        name, suggested = penalty_parameter(scored.estimator), self.suggested_labels_
        of_given, n_wrong = self._probability_of_given, int(self.flagged_.sum())
        if self.noise_rate_ is not None:
            n_wrong = round(self.noise_rate_ * len(y))
        return LabelFindings(
            X=X,
            labels=y,
            suggested=suggested,
            ranking=self.ranking_,
            flagged=self.flagged_,
            probability_of_given=of_given,
            n_wrong=n_wrong,
            contradicting=list(convincing(self, y, self.ranking_[:max_rows], CONTRADICTING)),
            contamination=self.contamination,
            action=self.action_,
            score=str(self.score),
            penalty=self.penalty,
            chosen_penalty=None if self.penalty_ is None else f"{name}={self.penalty_:.3g}",
            estimator=type(scored.estimator).__name__,
        )

    @property
    def _probability_of_given(self) -> np.ndarray | None:
        """The leave-one-out probability of every given label; None on a regression."""
        if self.loo_probabilities_ is None or self._codes is None:
            return None
        of_given = self.loo_probabilities_[np.arange(len(self._codes)), self._codes]
        return np.where(self._codes < 0, np.nan, of_given)

    def _chooses(self) -> bool:
        return isinstance(self.estimator, str) and self.estimator == "auto"

    def _base_estimator(self) -> BaseEstimator:
        if self._chooses():  # before one is chosen, a classifier
            return vars(self).get("_chosen", usual_estimator())
        return super()._base_estimator()

    def _fit_chosen(
        self, X: Any, y: Any, weights: Any, pred_probs: Any, decisions: Any, params: dict[str, Any]
    ) -> "LabelCleaner":
        """Fit with the estimator of the least out-of-sample risk."""
        X, y = indexable(X, one_column(y))
        weights = check_weights(weights, X)
        labels = not_nullable(counted_classes(usual_estimator(), y, weights)[0])
        rows = TrainingRows.every(X, labels, weights, params)
        chosen = chosen_estimator(rows, self._holding_out(0))
        inner = clone(self).set_params(estimator=chosen)
        inner.fit(X, y, weights, pred_probs=pred_probs, decisions=decisions, **params)
        own = self.get_params(deep=False)
        fitted = {name: value for name, value in vars(inner).items() if name not in own}
        self.__dict__.update(fitted, _chosen=chosen)
        return self

    def _holding_out(self, seed: Any = None) -> HoldingOut:
        """Return how rows are held out; ``seed`` is that of folds and trees without one."""
        state = seed if self.random_state is None else self.random_state
        return HoldingOut(self.cv, state, self.n_jobs)

    def _labels(self, y: Any) -> Any:
        return one_column(y) if self._classifies() else y

    def _classifies(self) -> bool:
        return is_classifier(self._base_estimator())

    def _out_of_sample(
        self, first: Any, final: Any, features: Any, rows: TrainingRows, pred_probs: Any
    ) -> OutOfSample:
        """Return what models that have not seen each row predict of it."""
        y = rows.labels
        if pred_probs is not None:
            if not self._classifies():
                raise ValueError("`pred_probs` are probabilities of classes; y has none.")
            return OutOfSample.of_probabilities("given", check_probabilities(pred_probs, y), y)
        try:
            require_values_of_classes(first)
            scored, penalty = scored_model(
                final,
                features,
                y,
                rows.weights,
                tuned=self.penalty == "tune",
                solver=self.solver,
                damping=self.damping,
                random_state=self.random_state,
                n_jobs=self.n_jobs,
            )
        except UnsupportedEstimatorError:
            if self.score != "loo_loss" or final_is_frozen(self._base_estimator()):
                raise
            return self._holding_out().out_of_sample(self._base_estimator(), rows)
        return OutOfSample.of_model(scored, penalty, str(self.score), y)

    def _decided(
        self, first: Any, judgement: Judged, decisions: Any, every: TrainingRows
    ) -> dict[str, Any]:
        """Return the fitted attributes that tell what was done, and the estimator after it."""
        action, change = self._action(), None
        if decisions is not None:
            action, after = "decisions", decided_rows(decisions, every, self._classifies())
        else:
            action = action if judgement.flagged.any() else "keep"
            after = after_action(
                action, every, judgement.flagged, judgement.suggested, judgement.wrong
            )
            if action != "keep" and self.contamination == "auto" and judgement.noise is not None:
                change = self._gain(every, after, float(judgement.noise.rate_interval[0]))
                if not change.helps:
                    action, after = "keep", every
        return {
            "action_": action,
            "_after_cleaning": after,
            "gain_": change,
            "sample_indices_": np.flatnonzero(after.kept),
            "estimator_": first if action == "keep" else self._fitted_again(after),
        }

    def _gain(self, before: TrainingRows, after: TrainingRows, share: float) -> Gain:
        """Return what an action does to the loss of rows that are held out."""
        counted, labels = before.counted, np.asarray(before.labels)
        was, becomes = (self._tried(rows, before)[counted] for rows in (before, after))
        codes = np.unique(labels, return_inverse=True)[1][counted]
        return gain(was, becomes, codes, share)

    def _tried(self, rows: TrainingRows, given: TrainingRows) -> np.ndarray:
        """Return what the estimator predicts of rows held out, on the same folds each time."""
        return HoldingOut(self.cv, 0, self.n_jobs).predicted(self._base_estimator(), rows, given)

    def _fitted_again(self, rows: TrainingRows) -> BaseEstimator:
        """Return the estimator fitted on what is left; ValueError where it cannot be."""
        try:
            return rows.fit(self._base_estimator())
        except ValueError as error:
            raise ValueError(
                f"The estimator cannot be fitted on the {np.sum(rows.kept)} cleaned rows: {error} "
                "Use action='keep', or flag fewer with `contamination`."
            ) from error

    def _action(self) -> str:
        """Return the action; where the estimator takes no weights rows are dropped instead."""
        if self.action == "reweight" and (
            not self._classifies() or weight_argument(self._base_estimator()) is None
        ):
            return "drop"
        return self.action

    def _check_parameters(self) -> None:
        choices = {
            "score": ("loo_loss", "self_influence", "loss"),
            "action": ("drop", "relabel", "reweight", "keep"),
            "penalty": ("tune", "keep"),
        }
        check_view(self.second_view)
        check_choices(self, choices)
        check_damping(self)
        check_running(self)
        share = self.contamination
        if share != "auto" and not (isinstance(share, numbers.Real) and 0 < share < 1):
            raise ValueError(f"`contamination` must be 'auto' or in (0, 1); got {share!r}.")
        if self.action != "keep" and final_is_frozen(self._base_estimator()):
            raise ValueError(
                f"`action={self.action!r}` refits, and a FrozenEstimator cannot be; use "
                "action='keep', or give the estimator without FrozenEstimator."
            )
        if self.action == "relabel" and not self._classifies():
            raise ValueError(
                "`action='relabel'` is for classifiers; on a regressor use 'drop' or 'keep'."
            )
