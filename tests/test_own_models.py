"""Models of one's own: curved predictions, whole losses, and which Hessian they have."""

import pickle
import warnings

import autograd.numpy as anp
import numpy as np
import pytest
import sklearn
from autograd import hessian as autograd_hessian
from cases import once_each
from comparison import assert_close
from numpy.testing import assert_allclose, assert_array_equal
from own_models import OwnNetwork, convolutional, network, network_loss

from skinfluence import InfluenceExplainer, LabelCleaner, as_problem
from skinfluence.losses import MultinomialLogLoss
from skinfluence.operators import Hessian, Jacobian
from skinfluence.optimum import refine
from skinfluence.predictors import FunctionPredictor, Tangent
from skinfluence.problems import problem_of_function
from skinfluence.solvers import CG, Direct, IndefiniteError, LiSSA

RANDOM = np.random.RandomState(0)
X = RANDOM.standard_normal((60, 4))
Y = (X @ RANDOM.standard_normal((4, 3)) + RANDOM.gumbel(size=(60, 3))).argmax(axis=1)
X_TEST, Y_TEST = X[50:], Y[50:]
X, Y = X[:50], Y[:50]
ROWS = np.arange(0, 50, 6)


def explainer(whole_loss=False, **params):
    """Return an explainer of the own network, at its optimum."""
    params = {"refine": True, **params}
    return InfluenceExplainer(OwnNetwork(whole_loss=whole_loss), **params).fit(X, Y)


@pytest.fixture(scope="module")
def truth():
    """Return the explainer that really refits."""
    return once_each(explainer(method="retrain", refine=False))


def own_problem(whole_loss=False, seed=3):
    """Return the problem of a network that is far from any optimum."""
    model = OwnNetwork(whole_loss=whole_loss)
    model.theta_, model.classes_ = np.random.RandomState(seed).standard_normal(27), np.arange(3)
    return as_problem(model, X, Y, np.linspace(0.2, 2, 50))


def image_problem():
    """Return the problem of a small convolutional network at random parameters."""
    random = np.random.RandomState(5)
    images, labels = random.standard_normal((20, 36)), random.randint(2, size=(20, 2))
    theta = random.standard_normal(38) / 2
    loss = MultinomialLogLoss()
    problem = problem_of_function(convolutional, loss, theta, images, labels, penalty=0.1)
    return problem, loss, images, labels


def test_hessian_is_autograds_of_the_whole_objective():
    weights = np.linspace(0.2, 2, 50)

    def objective(theta):
        return anp.sum(weights * network_loss(theta, X, Y)) + 1.5 * anp.sum(theta**2)

    for whole_loss in (False, True):
        problem = own_problem(whole_loss)
        assert problem.objective() == pytest.approx(objective(problem.theta), rel=1e-14)
        assert_close(Hessian(problem).dense(), autograd_hessian(objective)(problem.theta), 1e-13)


def test_hessian_of_a_convolutional_network_is_autograds():
    problem, loss, images, labels = image_problem()

    def objective(theta):
        return anp.sum(loss(convolutional(theta, images), labels)) + 0.05 * anp.sum(theta**2)

    dense = Hessian(problem).dense()
    assert_close(dense, autograd_hessian(objective)(problem.theta), rtol=1e-13)
    assert_close(Hessian(problem).diagonal(), np.diag(dense), rtol=1e-13)
    V = np.random.RandomState(0).standard_normal((38, 3))
    assert_close(Hessian(problem) @ V, dense @ V, rtol=1e-13)


@pytest.mark.parametrize("n_rows", [2, 50], ids=["row by row", "by parameters"])
def test_products_of_a_function_are_those_of_its_jacobian(n_rows):
    random, theta = np.random.RandomState(0), np.random.RandomState(4).standard_normal(27)
    predictor, rows = FunctionPredictor(network, 3, theta), X[:n_rows]
    jacobian = predictor.jacobian(rows)
    step = 1e-6 * np.eye(27)
    columns = [network(theta + h, rows) - network(theta - h, rows) for h in step]
    assert_allclose(jacobian, np.stack(columns, axis=2) / 2e-6, atol=1e-8)
    V, W = random.standard_normal((27, 2)), random.standard_normal((n_rows, 3, 2))
    assert_close(predictor.jvp(rows, V), jacobian @ V, rtol=1e-13)
    assert_close(predictor.vjp(rows, W), np.einsum("nkp,nkm->pm", jacobian, W), rtol=1e-13)
    G, own = W[:, :, 0], random.standard_normal((n_rows, 27))
    assert_close(predictor.row_gradients(rows, G), np.einsum("nk,nkp->np", G, jacobian), 1e-13)
    assert_close(predictor.row_jvp(rows, own), np.einsum("nkp,np->nk", jacobian, own), 1e-13)
    A = np.einsum("nka,nla->nkl", W, W)
    gram = np.einsum("nkp,nkl,nlq->pq", jacobian, A, jacobian)
    assert_close(predictor.weighted_gram(rows, A), gram, rtol=1e-13)
    assert_close(
        predictor.squared_vjp(rows, G**2), np.einsum("nk,nkp->p", G**2, jacobian**2), 1e-13
    )
    largest = np.linalg.norm(jacobian, ord=2, axis=(1, 2)) ** 2
    assert_close(predictor.row_norms(rows), largest, rtol=1e-13)
    bend = predictor.second_order(rows, G, V)
    assert_close(predictor.hessian_product(rows, G, A, V), gram @ V + bend, rtol=1e-13)


def test_results_do_not_depend_on_blocks(tmp_path):
    problem = own_problem()
    memmap = np.memmap(tmp_path / "X", dtype=float, mode="w+", shape=X.shape)
    memmap[:] = X
    V = np.random.RandomState(0).standard_normal((27, 2))
    expected = Hessian(problem) @ V, problem.gradient(), problem.predictor.jacobian(X)
    with sklearn.config_context(working_memory=1e-3):
        small = own_problem()
        assert_close(Hessian(small) @ V, expected[0], rtol=1e-13)
        assert_close(Hessian(small, block_size=7) @ V, expected[0], rtol=1e-13)
        assert_close(small.gradient(), expected[1], rtol=1e-13)
        assert_close(small.predictor.jacobian(memmap), expected[2], rtol=1e-13)


def test_predictors_and_explainers_survive_pickling():
    problem = own_problem(whole_loss=True)
    copied = pickle.loads(pickle.dumps(problem))
    assert_array_equal(copied.gradient(), problem.gradient())
    for curvature in ("hessian", "gauss_newton"):
        fitted = explainer(method="newton", curvature=curvature)
        again = pickle.loads(pickle.dumps(fitted))
        expected = fitted.loss_influence(X_TEST, Y_TEST, rows=ROWS)
        assert_array_equal(again.loss_influence(X_TEST, Y_TEST, rows=ROWS), expected)


def test_predictor_and_theta_keep_in_step():
    problem = own_problem()
    moved = problem.at(problem.theta + 1)
    assert moved.predictor.theta is moved.theta
    tangent = problem.linearised()
    assert isinstance(tangent.predictor, Tangent) and tangent.predictor.is_linear
    assert_close(tangent.gradient(), problem.gradient(), rtol=1e-13)
    far = tangent.at(problem.theta + 1)
    straight = problem.raw + problem.predictor.jvp(X, np.ones((27, 1)))[:, :, 0]
    assert_close(far.raw, straight, rtol=1e-13)
    jacobian = problem.predictor.jacobian(X)
    A = problem.weights[:, None, None] * problem.curvatures
    gram = np.einsum("nkp,nkl,nlq->pq", jacobian, A, jacobian)
    assert_close(Hessian(tangent).dense(), gram + 3 * np.eye(27), rtol=1e-13)


def test_newton_with_the_exact_hessian_agrees_with_refits(truth):
    newton = explainer(method="newton")
    assert newton.curvature_ == "hessian"
    questions = {
        "loss": lambda e: e.loss_influence(X_TEST, Y_TEST, rows=ROWS),
        "prediction": lambda e: e.prediction_influence(X_TEST, rows=ROWS),
        "parameter": lambda e: e.parameter_influence(ROWS),
        "own loss": lambda e: e.loss_influence(X[ROWS], Y[ROWS], rows=ROWS).diagonal(),
    }
    for ask in questions.values():
        refitted, estimated = ask(truth).ravel(), ask(newton).ravel()
        assert np.polyfit(refitted, estimated, 1)[0] == pytest.approx(1, abs=0.01)
        assert np.corrcoef(refitted, estimated)[0, 1] > 0.9999
    groups = np.arange(50) % 5
    assert_close(
        newton.group_influence(X_TEST, Y_TEST, groups),
        truth.group_influence(X_TEST, Y_TEST, groups),
        rtol=1e-3,
    )
    removed, refitted = newton.remove([1, 2, 3]), truth.remove([1, 2, 3])
    assert removed.certificate_ < 1e-4
    assert_close(removed.theta_, refitted.theta_, rtol=1e-3)


def test_whole_loss_agrees_with_the_same_loss_of_a_prediction():
    of_prediction, of_loss = (explainer(whole, method="influence") for whole in (False, True))
    expected = of_prediction.loss_influence(X_TEST, Y_TEST)
    assert_close(of_loss.loss_influence(X_TEST, Y_TEST), expected, rtol=1e-9)
    assert_close(of_loss.self_influence(), of_prediction.self_influence(), rtol=1e-9)
    assert explainer(whole_loss=True).method_ == "influence"


def test_whole_loss_has_no_predictions_and_no_newton():
    fitted = explainer(whole_loss=True)
    for ask in (lambda: fitted.prediction_influence(X_TEST), fitted.loo_predict):
        with pytest.raises(ValueError, match="losses alone"):
            ask()
    with pytest.raises(ValueError, match="losses alone"):
        explainer(whole_loss=True, method="newton")
    with pytest.raises(ValueError, match="losses alone"):
        explainer(whole_loss=True, curvature="gauss_newton")
    with pytest.raises(ValueError, match="losses alone"):
        LabelCleaner(OwnNetwork(whole_loss=True)).fit(X, Y)


class Unfinished(OwnNetwork):
    """The network where it starts: its Hessian is indefinite."""

    def fit(self, X, y, sample_weight=None):
        self.classes_ = np.unique(y)
        self.theta_ = np.random.RandomState(3).standard_normal(27)
        return self


def unfinished(**params):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sklearn.exceptions.ConvergenceWarning)
        return InfluenceExplainer(Unfinished(alpha=0.01), **params).fit(X, Y)


@pytest.mark.parametrize("solver", [Direct(), CG(), LiSSA(random_state=0)], ids=str)
def test_indefinite_hessian_is_refused_with_the_damping_that_would_do(solver):
    with pytest.raises(IndefiniteError, match="smallest eigenvalue") as error:
        unfinished(curvature="hessian", method="influence", solver=solver)
    enough = float(str(error.value).split("Set `damping` to ")[1].split()[0])
    fitted = unfinished(curvature="hessian", damping=enough)
    assert fitted.smallest_eigenvalue_ > 0 and fitted.curvature_ == "hessian"


def test_auto_takes_gauss_newton_where_the_hessian_is_indefinite():
    fitted = unfinished()
    assert fitted.curvature_ == "gauss_newton" and fitted.damping_ == 0
    named = unfinished(curvature="gauss_newton")
    uncertain = {"expected_warning": sklearn.exceptions.ConvergenceWarning, "match": "certified"}
    with pytest.warns(**uncertain):
        same = named.loss_influence(X_TEST, Y_TEST)
    with pytest.warns(**uncertain):
        assert_array_equal(fitted.loss_influence(X_TEST, Y_TEST), same)
    damped = unfinished(curvature="hessian", damping="auto")
    assert damped.damping_ > 0 and damped.smallest_eigenvalue_ > 0
    assert explainer(solver="cg").curvature_ == "gauss_newton"
    assert explainer(method="retrain", refine=False).curvature_ is None


def test_refine_comes_to_a_minimum_from_an_indefinite_start():
    problem = own_problem()
    assert np.linalg.eigvalsh(Hessian(problem).dense())[0] < 0
    refined = refine(problem, Direct())
    assert np.abs(refined.gradient()).max() < 1e-10
    assert np.linalg.eigvalsh(Hessian(refined).dense())[0] > 0
    assert refined.objective() < problem.objective()


def test_gauss_newton_is_newton_on_the_linearised_problem():
    fitted = explainer(method="newton", curvature="gauss_newton")
    linear, row = fitted.problem_.linearised(), 7
    without = refine(linear.without(np.arange(50) == row), Direct())
    change = without.theta - linear.theta
    assert_close(fitted.parameter_influence([row])[0], change, rtol=0.02)
    groups = np.zeros((50, 1), dtype=bool)
    groups[[1, 5, 9]] = True
    without = refine(linear.without(groups[:, 0]), Direct())
    expected = linear.loss.change(
        *(linear.predict_raw(X_TEST), linear.targets.encode(Y_TEST, float)),
        without.predict_raw(X_TEST) - linear.predict_raw(X_TEST),
    )
    estimate = fitted.group_influence(X_TEST, Y_TEST, groups)[:, 0]
    assert_close(estimate, expected, rtol=1e-3)


def test_jacobian_operator_is_adjoint():
    problem = own_problem()
    operator = Jacobian(problem.predictor, X, problem.gradients)
    u, v = np.random.RandomState(0).standard_normal(50), np.ones(27)
    assert u @ (operator @ v) == pytest.approx((operator.T @ u) @ v, rel=1e-12)


def two_columns(theta, X):
    return anp.dot(X, anp.reshape(theta, (4, 2)))


def test_wrong_shapes_are_named():
    with pytest.raises(ValueError, match="2 columns|3 column"):
        problem_of_function(
            two_columns, MultinomialLogLoss(), np.zeros(8), X, Y, classes=np.arange(3)
        )
    predictor = FunctionPredictor(two_columns, 3, np.zeros(8))
    with pytest.raises(ValueError, match="must return shape"):
        predictor.raw(predictor.theta, X)
