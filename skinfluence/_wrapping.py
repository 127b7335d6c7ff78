"""Meta-estimators: they know what is inside, hand metadata on to it, and predict as it does."""

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import sklearn
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, MetaEstimatorMixin
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.utils import Tags, get_tags
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from ._typing import MatrixLike


def usual_estimator() -> BaseEstimator:
    """Return what is wrapped where no estimator is named."""
    return LogisticRegression()


class WrappingEstimator(MetaEstimatorMixin, BaseEstimator):
    """Wrap ``estimator``; once fitted, ``estimator_``.

    ``_routes`` holds the pairs of its own method and the method of ``estimator`` that it calls
    with ``sample_weight`` and other metadata.
    """

    _routes: ClassVar[tuple[tuple[str, str], ...]] = (("fit", "fit"),)

    estimator: Any
    estimator_: Any

    def _base_estimator(self) -> BaseEstimator:
        return usual_estimator() if self.estimator is None else self.estimator

    def get_metadata_routing(self) -> MetadataRouter:
        """Return who takes ``sample_weight``: this meta-estimator itself, and ``estimator``.

        Returns
        -------
        router : MetadataRouter
        """
        mapping = MethodMapping()
        for caller, callee in self._routes:
            mapping.add(caller=caller, callee=callee)
        router = MetadataRouter(owner=type(self).__name__).add_self_request(self)
        return router.add(estimator=self._base_estimator(), method_mapping=mapping)

    def _routed(
        self, method: str, sample_weight: ArrayLike | None, params: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return what ``estimator`` gets beside weights; with routing off, all that was given.

        With routing on it raises unless weights, if there are any, and the others reach it. A
        FrozenEstimator was fitted with them already.
        """
        given, base = dict(params or {}), self._base_estimator()
        if sample_weight is not None:
            given["sample_weight"] = sample_weight
        routed = sklearn.get_config()["enable_metadata_routing"]
        if given and routed and not isinstance(base, FrozenEstimator):
            arguments = process_routing(self, method, **given).estimator[method]
            if sample_weight is not None and "sample_weight" not in arguments:
                name, inside = type(self).__name__, type(base).__name__
                raise TypeError(
                    f"{name} got `sample_weight`, which its {inside} does not take. Set "
                    f"set_{method}_request(sample_weight=True) on the estimator that learns from "
                    f"weights, or set_{method}_request(sample_weight=False) on {name}."
                )
            given = dict(arguments)
        given.pop("sample_weight", None)
        return given

    @property
    def n_features_in_(self) -> int:
        """Number of features of the fitted ``estimator_``."""
        return self.estimator_.n_features_in_

    @property
    def feature_names_in_(self) -> np.ndarray:
        """Feature names of the fitted ``estimator_``."""
        return self.estimator_.feature_names_in_

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "estimator_")


def _wrapped_has(name: str) -> Callable:
    def check(self: Any) -> bool:
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
        self._routed("score", sample_weight)
        weights = {} if sample_weight is None else {"sample_weight": sample_weight}
        return self.estimator_.score(X, y, **weights)

    @property
    def classes_(self) -> np.ndarray:
        """Class labels of the fitted ``estimator_``."""
        return self.estimator_.classes_

    def __sklearn_tags__(self) -> Tags:
        tags, wrapped = super().__sklearn_tags__(), get_tags(self._base_estimator())
        tags.estimator_type = wrapped.estimator_type
        tags.classifier_tags = wrapped.classifier_tags
        tags.regressor_tags = wrapped.regressor_tags
        tags.target_tags = wrapped.target_tags
        tags.input_tags = wrapped.input_tags
        return tags
