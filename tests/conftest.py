"""Any test that takes a ``case`` runs for every case of the registry."""

import contextlib

import pytest

# Importing imbalanced-learn adds a method to scikit-learn's metadata routing, and estimators lose
# what they requested before. So it is imported before the registry makes any.
with contextlib.suppress(ImportError):
    import imblearn  # noqa: F401

from cases import CASES


def pytest_addoption(parser):
    parser.addoption(
        "--few-cases",
        action="store_true",
        help="run the laws over one kind of data an estimator, not over several",
    )


def pytest_generate_tests(metafunc):
    if "case" in metafunc.fixturenames:
        cases = {case.name: case for case in reversed(CASES)}.values()  # the first of each name
        chosen = list(cases) if metafunc.config.getoption("--few-cases") else CASES
        metafunc.parametrize("case", chosen, ids=str, scope="session")


def pytest_collection_modifyitems(items):
    """Keep the tests of a case in one worker: what is fitted for one of them serves all."""
    for item in items:
        if "case" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group(str(item.callspec.params["case"])))


@pytest.fixture(autouse=True)
def routing(request):
    """Switch metadata routing on where the case's weights need it."""
    known = "case" in request.fixturenames
    with request.getfixturevalue("case").routing() if known else contextlib.nullcontext():
        yield
