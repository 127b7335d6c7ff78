"""Diagnostics after fit: the spectrum of H, damping that is found, warnings, and the summary."""

import pickle
import re
import warnings
from html.parser import HTMLParser

import numpy as np
import pytest
from cases import Case, logistic, ridge
from numpy.testing import assert_allclose
from scipy import sparse
from scipy.linalg import LinAlgWarning, null_space
from sklearn import config_context
from sklearn.base import BaseEstimator, clone
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, TweedieRegressor
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skinfluence import InfluenceExplainer, LabelCleaner
from skinfluence.operators import Hessian
from skinfluence.solvers import CG, Direct, LiSSA

EPS = np.finfo(float).eps
FIGURES = [
    "smallest_eigenvalue_",
    "largest_eigenvalue_",
    "condition_",
    "effective_dimension_",
    "solve_residual_",
]
EVERY = [*FIGURES, "lissa_spread_", "damping_", "newton_decrement_", "typical_decrement_"]
CHEAP_LISSA = LiSSA(depth=300, repeats=4, random_state=0)


def name(solver):
    return getattr(solver, "form", type(solver).__name__)


def spectrum(explainer):
    """Return the eigenvalues of H / n in the directions that can move, and the dimension."""
    problem = explainer.inverse_.hessian.problem
    hessian = Hessian(problem, explainer.damping_)
    held = np.eye(len(problem.theta))[[] if problem.free is None else ~problem.free]
    outside = np.vstack([hessian.flat_directions.T, held])
    inside = null_space(outside) if len(outside) else np.eye(len(problem.theta))
    matrix = inside.T @ hessian.dense() @ inside
    data = problem.predictor.weighted_gram(problem.X, hessian.curvatures)
    data = inside.T @ data @ inside
    return np.linalg.eigvalsh(matrix) / problem.n, np.trace(np.linalg.solve(matrix, data))


def regression(n=40, p=3):
    random = np.random.RandomState(0)
    X = random.standard_normal((n, p))
    return X, X @ np.arange(1, p + 1) + random.standard_normal(n)


def collinear():
    X, y = regression()
    return np.column_stack([X, X[:, 0] - 2 * X[:, 1]]), y


def far_from_zero():
    X, y = regression()
    return X + np.array([0, 0, 1e14]), y


# Figures


def check_figures(explainer):
    eigenvalues, dimension = spectrum(explainer)
    condition = eigenvalues[-1] / eigenvalues[0]
    assert explainer.largest_eigenvalue_ == pytest.approx(eigenvalues[-1], rel=1e-12)
    rtol = 100 * len(eigenvalues) * EPS * condition
    assert explainer.smallest_eigenvalue_ == pytest.approx(eigenvalues[0], rel=rtol)
    assert explainer.condition_ == pytest.approx(condition, rel=rtol)
    assert explainer.solve_residual_ < 1e-8
    assert explainer.lissa_spread_ is None
    return dimension, rtol


def test_figures_are_those_of_dense_algebra(case):
    dimension, rtol = check_figures(case.influence)
    assert case.influence.effective_dimension_ == pytest.approx(dimension, rel=rtol)


@pytest.mark.parametrize("solver", [Direct("primal"), Direct("dual"), CG(rtol=1e-10)], ids=name)
@pytest.mark.parametrize("name", ["lbfgs", "multinomial", "liblinear", "poisson", "ridge_outputs"])
@pytest.mark.parametrize(("is_sparse", "damping"), [(False, 0.1), (True, 0.0)])
def test_figures_do_not_depend_on_the_solver(name, is_sparse, solver, damping):
    case = Case(name, is_sparse, weighted=True, wide=True)
    explainer = case.fit(case.X, case.y, case.sample_weight, solver=solver, damping=damping)
    dimension, _ = check_figures(explainer)
    assert explainer.damping_ == damping
    assert explainer.effective_dimension_ == pytest.approx(dimension, rel=1e-8)


def test_figures_of_lissa_are_those_of_the_matrix_it_estimates_with():
    case = Case("lbfgs")
    explainer = case.fit(case.X, case.y, solver=CHEAP_LISSA, refine=False)
    eigenvalues, dimension = spectrum(explainer)
    assert explainer.largest_eigenvalue_ == pytest.approx(eigenvalues[-1])
    assert explainer.smallest_eigenvalue_ == pytest.approx(eigenvalues[0])
    assert explainer.effective_dimension_ == pytest.approx(dimension, rel=0.5)
    assert explainer.lissa_spread_ == explainer.inverse_.spread.max()
    assert 0 < explainer.lissa_spread_ < 0.5


@pytest.mark.parametrize("as_matrix", [np.asarray, sparse.csr_matrix])
@pytest.mark.parametrize("n", [100, 600])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_large_spectra_are_found_by_products(n, n_classes, as_matrix):
    random = np.random.RandomState(0)
    X = random.standard_normal((n, 250)) * np.geomspace(0.1, 1, 250)
    y = (X @ random.standard_normal((250, n_classes))).argmax(axis=1)
    model = logistic(C=0.1)
    direct, products = (
        InfluenceExplainer(model, method="influence", solver=solver).fit(as_matrix(X), y)
        for solver in ("direct", "cg")
    )
    eigenvalues, dimension = spectrum(direct)
    assert direct.largest_eigenvalue_ == pytest.approx(eigenvalues[-1], rel=1e-4)
    assert direct.smallest_eigenvalue_ == pytest.approx(eigenvalues[0], rel=1e-4)
    assert direct.effective_dimension_ == pytest.approx(dimension, rel=1e-9)
    assert products.largest_eigenvalue_ == pytest.approx(eigenvalues[-1], rel=0.01)
    assert products.smallest_eigenvalue_ == pytest.approx(eigenvalues[0], rel=0.02)


def test_decrements_are_lengths_of_steps_in_the_norm_of_the_hessian():
    case = Case("lbfgs", weighted=True)
    model = LogisticRegression(tol=0.3)
    with pytest.warns(ConvergenceWarning, match="stopped short"):
        explainer = InfluenceExplainer(model).fit(case.X, case.y, case.weights)
    problem = explainer.problem_
    inverse, gradient = np.linalg.inv(Hessian(problem).dense()), problem.gradient()
    expected = np.sqrt(gradient @ inverse @ gradient)
    assert explainer.newton_decrement_ == pytest.approx(expected)
    own = problem.predictor.row_gradients(problem.X, problem.weights[:, None] * problem.gradients)
    every = np.sqrt(np.einsum("np,pq,nq->n", own, inverse, own))
    assert every.min() < explainer.typical_decrement_ < every.max()
    assert "stopped short" in repr(explainer)


def test_residual_of_cg_is_the_worst_so_far():
    case = Case("lbfgs", wide=True)
    explainer = case.fit(case.X, case.y, solver=CG(rtol=1e-3), refine=False)
    reached = explainer.solve_residual_
    assert EPS < reached <= 1.1e-3
    explainer.parameter_influence()
    assert reached <= explainer.solve_residual_ <= 1.1e-3


def test_singular_hessian_has_no_condition():
    X, y = collinear()
    with pytest.warns(LinAlgWarning):
        explainer = InfluenceExplainer(LinearRegression()).fit(X, y)
    assert explainer.smallest_eigenvalue_ == 0
    assert explainer.condition_ == np.inf
    assert explainer.effective_dimension_ == pytest.approx(4)
    assert re.search(r"condition +inf", repr(explainer))


@pytest.mark.parametrize("solver", [Direct(), CG(), CHEAP_LISSA], ids=name)
def test_flat_direction_of_a_softmax_is_no_singularity(solver):
    case = Case("multinomial")
    for C in (1.0, np.inf):
        explainer = InfluenceExplainer(logistic(C=C), method="influence", solver=solver)
        explainer.fit(case.X, case.y)
        assert explainer.condition_ < 1e4
        assert explainer.set_params(damping="auto").fit(case.X, case.y).damping_ == 0


# damping="auto"


def test_auto_does_not_damp_what_is_positive_definite(case):
    explainer = case.fit(case.X, case.y, case.sample_weight, damping="auto")
    assert explainer.damping_ == 0
    assert_allclose(
        explainer.loss_influence(*case.test), case.influence.loss_influence(*case.test), rtol=1e-9
    )


@pytest.mark.parametrize("name", ["lbfgs", "multinomial", "lasso", "ridge_outputs", "unpenalised"])
@pytest.mark.parametrize("solver", [CG(), CHEAP_LISSA], ids=name)
def test_auto_does_not_damp_under_any_solver(name, solver):
    case = Case(name, weighted=True)
    explainer = case.fit(case.X, case.y, case.weights, solver=solver, damping="auto", refine=False)
    assert explainer.damping_ == 0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("solver", [Direct(), CG()], ids=name)
def test_auto_damps_collinear_columns_and_predictions_are_those_of_refits(solver, dtype):
    X, y = (array.astype(dtype) for array in collinear())
    explainer = InfluenceExplainer(LinearRegression(), method="newton", solver=solver)
    explainer.set_params(damping="auto").fit(X, y)
    root = np.sqrt(np.finfo(dtype).eps)
    assert explainer.damping_ == pytest.approx(root * explainer.largest_eigenvalue_, rel=1e-2)
    assert explainer.condition_ == pytest.approx(1 / root, rel=1e-2)
    truth = explainer.set_params(method="retrain").fit(X, y).prediction_influence(X[:4])
    estimate = explainer.set_params(method="newton").fit(X, y).prediction_influence(X[:4])
    assert_allclose(estimate, truth, atol=10 * root * np.abs(truth).max())


def indefinite():
    """Return a model, with a deviance that is not convex, that stopped where it is not, and data.

    Half of the deviance of an inverse Gaussian under a log link, ½ y / μ² - 1 / μ, is concave in
    log μ where μ > 2 y.
    """
    random = np.random.RandomState(1)
    X = random.standard_normal((60, 2))
    y = np.exp(X @ [2, 1]) * random.exponential(size=60) ** 2
    return TweedieRegressor(power=3, link="log", alpha=0, max_iter=1), X, y


@pytest.fixture
def unfinished():
    """Let fits that stop early pass."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


@pytest.mark.usefixtures("unfinished")
@pytest.mark.parametrize("solver", [Direct(), CG(), CHEAP_LISSA], ids=name)
def test_auto_turns_negative_curvature_upwards(solver):
    model, X, y = indefinite()
    explainer = InfluenceExplainer(model, method="influence", solver=solver, damping="auto")
    explainer.fit(X, y)
    undamped = np.linalg.eigvalsh(Hessian(explainer.problem_).dense()) / explainer.problem_.n
    assert undamped[0] < 0
    assert explainer.damping_ == pytest.approx(-2 * undamped[0])
    assert explainer.smallest_eigenvalue_ == pytest.approx(-undamped[0])
    assert explainer.condition_ < 100


@pytest.mark.usefixtures("unfinished")
@pytest.mark.parametrize("solver", [Direct(), CG()], ids=name)
def test_indefinite_hessian_is_an_error_that_names_enough_damping(solver):
    model, X, y = indefinite()
    explainer = InfluenceExplainer(model, method="influence", solver=solver)
    with pytest.raises(ValueError, match="not positive definite.*'auto'") as raised:
        explainer.fit(X, y)
    enough = float(re.search(r"Set `damping` to (\S+) or more", str(raised.value))[1])
    explainer.set_params(damping=enough).fit(X, y)
    assert explainer.smallest_eigenvalue_ > 0
    assert explainer.set_params(damping="auto").fit(X, y).damping_ == pytest.approx(enough, rel=0.1)


def test_cleaner_takes_auto():
    case = Case("lbfgs")
    scores = [
        LabelCleaner(logistic(), damping=damping).fit(case.X, case.y).label_scores_
        for damping in (0.0, "auto")
    ]
    assert_allclose(*scores, rtol=1e-9)
    X, y = collinear()
    scores = LabelCleaner(LinearRegression(), damping="auto").fit(X, y).label_scores_
    expected = LabelCleaner(LinearRegression()).fit(X[:, :3], y).label_scores_
    assert_allclose(scores, expected, rtol=1e-5)


@pytest.mark.parametrize("damping", ["Auto", "automatic", -1e-9, np.nan, np.inf, None, True])
def test_other_dampings_are_refused(damping):
    X, y = load_iris(return_X_y=True)
    for estimator in (InfluenceExplainer(damping=damping), LabelCleaner(damping=damping)):
        with pytest.raises(ValueError, match="`damping` must be 'auto' or a finite number >= 0"):
            estimator.fit(X, y)


# Warnings, each with its remedy


def test_singular_hessian_is_warned_of_where_fit_was_called():
    X, y = collinear()
    with pytest.warns(LinAlgWarning, match="singular.*Drop.*add a penalty, or.*'auto'") as caught:
        InfluenceExplainer(LinearRegression()).fit(X, y)
    assert [warning.filename for warning in caught] == [__file__]
    InfluenceExplainer(LinearRegression()).fit(X[:, :3], y)
    InfluenceExplainer(Ridge()).fit(X, y)
    InfluenceExplainer(LinearRegression(), damping="auto").fit(X, y)


def test_every_column_of_dummies_is_collinear_with_the_intercept():
    groups = np.arange(40) % 4
    X, (_, y) = np.eye(4)[groups], regression()
    with pytest.warns(LinAlgWarning, match="collinear"):
        InfluenceExplainer(LinearRegression()).fit(X, y)
    InfluenceExplainer(LinearRegression()).fit(X[:, 1:], y)


REMEDIES = "reciprocal condition .*StandardScaler.*drop.*'auto'"


def test_columns_far_from_zero_are_warned_of():
    X, y = far_from_zero()
    with pytest.warns(LinAlgWarning, match=REMEDIES) as caught:
        InfluenceExplainer(LinearRegression(), refine=True).fit(X, y)
    assert [warning.filename for warning in caught] == [__file__]
    InfluenceExplainer(LinearRegression(), damping="auto", refine=True).fit(X, y)
    InfluenceExplainer(make_pipeline(StandardScaler(), LinearRegression())).fit(X, y)


def test_penalty_that_hardly_separates_collinear_columns_is_warned_of():
    X, y = collinear()
    model = Ridge(alpha=1e-12, solver="svd")
    with pytest.warns(LinAlgWarning, match=REMEDIES):
        InfluenceExplainer(model).fit(X, y)
    InfluenceExplainer(model, damping="auto").fit(X, y)
    InfluenceExplainer(model).fit(X[:, :3], y)
    InfluenceExplainer(Ridge(alpha=1e-6, solver="svd")).fit(X, y)


def test_float32_is_warned_of_sooner():
    X, y = regression()
    X[:, 2] = X[:, 1] + 3e-3 * X[:, 2]
    InfluenceExplainer(LinearRegression()).fit(X, y)
    with pytest.warns(LinAlgWarning, match="ill-conditioned"):
        InfluenceExplainer(LinearRegression(), refine=True).fit(np.float32(X), np.float32(y))


def test_scales_of_columns_are_no_matter():
    X, y = regression()
    model = ridge(alpha=0, solver="svd", fit_intercept=False)
    explainer = InfluenceExplainer(model).fit(X * np.array([1e-5, 1, 1e5]), y)
    assert explainer.condition_ > 1e18
    assert explainer.set_params(damping="auto").fit(X * np.array([1e-5, 1, 1e5]), y).damping_ == 0
    expected = InfluenceExplainer(model).fit(X, y)
    assert_allclose(explainer.leverage(), expected.leverage(), rtol=1e-9)


@pytest.mark.filterwarnings("ignore:LiSSA has not converged")
def test_repeats_that_disagree_are_warned_of():
    X, y = load_iris(return_X_y=True)
    solver = LiSSA(depth=200, repeats=2, batch_size=1, scale=200 / len(y), random_state=0)
    explainer = InfluenceExplainer(logistic(), solver=solver)
    with pytest.warns(ConvergenceWarning, match='Repeats of LiSSA disagree.*"cg"') as caught:
        explainer.fit(X, y)
    told = [each for each in caught if "disagree" in str(each.message)]
    assert [warning.filename for warning in told] == [__file__]
    assert re.search(r"LiSSA spread +[0-9]", repr(explainer))
    explainer.set_params(solver=LiSSA(depth=500, repeats=10, random_state=0)).fit(X, y)
    explainer.set_params(solver="cg").fit(X, y)


# Found when they are asked for, and kept


def test_figures_are_found_once(monkeypatch):
    case = Case("multinomial")
    explainer = case.fit(case.X, case.y)
    assert set(vars(explainer.conditioning_)) == {"problem", "inverse"}
    first = [getattr(explainer, name) for name in FIGURES]

    def fail(*args):
        raise AssertionError("found again")

    for name in ("extremes", "largest_eigenvalue", "OneStep", "typical_gradients"):
        monkeypatch.setattr(f"skinfluence.diagnostics._conditioning.{name}", fail)
    assert [getattr(explainer, name) for name in FIGURES] == first
    copied = pickle.loads(pickle.dumps(explainer))
    assert [getattr(copied, name) for name in FIGURES] == first
    assert repr(copied) == repr(explainer)
    monkeypatch.undo()
    explainer.set_params(damping=1.0).fit(case.X, case.y)
    assert explainer.smallest_eigenvalue_ == pytest.approx(1.0)  # that of the intercepts' sum


def test_summary_finds_nothing_that_takes_time(monkeypatch):
    monkeypatch.setattr("skinfluence.diagnostics._conditioning.SUMMARY_BUDGET", 0)
    case = Case("lbfgs")
    for solver in ("direct", "cg"):
        explainer = case.fit(case.X, case.y, solver=solver)
        assert "condition" not in repr(explainer)
        explainer._repr_html_()
        assert set(vars(explainer.conditioning_)) == {"problem", "inverse"}
        explainer.condition_, explainer.solve_residual_  # noqa: B018
        assert "condition" in repr(explainer) and "solve residual" in repr(explainer)


def test_figures_are_not_there_before_fit():
    explainer = InfluenceExplainer()
    for name in FIGURES:
        assert not hasattr(explainer, name)
        with pytest.raises(NotFittedError):
            getattr(explainer, name)


def test_refits_have_no_figures():
    case = Case("lbfgs")
    explainer = InfluenceExplainer(logistic(), method="retrain").fit(case.X, case.y)
    assert [getattr(explainer, name) for name in EVERY] == [None] * len(EVERY)


def test_fit_by_another_method_replaces_the_figures():
    case = Case("lbfgs")
    explainer = InfluenceExplainer(logistic()).fit(case.X, case.y)
    assert explainer.condition_ > 1
    assert explainer.set_params(method="retrain").fit(case.X, case.y).condition_ is None
    assert clone(explainer).set_params(method="newton").fit(case.X, case.y).condition_ > 1


# repr and HTML


SHOWN = {
    "auto": {"method": "auto"},
    "newton": {"method": "newton"},
    "influence": {"method": "influence", "damping": 0.1},
    "cg": {"method": "influence", "solver": "cg"},
    "lissa": {"method": "influence", "solver": CHEAP_LISSA},
    "retrain": {"method": "retrain"},
}


@pytest.fixture(params=SHOWN)
def shown(request):
    case = Case("lbfgs")
    return InfluenceExplainer(logistic(), **SHOWN[request.param]).fit(case.X, case.y)


def test_repr_is_that_of_scikit_learn_and_a_summary(shown):
    unfitted = BaseEstimator.__repr__(shown)
    assert repr(clone(shown)) == str(clone(shown)) == unfitted
    parameters, summary = repr(shown)[: len(unfitted)], repr(shown)[len(unfitted) :]
    assert parameters == unfitted
    lines = summary.strip("\n").split("\n")
    assert lines[0] == "  estimator            LogisticRegression, 48 rows, 5 parameters"
    assert re.match(rf"  method               {shown.method_}", lines[1])
    assert ("optimum" in summary) == ("converged" in summary) == (shown.method != "retrain")
    assert ("LiSSA spread" in summary) == isinstance(shown.solver, LiSSA)
    assert ("damping=0.1" in summary) == (shown.damping == 0.1)
    assert max(map(len, lines)) < 80


def test_repr_inside_others_is_that_of_scikit_learn(shown):
    fresh = clone(shown)
    assert repr(make_pipeline(StandardScaler(), shown)) == repr(
        make_pipeline(StandardScaler(), fresh)
    )
    grid = {"damping": [0.0, 0.1]}
    assert repr(GridSearchCV(shown, grid)) == repr(GridSearchCV(fresh, grid))
    assert "Ridge(" not in repr(make_pipeline(StandardScaler(), shown))
    short = shown.__repr__(N_CHAR_MAX=20).split("\n  estimator")[0]
    assert short == BaseEstimator.__repr__(shown, N_CHAR_MAX=20)


class Tags(HTMLParser):
    """Collects the tags that are open, and fails where another one is closed."""

    def __init__(self, document):
        super().__init__()
        self.open = []
        self.feed(document)

    def handle_starttag(self, tag, attrs):
        if tag not in ("input", "img", "br", "hr", "meta", "link"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        """Nothing is left open by ``<br />``."""

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_html_is_well_formed_and_ends_in_the_summary(shown):
    document = shown._repr_html_()
    assert Tags(document).open == []
    assert re.search(r"<pre>  estimator  [^<]*\n  method [^<]*</pre>(</body>)?$", document)
    assert shown._repr_mimebundle_()["text/plain"] == repr(shown)
    assert "<pre>  estimator" in shown._repr_mimebundle_()["text/html"]
    with config_context(display="text"):
        assert not hasattr(shown, "_repr_html_")
        assert list(shown._repr_mimebundle_()) == ["text/plain"]
    unfitted = clone(shown)._repr_html_()
    assert Tags(unfitted).open == [] and "<pre>  estimator" not in unfitted
    around = make_pipeline(StandardScaler(), shown)._repr_html_()
    assert Tags(around).open == []


def test_summary_that_fails_does_not_hide_the_estimator(monkeypatch):
    case = Case("ridge")
    explainer = InfluenceExplainer(ridge()).fit(case.X, case.y)

    def fail(*args):
        raise ZeroDivisionError

    monkeypatch.setattr("skinfluence.diagnostics._summary._lines", fail)
    assert repr(explainer) == repr(clone(explainer))


def test_summary_of_a_pipeline_names_its_last_step():
    case = Case("pipeline")
    assert "LogisticRegression, 48 rows, 5 parameters" in repr(case.fit(case.X, case.y))
