"""Steps whose ``fit_transform`` is not their ``transform``: the model is explained on the first."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler, TargetEncoder
from sklearn.utils.fixes import parse_version

from skinfluence import (
    InfluenceEmbedding,
    InfluenceExplainer,
    LabelCleaner,
    as_problem,
    leave_one_out,
)
from skinfluence.changes import Reweight
from skinfluence.metrics import approximate_cross_val_score
from skinfluence.questions import Loss


def categories(n=120, seed=0, size=4):
    """Return a frame of a column of many categories and one of numbers, and two classes."""
    random = np.random.default_rng(seed)
    group = random.integers(0, n // size, n)
    effect = random.normal(size=n // size)
    number = random.normal(size=n)
    y = (effect[group] + number + random.normal(size=n) > 0).astype(int)
    return pd.DataFrame({"group": group.astype(str), "number": number}), y


def logistic(**params):
    return LogisticRegression(**{"tol": 1e-10, "max_iter": 10_000} | params)


def encoder(seed=0, folds=StratifiedKFold):
    """Return an encoder that draws its folds, anew each time for a seed of None."""
    if parse_version(sklearn.__version__) < parse_version("1.9"):
        return TargetEncoder(cv=5, random_state=seed)
    return TargetEncoder(cv=folds(5, shuffle=True, random_state=seed))


def columns(*args):
    parts = [("encode", encoder(*args), ["group"]), ("scale", StandardScaler(), ["number"])]
    return ColumnTransformer(parts)


PIPELINES = {
    "a step": lambda: make_pipeline(encoder(), logistic()),
    "as it comes": lambda: make_pipeline(TargetEncoder(), logistic()),
    "in columns": lambda: make_pipeline(columns(), StandardScaler(), logistic()),
    "in a union": lambda: make_pipeline(FeatureUnion([("one", encoder())]), logistic()),
    "nested": lambda: make_pipeline(make_pipeline(columns(), StandardScaler()), logistic()),
    "outer": lambda: make_pipeline(columns(), make_pipeline(StandardScaler(), logistic())),
    "random": lambda: make_pipeline(columns(None), logistic()),
    "before a search": lambda: make_pipeline(
        columns(), GridSearchCV(logistic(), {"C": [0.1, 1.0]}, cv=3)
    ),
}


class Recorded(LogisticRegression):
    """Keeps the matrix that it is fitted on."""

    def fit(self, X, y, sample_weight=None):
        self.seen_ = np.array(X)
        return super().fit(X, y, sample_weight)


@pytest.mark.parametrize("name", PIPELINES)
def test_the_model_is_explained_on_what_it_was_trained_on(name):
    X, y = categories()
    explainer = InfluenceExplainer(PIPELINES[name](), method="newton", refine=False).fit(X, y)
    assert explainer.newton_decrement_ < 1e-4 * explainer.typical_decrement_


def test_influences_are_those_of_the_last_step_on_its_matrix():
    X, y = categories()
    tests = X[:7], y[:7]
    model = make_pipeline(columns(None), Recorded(tol=1e-10, max_iter=10_000))
    explainer = InfluenceExplainer(model, method="newton").fit(X, y)
    before, last = explainer.estimator_[:-1], explainer.estimator_[-1]
    assert np.abs(last.seen_ - before.transform(X)).max() > 0.1
    alone = InfluenceExplainer(logistic(), method="newton").fit(last.seen_, y)
    inside = before.transform(tests[0]), tests[1]
    expected = alone.loss_influence(*inside)
    assert_allclose(explainer.loss_influence(*tests), expected, rtol=1e-6, atol=1e-9)
    assert_allclose(explainer.self_influence(), alone.self_influence(), rtol=1e-6)
    assert_allclose(explainer.loo_predict(), alone.loo_predict(), rtol=1e-6)
    changed = Reweight([0, 5], 2.0)
    expected = alone.effect(Loss(*inside), changed)
    assert_allclose(explainer.effect(Loss(*tests), changed), expected, rtol=1e-6, atol=1e-9)
    removed = explainer.remove([3]).predict_proba(tests[0])
    assert_allclose(removed, alone.remove([3]).predict_proba(inside[0]), rtol=1e-8)


def test_real_refits_use_the_matrix_that_the_model_was_trained_on():
    X, y = categories()
    tests, rows = (X[:7], y[:7]), [0, 11, 50]
    model = make_pipeline(columns(), logistic())
    estimated = InfluenceExplainer(model, method="newton", tolerance=1e-6).fit(X, y)
    truth = leave_one_out(model, X, y, *tests, rows=rows)
    assert_allclose(estimated.loss_influence(*tests, rows=rows), truth, rtol=1e-3, atol=1e-6)
    fitted = clone(model).fit(X, y)
    made = clone(columns()).fit_transform(X, y)
    for column, row in enumerate(rows):
        without = logistic().fit(np.delete(made, row, axis=0), np.delete(y, row))
        before, after = (
            last.predict_log_proba(fitted[:-1].transform(tests[0]))[np.arange(7), tests[1]]
            for last in (fitted[-1], without)
        )
        assert_allclose(truth[:, column], before - after, atol=1e-6)
    assert estimated.verify(*tests, n_rows=8, random_state=0).slope == pytest.approx(1, abs=1e-2)


def test_black_boxes_are_refitted_on_it():
    X, y = categories()
    neighbours = KNeighborsClassifier(n_neighbors=15)
    model = make_pipeline(columns(), neighbours)
    truth = leave_one_out(model, X, y, X[:7], y[:7], rows=[11])
    before, made = columns().fit(X, y), columns().fit_transform(X, y)
    tests = before.transform(X[:7]), y[:7]
    assert_allclose(truth, leave_one_out(neighbours, made, y, *tests, rows=[11]))


def test_labels_are_scored_on_it():
    """Encoded by ``transform``, a category knows the wrong labels of its rows already."""
    X, y = categories(300, size=3)
    cleaner = LabelCleaner(make_pipeline(columns(), logistic()), action="keep").fit(X, y)
    alone = LabelCleaner(logistic(), action="keep").fit(columns().fit_transform(X, y), y)
    assert cleaner.penalty_ == alone.penalty_
    assert_allclose(cleaner.label_scores_, alone.label_scores_, rtol=1e-6)
    assert_allclose(cleaner.loo_probabilities_, alone.loo_probabilities_, rtol=1e-6)


def test_scores_of_approximate_cross_validation_do_not_know_the_fold():
    X, y = categories(600, size=6)
    asked = {"cv": StratifiedKFold(5), "scoring": "neg_log_loss"}
    model = make_pipeline(columns(), logistic())
    scores = approximate_cross_val_score(model, X, y, **asked)
    made = columns().fit_transform(X, y)
    assert_allclose(scores, approximate_cross_val_score(logistic(), made, y, **asked))
    real = cross_val_score(model, X, y, **asked).mean()
    told = cross_val_score(logistic(), columns().fit(X, y).transform(X), y, **asked).mean()
    assert abs(scores.mean() - real) < 0.2 * abs(told - real)


def test_the_embedding_of_training_rows_is_that_of_the_matrix():
    X, y = categories()
    embedding = InfluenceEmbedding(make_pipeline(columns(), logistic()))
    rows, tests = embedding.fit_transform(X, y), X[:5]
    explainer = embedding.explainer_
    product = embedding.transform(tests) @ (rows * embedding.train_gradient_).T
    assert_allclose(product, explainer.prediction_influence(tests), atol=1e-10)
    assert np.abs(embedding.transform(X) - rows).max() > 1e-3
    scaled = InfluenceEmbedding(make_pipeline(StandardScaler(), logistic()))
    assert_allclose(scaled.fit_transform(X[["number"]], y), scaled.transform(X[["number"]]))


# Where the fit is not seen


def search():
    return GridSearchCV(make_pipeline(columns(), logistic()), {"logisticregression__C": [1.0]})


UNSEEN = {
    "frozen": lambda X, y: FrozenEstimator(make_pipeline(columns(), logistic()).fit(X, y)),
    "in a search": lambda X, y: search(),
    "in a target transformer": lambda X, y: TransformedTargetRegressor(
        make_pipeline(columns(0, KFold), Ridge())
    ),
}


@pytest.mark.parametrize("name", UNSEEN)
def test_where_the_matrix_is_not_seen_the_step_is_named(name):
    X, y = categories()
    y = y + X["number"].to_numpy() if name == "in a target transformer" else y
    model = UNSEEN[name](X, y)
    for ask in (
        lambda: InfluenceExplainer(model).fit(X, y),
        lambda: LabelCleaner(model, action="keep").fit(X, y),
        lambda: leave_one_out(model, X, y, X, y, rows=[0]),
        lambda: InfluenceEmbedding(model).fit(X, y),
    ):
        with pytest.raises(TypeError, match=r"columntransformer.*TargetEncoder.*fit_transform"):
            ask()


def test_a_fitted_pipeline_has_no_problem_that_is_known():
    X, y = categories()
    fitted = make_pipeline(encoder(), logistic()).fit(X, y)
    with pytest.raises(TypeError, match="'targetencoder' .TargetEncoder. makes another matrix"):
        as_problem(fitted, X, y)


class Cloning(Pipeline):
    """Fits a clone of its last step."""

    def fit(self, X, y=None, **params):
        self.steps = [(name, clone(step)) for name, step in self.steps]
        return super().fit(X, y, **params)


def test_a_pipeline_that_fits_a_clone_is_not_seen():
    X, y = categories()
    numbers = Cloning([("scale", StandardScaler()), ("model", logistic())])
    explainer = InfluenceExplainer(numbers).fit(X[["number"]], y)
    assert explainer.newton_decrement_ < 1e-4 * explainer.typical_decrement_
    with pytest.raises(TypeError, match="'encode' .TargetEncoder"):
        InfluenceExplainer(Cloning([("encode", encoder()), ("model", logistic())])).fit(X, y)


class Smeared(TransformerMixin, BaseEstimator):
    """Has a ``fit_transform`` of its own, which differs by a share of the scale."""

    def __init__(self, share=0.0):
        self.share = share

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X

    def fit_transform(self, X, y=None):
        return X + self.share * X[::-1] if self.share else X


@pytest.mark.parametrize("share", [0.0, 1e-4, 0.5])
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix, pd.DataFrame])
def test_only_a_matrix_that_differs_is_refused(share, form):
    random = np.random.default_rng(0)
    X = random.normal(size=(60, 3)) * [1, 1e-6, 1e6]
    y = random.integers(0, 2, 60)
    model = make_pipeline(Smeared(share), StandardScaler(with_mean=False), logistic())
    model = FrozenEstimator(model.fit(form(X), y))
    if share < 0.1:
        assert InfluenceExplainer(model).fit(form(X), y).problem_.n_rows == 60
    else:
        with pytest.raises(TypeError, match="'smeared'"):
            InfluenceExplainer(model).fit(form(X), y)


class CountedPCA(PCA):
    """Counts its fits."""

    fits = 0

    def _fit(self, X):
        type(self).fits += 1
        return super()._fit(X)


def test_steps_that_are_known_are_not_fitted_again():
    X, y = np.random.default_rng(0).normal(size=(60, 5)), np.arange(60) % 2
    InfluenceExplainer(make_pipeline(CountedPCA(2), logistic())).fit(X, y)
    assert CountedPCA.fits == 1
    frozen = FrozenEstimator(make_pipeline(CountedPCA(2), logistic()).fit(X, y))
    InfluenceExplainer(frozen).fit(X, y)
    assert CountedPCA.fits == 2


def test_a_pipeline_is_as_scikit_learn_leaves_it():
    X, y = categories()
    texts = np.array([f"{word} {word}s" for word in X["group"]])
    model = make_pipeline(TfidfVectorizer(), logistic())
    explainer = InfluenceExplainer(model, refine=False).fit(texts, y)
    fitted = clone(model).fit(texts, y)
    assert vars(explainer.estimator_[-1]).keys() == vars(fitted[-1]).keys()
    assert_array_equal(explainer.predict_proba(texts), fitted.predict_proba(texts))
    refined = InfluenceExplainer(model).fit(texts, y)
    # as far as its tolerance goes
    assert_allclose(refined.predict_proba(texts), fitted.predict_proba(texts), rtol=1e-6)
