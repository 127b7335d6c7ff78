"""InfluenceExplainer: which training rows made the model say that?"""

import html
import numbers
import os
from copy import copy, deepcopy
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import ArrayLike
from sklearn import get_config
from sklearn.base import BaseEstimator
from sklearn.utils import estimator_html_repr
from sklearn.utils.validation import check_is_fitted

from ._parameters import (
    check_at_least,
    check_choices,
    check_damping,
    check_flag,
    check_refine,
    check_running,
    check_seed,
    check_share,
)
from ._typing import MatrixLike, RowsLike
from ._wrapping import DelegatingEstimator
from .adapters import (
    Model,
    check_weights,
    counted_classes,
    fit_watched,
    fitted_model,
    model_or_black_box,
)
from .changes import (
    Change,
    EncodedRemove,
    Perturb,
    Remove,
    RemoveGroups,
    Replace,
    check_rows,
)
from .diagnostics import (
    Conditioning,
    OneStep,
    RefitComparison,
    SummarisedRepr,
    Verification,
    summary,
)
from .methods import (
    Answers,
    Fit,
    InfluentialRows,
    Method,
    Newton,
    affordable_method,
    evaluate,
    largest_effects,
    relative_influence,
    resolve_method,
    solve,
)
from .problem import Problem
from .questions import Loss, OwnLoss, Parameters, Prediction, Question
from .report import influence_frame, row_names, write_influence_report
from .solvers import Inverse, SupportsInvert

MethodName = Literal["auto", "influence", "newton", "retrain"]


class InfluenceExplainer(DelegatingEstimator):
    """Estimate how predictions and losses would change without each training row.

    Fit it like the estimator it wraps; then ask. Every number is *after minus before*: a positive
    ``loss_influence[i, j]`` means that the loss of test row i would rise without training row j,
    so row j helps.

    Parameters
    ----------
    estimator : estimator, default=None
        A supported estimator, a Pipeline that ends in one (its earlier steps are held fixed, and
        training rows are as they were handed to the last), or ``FrozenEstimator(fitted)``, with
        its own training data given to ``fit``. None means ``LogisticRegression()``.
    method : {"auto", "influence", "newton", "retrain"} or Method, default="auto"
        "influence" is the paper's first order. "newton" takes one exact Newton step without each
        row, or without a group, and evaluates the test loss there: exact for squared error, and
        much closer on rows of high leverage and on groups. "retrain" really refits, for any
        estimator, each refit taken to its optimum where that is known. "auto" is "newton" where
        the solver is direct and the leverages of all rows take fewer than 2e12 multiplications,
        else "influence". Or a value of :mod:`skinfluence.methods`, with parameters of its own.
    solver : {"auto", "direct", "cg", "lissa", "lanczos"} or solver, default="auto"
        How H⁻¹ is applied; see :mod:`skinfluence.solvers`.
    damping : float or "auto", default=0.0
        λ >= 0 added to the mean Hessian, H / n + λ I, n the sum of the weights. "auto" takes 0
        where H is safely positive definite, as it is for penalised convex models: where its
        reciprocal condition, flat directions aside, exceeds 1000 ε. Else it takes
        ``max(√ε λ_max, |λ_min|) - λ_min`` of H / n: the condition is then 1 / √ε at most.
    curvature : {"auto", "hessian", "gauss_newton"}, default="auto"
        For models that are linear in their parameters the three are the same. For others,
        "hessian" is the exact one, and an error where that is indefinite with the damping given;
        "gauss_newton" is that of the model linearised at the fit, on which every method then
        works; "auto" takes the exact one where a direct solver finds it safely positive definite,
        else Gauss-Newton.
    temperature : float, default=1e-3
        Width of the smooth loss that stands for one with a kink: of the hinge, in units of the
        margin; of the pinball and the epsilon-insensitive loss, in units of the standard deviation
        of y. Derivatives are those of the smooth loss at its optimum; the changes of a loss that
        "newton" and "retrain" tell are those of the loss with its kink, at the optimum of the
        model as it was trained, which the temperature does not change. Unused by losses that are
        smooth.
    refine : bool or "auto", default="auto"
        Whether to take Newton steps to the optimum first, for a fit that stopped early:
        ``estimator_`` then holds the refined parameters, and ``refined_`` is True. "auto" does
        where the objective is convex and the fit a little short: where no prediction of a training
        row moves by more than ten times what the removal of a median row moves one. A fit that is
        further off keeps its parameters, and is warned of; a FrozenEstimator always keeps its own.
    tolerance : float or None, default=0.05
        Relative error of what a change of the training rows does to the parameters, in the norm of
        the Hessian, that "newton" lets be: rows are followed until theirs is below. What could not
        be brought below it is counted in a ``ConvergenceWarning``, and ``certificates`` tells it
        for each row. None takes one step for every row.
    block_size : int, default=None
        Training rows scored at once; None fits scikit-learn's ``working_memory``.
    n_jobs : int, default=None
        Blocks (threads) or refits (processes) run at the same time.
    random_state : int, RandomState instance or None, default=None
        Seeds ``solver="lissa"``; a solver instance has its own.
    verbose : int, default=0
        Progress of refits, as in joblib.

    Attributes
    ----------
    estimator_ : estimator
        The fitted estimator.
    problem_ : Problem or None
        What it minimised; None if only ``method="retrain"`` can explain it.
    inverse_ : Inverse or None
        H⁻¹ at the fit.
    method_ : str
        The name of the method in use.
    answers_ : Answers
        What the method says of the fit: any question about any change. See
        :mod:`skinfluence.methods`.
    conditioning_ : Conditioning or None
        What the diagnostics below are read from.
    solver_ : solver
        The solver in use.
    refined_ : bool
        Whether Newton steps took the fit to its optimum.
    newton_decrement_, typical_decrement_ : float
        How far the fit is from its optimum, and how far the median row would move it, both in
        the norm of H. A ``ConvergenceWarning`` is given where the ratio exceeds 0.1.
    curvature_ : {"hessian", "gauss_newton"} or None
        The curvature in use.
    damping_ : float
        λ in use.
    smallest_eigenvalue_, largest_eigenvalue_, condition_ : float
        The ends of the spectrum of H / n, penalty and damping included, and their ratio. Flat
        directions, parameters that a norm holds at zero, and those of columns of zeros do not
        count; other directions in which H is singular make the smallest 0, and the condition
        infinite. A ``LinAlgWarning`` is given at ``fit`` where what was factored keeps fewer than
        three digits.
    effective_dimension_ : float
        Sum of the leverages.
    solve_residual_ : float
        Largest ``‖b - H x‖ / ‖b‖`` of solves for a few rows, and of any by ``CG`` so far.
    lissa_spread_ : float or None
        Relative standard error of the last solve by ``LiSSA``, its worst right-hand side.

    Notes
    -----
    Eigenvalues, effective dimension and residual are found when they are first asked for, and
    kept. They, and ``damping_``, are None with ``method="retrain"``.

    References
    ----------
    Koh, P. W. and Liang, P. (2017). Understanding Black-box Predictions via Influence Functions.
    ICML.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skinfluence import InfluenceExplainer
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = make_pipeline(StandardScaler(), LogisticRegression(tol=1e-8))
    >>> explainer = InfluenceExplainer(model).fit(X[50:], y[50:])
    >>> explainer.loss_influence(X[:50], y[:50]).shape
    (50, 519)
    """

    # As they are with a method that has derivatives; refits leave all but the first two None, and
    # of an estimator without an adapter the problem too.
    estimator_: BaseEstimator
    answers_: Answers
    method_: str
    problem_: Problem
    inverse_: Inverse
    solver_: SupportsInvert
    damping_: float
    curvature_: str
    refined_: bool
    newton_decrement_: float
    typical_decrement_: float
    conditioning_: Conditioning

    __repr__ = SummarisedRepr()

    def __init__(
        self,
        estimator: BaseEstimator | None = None,
        *,
        method: MethodName | Method = "auto",
        solver: Any = "auto",
        damping: float | Literal["auto"] = 0.0,
        curvature: Literal["auto", "hessian", "gauss_newton"] = "auto",
        temperature: float = 1e-3,
        refine: bool | Literal["auto"] = "auto",
        tolerance: float | None = 0.05,
        block_size: int | None = None,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.method = method
        self.solver = solver
        self.damping = damping
        self.curvature = curvature
        self.temperature = temperature
        self.refine = refine
        self.tolerance = tolerance
        self.block_size = block_size
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def fit(
        self,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        **params: Any,
    ) -> "InfluenceExplainer":
        """Fit the estimator and factor its Hessian.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_train, n_features)
            Training rows. A Pipeline takes whatever its first step takes.
        y : array-like of shape (n_train,) or (n_train, n_outputs)
            Their targets.
        sample_weight : array-like of shape (n_train,), default=None
            Weights >= 0, handed to the final estimator.
        **params : dict
            What else the estimator's ``fit`` takes, such as ``groups`` of a search; with metadata
            routing, what an estimator inside has asked for.

        Returns
        -------
        self : InfluenceExplainer

        Raises
        ------
        TypeError
            If the estimator is not supported and ``method`` is not "retrain".
        """
        method = self._checked_method()
        sample_weight = check_weights(sample_weight, X)
        params = self._routed("fit", sample_weight, params)
        y, _ = counted_classes(self._base_estimator(), y, sample_weight)
        estimator, X_last = fit_watched(self._base_estimator(), X, y, sample_weight, **params)
        derived = method is None or method.needs_hessian
        data, known = (X, y, sample_weight), {"X_last": X_last, "temperature": self.temperature}
        if derived:
            fit = self._solved(fitted_model(estimator, *data, **known))
        else:
            model = model_or_black_box(estimator, *data, **known)
            fit = Fit(model, n_jobs=self.n_jobs, verbose=self.verbose)
        method = affordable_method(fit, self.tolerance) if method is None else method
        method.check(fit)
        # All at once: an interrupted fit leaves the last one whole.
        self.__dict__.update(self._fitted(fit, method, row_names(X)))
        return self

    def _solved(self, model):
        names = ("solver", "damping", "curvature", "refine", "block_size", "random_state")
        asked = {name: getattr(self, name) for name in (*names, "n_jobs", "verbose")}
        return solve(model, **asked)

    def _fitted(self, fit, method, names):
        """Return the fitted attributes."""
        answers = method.bind(fit)
        inverse = fit.inverse
        return {
            "estimator_": answers.fit.model.estimator,
            "problem_": answers.fit.model.problem,
            "answers_": answers,
            "method_": method.name,
            "inverse_": inverse,
            "solver_": fit.solver,
            "damping_": None if inverse is None else inverse.hessian.damping,
            "curvature_": fit.curvature,
            "refined_": fit.refined,
            "newton_decrement_": fit.newton_decrement,
            "typical_decrement_": fit.typical_decrement,
            "conditioning_": None if inverse is None else Conditioning(fit.model.problem, inverse),
            "_method": method,
            "_row_names": names,
        }

    def _checked_method(self):
        check_choices(self, {"curvature": ("auto", "hessian", "gauss_newton")})
        check_damping(self)
        check_refine(self)
        check_running(self)
        check_at_least(self, "temperature", 0, strict=True)
        if self.tolerance is not None:
            check_at_least(self, "tolerance", 0, strict=True)
        if self.block_size is not None:
            check_at_least(self, "block_size", 1, whole=True)
        return resolve_method(self.method, self.tolerance)

    @property
    def _model(self) -> Model:
        check_is_fitted(self)
        return self.answers_.fit.model

    @property
    def _n_rows(self) -> int:
        return self._model.n_rows

    @overload
    def effect(
        self, question: Question, change: Change, *, return_error: Literal[False] = False
    ) -> np.ndarray: ...

    @overload
    def effect(
        self, question: Question, change: Change, *, return_error: Literal[True]
    ) -> tuple[np.ndarray, np.ndarray]: ...

    def effect(self, question: Question, change: Change, *, return_error: bool = False) -> Any:
        """Return the effect of every change on what is asked, ``J · H⁻¹ · Rᵀ`` or more exactly.

        The methods below are short calls of it, but for those that say otherwise.

        Parameters
        ----------
        question : Question
            One of :mod:`skinfluence.questions`: ``Loss(X, y)``, ``Prediction(X)``,
            ``Parameters()``, ``OwnLoss()``, ``Scalar(function, X, y)``.
        change : Change
            One of :mod:`skinfluence.changes`: ``Remove(rows)``, ``RemoveGroups(groups)``,
            ``Replace(rows, X_new, y_new)``, ``Reweight(rows, weights)``, ``Perturb(rows)``.
        return_error : bool, default=False
            Whether to return how far each entry may be off too; for ``Loss`` and ``Prediction``.

        Returns
        -------
        effect : ndarray
            After minus before. Of shape (m, n_changes) for losses, and for predictions, with a
            last axis for several outputs; (n_changes, n_params) for parameters; (n_changes,) for
            one number. ``Perturb`` has an axis of features after that of the changes.
        error : ndarray of the same shape
            Only with ``return_error``. A bound where the ``certificates`` of the changes are
            proved, in the units of the effect; nan where nothing is known.

        Raises
        ------
        TypeError
            If the two are not a question and a change.
        ValueError
            For the few pairs that have no meaning, and where refits are asked for a derivative.

        Examples
        --------
        Which training rows does the area under the ROC curve hang on?

        >>> from sklearn.datasets import load_breast_cancer
        >>> from sklearn.linear_model import LogisticRegression
        >>> from sklearn.pipeline import make_pipeline
        >>> from sklearn.preprocessing import StandardScaler
        >>> from skinfluence import InfluenceExplainer
        >>> from skinfluence.changes import Remove
        >>> from skinfluence.questions import ROCAUC
        >>> X, y = load_breast_cancer(return_X_y=True)
        >>> model = make_pipeline(StandardScaler(), LogisticRegression(tol=1e-8))
        >>> explainer = InfluenceExplainer(model).fit(X[100:], y[100:])
        >>> explainer.effect(ROCAUC(X[:100], y[:100]), Remove()).shape
        (469,)
        """
        _check_kinds(question, change)
        return self._effect(question, change, return_error=return_error)

    def _effect(self, question, change, out=None, return_error=False):
        check_is_fitted(self)
        answers = self._answers_for(change)
        encoded, encoded_change = question.encode(answers.fit), change.encode(answers.fit)
        answer = evaluate(answers, encoded, encoded_change, out, self.n_jobs)
        if not return_error:
            return encoded.to_user(answer)
        return encoded.to_user(answer), encoded.to_user(answers.errors(encoded, encoded_change))

    def _answers_for(self, change):
        """Return what the method says of the fit, in features that hold the rows of the change."""
        fit = change.spanning(self.answers_.fit)
        return self.answers_ if fit is self.answers_.fit else self._method.bind(fit)

    @overload
    def loss_influence(
        self,
        X_test: MatrixLike,
        y_test: ArrayLike,
        *,
        rows: RowsLike | None = None,
        scale: str = "removal",
        out: ArrayLike | None = None,
        return_error: Literal[False] = False,
    ) -> np.ndarray: ...

    @overload
    def loss_influence(
        self,
        X_test: MatrixLike,
        y_test: ArrayLike,
        *,
        rows: RowsLike | None = None,
        scale: str = "removal",
        out: ArrayLike | None = None,
        return_error: Literal[True],
    ) -> tuple[np.ndarray, np.ndarray]: ...

    def loss_influence(
        self,
        X_test: MatrixLike,
        y_test: ArrayLike,
        *,
        rows: RowsLike | None = None,
        scale: str = "removal",
        out: ArrayLike | None = None,
        return_error: bool = False,
    ) -> Any:
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
        return_error : bool, default=False
            Whether to return how far each entry may be off too.

        Returns
        -------
        influence : ndarray of shape (n_test, n_rows)
            In units of the loss; positive where the row helps.
        error : ndarray of shape (n_test, n_rows)
            Only with ``return_error``: a bound on ``|influence - truth|`` where the
            ``certificates`` of the rows are proved; nan where nothing is known.
        """
        question = Loss(X_test, y_test)
        if scale not in ("removal", "upweight"):
            raise ValueError(f"`scale` must be 'removal' or 'upweight'; got {scale!r}.")
        upweight = -self._model.total_weight() if scale == "upweight" else None
        found = self._effect(question, Remove(rows), out, return_error)
        influence, *error = found if return_error else (found,)
        if upweight is not None:
            influence = np.multiply(influence, upweight, out=influence)
            error = [np.abs(upweight) * each for each in error]
        return (influence, *error) if return_error else influence

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
        return self._effect(Prediction(X_test), Remove(rows))

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
        return self._effect(Parameters(), Remove(rows))

    def self_influence(self) -> np.ndarray:
        """Return the change of every training row's own unweighted loss when it is removed.

        Returns
        -------
        influence : ndarray of shape (n_train,)
            To first order ``s_j ∇loss_jᵀ H⁻¹ ∇loss_j``; with "newton" and "retrain" the loss
            after the removal minus before. Large for rows that nothing else supports.
        """
        return self._effect(OwnLoss(), Remove())

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
        return self._effect(Loss(X_test, y_test), RemoveGroups(groups))

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
        return self._effect(Loss(X_test, y_test), Replace(rows, X_new, y_new))

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
        return self._effect(Loss(X_test, y_test), Perturb(rows))

    def relative_influence(
        self,
        X_test: MatrixLike,
        y_test: ArrayLike,
        *,
        rows: RowsLike | None = None,
        constraint: str = "loss",
    ) -> np.ndarray:
        """Return the influence on every test loss for a unit of each row's whole effect.

        It explains and does not predict: of two rows with the same influence, the one that
        changes less elsewhere scores higher, so what stands out are rows specific to this
        prediction instead of outliers that move everything. What a refit without the row would
        do is ``loss_influence``.

        Parameters
        ----------
        X_test, y_test : array-like of n_test rows
            Rows asked about, y in the user's labels.
        rows : None, int indices, bool mask or slice, default=None
            Training rows; the columns of the result follow it. None means all.
        constraint : {"loss", "theta"}, default="loss"
            What a row's whole effect is measured by: "loss" (ℓ-RelatIF) by the change of all
            training losses, ``√(∇loss_jᵀ H⁻¹ ∇loss_j)``; "theta" (θ-RelatIF) by the change of
            the parameters, ``‖H⁻¹ ∇loss_j‖``, which depends on the units of X.

        Returns
        -------
        influence : ndarray of shape (n_test, n_rows)
            First order, whatever ``method`` is; positive where the row helps; 0 for rows that
            have no effect. The weight of a row cancels, but for its part in H.

        Raises
        ------
        ValueError
            With ``method="retrain"``.

        References
        ----------
        Barshan, E., Brunet, M.-E. and Dziugaite, G. K. (2020). RelatIF: Identifying Explanatory
        Training Examples via Relative Influence. AISTATS.

        Examples
        --------
        >>> from sklearn.datasets import load_breast_cancer
        >>> from sklearn.linear_model import LogisticRegression
        >>> from sklearn.pipeline import make_pipeline
        >>> from sklearn.preprocessing import StandardScaler
        >>> from skinfluence import InfluenceExplainer
        >>> X, y = load_breast_cancer(return_X_y=True)
        >>> model = make_pipeline(StandardScaler(), LogisticRegression(tol=1e-8))
        >>> explainer = InfluenceExplainer(model).fit(X[50:], y[50:])
        >>> explainer.relative_influence(X[:5], y[:5]).shape
        (5, 519)
        """
        if constraint not in ("loss", "theta"):
            raise ValueError(f"`constraint` must be 'loss' or 'theta'; got {constraint!r}.")
        fit = self._differentiated("relative_influence")
        asked, changed = Loss(X_test, y_test).encode(fit), Remove(rows).encode(fit)
        return relative_influence(fit, asked, changed, constraint, self.n_jobs)

    @overload
    def most_influential(
        self,
        X_test: MatrixLike,
        y_test: ArrayLike,
        *,
        k: int = 10,
        as_frame: Literal[False] = False,
    ) -> InfluentialRows: ...

    @overload
    def most_influential(
        self, X_test: MatrixLike, y_test: ArrayLike, *, k: int = 10, as_frame: Literal[True]
    ) -> Any: ...

    def most_influential(
        self, X_test: MatrixLike, y_test: ArrayLike, *, k: int = 10, as_frame: bool = False
    ) -> Any:
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
        n = self._n_rows
        if not isinstance(k, numbers.Integral) or isinstance(k, bool) or not 1 <= k <= n:
            raise ValueError(f"`k` must be an integer between 1 and n_train={n}; got {k}.")
        fit = self.answers_.fit
        found = largest_effects(
            self.answers_, Loss(X_test, y_test).encode(fit), Remove().encode(fit), k
        )
        if not as_frame:
            return found
        return influence_frame(found, self._model.y, self._row_names, row_names(X_test))

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
        self._model.require_predictions()
        method = _prediction_method(self.estimator_, method)
        if method == "decision_function":
            self._model.require_decision_function()
        answers = self._evaluating
        raw = answers.fit.model.own_raw() + answers.own_raw(EncodedRemove(np.arange(self._n_rows)))
        return _respond(self._model, raw, method)

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
        members = np.zeros(self._n_rows, dtype=bool)
        members[check_rows(rows, self._n_rows)] = True
        if members.all():
            raise ValueError("`rows` must leave some training rows; got all of them.")
        estimator, certificate = self._evaluating.estimator_without(members)
        estimator.certificate_ = float(certificate)
        return estimator

    @property
    def _evaluating(self) -> Answers:
        """Answers that evaluate models without a row: Newton steps beside the first order."""
        return self.answers_ if self._method.evaluates else Newton().bind(self.answers_.fit)

    def _differentiated(self, name) -> Fit:
        """Return the fit; ValueError, for what is called ``name``, if it has no H⁻¹."""
        check_is_fitted(self)
        self.answers_.fit.require_inverse(name)
        return self.answers_.fit.differentiated

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
        select : {"mix", "influential", "uncertain", "random"}, default="mix"
            "influential" takes the rows of the largest absolute loss influence, summed over the
            test rows, as this explainer estimates it; a row that it understates may be missed.
            "uncertain" takes those of the largest ``certificates``, "random" draws rows; "mix" is
            a third of each, or half where there are no certificates. A row that is alone in its
            class is never taken, because nothing can be fitted without it.
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
          spearman         1.000  [1.000, 1.000]
          slope            1.000  [1.000, 1.000]
          sign_agreement   1.000  [1.000, 1.000]
          relative_error   0.000
          worst row 407: estimated -0.009915, refitted -0.009882 (test row 40)
        The estimates agree with the refits. Of 100% of these rows the change is proved as well.
        """
        check_is_fitted(self)
        check_share("confidence", confidence)
        check_flag("refine", refine)
        random = check_seed(deepcopy(self.random_state) if random_state is None else random_state)
        if not self._method.estimates:
            raise ValueError(
                f'`verify` compares an estimate with refits, and method="{self.method_}" refits '
                'already; fit with method="newton" or "influence".'
            )
        asked = Loss(X_test, y_test).encode(self.answers_.fit)
        comparison = RefitComparison(self.answers_, self._method, asked)
        if rows is None:
            chosen = comparison.select(n_rows, select, random)
        else:
            given = check_rows(rows, self._n_rows)
            chosen = given, np.full(len(given), "given")
        return comparison.verify(*chosen, refine=refine, confidence=confidence, random=random)

    def certificates(
        self, rows: RowsLike | Change | None = None, *, return_proved: bool = False
    ) -> Any:
        """Return how certain the change is that each removal, or any other change, causes.

        It is the relative error of the change of the parameters, in the norm of the Hessian of the
        objective as it is changed: a bound by theorem where the loss is self-concordant (log loss,
        Poisson, Gamma, Tweedie and smoothed hinges; Sun and Tran-Dinh 2019), else the residual
        that was measured where the steps ended. Rows are followed for it as for an answer.

        Parameters
        ----------
        rows : None, int indices, bool mask, slice or Change, default=None
            Training rows that are removed one at a time, None meaning all; or one of
            :mod:`skinfluence.changes`.
        return_proved : bool, default=False
            Whether to return which of them are bounds by theorem too.

        Returns
        -------
        certificates : ndarray of shape (n_rows,)
            0 where the answer is exact, as with squared error. nan where nothing is known, as with
            other methods than "newton", with damping, with stochastic solvers, and where a curved
            model is linearised (curvature="gauss_newton").
        proved : ndarray of bool of shape (n_rows,)
            Only with ``return_proved``.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.linear_model import LogisticRegression
        >>> from skinfluence import InfluenceExplainer
        >>> X, y = load_iris(return_X_y=True)
        >>> model = LogisticRegression(tol=1e-8, max_iter=1000)
        >>> explainer = InfluenceExplainer(model, method="newton").fit(X, y)
        >>> bool(explainer.certificates().max() <= explainer.tolerance)
        True
        """
        check_is_fitted(self)
        change: Any = rows if hasattr(rows, "spanning") else Remove(rows)
        answers = self._answers_for(change)
        errors, proved = answers.certificates(change.encode(answers.fit))
        return (errors, proved) if return_proved else errors

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
            leverage 1, and for one without which a fit to squared error meets every target. 0 where
            the fit meets every target itself.

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
        fit = self._differentiated(name)
        return OneStep(fit.model.known_problem, fit.known_inverse)

    @property
    def smallest_eigenvalue_(self) -> float | None:
        """Smallest eigenvalue of H / n, 0 if H is singular."""
        return self._of_fit(lambda fit: fit.eigenvalues[0])

    @property
    def largest_eigenvalue_(self) -> float | None:
        """Largest eigenvalue of H / n."""
        return self._of_fit(lambda fit: fit.eigenvalues[1])

    @property
    def condition_(self) -> float | None:
        """Largest eigenvalue over smallest; infinite where the smallest is not positive."""
        return self._of_fit(lambda fit: fit.condition)

    @property
    def effective_dimension_(self) -> float | None:
        """Sum of the leverages: the effective number of parameters."""
        return self._of_fit(lambda fit: fit.effective_dimension)

    @property
    def solve_residual_(self) -> float | None:
        """Largest relative residual of a solve with H: typical ones, and any of ``CG`` so far."""
        return self._of_fit(lambda fit: fit.largest_residual)

    @property
    def lissa_spread_(self) -> float | None:
        """Relative standard error of the last solve by ``LiSSA``, its worst right-hand side."""
        return self._of_fit(lambda fit: fit.spread)

    def _of_fit(self, figure):
        check_is_fitted(self)
        return None if self.conditioning_ is None else figure(self.conditioning_)

    def to_html(
        self,
        path: str | os.PathLike,
        X_test: MatrixLike,
        y_test: ArrayLike,
        *,
        title: str | None = None,
        k: int = 5,
        table: Any = None,
        image_shape: tuple | None = None,
    ) -> None:
        """Write a report: test rows, what is predicted, and the training rows behind it.

        One HTML file that stands alone: it asks for nothing from elsewhere, and can be read with
        scripting off, on a phone and in print. Unless ``method="retrain"``, ten training rows are
        really left out for it, and the losses of the first twenty test rows compared.

        Parameters
        ----------
        path : str or Path
            The file. It is written whole or not at all.
        X_test, y_test : array-like of n_test rows
            Rows asked about, y in the user's labels. Each has its place in the report.
        title : str, default=None
            Heading of the report.
        k : int, default=5
            Helpful and harmful rows to show, of each at most k.
        table : DataFrame of n_train rows, default=None
            Columns to show for the training rows. None means the X that ``fit`` was given, as it
            is now: texts, columns, or pictures.
        image_shape : tuple (height, width) or (height, width, 3), default=None
            The images that rows are, as in ``LabelCleaner.to_html``.

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
        shown = {"title": title, "k": k, "table": table, "image_shape": image_shape}
        write_influence_report(self, path, X_test, y_test, **shown)

    def _repr_html_inner(self):
        diagram, text = estimator_html_repr(self), summary(self)
        if not text:
            return diagram
        inside = diagram.removesuffix("</body>")  # newer versions of scikit-learn end so
        return f"{inside}<pre>{html.escape(text)}</pre>{diagram[len(inside) :]}"

    def _get_fitted_attr_html(self, doc_link=""):
        """List the fitted attributes that are known; scikit-learn (>= 1.9) would find them all."""
        known = copy(self)
        known.__dict__.update(conditioning_=None)
        attributes = super(InfluenceExplainer, known)._get_fitted_attr_html(doc_link)
        for name, shown in list(attributes.items()):
            if shown["value"] is None or isinstance(shown["value"], property):
                del attributes[name]
        return attributes

    def _repr_mimebundle_(self, **kwargs):
        bundle = {"text/plain": repr(self)}
        if get_config()["display"] == "diagram":
            bundle["text/html"] = self._repr_html_inner()
        return bundle


def _check_kinds(question, change):
    """Raise TypeError unless these are a question and a change."""
    for name, given, example, kind in (
        ("question", question, "questions, such as `Loss(X, y)`", "encode"),
        ("change", change, "changes, such as `Remove()`", "spanning"),
    ):
        other = isinstance(given, (type, str)) or not hasattr(given, kind)
        if other or (name == "question" and hasattr(given, "spanning")):
            got = f"the class {given.__name__}" if isinstance(given, type) else type(given).__name__
            raise TypeError(f"`{name}` must be one of skinfluence.{example}; got {got}.")


def _prediction_method(estimator, method):
    """Return the name of what an estimator is asked to predict."""
    names = ("predict_proba", "decision_function", "predict")
    if method == "auto":
        return next(name for name in names if hasattr(estimator, name))
    if method not in names or not hasattr(estimator, method):
        raise ValueError(
            f"`method` must be one of {('auto', *names)} that "
            f"{type(estimator).__name__} has; got {method!r}."
        )
    return method


def _respond(model, raw, method):
    """Return what an estimator would predict for raw predictions."""
    if method == "decision_function":
        return model.targets.decision_function(raw)
    return model.loss.probabilities(raw) if method == "predict_proba" else model.decode(raw)
