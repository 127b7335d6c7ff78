"""Any question about any change: laws over the registry, numbers of one's own, refusals."""

import os
import pickle

import autograd.numpy as anp
import joblib
import numpy as np
import pytest
from cases import Case
from comparison import assert_close
from questions import data, fit
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import scale
from sklearn.svm import SVC

from skinfluence import InfluenceExplainer
from skinfluence.changes import Perturb, Remove, RemoveGroups, Replace, Reweight
from skinfluence.methods import FirstOrder, Newton, Retrain
from skinfluence.questions import (
    ROCAUC,
    Accuracy,
    DemographicParity,
    EqualOpportunity,
    Loss,
    MeanLoss,
    OwnLoss,
    Parameters,
    Prediction,
    Scalar,
)

ROWS = np.array([1, 13])


def groups_of(case):
    return np.arange(len(case.y))[:, None] % 12 == [2, 5]


def effects(explainer, asked, changes):
    return {
        (question, change): explainer.effect(asked[question], changes[change])
        for question in asked
        for change in changes
    }


def questions_of(case):
    asked = {"loss": Loss(*case.test), "own": OwnLoss(), "parameters": Parameters()}
    if case.problem.loss.predicts:
        asked["prediction"] = Prediction(case.X_test)
        asked["mean loss"] = MeanLoss(*case.test)
    return asked


# Laws over the registry


def test_methods_are_effects(case):
    explainer, (X, y), groups = case.newton, case.test, groups_of(case)
    for found, question, change in (
        (explainer.loss_influence(X, y, rows=ROWS), Loss(X, y), Remove(ROWS)),
        (explainer.prediction_influence(X, rows=ROWS), Prediction(X), Remove(ROWS)),
        (explainer.parameter_influence(ROWS), Parameters(), Remove(ROWS)),
        (explainer.self_influence()[ROWS], OwnLoss(), Remove(ROWS)),
        (explainer.group_influence(X, y, groups), Loss(X, y), RemoveGroups(groups)),
    ):
        assert_close(explainer.effect(question, change), found, rtol=1e-12)


def test_new_pairs_agree_with_refits(case):
    """Predictions, parameters and own losses under groups, replacements and other weights."""
    asked, rows = questions_of(case), ROWS
    own = asked.pop("own")
    changes = {"groups": RemoveGroups(groups_of(case))}
    if case.takes_weights:
        before = np.ones(2) if case.sample_weight is None else case.sample_weight[rows]
        changes["weights"] = Reweight(rows, before * [2, 0.5])
    estimates, truths = (effects(e, asked, changes) for e in (case.newton, case.retrain))
    if case.takes_weights:
        for found, e in ((estimates, case.newton), (truths, case.retrain)):
            found["own", "weights"] = e.effect(own, changes["weights"])
    for pair, truth in truths.items():
        rtol = 1e-6 if case.exact else 0.1
        size = np.abs(truth).max(initial=0)
        error = np.abs(estimates[pair] - truth).max(initial=0)
        assert error <= rtol * size + 1e-9, f"{pair}: {error:.2g} of {size:.2g}"


def test_weight_of_zero_is_removal(case):
    if not case.weights_are_counts:
        pytest.skip("its fit takes no weights, or counts rows")
    asked = questions_of(case)
    for explainer in (case.influence, case.followed):  # else a row may be let be after one step
        for name, question in asked.items():
            removed = explainer.effect(question, Remove(ROWS))
            emptied = explainer.effect(question, Reweight(ROWS, 0.0))
            rtol = 1e-9 if case.exact or explainer is case.influence else 0.01
            assert_close(emptied, removed, rtol=rtol), name


# Numbers of one's own


def classes():
    """Return standardised breast cancer, split, and a second group of test rows."""
    X, y = load_breast_cancer(return_X_y=True)
    X = scale(X)[:, :10]
    return X[200:], y[200:], X[:200], y[:200], X[:200, 1] > 0


def explain(method, X, y):
    model = LogisticRegression(C=0.3, tol=1e-8, max_iter=1000)
    return InfluenceExplainer(model, method=method, refine=True).fit(X, y)


def gap(second):
    return lambda raw: anp.mean(raw[second]) - anp.mean(raw[~second])


NUMBERS = {
    "gap": lambda X, y, second: Scalar(gap(second), X),
    "with labels": lambda X, y, second: Scalar(
        lambda raw, y: anp.mean(anp.log1p(anp.exp(-(2 * y[:, None] - 1) * raw))), X, y
    ),
    "mean loss": lambda X, y, second: MeanLoss(X, y),
    "parity": lambda X, y, second: DemographicParity(X, second),
    "opportunity": lambda X, y, second: EqualOpportunity(X, y, second),
}
JUMPS = {
    "area": lambda X, y, second: ROCAUC(X, y),
    "accuracy": lambda X, y, second: Accuracy(X, y),
}


@pytest.mark.parametrize("name", {**NUMBERS, **JUMPS})
def test_newton_is_the_refit_of_a_number(name):
    X, y, *test = classes()
    question, rows = {**NUMBERS, **JUMPS}[name](*test), np.argsort(-np.abs(X[:, 0]))[:8]
    newton, truth = (explain(m, X, y).effect(question, Remove(rows)) for m in ("newton", "retrain"))
    assert newton.shape == (8,)
    assert_close(newton, truth, rtol=0.03)


@pytest.mark.parametrize("name", NUMBERS)
def test_first_order_is_the_derivative_of_a_number(name):
    """In a row's weight, by differences of refits."""
    X, y, *test = classes()
    question, step = NUMBERS[name](*test), 1e-3
    slope = -explain("influence", X, y).effect(question, Remove([3]))
    retrain = explain("retrain", X, y)
    up, down = (retrain.effect(question, Reweight([3], 1 + sign * step)) for sign in (1, -1))
    assert_close(slope, (up - down) / (2 * step), rtol=1e-3)


def test_mean_loss_is_the_mean_of_the_losses():
    X, y, X_test, y_test, _ = classes()
    groups = RemoveGroups(np.arange(len(y)) % 40)
    for method in ("influence", "newton"):
        explainer = explain(method, X, y)
        for change in (Remove([0, 5]), groups, Replace([1, 2], y_new=y[3:5]), Reweight([4], 3.0)):
            mean = explainer.effect(Loss(X_test, y_test), change).mean(axis=0)
            assert_close(explainer.effect(MeanLoss(X_test, y_test), change), mean, rtol=1e-10)
        slopes = explainer.effect(Loss(X_test, y_test), Perturb([0, 5]))
        found = explainer.effect(MeanLoss(X_test, y_test), Perturb([0, 5]))
        assert_close(found, slopes.mean(axis=0), rtol=1e-10)


def test_perturbed_parameters_are_their_derivative():
    X, y, *_ = data("ridge")
    explainer, step = InfluenceExplainer(Ridge()).fit(X, y), 1e-5
    found = explainer.effect(Parameters(), Perturb([4]))
    assert found.shape == (1, X.shape[1], X.shape[1] + 1)
    assert explainer.effect(Parameters(), Perturb([])).shape == (0, X.shape[1], X.shape[1] + 1)
    for feature in range(X.shape[1]):
        ends = []
        for sign in (1, -1):
            moved = X.copy()
            moved[4, feature] += sign * step
            after = Ridge().fit(moved, y)
            ends.append(np.r_[after.coef_, after.intercept_])
        assert_close(found[0, feature], (ends[0] - ends[1]) / (2 * step), rtol=1e-6)


def test_perturbed_kernel_answers_about_numbers_and_predictions():
    X, y, X_test, y_test = data("logistic")
    explainer = InfluenceExplainer(SVC(), method="influence", temperature=0.3).fit(X, y)
    losses = explainer.effect(Loss(X_test, y_test), Perturb([0, 5]))
    mean = explainer.effect(MeanLoss(X_test, y_test), Perturb([0, 5]))
    assert_close(mean, losses.mean(axis=0), rtol=1e-10)
    assert explainer.effect(Prediction(X_test), Perturb([0, 5])).shape == losses.shape
    with pytest.raises(ValueError, match="dual coefficients"):
        explainer.effect(Parameters(), Perturb([0]))


@pytest.mark.filterwarnings("ignore:Refits of")
def test_black_boxes_answer_by_refits():
    X, y, X_test, y_test, second = classes()
    model = RandomForestClassifier(5, random_state=0)
    explainer = InfluenceExplainer(model, method="retrain").fit(X[:60], y[:60])
    for question in (
        ROCAUC(X_test, y_test),
        Accuracy(X_test, y_test),
        DemographicParity(X_test, second),
        MeanLoss(X_test, y_test),
        OwnLoss(),
    ):
        for change in (Remove([0, 1]), Reweight([0, 1], 2.0)):
            assert np.all(np.isfinite(explainer.effect(question, change)))
    with pytest.raises(TypeError, match="parameters"):
        explainer.effect(Parameters(), Remove([0]))


def test_refits_are_processes():
    X, y, *test = data("logistic")
    explainer = fit("logistic", X, y, method="retrain", n_jobs=2)
    found = explainer.effect(Scalar(lambda raw: float(os.getpid()), test[0]), Remove(range(6)))
    assert np.all(found != 0)  # each is another process's number minus this one's


@pytest.mark.filterwarnings("ignore:Refits of")
def test_black_boxes_take_lists():
    X, y, X_test, y_test, _ = classes()
    model = RandomForestClassifier(5, random_state=0)
    explainer = InfluenceExplainer(model, method="retrain").fit(X[:60].tolist(), y[:60].tolist())
    for question, listed in (
        (Prediction(X_test), Prediction(X_test.tolist())),
        (Loss(X_test, y_test), Loss(X_test.tolist(), y_test.tolist())),
        (MeanLoss(X_test, y_test), MeanLoss(X_test.tolist(), y_test.tolist())),
    ):
        for change, alike in (
            (Remove([0]), Remove([0])),
            (Replace([0], X_test[:1]), Replace([0], X_test[:1].tolist())),
        ):
            expected = explainer.effect(question, change)
            assert_close(explainer.effect(listed, alike), expected, rtol=1e-12)


def test_own_losses_of_tables_of_polars():
    polars = pytest.importorskip("polars")
    X, y, *_ = classes()
    model = RandomForestClassifier(5, random_state=0)
    table = polars.DataFrame(X[:60], schema=[f"x{i}" for i in range(X.shape[1])])
    found, expected = (
        InfluenceExplainer(model, method="retrain").fit(rows, y[:60]).effect(OwnLoss(), Remove([0]))
        for rows in (table, X[:60])
    )
    assert_close(found, expected, rtol=1e-12)


def test_estimators_without_weights_are_not_refitted_with_others():
    X, y, X_test, *_ = classes()
    for model in (KNeighborsClassifier(), GaussianProcessRegressor(alpha=0.1)):
        explainer = InfluenceExplainer(model, method="retrain").fit(X[:60], y[:60])
        with pytest.raises(TypeError, match="does not take `sample_weight`.*Remove"):
            explainer.effect(Prediction(X_test), Reweight([0], 2.0))


@pytest.mark.filterwarnings("ignore:Refits of")
def test_black_boxes_replace_rows_by_the_columns_they_know():
    pd = pytest.importorskip("pandas")
    X, y, X_test, *_ = classes()
    names = [f"x{i}" for i in range(X.shape[1])]
    table, test = (pd.DataFrame(part, columns=names) for part in (X[:60], X_test))
    model = RandomForestClassifier(5, random_state=0)
    explainer = InfluenceExplainer(model, method="retrain").fit(table, y[:60])
    expected = InfluenceExplainer(model, method="retrain").fit(X[:60], y[:60])
    found = explainer.effect(Prediction(test), Replace([1, 2], test[:2]))
    expected = expected.effect(Prediction(X_test), Replace([1, 2], X_test[:2]))
    assert_close(found, expected, rtol=1e-12)
    with pytest.raises(ValueError, match="in their order"):
        explainer.effect(Prediction(test), Replace([1, 2], test[names[::-1]][:2]))


def test_new_targets_are_a_column_or_not():
    X, y, X_test, _ = data("ridge")
    for method in ("influence", "newton", "retrain"):
        explainers = [fit("ridge", X, target, method=method) for target in (y, y[:, None])]
        for explainer in explainers:
            expected = explainer.effect(Prediction(X_test), Replace([1, 2], y_new=y[3:5]))
            found = explainer.effect(Prediction(X_test), Replace([1, 2], y_new=y[3:5, None]))
            assert_close(found, expected, rtol=1e-12)


# Methods as values


def test_methods_are_taken_as_values():
    X, y, *test = data("logistic")
    for method in (FirstOrder(), Newton(), Retrain()):
        named = fit("logistic", X, y, method=method.name).loss_influence(*test)
        explainer = fit("logistic", X, y, method=method)
        assert explainer.method_ == method.name
        assert_close(explainer.loss_influence(*test), named, rtol=1e-12)
    followed = fit("logistic", X, y, method=Newton(tolerance=1e-8))
    refitted = fit("logistic", X, y, method="retrain").loss_influence(*test)
    assert_close(followed.loss_influence(*test), refitted, rtol=1e-6)
    assert followed.certificates().max() <= 1e-8


def test_anything_else_is_no_method():
    X, y, *_ = data("logistic")
    for method in ("newtons", Newton, 3):
        with pytest.raises((TypeError, ValueError), match="`method` must be one of"):
            InfluenceExplainer(method=method).fit(X, y)


@pytest.mark.parametrize("value", [0, -1, np.nan, "a", True])
def test_newton_steps_refuse_tolerances_that_are_none(value):
    with pytest.raises(ValueError, match="`tolerance` must be a finite number > 0"):
        Newton(tolerance=value)


@pytest.mark.parametrize("method", ["influence", "newton", "retrain"])
def test_explainers_are_loaded_as_they_were_saved(method, tmp_path):
    X, y, *test = data("logistic")
    explainer = fit("logistic", X, y, method=method)
    joblib.dump(explainer, tmp_path / "explainer")
    for loaded in (
        pickle.loads(pickle.dumps(explainer)),
        joblib.load(tmp_path / "explainer", mmap_mode="r"),
    ):
        for question in (Loss(*test), OwnLoss(), Parameters()):
            for change in (Remove(), Reweight([0, 5], 2.0), Replace([1], y_new=y[:1])):
                expected = explainer.effect(question, change)
                assert_close(loaded.effect(question, change), expected, rtol=1e-12)


# What is refused, by name


@pytest.mark.parametrize("method", ["influence", "newton"])
@pytest.mark.parametrize(
    ("question", "change", "message"),
    [
        (OwnLoss(), RemoveGroups(np.arange(24) % 3), "a group has several"),
        (OwnLoss(), Perturb([0]), "is that of another row"),
        (Prediction(np.zeros((1, 3))), Reweight([0, 1], [1.0]), "one for each"),
        (Prediction(np.zeros((1, 3))), Reweight([0], -1.0), "finite and >= 0"),
        (Prediction(np.zeros((1, 3))), Replace([0]), "Nothing is new"),
        (Scalar(lambda raw: raw[:, 0], np.zeros((4, 3))), Remove([0]), "must return one number"),
        (Scalar(lambda raw, y: 0, np.zeros((4, 3)), [1]), Remove([0]), "has 4 rows and `y` has 1"),
        (DemographicParity(np.zeros((4, 3)), [1, 1, 1, 1]), Remove([0]), "two labels"),
        (EqualOpportunity(np.zeros((2, 3)), [0, 0], [1, 2]), Remove([0]), "some row that counts"),
        (DemographicParity(np.zeros((2, 3)), [None, "a"]), Remove([0]), "of one kind"),
        (Accuracy(np.zeros((2, 3)), ["0", "1"]), Remove([0]), "was not fitted on"),
        (ROCAUC(np.zeros((2, 3)), [0, 0]), Remove([0]), "rows of both classes"),
    ],
)
def test_pairs_without_a_meaning_are_refused_by_name(question, change, message, method):
    X, y, *_ = data("logistic")
    with pytest.raises(ValueError, match=message):
        fit("logistic", X, y, method=method).effect(question, change)


def test_numbers_with_jumps_have_no_first_order():
    X, y, X_test, y_test, _ = classes()
    explainer = explain("influence", X, y)
    for question in (ROCAUC(X_test, y_test), Accuracy(X_test, y_test)):
        with pytest.raises(ValueError, match="has jumps"):
            explainer.effect(question, Remove([0]))
    step = Scalar(lambda raw: anp.mean(anp.where(raw > 0, 1.0, 0.0)), X_test)
    with pytest.warns(UserWarning, match="zero at the fit"):
        explainer.effect(step, Remove([0]))


@pytest.mark.parametrize("method", ["influence", "newton", "retrain"])
@pytest.mark.parametrize("value", [np.nan, -np.inf, None, "a", 1j])
def test_a_number_is_real_and_finite(value, method):
    X, y, X_test, *_ = classes()
    with pytest.raises(ValueError, match="must be finite|must return one number"):
        explain(method, X, y).effect(Scalar(lambda raw: value, X_test), Remove([0]))


def test_numbers_that_autograd_cannot_follow_name_the_remedy():
    X, y, X_test, *_ = classes()
    explainer = explain("influence", X, y)
    for function in (
        lambda raw: float(raw.mean()),
        lambda raw: anp.median(raw),
        lambda raw: np.asarray(raw).mean(),
    ):
        with pytest.raises(TypeError, match=r"Write it in `autograd\.numpy`"):
            explainer.effect(Scalar(function, X_test), Remove([0]))
    with np.errstate(all="ignore"), pytest.raises(ValueError, match="gradient .* not finite"):
        explainer.effect(Scalar(lambda raw: anp.sum(anp.sqrt(0 * raw)), X_test), Remove([0]))
    with pytest.warns(UserWarning, match="zero at the fit"):  # a count
        explainer.effect(Scalar(lambda raw: (raw > 0).sum(), X_test), Remove([0]))


@pytest.mark.parametrize("method", ["influence", "newton", "retrain"])
def test_a_number_may_write_to_its_predictions(method):
    X, y, X_test, *_ = classes()

    def shifted(raw):
        raw -= 1.0
        return anp.mean(raw**2)

    explainer = explain(method, X, y)
    expected = explainer.effect(Scalar(lambda raw: anp.mean((raw - 1) ** 2), X_test), Remove([0]))
    assert_close(explainer.effect(Scalar(shifted, X_test), Remove([0])), expected, rtol=1e-10)


def test_accuracy_takes_a_column():
    X, y, X_test, y_test, _ = classes()
    explainer, groups = explain("newton", X, y), RemoveGroups(np.arange(len(y)) % 5)
    found = explainer.effect(Accuracy(X_test, y_test[:, None]), groups)
    assert np.any(found)
    assert_close(found, explainer.effect(Accuracy(X_test, y_test), groups), rtol=1e-12)


def test_what_is_no_question_or_change_is_refused():
    X, y, *test = data("logistic")
    explainer, loss = fit("logistic", X, y), Loss(*test)
    for question in (Remove(), Loss, "loss", None):
        with pytest.raises(TypeError, match="`question` must be one of"):
            explainer.effect(question, Remove())
    for change in (loss, Remove, "remove", None, [0]):
        with pytest.raises(TypeError, match="`change` must be one of"):
            explainer.effect(loss, change)


def test_questions_of_two_classes_refuse_others():
    X, y, X_test, y_test = data("multinomial")
    explainer = fit("multinomial", X, y)
    groups = np.arange(len(y_test)) % 2
    for question in (
        ROCAUC(X_test, y_test),
        EqualOpportunity(X_test, y_test, groups),
        DemographicParity(X_test, groups),
    ):
        with pytest.raises(ValueError, match="two classes"):
            explainer.effect(question, Remove([0]))
    with pytest.raises(ValueError, match="not fitted on"):
        explainer.effect(Accuracy(X_test, ["a"] * len(y_test)), Remove([0]))
    column = explainer.effect(Accuracy(X_test, np.reshape(y_test, (-1, 1))), Remove([0]))
    assert column == explainer.effect(Accuracy(X_test, y_test), Remove([0]))
    X, y, X_test, y_test = data("ridge")
    explainer = fit("ridge", X, y)
    with pytest.raises(ValueError, match="a classifier"):
        explainer.effect(Accuracy(X_test, y_test), Remove([0]))
    assert explainer.effect(DemographicParity(X_test, groups), Remove([0])).shape == (1,)


def test_weights_that_empty_a_class_are_refused():
    X = np.random.RandomState(0).standard_normal((12, 2))
    y = np.array([1] + 11 * [0])
    two = np.r_[y, 1], np.r_[np.ones(12), 0]  # the only row of its class that has a weight
    for class_weight in ("balanced", None):
        model = LogisticRegression(class_weight=class_weight)
        for method in ("influence", "newton", "retrain"):
            explainer = InfluenceExplainer(model, method=method, refine=True).fit(X, y)
            with pytest.raises(ValueError, match="class has none left"):
                explainer.effect(Parameters(), Reweight([3, 0], 0.0))
            assert np.all(np.isfinite(explainer.effect(Parameters(), Reweight([0, 3], [0.5, 0]))))
            explainer.fit(np.vstack([X, X[:1]]), *two)
            with pytest.raises(ValueError, match="class has none left"):
                explainer.effect(Parameters(), Reweight([0], 0.0))
            assert not np.any(explainer.effect(Parameters(), Reweight([12], 0.0)))


def test_a_row_twice_as_heavy_is_the_row_once_more():
    X, y, X_test, _ = data("ridge")
    explainer = InfluenceExplainer(LinearRegression()).fit(X, y)
    twice = LinearRegression().fit(np.vstack([X, X[:1]]), np.r_[y, y[:1]])
    expected = twice.predict(X_test) - explainer.predict(X_test)
    found = explainer.effect(Prediction(X_test), Reweight([0], 2.0))
    assert_close(found[:, 0], expected, rtol=1e-8)


def test_kernel_coefficients_under_every_change():
    case = Case("svr")
    groups = groups_of(case)
    y_new = np.asarray(case.y)[ROWS + 3]
    for change in (RemoveGroups(groups), Reweight(ROWS, [2.0, 0.5]), Replace(ROWS, y_new=y_new)):
        newton, truth = (e.effect(Parameters(), change) for e in (case.newton, case.retrain))
        assert_close(newton, truth, rtol=0.02)
    with pytest.raises(ValueError, match="dual coefficient"):
        case.newton.effect(Parameters(), Replace(ROWS, X_new=case.X[:2]))
