"""The estimators that cases are drawn from, with hyper-parameters from tiny to huge."""

import numpy as np
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.decomposition import PCA
from sklearn.ensemble import VotingClassifier, VotingRegressor
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, WhiteKernel
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import (
    ElasticNet,
    GammaRegressor,
    HuberRegressor,
    Lasso,
    LinearRegression,
    LogisticRegression,
    MultiTaskLasso,
    PoissonRegressor,
    QuantileRegressor,
    Ridge,
    RidgeClassifier,
    TweedieRegressor,
)
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.multioutput import MultiOutputRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    KBinsDiscretizer,
    PolynomialFeatures,
    QuantileTransformer,
    StandardScaler,
)
from sklearn.svm import SVC, SVR, LinearSVC, LinearSVR

TIGHT = {"tol": 1e-10, "max_iter": 100_000}
#: Iterations that end, where columns are so unlike that libsvm's would not.
LIBSVM = {"tol": 1e-6, "max_iter": 1_000_000}


def power(rng, low, high):
    """Draw a power of ten, rounded to two digits so that a script can spell it."""
    return float(f"{10 ** rng.uniform(low, high):.1e}")


def tolerances(rng):
    """Draw how tightly an estimator is fitted: to its optimum, or as it comes."""
    return TIGHT if rng.random() < 0.6 else {"max_iter": 5000}


def either(rng, *values):
    """Draw one of some values, of any kinds."""
    return values[rng.integers(len(values))]


def logistic(rng):
    solver = either(rng, "lbfgs", "lbfgs", "newton-cg", "newton-cholesky", "liblinear")
    return LogisticRegression(
        C=power(rng, -4, 4),
        solver=solver,
        fit_intercept=bool(rng.random() < 0.8),
        class_weight=either(rng, None, None, None, "balanced"),
        **tolerances(rng),
    )


def softmax(rng):
    return LogisticRegression(
        C=power(rng, -4, 3),
        solver=either(rng, "lbfgs", "newton-cholesky"),
        fit_intercept=bool(rng.random() < 0.8),
        class_weight=either(rng, None, None, "balanced"),
        **tolerances(rng),
    )


def unpenalised_logistic(rng):
    return LogisticRegression(C=np.inf, **tolerances(rng))


def sparse_logistic(rng):
    return LogisticRegression(
        C=power(rng, -2, 1.5),
        l1_ratio=either(rng, 1.0, 0.5, 0.1),
        solver="saga",
        tol=1e-6,
        max_iter=20_000,
    )


def least_squares(rng):
    return LinearRegression(fit_intercept=bool(rng.random() < 0.8))


def ridge(rng):
    return Ridge(alpha=power(rng, -5, 4), fit_intercept=bool(rng.random() < 0.8))


def ridge_classifier(rng):
    return RidgeClassifier(
        alpha=power(rng, -3, 3), class_weight=either(rng, None, None, "balanced")
    )


def poisson(rng):
    return PoissonRegressor(
        alpha=either(rng, 0.0, power(rng, -5, 1)),
        solver=either(rng, "lbfgs", "newton-cholesky"),
        fit_intercept=bool(rng.random() < 0.8),
        **tolerances(rng),
    )


def gamma(rng):
    return GammaRegressor(alpha=power(rng, -4, 1), solver="newton-cholesky", **TIGHT)


def tweedie(rng):
    return TweedieRegressor(
        power=either(rng, 1.2, 1.5, 1.9, 2.0), alpha=power(rng, -4, 1), link="log", **TIGHT
    )


def huber(rng):
    return HuberRegressor(epsilon=either(rng, 1.1, 1.35, 2.0), alpha=power(rng, -5, 0), **TIGHT)


def lasso(rng):
    return Lasso(alpha=power(rng, -3, 0), tol=1e-12, max_iter=1_000_000)


def elastic_net(rng):
    return ElasticNet(
        alpha=power(rng, -3, 0), l1_ratio=either(rng, 0.2, 0.5, 0.9), tol=1e-12, max_iter=1_000_000
    )


def multi_task_lasso(rng):
    return MultiTaskLasso(alpha=power(rng, -2, 0), tol=1e-12, max_iter=1_000_000)


def linear_svc(rng):
    return LinearSVC(
        C=power(rng, -3, 1.5), loss=either(rng, "squared_hinge", "hinge"), random_state=0, **TIGHT
    )


def linear_svr(rng):
    losses = either(rng, "squared_epsilon_insensitive", "epsilon_insensitive")
    return LinearSVR(
        C=power(rng, -3, 1),
        epsilon=either(rng, 0.0, 0.1, 0.5),
        loss=losses,
        random_state=0,
        **TIGHT,
    )


def svc(rng):
    kernel = either(rng, "rbf", "rbf", "linear", "poly", "sigmoid")
    return SVC(C=power(rng, -2, 3), kernel=kernel, gamma=either(rng, "scale", 0.3), **LIBSVM)


def svr(rng):
    kernel, epsilon = either(rng, "rbf", "linear"), either(rng, 0.05, 0.3)
    return SVR(C=power(rng, -2, 2), kernel=kernel, epsilon=epsilon, **LIBSVM)


def quantile(rng):
    return QuantileRegressor(quantile=either(rng, 0.5, 0.2, 0.9), alpha=either(rng, 0.0, 0.01, 0.1))


def kernel_ridge(rng):
    return KernelRidge(
        alpha=power(rng, -4, 2), kernel=either(rng, "linear", "rbf", "poly"), gamma=0.2
    )


def gaussian_process(rng):
    return GaussianProcessRegressor(RBF(2.0) + WhiteKernel(power(rng, -2, 0)), optimizer=None)


def perceptron(rng):
    return MLPClassifier(
        (int(rng.integers(1, 4)),),
        activation="tanh",
        alpha=power(rng, -1, 1),
        solver="lbfgs",
        random_state=0,
        **TIGHT,
    )


def perceptron_regressor(rng):
    return MLPRegressor(
        (int(rng.integers(1, 4)),),
        activation="tanh",
        alpha=power(rng, -1, 1),
        solver="lbfgs",
        random_state=0,
        **TIGHT,
    )


def step(rng):
    """Draw a step of a Pipeline."""
    return either(
        rng,
        StandardScaler(),
        StandardScaler(with_mean=False),
        PolynomialFeatures(2, include_bias=False),
        PCA(n_components=1),
        QuantileTransformer(n_quantiles=5),
        KBinsDiscretizer(3, quantile_method="averaged_inverted_cdf"),
        ColumnTransformer([("first", StandardScaler(), [0])], remainder="passthrough"),
    )


def piped(maker):
    """Return a maker of Pipelines around what another makes."""
    return lambda rng: make_pipeline(step(rng), maker(rng))


def searched(rng):
    values = [power(rng, -3, 0), power(rng, 0, 2)]
    return GridSearchCV(LogisticRegression(**TIGHT), {"C": values}, cv=2, scoring="neg_log_loss")


def searched_ridge(rng):
    return GridSearchCV(Ridge(tol=1e-10), {"alpha": [power(rng, -3, 0), power(rng, 0, 2)]}, cv=2)


def one_vs_rest(rng):
    return OneVsRestClassifier(logistic(rng).set_params(class_weight=None))


def one_vs_one(rng):
    return OneVsOneClassifier(logistic(rng).set_params(class_weight=None))


def transformed(rng):
    return TransformedTargetRegressor(
        Ridge(alpha=power(rng, -3, 2)), transformer=either(rng, None, StandardScaler())
    )


def voting(rng):
    members = [("a", LogisticRegression(C=power(rng, -2, 1), **TIGHT)), ("b", logistic(rng))]
    return VotingClassifier(members, voting="soft")


def voting_regressor(rng):
    return VotingRegressor([("a", ridge(rng)), ("b", Ridge(alpha=power(rng, -2, 2)))])


def multi_output(rng):
    return MultiOutputRegressor(ridge(rng))


#: By kind of target, what is drawn from; what stands twice comes twice as often.
MAKERS = {
    "binary": (
        [logistic] * 4
        + [svc] * 2
        + [linear_svc] * 2
        + [ridge_classifier, unpenalised_logistic, sparse_logistic, perceptron, searched, voting]
        + [piped(logistic), piped(svc), piped(linear_svc)]
    ),
    "classes": (
        [softmax] * 4
        + [svc] * 2
        + [linear_svc, ridge_classifier, sparse_logistic, one_vs_rest, one_vs_one, perceptron]
        + [piped(softmax), piped(ridge_classifier)]
    ),
    "real": (
        [ridge] * 2
        + [svr] * 2
        + [lasso] * 2
        + [least_squares, huber, elastic_net, linear_svr, quantile, kernel_ridge, gaussian_process]
        + [perceptron_regressor, searched_ridge, transformed, voting_regressor]
        + [piped(ridge), piped(lasso), piped(svr), piped(kernel_ridge)]
    ),
    "counts": [poisson] * 3 + [tweedie, piped(poisson)],
    "positive": [gamma, tweedie, piped(gamma)],
    "outputs": [ridge, least_squares, multi_task_lasso, kernel_ridge, multi_output, piped(ridge)],
}
