"""The classical diagnostics against statsmodels and against refits, and RelatIF against algebra."""

from dataclasses import dataclass

import autograd.numpy as anp
import numpy as np
import pytest
import sklearn
from cases import Case
from comparison import assert_close
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression, LogisticRegression, PoissonRegressor, Ridge
from sklearn.preprocessing import scale

from skinfluence import InfluenceExplainer
from skinfluence.diagnostics import OneStep
from skinfluence.losses import Loss
from skinfluence.operators import Hessian, Removal
from skinfluence.predictors import LinearPredictor
from skinfluence.problems import Problem, encode_features, held
from skinfluence.solvers import CG, Direct

NAMES = ("leverage", "cooks_distance", "dffits", "dfbetas")


def with_ones(X):
    return np.column_stack([X, np.ones(len(X))])


def diabetes():
    """Return diabetes, and a weight for each row."""
    X, y = load_diabetes(return_X_y=True)
    return X, y, np.random.RandomState(0).uniform(0.2, 3, size=len(y))


def cancer():
    """Return four features of breast cancer on which the classes overlap, and weights."""
    X, y = load_breast_cancer(return_X_y=True)
    return scale(X[:, [0, 1, 4, 5]]), y, np.random.RandomState(0).uniform(0.2, 3, size=len(y))


def unpenalised():
    return LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000)


def explain(estimator, X, y, sample_weight=None, **params):
    return InfluenceExplainer(estimator, refine=True, **params).fit(X, y, sample_weight)


def one_step(loss, theta, X, y, weights):
    """Return the diagnostics of a problem without penalty, with an intercept."""
    problem = Problem(
        loss=loss,
        predictor=LinearPredictor(1, X.shape[1]),
        theta=np.asarray(theta),
        X=X,
        y=y[:, None],
        weights=weights,
        penalty=np.zeros(len(theta)),
    )
    return OneStep(problem, Direct().invert(Hessian(problem)))


# Against statsmodels


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("weighted", [False, True])
def test_linear_regression_is_ols_of_statsmodels(fit_intercept, weighted):
    """OLSInfluence knows no weights: a weighted fit is OLS on rows times the root of theirs."""
    sm = pytest.importorskip("statsmodels.api")
    X, y, weights = diabetes()
    weights = weights if weighted else np.ones(len(y))
    explainer = explain(LinearRegression(fit_intercept=fit_intercept), X, y, weights)
    design, root = with_ones(X) if fit_intercept else X, np.sqrt(weights)
    truth = sm.OLS(root * y, root[:, None] * design).fit().get_influence()
    assert_close(explainer.leverage(), truth.hat_matrix_diag, rtol=1e-10)
    assert_close(explainer.cooks_distance(), truth.cooks_distance[0], rtol=1e-10)
    assert_close(explainer.dffits(), truth.dffits[0], rtol=1e-10)
    assert_close(explainer.dfbetas(), truth.dfbetas, rtol=1e-10)


def test_weighted_linear_regression_is_gaussian_glm_of_statsmodels():
    sm = pytest.importorskip("statsmodels.api")
    X, y, weights = diabetes()
    explainer = explain(LinearRegression(), X, y, weights)
    truth = sm.GLM(y, with_ones(X), var_weights=weights).fit(tol=1e-14).get_influence()
    assert_close(explainer.leverage(), truth.hat_matrix_diag, rtol=1e-10)
    assert_close(explainer.cooks_distance(), truth.cooks_distance[0], rtol=1e-10)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("model", ["GLM", "Logit"])
def test_logistic_regression_is_that_of_statsmodels(model, weighted):
    sm = pytest.importorskip("statsmodels.api")
    X, y, weights = cancer()
    explainer = explain(unpenalised(), X, y, weights if weighted else None)
    if model == "GLM":
        options = {"var_weights": weights} if weighted else {}
        fit = sm.GLM(y, with_ones(X), family=sm.families.Binomial(), **options).fit(tol=1e-14)
    elif weighted:
        pytest.skip("Logit takes no weights")
    else:
        fit = sm.Logit(y, with_ones(X)).fit(disp=0, tol=1e-14)
    truth = fit.get_influence()
    assert_close(explainer.leverage(), truth.hat_matrix_diag, rtol=1e-10)
    assert_close(explainer.cooks_distance(), truth.cooks_distance[0], rtol=1e-10)
    assert_close(explainer.dffits(), truth.d_fittedvalues_scaled, rtol=1e-10)
    assert_close(explainer.dfbetas(), truth.dfbetas, rtol=1e-10)


@dataclass(frozen=True)
class PoissonDeviance(Loss):
    """Twice the negative log-likelihood, log link."""

    separable = True
    dispersion = 2.0

    def __call__(self, raw, y):
        return anp.sum(2 * (anp.exp(raw) - y * raw), axis=-1)


@dataclass(frozen=True)
class GammaDeviance(Loss):
    """A deviance under a link that is not canonical: its Hessian depends on y."""

    separable = True
    dispersion = "pearson"

    def __call__(self, raw, y):
        return anp.sum(2 * (raw + y * anp.exp(-raw)), axis=-1)

    def expected_hessian(self, raw, y):
        return self.hessian(raw, np.exp(raw))


def counts(family):
    random = np.random.RandomState(0)
    X = random.standard_normal((80, 3))
    mean = np.exp(X @ [0.5, -0.3, 0.1] + 1)
    y = random.poisson(mean) if family == "Poisson" else random.gamma(2.0, mean / 2)
    return X, y.astype(float), random.uniform(0.2, 3, size=80)


def test_a_deviance_is_the_model_of_statsmodels():
    """The factor of two between deviance and log-likelihood cancels."""
    sm = pytest.importorskip("statsmodels.api")
    X, y, weights = counts("Poisson")
    model = sm.GLM(y, with_ones(X), family=sm.families.Poisson(), var_weights=weights)
    fit = model.fit(tol=1e-14)
    step, truth = one_step(PoissonDeviance(), fit.params, X, y, weights), fit.get_influence()
    assert_close(step.hats[:, 0, 0], truth.hat_matrix_diag, rtol=1e-10)
    assert_close(step.cooks_distance(), truth.cooks_distance[0], rtol=1e-10)
    assert_close(step.dffits()[:, 0], truth.d_fittedvalues_scaled, rtol=1e-10)
    assert_close(step.dfbetas(), truth.dfbetas, rtol=1e-10)


@pytest.mark.parametrize("weighted", [False, True])
def test_poisson_regression_is_that_of_statsmodels(weighted):
    sm = pytest.importorskip("statsmodels.api")
    X, y, weights = counts("Poisson")
    weights = weights if weighted else np.ones(len(y))
    explainer = explain(PoissonRegressor(alpha=0, tol=1e-10), X, y, weights)
    model = sm.GLM(y, with_ones(X), family=sm.families.Poisson(), var_weights=weights)
    truth = model.fit(tol=1e-14).get_influence()
    assert_close(explainer.leverage(), truth.hat_matrix_diag, rtol=1e-10)
    assert_close(explainer.cooks_distance(), truth.cooks_distance[0], rtol=1e-10)
    assert_close(explainer.dffits(), truth.d_fittedvalues_scaled, rtol=1e-10)
    assert_close(explainer.dfbetas(), truth.dfbetas, rtol=1e-10)


def test_under_another_link_the_step_is_newtons():
    """Hat values and dispersion are statsmodels'; its step mixes observed and expected A."""
    sm = pytest.importorskip("statsmodels.api")
    X, y, weights = counts("Gamma")
    family = sm.families.Gamma(sm.families.links.Log())
    fit = sm.GLM(y, with_ones(X), family=family, var_weights=weights).fit(tol=1e-14)
    step = one_step(GammaDeviance(), fit.params, X, y, weights)
    problem, truth = step.problem, fit.get_influence()
    assert_close(step.hats[:, 0, 0], truth.hat_matrix_diag, rtol=1e-10)
    assert step.dispersion.of_all_rows[0] == pytest.approx(2 * fit.scale, rel=1e-10)
    pearson = problem.loss.expected_hessian(problem.raw, problem.y)[:, 0, 0]
    mixed = problem.curvatures[:, 0, 0] / pearson
    assert_close(step.cooks_distance() * mixed, truth.cooks_distance[0], rtol=1e-10)
    for j in (0, 40):
        without = problem.reweighted(np.where(np.arange(len(y)) == j, 0, weights))
        newton = np.linalg.solve(Hessian(without).dense(), without.gradient())
        variances = np.diag(np.linalg.inv(Hessian(problem).dense()))
        error = np.sqrt(variances * step.dispersion.of_all_rows)
        assert_close(step.dfbetas()[j], newton / error, rtol=1e-10)


# Against refits and dense algebra


def without(problem, j):
    """Return the problem without row j, its weight set to 0: the penalty stays as it is."""
    return problem.reweighted(np.where(np.arange(problem.n_rows) == j, 0, problem.weights))


def curves(problem):
    """Tell whether the penalty is a norm of groups: it curves, and couples all outputs."""
    return problem.norm is not None and problem.norm.positions.shape[1] > 1


def parts_of(problem):
    """Return the problems that add up to this one and share no parameter, and their places.

    Of a pair in one-vs-one it is that of the rows of its classes.
    """
    if problem.n_outputs == 1 or curves(problem) or not problem.predictor.has_dual:
        return [(problem, np.arange(len(problem.theta)), slice(None))]
    blocks = problem.loss.blocks(problem.n_outputs)
    return [(*problem.block(loss, outputs), outputs) for loss, outputs in blocks]


def dense_inverse(problem):
    """Return H⁺, which leaves flat directions and parameters held at zero alone."""
    return np.linalg.pinv(Hessian(problem).dense(), rcond=1e-13, hermitian=True)


def effective_dimension(problem):
    """Return the trace of H⁺ times the part of H that is not the penalty's."""
    jacobian = problem.predictor.jacobian(problem.X)
    curvatures = problem.weights[:, None, None] * problem.curvatures
    data = np.einsum("nkp,nkl,nlq->pq", jacobian, curvatures, jacobian, optimize=True)
    return np.sum(dense_inverse(problem) * data)


def dispersion(problem):
    """Return the effective dimension of a part and its φ by dense algebra."""
    loss, dimension = problem.loss, effective_dimension(problem)
    if loss.dispersion != "pearson":
        return dimension, loss.dispersion
    expected = np.einsum("nkk->nk", loss.expected_hessian(problem.raw, problem.y))
    counted = (problem.weights[:, None] > 0) & (expected > 0)  # not a pair's other classes
    squares = problem.weights[:, None] * problem.gradients**2 / np.where(counted, expected, 1)
    return dimension, np.sum(squares) / (np.count_nonzero(counted) - dimension)


def likelihood(case):
    """Return whether the case has standard errors: a likelihood, whose own prediction is asked."""
    losses = [part.loss for part, _, _ in parts_of(case.problem)]
    return case.problem.question is None and all(loss.dispersion is not None for loss in losses)


def refit(case, j):
    """Return theta of a real fit without row j, the rest of the objective as it is with it.

    A penalty on the mean stays as heavy, and so do the others where classes are balanced.
    """
    problem, weights = case.problem, case.sample_weight
    on_mean = problem.mass is not None and (problem.penalty.any() or problem.norm is not None)
    if case.fixed_weights and not on_mean:
        return problem.theta + case.retrain.parameter_influence([j])[0]
    kept, model = np.arange(problem.n_rows) != j, held(case.influence.estimator_)
    if on_mean:
        model.set_params(alpha=model.alpha * problem.mass.sum() / problem.mass[kept].sum())
    else:
        model.set_params(class_weight=None)
        weights = problem.weights
    weights = None if weights is None else weights[kept]
    explainer = InfluenceExplainer(model, method="influence", refine=True)
    return explainer.fit(case.X[kept], case.y[kept], weights).problem_.theta


def assert_measured(explainer, part, where, outputs, j, change, without, rtol):
    """Compare row j's DFFITS and DFBETAS of a part with a change of theta; return Cook's distance.

    ``without`` is the part whose φ the standard errors have.
    """
    inverse, (dimension, phi) = dense_inverse(part), dispersion(part)
    sigma = np.sqrt(dispersion(without)[1])
    spread = sigma * np.sqrt(np.diag(inverse))
    rounded = 16 * np.finfo(float).eps * np.abs(part.theta).max()  # where nothing changes
    close = {"rtol": 0, "atol": rtol * np.abs(change).max() + rounded}
    assert_allclose(explainer.dfbetas()[j, where] * spread, -change, **close)
    own = part.predictor.jacobian(part.X[[j]])[0]
    error = sigma * np.sqrt(np.einsum("kp,pq,kq->k", own, inverse, own))
    fits = explainer.dffits().reshape(part.n_rows, -1)[j, outputs]
    close["atol"] *= np.abs(own).sum(axis=1).max()
    assert_allclose(fits * error, -own @ change, **close)
    return change @ Hessian(part).dense() @ change / (dimension * phi)


def test_least_squares_is_measured_from_real_refits(case):
    """Also the φ and the effective dimension of a penalised fit are those of the refit."""
    problem = case.problem
    curved = not problem.predictor.is_linear or curves(problem)
    if not (problem.loss.quadratic and likelihood(case)) or curved:
        pytest.skip("the step is not the refit")
    if problem.kernel is not None:
        pytest.skip("the refit has features of its own")
    compared = 0
    for j in case.rows if problem.norm is None else range(problem.n_rows):
        theta, distances, parts = refit(case, j), [], parts_of(problem)
        for part, where, outputs in parts:
            if not np.array_equal(theta[where] != 0, part.theta != 0):
                continue  # the step holds at zero what the fit holds there
            after, change = without(part, j).at(theta[where]), theta[where] - part.theta
            measured = (case.influence, part, where, outputs, j, change)
            distances.append(assert_measured(*measured, without=after, rtol=1e-7))
        if len(distances) == len(parts):
            assert case.influence.cooks_distance()[j] == pytest.approx(sum(distances), rel=1e-7)
        compared += len(distances)
        if compared >= 4:
            break
    assert compared


def test_likelihoods_are_measured_from_one_newton_step(case):
    """Also those of squared error under a norm of groups, which curves."""
    problem = case.problem
    quadratic = problem.loss.quadratic and not curves(problem)
    if quadratic or not likelihood(case):
        pytest.skip("φ is that without the row, or there is none")
    if not problem.predictor.is_linear:
        pytest.skip("its step takes out what the row's loss curves, not what its prediction does")
    for j in case.rows[:4]:
        distance = 0
        for part, where, outputs in parts_of(problem):
            own = part.predictor.row_gradients(part.X[[j]], part.gradients[[j]])[0]
            change = dense_inverse(without(part, j)) @ (part.weights[j] * own)
            measured = (case.influence, part, where, outputs, j, change)
            distance += assert_measured(*measured, without=part, rtol=1e-8)
        assert case.influence.cooks_distance()[j] == pytest.approx(distance, rel=1e-8)


def test_leverages_are_the_effective_dimension_of_all_parts(case):
    dimension = sum(effective_dimension(part) for part, _, _ in parts_of(case.problem))
    assert case.influence.leverage().sum() == pytest.approx(dimension, rel=1e-7)


# For every supported estimator


def ask_all(explainer, names=NAMES):
    return {name: getattr(explainer, name)() for name in names}


def names_of(case):
    """Return the diagnostics that a case has."""
    return NAMES if likelihood(case) else NAMES[:1]


#: Cases without standard errors: their loss is no log-likelihood, or they average fits.
WITHOUT_ERRORS = ("huber", "quantile", "sgd_modified", "sgd_squared", "sgd_huber", "voting")
WITHOUT_ERRORS += ("linear_svc", "linear_svr", "smoothed_linear_svc", "svc", "svr")


def test_what_has_no_standard_errors_says_what_to_ask_instead(case):
    assert likelihood(case) != case.name.startswith(WITHOUT_ERRORS)
    if likelihood(case):
        pytest.skip("it has")
    for name in NAMES[1:]:
        with pytest.raises(ValueError, match="no (log-likelihood|standard errors).*`leverage`"):
            getattr(case.influence, name)()


def test_diagnostics_are_finite_and_of_the_documented_shape(case):
    n, K, P = case.problem.n_rows, case.problem.raw.shape[1], len(case.problem.theta)
    shapes = {"dffits": (n,) if K == 1 else (n, K), "dfbetas": (n, P)}
    for name, values in ask_all(case.newton, names_of(case)).items():
        assert values.shape == shapes.get(name, (n,))
        assert np.all(np.isfinite(values))
        assert_close(values, getattr(case.influence, name)(), rtol=1e-10)
        assert name != "cooks_distance" or np.all(values >= 0)


def test_diagnostics_do_not_depend_on_memory(case):
    expected = ask_all(case.influence, names_of(case))
    with sklearn.config_context(working_memory=1e-3):
        explainer = case.fit(case.X, case.y, case.sample_weight, solver=Direct())
        for name, values in ask_all(explainer, expected).items():
            assert_close(values, expected[name], rtol=1e-7)


@pytest.mark.one_kind
def test_diagnostics_do_not_depend_on_the_solver(case):
    """What the diagnostics ask of an inverse, every solver gives: see the laws of leverages."""
    expected = ask_all(case.influence, names_of(case))
    if not case.problem.predictor.is_linear:
        pytest.skip("solvers by products take another curvature, and one that is nearly flat")
    params = {"solver": CG(rtol=1e-12), "block_size": 10}
    explainer = case.fit(case.X, case.y, case.sample_weight, **params)
    for name, values in ask_all(explainer, expected).items():
        assert_close(values, expected[name], rtol=1e-7)


@pytest.mark.parametrize("estimator", [LinearRegression(), Ridge(), unpenalised()])
def test_float32_stays_float32(estimator):
    X, y, _ = cancer()
    double = ask_all(explain(estimator, X, y))
    for name, values in ask_all(explain(estimator, X.astype(np.float32), y)).items():
        assert values.dtype == np.float32
        assert_close(values, double[name], rtol=1e-3)


# Rows at the edge


@pytest.mark.parametrize("estimator", [LinearRegression(), Ridge(), unpenalised()])
def test_row_of_weight_zero_is_not_there(estimator):
    X, y, weights = cancer()
    weights[[3, 8]] = 0
    kept = weights > 0
    alone = ask_all(explain(estimator, X[kept], y[kept], weights[kept]))
    for name, values in ask_all(explain(estimator, X, y, weights)).items():
        assert_array_equal(values[~kept], 0)
        assert_close(values[kept], alone[name], rtol=1e-8)


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_row_of_leverage_one_is_infinite_where_it_determines_something(fit_intercept):
    X, y, _ = diabetes()
    marked = np.column_stack([X, np.arange(len(y)) == 5])
    explainer = explain(LinearRegression(fit_intercept=fit_intercept), marked, y)
    others = np.arange(len(y)) != 5
    alone = explain(LinearRegression(fit_intercept=fit_intercept), X[others], y[others])
    assert explainer.leverage()[5] == pytest.approx(1)
    assert explainer.cooks_distance()[5] == np.inf and explainer.dffits()[5] == np.inf
    betas = explainer.dfbetas()
    assert_array_equal(betas[5] == np.inf, np.arange(betas.shape[1]) == 10)
    assert_array_equal(np.delete(betas[5], 10), 0)
    assert_close(np.delete(betas[others], 10, axis=1), alone.dfbetas(), rtol=1e-8)
    assert_close(explainer.dffits()[others], alone.dffits(), rtol=1e-8)


def test_row_of_leverage_one_in_one_output_is_finite_in_the_others():
    X, y, _ = diabetes()
    marked = np.column_stack([X, np.arange(len(y)) == 5])
    explainer = explain(Ridge(np.array([0.0, 5.0])), marked, np.column_stack([y, y[::-1]]))
    alone = explain(Ridge(5.0), marked, y[::-1])
    assert explainer.cooks_distance()[5] == np.inf and explainer.dffits()[5, 0] == np.inf
    assert_close(explainer.dffits()[:, 1], alone.dffits(), rtol=1e-10)
    second = np.r_[11:22, 23]
    assert_close(explainer.dfbetas()[:, second], alone.dfbetas(), rtol=1e-10)
    assert_array_equal(np.flatnonzero(np.isinf(explainer.dfbetas()[5])), [10])


def test_nothing_moves_where_every_target_is_met():
    X, y, _ = diabetes()
    for values in ask_all(explain(Ridge(), X, np.zeros(len(y)))).values():
        assert np.all(np.isfinite(values))
    explainer = explain(Ridge(), X, np.zeros(len(y)))
    assert_array_equal(explainer.dfbetas(), 0)
    assert_array_equal(explainer.cooks_distance(), 0)


def test_residuals_of_rounding_are_none():
    X = np.random.RandomState(0).standard_normal((8, 3))
    y = 1e4 + X @ [1e-3, 2e-3, -1e-3]
    explainer = InfluenceExplainer(LinearRegression()).fit(X, y)
    assert np.any(explainer.estimator_.predict(X) != y)
    assert_array_equal(explainer.cooks_distance(), 0)
    assert_array_equal(explainer.dffits(), 0)
    assert_array_equal(explainer.dfbetas(), 0)
    noise = np.random.RandomState(1).standard_normal(8)
    both = explain(LinearRegression(), X, np.column_stack([y, noise]))
    assert_array_equal(both.dffits()[:, 0], 0)
    assert_close(both.dffits()[:, 1], explain(LinearRegression(), X, noise).dffits(), rtol=1e-10)


def test_row_that_carries_all_of_the_residual_keeps_a_positive_dispersion():
    """The textbook's downdate of σ² is negative for such a row under a penalty."""
    X, y = np.random.RandomState(0).standard_normal((20, 3)), np.zeros(20)
    y[4] = 1
    fits = explain(Ridge(10.0, fit_intercept=False), X, y).dffits()
    assert np.isfinite(fits[np.arange(20) != 4]).all()
    refit = Ridge(10.0, fit_intercept=False).fit(np.delete(X, 4, 0), np.delete(y, 4))
    assert_array_equal(refit.coef_, 0)  # without it nothing is left to explain
    assert fits[4] > 1e3


# Errors


@pytest.mark.parametrize("name", NAMES)
def test_refits_have_no_hessian(name):
    X, y, _ = cancer()
    explainer = InfluenceExplainer(method="retrain").fit(X, y)
    with pytest.raises(ValueError, match=f"`{name}` needs the Hessian; use method="):
        getattr(explainer, name)()


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_diagnosed_before_fit(name):
    with pytest.raises(NotFittedError):
        getattr(InfluenceExplainer(), name)()


@pytest.mark.parametrize("name", NAMES[1:])
def test_a_loss_that_is_no_likelihood_has_no_standard_errors(name):
    @dataclass(frozen=True)
    class LogCosh(Loss):
        separable = True

        def __call__(self, raw, y):
            return anp.sum(anp.log(anp.cosh(raw - y)), axis=-1)

    X, y, weights = counts("Gamma")
    step = one_step(LogCosh(), np.zeros(4), X, y, weights)
    with pytest.raises(ValueError, match="LogCosh is no log-likelihood.*`leverage`"):
        getattr(step, name)()


@pytest.mark.parametrize(("name", "n"), [("cooks_distance", 11), ("dffits", 12), ("dfbetas", 12)])
def test_no_degrees_of_freedom_is_an_error(name, n):
    X, y, _ = diabetes()
    explainer = InfluenceExplainer(LinearRegression(), method="influence").fit(X[:n], y[:n])
    with pytest.raises(ValueError, match="degrees of freedom.*Add rows or a penalty"):
        getattr(explainer, name)()


# RelatIF


@pytest.mark.parametrize("constraint", ["loss", "theta"])
def test_relative_influence_is_dense_algebra(case, constraint):
    problem, explainer = case.problem, case.newton
    inverse = np.linalg.pinv(Hessian(problem).dense(), rcond=1e-13, hermitian=True)
    X = problem.encode(encode_features(explainer.estimator_, case.X_test))
    y = problem.targets.encode(case.y_test, float)
    J = problem.predictor.row_gradients(
        X, problem.evaluation_loss.gradient(problem.predict_raw(X), y)
    )
    R = Removal(problem, np.arange(problem.n_rows)).dense()
    changes = R @ inverse
    squares = np.sum((R if constraint == "loss" else changes) * changes, axis=1)
    effect = squares > 0  # none for a row of zeros
    expected = J @ changes.T * effect / np.sqrt(np.where(effect, squares, 1))
    relative = explainer.relative_influence(*case.test, constraint=constraint)
    assert_close(relative, expected, rtol=1e-8)
    rows = case.rows[::-1]
    part = explainer.relative_influence(*case.test, rows=rows, constraint=constraint)
    assert_close(part, relative[:, rows], rtol=1e-10)
    with sklearn.config_context(working_memory=1e-3):
        again = explainer.relative_influence(*case.test, constraint=constraint)
        assert_close(again, relative, rtol=1e-10)


def test_relative_influence_on_a_rows_own_loss_is_its_whole_effect():
    """No row does more for a loss, per unit of effect, than that row itself (Cauchy-Schwarz)."""
    X, y, weights = cancer()
    explainer = explain(LogisticRegression(tol=1e-10), X, y, weights, method="influence")
    relative = explainer.relative_influence(X, y)
    assert_array_equal(np.argmax(relative, axis=1), np.arange(len(y)))
    assert_close(np.diag(relative) ** 2 * weights, explainer.self_influence(), rtol=1e-8)


@pytest.mark.parametrize("constraint", ["loss", "theta"])
def test_relative_influence_of_a_row_is_that_of_its_copies(constraint):
    X, y, weights = cancer()
    double = weights.copy()
    double[5] *= 2
    twice = np.append(np.arange(len(y)), 5)
    model = LogisticRegression(tol=1e-10)
    once = explain(model, X, y, double).relative_influence(X[:3], y[:3], constraint=constraint)
    both = explain(model, X[twice], y[twice], weights[twice])
    copies = both.relative_influence(X[:3], y[:3], rows=[5, len(y)], constraint=constraint)
    assert_close(copies, once[:, [5, 5]], rtol=1e-7)


@pytest.mark.parametrize("constraint", ["loss", "theta"])
def test_rows_without_an_effect_get_zero(constraint):
    X, y, weights = cancer()
    weights[5] = 0
    explainer = explain(LogisticRegression(tol=1e-10), X, y, weights)
    relative = explainer.relative_influence(X[:3], y[:3], constraint=constraint)
    assert_array_equal(relative[:, 5], 0)
    assert np.all(relative[:, :5] != 0)


def test_relative_influence_says_what_it_cannot_do():
    X, y, _ = cancer()
    with pytest.raises(NotFittedError):
        InfluenceExplainer().relative_influence(X, y)
    with pytest.raises(ValueError, match="`constraint` must be 'loss' or 'theta'; got 'l2'"):
        explain(None, X, y).relative_influence(X, y, constraint="l2")
    refits = InfluenceExplainer(method="retrain").fit(X, y)
    with pytest.raises(ValueError, match="`relative_influence` needs the Hessian"):
        refits.relative_influence(X, y)


def test_balanced_weights_are_held_fixed():
    case = Case("lbfgs_balanced")
    model = LogisticRegression(tol=1e-9, max_iter=100_000)
    fixed = explain(model, case.X, case.y, case.problem.weights)
    for name in NAMES:
        assert_close(getattr(case.influence, name)(), getattr(fixed, name)(), rtol=1e-6)
