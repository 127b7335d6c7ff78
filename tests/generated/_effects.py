"""Effects of changed training rows, held against real fits."""

import numpy as np

from skinfluence import leave_one_out
from skinfluence.changes import Remove, RemoveGroups, Replace, Reweight
from skinfluence.questions import Loss, MeanLoss, Parameters

from ._asking import Request, explained, precision, test_rows, tolerance
from ._judging import Wrong, agree, bounded, losses_after, moved, norm, raw_after
from ._losses import Softmax
from ._rows import NoTruth
from ._truth import truth_of


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
