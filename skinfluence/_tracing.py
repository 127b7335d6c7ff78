"""One lock for everything that autograd traces.

Autograd numbers nested traces by a counter that all threads share: two threads that trace at once
may get the same number for an outer and an inner trace, and derivatives that are wrong.
"""

from threading import RLock

TRACING = RLock()
