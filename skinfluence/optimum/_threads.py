"""One BLAS thread around small work, which several only slow down."""

from contextlib import AbstractContextManager, nullcontext
from functools import cache
from threading import Lock
from typing import Any

from threadpoolctl import ThreadpoolController

#: Numbers in the largest array of a computation from which threads gain (measured: matrices of
#: 700 × 700, one after the other, take three times as long with two threads as with one).
LARGE = 2**20


class _OneThread:
    """The process's limit of one BLAS thread: set by who enters first, lifted by who leaves last.

    So it may be entered from several threads, each of which would else lift another's.
    """

    def __init__(self) -> None:
        self._lock, self._depth, self._limit = Lock(), 0, None

    def __enter__(self) -> None:
        with self._lock:
            if self._depth == 0:
                self._limit = _controller().limit(limits=1, user_api="blas")
            self._depth += 1

    def __exit__(self, *raised: object) -> None:
        with self._lock:
            self._depth -= 1
            if self._depth == 0 and self._limit is not None:
                self._limit.restore_original_limits()


_ONE_THREAD = _OneThread()


def threads_for(n_numbers: int) -> AbstractContextManager[None]:
    """Return a context in which BLAS has one thread, where arrays hold few numbers."""
    return _ONE_THREAD if n_numbers < LARGE else nullcontext()


@cache
def _controller() -> Any:
    return ThreadpoolController()
