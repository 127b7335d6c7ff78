"""First orders and slopes, held against derivatives written out here."""

import numpy as np
from sklearn.pipeline import Pipeline

from skinfluence.changes import Remove
from skinfluence.questions import Prediction
from skinfluence.solvers import CG, Direct, Lanczos, LiSSA

from ._asking import Request, explained, precision, test_rows
from ._effects import gauged
from ._estimators import either
from ._judging import agree, changed
from ._rows import NoTruth
from ._truth import truth_of

#: Share of its length that LiSSA may be off without a word.
MOVING = 0.1
#: Logarithm of a prediction that nobody can judge.
FAR = 40


class FirstOrder(Request):
    """The derivative in the weight of a row, by every solver, damped or not."""

    weight = 4

    def options(self, rng):
        solver = either(
            rng, "direct", "direct", "auto", "cg", Direct(form="dual"), Direct(form="primal"),
            CG(preconditioner="jacobi"), Lanczos(rank=200), LiSSA(depth=2000, repeats=10),
        )  # fmt: skip
        drawn = {"method": "influence", "solver": solver, "random_state": 0}
        damping = either(rng, 0.0, 0.0, 0.01, 1.0)
        return {**drawn, "damping": damping} if damping else drawn

    def ask(self, case):
        found = explained(case)
        influence = found.effect(Prediction(case.handed(case.X_test)), Remove(list(case.rows)))
        return influence, found.lissa_spread_

    def check(self, case, answer):
        truth = truth_of(case)
        if not truth.is_smooth or not hasattr(truth.before, "design"):
            raise NoTruth("of derivatives")
        if truth.before.is_flat:
            raise NoTruth("of a flat objective")
        influence, spread = answer
        # At the fit, R is minus the change of the gradient: of balanced classes not its derivative.
        for place, row in enumerate(case.rows):
            expected, told = self._expected(case, truth, row), influence[:, place]
            told = told.reshape(len(told), -1)
            if told.shape != expected.shape:
                raise NoTruth("of predictions in other units")
            allowed = (1e-3 + precision(case)) * np.abs(expected).max() + 1e-10
            if spread is not None:  # an estimate, in units of the lengths of both factors in H⁻¹
                allowed = allowed + (6 * spread + MOVING) * self._lengths(case, truth, row)
            told, expected = gauged(truth, told), gauged(truth, expected)
            agree(f"derivative in the weight of {row}", told, expected, allowed)

    def _expected(self, case, truth, row):
        """Return what minus the change of the gradient does to raw predictions, to first order."""
        before = truth.before
        pull = self._pull(truth, row).ravel()
        theta = (self._inverse(case, truth) @ pull).reshape(before.theta.shape)
        return before.designed(truth.X_test) @ theta.T * self._slopes(case, truth)

    def _lengths(self, case, truth, row):
        """Return the product of the lengths in H⁻¹ of what is asked and of what is done; (m, 1)."""
        inverse, pull = self._inverse(case, truth), self._pull(truth, row).ravel()
        designed, size = truth.before.designed(truth.X_test), len(truth.before.theta)
        asked = [np.kron(np.eye(size), row) for row in designed]
        squares = np.array([np.diag(each @ inverse @ each.T).max() for each in asked])
        lengths = np.sqrt(np.maximum(squares * (pull @ inverse @ pull), 0))
        return lengths[:, None] * self._slopes(case, truth)

    @staticmethod
    def _pull(truth, row):
        before = truth.before
        pull = changed(truth, truth.rows.without([row])).gradient(before.theta)
        return before.gradient(before.theta) - pull

    def _inverse(self, case, truth):
        hessian, damping = truth.before.hessian(truth.before.theta), case.options.get("damping", 0)
        if damping:
            hessian = hessian + self._damping(truth, damping, hessian)
        return truth.before.inverse(hessian)

    @staticmethod
    def _slopes(case, truth):
        """Return the slope of the inverse of the link at the test rows."""
        if case.kind not in ("counts", "positive"):
            return 1.0
        raw = truth.before.raw(truth.X_test)
        if raw.max(initial=0) > FAR:
            raise NoTruth("of predictions that depend on where the fit stopped on its way")
        return np.exp(raw)

    @staticmethod
    def _damping(truth, damping, hessian):
        """Return n λ I of the user's parameters in the coordinates of the truth."""
        before = truth.before
        size = hessian.shape[0] // len(before.theta)
        columns = np.eye(size)
        back = np.vstack([truth_theta(before, column) for column in columns])
        total = before.s.sum()  # the factors of the objective are in it
        return np.kron(np.eye(len(before.theta)), total * damping * back @ back.T)


def truth_theta(optimum, column):
    """Return one row of scaled coordinates in the user's columns."""
    spread, centre = optimum.spread, optimum.centre
    if not optimum.model.intercept:
        return column / spread
    return np.append(column[:-1] / spread, column[-1] - (column[:-1] / spread) @ centre)


class Inputs(Request):
    """The derivative of a loss in the features of a row."""

    def fits(self, case):
        return not isinstance(case.estimator, Pipeline) and case.X.shape[1] <= 8

    def ask(self, case):
        return explained(case).input_influence(*test_rows(case), rows=list(case.rows[:2]))

    def check(self, case, answer):
        truth = truth_of(case)
        if not truth.is_smooth or truth.before.is_flat:
            raise NoTruth("of derivatives")
        for place, row in enumerate(case.rows[:2]):
            for column in range(case.X.shape[1]):
                expected, noise = self._slope(truth, row, column, case.y_test)
                told = answer[:, place, column]
                largest = np.abs(answer[:, place] * truth.before.spread).max()
                allowed = 1e-3 * largest / truth.before.spread[column] + noise
                agree(f"slope in feature {column} of row {row}", told, expected, allowed)

    @staticmethod
    def _slope(truth, row, column, y_test):
        """Return the derivative of the losses, and its noise: two lengths of the difference.

        The optimum moves by ``-H⁻¹`` times the change of the row's own pull, differenced: losses of
        refits are known to the rounding of theta only, beside which a slope may be nothing.
        """
        before, model = truth.before, truth.model
        inverse = before.inverse(before.hessian(before.theta))
        asked = model.loss.slopes(before.raw(truth.X_test), model.encode(y_test))
        slopes = []
        for size in (1e-4, 5e-5):
            step = size * before.spread[column]
            pulls = [own_pull(before, row, column, sign * step) for sign in (1, -1)]
            moves = -inverse @ (pulls[0] - pulls[1]).ravel() / (2 * step)
            raw = before.designed(truth.X_test) @ moves.reshape(before.theta.shape).T
            slopes.append(np.sum(asked * raw, axis=1))
        return slopes[1], 3 * np.abs(slopes[0] - slopes[1])


def own_pull(optimum, row, column, step):
    """Return the gradient (K, P) of a row's loss at an optimum, a feature of it changed."""
    x = optimum.rows.X[[row]].copy()
    x[0, column] += step
    design = optimum.designed(x)
    slopes = optimum.model.loss.slopes(design @ optimum.theta.T, optimum.y[[row]])
    return optimum.s[row] * slopes.T @ design
