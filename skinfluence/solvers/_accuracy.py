"""Warnings, at ``fit``, of an inverse that cannot be trusted, each with its remedy."""

import numpy as np
from scipy.linalg import LinAlgWarning
from sklearn.exceptions import ConvergenceWarning

from .._warnings import warn
from ._inverse import Inverse
from ._spectrum import safe_rcond

#: Relative standard error above which the estimates of ``LiSSA`` are warned of.
SPREAD = 0.5


def warn_if_inaccurate(inverse: Inverse) -> None:
    """Warn where a factor keeps fewer than three digits, or where repeats of LiSSA disagree.

    The warnings are ``LinAlgWarning`` and ``ConvergenceWarning``.

    Parameters
    ----------
    inverse : Inverse
        It has solved for some typical right-hand sides.
    """
    rcond = inverse.rcond
    spread = getattr(inverse, "spread", None)
    spread = 0.0 if spread is None else float(np.median(spread))
    if rcond is not None and not rcond > safe_rcond(inverse.dtype):
        message = _singular() if rcond == 0 else _ill_conditioned(rcond)
        warn(message, LinAlgWarning)
    if spread > SPREAD:
        warn(
            f"Repeats of LiSSA disagree: its solves have a standard error of {spread:.2g} of their "
            "norm. Raise its `depth`, `repeats`, `batch_size` or `scale`, add `damping`, or use "
            'solver="cg".',
            ConvergenceWarning,
        )


def _singular() -> str:
    return (
        "The Hessian is singular, because columns are constant or collinear, or outnumber the "
        "rows, or because classes are separable. The change of the parameters that has minimum "
        "norm is taken. Drop such columns, add a penalty, or set damping='auto'."
    )


def _ill_conditioned(rcond: float) -> str:
    return (
        f"The Hessian is ill-conditioned (reciprocal condition {rcond:.1g}): influences have lost "
        "most of their digits. Standardise the columns (StandardScaler), drop constant or "
        "collinear ones, or set damping='auto'."
    )
