"""Are the classical diagnostics those of statsmodels?

Leverage, Cook's distance, DFFITS and DFBETAS of the same model in both. The difference is the
largest of all rows (and parameters), relative to the largest value of the diagnostic. statsmodels
takes weights as ``var_weights`` in GLM; for least squares, whose influence it has without weights
only, its OLS runs on rows times the root of their weights. Its GLM divides what a row moves its own
prediction by, like DFFITS here, and calls it ``d_fittedvalues_scaled``.
"""

import argparse

import numpy as np
import statsmodels.api as sm
from _report import print_table, verdict
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.preprocessing import scale

from skinfluence import InfluenceExplainer

TARGET = 1e-8


def least_squares(weights):
    """Return the diagnostics of LinearRegression on diabetes, here and in statsmodels."""
    X, y = load_diabetes(return_X_y=True)
    weights = np.ones(len(y)) if weights is None else weights[: len(y)]
    root = np.sqrt(weights)
    design = np.column_stack([X, np.ones(len(y))])
    truth = sm.OLS(root * y, root[:, None] * design).fit().get_influence()
    explainer = InfluenceExplainer(LinearRegression()).fit(X, y, weights)
    return explainer, truth, truth.dffits[0]


def logistic(weights):
    """Return the same of an unpenalised LogisticRegression on four features of breast cancer.

    The classes do not overlap on all thirty, and then there is no optimum without a penalty.
    """
    X, y = load_breast_cancer(return_X_y=True)
    X = scale(X[:, [0, 1, 4, 5]])
    weights = np.ones(len(y)) if weights is None else weights[: len(y)]
    design = np.column_stack([X, np.ones(len(y))])
    family = sm.families.Binomial()
    fit = sm.GLM(y, design, family=family, var_weights=weights).fit(tol=1e-14)
    truth = fit.get_influence()
    model = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000)
    explainer = InfluenceExplainer(model, refine=True).fit(X, y, weights)
    return explainer, truth, truth.d_fittedvalues_scaled


def compare(name, explainer, truth, fits):
    """Yield a row of the table for every diagnostic."""
    for diagnostic, here, there in [
        ("leverage", explainer.leverage(), truth.hat_matrix_diag),
        ("cooks_distance", explainer.cooks_distance(), truth.cooks_distance[0]),
        ("dffits", explainer.dffits(), fits),
        ("dfbetas", explainer.dfbetas(), truth.dfbetas),
    ]:
        error = np.abs(here - there).max() / np.abs(there).max()
        yield f"{name}, {diagnostic}", f"{TARGET:.0e}", f"{error:.1e}", verdict(error <= TARGET)


def main():
    """Print the largest relative difference of every diagnostic."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0, help="of the weights, in [0.2, 3]")
    args = parser.parse_args()
    random = np.random.default_rng(args.seed).uniform(0.2, 3, size=1000)
    print("data: diabetes and breast cancer ship with scikit-learn")
    print(f"largest difference from statsmodels {sm.__version__}, relative to the largest value\n")
    rows = []
    for name, model in {"LinearRegression": least_squares, "LogisticRegression": logistic}.items():
        rows += compare(name, *model(None))
        rows += compare(f"{name} weighted", *model(random))
    print_table(("what", "target", "measured", ""), rows)


if __name__ == "__main__":
    main()
