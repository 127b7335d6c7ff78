"""The registry that the laws run over: every supported estimator on every kind of data.

An estimator is one line of ``ESTIMATORS``; it becomes a case for dense and sparse X, with and
without weights, with more and with fewer rows than features: half of the eight combinations, such
that every pair of these settings occurs, or two of these four. The laws run over all of them, but
over one kind of data where an estimator only varies another one: see ``cases_of_laws``.
"""

from dataclasses import dataclass, fields, replace
from functools import cached_property

import numpy as np
import sklearn
from scipy import sparse
from sklearn.base import clone, is_classifier
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import VotingClassifier, VotingRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, WhiteKernel
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import (
    ARDRegression,
    BayesianRidge,
    ElasticNet,
    ElasticNetCV,
    GammaRegressor,
    HuberRegressor,
    Lars,
    Lasso,
    LassoCV,
    LassoLars,
    LassoLarsIC,
    LinearRegression,
    LogisticRegression,
    LogisticRegressionCV,
    MultiTaskElasticNet,
    MultiTaskLasso,
    PoissonRegressor,
    QuantileRegressor,
    Ridge,
    RidgeClassifier,
    RidgeClassifierCV,
    RidgeCV,
    SGDClassifier,
    SGDRegressor,
    TweedieRegressor,
)
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MaxAbsScaler
from sklearn.svm import SVC, SVR, LinearSVC, LinearSVR
from sklearn.utils.fixes import parse_version

from skinfluence import InfluenceExplainer, SmoothedLinearSVC
from skinfluence.methods import Newton, Refit
from skinfluence.problems import FixedWeights, final_estimator, transform_features

SKLEARN = parse_version(parse_version(sklearn.__version__).base_version)


def logistic(**params):
    """Return a LogisticRegression that does not stop before its optimum."""
    return LogisticRegression(**{"tol": 1e-9, "max_iter": 100_000, "random_state": 0, **params})


def sparse_logistic(l1_ratio, **params):
    """Return a LogisticRegression with an l1 norm in its penalty, as this version spells it."""
    if SKLEARN >= parse_version("1.8"):
        return logistic(l1_ratio=l1_ratio, **params)
    if l1_ratio == 1:
        return logistic(penalty="l1", **params)
    return logistic(penalty="elasticnet", l1_ratio=l1_ratio, **params)


def logistic_cv(**params):
    """Return a LogisticRegressionCV, with the settings that its deprecations ask for."""
    if SKLEARN >= parse_version("1.8"):
        params |= {"l1_ratios": (0,), "use_legacy_attributes": False}
    params |= {"Cs": 3, "cv": 3, "scoring": "neg_log_loss", "tol": 1e-9, "max_iter": 100_000}
    return LogisticRegressionCV(**params)


def tight(cls, **params):
    """Return an estimator that does not stop before its optimum."""
    return cls(**{"tol": 1e-10, "max_iter": 100_000, **params})


def network(cls, **params):
    """Return a small multi-layer perceptron that does not stop before its optimum."""
    params = {"hidden_layer_sizes": (3,), "activation": "tanh", "alpha": 3.0, **params}
    return tight(cls, **{"solver": "lbfgs", "max_fun": 100_000, "random_state": 0, **params})


def stochastic(cls, **params):
    """Return a stochastic gradient estimator; its fits are refined before they are compared."""
    return cls(**{"alpha": 0.05, "random_state": 0, "max_iter": 20, "tol": None, **params})


def ridge(cls=Ridge, **params):
    """Return a ridge model that does not stop before its optimum."""
    return cls(**{"tol": 1e-13, "max_iter": 100_000, **params})


def doubled(X):
    """Return 2 X: a step that shows when it is applied twice."""
    return 2 * X


#: Estimators that hand weights on only with metadata routing.
ROUTED = ("one_vs", "multi_output_search")


def routed(estimator):
    """Return an estimator that asks whatever is around it for weights."""
    with sklearn.config_context(enable_metadata_routing=True):
        requested = estimator.set_fit_request(sample_weight=True)
        return requested.set_score_request(sample_weight=True)  # in a search's folds


# name: (kind of target, estimator)
ESTIMATORS = {
    "lbfgs": ("binary", logistic()),
    "lbfgs_no_intercept": ("binary", logistic(C=0.3, fit_intercept=False)),
    "lbfgs_class_weight": ("binary", logistic(class_weight={0: 0.5, 1: 2.0})),
    "lbfgs_balanced": ("binary", logistic(class_weight="balanced")),
    "newton_cg": ("binary", logistic(solver="newton-cg")),
    "newton_cholesky": ("binary", logistic(solver="newton-cholesky")),
    "sag": ("binary", logistic(solver="sag")),
    "saga": ("binary", logistic(solver="saga", fit_intercept=False)),
    "liblinear": ("binary", logistic(solver="liblinear")),
    "liblinear_scaled": ("binary", logistic(solver="liblinear", intercept_scaling=3.0)),
    "liblinear_no_intercept": ("binary", logistic(solver="liblinear", fit_intercept=False)),
    "liblinear_balanced": ("binary", logistic(solver="liblinear", class_weight="balanced")),
    "unpenalised": ("binary", logistic(C=np.inf)),
    "multinomial": ("multiclass", logistic()),
    "multinomial_no_intercept": ("multiclass", logistic(fit_intercept=False)),
    "multinomial_newton_cg": ("multiclass", logistic(solver="newton-cg", C=10.0)),
    "multinomial_newton_cholesky": ("multiclass", logistic(solver="newton-cholesky")),
    "multinomial_sag": ("multiclass", logistic(solver="sag", fit_intercept=False)),
    "multinomial_class_weight": ("multiclass", logistic(class_weight={0: 3.0})),
    "multinomial_balanced": ("multiclass", logistic(class_weight="balanced")),
    "multinomial_unpenalised": ("multiclass", logistic(C=np.inf)),
    "linear_regression": ("regression", LinearRegression()),
    "linear_regression_no_intercept": ("regression", LinearRegression(fit_intercept=False)),
    "linear_regression_outputs": ("outputs", LinearRegression()),
    "ridge": ("regression", ridge()),
    "ridge_no_intercept": ("regression", ridge(alpha=0.1, fit_intercept=False)),
    "ridge_outputs": ("outputs", ridge()),
    "ridge_alpha_per_target": ("outputs", ridge(alpha=np.array([0.5, 5.0]))),
    "ridge_classifier": ("binary", ridge(RidgeClassifier)),
    "ridge_classifier_balanced": ("binary", ridge(RidgeClassifier, class_weight="balanced")),
    "ridge_classifier_multiclass": ("multiclass", ridge(RidgeClassifier)),
    "ridge_cv": ("regression", RidgeCV(alphas=(0.3, 3.0))),
    "ridge_classifier_cv": ("multiclass", RidgeClassifierCV(alphas=(0.3, 3.0))),
    "logistic_cv": ("binary", logistic_cv()),
    "logistic_l1": ("binary", sparse_logistic(1, solver="saga", C=0.3)),
    "multinomial_l1": ("multiclass", sparse_logistic(1, solver="saga", C=0.5)),
    "logistic_elastic_net": ("multiclass", sparse_logistic(0.5, solver="saga", C=0.5)),
    "liblinear_l1": ("binary", sparse_logistic(1, solver="liblinear", intercept_scaling=2.0)),
    "lasso": ("regression", tight(Lasso, alpha=0.1)),
    "lasso_outputs": ("outputs", tight(Lasso, alpha=0.1)),
    "lasso_cv": ("regression", tight(LassoCV, alphas=(0.3, 0.05), cv=3)),
    "elastic_net": ("regression", tight(ElasticNet, alpha=0.1)),
    "elastic_net_no_intercept": ("regression", tight(ElasticNet, alpha=0.2, fit_intercept=False)),
    "elastic_net_cv": ("regression", tight(ElasticNetCV, alphas=(0.3, 0.05), cv=3)),
    "multi_task_lasso": ("outputs", tight(MultiTaskLasso, alpha=0.1)),
    "multi_task_elastic_net": ("outputs", tight(MultiTaskElasticNet, alpha=0.1)),
    "lars": ("regression", Lars()),
    "lasso_lars": ("regression", LassoLars(alpha=0.1)),
    "lasso_lars_ic": ("regression", LassoLarsIC(noise_variance=1.0)),
    "poisson": ("counts", tight(PoissonRegressor, alpha=0.1)),
    "gamma": ("positive", tight(GammaRegressor, alpha=0.1)),
    "tweedie": ("positive", tight(TweedieRegressor, power=1.5, alpha=0.1)),
    "tweedie_normal": ("regression", tight(TweedieRegressor, power=0, alpha=0.1)),
    "huber": ("regression", tight(HuberRegressor, alpha=0.1)),
    "quantile": ("regression", QuantileRegressor(alpha=0.02, quantile=0.4)),
    "bayesian_ridge": ("regression", BayesianRidge()),
    "ard": ("regression", ARDRegression(threshold_lambda=30.0)),
    "sgd_log_loss": ("binary", stochastic(SGDClassifier, loss="log_loss")),
    "sgd_log_loss_multiclass": ("multiclass", stochastic(SGDClassifier, loss="log_loss")),
    "sgd_balanced": (
        "binary",
        stochastic(SGDClassifier, loss="log_loss", class_weight="balanced"),
    ),
    "sgd_modified_huber": ("binary", stochastic(SGDClassifier, loss="modified_huber")),
    "sgd_squared_hinge": ("binary", stochastic(SGDClassifier, loss="squared_hinge")),
    "sgd_elastic_net": (
        "binary",
        stochastic(SGDClassifier, loss="log_loss", penalty="elasticnet", l1_ratio=0.4),
    ),
    "sgd_regressor": ("regression", stochastic(SGDRegressor)),
    "sgd_huber": ("regression", stochastic(SGDRegressor, loss="huber", epsilon=0.5)),
    "pipeline": ("binary", make_pipeline(MaxAbsScaler(), logistic())),
    "pipeline_in_pipeline": (
        "binary",
        make_pipeline(MaxAbsScaler(), make_pipeline(FunctionTransformer(doubled), logistic())),
    ),
    "pipeline_ridge": ("regression", make_pipeline(MaxAbsScaler(), ridge())),
    "frozen": ("binary", FrozenEstimator(logistic())),
    "frozen_pipeline": ("outputs", FrozenEstimator(make_pipeline(MaxAbsScaler(), ridge()))),
}
ESTIMATORS |= {
    "search": (
        "binary",
        GridSearchCV(make_pipeline(MaxAbsScaler(), logistic()), {"logisticregression__C": [0.7]}),
    ),
    "one_vs_rest": ("multiclass", OneVsRestClassifier(routed(logistic()))),
    "one_vs_rest_binary": ("binary", OneVsRestClassifier(routed(logistic()))),
    "one_vs_rest_multilabel": ("multilabel", OneVsRestClassifier(routed(logistic()))),
    "one_vs_rest_ridge": ("multiclass", OneVsRestClassifier(routed(ridge(RidgeClassifier)))),
    "one_vs_one": ("multiclass", OneVsOneClassifier(routed(logistic()))),
    "one_vs_one_ridge": ("multiclass", OneVsOneClassifier(routed(ridge(RidgeClassifier)))),
    "multi_output_classifier": ("labels", MultiOutputClassifier(logistic())),
    "multi_output_multilabel": ("multilabel", MultiOutputClassifier(logistic())),
    "multi_output_regressor": ("outputs", MultiOutputRegressor(ridge())),
    "multi_output_search": (
        "outputs",
        MultiOutputRegressor(GridSearchCV(routed(ridge()), {"alpha": [0.7]}, cv=3)),
    ),
    "voting": (
        "binary",
        VotingClassifier([("a", logistic()), ("b", logistic(C=0.1))], voting="soft"),
    ),
    "voting_weights": (
        "multiclass",
        VotingClassifier(
            [("a", logistic()), ("b", logistic(C=0.1))], voting="soft", weights=[2, 1]
        ),
    ),
    "voting_regressor": (
        "regression",
        VotingRegressor([("a", ridge()), ("b", ridge(alpha=9.0))], weights=[1, 3]),
    ),
    "transformed_target": (
        "regression",
        TransformedTargetRegressor(ridge(), func=np.arcsinh, inverse_func=np.sinh),
    ),
    "transformed_targets_pipeline": (
        "outputs",
        TransformedTargetRegressor(
            make_pipeline(FunctionTransformer(doubled), ridge()),
            func=np.arcsinh,
            inverse_func=np.sinh,
        ),
    ),
}
ESTIMATORS |= {
    "linear_svc": ("binary", tight(LinearSVC, loss="hinge", class_weight="balanced")),
    "linear_svc_squared": ("multiclass", tight(LinearSVC, C=0.3, intercept_scaling=2.0)),
    "linear_svc_l1": ("binary", tight(LinearSVC, penalty="l1", dual=False, C=0.1)),
    "linear_svr": ("regression", tight(LinearSVR, epsilon=0.2, intercept_scaling=2.0)),
    "linear_svr_squared": (
        "regression",
        tight(LinearSVR, epsilon=0.1, loss="squared_epsilon_insensitive"),
    ),
    "smoothed_linear_svc": ("multiclass", SmoothedLinearSVC(temperature=0.5, tol=0.0)),
    "svc": ("binary", SVC(gamma=0.1)),
    "svc_linear": ("binary", SVC(kernel="linear", C=0.3, class_weight={0: 2.0})),
    "svc_multiclass": ("multiclass", SVC(kernel="poly", degree=2, coef0=1.0, gamma=0.1)),
    "svr": ("regression", SVR(gamma=0.1, epsilon=0.2)),
    "kernel_ridge": ("outputs", KernelRidge(kernel="rbf", gamma=0.1, alpha=[0.5, 2.0])),
    "gaussian_process": (
        "regression",
        GaussianProcessRegressor(
            RBF(3.0, "fixed") + WhiteKernel(0.2, "fixed"), normalize_y=True, alpha=0.1
        ),
    ),
    "mlp": ("multiclass", network(MLPClassifier)),
    "mlp_regressor": ("regression", network(MLPRegressor, activation="logistic")),
}
if SKLEARN < parse_version("1.8"):  # later versions spell it C=inf
    ESTIMATORS["penalty_none"] = ("binary", logistic(penalty=None))


#: Estimators that take no sparse X; these also know no sample weights, but for BayesianRidge.
DENSE_ONLY = (
    "multi_task_lasso",
    "multi_task_elastic_net",
    "lars",
    "lasso_lars",
    "lasso_lars_ic",
    "ard",
    "bayesian_ridge",
    "gaussian_process",
)
#: Estimators whose loss has a kink; their own fits are not the optimum of the smooth loss.
KINKED = ("quantile", "linear_svc", "linear_svr", "svc", "svc_linear", "svc_multiclass", "svr")
#: Estimators that are tried on more rows than features only.
NETWORKS = ("mlp", "mlp_regressor")


#: What is asked of an explainer, in arrays with rows along the axis that the library gives.
QUESTIONS = ("loss", "prediction", "parameter", "self")


@dataclass(frozen=True, eq=False)
class Case:
    """An estimator and its data; ``str(case)`` is the test's id.

    Parameters
    ----------
    name : str
        Key of ``ESTIMATORS``.
    is_sparse, weighted, wide : bool
        CSR or dense; random weights in [0.2, 3] or none; more features than rows, or fewer.
    """

    name: str
    is_sparse: bool = False
    weighted: bool = False
    wide: bool = False

    def __str__(self):
        shape, kind = "wide" if self.wide else "tall", "csr" if self.is_sparse else "dense"
        return f"{self.name}-{kind}-{shape}-{'weighted' if self.weighted else 'unweighted'}"

    @property
    def kind(self):
        return ESTIMATORS[self.name][0]

    @property
    def classifies(self):
        return self.kind in ("binary", "multiclass")

    @cached_property
    def _arrays(self):
        n, p, outputs = (24, 40, 3) if self.wide else (48, 4, 3)
        random = np.random.RandomState(7)
        X = random.standard_normal((n + 6, p)) * (random.uniform(size=(n + 6, p)) < 0.6)
        raw = 2 * X @ random.standard_normal((p, outputs)) / p**0.5 + [0.5, 0.2, 0]
        noisy = raw + 1.5 * random.gumbel(size=raw.shape)
        y = {
            "binary": (noisy[:, 0] > noisy[:, 1]).astype(int),
            "multiclass": noisy.argmax(axis=1),
            "regression": noisy[:, 0],
            "outputs": noisy[:, :2],
            "counts": np.floor(np.exp(noisy[:, 0] / 4)),
            "positive": np.exp(noisy[:, 0] / 4),
            "multilabel": (noisy > noisy.mean()).astype(int),
            "labels": np.c_[noisy.argmax(axis=1), noisy[:, 0] > noisy[:, 1]],
        }[self.kind]
        return X, y, random.uniform(0.2, 3, size=n), n

    @property
    def X_dense(self):
        X, _, _, n = self._arrays
        return X[:n]

    @property
    def X(self):
        return sparse.csr_matrix(self.X_dense) if self.is_sparse else self.X_dense

    @property
    def y(self):
        _, y, _, n = self._arrays
        return y[:n]

    @property
    def sample_weight(self):
        return self._arrays[2] if self.weighted else None

    @property
    def weights(self):
        return self._arrays[2] if self.weighted else np.ones(len(self.y))

    @property
    def X_test(self):
        X, _, _, n = self._arrays
        return sparse.csr_matrix(X[n:]) if self.is_sparse else X[n:]

    @property
    def y_test(self):
        _, y, _, n = self._arrays
        return y[n:]

    @property
    def test(self):
        return self.X_test, self.y_test

    def estimator(self, X, y, sample_weight=None, **params):
        """Return the estimator, unfitted; a frozen one fitted on this data."""
        estimator = clone(ESTIMATORS[self.name][1])
        if not self.name.startswith("frozen"):
            return _with_final_params(estimator, params)
        inner = _with_final_params(clone(estimator.estimator), params)
        name = "ridge__sample_weight" if "pipeline" in self.name else "sample_weight"
        weights = {} if sample_weight is None else {name: sample_weight}
        return FrozenEstimator(inner.fit(X, y, **weights))

    def fit(self, X, y, sample_weight=None, *, method="influence", refine=True, tol=None, **params):
        """Return an explainer of this case's estimator, fitted on other data."""
        stochastic = self.name.startswith(("sgd", "quantile"))
        loose = {} if tol is None or stochastic else {"tol": tol}
        params = {"temperature": self.temperature, **params}
        estimator = self.estimator(X, y, sample_weight, **loose)
        explainer = InfluenceExplainer(estimator, method=method, refine=refine, **params)
        with self.routing():
            return explainer.fit(X, y, sample_weight)

    def routing(self):
        """Return a context in which weights reach this case's estimator."""
        return sklearn.config_context(enable_metadata_routing=self.name.startswith(ROUTED))

    @cached_property
    def influence(self):
        """The explainer of first order, at the optimum."""
        return self.fit(self.X, self.y, self.sample_weight, method="influence")

    @cached_property
    def newton(self):
        """The explainer by Newton steps, at the optimum."""
        return self.fit(self.X, self.y, self.sample_weight, method="newton")

    @cached_property
    def followed(self):
        """The explainer by Newton steps that follows every row to its optimum."""
        explainer = self.fit(self.X, self.y, self.sample_weight, method="newton")
        return follow_every_row(explainer)

    @cached_property
    def retrain(self):
        """The explainer that really refits, once without the same rows or with the same weights."""
        return once_each(self.fit(self.X, self.y, self.sample_weight, method="retrain"))

    @cached_property
    def _answers(self):
        return {}

    def ask(self, explainer, question, rows=None):
        """Return what an explainer answers to one of ``QUESTIONS``."""
        if question == "loss":
            return explainer.loss_influence(*self.test, rows=rows)
        if question == "prediction":
            return explainer.prediction_influence(self.X_test, rows=rows)
        if question == "parameter":
            return explainer.parameter_influence(rows)
        return explainer.self_influence() if rows is None else explainer.self_influence()[rows]

    def answer(self, method, question):
        """Return what the explainer of that name answers for all rows, found once."""
        if (method, question) not in self._answers:
            answer = self.ask(getattr(self, method), question)
            answer.flags.writeable = False
            self._answers[method, question] = answer
        return self._answers[method, question]

    @cached_property
    def truth(self):
        """What real refits say to each of ``QUESTIONS``, without each of ``rows_of`` it.

        The same refits tell the losses of test rows and those of the rows that are left out.
        """
        X, y, _, n = self._arrays
        asked = np.r_[n : len(y), self.rows]
        X = sparse.csr_matrix(X[asked]) if self.is_sparse else X[asked]
        losses = self.retrain.loss_influence(X, y[asked], rows=self.rows)
        rest = {q: self.ask(self.retrain, q, self.rows_of(q)) for q in ("prediction", "parameter")}
        return {"loss": losses[: len(y) - n], "self": np.diag(losses[len(y) - n :]), **rest}

    @property
    def problem(self):
        return self.influence.problem_

    @property
    def rows(self):
        """A few training rows, enough for a slope."""
        return np.arange(0, len(self.y), 6)

    def rows_of(self, question):
        """Return the rows whose refits are compared: fewer where each gives many numbers."""
        return self.rows[:3] if question == "parameter" else self.rows

    def raw(self, X):
        """Return raw predictions as scikit-learn has them, or what its response makes of them."""
        fitted = self.influence.estimator_
        final, X = final_estimator(fitted), transform_features(fitted, X)
        if not is_classifier(final):
            return final.predict(X)
        if not hasattr(final, "decision_function") and not hasattr(final, "estimator"):
            average = final.predict_proba(X)
            return average[:, 1:] if average.shape[1] == 2 else average
        if self.name == "svc_multiclass":
            return final.decision_function(X)
        parts = getattr(final, "estimators_", [final])
        return np.column_stack([part.decision_function(X) for part in parts])

    @property
    def exact(self):
        """Whether a Newton step is a refit; see ``step_is_exact``."""
        return step_is_exact(self.problem)

    @property
    def stops_short(self):
        """Whether its own fit is not its optimum: stochastic, smoothed after, or loose."""
        return self.name.startswith("sgd") or self.name in (*KINKED, *NETWORKS)

    @property
    def temperature(self):
        """Width of the smoothing; on few rows the default is the kink, which has no slope."""
        return 0.3 if self.name in KINKED else 1e-3

    @property
    def chooses(self):
        """Whether the data choose a hyper-parameter, which other data may choose otherwise."""
        chosen = ("bayesian_ridge", "ard", "gaussian_process")  # the last takes off the mean of y
        return self.name.endswith(("_cv", "_ic")) or self.name in chosen

    @property
    def takes_sparse(self):
        return self.name not in DENSE_ONLY

    @property
    def takes_weights(self):
        if self.name.startswith("mlp") and SKLEARN < parse_version("1.7"):
            return False
        return self.takes_sparse or self.name == "bayesian_ridge"

    @property
    def fixed_weights(self):
        """Whether the weights of the others stay as they are when a row leaves."""
        return isinstance(self.problem.reweighting, FixedWeights)

    @property
    def weights_are_counts(self):
        """Whether scikit-learn itself takes a row of weight 2 for two rows.

        ``class_weight="balanced"`` counted rows, not weights, until 1.7 (RidgeClassifier: still).
        """
        counted = SKLEARN >= parse_version("1.7") and "ridge" not in self.name
        rows_in_mean = self.name.startswith("sgd")
        known = self.takes_weights and not rows_in_mean and not self.chooses
        return known and (self.fixed_weights or counted)

    @property
    def penalised(self):
        n_coefficients = self.problem.predictor.n_coefficients
        return bool(np.all(self.problem.penalty[:n_coefficients] > 0))


class OnceEach(Refit):
    """Refits that are kept, as most of what is asked of them is asked of the same few changes."""

    @cached_property
    def _models(self):
        return {}

    def without(self, dropped):
        return self._once(super().without, dropped)

    def with_weights(self, sample_weight, row):
        return self._once(super().with_weights, sample_weight, row)

    def _once(self, refit, *given):
        change = refit.__name__, *(np.asarray(part).tobytes() for part in given)
        if change not in self._models:
            self._models[change] = refit(*given)
        return self._models[change]


def once_each(explainer):
    """Let an explainer refit once for each change, whatever is asked of it; return it."""
    refit = explainer.answers_.refit
    kept = OnceEach(**{field.name: getattr(refit, field.name) for field in fields(refit)})
    explainer.answers_ = replace(explainer.answers_, refit=kept)
    return explainer


def follow_every_row(explainer):
    """Let no row be after one Newton step, unless that is exact; return the explainer."""
    fit = explainer.answers_.fit
    tolerance = 1e-6 if fit.model.dtype == np.float64 else 1e-3
    explainer.answers_ = Newton(tolerance).bind(fit)
    return explainer


def step_is_exact(problem):
    """Tell whether a Newton step is a refit: its loss quadratic, the penalty left known.

    Rows of unequal weight leave unequal shares of a mean-form ridge behind; their step takes the
    mean share. A norm of groups curves.
    """
    shared = problem.mass is not None and problem.penalty.any() and np.ptp(problem.mass) > 0
    one_each = problem.norm is None or problem.norm.positions.shape[1] == 1
    straight = problem.loss.quadratic and problem.predictor.is_linear
    return straight and one_each and not shared


def _with_final_params(estimator, params):
    final = final_estimator(estimator)
    known = {path: path.split("__")[-1] for path in final.get_params()}
    final.set_params(**{path: params[name] for path, name in known.items() if name in params})
    return estimator


def _is_determined(name, wide):
    """Tell whether the fit is unique: without a penalty there must be more rows than features."""
    unpenalised = ("unpenalised", "penalty_none", "linear_regression", "huber", "bayesian_ridge")
    unpenalised += ("lars", "lasso_lars_ic")
    if wide and name in NETWORKS:
        return False
    if name == "lasso_lars":
        return True
    return not wide or not any(word in name for word in unpenalised)


#: Estimators that every pair of settings is tried on; the others take turns.
THOROUGH = ("lbfgs", "multinomial", "ridge", "liblinear", "lasso", "elastic_net", "poisson")


#: Estimators that differ from another line by scikit-learn's own solver, or by one parameter or
#: step that is handled alike for all data: the laws run over one kind of data each, in turn.
VARIANTS = (
    "lbfgs_no_intercept",
    "lbfgs_class_weight",
    "newton_cg",
    "newton_cholesky",
    "sag",
    "saga",
    "liblinear_scaled",
    "liblinear_no_intercept",
    "multinomial_no_intercept",
    "multinomial_newton_cg",
    "multinomial_newton_cholesky",
    "multinomial_sag",
    "multinomial_class_weight",
    "ridge_no_intercept",
    "ridge_alpha_per_target",
    "ridge_cv",
    "ridge_classifier_cv",
    "logistic_cv",
    "lasso_cv",
    "elastic_net_no_intercept",
    "elastic_net_cv",
    "tweedie_normal",
    "sgd_log_loss_multiclass",
    "sgd_balanced",
    "sgd_modified_huber",
    "sgd_elastic_net",
    "sgd_huber",
    "pipeline_in_pipeline",
    "pipeline_ridge",
    "frozen",
    "frozen_pipeline",
    "search",
    "one_vs_rest_binary",
    "one_vs_rest_ridge",
    "one_vs_one_ridge",
    "multi_output_multilabel",
    "multi_output_search",
    "voting_weights",
    "transformed_targets_pipeline",
    "linear_svr_squared",
)


def _cases(name):
    """Yield half of the eight combinations of settings, every pair among them, or half of these."""
    known, turn = Case(name), len(name) % 2
    for wide in (False, True):
        for is_sparse in (False, True):
            weighted = is_sparse ^ wide
            taken = is_sparse and known.takes_sparse, weighted and known.takes_weights
            asked = name in THOROUGH or is_sparse == turn or not known.takes_sparse
            if _is_determined(name, wide) and asked and taken[0] == is_sparse:
                yield Case(name, *taken, wide)


CASES = [case for name in ESTIMATORS for case in _cases(name)]


def cases_of_laws(one_kind=False):
    """Return the cases that laws run over; with ``one_kind`` one kind of data an estimator."""
    chosen = []
    for name in ESTIMATORS:
        kinds = [case for case in CASES if case.name == name]
        turn = VARIANTS.index(name) % len(kinds) if name in VARIANTS else 0
        chosen += kinds[turn : turn + 1] if one_kind or name in VARIANTS else kinds
    return chosen
