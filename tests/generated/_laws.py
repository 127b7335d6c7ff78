"""What must not matter: two ways of asking that have one answer."""

import pickle
from dataclasses import replace

import numpy as np
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from skinfluence.changes import RemoveGroups
from skinfluence.questions import Loss

from ._asking import Request, explained, precision, test_rows
from ._estimators import either
from ._judging import agree
from ._rows import NoTruth


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


def chosen(case):
    """Return the parameters that a search chose, whose folds go by the order of rows."""
    if not isinstance(case.estimator, GridSearchCV):
        return None
    known = {} if case.weights is None else {"sample_weight": case.weights}
    return case.fresh().fit(case.handed(case.X), case.targets(case.y), **known).best_params_


def stated(errors, case):
    """Return stated errors, where the method states any: the first order does not."""
    return errors if case.options.get("method") != "influence" else np.zeros_like(errors)


class PermutedRows(Law):
    rtol = 1e-4

    @staticmethod
    def _permuted(case):
        """Return the case in another order of its rows, and the order."""
        order = np.random.default_rng(case.seed).permutation(case.n_rows)
        weights = None if case.weights is None else case.weights[order]
        return replace(case, X=case.X[order], y=case.y[order], weights=weights), order

    def ask(self, case):
        other, order = self._permuted(case)
        place = [int(np.flatnonzero(order == row)[0]) for row in case.rows]
        first, errors = asked(case, list(case.rows))
        second, others = asked(other, place)
        return first, second, stated(errors, case), stated(others, case)

    def check(self, case, answer):
        if chosen(case) != chosen(self._permuted(case)[0]):
            raise NoTruth("the folds of another order chose another penalty")
        super().check(case, answer)


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
        and "StandardScaler(" not in repr(case.estimator)
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
