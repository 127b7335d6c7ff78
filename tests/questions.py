"""Small data for every kind of model, and every public question that can be asked of a fit."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.sparse import issparse
from sklearn.linear_model import (
    HuberRegressor,
    Lasso,
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _num_samples

from skinfluence import InfluenceExplainer

N, N_TEST = 24, 5


def logistic():
    return LogisticRegression(solver="newton-cholesky", tol=1e-10)


# name: (kind of target, estimator)
MODELS = {
    "logistic": ("binary", logistic()),
    "multinomial": ("multiclass", logistic()),
    "ridge": ("regression", Ridge()),
    "linear": ("regression", LinearRegression()),
    "lasso": ("regression", Lasso(alpha=0.1, tol=1e-12, max_iter=10_000)),
    "poisson": ("counts", PoissonRegressor(solver="newton-cholesky", tol=1e-10)),
    "huber": ("regression", HuberRegressor(alpha=0.1, tol=1e-8, max_iter=10_000)),
    "pipeline": ("binary", make_pipeline(StandardScaler(), logistic())),
}
METHODS = ("influence", "newton", "retrain")

# Every public question, of test rows and of the training rows.
ON_TESTS = {
    "loss_influence": lambda e, X, y: e.loss_influence(X, y),
    "group_influence": lambda e, X, y: e.group_influence(
        X, y, np.arange(e.answers_.fit.model.n_rows) % 4
    ),
    "most_influential": lambda e, X, y: e.most_influential(X, y, k=2).helpful_influence,
    "relative_influence": lambda e, X, y: e.relative_influence(X, y),
    "replacement_influence": lambda e, X, y: replaced_by_tests(e, X, y),
    "verify": lambda e, X, y: e.verify(X, y, rows=[0, 3]).refitted,
    "prediction_influence": lambda e, X, y: e.prediction_influence(X),
}
ON_ROWS = {
    "parameter_influence": lambda e: e.parameter_influence(),
    "self_influence": lambda e: e.self_influence(),
    "loo_predict": lambda e: e.loo_predict(),
    "leverage": lambda e: e.leverage(),
    "cooks_distance": lambda e: e.cooks_distance(),
    "dffits": lambda e: e.dffits(),
    "dfbetas": lambda e: e.dfbetas(),
    "remove": lambda e: parameters(e.remove([0, 3])),
}
NO_REFITS = (
    "relative_influence",
    "input_influence",
    "verify",
    "leverage",
    "cooks_distance",
    "dffits",
    "dfbetas",
)
LIKELIHOOD = ("cooks_distance", "dffits", "dfbetas")  # Huber's loss is none


def replaced_by_tests(explainer, X, y):
    """Put the first two test rows, if there are any, in the place of training rows."""
    X_new = _safe_indexing(X.tocsr() if issparse(X) else X, slice(0, 2))
    return explainer.replacement_influence(X, y, rows=[0, 2][: _num_samples(X_new)], X_new=X_new)


def parameters(model):
    final = model[-1] if hasattr(model, "steps") else model
    return np.r_[np.ravel(final.coef_), np.ravel(final.intercept_)]


def data(name, n=N, p=3, seed=0):
    """Return X, y, X_test, y_test."""
    random = np.random.RandomState(seed)
    X = random.standard_normal((n + N_TEST, p))
    raw = X @ random.standard_normal(p) / p**0.5 + random.gumbel(size=len(X))
    y = {
        "binary": (raw > np.median(raw)).astype(int),
        "multiclass": np.digitize(raw, np.quantile(raw, [0.3, 0.7])),
        "regression": raw,
        "counts": np.floor(np.exp(raw / 2)),
    }[MODELS[name][0]]
    return X[:n], y[:n], X[n:], y[n:]


def fit(name, X, y, sample_weight=None, *, method="newton", model=None, **params):
    model = MODELS[name][1] if model is None else model
    explainer = InfluenceExplainer(model, method=method, refine=method != "retrain", **params)
    return explainer.fit(X, y, sample_weight)


def answers(name, explainer, X_test, y_test):
    """Return what every question is answered, none of it NaN or infinite."""
    skipped = NO_REFITS if explainer.method_ == "retrain" else ()
    skipped += LIKELIHOOD if name == "huber" else ()
    found = {q: ask(explainer, X_test, y_test) for q, ask in ON_TESTS.items() if q not in skipped}
    found |= {q: ask(explainer) for q, ask in ON_ROWS.items() if q not in skipped}
    for question, answer in found.items():
        assert np.all(np.isfinite(answer)), question
    return found


def assert_same(found, expected, rtol=1e-6, factors=None):
    for question, answer in found.items():
        wanted = expected[question] * (factors or {}).get(question, 1)
        atol = rtol * np.abs(wanted).max()
        assert_allclose(answer, wanted, rtol=rtol, atol=atol, err_msg=question)


every_model = pytest.mark.parametrize("name", MODELS)
every_method = pytest.mark.parametrize("method", METHODS)
