"""The private names of scikit-learn that the package uses: they are there, and mean what we think.

``skinfluence/_sklearn_private.py`` lists them.
"""

import ast
import inspect
from pathlib import Path

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.datasets import make_classification
from sklearn.ensemble import VotingClassifier, VotingRegressor
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR
from sklearn.utils.fixes import parse_version

import skinfluence
from skinfluence import _sklearn_private as private

PACKAGE = Path(skinfluence.__file__).parent
X, Y = make_classification(
    60, 4, n_informative=3, n_redundant=0, n_classes=3, n_clusters_per_class=1, random_state=0
)


def test_private_names_are_imported_in_one_place():
    for path in PACKAGE.rglob("*.py"):
        if path.name == "_sklearn_private.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [*node.module.split("."), *(alias.name for alias in node.names)]
                private_names = [name for name in names if name.startswith("_")]
                assert names[0] != "sklearn" or not private_names, f"{path}: {private_names}"


def test_private_attributes_are_used_in_one_place():
    """What begins with an underscore belongs to this package, wherever else it is used."""
    tree = ast.parse((PACKAGE / "_sklearn_private.py").read_text(encoding="utf-8"))
    used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    used = {name for name in used if name.startswith("_")}
    assert "_dual_coef_" in used
    for path in PACKAGE.rglob("*.py"):
        if path.name != "_sklearn_private.py":
            nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            found = {node.attr for node in nodes if isinstance(node, ast.Attribute)} & used
            assert not found, f"{path}: {found}"


def test_every_name_is_said_to_be_something():
    for name in private.__all__:
        assert hasattr(private, name)
    functions = [f for _, f in inspect.getmembers(private, inspect.isfunction)]
    own = [f for f in functions if f.__module__ == private.__name__]
    assert len(own) == 9 and all(f.__doc__ for f in own)


@pytest.mark.parametrize("container", [np.asarray, list, sparse.csr_matrix], ids=["a", "l", "s"])
def test_rows_of_anything(container):
    rows = container(np.arange(6.0).reshape(3, 2))
    assert private._num_samples(rows) == 3
    taken = private._safe_indexing(rows, [2, 0])
    taken = taken.toarray() if sparse.issparse(taken) else np.asarray(taken)
    assert_array_equal(taken, [[4, 5], [0, 1]])


def test_rows_of_a_frame():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1, 2, 3], "b": list("xyz")}, index=[7, 8, 9])
    assert private._num_samples(frame) == 3
    assert list(private._safe_indexing(frame, np.array([2, 0])).index) == [9, 7]


def test_safe_split_takes_the_columns_of_a_kernel_too():
    gram, y = np.arange(16.0).reshape(4, 4), np.arange(4)
    part, target = private._safe_split(SVC(kernel="precomputed"), gram, y, [0, 3], [1, 2])
    assert_array_equal(part, gram[[0, 3]][:, [1, 2]])
    assert_array_equal(target, [0, 3])
    part, _ = private._safe_split(SVC(), gram, y, [0, 3], [1, 2])
    assert_array_equal(part, gram[[0, 3]])


def test_check_sample_weight():
    rows = np.zeros((2, 1), dtype=np.float32)
    weights = private._check_sample_weight(None, rows, dtype=rows.dtype, ensure_non_negative=True)
    assert_array_equal(weights, [1, 1])
    assert weights.dtype == np.float32
    for wrong in ([1.0], [1.0, np.nan], [[1.0, 2.0]], [-1.0, 1.0]):
        with pytest.raises(ValueError):  # noqa: PT011
            private._check_sample_weight(wrong, rows, ensure_non_negative=True)


def test_check_method_params_takes_rows_of_what_has_one_value_a_row():
    given = {"groups": [5, 6, 7], "scores": np.arange(3.0), "flag": True, "few": [1, 2]}
    taken = private._check_method_params(np.zeros((3, 1)), given, indices=np.array([2, 0]))
    assert list(taken["groups"]) == [7, 5] and list(taken["scores"]) == [2, 0]
    assert taken["flag"] is True and taken["few"] == [1, 2]


def test_votes_of_pairs_have_their_ties_broken_by_less_than_a_vote():
    confidences = np.array([[0.5, 2.0, -1.0], [-0.5, -0.1, 0.1]])  # pairs 01, 02, 12
    votes = np.zeros((2, 3))
    for k, (first, second) in enumerate([(0, 1), (0, 2), (1, 2)]):
        votes[:, second] += confidences[:, k] > 0
        votes[:, first] += confidences[:, k] <= 0
    decision = private._ovr_decision_function(confidences > 0, confidences, 3)
    assert decision.shape == (2, 3)
    assert np.abs(decision - votes).max() < 0.5


def test_searches_have_one_base_class():
    for search in (GridSearchCV, RandomizedSearchCV):
        assert issubclass(search, private.BaseSearchCV)
    search = GridSearchCV(Ridge(), {"alpha": [1.0]})
    assert not hasattr(search, "cv_results_")
    assert hasattr(search.fit(X, Y), "best_estimator_")


def test_linear_classifiers_predict_from_their_coefficients():
    class Given(private.LinearClassifierMixin, BaseEstimator):
        def fit(self, X, y):
            self.classes_, self.n_features_in_ = np.array(["a", "b"]), X.shape[1]
            self.coef_, self.intercept_ = np.array([[1.0, 0.0]]), np.array([-1.0])
            return self

    given = Given().fit(np.zeros((1, 2)), None)
    rows = np.array([[3.0, 9.0], [0.0, 9.0]])
    assert_array_equal(given.decision_function(rows), [2, -1])
    assert_array_equal(given.predict(rows), ["b", "a"])


def test_weights_of_voters_that_were_not_dropped():
    voters = [("a", LogisticRegression()), ("out", "drop"), ("b", LogisticRegression(C=0.1))]
    vote = VotingClassifier(voters, voting="soft", weights=[3, 1, 7]).fit(X, Y)
    assert private.voter_weights(vote) == [3, 7]
    each = [voter.predict_proba(X) for voter in vote.estimators_]
    assert_allclose(vote.predict_proba(X), np.average(each, axis=0, weights=[3, 7]))
    plain = VotingRegressor([("a", Ridge()), ("b", LinearRegression())]).fit(X, Y)
    assert private.voter_weights(plain) is None


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_several_labels_of_a_network():
    network = MLPClassifier(2, max_iter=2)
    assert not private.has_several_labels(network.fit(X, Y == 1))
    assert not private.has_several_labels(network.fit(X, Y))
    assert private.has_several_labels(network.fit(X, np.c_[Y == 1, Y == 2].astype(int)))


@pytest.mark.parametrize("y", [3.0 * Y + 5, np.c_[3.0 * Y + 5, X[:, 0]]], ids=["one", "two"])
def test_scale_of_the_target_of_a_process(y):
    process = GaussianProcessRegressor(alpha=0.5, normalize_y=True, optimizer=None).fit(X, y)
    mean, scale = private.target_scale(process)
    assert_allclose(mean, y.mean(axis=0))
    assert_allclose(scale, y.std(axis=0))
    dual = process.alpha_ * scale
    assert_allclose(process.predict(X), process.kernel_(X) @ dual + mean)
    before = process.predict(X)
    private.set_target_mean(process, mean + 1)
    assert_allclose(process.predict(X), before + 1)


def test_columns_of_a_column_transformer():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=list("abcd"))
    steps = [("some", StandardScaler(), ["d", "b"]), ("rest", "passthrough", slice(0, 1))]
    fitted = ColumnTransformer(steps).fit(frame)
    assert list(private.columns_of(fitted, "some")) == [3, 1]
    assert list(private.columns_of(fitted, "rest")) == [0]


def rbf(A, B):
    return np.exp(-((A[:, None] - B[None]) ** 2).sum(axis=2))


@pytest.mark.parametrize("rows", [X, sparse.csr_matrix(X)], ids=["dense", "sparse"])
def test_solution_of_libsvm(rows):
    binary, several = SVC().fit(rows, Y == 1), SVC().fit(rows, Y)
    assert private.kernel_gamma(binary) == pytest.approx(1 / (4 * X.var()), rel=1e-6)
    assert private.fitted_on_sparse(binary) == sparse.issparse(rows)
    for model, sign in [(binary, -1), (several, 1), (SVR().fit(rows, X[:, 0]), 1)]:
        dual, intercept = private.libsvm_solution(model)
        assert_array_equal(intercept, sign * model.intercept_)
        assert abs(dual - sign * model.dual_coef_).max() == 0
    dual, intercept = private.libsvm_solution(binary)
    dual = dual.toarray() if sparse.issparse(dual) else dual
    distances = ((X[binary.support_][:, None] - X[None]) ** 2).sum(axis=2)
    kernel = np.exp(-private.kernel_gamma(binary) * distances)
    assert_allclose(binary.decision_function(rows), -(dual @ kernel + intercept)[0], atol=1e-8)


@pytest.mark.parametrize("kernel", ["rbf", rbf], ids=["named", "function"])
def test_solution_that_is_written_is_what_predicts(kernel):
    one, other = (SVC(kernel=kernel, gamma=1.0, C=C).fit(X, Y == 1) for C in (0.1, 10.0))
    for name in ("support_", "shape_fit_"):
        setattr(one, name, getattr(other, name))
    if kernel == "rbf":
        one.support_vectors_ = other.support_vectors_
    rows, counts = X if callable(kernel) else None, other.n_support_
    private.set_libsvm_solution(one, rows, counts, *private.libsvm_solution(other))
    assert_array_equal(one.n_support_, other.n_support_)
    assert_allclose(one.decision_function(X), other.decision_function(X))


def test_methods_that_are_overridden_are_called():
    assert hasattr(BaseEstimator, "_repr_html_inner")
    if parse_version(sklearn.__version__) >= parse_version("1.9"):
        assert hasattr(BaseEstimator, "_get_fitted_attr_html")
