"""Every process that runs tests, and every process that a test starts, has one BLAS thread.

The arrays of the tests are small: threads wait for one another, and for those of other workers.
Who wants more says so, as in ``OPENBLAS_NUM_THREADS=2 pytest``.
"""

import os

# Libraries read these when they are loaded, so they come before any import of NumPy.
for library in ("OPENBLAS", "OMP", "MKL"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")


def pytest_collection_finish():
    """Limit what a plugin of pytest has loaded before."""
    from threadpoolctl import threadpool_limits

    threadpool_limits(int(os.environ["OPENBLAS_NUM_THREADS"]))
