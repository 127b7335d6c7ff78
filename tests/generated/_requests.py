"""What is asked, and how the answer is judged.

A request has an ``ask``, which calls the library and nothing else (it is timed, and its errors and
warnings are sorted), and a ``check``, which raises ``Wrong`` with the numbers, or ``NoTruth``.
"""

import pickle
from dataclasses import replace

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.pipeline import Pipeline

from skinfluence import InfluenceEmbedding, InfluenceExplainer, LabelCleaner, leave_one_out
from skinfluence.changes import Remove, RemoveGroups, Replace, Reweight
from skinfluence.metrics import (
    approximate_cross_val_score,
    cleaning_curve,
    linear_datamodeling_score,
    removal_curve,
)
from skinfluence.poisoning import poison, vulnerability
from skinfluence.questions import Loss, MeanLoss, Parameters, Prediction
from skinfluence.selection import label_changes, removals
from skinfluence.solvers import CG, Direct, Lanczos, LiSSA

from ._estimators import either
from ._judging import (
    Wrong,
    agree,
    bounded,
    changed,
    losses_after,
    moved,
    norm,
    raw_after,
    same,
)
from ._truth import NoTruth, Softmax, truth_of


class Request:
    """Something to ask; ``weight`` is how often it is drawn."""

    weight = 1

    def fits(self, case):
        """Return whether the request has a meaning for a case."""
        return True

    def prepared(self, case, name, rng):
        """Return the case with this request and the options it is made with."""
        return replace(case, request=name, options=self.options(rng))

    def options(self, rng):
        """Draw the options of the explainer."""
        drawn = {
            "method": "newton",
            "tolerance": either(rng, None, None, 0.01),
            "block_size": either(rng, None, None, 1, 3),
            "n_jobs": either(rng, None, None, None, 2),
        }
        return {name: value for name, value in drawn.items() if value is not None}

    def ask(self, case):
        """Return what the library answers."""
        raise NotImplementedError

    def check(self, case, answer):
        """Raise ``Wrong`` where the answer is not right."""
        raise NotImplementedError


def explained(case, **options):
    """Return a fitted explainer of a case."""
    explainer = InfluenceExplainer(case.fresh(), **{**case.options, **options})
    return explainer.fit(case.handed(case.X), case.targets(case.y), sample_weight=case.weights)


def test_rows(case):
    """Return the test rows as they are handed over."""
    return case.handed(case.X_test), case.targets(case.y_test)


def tolerance(case):
    """Return the relative error that is asked for."""
    return case.options.get("tolerance", 0.05)


def precision(case):
    """Return what rounding may move a number by, and how far a fit is from its optimum, relative.

    A fit that is within 1e-4 of a row's move counts as being there.
    """
    if case.container == "float32":
        return 2e-2
    as_it_comes = "max_iter=5000" in repr(case.estimator)
    return 5e-4 if as_it_comes or "LinearRegression" in repr(case.estimator) else 1e-6


class Losses(Request):
    """Losses without each row, with the error that the library states."""

    weight = 6

    def ask(self, case):
        found = explained(case)
        return found.loss_influence(*test_rows(case), rows=list(case.rows), return_error=True)

    def check(self, case, answer):
        truth = truth_of(case)
        changes = [truth.rows.without([row]) for row in case.rows]
        check_losses(case, truth, changes, *answer)


def check_losses(case, truth, changes, found, errors):
    """Hold the change of losses by each change against real fits."""
    y_test = case.y_test
    pairs = [losses_after(truth, change, y_test) for change in changes]
    expected, noise = (np.column_stack(each) for each in zip(*pairs, strict=True))
    largest = np.abs(expected).max(axis=0)
    noise = noise + 1e-7 * np.abs(expected).max()
    allowed = 4 * tolerance(case) * largest + noise
    slack = noise + precision(case) * largest
    if case.container == "float32":
        raw = np.abs(truth.before.raw(truth.X_test)).max()
        slack, allowed = slack + 1e-5 * (1 + raw**2), allowed + 1e-5 * (1 + raw**2)
    bounded("losses", found, errors, expected, slack, allowed)


class ParametersMoved(Request):
    """Parameters without each row, and what the certificate says of them."""

    weight = 5

    def ask(self, case):
        found = explained(case)
        rows = list(case.rows)
        return found.parameter_influence(rows), found.certificates(rows, return_proved=True)

    def check(self, case, answer):
        truth = truth_of(case)
        changes = [truth.rows.without([row]) for row in case.rows]
        check_parameters(case, truth, changes, *answer)


def check_parameters(case, truth, changes, found, certificates):
    """Hold the moves of the parameters against the optimum's, in the norm of H."""
    if not truth.is_smooth:
        raise NoTruth("of parameters")
    numbers, proved = certificates
    for place, change in enumerate(changes):
        delta, length, hessian = moved(truth, change)
        told = truth.before.coordinates(in_layout(found[place], truth.before))
        off = norm(hessian, told - delta) / length
        slack = precision(case) + 1e-3 * (truth.before.left > 1e-7 * length)
        number = numbers[place]
        if proved[place] and off > number * 1.001 + slack:
            raise Wrong(f"change {place}: off by {off:.3g}, proved {number:.3g}", proved=True)
        if not off <= tolerance(case) + slack:
            raise Wrong(f"change {place}: off by {off:.3g} in H, certificate {number:.3g}")


def in_layout(flat, optimum):
    """Return flat parameters, coefficients then intercepts, as (K, P) with intercepts last."""
    n_outputs, n_columns = optimum.theta.shape
    if not optimum.model.intercept:
        return flat.reshape(n_outputs, n_columns)
    split = n_outputs * (n_columns - 1)
    return np.column_stack([flat[:split].reshape(n_outputs, -1), flat[split:]])


class Predictions(Request):
    """Predictions without each row."""

    weight = 3

    def ask(self, case):
        return explained(case).prediction_influence(case.handed(case.X_test), rows=list(case.rows))

    def check(self, case, answer):
        truth = truth_of(case)
        changes = [truth.rows.without([row]) for row in case.rows]
        check_predictions(case, truth, changes, answer)


def check_predictions(case, truth, changes, found):
    """Hold the change of predictions by each change against real fits."""
    for place, change in enumerate(changes):
        expected, noise = raw_after(truth, change)
        told = found[:, place].reshape(len(found), -1)
        if told.shape != expected.shape:
            raise NoTruth("of predictions in other units")
        if case.kind in ("counts", "positive"):  # told behind the link
            expected = np.exp(truth.before.raw(truth.X_test)) * np.expm1(expected)
            noise = noise * np.exp(truth.before.raw(truth.X_test))
        allowed = reach(case, truth, change, expected) + 10 * noise
        if case.container == "float32":
            allowed = allowed + 1e-4 * np.abs(truth.before.raw(truth.X_test)).max()
        told, expected = gauged(truth, told), gauged(truth, expected)
        agree(f"predictions without {place}", told, expected, allowed)


def gauged(truth, values):
    """Return predictions (m, K), of a softmax less their mean, which no class depends on."""
    if isinstance(getattr(truth.model, "loss", None), Softmax):
        return values - values.mean(axis=1, keepdims=True)
    return values


def reach(case, truth, change, expected):
    """Return what a prediction may be off by: the tolerance in H, at each test row."""
    largest = np.abs(expected).max(axis=0)
    if not truth.is_smooth:
        return (tolerance(case) + precision(case)) * largest + 1e-9
    _, length, hessian = moved(truth, change)
    design = truth.before.designed(truth.X_test)
    inverse, n_columns = truth.before.inverse(hessian), design.shape[1]
    reaches = [
        np.sqrt(np.maximum(np.einsum("ip,pq,iq->i", design, block, design), 0))
        for k in range(expected.shape[1])
        for block in [
            inverse[k * n_columns : (k + 1) * n_columns, k * n_columns : (k + 1) * n_columns]
        ]
    ]
    units = 1.0
    if case.kind in ("counts", "positive"):
        units = np.exp(truth.before.raw(truth.X_test)) + np.abs(expected)
    off = tolerance(case) * length * np.column_stack(reaches)
    return 2 * off * units + (precision(case) + 1e-6) * largest


class OwnLosses(Request):
    """Every row's own loss without it."""

    weight = 2

    def ask(self, case):
        return explained(case).self_influence()

    def check(self, case, answer):
        truth = truth_of(case)
        if answer.shape != (case.n_rows,):
            raise Wrong(f"shape {answer.shape}")
        truth.X_test = truth.rows.X[list(case.rows)]
        pairs = [losses_after(truth, truth.rows.without([row]), case.y[list(case.rows)])
                 for row in case.rows]  # fmt: skip
        expected = np.array([pair[0][place] for place, pair in enumerate(pairs)])
        noise = np.array([pair[1][place] for place, pair in enumerate(pairs)])
        allowed = 4 * tolerance(case) * np.abs(expected) + noise + 1e-9
        agree("own losses", answer[list(case.rows)], expected, allowed)


def groups_of(case):
    """Return overlapping groups of rows as a mask a column."""
    rng = np.random.default_rng(case.seed)
    sizes = [2, max(case.n_rows // 10, 1), max(case.n_rows // 3, 1)]
    masks = np.zeros((case.n_rows, len(sizes)), bool)
    for column, size in enumerate(sizes):
        masks[rng.permutation(case.n_rows)[:size], column] = True
    return masks


class Groups(Request):
    """Losses and parameters without groups of rows."""

    weight = 3

    def fits(self, case):
        return case.n_rows > 8

    def ask(self, case):
        found, change = explained(case), RemoveGroups(groups_of(case))
        losses = found.effect(Loss(*test_rows(case)), change, return_error=True)
        return losses, found.effect(Parameters(), change), certified(found, change)

    def check(self, case, answer):
        truth = truth_of(case)
        changes = [truth.rows.without(np.flatnonzero(mask)) for mask in groups_of(case).T]
        check_losses(case, truth, changes, *answer[0])
        if truth.is_smooth:
            check_parameters(case, truth, changes, *answer[1:])


def certified(explainer, change):
    """Return the certificates of a change, and which are proved."""
    return explainer.certificates(change, return_proved=True)


class Replacements(Request):
    """Losses where rows are replaced by others."""

    weight = 3

    def _new(self, case):
        rng = np.random.default_rng(case.seed)
        rows = list(case.rows)
        X = case.X[rng.integers(case.n_rows, size=len(rows))]
        return X, case.y[rng.integers(case.n_rows, size=len(rows))]

    def ask(self, case):
        X, y = self._new(case)
        change = Replace(list(case.rows), case.handed(X), case.targets(y))
        found = explained(case)
        return found.effect(Loss(*test_rows(case)), change, return_error=True)

    def check(self, case, answer):
        truth = truth_of(case)
        X, y = self._new(case)
        X = truth.transform(X)
        changes = [
            truth.rows.replaced(row, X[place], y[place]) for place, row in enumerate(case.rows)
        ]
        check_losses(case, truth, changes, *answer)


class Reweightings(Request):
    """Parameters where a row has another weight."""

    def _weights(self, case):
        old = np.ones(case.n_rows) if case.weights is None else case.weights
        return [0.5 * old[row] if place % 2 else 2 * old[row] + 1
                for place, row in enumerate(case.rows)]  # fmt: skip

    def ask(self, case):
        found, change = explained(case), Reweight(list(case.rows), self._weights(case))
        losses = found.effect(Loss(*test_rows(case)), change, return_error=True)
        return losses, found.effect(Parameters(), change), certified(found, change)

    def check(self, case, answer):
        truth = truth_of(case)
        changes = [
            truth.rows.reweighted(row, weight)
            for row, weight in zip(case.rows, self._weights(case), strict=True)
        ]
        check_losses(case, truth, changes, *answer[0])
        if truth.is_smooth:
            check_parameters(case, truth, changes, *answer[1:])


class OutOfSample(Request):
    """``loo_predict``: predictions of every row without it."""

    weight = 2

    def ask(self, case):
        return explained(case).loo_predict(), explained(case).prediction_influence(
            case.handed(case.X), rows=list(case.rows)
        )

    def check(self, case, answer):
        predicted, moves = answer
        if len(predicted) != case.n_rows:
            raise Wrong(f"shape {predicted.shape}")
        truth = truth_of(case)
        truth.X_test = truth.rows.X
        for place, row in enumerate(case.rows):
            after = truth.model.fit(truth.rows.without([row]), truth.before)
            told = np.asarray(predicted[row], float).ravel() if case.labels is None else None
            expected, noise = raw_after(truth, truth.rows.without([row]))
            own = moves[row, place].reshape(-1)
            if case.labels is None and told.shape == expected[row].shape:
                value = after.raw(truth.X_test)[row]
                if case.kind in ("counts", "positive"):
                    value = np.exp(value)
                else:
                    agree(
                        "move", own, expected[row], self._allowed(case, expected[row], noise[row])
                    )
                size = (
                    np.abs(value - told).max() + np.abs(expected[row]).max() * np.abs(value).max()
                )
                size = 4 * tolerance(case) * size + precision(case) * np.abs(value).max()
                allowed = size + 1e-9 + 10 * noise[row]
                agree(f"loo_predict[{row}]", told, value, allowed)

    @staticmethod
    def _allowed(case, expected, noise):
        rounding = 1e-3 if case.container == "float32" else 1e-9
        return 3 * tolerance(case) * np.abs(expected).max() + 10 * noise + rounding


class Removed(Request):
    """``remove``: an estimator as it would be without some rows."""

    weight = 2

    def ask(self, case):
        rows = list(case.rows)[: max(1, case.n_rows // 4)]
        model = explained(case).remove(rows)
        X = case.handed(case.X_test)
        names = [name for name in ("decision_function", "predict_proba") if hasattr(model, name)]
        return {name: getattr(model, name)(X) for name in [*names, "predict"]}

    def check(self, case, answer):
        truth = truth_of(case)
        rows = list(case.rows)[: max(1, case.n_rows // 4)]
        change = truth.rows.without(rows)
        expected, noise = raw_after(truth, change)
        before = truth.before.raw(truth.X_test)
        told = answer.get("decision_function", answer["predict"] if case.labels is None else None)
        if told is None:
            raise NoTruth("predicts labels alone")
        told = np.asarray(told, float).reshape(len(before), -1)
        if told.shape != expected.shape:
            raise NoTruth("of predictions in other units")
        if case.kind in ("counts", "positive"):
            before, after = np.exp(before), np.exp(before + expected)
            expected, noise = after - before, noise * after
        allowed = 4 * tolerance(case) * np.abs(expected).max() + 10 * noise
        moves, expected = gauged(truth, told - before), gauged(truth, expected)
        rounding = 1e-7 if truth.is_smooth else 2e-5
        agree("removed", moves, expected, allowed + rounding * np.abs(before).max())


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
            rtol = 1e-3 if spread is None else 6 * spread + 0.02
            allowed = (rtol + precision(case)) * np.abs(expected).max() + 1e-10
            told, expected = gauged(truth, told), gauged(truth, expected)
            agree(f"derivative in the weight of {row}", told, expected, allowed)

    def _expected(self, case, truth, row):
        """Return what minus the change of the gradient does to raw predictions, to first order."""
        before = truth.before
        pull = changed(truth, truth.rows.without([row])).gradient(before.theta)
        pull = before.gradient(before.theta) - pull
        hessian = before.hessian(before.theta)
        damping = case.options.get("damping", 0.0)
        if damping:
            hessian = hessian + self._damping(truth, damping, hessian)
        theta = (before.inverse(hessian) @ pull.ravel()).reshape(before.theta.shape)
        moves = before.designed(truth.X_test) @ theta.T
        if case.kind in ("counts", "positive"):
            moves = moves * np.exp(before.raw(truth.X_test))
        return moves

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
        """Return the derivative by refits, and its noise: two lengths of the difference."""
        slopes = []
        for size in (1e-4, 5e-5):
            step = size * truth.before.spread[column]
            losses = []
            for sign in (1, -1):
                x = truth.rows.X[row].copy()
                x[column] += sign * step
                change = truth.rows.replaced(row, x, truth.rows.y[row])
                losses.append(truth.model.fit(change, truth.before).losses(truth.X_test, y_test))
            slopes.append((losses[0] - losses[1]) / (2 * step))
        return slopes[1], 3 * np.abs(slopes[0] - slopes[1])


class Strongest(Request):
    """``most_influential`` against the whole matrix."""

    def ask(self, case):
        found = explained(case, method="auto")
        k = min(3, case.n_rows)
        return found.most_influential(*test_rows(case), k=k), found.loss_influence(*test_rows(case))

    def check(self, case, answer):
        strongest, whole = answer
        k = min(3, case.n_rows)
        same("helpful", strongest.helpful_influence, -np.sort(-whole, axis=1)[:, :k], 1e-9)
        same("harmful", strongest.harmful_influence, np.sort(whole, axis=1)[:, :k], 1e-9)


class OneNumber(Request):
    """A number of one's own about many rows: the mean test loss."""

    def ask(self, case):
        return explained(case).effect(MeanLoss(*test_rows(case)), Remove(list(case.rows)))

    def check(self, case, answer):
        truth = truth_of(case)
        pairs = [losses_after(truth, truth.rows.without([row]), case.y_test) for row in case.rows]
        expected = np.array([pair[0].mean() for pair in pairs])
        largest = np.array([np.abs(pair[0]).max() for pair in pairs])
        noise = np.array([pair[1].max() for pair in pairs])
        agree("mean loss", answer, expected, 4 * tolerance(case) * largest + noise)


class ReallyRefitted(Request):
    """``leave_one_out`` and ``method="retrain"``."""

    def ask(self, case):
        weights = {} if case.weights is None else {"sample_weight": case.weights}
        return leave_one_out(
            case.fresh(), case.handed(case.X), case.targets(case.y), *test_rows(case),
            rows=list(case.rows[:3]), **weights,
        )  # fmt: skip

    def check(self, case, answer):
        truth = truth_of(case)
        changes = [truth.rows.without([row]) for row in case.rows[:3]]
        nothing_said = np.full(answer.shape, np.nan)
        check_losses(case, truth, changes, answer, nothing_said)


class Diagnostics(Request):
    """Classical diagnostics: numbers that are finite, of their shapes."""

    def ask(self, case):
        found = explained(case)
        return found.leverage(), found.cooks_distance(), found.dffits(), found.dfbetas()

    def check(self, case, answer):
        for name, values in zip(("leverage", "cooks", "dffits", "dfbetas"), answer, strict=True):
            if len(values) != case.n_rows:
                raise Wrong(f"{name} of shape {values.shape}")
            alone = answer[0] > 1 - 1e-4  # of which Cook's distance is infinite
            if not np.isfinite(values[~alone]).all():
                raise Wrong(f"{name} is not finite")


class Verified(Request):
    """``verify``: it agrees, or says why not."""

    def ask(self, case):
        return explained(case).verify(*test_rows(case), rows=list(case.rows))

    def check(self, case, answer):
        slope = getattr(answer, "slope", np.nan)
        if np.isfinite(slope) and abs(slope - 1) > 4 * tolerance(case):
            raise Wrong(f"slope of refits on estimates {slope:.4f}: {answer!r}"[:300])


class Law(Request):
    """Two ways of asking that must give the same answer."""

    rtol = 1e-7

    def options(self, rng):
        return {"method": either(rng, "newton", "influence", "auto")}

    def ask(self, case):
        raise NotImplementedError

    def check(self, case, answer):
        first, second = answer[:2]
        rtol = self.rtol + 2 * precision(case)
        rounding = 1e-6 if case.container == "float32" else 1e-10
        allowed = rtol * np.abs(second).max(axis=0, initial=0) + rounding
        if len(answer) > 2:
            allowed = allowed + np.nan_to_num(sum(answer[2:]), nan=np.inf, posinf=np.inf)
        agree(type(self).__name__, first, second, allowed)


def asked(case, rows=None, **options):
    """Return losses, and the errors stated, of newton; zeros of the first order."""
    explainer = explained(case, **options)
    return explainer.loss_influence(*test_rows(case), rows=rows, return_error=True)


def stated(errors, case):
    """Return stated errors, where the method states any: the first order does not."""
    return errors if case.options.get("method") != "influence" else np.zeros_like(errors)


class PermutedRows(Law):
    rtol = 1e-4

    def ask(self, case):
        order = np.random.default_rng(case.seed).permutation(case.n_rows)
        weights = None if case.weights is None else case.weights[order]
        other = replace(case, X=case.X[order], y=case.y[order], weights=weights)
        place = [int(np.flatnonzero(order == row)[0]) for row in case.rows]
        first, errors = asked(case, list(case.rows))
        second, others = asked(other, place)
        return first, second, stated(errors, case), stated(others, case)


class SplitCalls(Law):
    def ask(self, case):
        explainer = explained(case)
        X, y = test_rows(case)
        parts = [explainer.loss_influence(X, y, rows=[row]) for row in case.rows]
        return np.hstack(parts), explainer.loss_influence(X, y, rows=list(case.rows))


class BlocksAndJobs(Law):
    def ask(self, case):
        rows = list(case.rows)
        first, _ = asked(case, rows, block_size=2, n_jobs=2)
        second, _ = asked(case, rows, block_size=None, n_jobs=None)
        return first, second


class DoubledRows(Law):
    """A row of weight 2 is the row twice."""

    rtol = 1e-4

    def fits(self, case):
        return case.weights is None and no_search(case)

    def ask(self, case):
        row = case.rows[0]
        weights = np.ones(case.n_rows)
        weights[row] = 2
        heavy = replace(case, weights=weights)
        twice = replace(
            case, X=np.vstack([case.X, case.X[[row]]]), y=np.concatenate([case.y, case.y[[row]]])
        )
        mask = np.zeros((len(twice.X), 1), bool)
        mask[[row, -1]] = True
        first, errors = asked(heavy, [row])
        found = explained(twice)
        second, others = found.effect(Loss(*test_rows(case)), RemoveGroups(mask), return_error=True)
        return first, second, stated(errors, case), stated(others, case)


def no_search(case):
    """Return whether nothing in a case depends on rows but the last estimator's fit."""
    return (
        "CV(" not in repr(case.estimator)
        and not isinstance(case.estimator, Pipeline)
        and ("SVC" not in repr(case.estimator) or "balanced" not in repr(case.estimator))
        and "RidgeClassifier(" not in repr(case.estimator)
        and "scale" not in str(getattr(case.estimator, "gamma", ""))
    )


class WeightZero(Law):
    """A row of weight 0 is a row that is not there."""

    rtol = 1e-4

    def fits(self, case):
        return no_search(case) and case.n_rows > 6 and "balanced" not in repr(case.estimator)

    def ask(self, case):
        gone, *rows = case.rows
        weights = np.ones(case.n_rows) if case.weights is None else case.weights.copy()
        weights[gone] = 0
        keep = np.arange(case.n_rows) != gone
        first, errors = asked(replace(case, weights=weights), rows)
        less = replace(case, weights=weights).take(keep)
        second, others = asked(less, list(less.rows))
        return first, second, stated(errors, case), stated(others, case)


class OtherLabels(Law):
    """Names of classes do not matter."""

    def fits(self, case):
        return case.labels is not None

    def ask(self, case):
        other = replace(case, labels=tuple("pqrst"[: len(case.labels)]))
        return asked(case, list(case.rows))[0], asked(other, list(case.rows))[0]


class OtherContainer(Law):
    """How features are handed over does not matter."""

    rtol = 1e-4

    def ask(self, case):
        change = "fortran" if isinstance(case.estimator, Pipeline) else "sparse"
        other = replace(case, container="dense" if case.container != "dense" else change)
        first, errors = asked(case, list(case.rows))
        second, others = asked(other, list(case.rows))
        return first, second, stated(errors, case), stated(others, case)


class Pickled(Law):
    """A pickled explainer answers as it did, and so does a clone that is fitted again."""

    def ask(self, case):
        explainer = explained(case)
        rows = list(case.rows)
        again = pickle.loads(pickle.dumps(explainer))
        return (
            again.loss_influence(*test_rows(case), rows=rows),
            explainer.loss_influence(*test_rows(case), rows=rows),
        )


class Cleaned(Request):
    """``LabelCleaner``: its decisions hang together, and its scores are losses of real refits."""

    weight = 3

    def options(self, rng):
        return {
            "score": either(rng, "loo_loss", "loo_loss", "self_influence", "loss"),
            "penalty": either(rng, "tune", "keep"),
            "action": either(rng, "drop", "keep"),
        }

    def fits(self, case):
        return case.kind != "outputs"

    def ask(self, case):
        cleaner = LabelCleaner(case.fresh(), **case.options, random_state=0)
        cleaner.fit(case.handed(case.X), case.targets(case.y), sample_weight=case.weights)
        names = ("label_scores_", "flagged_", "ranking_", "suggested_labels_", "sample_indices_")
        told = {name: getattr(cleaner, name, None) for name in names}
        predicted = cleaner.predict(test_rows(case)[0])
        return {**told, "frame": len(cleaner.to_frame()), "predicted": predicted}

    def check(self, case, answer):
        n_rows, scores = case.n_rows, np.asarray(answer["label_scores_"])
        if scores.shape != (n_rows,) or np.isnan(scores).any():
            raise Wrong(f"label_scores_ {scores!r}"[:200])
        if sorted(answer["ranking_"]) != list(range(n_rows)):
            raise Wrong("ranking_ is no permutation")
        if (np.diff(scores[answer["ranking_"]]) > 1e-12 * np.abs(scores).max()).any():
            raise Wrong("ranking_ does not follow the scores")
        flagged = np.asarray(answer["flagged_"])
        kept = n_rows if case.options["action"] == "keep" else n_rows - flagged.sum()
        if len(answer["sample_indices_"]) != kept or answer["frame"] != n_rows:
            raise Wrong(f"{kept} rows should be kept")
        if case.labels is not None:
            left = np.unique(case.y[~flagged])
            if len(left) < len(np.unique(case.y)) and case.options["action"] == "drop":
                raise Wrong("a class is gone")
        if case.options["penalty"] == "keep" and case.options["score"] == "loo_loss":
            self._check_scores(case, scores)

    @staticmethod
    def _check_scores(case, scores):
        truth = truth_of(case)
        rows = list(case.rows)
        for row in rows:
            after = truth.model.fit(truth.rows.without([row]), truth.before)
            own = truth.rows.X[[row]], case.y[[row]]
            expected = after.losses(*own)[0]
            moved_by = abs(expected - truth.before.losses(*own)[0])
            noise = after.loss_noise(*own)[0] if hasattr(after, "loss_noise") else 0
            allowed = 0.2 * moved_by + 1e-6 * abs(expected) + 10 * noise + 1e-9
            agree(f"label_scores_[{row}]", scores[row], expected, allowed)


class Embedded(Request):
    """``InfluenceEmbedding``: finite features, one row each."""

    def options(self, rng):
        return {}

    def ask(self, case):
        embedding = InfluenceEmbedding(case.fresh(), random_state=0)
        embedding.fit(case.handed(case.X), case.targets(case.y), sample_weight=case.weights)
        return embedding.transform(case.handed(case.X_test))

    def check(self, case, answer):
        if len(answer) != len(case.X_test) or not np.isfinite(answer).all():
            raise Wrong(f"embedding of shape {answer.shape}, or not finite")


class Metrics(Request):
    """The functions of ``metrics``: numbers in their ranges."""

    weight = 2

    def fits(self, case):
        return case.n_rows > 12

    def prepared(self, case, name, rng):
        names = ["linear_datamodeling_score", "removal_curve", "approximate_cross_val_score"]
        if is_classifier(case.estimator):
            names.append("cleaning_curve")
        case = replace(case, weights=None)
        return replace(case, request=name, options={"function": str(rng.choice(names))})

    def ask(self, case):
        function, X, y = case.options["function"], case.handed(case.X), case.targets(case.y)
        if function == "approximate_cross_val_score":
            return approximate_cross_val_score(case.fresh(), X, y, cv=3)
        if function == "cleaning_curve":
            cleaner = LabelCleaner(case.fresh(), penalty="keep")
            return cleaning_curve(
                cleaner, X, y, *test_rows(case), shares=(0.1, 0.3), n_draws=1, random_state=0
            )
        explainer = InfluenceExplainer(case.fresh()).fit(X, y)
        if function == "removal_curve":
            return removal_curve(
                explainer, *test_rows(case), shares=(0.05, 0.2), n_draws=1, random_state=0
            )
        return linear_datamodeling_score(
            explainer, *test_rows(case), n_subsets=5, subset_size=0.7, random_state=0
        )

    def check(self, case, answer):
        function = case.options["function"]
        if function == "approximate_cross_val_score":
            if answer.shape != (3,) or not np.isfinite(answer).all():
                raise Wrong(f"scores {answer}")
        elif function == "linear_datamodeling_score":
            score = answer.score
            if not (np.isnan(score) or -1 - 1e-9 <= score <= 1 + 1e-9):
                raise Wrong(f"score {score}")
        elif function == "removal_curve":
            if answer.helpful.shape != (2,) or answer.random.shape != (1, 2):
                raise Wrong(f"shapes {answer.helpful.shape}, {answer.random.shape}")
        elif not all(0 <= found <= 1 for each in answer.found.values() for found in each.ravel()):
            raise Wrong(f"shares {answer.found}")


class Selected(Request):
    """``selection``: what is said to be confirmed holds after really refitting."""

    weight = 2

    def prepared(self, case, name, rng):
        names = ["prediction", "coefficient", *["labels"] * is_classifier(case.estimator)]
        return replace(case, request=name, options={"what": str(rng.choice(names))})

    def ask(self, case):
        X, y = case.handed(case.X), case.targets(case.y)
        rest = {"sample_weight": case.weights}
        one = case.handed(case.X_test[:1])
        if case.options["what"] == "labels":
            return label_changes(
                case.fresh(), X, y, one, case.targets(case.y_test[:1]), max_changes=5, **rest
            )
        if case.options["what"] == "coefficient":
            return removals(case.fresh(), X, y, coefficient=0, max_rows=5, **rest)
        return removals(case.fresh(), X, y, one, max_rows=5, **rest)

    def check(self, case, answer):
        rows = np.asarray(answer.rows)
        if len(np.unique(rows)) != len(rows) or (len(rows) and rows.max() >= case.n_rows):
            raise Wrong(f"rows {rows}")
        if not answer.confirmed or case.options["what"] != "prediction" or case.labels is None:
            return
        keep = ~np.isin(np.arange(case.n_rows), rows)
        weights = {} if case.weights is None else last_weights(case, case.weights[keep])
        X, y = case.handed(case.X[keep]), case.targets(case.y[keep])
        whole = {} if case.weights is None else last_weights(case, case.weights)
        one = case.handed(case.X_test[:1])
        if isinstance(case.estimator, Pipeline) or "CV(" in repr(case.estimator):
            raise NoTruth("of steps that are held")
        if precision(case) > 1e-6 or "saga" in repr(case.estimator):
            raise NoTruth("of fits that stop short")
        before = case.fresh().fit(case.handed(case.X), case.targets(case.y), **whole).predict(one)
        after = clone(case.estimator).fit(X, y, **weights).predict(one)
        if before[0] == after[0]:
            if undecided(clone(case.estimator).fit(X, y, **weights), one):
                raise NoTruth("the prediction is a toss-up")
            raise Wrong(f"confirmed, but without {rows} the prediction is still {after[0]!r}")


def undecided(model, one):
    """Return whether a model's prediction of a row is within a thousandth of another."""
    if not hasattr(model, "decision_function"):
        return False
    values = np.sort(np.atleast_1d(model.decision_function(one)[0]))
    gap = np.abs(values[0]) if len(values) == 1 else values[-1] - values[-2]
    return gap < 1e-3


def last_weights(case, weights):
    """Return weights as arguments of ``fit``."""
    return {"sample_weight": weights}


class Poisoned(Request):
    """``poisoning``: rows stay within their box."""

    weight = 1

    def fits(self, case):
        return case.kind in ("binary", "classes", "real")

    def options(self, rng):
        return {"epsilon": 0.5, "what": either(rng, "poison", "poison", "vulnerability")}

    def ask(self, case):
        X, y = case.handed(case.X), case.targets(case.y)
        rest = {"epsilon": case.options["epsilon"], "sample_weight": case.weights}
        if case.options["what"] == "vulnerability" and is_classifier(case.estimator):
            return vulnerability(
                case.fresh(), X, y, case.handed(case.X_test[:2]), max_rows=4, **rest
            )
        return poison(case.fresh(), X, y, *test_rows(case), n_rows=min(2, case.n_rows), **rest)

    def check(self, case, answer):
        if not hasattr(answer, "X_new"):
            if answer.shape != (2,) or (answer < 0).any():
                raise Wrong(f"vulnerability {answer}")
            return
        X_new = np.asarray(answer.X_new.todense() if hasattr(answer.X_new, "todense")
                           else answer.X_new, float)  # fmt: skip
        before = np.asarray(case.X)[answer.rows]
        room = case.options["epsilon"] * (1 + 1e-6) + 1e-6 * np.abs(before).max()
        agree("X_new", X_new, before, room)
        for name in ("loss_before", "loss_after", "realised_change"):
            if not np.isfinite(getattr(answer, name)).all():
                raise Wrong(f"{name} is {getattr(answer, name)}")


REQUESTS = {
    "losses": Losses(),
    "parameters": ParametersMoved(),
    "predictions": Predictions(),
    "own_losses": OwnLosses(),
    "groups": Groups(),
    "replacements": Replacements(),
    "reweightings": Reweightings(),
    "loo_predict": OutOfSample(),
    "remove": Removed(),
    "first_order": FirstOrder(),
    "inputs": Inputs(),
    "most_influential": Strongest(),
    "one_number": OneNumber(),
    "leave_one_out": ReallyRefitted(),
    "diagnostics": Diagnostics(),
    "verify": Verified(),
    "permuted_rows": PermutedRows(),
    "split_calls": SplitCalls(),
    "blocks_and_jobs": BlocksAndJobs(),
    "doubled_rows": DoubledRows(),
    "weight_zero": WeightZero(),
    "other_labels": OtherLabels(),
    "other_container": OtherContainer(),
    "pickled": Pickled(),
    "cleaner": Cleaned(),
    "embedding": Embedded(),
    "metrics": Metrics(),
    "selection": Selected(),
    "poisoning": Poisoned(),
}
