"""Estimators without an adapter: known by their predictions only, and judged by these."""

import numpy as np
from sklearn.base import is_classifier

from ..losses import NegativeLogProbability, SquaredError
from ..problems import Continuous, Labels


def outward_loss(estimator, y):
    """Return the loss and the targets of an estimator that is known by its predictions only."""
    if is_classifier(estimator) and y.ndim > 1 and y.shape[1] > 1:
        raise TypeError(
            f'method="retrain" judges a classifier without an adapter by one label a row, and y '
            f"has shape {y.shape}; explain each column of y with an estimator of its own."
        )
    if not is_classifier(estimator):
        one_dimensional = y.ndim == 1
        return SquaredError(), Continuous(1 if one_dimensional else y.shape[1], one_dimensional)
    if not hasattr(estimator, "predict_proba"):
        raise TypeError(
            f'method="retrain" judges a classifier by its log loss, and '
            f"{type(estimator).__name__} has no predict_proba; wrap it in CalibratedClassifierCV."
        )
    return NegativeLogProbability(), Labels(estimator.classes_)


def respond(estimator, X, outward=False):
    """Return what the loss takes, or with ``outward`` the decision function where there is one."""
    if not is_classifier(estimator):
        raw = estimator.predict(X)
    elif outward and hasattr(estimator, "decision_function"):
        raw = estimator.decision_function(X)
    else:
        raw = estimator.predict_proba(X)
        raw = raw[:, 1:] if raw.shape[1] == 2 else raw
    return np.reshape(raw, (len(raw), -1))
