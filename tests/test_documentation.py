"""The documentation is whole: docstrings, the API reference, links between pages."""

import importlib
import inspect
import re
from pathlib import Path

import pytest
from numpydoc.validate import validate

ROOT = Path(__file__).parent.parent
MODULES = (
    "adapters",
    "changes",
    "datasets",
    "inspection",
    "losses",
    "methods",
    "metrics",
    "operators",
    "penalties",
    "poisoning",
    "predictors",
    "problem",
    "questions",
    "selection",
    "solvers",
    "testing",
)
#: Modules whose classes are the algebra: what their methods take and give has the shapes that the
#: module, or the base class, states once.
ALGEBRA = (
    "adapters",
    "changes",
    "losses",
    "methods",
    "operators",
    "penalties",
    "predictors",
    "problem",
    "questions",
    "solvers",
)
#: What numpydoc asks for and is not asked for here, and why.
EXCUSED = {
    "ES01": "a summary may say all that there is to say",
    "EX01": "classes and the functions that people call have examples, the others have tests",
    "SA01": "the API reference shows what stands beside it",
    "RT02": "what is returned has a name, which the text uses",
    "RT03": "where name, type and shape say all that there is to say",
    "PR08": "a description may begin with the name of a number, such as λ",
}
EXCUSED_METHODS = {
    "PR01": "see ALGEBRA",
    "RT01": "see ALGEBRA",
}


def public(module):
    """Yield the full name of every public object of a module."""
    for name in importlib.import_module(module).__all__:
        yield f"{module}.{name}"


def own_members(cls):
    """Return the names of the public functions and properties that the library gives a class."""
    found = []
    for name in filter(lambda name: not name.startswith("_"), dir(cls)):
        member = inspect.getattr_static(cls, name)
        for inside in (
            "__func__",
            "fget",
            "func",
            "fn",
        ):  # of classmethods, properties, available_if
            member = getattr(member, inside, member)
        if inspect.isfunction(member) and member.__module__.startswith("skinfluence"):
            found.append(name)
    return found


NAMES = [name for module in MODULES for name in public(f"skinfluence.{module}")]
NAMES += public("skinfluence")


@pytest.mark.parametrize("name", NAMES)
def test_docstrings_are_numpydocs(name):
    module, attribute = name.rsplit(".", 1)
    found = getattr(importlib.import_module(module), attribute)
    of_algebra = module.split(".")[-1] in ALGEBRA
    protocol = getattr(found, "_is_protocol", False)  # whose signature says nothing
    excused = EXCUSED | EXCUSED_METHODS if protocol else EXCUSED
    wrong = [f"{name}: {error}" for error in validate(name)["errors"] if error[0] not in excused]
    for member in own_members(found) if inspect.isclass(found) else []:
        excused = EXCUSED | EXCUSED_METHODS if of_algebra else EXCUSED
        errors = validate(f"{name}.{member}")["errors"]
        wrong += [f"{name}.{member}: {error}" for error in errors if error[0] not in excused]
    assert not wrong, "\n".join(wrong)


def listed():
    """Return the full names in the API reference."""
    text = (ROOT / "doc" / "api.rst").read_text(encoding="utf-8")
    names, module = set(), ""
    for line in text.splitlines():
        if line.startswith(".. currentmodule:: "):
            module = line.split()[-1]
        elif re.fullmatch(r"   \w+", line):
            names.add(f"{module}.{line.strip()}")
    return names


def test_api_reference_has_every_public_name_and_no_other():
    assert listed() == set(NAMES)


def test_every_public_module_is_named_here():
    package = ROOT / "skinfluence"
    found = {path.stem for path in package.iterdir() if not path.name.startswith(("_", "."))}
    inner = {"optimum", "diagnostics"}  # what the estimators are made of
    inner |= {"cleaning", "embedding"}  # whose classes are names of ``skinfluence`` itself
    inner |= {"problems"}  # the names of ``problem`` and ``adapters``
    inner |= {"report", "command_line", "tables"}  # reached through ``to_html``, and from a shell
    assert found - inner - {"py"} == set(MODULES)


def test_names_of_problems_are_those_of_problem_and_adapters():
    problems = importlib.import_module("skinfluence.problems")
    known = {name.rsplit(".", 1)[1]: name.rsplit(".", 1)[0] for name in NAMES}
    for name in problems.__all__:
        module = "adapters" if name == "as_problem" else known[name].split(".")[1]
        found = importlib.import_module(f"skinfluence.{module}")
        assert getattr(problems, name) is getattr(found, name)


PAGES = [ROOT / "README.md", *sorted((ROOT / "doc").glob("*.md"))]
PAGES += sorted((ROOT / "doc" / "guide").glob("*.md"))


def anchors(page):
    """Return the anchors that a page's headings make."""
    text = re.sub(r"(?ms)^```.*?^```$", "", page.read_text(encoding="utf-8"))
    headings = re.findall(r"(?m)^#+ (.*)$", text)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), f"{page.name} links to {link}"
        if anchor:
            assert anchor in anchors(target), f"{page.name} links to {link}"


@pytest.mark.parametrize("tool", ["ruff", "mypy"])
def test_every_place_asks_for_the_same_version(tool):
    asked = {
        version
        for name in ("pyproject.toml", ".pre-commit-config.yaml")
        for version in re.findall(rf'"{tool}==([^"]+)"', (ROOT / name).read_text(encoding="utf-8"))
    }
    assert len(asked) == 1


def test_examples_that_may_end_early_are_known_to_the_gallery():
    known = (ROOT / "doc" / "conf.py").read_text(encoding="utf-8")
    for example in (ROOT / "examples").glob("*.py"):
        if "sys.exit(" in example.read_text(encoding="utf-8"):
            assert f'"{example.stem}":' in known, "sys.exit() would end the build of the pages"
