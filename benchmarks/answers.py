"""Store every answer of the tests' registry, or compare with what another commit stored.

    python benchmarks/answers.py store before.npz       # on one commit
    python benchmarks/answers.py compare before.npz     # on another

Every case of ``tests/cases.py`` is asked every question under every method. What is stored is the
array, or the kind of the error. ``compare`` prints how far the answers are apart, relative to the
largest entry of each, and exits with 1 if any is further apart than ``--tolerance``.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import sys
import warnings
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from cases import CASES  # the registry is the tests'

METHODS = ("influence", "newton", "retrain")
#: Training rows that are really left out, where every answer is a fit.
FEW = 4


def questions(explainer, case):
    """Yield (name, call) of every question that the explainer is asked."""
    X, y = case.test
    n = len(case.y)
    rows = case.rows[:FEW] if explainer.method_ == "retrain" else case.rows
    groups = (np.arange(n) % 6)[:, None] == np.arange(3)
    new = np.roll(np.asarray(case.y), 1, axis=0)[rows]
    X_new = case.X[np.roll(np.arange(n), 1)][rows]
    yield "loss", lambda: explainer.loss_influence(X, y, rows=rows)
    yield "prediction", lambda: explainer.prediction_influence(X, rows=rows)
    yield "parameter", lambda: explainer.parameter_influence(rows)
    yield "group", lambda: explainer.group_influence(X, y, groups)
    yield "label", lambda: explainer.replacement_influence(X, y, rows=rows, y_new=new)
    yield "features", lambda: explainer.replacement_influence(X, y, rows=rows, X_new=X_new)
    yield "input", lambda: explainer.input_influence(X, y, rows=rows)
    yield "relative", lambda: explainer.relative_influence(X, y, rows=rows)
    yield "remove", lambda: np.asarray(explainer.remove(rows).predict(X), dtype=float)
    if explainer.method_ == "retrain" and not case.name.startswith(("ridge", "lbfgs")):
        return  # which refit once a training row
    yield "loss_of_all", lambda: explainer.loss_influence(X, y)
    yield "strongest", lambda: explainer.most_influential(X, y, k=3).helpful_influence
    yield "own", lambda: explainer.self_influence()
    yield "loo", lambda: np.asarray(explainer.loo_predict(), dtype=float)
    yield "leverage", lambda: explainer.leverage()
    yield "cooks", lambda: explainer.cooks_distance()
    yield "dffits", lambda: explainer.dffits()
    yield "dfbetas", lambda: explainer.dfbetas()


def answer(case, method):
    """Return what every question is answered under a method, by name."""
    key, found = f"{case}|{method}|", {}
    with warnings.catch_warnings(), case.routing():
        warnings.simplefilter("ignore")
        try:
            explainer = case.fit(case.X, case.y, case.sample_weight, method=method)
        except Exception as error:  # the kind of the error is the answer
            return {f"{key}fit": np.array(type(error).__name__)}
        for name, ask in questions(explainer, case):
            try:
                found[key + name] = np.asarray(ask())
            except Exception as error:
                found[key + name] = np.array(type(error).__name__)
    return found


def answers(chosen):
    tasks = (delayed(answer)(case, method) for case in chosen for method in METHODS)
    parts = Parallel(n_jobs=-1, verbose=1)(tasks)
    return {key: value for part in parts for key, value in part.items()}


def distance(found, expected):
    """Return the largest difference, relative to the largest entry; inf where kinds differ."""
    if found.shape != expected.shape or found.dtype.kind != expected.dtype.kind:
        return np.inf
    if found.dtype.kind not in "fiu":
        return 0.0 if np.array_equal(found, expected) else np.inf
    finite = np.isfinite(expected)
    if not np.array_equal(finite, np.isfinite(found)):
        return np.inf
    scale = np.abs(expected[finite]).max(initial=0)
    worst = np.abs(found[finite] - expected[finite]).max(initial=0)
    return float(worst / scale) if scale > 0 else float(worst)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("action", choices=["store", "compare"])
    parser.add_argument("file", type=Path)
    parser.add_argument("--only", default="", help="cases whose name contains this")
    parser.add_argument("--tolerance", type=float, default=1e-6)
    options = parser.parse_args()
    found = answers([case for case in CASES if options.only in str(case)])
    if options.action == "store":
        np.savez_compressed(options.file, **found)
        print(f"{len(found)} answers stored in {options.file}")
        return 0
    with np.load(options.file) as stored:
        expected = {key: stored[key] for key in stored.files if options.only in key}
    apart = {key: distance(found[key], expected[key]) for key in expected if key in found}
    over = {key: far for key, far in apart.items() if far > options.tolerance}
    missing = set(expected) ^ set(found)
    for key in sorted(over, key=over.get, reverse=True)[:60]:
        kinds = [str(part) if part.ndim == 0 else "" for part in (expected[key], found[key])]
        print(f"{over[key]:.1e}  {key}  {' -> '.join(kinds) if any(kinds) else ''}")
    sizes = np.array(list(apart.values()))
    for limit in (1e-12, 1e-10, 1e-8, 1e-6):
        print(f"{np.sum(sizes > limit):6d} of {len(sizes)} answers are more than {limit:g} apart")
    print(f"{len(missing)} were given on one side only: {sorted(missing)[:5]}")
    return int(bool(over or missing))


if __name__ == "__main__":
    sys.exit(main())
