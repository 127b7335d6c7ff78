"""LabelCleaner: which labels look wrong, and the model fitted without them."""

import numbers
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.utils import column_or_1d, indexable
from sklearn.utils.validation import check_is_fitted

from ._confident import confident_errors, outlying
from ._contradicting import ContradictingRows
from ._delegation import DelegatingEstimator
from ._frames import label_frame, row_names
from ._parameters import check_choices, check_damping
from ._reported_labels import ReportedLabels
from ._score_parameter import ScoreParameter
from ._scoring import Scoring
from ._sklearn_private import _num_samples, _safe_indexing
from ._typing import MatrixLike
from .adapters import check_weights, fit_clone
from .operators import Hessian
from .problems import (
    as_problem,
    final_estimator,
    final_is_frozen,
    penalty_parameter,
    require_predictions,
    transform_features,
)
from .scores import refine
from .scores._tuning import PenaltySearch
from .solvers import resolve_solver


class LabelCleaner(ContradictingRows, ReportedLabels, DelegatingEstimator):
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
        Suspicion of every label, higher is worse, in the units of ``score``.
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

    score = ScoreParameter()

    def __init__(
        self,
        estimator: BaseEstimator | None = None,
        *,
        score: str = "loo_loss",
        contamination: float | str = "auto",
        action: str = "drop",
        penalty: str = "tune",
        solver: Any = "auto",
        damping: float | str = 0.0,
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
        self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None = None
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
        self._check_routing("fit", sample_weight)
        if _num_samples(X) < 2:
            raise ValueError(f"LabelCleaner needs two rows or more; got n_samples={len(y)}.")
        first = fit_clone(self._base_estimator(), X, y, sample_weight)
        scored, penalty = self._scoring(first, X, y, sample_weight)
        problem = scored.problem
        change = scored.newton.on_own_raw(np.arange(problem.n_rows))
        scores = _label_scores(scored, change, self.score)
        ranking = np.argsort(-scores, kind="stable")
        probabilities = _probabilities(problem, problem.raw + change)
        flagged = self._flag(problem, problem.raw + change, probabilities, ranking, y)
        suggested = _suggestions(problem, problem.raw + change, probabilities)
        kept = np.flatnonzero(~flagged) if self.action == "drop" else np.arange(len(flagged))
        labels = _relabelled(y, flagged, suggested) if self.action == "relabel" else y
        final = first
        if flagged.any() and self.action != "keep":
            weights = None if sample_weight is None else _safe_indexing(sample_weight, kept)
            rows = _safe_indexing(X, kept), _safe_indexing(labels, kept)
            final = fit_clone(self._base_estimator(), *rows, weights)
        self.label_scores_, self.ranking_, self.flagged_ = scores, ranking, flagged
        self.suggested_labels_, self.loo_probabilities_ = suggested, probabilities
        self.penalty_, self.sample_indices_, self.estimator_ = penalty, kept, final
        self._scored, self._row_names = scored, row_names(X)
        self._training = X, np.array(y), sample_weight  # X as given, no copy: a report shows it
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
        return label_frame(self, self._training[1], self._row_names)

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

    def _labels(self, y):
        """Return y; a classifier's column of labels becomes one-dimensional."""
        shape = y.shape if sparse.issparse(y) else np.asarray(y).shape
        if len(shape) < 2 or not self._classifies():
            return y
        if shape[1] > 1:
            raise ValueError(
                f"LabelCleaner judges one label a row; got y of shape {shape}. Clean the columns "
                "of y one at a time."
            )
        column = column_or_1d(y, warn=True)
        return y.iloc[:, 0] if hasattr(y, "iloc") else column

    def _classifies(self):
        return is_classifier(self._base_estimator())

    def _scoring(self, fitted, X, y, sample_weight):
        """Return the model that rows are scored with, and its penalty."""
        final, features = final_estimator(fitted), transform_features(fitted, X)
        parameter = penalty_parameter(final)
        penalty = None if parameter is None else final.get_params()[parameter]
        if self.penalty == "tune" and parameter is not None and not final_is_frozen(fitted):
            search = PenaltySearch(
                clone(final), parameter, features, y, sample_weight, self.solver, self.damping
            )
            penalty = search.best()
            final = fit_clone(
                clone(final).set_params(**{parameter: penalty}), features, y, sample_weight
            )
        problem = as_problem(final, features, y, sample_weight)
        solver = resolve_solver(
            self.solver,
            Hessian(problem, 0.0 if self.damping == "auto" else self.damping),
            random_state=self.random_state,
            n_jobs=self.n_jobs,
        )
        require_predictions(problem)
        return Scoring(final, refine(problem, solver), solver, self.damping), penalty

    def _flag(self, problem, raw, probabilities, ranking, y):
        """Return the mask of rows to flag: the most suspicious, and never a whole class."""
        codes = None if probabilities is None else problem.targets.codes(y)
        if self.contamination != "auto":
            count = round(self.contamination * len(ranking))
        elif codes is None:
            count = outlying(np.linalg.norm(problem.y - raw, axis=1))
        else:
            count = confident_errors(probabilities, codes)
        flagged = np.zeros(len(ranking), dtype=bool)
        flagged[ranking[:count]] = True
        for members in [] if codes is None else np.arange(codes.max() + 1)[:, None] == codes:
            if flagged[members].all() and self.action != "keep":
                flagged[ranking[members[ranking]][-1]] = False
        return flagged

    def _check_parameters(self):
        choices = {
            "score": ("loo_loss", "self_influence", "loss"),
            "action": ("drop", "relabel", "keep"),
            "penalty": ("tune", "keep"),
        }
        check_choices(self, choices)
        check_damping(self)
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


def _label_scores(scored, change, score):
    """Return the suspicion of every label, from the row's loss or its change without the row."""
    problem = scored.problem
    if score == "loss":
        return problem.reported(problem.raw, problem.y)
    if score == "loo_loss":
        return problem.reported(problem.raw + change, problem.y)
    own = scored.first_order.on_own_raw(np.arange(problem.n_rows))
    return np.einsum("nk,nk->n", problem.asked_gradients, own)


def _probabilities(problem, raw):
    """Return class probabilities, shape (n, n_classes); None for a regression."""
    if not hasattr(problem.targets, "classes"):
        return None
    known = hasattr(problem.asked, "probabilities")
    return problem.asked.probabilities(raw) if known else problem.targets.shares(raw)


def _suggestions(problem, raw, probabilities):
    """Return what the model without each row predicts for it, in the user's labels or units."""
    if probabilities is None:
        return problem.targets.decode(raw)
    return problem.targets.classes[np.argmax(probabilities, axis=1)]


def _relabelled(y, flagged, suggested):
    """Return a copy of y in which flagged labels are the suggested ones."""
    labels = y.copy() if hasattr(y, "copy") else np.array(y)
    labels = labels if hasattr(labels, "iloc") else np.asarray(labels)
    target = labels.iloc if hasattr(labels, "iloc") else labels
    target[np.flatnonzero(flagged)] = suggested[flagged]
    return labels
