"""Appendix B of Koh and Liang (2017): what influence says of a fit that stopped early.

At parameters that are no optimum, with gradient g, the Newton step without a row differs from the
one with it, -H⁻¹g, by about the row's influence H⁻¹∇loss. Here is by how much: a network of four
tanh units on two of scikit-learn's digits, stopped after a few iterations of L-BFGS or trained to
its optimum, 80 rows left out, the change of 40 test losses to first order. H of a network that
stopped early has negative eigenvalues, and needs a damping λ; the paper takes 0.01. What is left
out of influence is g times the row's own curvature. The correlation is lost where that matters: far
from the optimum, and where λ only just makes up for the negative eigenvalues, so that the row more
or less turns H + λ, and the step with it.
"""

import argparse
import sys
import warnings
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from skinfluence import as_problem
from skinfluence.operators import Hessian, Jacobian, Removal
from skinfluence.optimum import refine
from skinfluence.solvers import Direct

sys.path.insert(0, str(Path(__file__).parents[1]))
from _report import agreement, print_paper, print_table

DIGITS, N_TRAIN, N_TEST, N_ROWS = (3, 8), 300, 40, 80
#: L-BFGS iterations; the last is refined to the optimum.
ITERATIONS = (5, 20, 80, None)
#: λ in the mean form, skipped where H + λ is not positive definite; the paper's is 0.01.
DAMPINGS = (1e-3, 1e-2, 1e-1)


def data():
    """Return X, y and test rows of two digits, pixels in [0, 1]."""
    X, y = load_digits(return_X_y=True)
    kept = np.isin(y, DIGITS)
    X, y = X[kept] / 16, y[kept]
    return X[:N_TRAIN], y[:N_TRAIN], X[-N_TEST:], y[-N_TEST:]


def fitted(X, y, iterations):
    """Return the problem of a network after some iterations, or at its optimum."""
    network = MLPClassifier(
        (4,), "tanh", solver="lbfgs", alpha=0.1, max_iter=iterations or 2000, random_state=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # it is stopped early on purpose
        problem = as_problem(network.fit(X, y), X, y)
    return problem if iterations else refine(problem, Direct())


def newton_steps_without(problem, ridge, rows):
    """Return the Newton step without each row, minus that with all rows; shape (n_rows, P)."""

    def step(problem):
        matrix = Hessian(problem).dense()
        matrix[np.diag_indices_from(matrix)] += ridge
        return -np.linalg.solve(matrix, problem.gradient())

    index, base = np.arange(problem.n_rows), step(problem)
    return np.array([step(problem.without(index == row)) - base for row in rows])


def compare(problem, X_test, y_test, rows):
    """Return (λ_min of H / n, gradient left over a row's, [(λ, R, slope), ...])."""
    target = problem.targets.encode(y_test, float)
    gradients = problem.loss.gradient(problem.predict_raw(X_test), target)
    questions = Jacobian(problem.predictor, X_test, gradients).dense()
    removal, matrix = Removal(problem, rows).dense(), Hessian(problem).dense()
    smallest = float(np.linalg.eigvalsh(matrix)[0]) / problem.n
    left = np.linalg.norm(problem.gradient()) / np.median(np.linalg.norm(removal, axis=1))
    found = []
    for damping in DAMPINGS:
        if damping <= -smallest:
            continue
        ridge = damping * problem.n
        influence = questions @ np.linalg.solve(matrix + ridge * np.eye(len(matrix)), removal.T)
        steps = questions @ newton_steps_without(problem, ridge, rows).T
        found.append((damping, *agreement(influence, steps)))
    return smallest, left, found


def main():
    """Print the agreement at every stage of the fit and every damping."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    X, y, X_test, y_test = data()
    rows = np.linspace(0, len(y) - 1, N_ROWS).astype(int)
    print(f"data: digits {DIGITS[0]} and {DIGITS[1]}, which ship with scikit-learn\n")
    table, pearsons = [], {damping: [] for damping in DAMPINGS}
    for iterations in ITERATIONS:
        smallest, left, found = compare(fitted(X, y, iterations), X_test, y_test, rows)
        stage = f"{iterations} iterations" if iterations else "the optimum"
        for damping, pearson, slope in found:
            pearsons[damping].append(pearson)
            known = f"{smallest:.1e}", f"{left:.1g}", f"{damping:g}"
            table.append((stage, *known, f"{pearson:.4f}", f"{slope:.3f}"))
    header = ("stopped after", "least eigenvalue", "gradient / row's", "λ", "Pearson", "slope")
    print_table(header, table)
    print_paper(
        [
            (f"Appendix B: least R, λ = {damping:g}", "close (in words)", f"{min(values):.3f}")
            for damping, values in pearsons.items()
        ]
    )


if __name__ == "__main__":
    main()
