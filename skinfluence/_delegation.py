"""A meta-estimator that predicts, and presents itself, as the estimator it wraps."""

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from ._typing import MatrixLike
from ._wrapping import WrappingEstimator


def _wrapped_has(name):
    def check(self):
        getattr(self.estimator_ if hasattr(self, "estimator_") else self._base_estimator(), name)
        return True

    return available_if(check)


class DelegatingEstimator(WrappingEstimator):
    """Predict with the fitted ``estimator_``, and carry the tags of ``estimator``."""

    _routes = (("fit", "fit"), ("score", "score"))

    @_wrapped_has("predict")
    def predict(self, X: MatrixLike) -> np.ndarray:
        """Predict with the fitted ``estimator_``.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Rows, as ``fit`` takes them.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Predicted labels, or values.
        """
        check_is_fitted(self)
        return self.estimator_.predict(X)

    @_wrapped_has("predict_proba")
    def predict_proba(self, X: MatrixLike) -> np.ndarray:
        """Return the class probabilities of the fitted ``estimator_``.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Rows, as ``fit`` takes them.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``.
        """
        check_is_fitted(self)
        return self.estimator_.predict_proba(X)

    @_wrapped_has("predict_log_proba")
    def predict_log_proba(self, X: MatrixLike) -> np.ndarray:
        """Return the log probabilities of the fitted ``estimator_``.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Rows, as ``fit`` takes them.

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``.
        """
        check_is_fitted(self)
        return self.estimator_.predict_log_proba(X)

    @_wrapped_has("decision_function")
    def decision_function(self, X: MatrixLike) -> np.ndarray:
        """Return the decision function of the fitted ``estimator_``.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Rows, as ``fit`` takes them.

        Returns
        -------
        decision : ndarray of shape (n_samples,) or (n_samples, n_classes)
            Positive for the second class, if there are two.
        """
        check_is_fitted(self)
        return self.estimator_.decision_function(X)

    @_wrapped_has("score")
    def score(self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Return the score of the fitted ``estimator_``.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Rows, as ``fit`` takes them.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            True labels, or values.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows in the score.

        Returns
        -------
        score : float
            Its own: the accuracy of a classifier, R² of a regressor.
        """
        check_is_fitted(self)
        self._check_routing("score", sample_weight)
        weights = {} if sample_weight is None else {"sample_weight": sample_weight}
        return self.estimator_.score(X, y, **weights)

    @property
    def classes_(self) -> np.ndarray:
        """Class labels of the fitted ``estimator_``."""
        return self.estimator_.classes_

    def __sklearn_tags__(self):
        tags, wrapped = super().__sklearn_tags__(), get_tags(self._base_estimator())
        tags.estimator_type = wrapped.estimator_type
        tags.classifier_tags = wrapped.classifier_tags
        tags.regressor_tags = wrapped.regressor_tags
        tags.target_tags = wrapped.target_tags
        tags.input_tags = wrapped.input_tags
        return tags
