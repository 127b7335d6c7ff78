"""Numbers, labels and values as a reader sees them."""

import numbers

import numpy as np


def count(number: float) -> str:
    """Return a whole number with its thousands apart."""
    return f"{int(number):,}"


def share(part: float) -> str:
    """Return a share in per cent; what is nearly nothing, or nearly all, is said so."""
    if not np.isfinite(part):
        return "unknown"
    if 0 < part < 0.001:
        return "under 0.1%"
    return "over 99.9%" if 0.999 < part < 1 else f"{100 * part:.1f}%"


def signed(number: float) -> str:
    """Return a number of three digits with its sign, minus as such."""
    return f"{number:+.3g}".replace("-", "\N{MINUS SIGN}")


def figure(number: float) -> str:
    """Return a number of three digits."""
    return f"{number:.3g}".replace("-", "\N{MINUS SIGN}")


def text_of(value: object) -> str:
    """Return a value of the data as text: numbers to six digits, nothing as "missing"."""
    if isinstance(value, np.ndarray) and value.ndim:
        return ", ".join(map(text_of, value.tolist()))
    value = value.item() if isinstance(value, np.generic) else value
    if value is None or str(value) == "<NA>" or value != value:  # as NaN and NaT do
        return "missing"
    whole = isinstance(value, (numbers.Integral, str))
    return f"{value:.6g}" if isinstance(value, numbers.Real) and not whole else str(value)
