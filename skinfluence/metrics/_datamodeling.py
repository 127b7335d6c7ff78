"""The linear datamodeling score: do influences add up to what retraining on fewer rows does?

Draw random subsets S of the training rows, and really retrain on each. For a test row,

    estimated(S) = Σ_{j not in S} influence[j],        refitted(S) = loss on S - loss on all rows,

and the score is their rank correlation over the subsets (Park et al. 2023, definition 2.3).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import rankdata
from sklearn.utils import Bunch
from sklearn.utils.validation import check_is_fitted

from .._explainer import InfluenceExplainer
from .._parameters import check_flag, check_seed, check_share, check_whole
from .._typing import MatrixLike
from ..adapters import Model
from ..changes import EncodedRemoveGroups
from ..methods import RetrainAnswers, evaluate
from ..questions import Loss

#: Draws of a subset that loses a class, before it is given up.
MAX_DRAWS = 100


def linear_datamodeling_score(
    explainer: Any,
    X_test: MatrixLike,
    y_test: ArrayLike,
    *,
    n_subsets: int = 30,
    subset_size: float = 0.5,
    refine: bool = True,
    random_state: int | np.random.RandomState | None = None,
) -> Bunch:
    """Correlate sums of influences with what retraining on random subsets really does.

    Unlike ``InfluenceExplainer.verify``, which leaves out one row at a time, it asks whether
    influences of single rows add up: first order, by its nature, cannot know how rows share
    curvature, and no additive estimate can be perfect. It is the measure of the literature on data
    attribution, for comparing estimates on the same model and rows.

    Parameters
    ----------
    explainer : InfluenceExplainer
        Fitted. The refits are those of ``method="retrain"`` on its own training rows, run with
        its ``n_jobs`` and ``verbose``.
    X_test, y_test : array-like of n_test rows
        Rows whose losses are asked about, y in the user's labels.
    n_subsets : int, default=30
        Real refits, at least 3.
    subset_size : float in (0, 1), default=0.5
        Share of the training rows in a subset, drawn without replacement; every class keeps a row.
    refine : bool, default=True
        Take each refit to its optimum, as in :func:`skinfluence.leave_one_out`.
    random_state : int, RandomState instance or None, default=None
        Draws the subsets.

    Returns
    -------
    result : Bunch
        ``score``: mean over test rows of Spearman's correlation, in [-1, 1]; ``standard_error``:
        its own, by the jackknife over the subsets, the independent draws; ``correlations``
        (n_test,), NaN where no subset moves a loss; ``estimated`` and ``refitted`` (n_test,
        n_subsets); ``subsets`` (n_subsets, n_train), boolean.

    Raises
    ------
    TypeError
        If it is no InfluenceExplainer.
    ValueError
        If ``subset_size`` leaves no row in or none out.

    References
    ----------
    Park, S. M., Georgiev, K., Ilyas, A., Leclerc, G. and Madry, A. (2023). TRAK: Attributing model
    behavior at scale. ICML.
    Ilyas, A. et al. (2022). Datamodels: predicting predictions from training data. ICML.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import Ridge
    >>> from skinfluence import InfluenceExplainer
    >>> from skinfluence.metrics import linear_datamodeling_score
    >>> X, y = load_diabetes(return_X_y=True)
    >>> explainer = InfluenceExplainer(Ridge(), method="influence").fit(X[40:], y[40:])
    >>> result = linear_datamodeling_score(explainer, X[:40], y[:40], random_state=0)
    >>> round(result.score, 1), result.estimated.shape
    (0.8, (40, 30))
    """
    check_explainer(explainer)
    check_whole("n_subsets", n_subsets, low=3)
    check_share("subset_size", subset_size)
    check_flag("refine", refine)
    random = check_seed(random_state)
    refits = RetrainAnswers.of(explainer.answers_.fit, refine)
    model = refits.fit.model
    subsets = draw_subsets(model, n_subsets, round(subset_size * model.n_rows), random)
    estimated = explainer.loss_influence(X_test, y_test) @ (~subsets).T.astype(float)
    asked = Loss(X_test, y_test).encode(refits.fit)
    refitted = evaluate(refits, asked, EncodedRemoveGroups(~subsets.T))
    correlations = _rank_correlations(estimated, refitted)
    return Bunch(
        score=_mean(correlations),
        standard_error=_jackknife(estimated, refitted),
        correlations=correlations,
        estimated=estimated,
        refitted=refitted,
        subsets=subsets,
    )


def make_fidelity_scorer(
    *,
    n_subsets: int = 10,
    subset_size: float = 0.5,
    refine: bool = True,
    random_state: int | np.random.RandomState | None = 0,
) -> Callable:
    """Make a scorer by which ``GridSearchCV`` chooses how influence is estimated.

    The scorer takes a fitted ``InfluenceExplainer`` and the rows of a validation fold, and returns
    their :func:`linear_datamodeling_score`. Greater is better.

    Parameters
    ----------
    n_subsets : int, default=10
        Real refits of a candidate, in every fold.
    subset_size : float in (0, 1), default=0.5
        Share of the training rows in a subset.
    refine : bool, default=True
        Take each refit to its optimum.
    random_state : int, RandomState instance or None, default=0
        Draws the subsets; an int gives every candidate the same ones.

    Returns
    -------
    scorer : callable
        ``scorer(explainer, X, y) -> float``, to be given as ``scoring``.

    Examples
    --------
    How much damping does an almost unpenalised fit want?

    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn.preprocessing import scale
    >>> from skinfluence import InfluenceExplainer
    >>> from skinfluence.metrics import make_fidelity_scorer
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> explainer = InfluenceExplainer(LogisticRegression(), method="influence", refine=True)
    >>> search = GridSearchCV(
    ...     explainer, {"damping": [0.0, 10.0]}, cv=3, scoring=make_fidelity_scorer(n_subsets=5)
    ... )
    >>> search.fit(scale(X)[::3], y[::3]).best_params_
    {'damping': 0.0}
    """
    check_whole("n_subsets", n_subsets, low=3)
    check_share("subset_size", subset_size)
    check_flag("refine", refine)
    check_seed(random_state)
    return _FidelityScorer(n_subsets, subset_size, refine, random_state)


@dataclass(frozen=True)
class _FidelityScorer:
    n_subsets: int
    subset_size: float
    refine: bool
    random_state: object

    def __call__(self, explainer: InfluenceExplainer, X: MatrixLike, y: ArrayLike) -> float:
        return linear_datamodeling_score(explainer, X, y, **vars(self)).score


def check_explainer(explainer: Any) -> None:
    """Raise unless this is a fitted InfluenceExplainer."""
    if not isinstance(explainer, InfluenceExplainer):
        raise TypeError(
            f"Influences are judged of an InfluenceExplainer; got {type(explainer).__name__}. Put "
            "one around the estimator, or around the whole Pipeline."
        )
    check_is_fitted(explainer)


def draw_subsets(
    model: Model, n_subsets: int, size: int, random: np.random.RandomState
) -> np.ndarray:
    """Return masks of ``size`` random rows to keep, (n_subsets, n_train); no class is lost."""
    n_rows = model.n_rows
    subsets = np.zeros((n_subsets, n_rows), dtype=bool)
    for subset in subsets:
        subset[_draw(model, size, random)] = True
    return subsets


def _draw(model, size, random):
    """Return random rows with one of every class among them, drawn again until that is so."""
    n_rows = model.n_rows
    for _ in range(MAX_DRAWS if 0 < size < n_rows else 0):
        kept = random.permutation(n_rows)[:size]
        if not model.targets.lost(model.y[kept]):
            return kept
    raise ValueError(
        f"{size} of {n_rows} training rows drawn at random must leave a row out and keep a "
        "row of every class; choose another share."
    )


def _rank_correlations(estimated, refitted):
    """Return Spearman's correlation of every row; NaN where one of the two is constant."""
    ranks = [rankdata(values, axis=1) for values in (estimated, refitted)]
    centred = [rank - rank.mean(axis=1, keepdims=True) for rank in ranks]
    sizes = np.prod([np.linalg.norm(part, axis=1) for part in centred], axis=0)
    products = np.einsum("ms,ms->m", *centred)
    return np.divide(products, sizes, out=np.full(len(sizes), np.nan), where=sizes > 0)


def _jackknife(estimated, refitted):
    """Return the standard error of the score, from leaving out each subset in turn."""
    n = estimated.shape[1]
    parts = (np.delete(np.arange(n), i) for i in range(n))
    scores = [_mean(_rank_correlations(estimated[:, p], refitted[:, p])) for p in parts]
    return float(np.sqrt(n - 1) * np.std(scores))


def _mean(correlations):
    """Return the mean of those that are defined; NaN if none is."""
    defined = correlations[np.isfinite(correlations)]
    return float(defined.mean()) if len(defined) else np.nan
