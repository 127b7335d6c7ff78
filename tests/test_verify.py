"""`verify` compares with `leave_one_out`; its figures are those that scipy and numpy give."""

import builtins
import copy
import pickle
import re
import sys

import numpy as np
import pytest
from cases import logistic, ridge
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import pearsonr, spearmanr
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import Ridge, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skinfluence import InfluenceExplainer, leave_one_out
from skinfluence.diagnostics import Fidelity, Verification
from skinfluence.methods import FirstOrder, Newton

FIGURES = ("pearson", "spearman", "slope", "sign_agreement")


@pytest.fixture(scope="module")
def data():
    X, y = load_breast_cancer(return_X_y=True)
    labels = np.array(["malignant", "benign"])[y]
    return X[8:188], labels[8:188], X[:8], labels[:8]


@pytest.fixture(scope="module")
def explainer(data):
    X, y, _, _ = data
    model = make_pipeline(StandardScaler(), logistic())
    return InfluenceExplainer(model, method="influence", random_state=0).fit(X, y)


@pytest.fixture(scope="module")
def verification(explainer, data):
    return explainer.verify(*data[2:], random_state=0)


def state(explainer):
    """Return what a fitted explainer holds, as bytes."""
    return pickle.dumps(vars(explainer))


# What is compared


def test_refitted_is_leave_one_out(case):
    """That ``method="retrain"`` is, too, is a law of its own."""
    truth = case.truth["loss"][:, [1, 0, 1]]
    verification = case.newton.verify(*case.test, rows=case.rows[[1, 0, 1]])
    atol = 1e-9 * np.abs(truth).max() + 1e-14
    assert_allclose(verification.refitted, truth, rtol=0, atol=atol)


@pytest.mark.parametrize("method", ["influence", "newton"])
def test_estimated_is_the_loss_influence(data, method):
    X, y, *test = data
    model = make_pipeline(StandardScaler(), logistic())
    explainer = InfluenceExplainer(model, method=method).fit(X, y)
    verification = explainer.verify(*test, n_rows=5)
    expected = explainer.loss_influence(*test, rows=verification.rows)
    assert_array_equal(verification.estimated, expected)
    assert verification.method == method


@pytest.mark.parametrize("refine", [True, False])
def test_refine_is_that_of_leave_one_out(data, refine):
    X, y, *test = data
    model = make_pipeline(StandardScaler(), logistic(tol=1e-3))
    explainer = InfluenceExplainer(model, refine=True).fit(X, y)
    truth = leave_one_out(explainer.estimator_, X, y, *test, rows=[3, 5], refine=refine)
    frozen = InfluenceExplainer(FrozenEstimator(explainer.estimator_)).fit(X, y)
    for fitted in (explainer, frozen):
        verification = fitted.verify(*test, rows=[3, 5], refine=refine)
        assert_allclose(verification.refitted, truth, rtol=1e-6, atol=1e-9 if refine else 1e-3)


def test_refits_are_those_of_what_fit_was_given(data):
    X, y, *test = data
    given, weights = y.copy(), np.linspace(0.5, 2, len(y))
    model = make_pipeline(StandardScaler(), logistic(class_weight="balanced"))
    explainer = InfluenceExplainer(model).fit(X, given, weights)
    truth = leave_one_out(model, X, y, *test, rows=[3, 5], sample_weight=weights)
    given[:], weights[:] = given[::-1].copy(), 1
    assert_allclose(explainer.verify(*test, rows=[3, 5]).refitted, truth, rtol=1e-6)


def test_frames_series_and_lists_may_be_verified(data):
    pandas = pytest.importorskip("pandas")
    X, y, X_test, y_test = data
    frame, frame_test = (
        pandas.DataFrame(X).add_prefix("x"),
        pandas.DataFrame(X_test).add_prefix("x"),
    )
    for model in (ridge(RidgeClassifier), make_pipeline(StandardScaler(), logistic())):
        truth = leave_one_out(model, X, y, X_test, y_test, rows=[3, 5])
        explainer = InfluenceExplainer(model).fit(frame, pandas.Series(y, dtype="category"))
        assert_allclose(explainer.verify(frame_test, list(y_test), rows=[3, 5]).refitted, truth)
        explainer.fit(X.tolist(), y.tolist(), [1.0] * len(y))
        assert_allclose(explainer.verify(X_test, y_test, rows=[3, 5]).refitted, truth)


def test_float32_stays(data):
    X, y, X_test, y_test = data
    unit = X.std(axis=0)
    X, X_test = (X / unit).astype("f"), (X_test / unit).astype("f")
    explainer = InfluenceExplainer(ridge(RidgeClassifier, alpha=1e3)).fit(X, y)
    verification = explainer.verify(X_test, y_test, n_rows=4, random_state=0)
    assert verification.estimated.dtype == verification.refitted.dtype == np.float32
    assert isinstance(verification.slope, float)


def test_regressor_of_squared_error_is_exact():
    X, y = load_diabetes(return_X_y=True)
    explainer = InfluenceExplainer(Ridge(), method="newton").fit(X[20:], y[20:])
    verification = explainer.verify(X[:20], y[:20], n_rows=10, random_state=0)
    assert verification.relative_error < 1e-8
    for name in ("pearson", "slope"):
        assert_allclose([verification[name], *verification[f"{name}_interval"]], 1, rtol=1e-8)
    assert verification.verdict.startswith("The estimates agree with the refits. Of 100% of")


# Figures


def test_figures_are_those_of_scipy_and_numpy(verification):
    estimate, truth = verification.estimated.ravel(), verification.refitted.ravel()
    assert verification.pearson == pytest.approx(pearsonr(truth, estimate)[0], rel=1e-12)
    assert verification.spearman == pytest.approx(spearmanr(truth, estimate)[0], rel=1e-12)
    assert verification.slope == pytest.approx(np.polyfit(truth, estimate, 1)[0], rel=1e-10)
    assert verification.sign_agreement == np.mean(np.sign(truth) == np.sign(estimate))
    errors = np.abs(verification.estimated - verification.refitted)
    assert verification.worst_error == errors.max()
    column = verification.rows.tolist().index(verification.worst_row)
    assert errors[verification.worst_test, column] == errors.max()
    expected = np.linalg.norm(errors) / np.linalg.norm(truth)
    assert verification.relative_error == pytest.approx(expected, rel=1e-12)


def test_counted_columns_are_columns_repeated():
    random = np.random.RandomState(0)
    estimated, refitted = random.randint(-3, 4, size=(2, 5, 6)).astype(float)  # with ties
    counts = np.array([0, 2, 1, 3, 0, 1])
    repeated = np.repeat(np.arange(6), counts)
    estimate, truth = estimated[:, repeated].ravel(), refitted[:, repeated].ravel()
    expected = [
        pearsonr(truth, estimate)[0],
        spearmanr(truth, estimate)[0],
        np.polyfit(truth, estimate, 1)[0],
        np.mean(np.sign(truth) == np.sign(estimate)),
    ]
    assert_allclose(Fidelity(estimated, refitted, np.arange(6)).figures(counts), expected)


def test_interval_is_a_bootstrap_of_rows_not_of_pairs():
    random = np.random.RandomState(0)
    refitted = random.standard_normal((1, 12))
    estimated = refitted + random.standard_normal((1, 12))
    rows = np.arange(12)
    once = Fidelity(estimated, refitted, rows).intervals(0.9, np.random.RandomState(1))
    tests_repeated = Fidelity(*np.repeat([estimated, refitted], 50, axis=1), rows)
    rows_repeated = Fidelity(*np.repeat([estimated, refitted], 50, axis=2), np.repeat(rows, 50))
    for more in (tests_repeated, rows_repeated):
        assert_allclose(more.intervals(0.9, np.random.RandomState(1)), once, atol=1e-12)
    wider = Fidelity(estimated, refitted, rows).intervals(0.99, np.random.RandomState(1))
    assert np.all(wider[:, 0] <= once[:, 0]) and np.all(wider[:, 1] >= once[:, 1])


def test_intervals_cover():
    """Clusters of pairs that share an error: 90% intervals hold the truth nine times in ten."""
    random = np.random.RandomState(0)
    held = np.zeros(4)

    def draw(n):
        """Return three test losses a row, most of whose variance the row's losses share."""
        shape = (2, 3, n)
        return random.standard_normal(shape) + 2 * random.standard_normal((2, 1, n))

    shared, own = draw(20_000)
    expected = Fidelity(shared + 0.5 * own, shared, np.arange(20_000)).figures()
    for _ in range(60):
        shared, own = draw(30)
        fidelity = Fidelity(shared + 0.5 * own, shared, np.arange(30))
        low, high = fidelity.intervals(0.9, random).T
        held += (low <= expected) & (expected <= high)
    assert np.all(held >= 45) and np.all(held < 60)


def test_intervals_hold_the_figures(verification):
    for name in FIGURES:
        low, high = verification[f"{name}_interval"]
        assert low <= verification[name] <= high
        assert -1 <= low <= high or name == "slope"


@pytest.mark.parametrize("rows", [[4], [4, 60], [4, 60, 4]])
def test_fewer_than_three_rows_have_no_interval(explainer, data, rows):
    verification = explainer.verify(*data[2:], rows=rows)
    for name in FIGURES:
        assert np.isfinite(verification[name])
        assert_array_equal(verification[f"{name}_interval"], np.nan)


def test_constant_effects_have_no_correlation(data):
    X, y, *test = data
    weights = np.where(np.arange(len(y)) < 5, 0.0, 1.0)
    model = make_pipeline(StandardScaler(), logistic())
    explainer = InfluenceExplainer(model).fit(X, y, weights)
    verification = explainer.verify(*test, rows=[0, 1, 2, 3])
    assert_allclose(verification.refitted, 0, atol=1e-12)
    constant = Fidelity(np.zeros((2, 4)), np.zeros((2, 4)), np.arange(4))
    assert_array_equal(constant.figures(), [np.nan, np.nan, np.nan, 1])
    intervals = constant.intervals(0.95, np.random.RandomState(0))
    assert_array_equal(intervals, [[np.nan] * 2] * 3 + [[1, 1]])


def test_resamples_without_a_figure_are_left_out():
    estimated, refitted = np.array([[1.0, 2.0, 4.0]]), np.array([[1.0, 2.5, 4.0]])
    fidelity = Fidelity(estimated, refitted, np.arange(3))
    assert np.isnan(fidelity.figures([0, 3, 0])[:3]).all()
    assert np.isfinite(fidelity.intervals(0.95, np.random.RandomState(0))).all()


# Which rows


def test_influential_rows_are_those_of_the_largest_sum(explainer, data):
    total = np.abs(explainer.loss_influence(*data[2:])).sum(axis=0)
    verification = explainer.verify(*data[2:], n_rows=5, select="influential")
    assert_array_equal(verification.rows, np.argsort(-total)[:5])
    assert_array_equal(verification.selected_as, "influential")


def test_mix_is_half_of_each_without_repeats(explainer, data):
    influential = explainer.verify(*data[2:], n_rows=4, select="influential").rows
    verification = explainer.verify(*data[2:], n_rows=7, select="mix")
    assert_array_equal(verification.rows[:4], influential)
    assert verification.selected_as.tolist() == ["influential"] * 4 + ["random"] * 3
    assert len(np.unique(verification.rows)) == 7


def test_at_most_every_row_is_chosen():
    X, y = load_diabetes(return_X_y=True)
    explainer = InfluenceExplainer(Ridge()).fit(X[:12], y[:12])
    for select in ("mix", "influential", "random"):
        verification = explainer.verify(X[12:14], y[12:14], n_rows=100, select=select)
        assert_array_equal(np.sort(verification.rows), np.arange(12))


def test_rows_may_be_named_in_every_way(explainer, data):
    mask = np.isin(np.arange(180), [2, 9])
    expected = explainer.verify(*data[2:], rows=[2, 9]).refitted
    for rows in (mask, slice(2, 10, 7), np.array([2, 9])):
        verification = explainer.verify(*data[2:], rows=rows)
        assert_array_equal(verification.refitted, expected)
        assert_array_equal(verification.selected_as, "given")


def test_a_row_alone_in_its_class_is_never_chosen(data):
    X, y, X_test, y_test = data
    y = np.where(np.arange(len(y)) == 11, "rare", y)[:30]
    explainer = InfluenceExplainer(make_pipeline(StandardScaler(), logistic())).fit(X[:30], y)
    for select in ("mix", "influential", "random"):
        assert 11 not in explainer.verify(X_test, y_test, n_rows=30, select=select).rows
    with pytest.raises(ValueError, match="leave them out of `rows`"):
        explainer.verify(X_test, y_test, rows=[11])
    pair = [np.flatnonzero(y == "benign")[0], 11]
    explainer.fit(X[pair], y[pair])
    with pytest.raises(ValueError, match="no row to leave out"):
        explainer.verify(X[pair], y[pair])


# Seeds, jobs, and what stays as it was


def test_a_seed_gives_the_same_answer(explainer, data, verification):
    again = explainer.verify(*data[2:], random_state=0)
    default = explainer.verify(*data[2:])  # the explainer's own seed, also 0
    for other in (again, default):
        assert_array_equal(other.rows, verification.rows)
        assert other.slope_interval == verification.slope_interval
    assert set(explainer.verify(*data[2:], random_state=1).rows) != set(verification.rows)


def test_answer_does_not_depend_on_n_jobs_or_blocks(explainer, data, verification):
    other = copy.copy(explainer).set_params(n_jobs=2, block_size=7)
    other = other.verify(*data[2:], random_state=0)
    assert_array_equal(other.rows, verification.rows)
    assert_allclose(other.refitted, verification.refitted, rtol=1e-9, atol=1e-12)
    assert_allclose(other.slope_interval, verification.slope_interval, rtol=1e-6)


def test_explainer_stays_as_it_was(data):
    X, y, *test = data
    model = make_pipeline(StandardScaler(), logistic())
    random = np.random.RandomState(3)
    explainer = InfluenceExplainer(model, method="newton", random_state=random).fit(X, y)
    explainer.loss_influence(*test)  # what is kept once it is asked for
    before = state(explainer)
    first, second = (explainer.verify(*test, n_rows=4) for _ in range(2))
    assert state(explainer) == before
    assert_array_equal(first.rows, second.rows)


def test_explainer_can_be_verified_after_pickling_and_cloned(explainer, data, verification):
    copied = pickle.loads(pickle.dumps(explainer))
    again = copied.verify(*data[2:], random_state=0)
    assert_array_equal(again.refitted, verification.refitted)
    assert not hasattr(clone(explainer), "answers_")


# What is refused


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"select": "best"}, "`select` must be one of"),
        ({"select": ["mix"]}, "`select` must be one of"),
        ({"n_rows": 0}, "`n_rows` must be an integer >= 1; got 0"),
        ({"n_rows": 2.5}, "`n_rows` must be an integer >= 1"),
        ({"n_rows": True}, "`n_rows` must be an integer >= 1"),
        ({"confidence": 1}, "`confidence` must be a number between 0 and 1; got 1"),
        ({"confidence": 95}, "`confidence` must be a number between 0 and 1; got 95"),
        ({"confidence": "high"}, "`confidence` must be a number between 0 and 1"),
        ({"rows": []}, "no row to leave out"),
        ({"rows": [-1]}, "`rows` must lie between 0 and 179"),
        ({"rows": 3}, "`rows` must be None"),
        ({"random_state": "seed"}, "`random_state` must be None"),
    ],
)
def test_bad_arguments_are_named(explainer, data, params, message):
    with pytest.raises(ValueError, match=message):
        explainer.verify(*data[2:], **params)


def test_refits_are_not_verified_by_refits(data):
    X, y, *test = data
    model = RandomForestClassifier(n_estimators=2, random_state=0)
    explainer = InfluenceExplainer(model, method="retrain").fit(X, y)
    with pytest.raises(ValueError, match='method="retrain" refits already'):
        explainer.verify(*test)


def test_labels_that_were_not_trained_on_are_refused(explainer, data):
    with pytest.raises(ValueError, match="not fitted on"):
        explainer.verify(data[2], np.full(8, "unseen"))


# What it prints


def test_verification_is_a_bunch_that_pickles(verification):
    copied = pickle.loads(pickle.dumps(verification))
    assert isinstance(copied, Verification) and repr(copied) == repr(verification)
    assert copied["pearson"] == copied.pearson == verification.pearson
    assert "verdict" not in verification
    with pytest.raises(AttributeError):
        _ = verification.nothing


def test_repr_has_the_figures_and_a_verdict(verification):
    text = repr(verification)
    low, high = verification.slope_interval
    assert text.startswith('Verification of method="influence": 20 rows really left out, 8 test')
    assert f"{verification.slope:.3f}  [{low:.3f}, {high:.3f}]" in text
    assert f"worst row {verification.worst_row}: estimated " in text
    assert text.endswith(verification.verdict)


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, "The estimates agree with the refits."),
        ({"pearson": 0.7}, "Do not rely .*: Pearson 0.700 is below 0.95. Try method=.newton"),
        (
            {"slope": 1.4, "remedy": Newton.remedy},
            r"slope 1.400 is outside \[0.8, 1.25\]. See .*refine",
        ),
        ({"pearson": np.nan}, "Nothing can be said"),
        ({"pearson_interval": (0.4, 1.0)}, "other rows may not, up to Pearson 0.400"),
        ({"slope_interval": (0.7, 1.3)}, "slope 0.700 is .* and slope 1.300 is outside"),
        ({"slope_interval": (np.nan, np.nan)}, "too few rows"),
    ],
)
def test_verdict_follows_the_thresholds(verification, changes, verdict):
    good = {"pearson": 0.99, "slope": 1.0, "pearson_interval": (0.97, 1.0)}
    good |= {"slope_interval": (0.9, 1.1), "remedy": FirstOrder.remedy}
    changed = Verification(**{**verification, **good, **changes})
    assert re.search(verdict, changed.verdict)
    assert repr(changed).endswith(changed.verdict)


# The display


@pytest.fixture
def plt():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    yield plt
    plt.close("all")


def test_display_draws_what_was_verified(plt, verification):
    from skinfluence.inspection import FidelityDisplay

    display = FidelityDisplay.from_verification(verification)
    points = np.column_stack([verification.refitted.ravel(), verification.estimated.ravel()])
    assert_allclose(display.scatter_.get_offsets(), points)
    assert len(np.unique(display.scatter_.get_facecolors(), axis=0)) == 2
    (x0, x1), (y0, y1) = display.line_.get_data()
    assert (y1 - y0) / (x1 - x0) == pytest.approx(verification.slope)
    intercept = np.polyfit(*points.T, 1)[1]
    assert y0 - verification.slope * x0 == pytest.approx(intercept)
    assert_array_equal(*display.identity_.get_data())
    assert f"row {verification.worst_row}," in display.annotation_.get_text()
    assert f"Pearson {verification.pearson:.3f} [" in display.ax_.get_title()
    assert display.ax_.get_title().startswith("influence: 20 rows")
    assert display.figure_ is display.ax_.figure
    display.figure_.canvas.draw()


def test_display_from_estimator_verifies(plt, explainer, data, verification):
    from skinfluence.inspection import FidelityDisplay

    _, ax = plt.subplots()
    display = FidelityDisplay.from_estimator(
        explainer, *data[2:], random_state=0, ax=ax, name="first order", scatter_kw={"color": "red"}
    )
    assert display.ax_ is ax
    assert display.slope == verification.slope
    assert display.ax_.get_title().startswith("first order: 20 rows left out, 8 test losses")
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["estimate = refit", "regression"]
    named = FidelityDisplay.from_estimator(explainer, *data[2:], rows=[1, 2])
    assert "[" not in named.ax_.get_title()  # no interval from two rows
    assert named.plot(name="other").ax_ is not ax
    named.figure_.canvas.draw()


def test_display_needs_only_the_two_arrays_and_figures(plt):
    from skinfluence.inspection import FidelityDisplay

    zero = np.zeros((1, 1))
    display = FidelityDisplay(estimated=zero, refitted=zero, rows=[3], pearson=np.nan, slope=np.nan)
    display.plot(identity_kw={"color": "red"}, line_kw={"ls": ":"}).figure_.canvas.draw()
    assert display.identity_.get_color() == "red"


def test_display_without_matplotlib_names_the_extra(monkeypatch, explainer, data, verification):
    from skinfluence.inspection import FidelityDisplay

    find = builtins.__import__

    def missing(name, *args, **kwargs):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return find(name, *args, **kwargs)

    for module in [m for m in sys.modules if m.startswith("matplotlib")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setattr(builtins, "__import__", missing)
    monkeypatch.setattr(type(explainer), "verify", lambda *_, **__: pytest.fail("refitted"))
    with pytest.raises(ImportError, match=r"pip install skinfluence\[plot\]"):
        FidelityDisplay.from_estimator(explainer, *data[2:])
    with pytest.raises(ImportError, match=r"FidelityDisplay.plot needs matplotlib"):
        FidelityDisplay.from_verification(verification)
