"""Any test that takes a ``case`` runs over the registry."""

import contextlib

import pytest

# Its import adds a method to scikit-learn's metadata requests, and those of estimators made before
# no longer count: it comes before the estimators of the registry.
with contextlib.suppress(ImportError):
    import imblearn.pipeline  # noqa: F401

from cases import cases_of_laws


def pytest_addoption(parser):
    parser.addoption(
        "--few-cases",
        action="store_true",
        help="run the laws over one kind of data an estimator, not over several",
    )


def pytest_configure(config):
    config.addinivalue_line(
        "markers", "one_kind: a law that runs over one kind of data an estimator, not over several"
    )


def pytest_generate_tests(metafunc):
    if "case" in metafunc.fixturenames:
        few = metafunc.config.getoption("--few-cases")
        few = few or metafunc.definition.get_closest_marker("one_kind")
        metafunc.parametrize("case", cases_of_laws(one_kind=bool(few)), ids=str, scope="session")


def pytest_collection_modifyitems(config, items):
    """Keep the tests of a case in one worker: what is fitted for one of them serves all.

    The groups of the cases, which are the largest, are handed out first, then what stands alone in
    this order. The longest of that, the pages of the documentation, must not come last: the other
    workers would be idle meanwhile.
    """
    items.sort(key=lambda item: item.path.suffix != ".md")
    few = config.getoption("--few-cases")
    for item in items:
        if few and item.path.name == "test_generated.py":
            item.add_marker(pytest.mark.skip(reason="estimators are spelled as new versions do"))
        if "case" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group(str(item.callspec.params["case"])))


@pytest.fixture(autouse=True)
def routing(request):
    """Switch metadata routing on where the case's weights need it."""
    known = "case" in request.fixturenames
    with request.getfixturevalue("case").routing() if known else contextlib.nullcontext():
        yield
