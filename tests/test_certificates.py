"""Which rows are followed, and what the explainer says of them."""

import numpy as np
import pytest
from comparison import assert_close
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, Ridge

from skinfluence import InfluenceExplainer, leave_one_out


def heavy_tailed():
    """Return nearly separable data with a few rows far out: X, y, X_test, y_test."""
    random = np.random.RandomState(0)
    X = random.standard_t(2, size=(120, 5))
    y = (X @ [1.0, -1.0, 0.5, 0.0, 0.0] + 0.3 * random.standard_normal(120) > 0).astype(int)
    return X[:100], y[:100], X[100:], y[100:]


def test_rows_that_one_step_does_not_settle_have_a_certificate():
    X, y, *test = heavy_tailed()
    model = LogisticRegression(C=10.0, tol=1e-10, max_iter=10_000)
    explainer = InfluenceExplainer(model, method="newton").fit(X, y)
    assert np.all(np.isnan(explainer.certificates_))  # nothing has been asked
    influence = explainer.loss_influence(*test)
    followed = np.flatnonzero(np.isfinite(explainer.certificates_))
    assert 5 < len(followed) < len(y)
    assert np.all(
        (explainer.certificates_[followed] >= 0) & (explainer.certificates_[followed] < 1)
    )
    truth = leave_one_out(model, X, y, *test, rows=followed)
    assert_close(influence[:, followed], truth, rtol=0.005)
    one_step = InfluenceExplainer(model, method="influence").fit(X, y)
    first_order = one_step.loss_influence(*test, rows=followed)
    assert np.abs(first_order - truth).max() > 0.1 * np.abs(truth).max()


@pytest.mark.parametrize("method", ["influence", "retrain", "newton"])
def test_rows_that_are_not_followed_have_none(method):
    X, y, *test = heavy_tailed()
    explainer = InfluenceExplainer(Ridge(), method=method).fit(X, y)
    explainer.loss_influence(*test, rows=[0, 1])
    assert explainer.certificates_.shape == (100,) and np.all(np.isnan(explainer.certificates_))
    with pytest.raises(NotFittedError):
        _ = InfluenceExplainer(Ridge(), method=method).certificates_
