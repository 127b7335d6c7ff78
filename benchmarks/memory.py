"""What does it take? Peak memory and time of fits and questions, beside what the formulas say.

Rows are random, and a binary logistic regression is fitted to them first, outside what is measured:
the explainer is given it frozen. The peak is what was allocated on top of the data, as tracemalloc
counts it; the largest terms alone are in the formulas.
"""

import argparse
import time
import tracemalloc

import numpy as np
from _report import print_table
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression

from skinfluence import InfluenceExplainer

#: Rows and features of a problem that is factored by parameters, and of one factored by rows.
TALL, WIDE = (20_000, 1000), (1000, 20_000)
N_TEST = 200


def data(n, p):
    """Return rows, labels, and the test rows after them."""
    random = np.random.default_rng(0)
    X = random.standard_normal((n + N_TEST, p))
    y = X[:, :10].sum(axis=1) + 3 * random.standard_normal(n + N_TEST) > 0
    return X[:n], y[:n], X[n:], y[n:]


def peak(method, *data):
    """Call a method; return the most memory that it held, in MB, and its seconds."""
    tracemalloc.start()
    before, start = tracemalloc.get_traced_memory()[0], time.perf_counter()
    method(*data)
    seconds = time.perf_counter() - start
    most = (tracemalloc.get_traced_memory()[1] - before) / 1e6
    tracemalloc.stop()
    return most, seconds


def lines(n, p):
    """Yield rows of the table for one problem."""
    X, y, X_test, y_test = data(n, p)
    model = FrozenEstimator(LogisticRegression(C=0.01, tol=1e-8, max_iter=1000).fit(X, y))
    P, m = p + 1, N_TEST
    factor = ("2 n p + n²", 2 * n * p + n * n) if n < p else ("3 P² + n p", 3 * P * P + n * p)
    asked = "2 m n + 5 m P", 2 * m * n + 5 * m * P
    iterated = "3 m n + 10 m P", 3 * m * n + 10 * m * P
    kinds = [
        ("direct", "influence", factor, asked),
        ("direct", "newton", factor, asked),
        ("cg", "influence", ("P + n", P + n), iterated),
    ]
    for solver, method, held, asked in kinds:
        explainer = InfluenceExplainer(model, method=method, solver=solver)
        what = f"{n} × {p}, {solver}, {method}"
        yield measured(f"{what}: fit", held, explainer.fit, X, y)
        yield measured(f"{what}: {m} losses", asked, explainer.loss_influence, X_test, y_test)


def measured(what, held, method, *data):
    """Return one row of the table: ``held`` is a formula and the numbers that it comes to."""
    formula, numbers = held
    most, seconds = peak(method, *data)
    return what, formula, 8e-6 * numbers, most, seconds


def main():
    argparse.ArgumentParser(description=__doc__).parse_args()
    header = ("what", "numbers held at once", "MB by that", "MB at the peak", "seconds")
    print_table(header, [line for shape in (TALL, WIDE) for line in lines(*shape)])


if __name__ == "__main__":
    main()
