"""Is every number as right as it says? True errors of Newton steps, and the bounds beside them.

The truth is the optimum without a row, of scikit-learn's own objective, by Newton's method written
out here, to a gradient of 1e-10. The error of a row is the norm of what its change of the
parameters is off by, relative to the change, both in the norm of the Hessian without the row; of
its column of test losses, the norm of what it is off by, relative to the column.

    groups        Poisson, five rows a group and one parameter each
    categories    logistic, 400 categories and three numbers, 3000 rows
    exposures     Poisson, two columns of 190 levels, exposures as weights, 4000 rows
    heavy tails   logistic on columns like exp(3 normal), C from 0.1 to 100: the 25 most
                  influential rows and 35 others
    1 vs 7        logistic on 12,000 images: the same rows

At the end 100 groups, of two rows to a tenth of all, and 100 rows replaced by others.
"""

import argparse
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from _report import origin, print_table, verdict
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse import csr_matrix, issparse
from scipy.special import expit
from sklearn.linear_model import LogisticRegression, PoissonRegressor

from skinfluence import InfluenceExplainer
from skinfluence.changes import RemoveGroups, Replace
from skinfluence.datasets import load_mnist
from skinfluence.questions import Parameters

TOLERANCES = (0.05, 0.01)


@dataclass
class Truth:
    """An objective of scikit-learn's, written out: ``Σ s loss(x · θ, y) + ½ penalty · θ²``.

    Where ``mean``, the penalty multiplies the sum of the weights, so that a row that leaves takes
    its share of it.
    """

    X: np.ndarray
    y: np.ndarray
    weights: np.ndarray
    penalty: np.ndarray
    poisson: bool
    theta: np.ndarray

    def slopes(self, raw, y):
        """Return the derivative of the loss, and the second."""
        mean = np.exp(raw) if self.poisson else expit(raw)
        return mean - y, mean if self.poisson else mean * expit(-raw)

    def ridge(self, row):
        """Return the penalty without a row, or without several."""
        if not self.poisson:
            return self.penalty
        return self.penalty * (1 - self.weights[row].sum() / self.weights.sum())

    def hessian(self, row, theta):
        """Return the Hessian without a row."""
        curvatures = self.weights * self.slopes(self.X @ theta, self.y)[1]
        curvatures[row] = 0
        hessian = self.X.T @ (
            self.X.multiply(curvatures[:, None])
            if issparse(self.X)
            else self.X * curvatures[:, None]
        )
        hessian = hessian.toarray() if issparse(hessian) else hessian
        hessian[np.diag_indices_from(hessian)] += self.ridge(row)
        return hessian

    def gradient(self, row, theta):
        """Return the gradient without a row."""
        pull = self.weights * self.slopes(self.X @ theta, self.y)[0]
        pull[row] = 0
        return self.X.T @ pull + self.ridge(row) * theta

    def change(self, row):
        """Return the change of theta without a row, and the length of its residual, in H."""
        factor = start = cho_factor(self.hessian(row, self.theta))
        theta, before, tilt = self.theta.copy(), np.inf, self.left_over
        for _ in range(200):
            gradient = self.gradient(row, theta) - tilt
            size = np.abs(gradient).max()
            if size <= 1e-10 or (before < 1e-7 and size > before / 2):  # or its rounding
                break
            if size > 0.2 * before:  # a factor is kept while it contracts
                factor = cho_factor(self.hessian(row, theta))
            step, before = cho_solve(factor, gradient), size
            theta -= self.length(row, theta, step, gradient) * step
        gradient = self.gradient(row, theta) - tilt
        return theta - self.theta, np.sqrt(gradient @ cho_solve(start, gradient))

    def replaced(self, row, x, y):
        """Return the objective with a row replaced, still less the gradient that the fit left."""
        sparse, targets = issparse(self.X), self.y.copy()
        X = self.X.toarray() if sparse else self.X.copy()
        X[row], targets[row] = x.toarray() if sparse else x, y
        changed = replace(self, X=csr_matrix(X) if sparse else X, y=targets)
        changed.left_over = self.left_over
        return changed

    @cached_property
    def left_over(self):
        """The gradient that the fit left: below 1e-8 of what a row leaves."""
        pull = self.weights * self.slopes(self.X @ self.theta, self.y)[0]
        return self.X.T @ pull + self.penalty * self.theta

    def length(self, row, theta, step, gradient):
        """Halve a step until the slope along it has not turned by more than half: F is convex."""
        length, slope = 1.0, gradient @ step
        while length > 1e-6:
            with np.errstate(over="ignore", invalid="ignore"):
                after = (self.gradient(row, theta - length * step) - self.left_over) @ step
            if after >= -0.5 * slope:
                break
            length /= 2
        return length


def groups(n_groups):
    """Return (model, X, y, weights) of a Poisson regression of groups of five."""
    X = np.eye(n_groups)[np.repeat(np.arange(n_groups), 5)]
    y = np.tile([7.0, 1, 2, 1, 0], n_groups)
    return PoissonRegressor(alpha=0, fit_intercept=False, solver="newton-cholesky"), X, y, None


def categories():
    """Return a logistic regression of 400 categories and three numbers."""
    rng = np.random.default_rng(1)
    levels, numbers = rng.integers(0, 400, 3000), rng.normal(size=(3000, 3))
    chances = expit(rng.normal(size=400)[levels] + numbers @ [1.0, -0.5, 0.25])
    X = np.hstack([np.eye(400)[levels], numbers])
    y = (rng.random(3000) < chances).astype(int)
    return LogisticRegression(C=1.0, tol=1e-10, max_iter=10_000), X, y, None


def exposures():
    """Return a Poisson regression of two columns of 190 levels, with exposures as weights."""
    rng = np.random.default_rng(2)
    levels, exposure = rng.integers(0, 190, (4000, 2)), rng.uniform(0.05, 2, 4000)
    effects = 0.5 * rng.normal(size=(2, 190))
    rates = np.exp(effects[0, levels[:, 0]] + effects[1, levels[:, 1]])
    X = np.hstack([np.eye(190)[levels[:, 0]], np.eye(190)[levels[:, 1]]])
    y = rng.poisson(exposure * rates) / exposure
    return PoissonRegressor(alpha=1e-3, solver="newton-cholesky", tol=1e-10), X, y, exposure


def heavy_tails(C):
    """Return a logistic regression on columns that are exp(3 normal)."""
    rng = np.random.default_rng(3)
    X = np.exp(3 * rng.normal(size=(3000, 57)))
    X /= X.std(axis=0)
    chances = expit(np.log1p(X[:, :6]) @ rng.normal(size=6) * 3 - 0.5)
    y = (rng.random(3000) < chances).astype(int)
    return LogisticRegression(C=C, tol=1e-8, max_iter=100_000, solver="newton-cholesky"), X, y, None


def images():
    """Return a logistic regression of 1 against 7."""
    mnist = load_mnist()
    kept = np.flatnonzero(np.isin(mnist.y_train, (1, 7)))[:12_000]
    X, y = mnist.X_train[kept] / 255.0, (mnist.y_train[kept] == 7).astype(int)
    return LogisticRegression(tol=1e-10, solver="newton-cholesky"), X, y, None


def truth_of(explainer, X, y, weights):
    """Return the objective of a fitted model, written out."""
    model, poisson = explainer.estimator_, isinstance(explainer.estimator_, PoissonRegressor)
    weights = np.ones(len(X)) if weights is None else weights
    theta = np.append(model.coef_, model.intercept_ if model.fit_intercept else [])
    ridge = model.alpha * weights.sum() if poisson else 1 / model.C
    penalty = np.full(X.shape[1], ridge)
    if model.fit_intercept:
        X, penalty = np.hstack([X, np.ones((len(X), 1))]), np.append(penalty, 0)
    sparse = np.count_nonzero(X) < X.size / 10
    return Truth(csr_matrix(X) if sparse else X, y, weights, penalty, poisson, theta)


def errors(explainer, truth, rows, n_tests=5000):
    """Return the relative error of each row's change, and of its column of test losses.

    And the bounds beside them, nan where there is none or where the refit itself is not 100 times
    nearer to the optimum.
    """
    n = len(truth.y)
    tests = np.linspace(0, n - 1, min(n, n_tests)).astype(int)
    found, raw = explainer.parameter_influence(rows), truth.X[tests] @ truth.theta
    bounds, proved = explainer.certificates(rows, return_proved=True)
    of_theta, of_losses, bounds = np.zeros(len(rows)), np.zeros(len(rows)), bounds.copy()
    for i, row in enumerate(rows):
        right, left = truth.change(row)
        hessian, off = truth.hessian(row, truth.theta), found[i] - right
        size = np.sqrt(right @ hessian @ right)
        of_theta[i] = np.sqrt(off @ hessian @ off) / size
        losses = [loss_change(truth, tests, raw, change) for change in (found[i], right)]
        effect = np.linalg.norm(losses[1])
        of_losses[i] = np.linalg.norm(losses[0] - losses[1]) / effect if effect else 0.0
        if not proved[i] or bounds[i] < 100 * left / size:
            bounds[i] = np.nan
    return of_theta, of_losses, bounds, proved


def errors_of_changes(explainer, X, y, weights, n_changes=100):
    """Yield (what, errors, certificates) of groups that leave, and of rows that are replaced."""
    rng = np.random.default_rng(0)
    truth, n = truth_of(explainer, X, y, weights), len(y)
    shares = np.geomspace(2 / n, 0.1, n_changes)
    members = rng.random((n, n_changes)) < shares
    rows, others = rng.permutation(n)[: 2 * n_changes].reshape(2, -1)
    right = {
        "groups": [(truth, np.flatnonzero(column)) for column in members.T],
        "replacements": [
            (truth.replaced(row, truth.X[other], y[other]), np.array([], dtype=int))
            for row, other in zip(rows, others)
        ],
    }
    changes = {"groups": RemoveGroups(members), "replacements": Replace(rows, X[others], y[others])}
    for what, change in changes.items():
        found, bounds = explainer.effect(Parameters(), change), explainer.certificates(change)
        off = [
            error_of(objective, rows, delta) for (objective, rows), delta in zip(right[what], found)
        ]
        yield what, np.array(off), bounds


def error_of(truth, rows, found):
    """Return the relative error of a change, in the norm of the Hessian after it."""
    right, _ = truth.change(rows)
    if not right.any():  # no row left
        return np.abs(found).max()
    hessian, off = truth.hessian(rows, truth.theta), found - right
    return np.sqrt(off @ hessian @ off) / np.sqrt(right @ hessian @ right)


def loss_change(truth, tests, raw, change):
    """Return the change of the losses of test rows."""
    after = raw + truth.X[tests] @ change
    y = truth.y[tests]
    if truth.poisson:
        return 2 * (np.exp(after) - np.exp(raw) - y * (after - raw))
    return np.logaddexp(0, after) - np.logaddexp(0, raw) - y * (after - raw)


def every_row(n, n_most=None):
    """Return what chooses all rows, or at most so many of them at random."""

    def choose(explainer):
        rng = np.random.default_rng(0)
        return np.arange(n) if n_most is None else np.sort(rng.permutation(n)[:n_most])

    return choose


def largest_and_random(explainer):
    """Return the 25 rows of the largest self-influence and 35 others."""
    order = np.argsort(-np.abs(explainer.self_influence()))
    return np.append(order[:25], np.random.default_rng(0).permutation(order[25:])[:35])


def tables(n_most):
    """Yield (name, data, which rows) of every table."""
    for n_groups in (5, 20, 200, 1000):
        yield f"groups, {n_groups}", groups(n_groups), every_row(5 * n_groups, n_most)
    yield "categories", categories(), every_row(3000, n_most)
    yield "exposures", exposures(), every_row(4000, n_most)
    for C in (0.1, 1, 10, 100):
        yield f"heavy tails, C={C}", heavy_tails(C), largest_and_random
    yield "1 vs 7", images(), largest_and_random


def main():
    """Print errors and bounds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=None, help="of each table, at random; all")
    args = parser.parse_args()
    print(f"data: {origin('mnist.npz')}\n")
    rows, ratios, shares = [], [], []
    for name, (model, X, y, weights), choose in tables(args.rows):
        for tolerance in TOLERANCES:
            explainer = InfluenceExplainer(
                model, method="newton", tolerance=tolerance, refine=True
            ).fit(X, y, weights)
            truth, chosen = truth_of(explainer, X, y, weights), choose(explainer)
            of_theta, of_losses, bounds, proved = errors(explainer, truth, chosen)
            known = np.isfinite(bounds) & (bounds > 0)
            ratios.append(of_theta[known] / bounds[known])
            shares.append(proved)
            worst = of_theta.max()
            figures = tolerance, f"{worst:.2%}", f"{of_losses.max():.2%}", f"{proved.mean():.1%}"
            rows.append((name, len(chosen), *figures, verdict(worst <= tolerance)))
    header = "data", "rows", "tolerance", "worst change", "worst losses", "proved", ""
    print_table(header, rows)
    ratios = np.concatenate(ratios)
    print()
    median, largest = np.median(ratios), ratios.max()
    table = [
        ("largest true error over bound", "<= 1.001", f"{largest:.4f}", verdict(largest <= 1.001)),
        ("median", ">= 0.033", f"{median:.3f}", verdict(median >= 1 / 30)),
        ("rows with a bound", "", f"{np.concatenate(shares).mean():.1%}", ""),
    ]
    print_table(("what", "target", "measured", ""), table)
    print()
    rows = []
    for name, (model, X, y, weights) in (
        ("heavy tails", heavy_tails(1)),
        ("exposures", exposures()),
    ):
        explainer = InfluenceExplainer(model, method="newton", refine=True).fit(X, y, weights)
        for what, off, bounds in errors_of_changes(explainer, X, y, weights):
            seen = off > 1e-8  # the rounding of the refits
            largest = np.max(off[seen] / bounds[seen], initial=0)
            figures = len(off), f"{off.max():.2%}", f"{bounds.max():.2%}", f"{largest:.3f}"
            rows.append((f"{name}, {what}", *figures, verdict(largest <= 1)))
    header = "changes", "number", "worst error", "largest certificate", "error over it", ""
    print_table(header, rows)


if __name__ == "__main__":
    main()
