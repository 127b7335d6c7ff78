"""Makes a failing case small, and spells it as a script."""

import textwrap
import time
from dataclasses import replace

import numpy as np
from sklearn.pipeline import Pipeline

from ._case import CONTAINERS, spelled
from ._run import run


def shrink(case, outcome, seconds=60):
    """Return a smaller case with the same kind of outcome, tried for some seconds."""
    end, smaller = time.monotonic() + seconds, True
    while smaller:
        smaller = False
        for candidate in simpler(case):
            if time.monotonic() > end:
                return case
            found = run(candidate)
            if (found.word, found.signature) == (outcome.word, outcome.signature):
                case, smaller = candidate, True
                break
    return case


def simpler(case):
    """Yield cases that are a little simpler, the boldest first."""
    for name in case.options:
        if name in ("n_jobs", "block_size", "tolerance"):
            rest = {key: value for key, value in case.options.items() if key != name}
            yield replace(case, options=rest)
    if case.weights is not None:
        yield replace(case, weights=None)
    if case.container != "dense":
        yield replace(case, container="dense")
    if isinstance(case.estimator, Pipeline) and len(case.estimator) == 2:
        yield replace(case, estimator=case.estimator[-1])
    for n_parts in (2, 4, 8):
        for part in range(n_parts):
            keep = np.arange(case.n_rows) * n_parts // case.n_rows != part
            keep |= np.isin(np.arange(case.n_rows), case.rows[:1])
            if not keep.all() and keep.sum() > 3 and holds_classes(case, keep):
                yield case.take(keep)
    if case.X.shape[1] > 1:
        for column in range(case.X.shape[1]):
            yield case.take_columns(np.arange(case.X.shape[1]) != column)
    if len(case.rows) > 1:
        yield replace(case, rows=case.rows[:1])
        yield replace(case, rows=case.rows[1:])
    if (np.abs(case.X - np.round(case.X, 1)) > 0).any():
        yield replace(case, X=np.round(case.X, 1), X_test=np.round(case.X_test, 1))
    if len(case.X_test) > 1:
        yield replace(case, X_test=case.X_test[:1], y_test=case.y_test[:1])


def holds_classes(case, keep):
    """Return whether some rows have every class that is there or asked about."""
    if case.labels is None:
        return True
    return len(np.unique(case.y[keep])) == len(np.unique(case.y))


#: What a script asks, by the request; others ask by the name in ``tests/generated``.
CALLS = {
    "losses": "explainer.loss_influence(X_test, y_test, rows=rows, return_error=True)",
    "parameters": "explainer.parameter_influence(rows), explainer.certificates(rows)",
    "predictions": "explainer.prediction_influence(X_test, rows=rows)",
    "own_losses": "explainer.self_influence()[rows]",
    "loo_predict": "explainer.loo_predict()[rows]",
    "remove": "explainer.remove(rows).predict(X_test)",
    "first_order": "explainer.prediction_influence(X_test, rows=rows)",
    "inputs": "explainer.input_influence(X_test, y_test, rows=rows[:2])",
    "diagnostics": "explainer.leverage(), explainer.cooks_distance()",
    "verify": "explainer.verify(X_test, y_test, rows=rows)",
}


def script(case, outcome, seed, index):
    """Return a script that shows a failure, small enough to read where the case is."""
    name = CONTAINERS[case.container].__name__ if case.container != "float32" else "float32"
    options = "".join(f", {key}={value!r}" for key, value in case.options.items())
    call = CALLS.get(case.request, f"...  # {case.request}: see tests/generated/_requests.py")
    np_options = {"threshold": 10**6, "floatmode": "unique", "linewidth": 96}
    with np.printoptions(**np_options):
        lines = [
            f"# {outcome.word}: {outcome.detail.splitlines()[0] if outcome.detail else ''}",
            f"# drawn by SEED={seed} as case {index}, then made smaller; "
            f"X is handed over as {case.container} ({name})",
            f"X = np.{case.X!r}",
            f"y = np.{case.targets(case.y)!r}",
            f"X_test = np.{case.X_test!r}",
            f"y_test = np.{case.targets(case.y_test)!r}",
            f"sample_weight = {'None' if case.weights is None else 'np.' + repr(case.weights)}",
            f"rows = {list(case.rows)}",
            f"estimator = {spelled(case.estimator)}",
            f"explainer = InfluenceExplainer(estimator{options})",
            "explainer.fit(X, y, sample_weight=sample_weight)",
            call,
        ]
    return textwrap.indent("\n".join(lines), "    ")
