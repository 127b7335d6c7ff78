"""Checks of constructor parameters, with errors that name the parameter and the remedy."""

import numbers
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.utils import check_random_state


def check_choices(estimator: Any, choices: Mapping[str, Sequence[str]]) -> None:
    """Raise ValueError unless each named parameter is one of its allowed values."""
    for name, allowed in choices.items():
        value = getattr(estimator, name)
        if not isinstance(value, str) or value not in allowed:
            raise ValueError(f"`{name}` must be one of {allowed}; got {value!r}.")


def check_at_least(
    estimator: Any, name: str, low: float, *, strict: bool = False, whole: bool = False
) -> None:
    """Raise ValueError unless the named parameter is a number >= low, or > low if ``strict``."""
    value = getattr(estimator, name)
    kind = numbers.Integral if whole else numbers.Real
    number = isinstance(value, kind) and not isinstance(value, bool)
    if not number or not (value > low if strict else value >= low) or value == float("inf"):
        relation = ">" if strict else ">="
        noun = "an integer" if whole else "a finite number"
        raise ValueError(f"`{name}` must be {noun} {relation} {low}; got {value!r}.")


def check_refine(estimator: Any) -> None:
    """Raise ValueError unless ``refine`` is "auto", True or False."""
    value = estimator.refine
    if not isinstance(value, bool | np.bool_) and not (isinstance(value, str) and value == "auto"):
        raise ValueError(f"`refine` must be 'auto', True or False; got {value!r}.")


def check_flag(name: str, value: Any) -> None:
    """Raise ValueError unless an argument is True or False."""
    if not isinstance(value, bool | np.bool_):
        raise ValueError(f"`{name}` must be True or False; got {value!r}.")


def check_verbose(value: Any) -> None:
    """Raise ValueError unless ``verbose`` is a number >= 0."""
    if not isinstance(value, numbers.Real | np.bool_) or not float(value) >= 0:
        raise ValueError(f"`verbose` must be a number >= 0 or a bool; got {value!r}.")


def check_seed(value: Any) -> np.random.RandomState:
    """Return the RandomState that ``random_state`` stands for; ValueError if it is no seed."""
    try:
        return check_random_state(value)
    except (ValueError, TypeError):
        raise ValueError(
            f"`random_state` must be None, an integer >= 0 or a RandomState; got {value!r}."
        ) from None


def check_running(estimator: Any) -> None:
    """Raise ValueError unless ``verbose`` is a number >= 0, and ``random_state`` a seed."""
    check_verbose(estimator.verbose)
    check_seed(estimator.random_state)


def check_damping(estimator: Any) -> None:
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
    number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not number or not 0 < value < 1:
        raise ValueError(f"`{name}` must be a number between 0 and 1; got {value!r}.")
