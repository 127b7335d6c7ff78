"""Every warning shows the user's line: the one here that called the library."""

import ast
from pathlib import Path

import numpy as np
import pytest
from joblib import parallel_config
from scipy.linalg import LinAlgWarning
from sklearn.datasets import load_diabetes, load_iris
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import Lasso, LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV

import skinfluence
from skinfluence import InfluenceExplainer, LabelCleaner, SmoothedLinearSVC, as_problem
from skinfluence.optimum import refine
from skinfluence.solvers import CG, LiSSA


def classes(crossing=()):
    """Return two classes on a line that no row but those ``crossing`` keeps from being apart."""
    X = np.r_[np.linspace(-2, -1, 20), np.linspace(1, 2, 20)][:, None]
    y = np.arange(40) >= 20
    y[list(crossing)] ^= True
    return X, y


def logistic(**params):
    return LogisticRegression(**{"tol": 1e-10, "max_iter": 10_000} | params)


def conjugate_gradients():
    X, y = load_diabetes(return_X_y=True)
    InfluenceExplainer(LinearRegression(), solver=CG(max_iter=2), method="influence").fit(X, y)


def singular():
    X, y = load_diabetes(return_X_y=True)
    InfluenceExplainer(LinearRegression()).fit(np.c_[X, X[:, 0] - 2 * X[:, 1]], y)


def ill_conditioned():
    X, y = load_diabetes(return_X_y=True)
    InfluenceExplainer(LinearRegression(), refine=True).fit(X[:, :3] + [0, 0, 1e12], y)


def repeats_that_disagree():
    X, y = load_iris(return_X_y=True)
    solver = LiSSA(depth=200, repeats=2, batch_size=1, scale=200 / len(y), random_state=0)
    InfluenceExplainer(logistic(), solver=solver).fit(X, y)


def early_fit():
    X, y = classes([3, 30])
    InfluenceExplainer(LogisticRegression(tol=0.3)).fit(X, y)


def other_data():
    X, y = classes([3, 30])
    frozen = FrozenEstimator(logistic().fit(X[10:], y[10:]))
    InfluenceExplainer(frozen).fit(X, y)


def separable():
    model = LogisticRegression(C=np.inf, tol=1e-2)
    InfluenceExplainer(model, refine=True).fit(*classes())


def separable_without_a_group():
    X, y = classes([3, 5])
    explainer = InfluenceExplainer(logistic(C=np.inf), refine=True).fit(X, y)
    explainer.group_influence(X, y, np.isin(np.arange(len(y)), [3, 5])[:, None])


def one_step_of_a_damped_model():
    X, y = classes([3, 5, 30])
    InfluenceExplainer(logistic(C=0.1), damping=0.01).fit(X, y).remove([3, 5])


def proximal_steps():
    X, y = load_diabetes(return_X_y=True)
    problem = as_problem(Lasso(alpha=1.0, tol=0.1).fit(X, y), X, y)
    refine(problem, CG(), max_steps=1)


def smoothed_machine():
    SmoothedLinearSVC(max_iter=2).fit(*classes([3, 30]))


def column_of_labels():
    X, y = classes([3, 30])
    LabelCleaner(logistic()).fit(X, y[:, None])


def fits_of_a_search():
    search = GridSearchCV(SmoothedLinearSVC(max_iter=2), {"C": [0.1, 1.0]}, refit=False)
    search.fit(*classes([3, 30]))


def fits_of_a_search_in_threads():
    search = GridSearchCV(SmoothedLinearSVC(max_iter=2), {"C": [0.1, 1.0]}, n_jobs=2, refit=False)
    with parallel_config(backend="threading"):
        search.fit(*classes([3, 30]))


@pytest.mark.filterwarnings("default::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    ("call", "category", "message"),
    [
        (conjugate_gradients, ConvergenceWarning, "Conjugate gradients stopped"),
        (singular, LinAlgWarning, "singular"),
        (ill_conditioned, LinAlgWarning, "ill-conditioned"),
        (repeats_that_disagree, ConvergenceWarning, "Repeats of LiSSA disagree"),
        (early_fit, ConvergenceWarning, "stopped short"),
        (other_data, ConvergenceWarning, "was not fitted on this X and y"),
        (separable, ConvergenceWarning, "Newton's method"),
        (separable_without_a_group, ConvergenceWarning, "could not be certified"),
        (one_step_of_a_damped_model, ConvergenceWarning, "one Newton step"),
        (proximal_steps, ConvergenceWarning, "Use a stronger penalty"),
        (smoothed_machine, ConvergenceWarning, "max_iter"),
        (column_of_labels, DataConversionWarning, "column-vector"),
        (fits_of_a_search, ConvergenceWarning, "max_iter"),
        (fits_of_a_search_in_threads, ConvergenceWarning, "max_iter"),
    ],
)
def test_warnings_show_the_line_that_called_the_library(call, category, message):
    with pytest.warns(category, match=message) as caught:
        call()
    shown = [warning for warning in caught if message in str(warning.message)]
    assert {warning.filename for warning in shown} == {__file__}


def test_one_function_issues_all_warnings():
    package = Path(skinfluence.__file__).parent
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            own = path == package / "_warnings.py"
            calls = isinstance(node, ast.Attribute) and node.attr.startswith("warn")
            of_module = calls and getattr(node.value, "id", None) == "warnings"
            named = isinstance(node, ast.ImportFrom) and node.module == "warnings"
            names = {alias.name for alias in node.names} if named else set()
            issues = of_module or names & {"warn", "warn_explicit"}
            assert own or not issues, f"{path}:{node.lineno} issues a warning of its own"
