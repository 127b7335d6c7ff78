"""Meta-estimators around supported models: shapes, searches, weights, and what is refused."""

import numpy as np
import pytest
import sklearn
from cases import once_each
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import RandomForestClassifier, VotingClassifier, VotingRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, RidgeClassifier
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import QuantileTransformer, StandardScaler

from skinfluence import InfluenceExplainer, LabelCleaner, as_problem, leave_one_out
from skinfluence.losses import LogLoss, MultinomialLogLoss, SquaredError
from skinfluence.operators import Hessian
from skinfluence.problems import held, penalty_parameter
from skinfluence.solvers import Direct

ROWS = [0, 10, 20]


def logistic(**params):
    return LogisticRegression(**{"tol": 1e-9, "max_iter": 10_000, **params})


@pytest.fixture
def iris():
    """70 rows of four features, with names for the three classes; classes overlap."""
    X, y = load_iris(return_X_y=True)
    random = np.random.RandomState(0)
    rows = random.permutation(150)[:70]
    return X[rows] + random.standard_normal((70, 4)), np.array(["ant", "bee", "cat"])[y[rows]]


@pytest.fixture
def diabetes():
    X, y = load_diabetes(return_X_y=True)
    return X[:90], np.c_[y, y**2 / 100][:90]


def explain(estimator, X, y, method="newton", sample_weight=None):
    refine = method != "retrain"
    return InfluenceExplainer(estimator, method=method, refine=refine).fit(X, y, sample_weight)


def slope_of_estimates(estimator, X, y, *asks):
    """Return the slope of Newton's estimates on real refits, for each of the questions."""
    newton, retrain = explain(estimator, X, y), once_each(explain(estimator, X, y, "retrain"))
    pairs = ((ask(retrain).ravel(), ask(newton).ravel()) for ask in asks)
    return [np.polyfit(truth, estimate, 1)[0] for truth, estimate in pairs]


# Shapes


def test_one_vs_one_gives_the_decision_values_of_its_pairs(iris):
    X, y = iris
    explainer = explain(OneVsOneClassifier(logistic()), X, y)
    raw = explainer.problem_.predict_raw(X[:5])
    parts = explainer.estimator_.estimators_
    assert_allclose(raw, np.column_stack([p.decision_function(X[:5]) for p in parts]))
    assert explainer.prediction_influence(X[:5]).shape == (5, 70, 3)
    votes = explainer.problem_.targets.decision_function(explainer.problem_.raw)
    assert_allclose(votes, explainer.decision_function(X))
    assert_array_equal(
        explainer.problem_.targets.decode(explainer.problem_.raw), explainer.predict(X)
    )


def test_row_is_in_the_pairs_of_its_class_only(iris):
    X, y = iris
    problem = as_problem(OneVsOneClassifier(logistic()).fit(X, y), X, y)
    assert_array_equal(problem.gradients[y == "ant"][:, 2], 0)
    assert np.all(problem.gradients[y == "ant"][:, :2] != 0)
    total = sum(
        part.loss(part.raw, part.y).sum()
        for i, (a, b) in enumerate([("ant", "bee"), ("ant", "cat"), ("bee", "cat")])
        for members in [(y == a) | (y == b)]
        for model in [OneVsOneClassifier(logistic()).fit(X, y).estimators_[i]]
        for part in [as_problem(model, X[members], (y[members] == b).astype(int))]
    )
    assert problem.loss(problem.raw, problem.y).sum() == pytest.approx(total)


def test_one_vs_one_of_two_classes_has_one_output(iris):
    X, y = iris[0], iris[1] == "bee"
    one, rest = OneVsOneClassifier(logistic()), OneVsRestClassifier(logistic())
    expected = explain(logistic(), X, y).loss_influence(X[:4], y[:4])
    for model in (one, rest):
        explainer = explain(model, X, y)
        assert explainer.prediction_influence(X[:4]).shape == (4, 70)
        assert_allclose(explainer.loss_influence(X[:4], y[:4]), expected, atol=1e-9)
        assert_array_equal(
            explainer.loo_predict("predict"), explain(logistic(), X, y).loo_predict("predict")
        )


def test_one_vs_rest_probabilities_are_scikit_learns(iris):
    X, y = iris
    fitted = OneVsRestClassifier(logistic()).fit(X, y)
    problem = as_problem(fitted, X, y)
    assert_allclose(problem.loss.probabilities(problem.raw), fitted.predict_proba(X))
    labels = np.c_[y == "ant", y != "bee", np.arange(70) % 3 == 0].astype(int)
    fitted = OneVsRestClassifier(logistic()).fit(X, labels)
    for y_form in (labels, sparse.csr_matrix(labels)):
        problem = as_problem(fitted, X, y_form)
        assert_allclose(problem.loss.probabilities(problem.raw), fitted.predict_proba(X))
        assert_array_equal(problem.targets.decode(problem.raw), fitted.predict(X))


def test_sparse_labels_are_those_of_an_array(iris):
    X, y = iris
    labels = np.c_[y == "ant", y != "bee"].astype(int)
    for method in ("newton", "retrain"):
        dense = explain(OneVsRestClassifier(logistic()), X, labels, method)
        thin = explain(OneVsRestClassifier(logistic()), X, sparse.csr_matrix(labels), method)
        expected = dense.loss_influence(X[:3], labels[:3], rows=ROWS)
        actual = thin.loss_influence(X[:3], sparse.csr_matrix(labels[:3]), rows=ROWS)
        assert_allclose(actual, expected, rtol=1e-6, atol=1e-10)


def test_multi_output_classifier_of_names_and_several_classes(iris):
    X, y = iris
    y = np.c_[y, np.where(y == "bee", "yes", "no")]
    model = MultiOutputClassifier(logistic())
    explainer = explain(model, X, y, "influence")
    assert [len(classes) for classes in explainer.problem_.targets.classes] == [3, 2]
    assert explainer.prediction_influence(X[:4]).shape == (4, 70, 4)
    apart = [explain(logistic(), X, column, "influence") for column in y.T]
    tests = [a.loss_influence(X[:4], column[:4]) for a, column in zip(apart, y.T)]
    assert_allclose(explainer.loss_influence(X[:4], y[:4]), sum(tests), atol=1e-7)
    one, two = explainer.loo_predict("predict_proba")
    assert (one.shape, two.shape) == ((70, 3), (70, 2))
    assert_allclose(two.sum(axis=1), 1)
    assert explainer.loo_predict("predict").shape == (70, 2)
    with pytest.raises(ValueError, match=r"2 column\(s\)"):
        explainer.loss_influence(X[:4], y[:4, 0])
    with pytest.raises(ValueError, match="'dog'"):
        explainer.loss_influence(X[:1], [["dog", "yes"]])


def test_blocks_of_outputs_are_solved_apart(iris):
    X, y = iris
    labels = np.c_[y, y == "bee"]
    problem = as_problem(MultiOutputClassifier(logistic()).fit(X, labels), X, labels)
    hessian = Hessian(problem)
    assert [part.shape[0] for part, _, _ in hessian.outputs()] == [15, 5]
    assert Direct().order(hessian) == 15
    assert hessian.flat_directions.shape == (20, 1)
    assert_array_equal(np.flatnonzero(hessian.flat_directions), [16, 17, 18])


def test_multi_output_regressor_keeps_a_penalty_an_output(diabetes):
    X, y = diabetes
    y = np.c_[y[:, 0], X[:, 0]]
    search = GridSearchCV(Ridge(), {"alpha": [1e-3, 1e-2, 1e-1, 1, 10]})
    fitted = MultiOutputRegressor(search).fit(X, y)
    chosen = [part.best_params_["alpha"] for part in fitted.estimators_]
    assert len(set(chosen)) == 2
    ask = lambda e: e.parameter_influence(ROWS)  # noqa: E731
    frozen = FrozenEstimator(fitted)
    assert_allclose(ask(explain(frozen, X, y)), ask(explain(frozen, X, y, "retrain")), atol=1e-9)
    expected = ask(explain(Ridge(alpha=np.array(chosen)), X, y))
    assert_allclose(ask(explain(MultiOutputRegressor(search), X, y)), expected, atol=1e-9)


def test_target_transformer_is_held_and_predictions_come_in_the_users_units(diabetes):
    X, y = diabetes[0], diabetes[1][:, 0]
    scaled = TransformedTargetRegressor(Ridge(), transformer=StandardScaler())
    explainer = explain(scaled, X, y)
    scaler = explainer.estimator_.transformer_
    without = Ridge().fit(X[1:], scaler.transform(y[1:, None])[:, 0])
    after = scaler.inverse_transform(without.predict(X[:4])[:, None])[:, 0]
    influence = explainer.prediction_influence(X[:4], rows=[0])[:, 0]
    assert_allclose(explainer.predict(X[:4]) + influence, after)
    assert_allclose(
        explain(scaled, X, y, "retrain").prediction_influence(X[:4], rows=[0])[:, 0], influence
    )
    losses = SquaredError()(explainer.problem_.raw, scaler.transform(y[:, None]))
    assert_allclose(explainer.problem_.loss(explainer.problem_.raw, explainer.problem_.y), losses)


@pytest.mark.parametrize("method", ["influence", "newton"])
def test_response_of_a_target_is_differentiated(diabetes, method):
    X, y = diabetes[0], diabetes[1][:, 0]
    plain = explain(Ridge(), X, np.log(y), method)
    logs = explain(
        TransformedTargetRegressor(Ridge(), func=np.log, inverse_func=np.exp), X, y, method
    )
    raw = plain.predict(X[:5])[:, None]
    change = plain.prediction_influence(X[:5])
    expected = np.exp(raw) * (change if method == "influence" else np.expm1(change))
    assert_allclose(logs.prediction_influence(X[:5]), expected, rtol=1e-7, atol=1e-9)
    assert logs.prediction_influence(X[:5], rows=[]).shape == (5, 0)


def test_transformed_target_around_anything_that_is_supported(diabetes):
    X, y = diabetes
    kinds = [
        make_pipeline(StandardScaler(), Ridge()),
        GridSearchCV(make_pipeline(StandardScaler(), Ridge()), {"ridge__alpha": [0.1, 1, 10]}),
        MultiOutputRegressor(Ridge()),
        None,
    ]
    for regressor in kinds:
        model = TransformedTargetRegressor(
            regressor, transformer=QuantileTransformer(n_quantiles=20)
        )
        several = isinstance(regressor, MultiOutputRegressor)  # takes no single column until 1.7
        for target in [y] if several else [y, y[:, :1], y[:, 0]]:
            estimate = explain(model, X, target).loss_influence(X[:5], target[:5], rows=ROWS)
            truth = leave_one_out(model, X, target, X[:5], target[:5], rows=ROWS)
            assert_allclose(estimate, truth, atol=1e-9)


def test_vote_is_judged_by_its_average(iris):
    X, y = iris
    model = VotingClassifier(
        [("weak", logistic()), ("strong", logistic(C=0.01)), ("out", "drop")],
        voting="soft",
        weights=[3, 1, 7],
    )
    explainer = explain(model, X, y)
    problem, codes = explainer.problem_, np.searchsorted(["ant", "bee", "cat"], y)
    probabilities = explainer.predict_proba(X)
    assert_allclose(problem.evaluation_loss.probabilities(problem.raw), probabilities)
    assert_allclose(
        problem.evaluation_loss(problem.raw, problem.y),
        -np.log(probabilities[np.arange(70), codes]),
    )
    assert explainer.prediction_influence(X[:4]).shape == (4, 70, 3)
    assert_allclose(explainer.prediction_influence(X[:4]).sum(axis=2), 0, atol=1e-14)
    assert explainer.loo_predict().shape == (70, 3)
    assert set(explainer.loo_predict("predict")) == {"ant", "bee", "cat"}
    slopes = slope_of_estimates(
        *(model, X, y),
        lambda e: e.loss_influence(X[:9], y[:9], rows=ROWS),
        lambda e: e.prediction_influence(X[:9], rows=ROWS),
        lambda e: e.self_influence()[ROWS],
    )
    assert slopes == pytest.approx([1, 1, 1], abs=0.02)


def test_vote_of_regressors_is_judged_by_its_average(diabetes):
    X, y = diabetes[0], diabetes[1][:, 0]
    model = VotingRegressor([("a", Ridge()), ("b", LinearRegression())], weights=[1, 3])
    explainer = explain(model, X, y)
    losses = explainer.problem_.evaluation_loss(explainer.problem_.raw, explainer.problem_.y)
    assert_allclose(losses, (y - explainer.predict(X)) ** 2)
    truth = leave_one_out(model, X, y, X[:5], y[:5], rows=ROWS)
    assert_allclose(explainer.loss_influence(X[:5], y[:5], rows=ROWS), truth, rtol=1e-6, atol=1e-6)


def test_meta_estimators_of_meta_estimators(iris):
    X, y = iris
    labels = np.c_[y, np.where(y == "bee", "yes", "no")]
    ask = lambda e: e.loss_influence(X[:9], labels[:9], rows=ROWS)  # noqa: E731
    for inside in (OneVsRestClassifier(logistic()), OneVsOneClassifier(logistic())):
        model = MultiOutputClassifier(inside)
        explainer = explain(model, X, labels)
        assert_array_equal(
            explainer.problem_.targets.decode(explainer.problem_.raw), explainer.predict(X)
        )
        assert slope_of_estimates(model, X, labels, ask) == pytest.approx([1], abs=0.02)
    nested = OneVsRestClassifier(OneVsOneClassifier(logistic()))
    plain = explain(OneVsRestClassifier(logistic()), X, y).loss_influence(X[:4], y[:4])
    assert_allclose(explain(nested, X, y).loss_influence(X[:4], y[:4]), plain, atol=1e-8)


# Searches


@pytest.mark.parametrize("search", [GridSearchCV, RandomizedSearchCV])
def test_choice_of_a_search_is_held(iris, search):
    X, y = iris
    grid, name = [1e-3, 0.1, 10.0], "logisticregression__C"
    extra = {"n_iter": 3, "random_state": 0} if search is RandomizedSearchCV else {}
    model = search(make_pipeline(StandardScaler(), logistic()), {name: grid}, **extra)
    explainer = explain(model, X, y)
    chosen = explainer.estimator_.best_params_[name]
    assert held(explainer.estimator_).C == chosen
    plain = explain(make_pipeline(StandardScaler(), logistic(C=chosen)), X, y)
    expected = plain.loss_influence(X[:4], y[:4])
    assert_allclose(explainer.loss_influence(X[:4], y[:4]), expected, atol=1e-9)
    truth = leave_one_out(model, X, y, X[:4], y[:4], rows=ROWS)
    assert_allclose(explainer.loss_influence(X[:4], y[:4], rows=ROWS), truth, rtol=0.05, atol=1e-3)


def test_search_without_a_final_fit_says_what_to_set(iris):
    X, y = iris
    search = GridSearchCV(logistic(), {"C": [1.0]}, refit=False).fit(X, y)
    with pytest.raises(ValueError, match="set refit"):
        as_problem(search, X, y)


def test_penalty_that_each_class_chose_is_held(iris):
    X, y = iris
    model = OneVsRestClassifier(GridSearchCV(logistic(), {"C": [1e-3, 1e-2, 0.1, 1.0, 10.0]}))
    fitted = model.fit(X, y)
    chosen = [part.best_params_["C"] for part in fitted.estimators_]
    assert len(set(chosen)) > 1
    again = held(fitted).fit(X[1:], y[1:])
    assert [part.C for part in again.estimators_] == chosen
    ask = lambda e: e.loss_influence(X[:9], y[:9], rows=ROWS)  # noqa: E731
    assert slope_of_estimates(model, X, y, ask) == pytest.approx([1], abs=0.02)


@pytest.mark.parametrize(
    "model",
    [
        OneVsRestClassifier(logistic()),
        OneVsOneClassifier(logistic()),
        VotingClassifier([("a", logistic()), ("b", logistic(C=0.1))], voting="soft"),
    ],
    ids=lambda model: type(model).__name__,
)
def test_parts_that_are_held_fit_as_scikit_learn_does(model, iris):
    X, y = iris
    fitted, kept = clone(model).fit(X, y), np.arange(70) != 3
    again = held(fitted).fit(X[kept], y[kept])
    truth = clone(model).fit(X[kept], y[kept])
    assert_array_equal(again.predict(X), truth.predict(X))
    for one, other in zip(again.estimators_, truth.estimators_):
        assert_allclose(one.coef_, other.coef_)
    assert fitted.estimators_[0] is not again.estimators_[0]


# Cleaning


def test_penalty_inside_meta_estimators_is_named_and_tuned(iris):
    X, y = iris
    assert penalty_parameter(OneVsRestClassifier(logistic())) == "estimator__C"
    assert penalty_parameter(MultiOutputRegressor(LinearRegression())) is None
    pipeline = make_pipeline(StandardScaler(), Ridge())
    assert penalty_parameter(TransformedTargetRegressor(pipeline)) == "regressor__ridge__alpha"
    assert penalty_parameter(TransformedTargetRegressor()) is None
    for model in (OneVsRestClassifier(logistic(C=7.0)), OneVsOneClassifier(logistic(C=7.0))):
        cleaner = LabelCleaner(model).fit(X, y)
        assert cleaner.penalty_ <= 1  # of a grid that has no 7
        assert cleaner.estimator_.estimator.C == 7.0
        assert set(cleaner.suggested_labels_) <= {"ant", "bee", "cat"}
        assert cleaner.loo_probabilities_.shape == (70, 3)


def test_cleaner_finds_flipped_labels_under_every_scheme():
    X, y = load_iris(return_X_y=True)
    flipped = np.arange(0, 150, 12)
    y[flipped] = (y[flipped] + 1) % 3
    voters = [("a", logistic()), ("b", logistic(C=0.1))]
    for model in (
        OneVsRestClassifier(RidgeClassifier()),
        OneVsOneClassifier(logistic()),
        OneVsOneClassifier(RidgeClassifier()),
        VotingClassifier(voters, voting="soft"),
    ):
        cleaner = LabelCleaner(make_pipeline(StandardScaler(), model), contamination=13 / 150).fit(
            X, y
        )
        assert cleaner.flagged_[flipped].sum() >= 8


def test_cleaner_cleans_targets_that_are_transformed(diabetes):
    X, y = diabetes[0], diabetes[1][:, 0].copy()
    y[[3, 50]] *= 20
    model = TransformedTargetRegressor(Ridge(), func=np.log, inverse_func=np.exp)
    cleaner = LabelCleaner(model).fit(X, y)
    assert cleaner.flagged_[[3, 50]].all()
    assert cleaner.suggested_labels_.min() > 0
    cleaner = LabelCleaner(MultiOutputRegressor(Ridge())).fit(X, np.c_[y, y])
    assert cleaner.suggested_labels_.shape == (90, 2)


def test_cleaner_takes_one_label_a_row(iris):
    X, y = iris
    with pytest.raises(ValueError, match="one label a row.*one at a time"):
        LabelCleaner(MultiOutputClassifier(logistic())).fit(X, np.c_[y, y])
    with pytest.raises(ValueError, match="one label a row"):
        LabelCleaner(OneVsRestClassifier(logistic())).fit(X, sparse.csr_matrix(np.eye(70, 2)))


# Weights


def test_weights_without_routing_say_how_to_switch_it_on(iris):
    X, y = iris
    weights = np.linspace(0.5, 2, 70)
    for model in (OneVsRestClassifier(logistic()), OneVsOneClassifier(logistic())):
        with pytest.raises(TypeError, match="enable_metadata_routing=True.*set_fit_request"):
            explain(model, X, y, sample_weight=weights)
        for method in ("newton", "retrain"):
            with pytest.raises(TypeError, match="sample_weight"):
                explain(model, X, y, method, weights)


def test_weights_for_parts_that_take_none(iris):
    X, y = iris
    weights = np.linspace(0.5, 2, 70)
    near = KNeighborsClassifier()
    for model in (
        MultiOutputClassifier(near),
        VotingClassifier([("near", near), ("far", logistic())], voting="soft"),
        TransformedTargetRegressor(near),
    ):
        with pytest.raises(TypeError, match="does not take `sample_weight`"):
            explain(model, X, y, "retrain", weights)


@pytest.mark.parametrize("routing", [False, True])
def test_weights_reach_every_part(iris, diabetes, routing):
    weights = np.linspace(0.5, 2, 70)
    with sklearn.config_context(enable_metadata_routing=True):
        part, ridge = (m.set_fit_request(sample_weight=True) for m in (logistic(), Ridge()))
        scaler = StandardScaler().set_fit_request(sample_weight=False)
    X, y = iris
    numbers = X[:, :2] ** 2
    always = [
        (MultiOutputClassifier(part), np.c_[y, y == "ant"]),
        (VotingClassifier([("a", part), ("b", clone(part))], voting="soft"), y),
        (MultiOutputRegressor(ridge), numbers),
        (TransformedTargetRegressor(ridge, transformer=StandardScaler()), numbers),
        (TransformedTargetRegressor(make_pipeline(scaler, ridge)), numbers[:, 0]),
        (VotingRegressor([("a", ridge), ("b", clone(ridge))]), numbers[:, 0]),
    ]
    plain = [(TransformedTargetRegressor(), numbers)]  # asks for no weights with routing until 1.7
    routed = [(OneVsRestClassifier(part), y), (OneVsOneClassifier(part), y)]
    for model, target in always + (routed if routing else plain):
        with sklearn.config_context(enable_metadata_routing=routing):
            explainer = explain(model, X, target, "newton", weights)
            truth = explain(model, X, target, "retrain", weights)
        assert_allclose(explainer.problem_.weights, weights)
        assert explainer.newton_decrement_ < 1e-4 * explainer.typical_decrement_
        estimates = explainer.loss_influence(X[:9], target[:9], rows=ROWS)
        refits = truth.loss_influence(X[:9], target[:9], rows=ROWS)
        assert np.polyfit(refits.ravel(), estimates.ravel(), 1)[0] == pytest.approx(1, abs=0.02)


# What is refused


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (OneVsRestClassifier(make_pipeline(StandardScaler(), logistic())), "put the steps before"),
        (OneVsOneClassifier(make_pipeline(StandardScaler(), logistic())), "put the steps before"),
        (OneVsRestClassifier(logistic(class_weight="balanced")), "use `sample_weight` instead"),
        (OneVsOneClassifier(logistic(class_weight="balanced")), "use `sample_weight` instead"),
        (OneVsRestClassifier(logistic(class_weight={0: 1, 1: 3})), "use `sample_weight` instead"),
        (OneVsOneClassifier(logistic(class_weight={0: 1, 1: 3})), "use `sample_weight` instead"),
        (OneVsRestClassifier(Ridge()), "give it a classifier"),
        (OneVsOneClassifier(LinearRegression()), "give it a classifier"),
        (VotingClassifier([("a", logistic())], voting="hard"), 'use voting="soft"'),
        (
            VotingClassifier([("a", OneVsRestClassifier(logistic()))], voting="soft"),
            "no log loss over all classes",
        ),
        (
            VotingClassifier([("a", make_pipeline(StandardScaler(), logistic()))], voting="soft"),
            "put the steps before",
        ),
        (
            VotingClassifier(
                [("a", logistic()), ("b", logistic(fit_intercept=False))], voting="soft"
            ),
            "give all one",
        ),
        (
            VotingClassifier(
                [("a", logistic()), ("b", logistic(class_weight={0: 2.0}))], voting="soft"
            ),
            "use `sample_weight` instead",
        ),
        (OneVsRestClassifier(VotingClassifier([("a", logistic())], voting="soft")), "voting"),
        (OneVsRestClassifier(RandomForestClassifier(2)), "RandomForestClassifier is not supported"),
    ],
    ids=str,
)
def test_classifier_that_is_no_sum_of_parts_is_refused(model, reason, iris):
    with pytest.raises(TypeError, match=reason) as error:
        explain(model, *iris)
    assert "is not supported" in str(error.value)


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (MultiOutputRegressor(make_pipeline(StandardScaler(), Ridge())), "put the steps before"),
        (
            MultiOutputRegressor(TransformedTargetRegressor(Ridge(), transformer=StandardScaler())),
            "around the MultiOutputRegressor",
        ),
        (MultiOutputRegressor(VotingRegressor([("a", Ridge())])), "one by one"),
    ],
    ids=str,
)
def test_regressor_that_is_no_sum_of_parts_is_refused(model, reason, diabetes):
    with pytest.raises(TypeError, match=reason):
        explain(model, *diabetes)


def test_vote_of_transformed_targets_is_refused(diabetes):
    X, y = diabetes
    logs = TransformedTargetRegressor(Ridge(), func=np.log, inverse_func=np.exp)
    with pytest.raises(TypeError, match="transformed target"):
        explain(VotingRegressor([("a", Ridge()), ("b", logs)]), X, y[:, 0])


@pytest.mark.filterwarnings("ignore:Label not 1 is present in all")
def test_label_that_no_row_has_is_refused(iris):
    X, _ = iris
    labels = np.c_[np.arange(70) % 2, np.zeros(70, dtype=int)]
    with pytest.raises(TypeError, match="drop that column"):
        explain(OneVsRestClassifier(logistic()), X, labels)


def test_class_that_would_be_lost_cannot_be_refitted_without(iris):
    X, _ = iris
    labels = np.c_[np.arange(70) % 2, np.arange(70) == 5].astype(int)
    for model in (OneVsRestClassifier(logistic()), MultiOutputClassifier(logistic())):
        retrain = explain(model, X, labels, "retrain")
        assert np.isfinite(retrain.loss_influence(X[:2], labels[:2], rows=[4])).all()
        with pytest.raises(ValueError, match="a class has no row left"):
            retrain.loss_influence(X[:2], labels[:2], rows=[5])


def test_retrain_of_what_is_refused_fits_everything_inside_again(iris):
    X, y = iris
    model = OneVsRestClassifier(make_pipeline(StandardScaler(), logistic()))
    retrain = explain(model, X, y, "retrain")
    assert retrain.problem_ is None
    kept = np.arange(70) != 10
    codes = np.searchsorted(["ant", "bee", "cat"], y[:4])
    before, after = (clone(model).fit(X[k], y[k]).predict_proba(X[:4]) for k in (slice(None), kept))
    truth = np.log(before) - np.log(after)
    assert_allclose(retrain.loss_influence(X[:4], y[:4], rows=[10])[:, 0], truth[range(4), codes])
    with pytest.raises(TypeError, match="one label a row"):
        explain(MultiOutputClassifier(RandomForestClassifier(2)), X, np.c_[y, y], "retrain")


def test_losses_of_parts_are_joined_as_one_where_they_are_the_same(iris):
    X, y = iris
    assert as_problem(OneVsRestClassifier(logistic()).fit(X, y), X, y).loss == LogLoss()
    labels = np.c_[y, y == "ant"]
    loss = as_problem(MultiOutputClassifier(logistic()).fit(X, labels), X, labels).loss
    assert loss.parts == ((MultinomialLogLoss(), 3), (LogLoss(), 1))
    assert not loss.separable
