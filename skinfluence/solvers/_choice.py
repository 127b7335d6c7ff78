"""From a string to a solver: ``"auto"`` chooses by size and memory."""

import numpy as np
import sklearn

from ..operators import Hessian
from ._cg import CG
from ._direct import Direct
from ._lanczos import Lanczos
from ._lissa import LiSSA
from ._solver import Solver, SupportsInvert

_NAMES = ("auto", "direct", "cg", "lissa", "lanczos")


def resolve_solver(
    solver: str | SupportsInvert,
    hessian: Hessian,
    *,
    random_state: int | np.random.RandomState | None = None,
    n_jobs: int | None = None,
) -> SupportsInvert:
    """Return the solver that a name stands for; instances are returned as they are.

    ``"auto"`` is ``Direct`` while its factor fits scikit-learn's ``working_memory`` four times
    (the matrix and its factor, and the blocks that are solved against it), else ``CG``.

    Parameters
    ----------
    solver : str or solver
        A name, or an object with ``invert``.
    hessian : Hessian
        What will be inverted.
    random_state : int, RandomState instance or None, default=None
        Seeds a ``LiSSA`` that is named.
    n_jobs : int, default=None
        Repeats that it runs at the same time.

    Returns
    -------
    solver : solver
        An object with ``invert``.

    Raises
    ------
    ValueError
        If the name is unknown.
    TypeError
        If it is neither a name nor something with ``invert``.
    """
    if not isinstance(solver, str):
        if hasattr(solver, "invert") and not isinstance(solver, type):
            return solver
        raise TypeError(f"`solver` must be one of {_NAMES} or a solver; got {solver!r}.")
    if solver == "auto":
        order = Direct().order(hessian)
        budget = 4 * sklearn.get_config()["working_memory"] * 2**20
        return Direct() if order**2 * hessian.dtype.itemsize <= budget else CG()
    if solver == "lissa":
        return LiSSA(random_state=random_state, n_jobs=n_jobs)
    choices: dict[str, type[Solver]] = {"direct": Direct, "cg": CG, "lanczos": Lanczos}
    if solver not in choices:
        raise ValueError(f"`solver` must be one of {_NAMES} or a solver; got {solver!r}.")
    return choices[solver]()
