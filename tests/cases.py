"""The registry that the laws run over: every supported estimator on every kind of data.

An estimator is one line of ``ESTIMATORS``; it becomes a case for dense and sparse X, with and
without weights, with more and with fewer rows than features: half of the eight combinations, such
that every pair of these settings occurs.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import sklearn
from scipy import sparse
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MaxAbsScaler
from sklearn.utils.fixes import parse_version

from skinfluence import InfluenceExplainer
from skinfluence.problems import FixedWeights, final_estimator

SKLEARN = parse_version(parse_version(sklearn.__version__).base_version)


def logistic(**params):
    """Return a LogisticRegression that does not stop before its optimum."""
    return LogisticRegression(**{"tol": 1e-9, "max_iter": 100_000, "random_state": 0, **params})


def ridge(cls=Ridge, **params):
    """Return a ridge model that does not stop before its optimum."""
    return cls(**{"tol": 1e-13, "max_iter": 100_000, **params})


def doubled(X):
    """Return 2 X: a step that shows when it is applied twice."""
    return 2 * X


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
    "pipeline": ("binary", make_pipeline(MaxAbsScaler(), logistic())),
    "pipeline_in_pipeline": (
        "binary",
        make_pipeline(MaxAbsScaler(), make_pipeline(FunctionTransformer(doubled), logistic())),
    ),
    "pipeline_ridge": ("regression", make_pipeline(MaxAbsScaler(), ridge())),
    "frozen": ("binary", FrozenEstimator(logistic())),
    "frozen_pipeline": ("outputs", FrozenEstimator(make_pipeline(MaxAbsScaler(), ridge()))),
}
if SKLEARN < parse_version("1.8"):  # later versions spell it C=inf
    ESTIMATORS["penalty_none"] = ("binary", logistic(penalty=None))


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
        loose = {} if tol is None else {"tol": tol}
        estimator = self.estimator(X, y, sample_weight, **loose)
        explainer = InfluenceExplainer(estimator, method=method, refine=refine, **params)
        return explainer.fit(X, y, sample_weight)

    @cached_property
    def influence(self):
        """The explainer of first order, at the optimum."""
        return self.fit(self.X, self.y, self.sample_weight, method="influence")

    @cached_property
    def newton(self):
        """The explainer by Newton steps, at the optimum."""
        return self.fit(self.X, self.y, self.sample_weight, method="newton")

    @cached_property
    def retrain(self):
        """The explainer that really refits."""
        return self.fit(self.X, self.y, self.sample_weight, method="retrain")

    @property
    def problem(self):
        return self.influence.problem_

    @property
    def rows(self):
        """A few training rows, enough for a slope."""
        return np.arange(0, len(self.y), 6)

    @property
    def exact(self):
        """Whether the loss is quadratic, so that a Newton step is a refit."""
        return self.problem.loss.quadratic

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
        return self.fixed_weights or counted

    @property
    def penalised(self):
        n_coefficients = self.problem.predictor.n_coefficients
        return bool(np.all(self.problem.penalty[:n_coefficients] > 0))


def _with_final_params(estimator, params):
    final = final_estimator(estimator)
    known = final.get_params()
    final.set_params(**{name: value for name, value in params.items() if name in known})
    return estimator


def _is_determined(name, wide):
    """Tell whether the fit is unique: without a penalty there must be more rows than features."""
    unpenalised = ("unpenalised", "penalty_none", "linear_regression")
    return not wide or not any(word in name for word in unpenalised)


CASES = [
    Case(name, is_sparse, weighted, wide)
    for name in ESTIMATORS
    for wide in (False, True)
    for is_sparse in (False, True)
    for weighted in (False, True)
    if _is_determined(name, wide) and is_sparse ^ weighted == wide
]
