"""Draws cases from a seed: data with the habits of real tables, and how they are asked about."""

import warnings

import numpy as np
from sklearn.pipeline import Pipeline

from ._case import CONTAINERS, Case
from ._estimators import MAKERS, either
from ._requests import REQUESTS
from ._timing import Hanging, given_up_after

#: How often a kind of target is drawn.
KINDS = {"binary": 8, "classes": 5, "real": 7, "counts": 3, "positive": 1, "outputs": 2}


def draw(seed, index):
    """Return case ``index`` of those that a seed draws: the first of its own that can be fitted."""
    for attempt in range(20):
        case = drawn(np.random.default_rng([seed, index, attempt]))
        if not unfitted(case):
            break
    return case


def unfitted(case):
    """Return why scikit-learn cannot fit a case in some seconds, or nothing."""
    name = "sample_weight"
    if isinstance(case.estimator, Pipeline):
        name = f"{case.estimator.steps[-1][0]}__sample_weight"
    known = {} if case.weights is None else {name: case.weights}
    try:
        with warnings.catch_warnings(), given_up_after(10):
            warnings.simplefilter("ignore")
            case.fresh().fit(case.handed(case.X), case.targets(case.y), **known)
    except Hanging:
        return "scikit-learn does not finish"
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:200]
    return ""


def drawn(rng):
    """Draw a case."""
    shares = np.array(list(KINDS.values())) / sum(KINDS.values())
    kind = str(rng.choice(list(KINDS), p=shares))
    n_rows, n_columns = sizes(rng)
    X = features(rng, n_rows + 4, n_columns)
    y, labels = targets(rng, kind, X)
    estimator = either(rng, *MAKERS[kind])(rng)
    X, X_test, y, y_test = X[:n_rows], X[n_rows:], y[:n_rows], y[n_rows:]
    if labels is not None:  # the test rows hold no class that training rows lack
        y_test = y[rng.integers(n_rows, size=4)]
    case = Case(
        estimator,
        X,
        y,
        X_test,
        y_test,
        labels=labels,
        weights=weights(rng, n_rows, balanced="balanced" in repr(estimator)),
        container=either(rng, *CONTAINERS, "dense", "dense", "sparse"),
        rows=tuple(int(row) for row in rng.choice(n_rows, size=min(n_rows, 5), replace=False)),
        seed=int(rng.integers(2**31)),
        kind=kind,
    )
    request = str(rng.choice(list(REQUESTS), p=request_shares(case)))
    return REQUESTS[request].prepared(case, request, rng)


def request_shares(case):
    """Return how often a request is drawn: those that do not fit a case, never."""
    fits = [request.weight * request.fits(case) for request in REQUESTS.values()]
    return np.array(fits) / np.sum(fits)


def sizes(rng):
    """Draw the numbers of rows and of columns: few rows, many, or fewer than columns."""
    n_rows = int(either(rng, rng.integers(5, 13), rng.integers(15, 41), rng.integers(60, 161)))
    most = either(rng, 3, 3, 8, 8, 30)
    return n_rows, int(rng.integers(1, most + 1))


def features(rng, n_rows, n_columns):
    """Draw columns, some with a habit."""
    X = rng.normal(size=(n_rows, n_columns))
    for _ in range(rng.integers(4)):
        column, habit = int(rng.integers(X.shape[1])), either(rng, *HABITS)
        X = habit(rng, X, column)
    return X


def constant(rng, X, column):
    X[:, column] = either(rng, 0.0, 1.0, 7.5)
    return X


def collinear(rng, X, column):
    X[:, column] = X @ rng.integers(-1, 3, X.shape[1])
    return X


def repeated_column(rng, X, column):
    X[:, column] = X[:, 0]
    return X


def repeated_rows(rng, X, column):
    return X[rng.integers(max(len(X) // 2, 1), size=len(X))]


def far(rng, X, column):
    X[:, column] += either(rng, 1e2, -1e3, 1e5)
    return X


def scaled(rng, X, column):
    X[:, column] *= either(rng, 1e-6, 1e-3, 1e3, 1e5)
    return X


def all_scaled(rng, X, column):
    return X * either(rng, 1e-5, 1e-2, 1e2, 1e4)


def heavy(rng, X, column):
    X[:, column] = np.exp(2.5 * np.clip(X[:, column], -4, 4))
    return X


def lonely(rng, X, column):
    X[int(rng.integers(len(X)))] *= 30
    return X


def whole_numbers(rng, X, column):
    return np.round(2 * X)


def mostly_zero(rng, X, column):
    return X * (rng.random(X.shape) < 0.25)


def levels(rng, X, column):
    """Replace all columns by the indicators of levels, some of one row only."""
    n_levels = min(X.shape[1] + 1, len(X))
    return np.eye(n_levels)[rng.integers(n_levels, size=len(X))]


def one_level(rng, X, column):
    X[:, column] = 0
    X[: max(len(X) // 8, 1), column] = 1
    return X


HABITS = (
    constant, collinear, repeated_column, repeated_rows, far, scaled, all_scaled, heavy, lonely,
    whole_numbers, mostly_zero, levels, one_level,
)  # fmt: skip


def targets(rng, kind, X):
    """Draw targets; classes as codes, with the labels that they stand for."""
    spread = X.std(axis=0)
    seen = (X - X.mean(axis=0)) / np.where(spread > 0, spread, 1)
    signal = seen @ rng.normal(size=X.shape[1]) + either(rng, 0.0, 0.3, 1.0, 3.0) * rng.normal(
        size=len(X)
    )
    if kind in ("binary", "classes"):
        return classes(rng, signal, 2 if kind == "binary" else int(rng.integers(3, 5)))
    if kind == "real":
        return either(rng, 1.0, 1e-3, 1e3) * signal + either(rng, 0.0, 1e4), None
    if kind == "outputs":
        return np.column_stack([signal, rng.normal(size=(len(X), int(rng.integers(1, 3))))]), None
    rates = np.exp(np.clip(signal, -3, 4))
    return (rng.poisson(rates).astype(float) if kind == "counts" else rates), None


def classes(rng, signal, n_classes):
    """Cut a signal into classes, at times one of them rare, and name these."""
    cuts = np.linspace(0, 1, n_classes + 1)[1:-1]
    if rng.random() < 0.3:
        cuts = cuts**0.2
    codes = np.searchsorted(np.quantile(signal, cuts), signal)
    flips = rng.random(len(codes)) < either(rng, 0.0, 0.0, 0.1)
    codes = np.where(flips, rng.integers(n_classes, size=len(codes)), codes)
    codes[:n_classes] = np.arange(n_classes)  # every class has a row, at least
    names = {
        "numbers": tuple(range(n_classes)),
        "others": tuple(10 * k - 10 for k in range(n_classes)),
        "words": ("a", "b b", "d", "ç")[:n_classes],
        "floats": (1.0, 2.0, 5.0, 7.0)[:n_classes],
        "bools": (False, True) if n_classes == 2 else tuple(range(1, n_classes + 1)),
    }
    return codes, names[either(rng, *names)]


def weights(rng, n_rows, balanced):
    """Draw weights: none, even, whole numbers with zeros among them, or of very different sizes."""
    drawn = {
        "none": None,
        "even": rng.uniform(0.3, 3, n_rows),
        "whole": rng.integers(1 if balanced else 0, 4, n_rows).astype(float),
        "wide": 10 ** rng.uniform(-3, 2, n_rows),
    }
    return drawn[either(rng, "none", "none", "none", *drawn)]
