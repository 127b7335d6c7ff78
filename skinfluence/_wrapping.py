"""A meta-estimator's half that knows what is inside it, and hands sample weights on to it."""

import numpy as np
import sklearn
from sklearn.base import BaseEstimator, MetaEstimatorMixin
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing


class WrappingEstimator(MetaEstimatorMixin, BaseEstimator):
    """Wrap ``estimator``; once fitted, ``estimator_``.

    ``_routes`` holds the pairs of its own method and the method of ``estimator`` that it calls
    with ``sample_weight``.
    """

    _routes: tuple[tuple[str, str], ...] = (("fit", "fit"),)

    def _base_estimator(self):
        return LogisticRegression() if self.estimator is None else self.estimator

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

    def _check_routing(self, method, sample_weight):
        """Raise unless weights, if there are any, reach ``estimator``; no-op with routing off.

        A FrozenEstimator was fitted with them already.
        """
        routed = sklearn.get_config()["enable_metadata_routing"]
        base = self._base_estimator()
        if sample_weight is None or not routed or isinstance(base, FrozenEstimator):
            return
        arguments = process_routing(self, method, sample_weight=sample_weight).estimator[method]
        if "sample_weight" not in arguments:
            name, inside = type(self).__name__, type(base).__name__
            raise TypeError(
                f"{name} got `sample_weight`, which its {inside} does not take. Set "
                f"set_{method}_request(sample_weight=True) on the estimator that learns from "
                f"weights, or set_{method}_request(sample_weight=False) on {name}."
            )

    @property
    def n_features_in_(self) -> int:
        """Number of features of the fitted ``estimator_``."""
        return self.estimator_.n_features_in_

    @property
    def feature_names_in_(self) -> np.ndarray:
        """Feature names of the fitted ``estimator_``."""
        return self.estimator_.feature_names_in_

    def __sklearn_is_fitted__(self):
        return hasattr(self, "estimator_")
