"""Imports flow one way, and only the adapters know scikit-learn's estimators."""

import ast
import sys
from pathlib import Path

import pytest
from sklearn.utils import all_estimators

import skinfluence

PACKAGE = Path(skinfluence.__file__).parent
MODULES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))

#: Every module may import from its own layer and from those before it.
LAYERS = [
    {"_blocks", "_parameters", "_sklearn_private", "_tracing", "_typing", "_warnings"},
    {"losses", "penalties", "predictors"},
    {"problem"},
    {"adapters"},
    {"operators"},
    {"solvers"},
    {"changes", "questions"},
    {"optimum"},
    {"methods"},
    {"diagnostics", "_wrapping"},
    {"report"},  # is handed what it shows: it knows the estimators' attributes, not their classes
    {"_explainer", "_smoothed_linear_svc", "cleaning"},
    {"datasets", "embedding", "metrics", "selection", "testing"},
    {"poisoning"},
    {"inspection"},
    {"problems"},  # the public names of ``problem`` and ``adapters``
    {"__init__"},
    {"tables"},
    {"command_line"},
    {"__main__"},
]


def layer(name):
    """Return the position of a module or subpackage in ``LAYERS``."""
    return next(position for position, names in enumerate(LAYERS) if name in names)


def imports(path):
    """Yield (module, name) for every import of a file, relative ones from the package on."""
    for node in ast.walk(ast.parse((PACKAGE / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if node.level:
                folder = path.parent.parts[: len(path.parent.parts) - node.level + 1]
                module = ".".join(("skinfluence", *folder, *filter(None, [module])))
            yield from ((module, alias.name) for alias in node.names)


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_imports_flow_one_way(path):
    own = path.with_suffix("").parts[0]
    for module, name in imports(path):
        if module.split(".")[0] == "skinfluence":
            imported = ".".join(filter(None, [module, name])).split(".")[1]
            assert layer(imported) <= layer(own), f"{path} imports {module}.{name}"


def test_every_module_has_a_layer():
    named = set().union(*LAYERS)
    assert {path.with_suffix("").parts[0] for path in MODULES} <= named


def test_only_the_adapters_know_estimator_classes():
    """And those that choose a model for people who would not."""
    estimators = {name for name, _ in all_estimators()}
    allowed = {("_wrapping.py", "LogisticRegression")}
    asked = ("LogisticRegression", "RandomForestClassifier", "HistGradientBoostingClassifier")
    steps = ("SimpleImputer", "StandardScaler")
    allowed |= {("cleaning/_models.py", name) for name in asked + steps}
    for path in MODULES:
        if path.parts[0] in ("adapters", "_sklearn_private.py", "tables"):
            continue
        for module, name in imports(path):
            known = module.startswith("sklearn") and name in estimators
            composite = name in ("Pipeline", "FrozenEstimator")
            assert not known or composite or (str(path), name) in allowed, f"{path} imports {name}"


def test_nothing_above_the_adapters_asks_for_the_kind_of_loss():
    losses = {name for name in skinfluence.losses.__all__ if name != "Loss"}
    for path in MODULES:
        for node in ast.walk(ast.parse((PACKAGE / path).read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "isinstance":
                names = {n.id for n in ast.walk(node.args[1]) if isinstance(n, ast.Name)}
                assert not names & losses, f"{path}:{node.lineno}"


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_only_runtime_dependencies_are_imported_at_the_top(path):
    """The command line, which nothing imports but its entry point, has dependencies of its own."""
    runtime = {"skinfluence", "sklearn", "numpy", "scipy", "autograd", "joblib"}
    runtime |= {"threadpoolctl"}  # scikit-learn's own
    if path.parts[0] in ("tables", "command_line"):
        runtime |= {"click", "pandas", "pyarrow", "rich"}
    tree = ast.parse((PACKAGE / path).read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Import):
            tops = {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            tops = {node.module.split(".")[0]}
        else:
            continue
        assert tops <= runtime | sys.stdlib_module_names, f"{path} imports {tops}"


def test_public_names_are_there():
    for name in skinfluence.__all__:
        assert hasattr(skinfluence, name)
