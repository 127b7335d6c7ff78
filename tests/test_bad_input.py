"""Bad input: a clear error or the right answer, never a silent NaN or a warning of NumPy's."""

import contextlib
import pickle
from functools import cache

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from questions import (
    MODELS,
    N_TEST,
    NO_REFITS,
    ON_TESTS,
    N,
    answers,
    assert_same,
    data,
    every_method,
    every_model,
    fit,
)
from scipy import sparse
from sklearn.base import clone
from sklearn.linear_model import Ridge

from skinfluence import InfluenceEmbedding, InfluenceExplainer, LabelCleaner, leave_one_out
from skinfluence.inspection import FidelityDisplay
from skinfluence.metrics import (
    approximate_cross_val_score,
    cleaning_curve,
    linear_datamodeling_score,
    make_fidelity_scorer,
    removal_curve,
)
from skinfluence.operators import Removal
from skinfluence.solvers import LiSSA
from skinfluence.testing import check_gradient

# What is refused at fit


def spoilt(array, value):
    array = np.array(array, dtype=float)
    array.flat[1] = value
    return array


# case: (X, y, sample_weight) made of good ones, and what the error says
BAD_FITS = {
    "X with NaN": (lambda X, y, w: (spoilt(X, np.nan), y, w), "X contains NaN"),
    "X with inf": (lambda X, y, w: (spoilt(X, np.inf), y, w), "X contains infinity"),
    "X of one axis": (lambda X, y, w: (X[:, 0], y, w), "(?s)Expected 2D array.*reshape"),
    "X of three axes": (lambda X, y, w: (X[:, :, None], y, w), "dim(ension)? 3|3-dim|dim <= 2"),
    "X without rows": (lambda X, y, w: (X[:0], y[:0], None), "0 sample|n_samples=0"),
    "X without columns": (lambda X, y, w: (X[:, :0], y, w), "0 feature"),
    "X complex": (lambda X, y, w: (X + 1j, y, w), "Complex data not supported"),
    "X of words": (lambda X, y, w: (np.full(X.shape, "word"), y, w), "strings?"),
    "y too short": (lambda X, y, w: (X, y[1:], w), "inconsistent numbers of samples"),
    "y with NaN": (lambda X, y, w: (X, spoilt(y, np.nan), w), "y contains NaN"),
    "y with inf": (lambda X, y, w: (X, spoilt(y, np.inf), w), "y contains infinity"),
    "no y": (lambda X, y, w: (X, None, w), "requires y|`y` must be given"),
    "y complex": (lambda X, y, w: (X, y + 1j, w), "Complex data not supported"),
    "y of three axes": (lambda X, y, w: (X, np.ones((N, 1, 1)), w), "1d array|dim 3"),
    "weights too few": (lambda X, y, w: (X, y, w[1:]), "sample_weight"),
    "weights of two axes": (lambda X, y, w: (X, y, np.c_[w, w]), "(?i)sample weights must be 1D"),
    "weight negative": (lambda X, y, w: (X, y, spoilt(w, -1)), "`sample_weight` must be >= 0"),
    "weight NaN": (lambda X, y, w: (X, y, spoilt(w, np.nan)), "sample_weight contains NaN"),
    "weight inf": (lambda X, y, w: (X, y, spoilt(w, np.inf)), "sample_weight contains infinity"),
    "weights all 0": (lambda X, y, w: (X, y, 0 * w), "(?i)sample.weight.*(zero|positive)"),
    "weights complex": (lambda X, y, w: (X, y, w + 1j), "Complex data not supported"),
}
RETRAIN = InfluenceExplainer(method="retrain")
FITS = {
    "explainer": lambda model, X, y, w, test: InfluenceExplainer(model).fit(X, y, w),
    "retrain": lambda model, X, y, w, test: RETRAIN.set_params(estimator=model).fit(X, y, w),
    "cleaner": lambda model, X, y, w, test: LabelCleaner(model).fit(X, y, w),
    "leave_one_out": lambda model, X, y, w, test: leave_one_out(
        model, X, y, *test, rows=[0], sample_weight=w
    ),
    "cross_val": lambda model, X, y, w, test: approximate_cross_val_score(
        model, X, y, cv=3, sample_weight=w
    ),
}


@every_model
@pytest.mark.parametrize("start", FITS)
def test_bad_training_data_is_refused(name, start):
    X, y, *test = data(name)
    for bad, (spoil, message) in BAD_FITS.items():
        if start == "cross_val" and bad == "X without rows":
            message = "n_samples=0|0 sample|empty"
        with pytest.raises((ValueError, TypeError), match=message):
            print(bad, FITS[start](MODELS[name][1], *spoil(X, y, np.ones(N)), test))


@pytest.mark.parametrize("name", ["logistic", "multinomial", "pipeline"])
@pytest.mark.parametrize("start", FITS)
def test_one_class_is_refused(name, start):
    X, _, *test = data(name)
    for only, message in ((np.ones(N, dtype=int), "class"), (np.array([None] * N), "label type")):
        with pytest.raises(ValueError, match=message):
            FITS[start](MODELS[name][1], X, only, np.ones(N), test)


@every_model
def test_one_weight_for_all_rows_is_one_for_each(name):
    X, y, *test = data(name)
    for start in ("retrain", "cleaner", "leave_one_out", "cross_val"):
        FITS[start](MODELS[name][1], X, y, 2.0, test)
    expected = answers(name, fit(name, X, y, np.full(N, 2.0)), *test)
    assert_same(answers(name, fit(name, X, y, 2.0), *test), expected)


# What is refused of parameters

BAD_VALUES = {
    "refine": ("no", None, 1.5, "True"),
    "verbose": ("x", None, -1, np.nan, [1]),
    "random_state": ("seed", -1, 1.5, [[0]], np.array([0.5])),
}


def cleaning(X, y, test, **params):
    return cleaning_curve(LabelCleaner(), X, y, *test, n_draws=1, **params)


# name: (the parameters that it has, a call with some of them)
TAKERS = {
    "explainer": (
        ("refine", "verbose", "random_state"),
        lambda X, y, test, **params: InfluenceExplainer(**params).fit(X, y),
    ),
    "cleaner": (
        ("verbose", "random_state"),
        lambda X, y, test, **params: LabelCleaner(**params).fit(X, y),
    ),
    "embedding": (
        ("random_state",),
        lambda X, y, test, **params: InfluenceEmbedding(**params).fit(X, y),
    ),
    "leave_one_out": (
        ("refine", "verbose", "random_state"),
        lambda X, y, test, **params: leave_one_out(Ridge(), X, y, *test, rows=[0], **params),
    ),
    "cross_val": (
        ("refine", "verbose"),
        lambda X, y, test, **params: approximate_cross_val_score(Ridge(), X, y, **params),
    ),
    "verify": (
        ("refine", "random_state"),
        lambda X, y, test, **params: fit("logistic", X, y).verify(*test, **params),
    ),
    "fidelity": (
        ("refine", "random_state"),
        lambda X, y, test, **params: FidelityDisplay.from_estimator(
            fit("logistic", X, y), *test, **params
        ),
    ),
    "datamodeling": (
        ("refine", "random_state"),
        lambda X, y, test, **params: linear_datamodeling_score(
            fit("logistic", X, y), *test, **params
        ),
    ),
    "scorer": (("refine", "random_state"), lambda X, y, test, **p: make_fidelity_scorer(**p)),
    "removal_curve": (
        ("refine", "random_state"),
        lambda X, y, test, **params: removal_curve(fit("logistic", X, y), *test, **params),
    ),
    "cleaning_curve": (("verbose", "random_state"), cleaning),
    "LiSSA": (
        ("random_state",),
        lambda X, y, test, **params: fit(
            "logistic", X, y, method="influence", solver=LiSSA(**params)
        ),
    ),
    "check_gradient": (
        ("random_state",),
        lambda X, y, test, **params: check_gradient(fit("logistic", X, y).problem_, **params),
    ),
}


@pytest.mark.parametrize("name", TAKERS)
def test_bad_parameters_are_named(name):
    X, y, *test = data("logistic")
    names, call = TAKERS[name]
    for parameter in names:
        for value in BAD_VALUES[parameter]:
            with pytest.raises(ValueError, match=f"`{parameter}` must be"):
                print(parameter, value, call(X, y, test, **{parameter: value}))


# What is refused of test rows, rows and groups

# case: (X_test, y_test) made of good ones, what the error says, and if predictions refuse it too
BAD_TESTS = {
    "X with NaN": (lambda X, y: (spoilt(X, np.nan), y), "X contains NaN", True),
    "X with inf": (lambda X, y: (spoilt(X, np.inf), y), "X contains infinity", True),
    "X of one axis": (lambda X, y: (X[0], y[:1]), "(?s)Expected 2D array.*reshape", True),
    "X of three axes": (lambda X, y: (X[:, :, None], y), "dim 3", True),
    "no rows": (lambda X, y: (X[:0], y[:0]), "0 sample", True),
    "too few columns": (lambda X, y: (X[:, 1:], y), "2 features.*3 features", True),
    "too many columns": (lambda X, y: (np.c_[X, X], y), "6 features.*3 features", True),
    "X complex": (lambda X, y: (X + 1j, y), "Complex data not supported", True),
    "X of words": (lambda X, y: (np.full(X.shape, "word"), y), "strings?", True),
    "y too short": (lambda X, y: (X, y[1:]), "5 rows and y_test 4|inconsistent", False),
    "y with NaN": (lambda X, y: (X, spoilt(y, np.nan)), "NaN|nan", False),
    "y with inf": (lambda X, y: (X, spoilt(y, np.inf)), "inf", False),
    "y of words": (lambda X, y: (X, ["word"] * len(y)), "word", False),
    "no y": (lambda X, y: (X, None), "`y_test` must be given", False),
    "one y": (lambda X, y: (X, 1), r"(?i)1 column|1d array", False),
    "y of two columns": (lambda X, y: (X, np.c_[y, y]), r"(?i)1 column|1d array", False),
    "y of three axes": (lambda X, y: (X, y[:, None, None]), "(?i)1d array|dim 3", False),
    "y complex": (lambda X, y: (X, y + 1j), "Complex|labels", False),
    "y of None": (lambda X, y: (X, [None] * len(y)), "NaN|missing", False),
}


@every_method
@every_model
def test_bad_test_rows_are_refused(name, method):
    X, y, *test = data(name)
    explainer = fit(name, X, y, method=method)
    for case, (spoil, message, always) in BAD_TESTS.items():
        for question, ask in ON_TESTS.items():
            if method == "retrain" and question in NO_REFITS:
                continue
            if always or question != "prediction_influence":
                with pytest.raises((ValueError, TypeError), match=message):
                    print(case, question, ask(explainer, *spoil(*test)))


@every_method
def test_targets_without_a_loss_are_refused(method):
    X, y, X_test, y_test = data("poisson")
    explainer = fit("poisson", X, y, method=method)
    with pytest.raises(ValueError, match="y must be >= 0 for PoissonDeviance; got -1"):
        explainer.loss_influence(X_test, spoilt(y_test, -1))
    with pytest.raises(ValueError, match="y must be >= 0 for PoissonDeviance; got -1"):
        leave_one_out(MODELS["poisson"][1], X, y, X_test, spoilt(y_test, -1), rows=[0])


BAD_ROWS = ([-1], [N], [1.0], "a", ["a"], [True] * 5, [[1]], [np.nan], 3, [None], [[1], [1, 2]])
BAD_GROUPS = (
    None,
    "a",
    [1] * (N - 1),
    [np.nan] + [1.0] * (N - 1),
    np.array([None, "a"] * (N // 2)),
    np.ones((N, 2)),
    np.ones((N, 1, 1), dtype=bool),
    [[1], [1, 2]] * (N // 2),
)


@every_method
def test_bad_rows_and_groups_are_refused(method):
    X, y, *test = data("ridge")
    explainer = fit("ridge", X, y, method=method)
    for rows in BAD_ROWS:
        for ask in (
            lambda rows: explainer.loss_influence(*test, rows=rows),
            lambda rows: explainer.prediction_influence(test[0], rows=rows),
            explainer.parameter_influence,
            explainer.remove,
            lambda rows: leave_one_out(Ridge(), X, y, *test, rows=rows),
        ):
            with pytest.raises(ValueError, match="`rows`"):
                ask(rows)
    for groups in BAD_GROUPS:
        with pytest.raises(ValueError, match="`groups`"):
            explainer.group_influence(*test, groups)
    for none, columns in ((np.zeros((N, 0), bool), 0), (np.zeros((N, 1), bool), 1)):
        assert_array_equal(explainer.group_influence(*test, none), np.zeros((N_TEST, columns)))


# The same data in other containers


def read_only(array):
    array = np.array(array)
    array.flags.writeable = False
    return array


def strided(array):
    wide = np.repeat(array, 2, axis=0)
    return wide[::2] if array.ndim == 1 else np.repeat(wide, 2, axis=1)[::2, ::2]


def memmap(array, tmp_path):
    name = tmp_path / f"{len(list(tmp_path.iterdir()))}.npy"
    np.save(name, array)
    return np.load(name, mmap_mode="r")


def frame(array):
    pandas = pytest.importorskip("pandas")
    return pandas.DataFrame(array) if array.ndim > 1 else pandas.Series(array)


CONTAINERS = {
    "read-only": lambda array, path: read_only(array),
    "Fortran": lambda array, path: np.asfortranarray(array),
    "strided": lambda array, path: strided(array),
    "reversed": lambda array, path: np.ascontiguousarray(array[::-1])[::-1],
    "big-endian": lambda array, path: array.astype(array.dtype.newbyteorder(">")),
    "memmap": memmap,
    "list": lambda array, path: array.tolist(),
    "object": lambda array, path: array.astype(object) if array.ndim > 1 else array,
    "frame": lambda array, path: frame(array),
    "csr": lambda array, path: sparse.csr_matrix(array) if array.ndim > 1 else array,
    "coo": lambda array, path: sparse.coo_matrix(array) if array.ndim > 1 else array,
}


WEIGHTS = np.linspace(0.5, 2, N)


def uncentred(name):
    """Return the model; a pipeline's without the centring that sparse X do not allow."""
    model = clone(MODELS[name][1])
    return model if name != "pipeline" else model.set_params(standardscaler__with_mean=False)


@cache
def answers_of_arrays(name):
    X, y, *test = data(name)
    return answers(name, fit(name, X, y, WEIGHTS, model=uncentred(name)), *test)


# Every model meets three or four of the containers, and every container two or three models.
PAIRS = [
    (name, container)
    for i, name in enumerate(MODELS)
    for j, container in enumerate(CONTAINERS)
    if (i + j) % 3 == 0
]


@pytest.mark.parametrize(("name", "container"), PAIRS)
def test_containers_of_the_same_data_give_the_same_answers(name, container, tmp_path):
    X, y, *test = data(name)
    model, expected = uncentred(name), answers_of_arrays(name)
    X, y, weights, *test = (CONTAINERS[container](a, tmp_path) for a in (X, y, WEIGHTS, *test))
    assert_same(answers(name, fit(name, X, y, weights, model=model), *test), expected)
    LabelCleaner(model).fit(X, y, weights)
    leave_one_out(model, X, y, *test, rows=[0], sample_weight=weights)
    approximate_cross_val_score(model, X, y, cv=3, sample_weight=weights)


# Interrupted calls


def interrupt(*args, **kwargs):
    raise KeyboardInterrupt


def state(estimator):
    """Return what the attributes hold, so that any that is replaced or changed is seen."""
    return {name: (id(value), pickle.dumps(value)) for name, value in vars(estimator).items()}


# Where a fit is interrupted: after the estimator's own, halfway, and at its last step.
STEPS = (
    "skinfluence._explainer.fit_watched",
    "skinfluence._explainer.fitted_model",
    "skinfluence.methods._solving.invert_curved",
    "skinfluence.methods._solving.check_convergence",
    "skinfluence._explainer.Conditioning",
)


@pytest.mark.parametrize("step", STEPS)
def test_interrupted_fit_leaves_the_last_one(step, monkeypatch):
    X, y, *test = data("ridge")
    model = Ridge()
    explainer = InfluenceExplainer(model, refine=True).fit(X, y)
    expected, before, own = explainer.loss_influence(*test), state(explainer), state(model)
    with monkeypatch.context() as patch:
        patch.setattr(step, interrupt)
        with pytest.raises(KeyboardInterrupt):
            explainer.fit(2 * X, -y)
    assert state(explainer) == before and state(model) == own
    assert_array_equal(explainer.loss_influence(*test), expected)


@pytest.mark.parametrize("name", ["logistic", "lasso"])
@pytest.mark.parametrize("method", ["influence", "newton"])
def test_interrupted_questions_leave_the_fit_as_it_was(name, method, monkeypatch):
    X, y, *test = data(name)
    explainer = fit(name, X, y, method=method, block_size=5)
    fitted = pickle.dumps(explainer.estimator_)
    expected = answers(name, fit(name, X, y, method=method, block_size=5), *test)
    for step in (
        "skinfluence.predictors.LinearPredictor.raw",
        "skinfluence.predictors.LinearPredictor.jvp",
        "skinfluence.predictors.LinearPredictor.jacobian",
        "skinfluence.operators.Removal.__init__",
        "skinfluence.solvers._inverse.Inverse._matmat",
    ):
        for question, ask in ON_TESTS.items():
            if question in expected:
                with monkeypatch.context() as patch, contextlib.suppress(KeyboardInterrupt):
                    patch.setattr(step, interrupt)
                    ask(explainer, *test)
    assert pickle.dumps(explainer.estimator_) == fitted
    assert_same(answers(name, explainer, *test), expected, rtol=1e-12)


def test_interrupted_out_holds_the_blocks_that_were_done(monkeypatch):
    X, y, *test = data("ridge")
    explainer = fit("ridge", X, y, method="influence", block_size=8)
    expected, out = explainer.loss_influence(*test), np.full((N_TEST, N), -7.0)
    for bad in (out[:, :-1], out.astype(int), read_only(out)):
        with pytest.raises(ValueError, match="`out` must"):
            explainer.loss_influence(*test, out=bad)
    product, done = Removal._matmat, []

    def stop_at_third(self, vectors):
        done.append(vectors)
        return product(self, vectors) if len(done) < 3 else interrupt()

    monkeypatch.setattr(Removal, "_matmat", stop_at_third)
    with pytest.raises(KeyboardInterrupt):
        explainer.loss_influence(*test, out=out)
    assert_array_equal(out[:, :16], expected[:, :16])
    assert_array_equal(out[:, 16:], -7.0)
