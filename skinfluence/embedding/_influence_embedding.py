"""InfluenceEmbedding: rows as vectors whose inner products are influences.

With J(x) the Jacobian of the raw prediction,

    embedding(x) = J(x) Wᵀ,    H⁻¹ = WᵀW
"""

from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags, get_tags
from sklearn.utils.validation import check_is_fitted

from .._explainer import InfluenceExplainer
from .._parameters import check_seed, check_whole
from .._typing import MatrixLike
from .._wrapping import WrappingEstimator
from ..solvers import Direct
from ._principal_components import (
    blocks_of,
    coordinates,
    embed,
    principal_components,
    unwhitened,
)


class InfluenceEmbedding(ClassNamePrefixFeaturesOutMixin, TransformerMixin, WrappingEstimator):
    """Map rows to vectors whose inner products are first-order influences.

    The Jacobian J(x) (K, P) of the raw prediction, whitened by the Hessian H of what the
    estimator minimised: with H⁻¹ = WᵀW, the rows of J(x)Wᵀ, p numbers each, one after the other.
    Rows are near each other where the model would learn the same from them.

    Parameters
    ----------
    estimator : estimator, default=None
        As for ``InfluenceExplainer``: a supported estimator, a Pipeline that ends in one, or
        ``FrozenEstimator(fitted)``. None means ``LogisticRegression()``.
    n_components : int, default=None
        None gives all K p columns. A number c between 1 and min(n, K p) gives the coordinates
        along the c directions that hold most of the energy Σᵢ sᵢ ‖embedding(xᵢ)‖² of the training
        rows: the principal components of the embedded training rows, not centred. No other c
        columns come nearer to the training rows' inner products (Eckart and Young).
    damping : float or "auto", default=0.0
        λ >= 0 added to the mean Hessian, as in ``InfluenceExplainer``.
    random_state : int, RandomState instance or None, default=None
        Seeds the start of the Lanczos iteration that finds components of more than 1000 columns.

    Attributes
    ----------
    train_gradient_ : ndarray of shape (n_train, K)
        sᵢ ∂ℓ/∂raw of every training row, sᵢ its weight in the objective.
    components_ : ndarray of shape (n_components, K p) or None
        Orthonormal directions, most energy first; ``transform(X) @ components_`` is the embedding
        of all columns, as near as n_components of them come. None if all columns are given.
    explained_energy_ratio_ : ndarray of shape (n_components,) or None
        Share of the energy that each direction holds; their sum is the share kept. None if all
        columns are given.
    explainer_ : InfluenceExplainer
        Of first order, on the same fit.
    estimator_ : estimator
        The fitted estimator.

    Notes
    -----
    K is the number of raw predictions: 1 for two classes, else the number of classes, or of
    outputs. p, the number of rows of W, is that of the parameters, or less where some of them
    cannot move (an l1 norm holds them at zero, or H is singular). Columns ``k * p`` to
    ``(k + 1) * p`` are block k, that of output k. For K = 1::

        transform(X_test) @ (transform(X_train) * train_gradient_).T

    is ``prediction_influence(X_test)`` to first order, in units of the raw prediction, as long as
    a row that leaves changes nothing but its own term (a penalty that multiplies the sum of the
    losses, weights that are not balanced). For K > 1, the influence on output k is::

        block k of transform(X_test) @ (Σ_l train_gradient_[:, l] · block l of transform(X_train)).T

    Where H is singular, as along the intercepts of a softmax, H⁻¹ is its pseudo-inverse, and
    nothing is added to H. Else W = L⁻¹ with H = LLᵀ (Cholesky), which takes P² numbers of memory;
    with ``n_components``, and a penalty on every coefficient, no more than n² and n_components P
    are held, and a sparse X is only multiplied by. Any other root of H⁻¹ would rotate the columns:
    inner products, distances and, but for their signs, coordinates along components do not depend
    on it.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skinfluence import InfluenceEmbedding
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = make_pipeline(StandardScaler(), LogisticRegression(tol=1e-8))
    >>> embedding = InfluenceEmbedding(model, n_components=5).fit(X, y)
    >>> embedding.transform(X).shape
    (569, 5)
    """

    _routes: ClassVar = (("fit", "fit"), ("fit_transform", "fit"))

    train_gradient_: np.ndarray
    components_: np.ndarray | None
    explained_energy_ratio_: np.ndarray | None
    explainer_: InfluenceExplainer
    estimator_: BaseEstimator
    _directions: np.ndarray | None

    def __init__(
        self,
        estimator: BaseEstimator | None = None,
        *,
        n_components: int | None = None,
        damping: float | Literal["auto"] = 0.0,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.estimator = estimator
        self.n_components = n_components
        self.damping = damping
        self.random_state = random_state

    def fit(
        self,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        **params: Any,
    ) -> "InfluenceEmbedding":
        """Fit the estimator, factor its Hessian, and find the components.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_train, n_features)
            Training rows. A Pipeline takes whatever its first step takes.
        y : array-like of shape (n_train,) or (n_train, n_outputs)
            Their targets.
        sample_weight : array-like of shape (n_train,), default=None
            Weights >= 0, handed to the final estimator.
        **params : dict
            As in ``InfluenceExplainer.fit``.

        Returns
        -------
        self : InfluenceEmbedding

        Raises
        ------
        TypeError
            If the estimator is not supported.
        ValueError
            If ``n_components`` is not between 1 and the smaller of n_train and K p.
        """
        if self.n_components is not None:
            check_whole("n_components", self.n_components)
        check_seed(self.random_state)
        self._routed("fit", sample_weight, params)
        # The columns of W are those of the Cholesky factor, however many rows there are; only
        # along components, which do not depend on W, may it be another root of H⁻¹.
        solver = Direct(form="primal" if self.n_components is None else "auto")
        explainer = InfluenceExplainer(
            self.estimator, method="influence", solver=solver, damping=self.damping
        ).fit(X, y, sample_weight, **params)
        fit = explainer.answers_.fit
        fit.model.require_predictions()
        inverse = fit.known_inverse
        components = ratio = directions = None
        if self.n_components is not None:
            components, ratio = principal_components(inverse, self.n_components, self.random_state)
            directions = unwhitened(inverse, components)
        fitted = {
            "train_gradient_": inverse.hessian.gradients,
            "components_": components,
            "explained_energy_ratio_": ratio,
            "explainer_": explainer,
            "estimator_": explainer.estimator_,
            "_directions": directions,
        }
        self.__dict__.update(fitted)  # all at once: an interrupted fit leaves the last one whole
        return self

    def fit_transform(
        self,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        **params: Any,
    ) -> np.ndarray:
        """Fit, and return the embedding of the training rows as the estimator was fitted on them.

        It is ``transform(X)``, unless an earlier step of a Pipeline has a ``fit_transform`` that
        makes other rows than its ``transform``, as TargetEncoder has.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_train, n_features)
            Training rows.
        y : array-like of shape (n_train,) or (n_train, n_outputs)
            Their targets.
        sample_weight : array-like of shape (n_train,), default=None
            Weights >= 0, handed to the final estimator.
        **params : dict
            As in ``InfluenceExplainer.fit``.

        Returns
        -------
        embedding : ndarray of shape (n_train, K p) or (n_train, n_components)
            As ``transform`` returns it.
        """
        self.fit(X, y, sample_weight, **params)
        return self._embedded(self.explainer_.answers_.fit.model.X)

    def transform(self, X: MatrixLike) -> np.ndarray:
        """Return the embedding of rows.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (m, n_features)
            Rows, as ``fit`` takes them.

        Returns
        -------
        embedding : ndarray of shape (m, K p) or (m, n_components)
            Dense; a DataFrame where ``set_output`` says so. In units of the raw prediction times
            the square root of the loss, so that times a ``train_gradient_`` inner products are in
            units of the raw prediction.
        """
        check_is_fitted(self)
        model = self.explainer_.answers_.fit.model
        return self._embedded(model.encode(model.inner_features(X)))

    def _embedded(self, X: Any) -> np.ndarray:
        """Return the embedding of encoded rows."""
        inverse = self.explainer_.answers_.fit.known_inverse
        shape = X.shape[0], self._n_features_out
        embedding = np.empty(shape, dtype=np.result_type(X.dtype, inverse.dtype))
        for block in blocks_of(inverse, X):
            if self._directions is None:
                embedding[block] = embed(inverse, X[block])
            else:
                embedding[block] = coordinates(inverse.hessian.problem, X[block], self._directions)
        return embedding

    @property
    def _n_features_out(self) -> int:
        if self.components_ is not None:
            return len(self.components_)
        fit = self.explainer_.answers_.fit
        inverse: Any = fit.known_inverse
        return fit.model.n_outputs * inverse.white_size

    def __sklearn_tags__(self) -> Tags:
        tags, wrapped = super().__sklearn_tags__(), get_tags(self._base_estimator())
        tags.target_tags, tags.input_tags = wrapped.target_tags, wrapped.input_tags
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
