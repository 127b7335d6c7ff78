"""A script as a user writes it, for a type checker: `test_types.py` has mypy read it.

What it asks for must be known to editors: fitted attributes, options, and what methods return.
"""

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import scale

from skinfluence import InfluenceExplainer, LabelCleaner, SmoothedLinearSVC
from skinfluence.changes import Remove
from skinfluence.inspection import FidelityDisplay
from skinfluence.methods import Newton
from skinfluence.operators import Hessian
from skinfluence.questions import Scalar
from skinfluence.solvers import CG, Direct, Inverse, Solver, SupportsInvert, factored_order


class Mine:
    """A solver of one's own: it has `invert`, and that is enough."""

    def invert(self, hessian: Hessian) -> Inverse:
        return Direct().invert(hessian)


def support_vectors(X: np.ndarray, y: np.ndarray) -> np.ndarray:
    balanced = SmoothedLinearSVC(C=0.1, class_weight="balanced").fit(X, y)
    weighted = SmoothedLinearSVC(class_weight={0: 1.0, 1: 2.0}, temperature=0.01).fit(X, y)
    steps: int = balanced.n_iter_ + weighted.n_iter_
    assert steps > 0
    coefficients: np.ndarray = balanced.coef_ - weighted.coef_
    return coefficients + balanced.intercept_[:, None] + len(balanced.classes_)


def influences(X: np.ndarray, y: np.ndarray) -> np.ndarray:
    explainer = InfluenceExplainer(
        LogisticRegression(tol=1e-8, max_iter=1000), method="newton", solver="cg"
    )
    explainer.fit(X[20:], y[20:])
    effects: np.ndarray = explainer.loss_influence(X[:20], y[:20], rows=[0, 1])
    own: np.ndarray = explainer.self_influence()
    helpful: np.ndarray = explainer.most_influential(X[:20], y[:20], k=3).helpful
    asked = Scalar(lambda raw: (raw[:10] - raw[10:]).mean(), X[:20])
    effects = effects + explainer.effect(asked, Remove(helpful[0]))[:2]
    model = LogisticRegression(tol=1e-8, max_iter=1000)
    newton = InfluenceExplainer(model, method=Newton(tolerance=1e-6), damping="auto")
    assert newton.fit(X[20:], y[20:]).problem_.n_rows == len(y) - 20
    order: int | None = factored_order(Mine(), explainer.inverse_.hessian)
    solvers: list[Solver] = [Direct("primal"), CG(preconditioner="jacobi")]
    accepted: list[SupportsInvert] = [Mine(), *solvers]
    assert order is None or len(accepted) == 3
    display = FidelityDisplay.from_estimator(explainer, X[:20], y[:20], rows=range(10))
    assert display.estimated.shape == display.refitted.shape
    return effects.sum() + own


def suspects(X: np.ndarray, y: np.ndarray) -> np.ndarray:
    cleaner = LabelCleaner(LogisticRegression(tol=1e-8, max_iter=1000), contamination=0.1).fit(X, y)
    flagged: np.ndarray = cleaner.flagged_
    return np.flatnonzero(flagged & (cleaner.suggested_labels_ != y))


if __name__ == "__main__":
    data = load_breast_cancer()
    features, labels = np.asarray(scale(data.data)), np.asarray(data.target)
    print(
        support_vectors(features, labels), influences(features, labels), suspects(features, labels)
    )
