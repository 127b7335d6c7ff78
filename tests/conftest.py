"""Any test that takes a ``case`` runs for every case of the registry."""

from cases import CASES


def pytest_generate_tests(metafunc):
    if "case" in metafunc.fixturenames:
        metafunc.parametrize("case", CASES, ids=str, scope="session")
