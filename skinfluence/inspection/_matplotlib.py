"""The one place where matplotlib is imported, when something is drawn."""

from types import ModuleType


def import_pyplot(caller: str) -> ModuleType:
    """Return ``matplotlib.pyplot``; ImportError that names the extra if it is not installed."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            f"{caller} needs matplotlib; install it with `pip install skinfluence[plot]`."
        ) from error
    return plt
