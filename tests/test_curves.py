"""Cleaning and removal curves, and the displays of one and of influence against distance."""

import matplotlib as mpl
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import scale
from sklearn.svm import SVC

from skinfluence import InfluenceExplainer, LabelCleaner, leave_one_out
from skinfluence.inspection import CleaningCurveDisplay, InfluenceDisplay
from skinfluence.methods import Refit
from skinfluence.metrics import cleaning_curve, removal_curve

mpl.use("Agg")


def cancer():
    X, y = load_breast_cancer(return_X_y=True)
    X = scale(X)
    return X[:300], y[:300], X[300:], y[300:]


def curve(**params):
    cleaner = LabelCleaner(LogisticRegression())
    asked = {"n_draws": 2, "random_state": 0, "shares": (0.1, 0.5, 1.0)} | params
    return cleaning_curve(cleaner, *cancer(), **asked)


def test_all_flips_are_found_once_all_rows_are_inspected():
    found = curve(baselines=("self_influence", "loss", "random"))
    assert list(found.found) == ["loo_loss", "self_influence", "loss", "random"]
    for order in found.found:
        assert np.all(np.diff(found.found[order], axis=1) >= 0)
        assert_array_equal(found.found[order][:, -1], 1)
        assert_allclose(found.scores[order][:, -1], found.clean_scores)
    assert np.all(found.found["loo_loss"][:, 0] > 0.6)


def test_a_random_order_finds_as_many_as_it_inspects():
    found = curve(baselines=("random",), n_draws=8, shares=(0.25, 0.5, 0.75))
    assert_allclose(found.found["random"].mean(axis=0), found.shares, atol=0.1)


def test_the_curve_does_not_depend_on_n_jobs():
    one, two = curve(), curve(n_jobs=2)
    for order in one.found:
        assert_array_equal(one.found[order], two.found[order])
        assert_array_equal(one.scores[order], two.scores[order])


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"noise": 0.0}, "`noise` must be a number between 0 and 1"),
        ({"shares": (0.5, 1.5)}, "`shares` must lie in"),
        ({"baselines": ("guess",)}, "`baselines` must be"),
        ({"n_draws": 0}, "`n_draws` must be an integer >= 1"),
    ],
)
def test_bad_parameters_of_a_cleaning_curve(params, message):
    with pytest.raises(ValueError, match=message):
        curve(**params)


def test_only_labels_can_be_flipped():
    X, y = load_diabetes(return_X_y=True)
    with pytest.raises(ValueError, match="must wrap a classifier"):
        cleaning_curve(LabelCleaner(Ridge()), X, y, X, y)


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_grid_search_over_a_cleaner(n_jobs):
    X, y, X_test, y_test = cancer()
    grid = {"damping": [0.0, 0.1], "contamination": [0.05, 0.2]}
    search = GridSearchCV(LabelCleaner(LogisticRegression()), grid, n_jobs=n_jobs).fit(X, y)
    assert set(search.best_params_) == set(grid)
    assert np.all(np.isfinite(search.cv_results_["mean_test_score"]))
    assert search.score(X_test, y_test) > 0.9


def diabetes(method="newton"):
    X, y = load_diabetes(return_X_y=True)
    return InfluenceExplainer(Ridge(), method=method).fit(X[50:], y[50:]), X[:50], y[:50]


def test_removing_one_row_is_leaving_it_out():
    explainer, X_test, y_test = diabetes()
    X, y = load_diabetes(return_X_y=True)
    found = removal_curve(explainer, X_test, y_test, shares=[1 / 392], n_draws=1)
    alone = leave_one_out(Ridge(), X[50:], y[50:], X_test, y_test).mean(axis=0)
    assert_allclose([found.helpful[0], found.harmful[0]], [alone.max(), alone.min()])


def test_helpful_rows_are_missed_and_harmful_ones_are_not():
    found = removal_curve(*diabetes(), random_state=0)
    assert found.random.shape == (5, 5)
    assert np.all(np.diff(found.helpful) > 0)
    assert np.all(found.helpful > found.random.max(axis=0))
    assert np.all(found.harmful < found.random.min(axis=0))


def test_as_many_random_rows_leave_as_ranked_ones():
    X, y = load_diabetes(return_X_y=True)
    explainer = InfluenceExplainer(DummyRegressor(), method="retrain").fit(X[:15], y[:15])
    shares = [1e-3, 0.1, 0.5]  # one row at least, and halves, are rounded the same
    counted = []
    original = Refit.values

    def values(refits, asked, groups):
        if hasattr(groups, "members"):
            counted.append(groups.members.sum(axis=0))
        return original(refits, asked, groups)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Refit, "values", values)
        removal_curve(explainer, X[20:25], y[20:25], shares=shares, n_draws=1)
    assert_array_equal(counted, [[1, 2, 8]] * 3)


def test_no_refit_without_a_class():
    X, y, X_test, y_test = cancer()
    kept = np.r_[np.flatnonzero(y == 0)[:60], np.flatnonzero(y == 1)[:6]]
    explainer = InfluenceExplainer(LogisticRegression(), refine=True).fit(X[kept], y[kept])
    benign = y_test == 1
    found = removal_curve(explainer, X_test[benign], y_test[benign], shares=[0.02, 0.2])
    assert np.isfinite(found.helpful[0]) and np.isnan(found.helpful[1])


def test_display_of_a_cleaning_curve():
    found = curve()
    display = CleaningCurveDisplay.from_curve(found, score_name="accuracy")
    assert display.axes_[1].get_ylabel() == "accuracy after correcting them"
    lines = [display.errorbars_[order][0].lines[0] for order in found.found]
    for order, line in zip(found.found, lines):
        assert_allclose(line.get_ydata(), found.found[order].mean(axis=0))
    assert_allclose(np.mean([line.get_xdata() for line in lines], axis=0), 100 * found.shares)
    axes = display.figure_.axes
    assert CleaningCurveDisplay.from_curve(found, ax=axes).figure_ is display.figure_


def test_display_of_orders_of_ones_own():
    found = {"mine": np.array([[0.5, 1.0]]), "random": np.array([[0.1, 0.2]])}
    levels = {"clean_scores": np.array([0.9]), "noisy_scores": np.array([0.5])}
    display = CleaningCurveDisplay(shares=[0.1, 0.2], found=found, scores=found, **levels).plot()
    _, labels = display.axes_[0].get_legend_handles_labels()
    assert labels == ["mine", "random"]


def test_display_of_influence_and_distance():
    X, y = load_digits(n_class=3, return_X_y=True)
    explainer = InfluenceExplainer(refine=True).fit(X[20:200] / 16, y[20:200])
    asked = X[:1] / 16, y[:1]
    display = InfluenceDisplay.from_estimator(explainer, *asked, k=3, image_shape=(8, 8))
    assert_allclose(display.influence, explainer.loss_influence(*asked)[0])
    assert_allclose(display.distance, np.linalg.norm(X[20:200] / 16 - asked[0], axis=1))
    found = explainer.most_influential(*asked, k=3)
    assert_array_equal(display.helpful, found.helpful[0])
    assert_array_equal(display.harmful, found.harmful[0])
    assert sum(len(points.get_offsets()) for points in display.scatters_) == 180
    axes = display.figure_.axes[:1] or display.figure_.subplots(1)
    alone = display.plot(axes[0])
    assert alone.image_axes_ is None


def test_marked_rows_are_drawn_in_their_colours_and_the_figure_can_be_saved(tmp_path):
    X, y = load_digits(n_class=3, return_X_y=True)
    explainer = InfluenceExplainer(refine=True).fit(X[20:200] / 16, y[20:200])
    display = InfluenceDisplay.from_estimator(explainer, X[:1] / 16, y[:1], k=4, image_shape=(8, 8))
    marked = [*display.helpful, *display.harmful]
    coloured = [
        offset
        for points in display.scatters_
        for offset, color in zip(points.get_offsets(), points.get_facecolors())
        if np.ptp(color[:3]) > 0  # not grey
    ]
    expected = np.transpose([display.distance[marked], display.influence[marked]])
    assert_allclose(np.sort(coloured, axis=0), np.sort(expected, axis=0))
    assert display.image_axes_.shape == (2, 4)
    shown = [axis.images[0].get_array() for axis in display.image_axes_.ravel()]
    assert_allclose(shown, X[20:200][marked].reshape(-1, 8, 8) / 16)
    assert_allclose(display.test_axes_.images[0].get_array(), X[0].reshape(8, 8) / 16)
    display.figure_.savefig(tmp_path / "figure.png")


def test_distances_of_a_kernel_model_are_those_of_its_rows():
    X, y = load_digits(n_class=2, return_X_y=True)
    X, y, asked = X[20:120] / 16, y[20:120], (X[:1] / 16, y[:1])
    explainer = InfluenceExplainer(SVC(), method="influence").fit(X, y)
    display = InfluenceDisplay.from_estimator(explainer, *asked, k=2, image_shape=(8, 8))
    assert_allclose(display.distance, np.linalg.norm(X - asked[0], axis=1))
    assert_allclose(display.images, X.reshape(-1, 8, 8))
    explainer = InfluenceExplainer(SVC(kernel="precomputed"), method="influence")
    explainer.fit(X @ X.T, y)
    display = InfluenceDisplay.from_estimator(explainer, asked[0] @ X.T, asked[1])
    spanned = asked[0] @ np.linalg.pinv(X) @ X  # all that the kernel with the training rows knows
    assert_allclose(display.distance, np.linalg.norm(X - spanned, axis=1), rtol=1e-5)


def test_display_of_influence_on_sparse_rows_and_on_a_regression():
    X, y = load_diabetes(return_X_y=True)
    dense = InfluenceExplainer(Ridge()).fit(X, y)
    thin = InfluenceExplainer(Ridge()).fit(sparse.csr_matrix(X), y)
    displays = [InfluenceDisplay.from_estimator(e, X[:1], y[:1]) for e in (dense, thin)]
    assert_allclose(displays[0].distance, displays[1].distance, atol=1e-7)
    assert displays[0].same_class is None


def test_bad_questions_of_the_influence_display():
    X, y = load_digits(n_class=2, return_X_y=True)
    explainer = InfluenceExplainer(refine=True).fit(X / 16, y)
    with pytest.raises(ValueError, match="Give one test row; got 2"):
        InfluenceDisplay.from_estimator(explainer, X[:2], y[:2])
    with pytest.raises(ValueError, match="does not hold a row of 64 features"):
        InfluenceDisplay.from_estimator(explainer, X[:1], y[:1], image_shape=(9, 9))
