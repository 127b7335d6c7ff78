"""InfluenceExplainer: which training rows made the model say that?"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from ._delegation import DelegatingEstimator
from ._diagnostics_of_fit import DiagnosticsOfFit, FitDiagnostics
from ._diagnostics_of_rows import DiagnosticsOfRows
from ._fitting import check_weights, fit_clone
from ._frames import row_names
from ._influence_of_changes import InfluenceOfChanges
from ._influence_of_rows import InfluenceOfRows
from ._influence_on_tests import InfluenceOnTests
from ._parameters import check_at_least, check_choices, check_damping
from ._relative_influence import RelativeInfluence
from ._reported_influence import ReportedInfluence
from ._typing import MatrixLike
from ._verified_by_refits import VerifiedByRefits
from .operators import Hessian
from .problems import as_problem, final_is_frozen, with_parameters
from .scores import FirstOrder, Newton, Refit, check_convergence, refine
from .solvers import factored_order, invert_curved, resolve_solver, warn_if_inaccurate

#: Multiplications that method="auto" spends on Newton steps: about a minute on one core.
NEWTON_BUDGET = 2e12
#: Multiplications a row and parameter that a gradient of a curved model counts for, at least.
CURVED = 100


class InfluenceExplainer(
    InfluenceOnTests,
    RelativeInfluence,
    InfluenceOfRows,
    InfluenceOfChanges,
    DiagnosticsOfRows,
    DiagnosticsOfFit,
    VerifiedByRefits,
    ReportedInfluence,
    DelegatingEstimator,
):
    """Estimate how predictions and losses would change without each training row.

    Fit it like the estimator it wraps; then ask. Every number is *after minus before*: a positive
    ``loss_influence[i, j]`` means that the loss of test row i would rise without training row j,
    so row j helps.

    Parameters
    ----------
    estimator : estimator, default=None
        A supported estimator, a Pipeline that ends in one (its earlier steps are held fixed), or
        ``FrozenEstimator(fitted)``, with its own training data given to ``fit``. None means
        ``LogisticRegression()``.
    method : {"auto", "influence", "newton", "retrain"}, default="auto"
        "influence" is the paper's first order. "newton" takes one exact Newton step without each
        row, or without a group, and evaluates the test loss there: exact for squared error, and
        much closer on rows of high leverage and on groups. "retrain" really refits, for any
        estimator, each refit taken to its optimum where that is known. "auto" is "newton" where
        the solver is direct and the leverages of all rows take fewer than 2e12 multiplications,
        else "influence".
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
        "newton" and "retrain" tell are those of the loss with its kink. "newton" follows a row
        past kinks: the smaller the temperature the closer to the loss that was trained, and the
        slower. Unused by losses that are smooth.
    refine : bool, default=False
        Take Newton steps to the optimum first, for a fit that stopped early. ``estimator_`` then
        holds the refined parameters.
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
        The method in use.
    solver_ : solver
        The solver in use.
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

    def __init__(
        self,
        estimator: BaseEstimator | None = None,
        *,
        method: str = "auto",
        solver: Any = "auto",
        damping: float | str = 0.0,
        curvature: str = "auto",
        temperature: float = 1e-3,
        refine: bool = False,
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
        self.block_size = block_size
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def fit(
        self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None = None
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

        Returns
        -------
        self : InfluenceExplainer

        Raises
        ------
        TypeError
            If the estimator is not supported and ``method`` is not "retrain".
        """
        self._check_parameters()
        sample_weight = check_weights(sample_weight, X)
        self._check_routing("fit", sample_weight)
        estimator = fit_clone(self._base_estimator(), X, y, sample_weight)
        if self.method == "retrain":
            jobs = {"n_jobs": self.n_jobs, "verbose": self.verbose}
            refit = Refit.of(estimator, X, y, sample_weight, temperature=self.temperature, **jobs)
            fitted = dict.fromkeys(
                (
                    "inverse_",
                    "solver_",
                    "newton_decrement_",
                    "typical_decrement_",
                    "damping_",
                    "curvature_",
                    "_fit_diagnostics",
                )
            )
            fitted |= {"estimator_": estimator, "problem_": refit.problem, "scores_": refit}
            fitted["method_"] = "retrain"
        else:
            fitted = self._solve(estimator, as_problem(estimator, X, y, sample_weight))
        # Copies: `verify` fits again on what `fit` was given, whatever became of it since.
        weights = None if sample_weight is None else sample_weight.copy()
        fitted["_training"], fitted["_row_names"] = (np.array(y), weights), row_names(X)
        fitted["_shown"] = X  # as given, not a copy: only a report looks at it
        vars(self).update(fitted)  # all at once: an interrupted fit leaves the last one whole
        return self

    def _solve(self, estimator, problem):
        """Factor H, refine and check the fit, and choose the method; return fitted attributes."""
        problem = problem.at_temperature(self.temperature)
        known = 0.0 if self.damping == "auto" else self.damping
        hessian = Hessian(problem, known, self.block_size)
        solver = resolve_solver(
            self.solver, hessian, random_state=self.random_state, n_jobs=self.n_jobs
        )
        frozen = final_is_frozen(estimator)
        if problem.loss.smoothed and not self.refine:
            problem = refine(problem, solver)  # the estimator keeps the optimum of its own loss
        if self.refine:
            if frozen:
                inverse, _ = invert_curved(solver, problem, self.damping, "auto", self.block_size)
                check_convergence(problem, inverse, frozen=frozen, threshold=10)
            problem = refine(problem, solver)
            estimator = with_parameters(estimator, problem)
        inverse, curvature = invert_curved(
            solver, problem, self.damping, self.curvature, self.block_size
        )
        decrement, typical = check_convergence(problem, inverse, frozen=frozen, refined=self.refine)
        warn_if_inaccurate(inverse, stacklevel=3)
        method = self.method
        if method == "auto":
            order = factored_order(solver, inverse.hessian, inverse)
            work = np.inf if order is None else problem.y.size * order**2
            if problem.predictor.curved:  # every row is followed: a gradient of all rows each
                work += CURVED * problem.n_rows**2 * len(problem.theta)
            stepped = work <= NEWTON_BUDGET and problem.loss.predicts
            method = "newton" if stepped else "influence"
        if method == "newton" and not problem.loss.predicts:
            raise ValueError(
                'method="newton" takes the curvature of a row\'s loss in its prediction out of the '
                "Hessian, and a model that is known by its losses alone has no prediction. Use "
                'method="influence", or give the model as a prediction and a loss of it.'
            )
        working = inverse.hessian.problem  # the linearised one with Gauss-Newton
        first_order = FirstOrder(working, inverse)
        scores = Newton(working, inverse, solver) if method == "newton" else first_order
        return {
            "estimator_": estimator,
            "problem_": problem,
            "inverse_": inverse,
            "solver_": solver,
            "method_": method,
            "scores_": scores,
            "newton_decrement_": decrement,
            "typical_decrement_": typical,
            "damping_": inverse.hessian.damping,
            "curvature_": curvature,
            "_fit_diagnostics": FitDiagnostics(problem, inverse),
        }

    @property
    def _n_rows(self):
        return len(self.scores_.y) if self.problem_ is None else self.problem_.n_rows

    def _check_parameters(self):
        choices = {
            "method": ("auto", "influence", "newton", "retrain"),
            "curvature": ("auto", "hessian", "gauss_newton"),
        }
        check_choices(self, choices)
        check_damping(self)
        check_at_least(self, "temperature", 0, strict=True)
        if self.block_size is not None:
            check_at_least(self, "block_size", 1, whole=True)
