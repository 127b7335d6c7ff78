"""Generated inputs: cases that nobody thought of, each judged by an independent computation.

A case is an estimator, data, weights, a request and the options of the explainer, all drawn from a
seed (``_draw``). What a request must answer comes from fits that share no code with the library
(``_truth``: Newton's method written out here, or scikit-learn at tight tolerances), from what must
not matter (``_laws``: the order of rows, the container, the blocks), or from what an answer says of
itself (``_requests``). ``_run`` sorts the outcome, ``_shrink`` makes a failure small, and ``python
-m generated`` in this folder's parent, ``make fuzz``, counts.
"""

from ._draw import draw
from ._run import FAILURES, Outcome, run
from ._shrink import shrink

__all__ = ["FAILURES", "Outcome", "draw", "run", "shrink"]
