"""InfluenceExplainer: which training rows made the model say that?"""

import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.utils import Bunch
from sklearn.utils.validation import check_is_fitted

from ._blocks import row_blocks
from ._delegation import DelegatingEstimator
from ._fitting import fit_clone
from ._parameters import check_at_least, check_choices
from ._parallel import evaluate_blocks, strongest_by_block
from ._rows import check_groups, check_rows
from .operators import Hessian
from .problems import as_problem, encode_features, with_parameters
from .scores import FirstOrder, Newton, Refit, check_convergence, refine
from .solvers import Direct, resolve_solver

#: Multiplications that method="auto" spends on Newton steps: about a minute on one core.
NEWTON_BUDGET = 2e12


class InfluenceExplainer(DelegatingEstimator):
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
        row and evaluates the test loss there: exact for squared error, and much closer on rows of
        high leverage. "retrain" really refits, for any estimator. "auto" is "newton" where the
        leverages of all rows take fewer than 2e12 multiplications, else "influence".
    solver : {"auto", "direct", "cg", "lissa"} or solver, default="auto"
        How H⁻¹ is applied; see :mod:`skinfluence.solvers`.
    damping : float, default=0.0
        λ >= 0 added to the mean Hessian, H / n + λ I, n the sum of the weights.
    curvature : {"auto", "hessian", "gauss_newton"}, default="auto"
        For linear predictors the three are the same.
    temperature : float, default=1e-3
        Width of the smooth hinge that stands for a hinge, in units of the margin. Unused by
        smooth losses.
    refine : bool, default=False
        Take Newton steps to the optimum first, for a fit that stopped early. ``estimator_`` then
        holds the refined parameters.
    block_size : int, default=None
        Training rows scored at once; None fits scikit-learn's ``working_memory``.
    n_jobs : int, default=None
        Blocks (threads) or refits (processes) run at the same time.
    random_state : int, RandomState instance or None, default=None
        Seeds stochastic solvers.
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
        estimator=None,
        *,
        method="auto",
        solver="auto",
        damping=0.0,
        curvature="auto",
        temperature=1e-3,
        refine=False,
        block_size=None,
        n_jobs=None,
        random_state=None,
        verbose=0,
    ):
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

    def fit(self, X, y, sample_weight=None):
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
        estimator = fit_clone(self._base_estimator(), X, y, sample_weight)
        fitted = {"estimator_": estimator, "problem_": None, "inverse_": None, "solver_": None}
        if self.method == "retrain":
            refit = Refit.of(
                estimator,
                X,
                y,
                sample_weight,
                n_jobs=self.n_jobs,
                verbose=self.verbose,
            )
            fitted.update(scores_=refit, problem_=refit.problem, method_="retrain")
        else:
            fitted.update(self._solve(estimator, as_problem(estimator, X, y, sample_weight)))
        vars(self).update(fitted)
        return self

    def _solve(self, estimator, problem):
        """Factor H, refine and check the fit, and choose the method; return fitted attributes."""
        hessian = Hessian(problem, self.damping, self.block_size)
        solver = resolve_solver(
            self.solver, hessian, random_state=self.random_state, n_jobs=self.n_jobs
        )
        frozen = isinstance(estimator, FrozenEstimator)
        if self.refine:
            if frozen:
                check_convergence(problem, solver.invert(hessian), frozen=frozen, threshold=10)
            problem = refine(problem, solver)
            estimator = with_parameters(estimator, problem)
            hessian = Hessian(problem, self.damping, self.block_size)
        inverse = solver.invert(hessian)
        decrement, typical = check_convergence(problem, inverse, frozen=frozen)
        method = self.method
        if method == "auto":
            order = Direct().size(hessian) if isinstance(solver, Direct) else np.inf
            work = problem.y.size * order**2
            method = "newton" if work <= NEWTON_BUDGET else "influence"
        first_order = FirstOrder(problem, inverse)
        scores = Newton(problem, inverse, solver) if method == "newton" else first_order
        return {
            "estimator_": estimator,
            "problem_": problem,
            "inverse_": inverse,
            "solver_": solver,
            "method_": method,
            "scores_": scores,
            "newton_decrement_": decrement,
            "typical_decrement_": typical,
        }

    def loss_influence(self, X_test, y_test, *, rows=None, scale="removal", out=None):
        """Return the change of every test loss when each training row is removed (equation 2).

        Parameters
        ----------
        X_test, y_test : array-like of n_test rows
            Rows asked about, y in the user's labels.
        rows : None, int indices, boolean mask or slice, default=None
            Training rows; the columns of the result follow it. None means all.
        scale : {"removal", "upweight"}, default="removal"
            "upweight" gives the paper's I_up,loss, -n times the removal estimate.
        out : ndarray of shape (n_test, n_rows), default=None
            Array to fill, such as a memmap.

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

    def prediction_influence(self, X_test, *, rows=None):
        """Return the change of every test prediction when each training row is removed.

        Parameters
        ----------
        X_test : array-like of n_test rows
            Rows asked about.
        rows : None, int indices, boolean mask or slice, default=None
            Training rows; None means all.

        Returns
        -------
        influence : ndarray of shape (n_test, n_rows) or (n_test, n_rows, K)
            In units of ``decision_function`` where there is one, else of ``predict_proba``, else
            of ``predict``; with an axis for K > 1 outputs or more than two classes.
        """
        check_is_fitted(self)
        rows = check_rows(rows, self._n_rows)
        X, _ = self._encode(X_test)
        parts = [self._predictions(X[block], rows) for block in self._test_blocks(X)]
        influence = np.concatenate(parts)
        return influence[:, :, 0] if influence.shape[2] == 1 else influence

    def _predictions(self, X, rows):
        effect = self.scores_.on_predictions(X)
        if self.method_ == "retrain":
            return effect(rows)
        n_outputs = self.problem_.y.shape[1]
        out = np.empty((X.shape[0], len(rows), n_outputs), dtype=self.problem_.theta.dtype)
        return self._fill(effect, rows, out)

    def parameter_influence(self, rows=None):
        """Return the change of the parameters when each training row is removed (equation 1).

        Parameters
        ----------
        rows : None, int indices, boolean mask or slice, default=None
            Training rows; None means all.

        Returns
        -------
        influence : ndarray of shape (n_rows, n_params)
            In the layout of ``coef_``, row by row, then ``intercept_``.
        """
        check_is_fitted(self)
        rows = check_rows(rows, self._n_rows)
        return self.scores_.on_parameters()(rows)

    def self_influence(self):
        """Return the change of every training row's own unweighted loss when it is removed.

        Returns
        -------
        influence : ndarray of shape (n_train,)
            To first order ``s_j ∇loss_jᵀ H⁻¹ ∇loss_j``; with "newton" and "retrain" the loss
            after the removal minus before. Large for rows that nothing else supports.
        """
        check_is_fitted(self)
        scores, problem = self.scores_, self.problem_
        change = scores.on_own_raw(np.arange(self._n_rows))
        if self.method_ == "influence":
            return np.einsum("nk,nk->n", problem.gradients, change)
        raw, loss, y = self._own_rows()
        return loss(raw + change, y) - loss(raw, y)

    def group_influence(self, X_test, y_test, groups):
        """Return the change of every test loss when each group of rows is removed at once.

        Parameters
        ----------
        X_test, y_test : array-like of n_test rows
            Rows asked about.
        groups : array-like of shape (n_train,), or boolean of shape (n_train, n_groups)
            A label for every row, columns in ``np.unique`` order; or a mask a column, which may
            overlap or leave rows out.

        Returns
        -------
        influence : ndarray of shape (n_test, n_groups)
            To first order with "influence" and "newton"; really refitted with "retrain".
        """
        check_is_fitted(self)
        groups = check_groups(groups, self._n_rows)
        X, y = self._encode(X_test, y_test)
        scores = self.scores_
        if self.method_ == "newton":
            scores = FirstOrder(self.problem_, self.inverse_)
        return scores.on_groups(X, y, groups)

    def most_influential(self, X_test, y_test, *, k=10):
        """Return the rows that help and harm each test row most, and by how much.

        Parameters
        ----------
        X_test, y_test : array-like of n_test rows
            Rows asked about.
        k : int, default=10
            Rows to return on either side, between 1 and n_train.

        Returns
        -------
        rows : Bunch
            ``helpful``, ``harmful`` (n_test, k): indices of training rows, strongest first;
            ``helpful_influence``, ``harmful_influence`` (n_test, k): their loss influence. The
            whole matrix is never held.
        """
        check_is_fitted(self)
        n = self._n_rows
        if not 1 <= k <= n:
            raise ValueError(f"`k` must be between 1 and n_train={n}; got {k}.")
        X, y = self._encode(X_test, y_test)
        parts = [self._strongest(X[block], y[block], k) for block in self._test_blocks(X)]
        return Bunch(**{name: np.concatenate([part[name] for part in parts]) for name in parts[0]})

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

    def loo_predict(self, method="auto"):
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
        check_is_fitted(self)
        names = ("predict_proba", "decision_function", "predict")
        if method == "auto":
            method = next(name for name in names if hasattr(self.estimator_, name))
        if method not in names or not hasattr(self.estimator_, method):
            raise ValueError(
                f"`method` must be one of {('auto', *names)} that "
                f"{type(self.estimator_).__name__} has; got {method!r}."
            )
        raw, loss, _ = self._own_rows()
        raw = raw + self._loo_scores().on_own_raw(np.arange(self._n_rows))
        return self._respond(raw, loss, method)

    def _loo_scores(self):
        if self.method_ == "influence":
            return Newton(self.problem_, self.inverse_, self.solver_)
        return self.scores_

    def _respond(self, raw, loss, method):
        targets = self.scores_.targets if self.problem_ is None else self.problem_.targets
        if method == "decision_function":
            return raw[:, 0] if raw.shape[1] == 1 else raw
        if hasattr(loss, "probabilities"):
            probabilities = loss.probabilities(raw)
            if method == "predict_proba":
                return probabilities
            return targets.classes[np.argmax(probabilities, axis=1)]
        return targets.decode(raw)

    def leverage(self):
        """Return the leverage of every training row: the effective parameters it uses up.

        ``trace(s_j A_j J_j H⁻¹ J_jᵀ)``, the hat value of generalised linear models, summed over
        outputs; all rows together give the effective dimension of the fit.

        Returns
        -------
        leverage : ndarray of shape (n_train,)
            Between 0 and K, the number of outputs (0 and 1 for one output).
        """
        check_is_fitted(self)
        if self.inverse_ is None:
            raise ValueError('`leverage` needs the Hessian; use method="newton" or "influence".')
        curvatures = self.inverse_.hessian.curvatures
        leverages = self.inverse_.leverages(np.arange(self._n_rows))
        return np.einsum("nkl,nlk->n", curvatures, leverages)

    @property
    def _n_rows(self):
        return len(self.scores_.y) if self.problem_ is None else self.problem_.n_rows

    def _own_rows(self):
        """Return the training rows' raw predictions, the loss, and the encoded targets."""
        if self.problem_ is not None:
            return self.problem_.raw, self.problem_.loss, self.problem_.y
        return self.scores_.own_rows()

    def _encode(self, X_test, y_test=None):
        """Return test rows as the final estimator sees them, and their encoded targets."""
        if self.problem_ is None:
            return self.scores_.encode(self.estimator_, X_test, y_test)
        X = encode_features(self.estimator_, X_test)
        if y_test is None:
            return X, None
        y = self.problem_.targets.encode(y_test, self.problem_.theta.dtype)
        if len(y) != X.shape[0]:
            raise ValueError(f"X_test has {X.shape[0]} rows and y_test {len(y)}.")
        return X, y

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
        n_outputs = self.problem_.y.shape[1] if self.problem_ is not None else 1
        return 4 * tests.shape[0] * n_outputs * 8

    def _test_blocks(self, X):
        """Split test rows so that what is solved for a block fits ``working_memory``."""
        if self.method_ == "retrain":
            return [slice(None)]
        n_outputs, n_parameters = self.problem_.y.shape[1], len(self.problem_.theta)
        return row_blocks(X.shape[0], 3 * n_outputs * n_parameters * 8)

    def _check_parameters(self):
        choices = {
            "method": ("auto", "influence", "newton", "retrain"),
            "curvature": ("auto", "hessian", "gauss_newton"),
        }
        check_choices(self, choices)
        check_at_least(self, "damping", 0)
        check_at_least(self, "temperature", 0, strict=True)
        if self.block_size is not None:
            check_at_least(self, "block_size", 1)


def _both_signs(influence):
    """Stack influence and minus influence, so that one pass finds both ends."""
    return np.concatenate([influence, -influence])


def _check_out(out, shape, dtype):
    if out is None:
        return np.empty(shape, dtype=dtype)
    if out.shape != shape:
        raise ValueError(f"`out` must have shape {shape}; got {out.shape}.")
    return out
