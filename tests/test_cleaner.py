"""LabelCleaner: scores, what is flagged, and what is done about it."""

import pickle

import numpy as np
import pytest
from cases import logistic
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, make_moons
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
    RidgeClassifier,
)
from sklearn.metrics import average_precision_score
from sklearn.model_selection import (
    GridSearchCV,
    ShuffleSplit,
    StratifiedKFold,
    TimeSeriesSplit,
    cross_val_predict,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from skinfluence import InfluenceExplainer, LabelCleaner
from skinfluence.cleaning._penalty_search import CEILING, PenaltySearch

MODELS = [LogisticRegression(max_iter=1000), RidgeClassifier()]


@pytest.fixture(scope="module")
def flipped():
    """Standardised breast cancer, 20 of 300 labels flipped: X, y, and which."""
    X, y = load_breast_cancer(return_X_y=True)
    X, y = StandardScaler().fit_transform(X)[:300], y[:300].copy()
    wrong = np.zeros(300, dtype=bool)
    wrong[np.random.RandomState(0).choice(300, 20, replace=False)] = True
    y[wrong] = 1 - y[wrong]
    return X, y, wrong


@pytest.fixture(scope="module")
def three_classes():
    """Iris, one label in ten given to the next class: X, y, and which."""
    X, y = load_iris(return_X_y=True)
    wrong = np.random.RandomState(1).uniform(size=150) < 0.1
    return X, np.where(wrong, (y + 1) % 3, y), wrong


# Scores


@pytest.mark.parametrize("model", MODELS, ids=str)
@pytest.mark.parametrize("score", ["loo_loss", "self_influence", "loss"])
def test_wrong_labels_rank_first(score, model, flipped):
    X, y, wrong = flipped
    cleaner = LabelCleaner(model, score=score).fit(X, y)
    assert average_precision_score(wrong, cleaner.label_scores_) > 8 * wrong.mean()
    assert_array_equal(cleaner.ranking_, np.argsort(-cleaner.label_scores_, kind="stable"))


def test_scores_are_those_of_the_explainer(flipped):
    X, y, _ = flipped
    model = logistic(C=0.1)
    explainer = InfluenceExplainer(model, method="newton", refine=True).fit(X, y)
    first_order = InfluenceExplainer(model, method="influence", refine=True).fit(X, y)
    losses = -np.log(explainer.predict_proba(X)[np.arange(300), y])
    for score, expected in [
        ("loss", losses),
        ("self_influence", first_order.self_influence()),
        ("loo_loss", losses + explainer.self_influence()),
    ]:
        cleaner = LabelCleaner(model, score=score, penalty="keep").fit(X, y)
        assert_allclose(cleaner.label_scores_, expected, rtol=0.05, atol=1e-9)
    assert_allclose(cleaner.loo_probabilities_, explainer.loo_predict(), atol=0.02)


def test_loo_probabilities_are_those_of_real_refits(flipped):
    X, y, _ = flipped
    model = logistic(C=0.1)
    cleaner = LabelCleaner(model, penalty="keep").fit(X, y)
    for j in cleaner.ranking_[[0, 5, 50]]:
        kept = np.arange(300) != j
        truth = clone(model).fit(X[kept], y[kept]).predict_proba(X[[j]])[0]
        assert_allclose(cleaner.loo_probabilities_[j], truth, atol=0.02)


def test_three_classes(three_classes):
    X, y, wrong = three_classes
    cleaner = LabelCleaner(LogisticRegression(max_iter=1000)).fit(X, y)
    assert average_precision_score(wrong, cleaner.label_scores_) > 0.8
    assert cleaner.loo_probabilities_.shape == (150, 3)
    assert_allclose(cleaner.loo_probabilities_.sum(axis=1), 1)
    right = load_iris().target
    assert np.mean(cleaner.suggested_labels_[wrong] == right[wrong]) > 0.8


# What is flagged


def test_auto_contamination_finds_about_as_many_as_there_are(flipped):
    X, y, wrong = flipped
    cleaner = LabelCleaner().fit(X, y)
    assert 10 <= cleaner.flagged_.sum() <= 30
    assert wrong[cleaner.flagged_].mean() > 0.6


def test_contamination_is_the_share_that_is_flagged(flipped):
    X, y, _ = flipped
    for share in (0.01, 0.1, 0.5):
        cleaner = LabelCleaner(contamination=share).fit(X, y)
        assert cleaner.flagged_.sum() == round(300 * share)
        worst = cleaner.ranking_[: round(300 * share)]
        assert_array_equal(np.flatnonzero(cleaner.flagged_), np.sort(worst))


def test_clean_separated_labels_are_left_alone():
    X = np.r_[np.linspace(-2, -1, 30), np.linspace(1, 2, 30)][:, None]
    cleaner = LabelCleaner().fit(X, np.arange(60) >= 30)
    assert not cleaner.flagged_.any()
    assert_array_equal(cleaner.sample_indices_, np.arange(60))


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_no_class_is_ever_dropped(model):
    random = np.random.RandomState(0)
    X, y = random.standard_normal((40, 2)), np.zeros(40, dtype=int)
    y[[3, 8]] = 1
    cleaner = LabelCleaner(model, contamination=0.5, penalty="keep").fit(X, y)
    assert set(y[cleaner.sample_indices_]) == {0, 1}
    assert not cleaner.flagged_[[3, 8]].all()
    assert_array_equal(cleaner.classes_, [0, 1])


# What is done about it


def test_drop_refits_on_the_rows_that_are_left(flipped):
    X, y, _ = flipped
    model = logistic(C=2.0)
    cleaner = LabelCleaner(model, action="drop", contamination=0.05).fit(X, y)
    kept = cleaner.sample_indices_
    assert_array_equal(kept, np.flatnonzero(~cleaner.flagged_))
    assert_allclose(cleaner.estimator_.coef_, clone(model).fit(X[kept], y[kept]).coef_)


def test_relabel_refits_on_the_suggested_labels(flipped):
    X, y, _ = flipped
    cleaner = LabelCleaner(logistic(), action="relabel").fit(X, y)
    labels = np.where(cleaner.flagged_, cleaner.suggested_labels_, y)
    assert_array_equal(cleaner.sample_indices_, np.arange(300))
    assert_allclose(cleaner.estimator_.coef_, logistic().fit(X, labels).coef_)


def test_keep_flags_and_changes_nothing(flipped):
    X, y, _ = flipped
    cleaner = LabelCleaner(logistic(), action="keep").fit(X, y)
    assert cleaner.flagged_.any()
    assert_array_equal(cleaner.sample_indices_, np.arange(300))
    assert_allclose(cleaner.estimator_.coef_, logistic().fit(X, y).coef_)


def test_fit_resample_returns_what_the_model_was_fitted_on(flipped):
    X, y, _ = flipped
    for action in ("drop", "relabel", "keep"):
        cleaner = LabelCleaner(logistic(), action=action)
        rows, labels = cleaner.fit_resample(X, y)
        assert_array_equal(rows, X[cleaner.sample_indices_])
        assert_allclose(cleaner.estimator_.coef_, logistic().fit(rows, labels).coef_)
    assert not hasattr(cleaner, "transform")


def test_fit_does_not_write_into_the_users_labels(flipped):
    X, y, _ = flipped
    before = y.copy()
    LabelCleaner(action="relabel").fit_resample(X, y)
    assert_array_equal(y, before)


# The penalty


def test_tuning_is_for_scoring_only(flipped):
    X, y, _ = flipped
    cleaner = LabelCleaner(LogisticRegression(C=123.0, max_iter=10_000)).fit(X, y)
    assert cleaner.penalty_ < 123
    assert cleaner.estimator_.C == 123


def test_keep_scores_with_the_users_penalty(flipped):
    X, y, _ = flipped
    assert LabelCleaner(LogisticRegression(C=0.3), penalty="keep").fit(X, y).penalty_ == 0.3
    assert LabelCleaner(Ridge(alpha=2.0), penalty="keep").fit(X, X[:, 0]).penalty_ == 2.0


def test_tuned_penalty_is_the_best_of_its_neighbours_by_real_leave_one_out():
    X, y = load_breast_cancer(return_X_y=True)
    X, y = StandardScaler().fit_transform(X)[:60], y[:60]
    best = LabelCleaner().fit(X, y).penalty_
    risks = []
    for C in (best / 10, best, best * 10):
        explainer = InfluenceExplainer(logistic(C=C), method="retrain").fit(X, y)
        risks.append(-np.log(explainer.loo_predict()[np.arange(60), y]).mean())
    assert np.argmin(risks) == 1


def test_one_exploded_step_does_not_choose_the_penalty():
    """A curved prediction may go anywhere in one step; a constant model is no remedy."""
    X, y = make_moons(200, noise=0.2, random_state=0)
    model = MLPClassifier((8,), solver="lbfgs", max_iter=1000, tol=1e-6, random_state=0)
    search = PenaltySearch(model, "alpha", X, y)
    penalty = search.best()
    assert all(risk < CEILING * np.log(2) * 1.1 for risk in search.risks.values())
    fitted = clone(model).set_params(alpha=penalty).fit(X, y)
    assert fitted.score(X, y) > 0.85


def test_no_candidate_ends_the_search_for_a_penalty(monkeypatch):
    X, y = load_diabetes(return_X_y=True)
    search = PenaltySearch(Ridge(), "alpha", X, y)
    known = search._fitted_risk

    def fails_at_one(value):
        if value == 1:
            raise ValueError("Row(s) [174] have leverage 1")
        return known(value)

    monkeypatch.setattr(search, "_fitted_risk", fails_at_one)
    assert search.best() == PenaltySearch(Ridge(), "alpha", X, y).best()


def test_where_nothing_can_be_tuned_tune_is_keep():
    X, y = load_diabetes(return_X_y=True)
    assert LabelCleaner(LinearRegression()).fit(X, y).penalty_ is None


# Other kinds of data


def test_string_labels_in_a_data_frame(flipped):
    pandas = pytest.importorskip("pandas")
    X, y, _ = flipped
    names = np.array(["benign", "malign"])
    frame = pandas.DataFrame(X).add_prefix("x")
    labels = pandas.Series(names[y], index=range(9, 309))
    expected = LabelCleaner(action="relabel").fit(X, y)
    cleaner = LabelCleaner(action="relabel")
    rows, resampled = cleaner.fit_resample(frame, labels)
    assert isinstance(rows, pandas.DataFrame) and isinstance(resampled, pandas.Series)
    assert_array_equal(cleaner.flagged_, expected.flagged_)
    assert_array_equal(cleaner.suggested_labels_, names[expected.suggested_labels_])
    changed = resampled.to_numpy() != labels.to_numpy()
    assert_array_equal(changed, cleaner.flagged_ & (names[y] != cleaner.suggested_labels_))


def test_longer_suggested_label_is_not_cut_short(flipped):
    X, y, _ = flipped
    labels = np.array(["no", "certainly"])[y]
    _, resampled = LabelCleaner(action="relabel").fit_resample(X, labels)
    assert set(resampled) == {"no", "certainly"}


def test_lists_are_data_too(three_classes):
    X, y, _ = three_classes
    cleaner = LabelCleaner(LogisticRegression(max_iter=1000)).fit(X.tolist(), y.tolist())
    expected = LabelCleaner(LogisticRegression(max_iter=1000)).fit(X, y)
    assert_array_equal(cleaner.flagged_, expected.flagged_)


def test_pipeline_of_texts():
    good, bad = "pleasant calm friendly warm", "awful noisy rude cold"
    random = np.random.RandomState(0)
    texts = [
        " ".join(random.choice((good if i % 2 else bad).split(), 3)) + f" word{i % 7}"
        for i in range(60)
    ]
    labels = np.array(["bad", "good"])[np.arange(60) % 2]
    labels[[4, 11]] = ["good", "bad"]
    model = make_pipeline(CountVectorizer(), LogisticRegression())
    cleaner = LabelCleaner(model, action="drop", contamination=1 / 30)
    rows, kept = cleaner.fit_resample(texts, labels)
    assert set(cleaner.ranking_[:2]) == {4, 11}
    assert cleaner.suggested_labels_[4] == "bad" and cleaner.suggested_labels_[11] == "good"
    assert len(rows) == len(kept) == len(cleaner.sample_indices_)
    assert cleaner.predict(["calm and warm"]) == "good"


@pytest.mark.parametrize("form", [sparse.csr_matrix, sparse.csc_matrix, sparse.coo_matrix])
def test_sparse_scores_as_dense(form, three_classes):
    X, y, _ = three_classes
    model = logistic(tol=1e-8)
    dense = LabelCleaner(model).fit(X, y)
    cleaner = LabelCleaner(model).fit(form(X), y)
    assert cleaner.penalty_ == dense.penalty_
    assert_allclose(cleaner.label_scores_, dense.label_scores_, rtol=1e-4, atol=1e-6)


def test_row_of_weight_zero_does_not_change_the_scores_of_others(flipped):
    X, y, _ = flipped
    weights = np.random.RandomState(0).uniform(0.2, 3, 300)
    weights[:5] = 0
    whole = LabelCleaner(logistic()).fit(X, y, sample_weight=weights)
    part = LabelCleaner(logistic()).fit(X[5:], y[5:], sample_weight=weights[5:])
    assert whole.penalty_ == part.penalty_
    assert_allclose(whole.label_scores_[5:], part.label_scores_, rtol=1e-5, atol=1e-9)


def test_weights_follow_the_rows_that_are_kept(flipped):
    X, y, _ = flipped
    weights = np.random.RandomState(0).uniform(0.2, 3, 300)
    cleaner = LabelCleaner(logistic(), action="drop", contamination=0.05)
    cleaner.fit(X, y, sample_weight=weights)
    kept = cleaner.sample_indices_
    assert_allclose(cleaner.estimator_.coef_, logistic().fit(X[kept], y[kept], weights[kept]).coef_)


def test_frozen_estimator_is_scored_as_it_is(flipped):
    X, y, _ = flipped
    fitted = logistic(C=0.1).fit(X, y)
    with pytest.raises(ValueError, match="action='keep'"):
        LabelCleaner(FrozenEstimator(fitted)).fit(X, y)
    frozen = LabelCleaner(FrozenEstimator(fitted), action="keep").fit(X, y)
    kept = LabelCleaner(logistic(C=0.1), penalty="keep").fit(X, y)
    assert_allclose(frozen.label_scores_, kept.label_scores_, rtol=1e-9)


def test_residuals_of_a_log_link_are_in_the_units_of_y():
    random = np.random.RandomState(0)
    X = random.standard_normal((300, 3))
    y = random.poisson(np.exp(1 + 0.8 * X[:, 0])).astype(float)
    y[5] += 80
    cleaner = LabelCleaner(PoissonRegressor(), penalty="keep").fit(X, y)
    assert cleaner.flagged_[5]
    assert cleaner.flagged_.sum() < 10  # counts are noisier where they are large


def test_rows_that_are_left_and_cannot_be_fitted_are_refused_by_name():
    X, y = np.array([[-0.9], [-1.1], [-1.4], [-0.3]]), np.array([-10, 0, -10, 0])
    searched = GridSearchCV(LogisticRegression(), {"C": [0.1, 10.0]}, cv=2)
    with pytest.raises(ValueError, match=r"cannot be fitted on the 2 cleaned rows: n_splits=2 "):
        LabelCleaner(searched, contamination=0.5, action="drop").fit(X, y)


def test_score_is_a_parameter_and_a_method(flipped):
    X, y, _ = flipped
    cleaner = LabelCleaner(logistic()).fit(X, y)
    assert cleaner.score == "loo_loss"
    assert cleaner.score(X, y) == cleaner.estimator_.score(X, y)
    assert clone(LabelCleaner(score=cleaner.score)).get_params()["score"] == "loo_loss"


# Regressors


@pytest.mark.parametrize("model", [Ridge(), LinearRegression()], ids=str)
def test_regressor_flags_what_is_far_from_its_leave_one_out_prediction(model):
    X, y = load_diabetes(return_X_y=True)
    y = y.copy()
    wrong = [5, 100, 300]
    y[wrong] += 1000
    cleaner = LabelCleaner(model).fit(X, y)
    assert set(cleaner.ranking_[:3]) == set(wrong)
    assert cleaner.flagged_[wrong].all() and cleaner.flagged_.sum() < 15
    assert cleaner.loo_probabilities_ is None


def test_suggestion_of_a_regressor_is_its_leave_one_out_prediction():
    X, y = load_diabetes(return_X_y=True)
    cleaner = LabelCleaner(LinearRegression()).fit(X, y)
    kept = np.arange(len(y)) != 7
    truth = LinearRegression().fit(X[kept], y[kept]).predict(X[[7]])
    assert_allclose(cleaner.suggested_labels_[[7]], truth)
    assert_allclose(cleaner.label_scores_[7], (y[7] - truth[0]) ** 2)


def test_relabel_is_refused_on_a_regressor():
    X, y = load_diabetes(return_X_y=True)
    with pytest.raises(ValueError, match="relabel.*classifiers"):
        LabelCleaner(Ridge(), action="relabel").fit(X, y)


# Parameters


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"score": "margin"}, "`score` must be"),
        ({"action": "delete"}, "`action` must be"),
        ({"penalty": 3}, "`penalty` must be"),
        ({"contamination": 0.0}, "`contamination` must be"),
        ({"contamination": 1.0}, "`contamination` must be"),
        ({"contamination": "most"}, "`contamination` must be"),
        ({"damping": -1}, "`damping` must be"),
        ({"solver": "lapack"}, "`solver` must be"),
    ],
    ids=str,
)
def test_bad_parameters_are_refused(params, message, three_classes):
    X, y, _ = three_classes
    with pytest.raises(ValueError, match=message):
        LabelCleaner(LogisticRegression(max_iter=1000), **params).fit(X, y)


# Which rows contradict a label


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_contradicting_rows_lower_the_margin_of_the_suggestion(model, flipped):
    X, y, _ = flipped
    cleaner = LabelCleaner(model, penalty="keep").fit(X, y)
    found = cleaner.contradicting_rows(k=4, relative=False)
    asked = cleaner.ranking_[cleaner.flagged_[cleaner.ranking_]]
    assert found.rows.shape == found.influence.shape == (len(asked), 4)
    assert found.features.shape == (len(asked), 4, 3)
    explainer = InfluenceExplainer(model, method="influence", refine=True).fit(X, y)
    towards = np.where(cleaner.suggested_labels_[asked] == 1, 1, -1)
    influence = towards[:, None] * explainer.prediction_influence(X[asked])
    influence[np.arange(len(asked)), asked] = np.inf
    assert_array_equal(found.rows, np.argsort(influence, axis=1, kind="stable")[:, :4])
    assert_allclose(found.influence, np.sort(influence, axis=1)[:, :4], rtol=1e-6)
    assert np.all(found.influence < 0)


def test_contradicting_rows_carry_the_suggested_label_where_classes_are_apart(three_classes):
    X, y, wrong = three_classes
    cleaner = LabelCleaner(LogisticRegression(max_iter=1000)).fit(X, y)
    asked = np.flatnonzero(wrong & cleaner.flagged_)
    found = cleaner.contradicting_rows(asked, k=3)
    suggested = cleaner.suggested_labels_[asked][:, None]
    assert np.mean(y[found.rows] == suggested) > 0.9


def test_contradicting_rows_do_not_depend_on_blocks_or_on_pickling(flipped):
    X, y, _ = flipped
    cleaner = LabelCleaner().fit(sparse.csr_matrix(X), y)
    whole = cleaner.contradicting_rows()
    with config_context(working_memory=0.01):
        assert_array_equal(cleaner.contradicting_rows().rows, whole.rows)
    stored = pickle.dumps(cleaner)
    assert len(stored) < 4 * X.nbytes
    assert_array_equal(pickle.loads(stored).contradicting_rows().rows, whole.rows)


def test_a_row_never_contradicts_itself():
    X = np.array([[-1.0], [-1.0], [1.0], [1.0]])
    cleaner = LabelCleaner(penalty="keep", contamination=0.5, action="keep").fit(X, [0, 0, 1, 1])
    found = cleaner.contradicting_rows(slice(None), k=3)
    for row, others in enumerate(found.rows):
        assert sorted([row, *others]) == [0, 1, 2, 3]


def test_contradicting_rows_refuse_what_is_not_there(flipped):
    X, y, _ = flipped
    cleaner = LabelCleaner().fit(X, y)
    for k in (0, 300, 2.5):
        with pytest.raises(ValueError, match="`k` must be"):
            cleaner.contradicting_rows(k=k)
    with pytest.raises(ValueError, match="`rows` must lie"):
        cleaner.contradicting_rows([300])
    assert cleaner.contradicting_rows([]).rows.shape == (0, 5)
    with pytest.raises(NotFittedError):
        LabelCleaner().contradicting_rows()


# How many, and which


def noisy_classes(n=600, share=0.15, n_classes=3, seed=0):
    """Return data that a logistic regression is the model of, and which labels are wrong."""
    random = np.random.RandomState(seed)
    X, coef = random.standard_normal((n, 4)), random.standard_normal((4, n_classes)) * 2
    shares = np.exp(X @ coef)
    shares /= shares.sum(axis=1, keepdims=True)
    true = (shares.cumsum(axis=1) < random.uniform(size=n)[:, None]).sum(axis=1)
    wrong = random.uniform(size=n) < share
    return X, np.where(wrong, (true + random.randint(1, n_classes, n)) % n_classes, true), wrong


def test_the_interval_holds_the_share_of_wrong_labels_where_the_model_is_right():
    held = []
    for seed in range(20):
        X, y, wrong = noisy_classes(400, [0.0, 0.1, 0.2][seed % 3], 2 + seed % 2, seed)
        cleaner = LabelCleaner(action="keep").fit(X, y)
        low, high = cleaner.noise_rate_interval_
        held.append(low <= wrong.mean() <= high)
        assert low <= cleaner.noise_rate_ <= high + 0.05
    assert np.mean(held) >= 0.8  # 0.9 of 20, less two standard errors


def test_the_noise_matrix_tells_which_classes_are_taken_for_one_another():
    X, y, _ = noisy_classes(1500, 0.0)
    swapped = (y == 0) & (np.random.RandomState(1).uniform(size=len(y)) < 0.3)
    cleaner = LabelCleaner(action="keep").fit(X, np.where(swapped, 1, y))
    matrix = cleaner.noise_matrix_
    assert_allclose(matrix.sum(axis=0), 1)
    assert matrix[1, 0] == np.max(matrix - np.diag(np.diag(matrix)))
    low, high = cleaner.noise_matrix_interval_
    assert np.all(low <= matrix + 1e-9) and np.all(matrix <= high + 1e-9)


def test_a_flag_always_suggests_another_label():
    X, y, _ = noisy_classes()
    for contamination in ("auto", 0.4):
        cleaner = LabelCleaner(contamination=contamination, action="keep").fit(X, y)
        assert cleaner.flagged_.any()
        assert np.all(cleaner.suggested_labels_[cleaner.flagged_] != y[cleaner.flagged_])


@pytest.mark.parametrize("model", [LogisticRegression(), RidgeClassifier()], ids=str)
def test_a_model_without_skill_judges_nothing(model):
    X, y = np.random.RandomState(0).normal(size=(500, 20)), np.arange(500) % 2
    with pytest.warns(UserWarning, match="no better than the shares of the classes"):
        cleaner = LabelCleaner(model).fit(X, y)
    assert not cleaner.flagged_.any() and not cleaner.skill_.skilled
    assert cleaner.action_ == "keep" and len(cleaner.sample_indices_) == 500


def test_a_regressor_without_skill_judges_nothing():
    X, y = np.random.RandomState(0).normal(size=(100, 5)), np.random.RandomState(1).normal(size=100)
    y[3] = 50
    with pytest.warns(UserWarning, match="no better than the mean"):
        assert not LabelCleaner(Ridge()).fit(X, y).flagged_.any()


def test_rare_classes_keep_half_of_their_rows():
    random = np.random.RandomState(0)
    X, y = random.standard_normal((1000, 3)), np.zeros(1000, dtype=int)
    X[:200, 0] += 3
    y[:200] = 1
    y[200:212] = 2  # that nothing tells from class 0
    cleaner = LabelCleaner().fit(X, y)
    assert np.mean(cleaner.flagged_[y == 2]) <= 0.5
    asked = LabelCleaner(contamination=0.1).fit(X, y)
    assert not asked.flagged_[y == 2].all()


def test_noise_that_varies_is_not_called_wrong():
    random = np.random.RandomState(0)
    X = random.uniform(0.1, 3, size=(1500, 1))
    y = 2 * X[:, 0] + 0.5 * X[:, 0] ** 2 * random.standard_normal(1500)
    rows = np.argsort(X[:, 0])[:100:10]
    y[rows] += 3
    cleaner = LabelCleaner(LinearRegression()).fit(X, y)
    assert cleaner.flagged_[rows].all()
    assert np.delete(cleaner.flagged_, rows).mean() < 0.02


# What is done about it, and whether it helps


def test_rows_are_weighted_by_the_probability_that_their_label_is_right():
    X, y, wrong = noisy_classes(share=0.25)
    cleaner = LabelCleaner().fit(X, y)
    assert cleaner.action_ == "reweight" and cleaner.gain_.helps
    weights = 1 - cleaner.wrong_probabilities_
    assert weights[wrong].mean() < weights[~wrong].mean() - 0.2
    expected = LogisticRegression().fit(X, y, weights)
    assert_allclose(cleaner.estimator_.coef_, expected.coef_)


def test_an_action_that_does_not_help_is_not_taken():
    """A border that is curved: the model disagrees with right labels."""
    X, y = make_moons(400, noise=0.15, random_state=0)
    cleaner = LabelCleaner(action="drop").fit(X, y)
    assert cleaner.action_ == ("drop" if cleaner.gain_ and cleaner.gain_.helps else "keep")
    if cleaner.action_ == "keep":
        assert_array_equal(cleaner.sample_indices_, np.arange(400))


# Any classifier, any probabilities

OTHERS = [
    (RandomForestClassifier(50, random_state=0), "out_of_bag"),
    (HistGradientBoostingClassifier(max_iter=20), "cross_validation"),
    (KNeighborsClassifier(10), "cross_validation"),
    (GaussianNB(), "cross_validation"),
    (
        make_pipeline(StandardScaler(), DecisionTreeClassifier(max_depth=4, random_state=0)),
        "cross_validation",
    ),
    (CalibratedClassifierCV(LogisticRegression(), cv=3), "cross_validation"),
]


@pytest.mark.parametrize(("model", "source"), OTHERS, ids=lambda each: type(each).__name__)
def test_any_classifier_judges_labels(model, source):
    X, y, wrong = noisy_classes(share=0.1)
    names = np.array(["x", "yes", "zebra"])
    cleaner = LabelCleaner(model, random_state=0).fit(X, names[y])
    assert cleaner.probabilities_from_ == source
    assert average_precision_score(wrong, cleaner.label_scores_) > 2 * wrong.mean()
    assert set(cleaner.predict(X)) <= set(names)
    assert_array_equal(clone(cleaner).fit(X, names[y]).flagged_, cleaner.flagged_)
    with pytest.raises(ValueError, match="`contradicting_rows` asks the model"):
        cleaner.contradicting_rows([0])


def test_any_regressor_judges_values():
    random = np.random.RandomState(0)
    X = random.standard_normal((300, 3))
    y = X[:, 0] + 0.1 * random.standard_normal(300)
    y[7] += 8
    for model in (RandomForestRegressor(30, random_state=0), KNeighborsRegressor()):
        cleaner = LabelCleaner(model, random_state=0).fit(X, y)
        assert cleaner.ranking_[0] == 7 and cleaner.flagged_[7] and cleaner.action_ == "drop"
        both = clone(cleaner).fit(X, np.c_[y, X[:, 1]])
        assert both.ranking_[0] == 7 and both.skill_.skilled


def test_probabilities_that_are_given_are_judged_by():
    X, y, wrong = noisy_classes()
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    given = cross_val_predict(LogisticRegression(), X, y, cv=folds, method="predict_proba")
    cleaner = LabelCleaner().fit(X, y, pred_probs=given)
    assert cleaner.probabilities_from_ == "given"
    assert_allclose(cleaner.label_scores_, -np.log(given[np.arange(len(y)), y]))
    assert average_precision_score(wrong, cleaner.label_scores_) > 2 * wrong.mean()
    for bad, message in ((given[:, :2], "a column for each"), (given * 2, "sum of 1")):
        with pytest.raises(ValueError, match=message):
            LabelCleaner().fit(X, y, pred_probs=bad)
    with pytest.raises(ValueError, match="y has none"):
        LabelCleaner(Ridge()).fit(X, X[:, 0], pred_probs=given)


# Decisions that can be kept


def test_decisions_are_obeyed_by_apply_and_by_fit(tmp_path):
    pandas = pytest.importorskip("pandas")
    X, y, _ = noisy_classes()
    names = np.array(["x", "yes", "zebra"])
    frame = pandas.DataFrame(X, columns=list("abcd"), index=[f"r{i}" for i in range(len(y))])
    labels = pandas.Series(names[y], index=frame.index, name="label")
    table = LabelCleaner(action="drop", contamination=0.1).fit(frame, labels).to_frame()
    assert (table["decision"] == np.where(table["flagged"], "drop", "keep")).all()
    first, second = np.flatnonzero(table["flagged"])[:2]
    table.iloc[first, table.columns.get_loc("decision")] = "relabel"
    table.iloc[first, table.columns.get_loc("new_label")] = "zebra"
    table.iloc[second, table.columns.get_loc("decision")] = "keep"
    table.sample(frac=1, random_state=0).to_csv(tmp_path / "decisions.csv")
    edited = pandas.read_csv(tmp_path / "decisions.csv", index_col=0)
    rows, kept = LabelCleaner().apply(frame, labels, edited)
    assert isinstance(rows, pandas.DataFrame) and len(kept) == len(y) - table["flagged"].sum() + 2
    assert kept[f"r{first}"] == "zebra" and kept[f"r{second}"] == labels.iloc[second]
    cleaner = LabelCleaner().fit(frame, labels, decisions=edited)
    assert cleaner.action_ == "decisions"
    expected = LogisticRegression().fit(rows, kept)
    assert_allclose(cleaner.estimator_.coef_, expected.coef_)
    for bad, message in (
        (edited[:-1], "a row for each"),
        (edited.drop(columns="decision"), "a column `decision`"),
        (edited.assign(decision="burn"), "must be one of"),
        (edited.assign(decision="relabel", new_label=None), "need a `new_label`"),
    ):
        with pytest.raises(ValueError, match=message):
            cleaner.apply(frame, labels, bad)


def test_weights_are_part_of_the_decisions():
    X, y, _ = noisy_classes(share=0.25)
    cleaner = LabelCleaner().fit(X, y)
    assert cleaner.action_ == "reweight"
    _, labels, weights = cleaner.apply(X, y, cleaner.to_frame())
    assert_array_equal(labels, y)
    assert_allclose(weights, 1 - cleaner.wrong_probabilities_)
    again = LabelCleaner().fit(X, y, decisions=cleaner.to_frame())
    assert_allclose(again.estimator_.coef_, cleaner.estimator_.coef_)


@pytest.mark.parametrize("action", ["drop", "reweight", "keep"])
def test_before_and_after_are_compared(action):
    X, y, _ = noisy_classes(share=0.25)
    cleaner = LabelCleaner(action=action, contamination=0.1 if action == "drop" else "auto")
    told = cleaner.fit(X, y).compare()
    assert told.loc["rows", "before"] == 600
    assert told.loc["rows", "after"] == (540 if action == "drop" else 600)
    if action == "keep":
        assert_allclose(told["before"], told["after"])
    elif action == "reweight":
        fall = told.loc["log loss, corrected for noise"]
        assert fall["after"] < fall["before"]


def test_regressions_before_and_after_are_compared():
    X = noisy_classes()[0]
    told = LabelCleaner(Ridge()).fit(X, X[:, 0]).compare()
    assert list(told.index) == ["rows", "root mean squared error", "mean absolute error"]


def test_labels_that_differ_by_a_space_or_case_are_named(flipped):
    X, y, _ = flipped
    labels = np.array(["bad", "good"], dtype=object)[y]
    LabelCleaner(action="keep").fit(X, labels)
    labels[:40:2] = [f"{label.title()} " for label in labels[:40:2]]
    with pytest.warns(UserWarning, match=r"\('Bad ', 'bad'\), \('Good ', 'good'\)"):
        LabelCleaner(action="keep").fit(X, labels)


def test_nullable_labels_stay_whole_numbers(flipped):
    pandas = pytest.importorskip("pandas")
    X, y, _ = flipped
    cleaner = LabelCleaner(action="relabel", contamination=0.05)
    _, labels = cleaner.fit_resample(X, pandas.Series(y, dtype="Int64"))
    assert cleaner.suggested_labels_.dtype == y.dtype and labels.dtype == "Int64"


def test_decisions_are_those_of_the_rows_however_the_table_is_sorted(flipped):
    X, y, _ = flipped
    frame = LabelCleaner(action="drop", contamination=0.05).fit(X, y).to_frame()
    dropped = LabelCleaner().apply(X, y, frame)[0]
    assert_array_equal(LabelCleaner().apply(X, y, frame.sort_values("rank"))[0], dropped)


def test_a_new_label_is_one_of_y_as_a_file_writes_it(flipped):
    X, y, _ = flipped
    frame = LabelCleaner(action="relabel", contamination=0.05).fit(X, y).to_frame()
    changed = (frame["decision"] == "relabel").to_numpy()
    expected = np.where(changed, 1 - y, y)
    for labels in (y.astype(bool), y, np.array(["no", "yes"])[y], y.astype(float)):
        written = frame.assign(new_label=labels[np.argmax(labels[:, None] != labels, axis=1)])
        written["new_label"] = written["new_label"].astype(str)
        relabelled = LabelCleaner().apply(X, labels, written)[1]
        assert_array_equal(relabelled, np.unique(labels)[expected])
        written.loc[np.flatnonzero(changed)[0], "new_label"] = "yse"
        with pytest.raises(ValueError, match="y has no such label"):
            LabelCleaner().apply(X, labels, written)


def test_fit_resample_obeys_decisions(flipped):
    X, y, _ = flipped
    frame = LabelCleaner(action="relabel", contamination=0.05).fit(X, y).to_frame()
    _, relabelled = LabelCleaner().fit_resample(X, y, decisions=frame)
    assert_array_equal(relabelled, LabelCleaner().apply(X, y, frame)[1])
    assert np.sum(relabelled != y) == 15


def test_pairs_of_an_svc_are_sums_of_classes(three_classes):
    X, y, wrong = three_classes
    cleaner = LabelCleaner(SVC(decision_function_shape="ovo"), contamination=0.1).fit(X, y)
    assert cleaner.compare().loc["accuracy", "before"] > 0.95 - wrong.mean()
    assert np.mean(cleaner.suggested_labels_ == y) > 0.95 - wrong.mean()


def test_a_vote_of_nought_is_a_vote():
    X = np.random.RandomState(0).uniform(size=(200, 2))
    y = np.where(X[:, 0] > 0.5, 10.0, 0.0)
    cleaner = LabelCleaner(RandomForestRegressor(random_state=0)).fit(X, y)
    assert np.median(cleaner.suggested_labels_[y == 0]) == 0


def test_values_of_rows_without_weight_are_not_judged():
    random = np.random.RandomState(0)
    X = random.normal(size=(300, 2))
    y = X[:, 0] + 0.1 * random.normal(size=300)
    y[:8] += 5
    weights = np.r_[np.ones(100), np.zeros(200)]
    y[100:] = 50 * random.normal(size=200)
    flagged = LabelCleaner(Ridge()).fit(X, y, weights).flagged_
    assert_array_equal(np.flatnonzero(flagged), np.arange(8))


def test_values_that_are_met_are_not_flagged_for_rounding():
    X = np.linspace(0, 1, 100)[:, None]
    assert not LabelCleaner(LinearRegression()).fit(X, 2 * X[:, 0]).flagged_.any()


def test_a_value_may_be_relabelled_with_any_other():
    X, y = load_diabetes(return_X_y=True)
    frame = LabelCleaner(Ridge(), action="keep").fit(X, y).to_frame()
    frame.loc[3, ["decision", "new_label"]] = "relabel", 7.5
    assert LabelCleaner(Ridge()).apply(X, y, frame)[1][3] == 7.5


@pytest.mark.parametrize("cv", [TimeSeriesSplit(3), ShuffleSplit(3, random_state=0)], ids=str)
def test_folds_that_leave_rows_out(cv, three_classes):
    X, y, _ = three_classes
    with pytest.raises(ValueError, match="must hold out each of the 150 rows once"):
        LabelCleaner(GaussianNB(), cv=cv).fit(X, y)


def test_the_share_is_within_its_interval():
    X, y, _ = noisy_classes(600, 0.1, n_classes=20)
    cleaner = LabelCleaner(GaussianNB(), action="keep").fit(X, y)
    low, high = cleaner.noise_rate_interval_
    assert low <= cleaner.noise_rate_ <= high


def test_the_interval_of_many_classes_is_one():
    """Its likelihood is smooth in the share; it may still be too narrow, or too low."""
    random = np.random.RandomState(0)
    centres, y = random.normal(size=(20, 8)) * 3, random.randint(20, size=1000)
    X, wrong = centres[y] + random.normal(size=(1000, 8)), random.uniform(size=1000) < 0.1
    given = np.where(wrong, (y + random.randint(1, 20, 1000)) % 20, y)
    cleaner = LabelCleaner(GaussianNB(), action="keep", random_state=0).fit(X, given)
    low, high = cleaner.noise_rate_interval_
    assert low < cleaner.noise_rate_ < high and high - low > 0.01
    assert abs(cleaner.noise_rate_ - wrong.mean()) < 0.03


def test_probabilities_of_a_frame_go_by_the_names_of_classes():
    pandas = pytest.importorskip("pandas")
    X, y, _ = noisy_classes(200, n_classes=2)
    y = np.array(["no", "yes"])[y]
    found = cross_val_predict(LogisticRegression(), X, y, method="predict_proba")
    frame = pandas.DataFrame(found, columns=["no", "yes"])
    told = [
        LabelCleaner(action="keep").fit(X, y, pred_probs=each)
        for each in (found, frame, frame[["yes", "no"]])
    ]
    for each in told[1:]:
        assert_array_equal(each.flagged_, told[0].flagged_)
        assert_array_equal(each.loo_probabilities_, found)


def test_a_relabelled_row_does_not_have_the_weight_of_its_old_label(flipped):
    X, y, wrong = flipped
    frame = LabelCleaner().fit(X, y).to_frame()
    rows = np.flatnonzero(wrong & (frame["weight"] < 0.1).to_numpy())
    assert len(rows)
    frame.loc[rows, "decision"] = "relabel"
    assert np.all(LabelCleaner().apply(X, y, frame)[2][rows] == 1)


@pytest.mark.parametrize("estimator", [GaussianNB(), LogisticRegression()], ids=str)
def test_folds_of_ones_own_hold_with_rows_of_no_weight(estimator):
    X, y, wrong = noisy_classes(300)
    weights = (np.arange(300) % 4 > 0).astype(float)
    folds = list(StratifiedKFold(4).split(X, y))
    cleaner = LabelCleaner(estimator, cv=folds, action="drop").fit(X, y, weights)
    assert np.mean(wrong[cleaner.flagged_]) > 2 * wrong.mean()
    assert cleaner.compare().loc["accuracy", "before"] > 0.5


def test_values_are_judged_alike_dense_sparse_and_in_a_frame():
    pandas = pytest.importorskip("pandas")
    random = np.random.RandomState(0)
    X = random.normal(size=(300, 2))
    y = X[:, 0] + np.exp(X[:, 1]) * random.normal(size=300) / 10
    flags = [
        LabelCleaner(Ridge()).fit(each, y).flagged_
        for each in (X, sparse.csr_matrix(X), pandas.DataFrame(X, columns=["a", "b"]))
    ]
    assert_array_equal(flags[1], flags[0])
    assert_array_equal(flags[2], flags[0])


def test_without_skill_a_share_of_ones_own_is_warned_of_too():
    X, y = np.random.RandomState(0).normal(size=(200, 3)), np.arange(200) % 2
    with pytest.warns(UserWarning, match="no better than the shares of the classes"):
        LabelCleaner(contamination=0.1, action="keep").fit(X, y)
