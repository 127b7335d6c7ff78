"""Tests run on one BLAS thread, however pytest is started, and so does what they start."""

import os
import subprocess
import sys

import scipy.linalg  # noqa: F401  which loads a BLAS of its own
import sklearn  # noqa: F401
from threadpoolctl import threadpool_info

SHOW = """
import scipy.linalg, sklearn
from threadpoolctl import threadpool_info
print(*(part["num_threads"] for part in threadpool_info() if part["user_api"] == "blas"))
"""


def test_every_library_has_the_threads_that_the_environment_names():
    asked = int(os.environ["OPENBLAS_NUM_THREADS"])
    assert {library["num_threads"] for library in threadpool_info()} == {asked}
    shown = subprocess.check_output([sys.executable, "-c", SHOW], text=True).split()
    assert set(map(int, shown)) == {asked}
