"""Is the structure the line, influence = question · method · change? Counted from the code.

python benchmarks/structure.py            # with mypy installed, its errors too
python benchmarks/structure.py OTHER      # of another checkout of the package
"""

import argparse
import ast
import inspect
import re
import subprocess
import sys
import warnings
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parents[1]
METHOD_NAMES = {"influence", "newton", "retrain"}
#: Where methods live, and what they stand on: all other rooms call them.
METHODS = ("methods", "scores")
#: Functions over 30 lines of code that are better left whole, and why.
REASONS = {
    "_logistic.py:_log_loss": "one estimator's objective, spelled by five versions of its options",
    "_application.py:table_options": "one option of the command after the other",
    "_conjugate_gradients.py:conjugate_gradients": "columns that stop one by one, in one loop",
}


def modules(package):
    """Yield the path of every module, from the package on, and its syntax tree."""
    for path in sorted(package.rglob("*.py")):
        yield path.relative_to(package), ast.parse(path.read_text(encoding="utf-8"))


def functions(tree):
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]


def code_lines(function, source):
    """Count the lines of a function that hold code: neither docstring, comment nor blank."""
    body = function.body
    if ast.get_docstring(function) is not None:
        body = body[1:]
    if not body:
        return 0
    lines = source[body[0].lineno - 1 : body[-1].end_lineno]
    return sum(bool(line.strip()) and not line.strip().startswith("#") for line in lines)


def long_functions(package):
    found = []
    for path, tree in modules(package):
        source = (package / path).read_text(encoding="utf-8").splitlines()
        for function in functions(tree):
            size = code_lines(function, source)
            if size > 30:
                found.append((f"{path.name}:{function.name}", size))
    return found


def branches_on_methods(package):
    """Count comparisons with a method's name, and of ``problem_`` with None, outside methods."""
    found = []
    for path, tree in modules(package):
        if path.parts[0] in METHODS or path.parts[0] in ("command_line", "_tables", "tables"):
            continue
        for node in ast.walk(tree):
            if not isinstance(node, ast.Compare):
                continue
            sides = [node.left, *node.comparators]
            names = {getattr(side, "attr", getattr(side, "id", None)) for side in sides}
            values = {side.value for side in sides if isinstance(side, ast.Constant)}
            on_name = bool(values & METHOD_NAMES) and bool(names & {"method", "method_"})
            if on_name or ("problem_" in names and None in values):
                found.append(f"{path}:{node.lineno}")
    return found


def loops(function):
    return [node for node in ast.walk(function) if isinstance(node, (ast.While, ast.For))]


def line_searches(package):
    """Functions that try one length of a step after the other."""
    return [
        f"{path}:{function.name}"
        for path, tree in modules(package)
        for function in functions(tree)
        if re.search("search|backtrack", function.name)
        and any(
            isinstance(node, ast.Name) and node.id == "length" and isinstance(node.ctx, ast.Store)
            for loop in loops(function)
            for node in ast.walk(loop)
        )
    ]


def conjugate_gradients(package):
    """Functions that update a direction by the residual, in a loop, for a linear system."""
    found = []
    for path, tree in modules(package):
        for function in functions(tree):
            names = {
                node.id
                for loop in loops(function)
                for node in ast.walk(loop)
                if isinstance(node, ast.Name)
            }
            if {"direction", "residual"} <= names or {"D", "R", "rho"} <= names:
                found.append(f"{path}:{function.name}")
    return found


def woodburys(package):
    """Modules that say the identity, by its name and year."""
    return [
        str(path)
        for path, tree in modules(package)
        if path.parts[0] in (*METHODS, "optimum")
        and re.search("Woodbury 1950|Sherman-Morrison-Woodbury", ast.get_docstring(tree) or "")
    ]


def type_errors(package):
    if find_spec("mypy") is None:
        return "mypy is not installed"
    call = [sys.executable, "-m", "mypy", "--check-untyped-defs", str(package)]
    said = subprocess.run(call, capture_output=True, text=True, check=False, cwd=package.parent)
    last = said.stdout.strip().splitlines()[-1]
    count = re.search(r"Found (\d+) error", last)
    return int(count.group(1)) if count else 0 if "Success" in last else last


def pairs():
    """Ask every question about every change by every method; return those that answer, and not."""
    import numpy as np
    from sklearn.datasets import load_breast_cancer
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import scale

    from skinfluence import InfluenceExplainer, changes, questions

    X, y = load_breast_cancer(return_X_y=True)
    X = scale(X)[::4, :5]
    y, test, rows = y[::4], slice(0, 12), [3, 40]
    asked = {
        "Loss": questions.Loss(X[test], y[test]),
        "Prediction": questions.Prediction(X[test]),
        "Parameters": questions.Parameters(),
        "OwnLoss": questions.OwnLoss(),
        "Scalar": questions.MeanLoss(X[test], y[test]),
        "Scalar with jumps": questions.ROCAUC(X[test], y[test]),
    }
    changed = {
        "Remove": changes.Remove(rows),
        "RemoveGroups": changes.RemoveGroups(np.arange(len(y))[:, None] % 20 == [1, 2]),
        "Replace": changes.Replace(rows, X_new=X[:2], y_new=y[:2]),
        "Reweight": changes.Reweight(rows, [2.0, 0.5]),
        "Perturb": changes.Perturb(rows),
    }
    answered, refused = [], {}
    for method in ("influence", "newton", "retrain"):
        model = LogisticRegression(tol=1e-8, max_iter=1000)
        explainer = InfluenceExplainer(model, method=method).fit(X, y)
        for question, one in asked.items():
            for change, other in changed.items():
                key = question, change, method
                try:
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore")
                        answer = explainer.effect(one, other)
                    assert np.all(np.isfinite(answer))
                    answered.append(key)
                except ValueError as error:
                    refused[key] = str(error)
    return answered, refused


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkout", type=Path, nargs="?", default=ROOT)
    package = parser.parse_args().checkout / "skinfluence"
    here = package == ROOT / "skinfluence"
    long = long_functions(package)
    rows = [
        ("modules at the package root", 42, 14, len(list(package.glob("*.py")))),
        (
            "branches on a method's name, or on `problem_ is None`",
            23,
            0,
            branches_on_methods(package),
        ),
        ("places that search along a line", 4, 1, line_searches(package)),
        ("places that run conjugate gradients", 2, 1, conjugate_gradients(package)),
        ("places that remove rows by Woodbury", 3, 1, woodburys(package)),
        (
            "functions over 30 lines of code",
            4,
            "listed",
            [f"{name} ({size})" for name, size in long],
        ),
        ("errors of the type checker", 333, 0, type_errors(package)),
    ]
    if here:
        from skinfluence import InfluenceExplainer

        bases = [
            b
            for b in InfluenceExplainer.__bases__
            if "skinfluence" in inspect.getmodule(b).__name__
        ]
        rows.insert(1, ("base classes of InfluenceExplainer in the package", 9, 1, len(bases)))
    print("| what | was | at most | is |\n|---|---|---|---|")
    for what, was, most, found in rows:
        count = len(found) if isinstance(found, list) else found
        print(f"| {what} | {was} | {most} | {count} |")
    for what, _, _, found in rows:
        if isinstance(found, list) and found:
            print(f"\n{what}:")
            for place in found:
                print(f"  {place}  {REASONS.get(place.split(' ')[0], '')}")
    if here:
        answered, refused = pairs()
        kinds = {(question, change) for question, change, _ in answered}
        print(f"\npairs of question and change that answer, 7 before: {len(kinds)}")
        print(f"with their methods: {len(answered)}; what is refused, and how:")
        for (question, change, method), said in refused.items():
            print(f"  {question} x {change} by {method}: {said}")


if __name__ == "__main__":
    main()
