"""``LabelCleaner.fit_resample`` as a step of imbalanced-learn's Pipeline."""

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

from skinfluence import (
    InfluenceEmbedding,
    InfluenceExplainer,
    LabelCleaner,
    as_problem,
    leave_one_out,
)
from skinfluence.metrics import approximate_cross_val_score

pipeline = pytest.importorskip("imblearn.pipeline")
over_sampling = pytest.importorskip("imblearn.over_sampling")
under_sampling = pytest.importorskip("imblearn.under_sampling")


@pytest.fixture(scope="module")
def noisy():
    X, y = load_breast_cancer(return_X_y=True)
    wrong = np.random.RandomState(0).choice(len(y), size=60, replace=False)
    labels = y.copy()
    labels[wrong] = 1 - labels[wrong]
    return X, labels, y


def cleaned(**params):
    return pipeline.Pipeline(
        [
            ("scale", StandardScaler()),
            ("clean", LabelCleaner(LogisticRegression(), **params)),
            ("neighbours", KNeighborsClassifier(n_neighbors=1)),
        ]
    )


@pytest.mark.parametrize("action", ["drop", "relabel"])
def test_what_follows_is_fitted_on_cleaned_rows(noisy, action):
    X, labels, y = noisy
    model = cleaned(action=action).fit(X, labels)
    kept, right = clone(model["clean"]).fit_resample(model["scale"].transform(X), labels)
    alone = clone(model["neighbours"]).fit(kept, right)
    assert_array_equal(model.predict(X), alone.predict(model["scale"].transform(X)))
    assert len(model.predict(X)) == len(y)  # nothing is dropped where it predicts
    without = clone(model).set_params(clean="passthrough").fit(X, labels)
    assert model.score(X, y) > without.score(X, y)


def test_after_the_embedding_and_in_a_search(noisy):
    X, labels, y = noisy
    steps = [("scale", StandardScaler()), ("embed", InfluenceEmbedding(tight(), n_components=5))]
    model = pipeline.Pipeline([*steps, *cleaned().steps[1:]])
    search = GridSearchCV(model, {"clean__contamination": ["auto", 0.05]}, cv=3).fit(X, labels)
    assert search.best_estimator_.score(X, y) > 0.9


def tight():
    return LogisticRegression(tol=1e-9, max_iter=1000)


def test_with_metadata_routing(noisy):
    X, labels, _ = noisy
    plain = cleaned().fit(X, labels).predict(X)
    with sklearn.config_context(enable_metadata_routing=True):
        assert_array_equal(cleaned().fit(X, labels).predict(X), plain)


def test_frames_stay_frames_on_their_way(noisy):
    pd = pytest.importorskip("pandas")
    X, labels, _ = noisy
    names = [f"patient {i}" for i in range(len(X))]
    frame = pd.DataFrame(X, index=names).rename(columns=str)
    seen = {}

    class Recording(KNeighborsClassifier):
        def fit(self, X, y):
            seen.update(X=X, y=y)
            return super().fit(X, y)

    model = cleaned(action="drop", contamination=0.05).set_params(neighbours=Recording())
    model.set_output(transform="pandas").fit(frame, pd.Series(labels, index=names))
    kept = np.asarray(names)[model["clean"].sample_indices_]
    assert isinstance(seen["X"], pd.DataFrame) and isinstance(seen["y"], pd.Series)
    assert_array_equal(seen["X"].index, kept)
    assert_array_equal(seen["y"].index, kept)


SAMPLERS = {
    "RandomUnderSampler": under_sampling.RandomUnderSampler,
    "SMOTE": over_sampling.SMOTE,
    "LabelCleaner": lambda: LabelCleaner(tight()),
}


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("inside", [False, True], ids=["alone", "in a search"])
def test_a_pipeline_that_changes_the_rows_is_refused_by_name(name, inside, noisy):
    X, labels, _ = noisy
    steps = [("scale", StandardScaler()), ("sample", SAMPLERS[name]()), ("model", tight())]
    model = pipeline.Pipeline(steps)
    if inside:
        model = GridSearchCV(model, {"model__C": [1.0]})
    for ask in (
        lambda: InfluenceExplainer(model).fit(X, labels),
        lambda: InfluenceExplainer(model, method="retrain").fit(X, labels),
        lambda: InfluenceEmbedding(model).fit(X, labels),
        lambda: LabelCleaner(model).fit(X, labels),
        lambda: leave_one_out(model, X, labels, X, labels, rows=[0]),
        lambda: approximate_cross_val_score(model, X, labels),
    ):
        with pytest.raises(TypeError, match=rf"Step 'sample' \({name}\) changes which rows"):
            ask()


def test_fitted_pipelines_that_changed_the_rows_are_refused_too(noisy):
    X, labels, _ = noisy
    fitted = pipeline.make_pipeline(SAMPLERS["SMOTE"](), StandardScaler(), tight()).fit(X, labels)
    for ask in (
        lambda: InfluenceExplainer(FrozenEstimator(fitted)).fit(X, labels),
        lambda: InfluenceExplainer(FrozenEstimator(fitted), method="retrain").fit(X, labels),
        lambda: as_problem(fitted, X, labels),
    ):
        with pytest.raises(TypeError, match=r"Step 'smote' \(SMOTE\) changes which rows"):
            ask()


@pytest.mark.parametrize("name", ["RandomUnderSampler", "SMOTE", "LabelCleaner"])
def test_what_the_refusal_advises_works(name, noisy):
    X, labels, _ = noisy
    rows = SAMPLERS[name]().fit_resample(StandardScaler().fit_transform(X), labels)
    assert InfluenceExplainer(tight()).fit(*rows).loss_influence(*rows).shape == (len(rows[1]),) * 2


def test_a_pipeline_without_a_sampler_is_any_pipeline(noisy):
    X, labels, _ = noisy
    model = pipeline.make_pipeline(StandardScaler(), tight())
    asked = X[:5], labels[:5]
    found = InfluenceExplainer(model).fit(X, labels).loss_influence(*asked)
    scaler = StandardScaler().fit(X)
    alone = InfluenceExplainer(tight()).fit(scaler.transform(X), labels)
    expected = alone.loss_influence(scaler.transform(X[:5]), labels[:5])
    np.testing.assert_allclose(found, expected)
