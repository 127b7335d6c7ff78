"""The registry of adapters: whose an estimator has, and what registering a function keeps."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone
from sklearn.linear_model import LarsCV, LogisticRegression, Ridge
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, NuSVC

from skinfluence import InfluenceExplainer, as_problem
from skinfluence.adapters import (
    Adapter,
    UnsupportedEstimatorError,
    Wrapper,
    adapter_of,
    assign,
    encode_features,
    final_estimator,
    held,
    penalty_parameter,
    register,
    transform_features,
    weight_argument,
)

RANDOM = np.random.RandomState(0)
X = RANDOM.standard_normal((40, 3))
Y = X @ [1.0, 2.0, 3.0] + RANDOM.standard_normal(40)


def test_a_subclass_has_the_adapter_of_its_base():
    class Plain(Ridge):
        pass

    assert adapter_of(Plain()) is adapter_of(Ridge())
    fitted = Plain().fit(X, Y)
    assert_array_equal(as_problem(fitted, X, Y).theta, as_problem(Ridge().fit(X, Y), X, Y).theta)


def test_a_function_keeps_what_the_class_has_besides():
    class Machine(SVC):
        pass

    of_svc, called = as_problem.dispatch(SVC), []

    @as_problem.register(Machine)
    def own(estimator, X, y, sample_weight=None):
        called.append(True)
        return of_svc(estimator, X, y, sample_weight)

    adapter = adapter_of(Machine())
    assert isinstance(adapter, type(adapter_of(SVC()))) and adapter is not adapter_of(SVC())
    assert as_problem.dispatch(Machine) is own and as_problem.dispatch(SVC) == of_svc
    assert penalty_parameter(Machine()) == "C"
    fitted = Machine().fit(X, Y > 0)
    problem, before = as_problem(fitted, X, Y > 0), fitted.decision_function(X)
    assert called and held(fitted).kernel == "linear"
    assign(fitted, problem)  # dual coefficients, where ``coef_`` cannot be written
    assert np.corrcoef(fitted.decision_function(X), before)[0, 1] > 0.9


def test_decorators_are_stacked_and_name_the_penalty():
    class One(Ridge):
        pass

    class Other(BaseEstimator):
        strength = 1.0

    @as_problem.register(One)
    @as_problem.register(Other, penalty="strength")
    def both(estimator, X, y, sample_weight=None):
        raise AssertionError

    assert as_problem.dispatch(One) is as_problem.dispatch(Other) is both
    assert penalty_parameter(One()) == "alpha" and penalty_parameter(Other()) == "strength"
    assert penalty_parameter(make_pipeline(StandardScaler(), Other())) == "other__strength"


def test_a_class_replaces_what_was_there():
    class Twice(Ridge):
        pass

    as_problem.register(Twice, penalty="alpha")(as_problem.dispatch(Ridge))

    @register(Twice)
    class TwiceAdapter(Adapter):
        pass

    assert penalty_parameter(Twice()) is None
    with pytest.raises(UnsupportedEstimatorError, match="Twice is not supported. Supported"):
        as_problem(Twice().fit(X, Y), X, Y)


def test_what_has_no_problem_is_said_why_and_not_listed():
    for model, reason in [(LarsCV(), "use LassoLarsCV"), (NuSVC(), "use SVC or SVR")]:
        name = type(model).__name__
        with pytest.raises(UnsupportedEstimatorError, match=f"^{name} is.*{reason}") as error:
            as_problem(model.fit(X, Y > 0), X, Y > 0)
        listed = str(error.value).split("Supported estimators: ")[1].split(", ")
        assert "Ridge" in listed and "LassoLarsCV" in listed
        assert not {name, "Pipeline", "StandardScaler", "object", "BaseSearchCV"} & set(listed)


class Shifted(MetaEstimatorMixin, BaseEstimator):
    """A wrapper of one's own, which fits what is inside to X plus one."""

    def __init__(self, model):
        self.model = model

    def fit(self, X, y, sample_weight=None):
        self.shift_ = Plus().fit(X)
        self.model_ = clone(self.model).fit(X + 1, y, sample_weight=sample_weight)
        return self

    def predict(self, X):
        return self.model_.predict(X + 1)


class Plus(BaseEstimator):
    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X + 1


@register(Shifted)
class ShiftedAdapter(Wrapper):
    def inner(self, estimator):
        return getattr(estimator, "model_", estimator.model)

    def before(self, estimator):
        return estimator.shift_


def test_a_wrapper_of_ones_own_is_asked_as_a_pipeline_is():
    wrapped = Shifted(Ridge()).fit(X, Y)
    assert final_estimator(wrapped) is wrapped.model_
    assert_array_equal(transform_features(wrapped, X), X + 1)
    assert_array_equal(encode_features(wrapped, X), X + 1)
    assert weight_argument(wrapped) == "sample_weight"
    explainer = InfluenceExplainer(Shifted(Ridge()), method="newton").fit(X, Y)
    removed = explainer.remove([0, 1])
    refitted = Shifted(Ridge()).fit(X[2:], Y[2:])
    np.testing.assert_allclose(removed.predict(X), refitted.predict(X))


@pytest.mark.parametrize(
    "model",
    [Ridge(), LogisticRegression(), MultiOutputRegressor(Ridge()), SVC(), Shifted(Ridge())],
    ids=lambda model: type(model).__name__,
)
def test_adapters_and_what_is_held_survive_pickling(model):
    y = {"MultiOutputRegressor": np.c_[Y, X[:, 0]]}.get(type(model).__name__, Y)
    fitted = model.fit(X, y > 0 if type(model) in (SVC, LogisticRegression) else y)
    again = pickle.loads(pickle.dumps(held(fitted)))
    assert type(again) is type(held(fitted))
    assert type(pickle.loads(pickle.dumps(adapter_of(model)))) is type(adapter_of(model))
