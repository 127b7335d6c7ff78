"""Editors complete the public API: everything that people call is annotated."""

import importlib
import inspect
from typing import get_type_hints

import pytest

import skinfluence

MODULES = ("datasets", "inspection", "metrics", "poisoning", "selection", "testing")


def functions():
    """Yield every public function, and every public method that the library gives a class."""
    modules = [skinfluence, *(importlib.import_module(f"skinfluence.{name}") for name in MODULES)]
    for module in modules:
        for name in module.__all__:
            yield from members(getattr(module, name), f"{module.__name__}.{name}")


def members(found, name):
    if not inspect.isclass(found):
        yield pytest.param(found, id=name)
        return
    for attribute in ("__init__", *filter(lambda name: not name.startswith("_"), dir(found))):
        static = inspect.getattr_static(found, attribute)
        member = static.fget if isinstance(static, property) else getattr(found, attribute)
        if inspect.isroutine(member) and member.__module__.startswith("skinfluence"):
            yield pytest.param(member, id=f"{name}.{attribute}")


@pytest.mark.parametrize("function", functions())
def test_public_functions_are_annotated(function):
    hints = get_type_hints(function)
    parameters = set(inspect.signature(function).parameters) - {"self", "cls"}
    assert parameters | {"return"} <= set(hints)
