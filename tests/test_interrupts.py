"""A fit that is interrupted, wherever that is, leaves the last one whole."""

import inspect
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression

import skinfluence
from skinfluence import InfluenceEmbedding, InfluenceExplainer, LabelCleaner, SmoothedLinearSVC

PACKAGE = str(Path(skinfluence.__file__).parent)


def data(seed=0):
    """Return a frame of three columns and two classes."""
    random = np.random.RandomState(seed)
    X = random.standard_normal((40, 3))
    y = X[:, 0] + random.standard_normal(40) > 0
    return pd.DataFrame(X, columns=list("abc")), y


def interrupted_at(number, fit):
    """Call ``fit``, with a KeyboardInterrupt at one of the library's calls; return their number."""
    calls = 0

    def count(frame, event, _):
        nonlocal calls
        code = frame.f_code
        if code.co_flags & inspect.CO_GENERATOR:  # one that is collected raises nothing
            return
        if event == "call" and code.co_filename.startswith(PACKAGE):
            calls += 1
            if calls == number:
                raise KeyboardInterrupt

    sys.setprofile(count)
    try:
        fit()
    finally:
        sys.setprofile(None)
    return calls


@pytest.mark.parametrize(
    "estimator",
    [
        InfluenceExplainer(LogisticRegression()),
        LabelCleaner(LogisticRegression(), penalty="keep"),
        InfluenceEmbedding(LogisticRegression(), n_components=2),
        SmoothedLinearSVC(),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_an_interrupted_fit_leaves_the_last_one_whole(estimator):
    first, (X, y) = data(), data(1)
    X = X.to_numpy()[:, :2]
    fitted, again = clone(estimator).fit(*first), clone(estimator).fit(*first)
    n_calls = interrupted_at(None, lambda: again.fit(X, y))
    before = dict(vars(fitted))
    for number in np.unique(np.linspace(1, n_calls, 12).astype(int)):
        with pytest.raises(KeyboardInterrupt):
            interrupted_at(number, lambda: fitted.fit(X, y))
        assert vars(fitted).keys() == before.keys()
        assert all(vars(fitted)[name] is value for name, value in before.items())
    fitted.fit(X, y)
    assert fitted.n_features_in_ == 2 and not hasattr(fitted, "feature_names_in_")
