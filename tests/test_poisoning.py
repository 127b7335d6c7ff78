"""Training-set attacks: limits obeyed, effects confirmed by real refits."""

import numpy as np
import pandas as pd
import pytest
from comparison import assert_close
from questions import data, fit, logistic
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LogisticRegression, PoissonRegressor, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler
from sklearn.svm import SVC

from skinfluence import InfluenceExplainer
from skinfluence.adapters import Transformer, register
from skinfluence.poisoning import poison, vulnerability

N = 60
MODELS = {
    "logistic": logistic(),
    "multinomial": logistic(),
    "ridge": Ridge(),
    "poisson": PoissonRegressor(solver="newton-cholesky", tol=1e-10),
    "pipeline": make_pipeline(StandardScaler(), logistic()),
}


def refitted_losses(model, X, y, X_test, y_test):
    explainer = InfluenceExplainer(model, refine=True).fit(X, y)
    problem = explainer.problem_
    return problem.loss(problem.predict_raw(X_test), problem.targets.encode(y_test, float))


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("n_iter", [1, 6])
def test_the_loss_rises_as_predicted_after_really_refitting(name, n_iter):
    X, y, *test = data(name, n=N)
    settings = {"epsilon": 0.2, "n_rows": 3, "n_iter": n_iter}
    attack = poison(MODELS[name], X, y, *test, **settings)
    assert attack.realised_change > 0
    assert 0.5 < attack.predicted_change / attack.realised_change < 2
    assert_close(attack.loss_after.sum() - attack.loss_before.sum(), attack.realised_change, 1e-9)
    if name != "pipeline":  # whose scaler is held, not fitted again
        moved = X.copy()
        moved[attack.rows] = attack.X_new
        assert_close(attack.loss_after, refitted_losses(MODELS[name], moved, y, *test), rtol=1e-6)
        assert_close(attack.estimator.predict(test[0]), attack.prediction_after, rtol=1e-12)


def test_small_steps_are_as_large_as_the_derivative_says():
    X, y, *test = data("logistic", n=N)
    explainer = fit("logistic", X, y)
    attack = poison(explainer, X, y, test[0][:1], test[1][:1], epsilon=1e-4)
    slopes = explainer.input_influence(test[0][:1], test[1][:1])[0]
    sizes = np.abs(slopes).sum(axis=1)
    assert attack.rows.tolist() == [sizes.argmax()]
    assert_close(attack.predicted_change, 1e-4 * sizes.max(), rtol=1e-9)
    assert_close(attack.realised_change, attack.predicted_change, rtol=1e-2)
    assert_close(attack.X_new, X[attack.rows] + 1e-4 * np.sign(slopes[attack.rows]), rtol=1e-12)


def test_several_steps_do_more_than_one():
    X, y, *test = data("logistic", n=N)
    one, many = (
        poison(MODELS["logistic"], X, y, *test, epsilon=2.0, n_rows=4, n_iter=n_iter)
        for n_iter in (1, 15)
    )
    assert many.realised_change > one.realised_change
    assert abs(many.predicted_change / many.realised_change - 1) < 0.35


def test_more_rows_do_more():
    X, y, *test = data("multinomial", n=N)
    attacks = [
        poison(MODELS["multinomial"], X, y, *test, epsilon=0.3, n_rows=n_rows)
        for n_rows in (1, 4, 16)
    ]
    changes = [attack.realised_change for attack in attacks]
    assert np.all(np.diff(changes) > 0)
    assert attacks[0].rows[0] == attacks[2].rows[0]  # the most vulnerable first


@pytest.mark.parametrize("n_iter", [1, 5])
def test_rows_stay_within_epsilon_bounds_and_grid(n_iter):
    X, y, *test = data("logistic", n=N)
    X = np.round(4 * X).clip(-5, 5)
    epsilon = np.array([2.0, 1.3, 0.0])
    settings = {"bounds": (-5, [5, 4.5, 9]), "grid": [1, 0, 1], "n_rows": 20, "n_iter": n_iter}
    attack = poison(MODELS["logistic"], X, y, *test, epsilon=epsilon, **settings)
    moved = attack.X_new - X[attack.rows]
    assert np.all(np.abs(moved) <= epsilon + 1e-12)
    assert np.any(moved[:, 0]) and np.any(moved[:, 1]) and not np.any(moved[:, 2])
    assert np.all(attack.X_new[:, 0] == np.round(attack.X_new[:, 0]))
    assert np.all(attack.X_new[:, 0] <= 5) and np.all(attack.X_new >= -5)
    inside = X[attack.rows, 1] <= 4.5
    assert np.all(attack.X_new[inside, 1] <= 4.5)
    assert attack.realised_change > 0


def test_immutable_features_and_rows_not_named_stay():
    X, y, *test = data("logistic", n=N)
    rows = np.arange(10, 20)
    attack = poison(MODELS["logistic"], X, y, *test, epsilon=0.5, n_rows=4, rows=rows, mutable=[2])
    assert set(attack.rows) <= set(rows)
    moved = attack.X_new - X[attack.rows]
    assert not np.any(moved[:, :2]) and np.all(np.abs(moved[:, 2]) == pytest.approx(0.5))
    mask = poison(
        MODELS["logistic"],
        X,
        y,
        *test,
        epsilon=0.5,
        n_rows=4,
        rows=rows,
        mutable=[0, 0, 1] == np.ones(3),
    )
    assert_close(mask.X_new, attack.X_new, rtol=1e-12)


def test_small_steps_add_up_on_a_grid():
    X, y, *test = data("logistic", n=N)
    X = np.round(3 * X)
    settings = {"epsilon": 1, "grid": 1, "n_iter": 8, "step": 0.2, "n_rows": 5}
    attack = poison(MODELS["logistic"], X, y, *test, **settings)
    assert np.all(np.abs(attack.X_new - X[attack.rows]).max(axis=1) == 1)


def test_sparse_rows_frames_and_weights_are_taken():
    X, y, *test = data("pipeline", n=N)
    weights = np.random.RandomState(0).uniform(0.5, 2, N)
    settings = {"epsilon": 0.3, "n_rows": 3, "sample_weight": weights}
    plain = poison(MODELS["pipeline"], X, y, *test, **settings)
    names = ["a", "b", "c"]
    frames = pd.DataFrame(X, columns=names), y, pd.DataFrame(test[0], columns=names), test[1]
    assert_close(poison(MODELS["pipeline"], *frames, **settings).X_new, plain.X_new, rtol=1e-12)
    dense = poison(MODELS["logistic"], X, y, *test, **settings)
    csr = poison(MODELS["logistic"], sparse.csr_matrix(X), y, *test, **settings)
    assert_close(csr.X_new, dense.X_new, rtol=1e-10)
    assert_close(csr.realised_change, dense.realised_change, rtol=1e-6)


def test_vulnerability_is_the_least_number_of_rows_that_flips():
    X, y, X_test, _ = data("logistic", n=N)
    settings = {"epsilon": 0.8, "n_iter": 2}
    least = vulnerability(MODELS["logistic"], X, y, X_test, max_rows=20, **settings)
    fitted = MODELS["logistic"].fit(X, y)
    predicted = fitted.predict(X_test)
    assert np.isfinite(least).any() and least.shape == (len(X_test),)
    for i, number in enumerate(least):
        test = X_test[[i]], predicted[[i]]
        for n_rows, flipped in ((number, True), (number - 1, False)):
            if np.isfinite(n_rows) and n_rows >= 1:
                attack = poison(MODELS["logistic"], X, y, *test, n_rows=int(n_rows), **settings)
                assert (attack.prediction_after[0] != predicted[i]) == flipped
    margins = np.abs(fitted.decision_function(X_test))
    assert least[margins.argmin()] == least.min()
    assert np.all(vulnerability(fitted, X, y, X_test, epsilon=0, max_rows=2) == np.inf)


def test_bad_arguments_are_named():
    X, y, *test = data("logistic", n=N)

    def attack(model=MODELS["logistic"], **settings):
        return poison(model, X, y, *test, **{"epsilon": 0.1, **settings})

    for settings, message in (
        ({"epsilon": -1}, "`epsilon` must be >= 0; got -1"),
        ({"epsilon": [1, 2]}, "`epsilon` must be a number, or one for each of the 3"),
        ({"grid": -1}, "`grid` must be >= 0"),
        ({"bounds": (1, 0)}, r"`bounds` must be \(low, high\)"),
        ({"mutable": [True]}, "`mutable` must have one entry for each of the 3 features"),
        ({"n_rows": 0}, "`n_rows` must be an integer >= 1; got 0"),
        ({"n_rows": 99}, "`n_rows` must be at most the 60 `rows`; got 99"),
        ({"n_iter": 1.5}, "`n_iter` must be an integer >= 1; got 1.5"),
        ({"model": InfluenceExplainer(LogisticRegression(), method="retrain")}, "no derivatives"),
    ):
        with pytest.raises(ValueError, match=message):
            attack(**settings)
    with pytest.raises(TypeError, match="normalizer"):
        attack(make_pipeline(Normalizer(), logistic()))
    with pytest.raises(TypeError, match="needs a classifier"):
        vulnerability(Ridge(), X, y, test[0], epsilon=1)


class Squashed(TransformerMixin, BaseEstimator):
    """A differentiable step that is not affine."""

    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X):
        return np.tanh(X)


@register(Squashed)
class Squashing(Transformer):
    def pull_back_at(self, step, gradient, X):
        return gradient / np.cosh(X) ** 2


def test_a_differentiable_step_is_gone_back_through_at_the_rows():
    X, y, *test = data("logistic", n=N)
    model = make_pipeline(StandardScaler(), Squashed(), logistic())
    attack = poison(model, X, y, *test, epsilon=1e-4, rows=[4])
    assert attack.realised_change == pytest.approx(attack.predicted_change, rel=1e-2)
    with pytest.raises(TypeError, match="squashed.*not known to be affine"):
        InfluenceExplainer(model).fit(X, y).input_influence(*test)


def test_kernel_models_are_refused():
    X, y, *test = data("logistic", n=N)
    with pytest.raises(TypeError, match="use a linear kernel"):
        poison(SVC(), X, y, *test, epsilon=0.1)
    linear = poison(SVC(kernel="linear"), X, y, *test, epsilon=0.1)
    assert linear.X_new.shape == (1, X.shape[1])
