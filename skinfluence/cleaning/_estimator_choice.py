"""``estimator="auto"``: of three kinds of classifier, that of the least out-of-sample risk.

A linear model, a forest and boosting predict each row without having seen it; the risk is the log
loss of the given labels, calibrated under the noise that was estimated from the same predictions,
so that a kind that is only too sure of itself is not passed over.
"""

import numpy as np
from sklearn.base import BaseEstimator

from ._holding_out import HoldingOut
from ._label_noise import label_noise
from ._models import boosting, forest, linear, numbers
from ._training_rows import TrainingRows


def chosen_estimator(rows: TrainingRows, holding_out: HoldingOut) -> BaseEstimator:
    """Return the classifier, not fitted, whose out-of-sample risk is least.

    Raises
    ------
    ValueError
        If X is not numbers.
    """
    if (X := numbers(rows.X, missing=True)) is None:
        raise ValueError(
            "`estimator='auto'` takes columns of numbers. Encode the others first, or give a "
            "Pipeline that does, such as one of a ColumnTransformer and a classifier."
        )
    seed, n_jobs = holding_out.random_state, holding_out.n_jobs
    models = [linear(), forest(len(rows.kept), seed, n_jobs)]
    if not hasattr(X, "tocsr"):
        models.append(boosting(seed))
    codes = np.unique(np.asarray(rows.labels), return_inverse=True)[1]

    def risk(model):
        found = holding_out.out_of_sample(model, rows).probabilities
        return label_noise([np.asarray(found)], codes, rows.weights).log_loss

    return min(models, key=risk)
