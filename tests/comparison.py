"""How arrays are compared."""

import numpy as np
from numpy.testing import assert_allclose


def assert_close(actual, expected, rtol):
    """Compare arrays, ``rtol`` relative to the largest number in ``expected``."""
    assert_allclose(actual, expected, rtol=0, atol=rtol * np.abs(expected).max(initial=0))


def encoded(explainer, X):
    """Return rows as a fitted explainer's predictor takes them."""
    model = explainer.answers_.fit.model
    return model.encode(model.inner_features(X))
