"""Any test that takes a ``case`` runs for every case of the registry."""

import contextlib

import pytest
from cases import CASES


def pytest_generate_tests(metafunc):
    if "case" in metafunc.fixturenames:
        metafunc.parametrize("case", CASES, ids=str, scope="session")


@pytest.fixture(autouse=True)
def routing(request):
    """Switch metadata routing on where the case's weights need it."""
    known = "case" in request.fixturenames
    with request.getfixturevalue("case").routing() if known else contextlib.nullcontext():
        yield
