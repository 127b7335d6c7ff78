"""Giving up what takes too long."""

import signal
from contextlib import contextmanager


class Hanging(BaseException):
    """A request that was given up."""


@contextmanager
def given_up_after(seconds):
    """Raise ``Hanging`` in the block when it takes longer."""

    def give_up(signum, frame):
        raise Hanging

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
