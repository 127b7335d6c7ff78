"""Checks of constructor parameters, with errors that name the parameter and the remedy."""

import numbers
from typing import Any


def check_choices(estimator, choices):
    """Raise ValueError unless each named parameter is one of its allowed values."""
    for name, allowed in choices.items():
        value = getattr(estimator, name)
        if not isinstance(value, str) or value not in allowed:
            raise ValueError(f"`{name}` must be one of {allowed}; got {value!r}.")


def check_at_least(estimator, name, low, *, strict=False, whole=False):
    """Raise ValueError unless the named parameter is a number >= low, or > low if ``strict``."""
    value = getattr(estimator, name)
    kind = numbers.Integral if whole else numbers.Real
    number = isinstance(value, kind) and not isinstance(value, bool)
    if not number or not (value > low if strict else value >= low) or value == float("inf"):
        relation = ">" if strict else ">="
        noun = "an integer" if whole else "a finite number"
        raise ValueError(f"`{name}` must be {noun} {relation} {low}; got {value!r}.")


def check_damping(estimator):
    """Raise ValueError unless ``damping`` is "auto" or a finite number >= 0."""
    value = estimator.damping
    number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not (isinstance(value, str) and value == "auto") and not (
        number and 0 <= value < float("inf")
    ):
        raise ValueError(f"`damping` must be 'auto' or a finite number >= 0; got {value!r}.")


def check_whole(name: str, value: Any, low: int = 1) -> None:
    """Raise ValueError unless an argument is an integer >= low."""
    if not isinstance(value, numbers.Integral) or isinstance(value, bool) or value < low:
        raise ValueError(f"`{name}` must be an integer >= {low}; got {value!r}.")


def check_share(name: str, value: Any) -> None:
    """Raise ValueError unless an argument is a number between 0 and 1, both excluded."""
    if not isinstance(value, numbers.Real) or isinstance(value, bool) or not 0 < float(value) < 1:
        raise ValueError(f"`{name}` must be a number between 0 and 1; got {value!r}.")
