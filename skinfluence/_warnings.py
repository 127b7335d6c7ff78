"""Warnings that point at the line which called the library, however deep inside they arise."""

import concurrent.futures
import functools
import multiprocessing
import os
import sys
import threading
import warnings
from pathlib import Path
from types import FrameType

import autograd
import joblib
import numpy
import scipy
import sklearn

#: Frames that are passed over: of the library, of what calls it back, and of pools of threads.
_PACKAGES = (autograd, joblib, numpy, scipy, sklearn, concurrent.futures, multiprocessing)
_FOLDERS = (Path(__file__).parent, *(Path(str(package.__file__)).parent for package in _PACKAGES))
_FILES = (threading.__file__, functools.__file__)  # of pools, and of cached properties
_PASSED_OVER = (*(f"{folder}{os.sep}" for folder in _FOLDERS), *_FILES)


def warn(message: str, category: type[Warning]) -> None:
    """Issue a warning that shows the user's line that called the library.

    Frames of the library and of the packages it stands on are passed over, so that a fit inside
    a ``GridSearchCV`` shows where the search was started. The stack of a pool's thread holds no
    line of the user; that of the main thread, which waits for it, does.

    Parameters
    ----------
    message : str
        What is wrong, and the remedy.
    category : type
        Subclass of ``Warning``.
    """
    own = sys._getframe(1)
    main = sys._current_frames().get(threading.main_thread().ident or 0)
    frame = _of_user(own) or _of_user(main) or own
    module = frame.f_globals.get("__name__", "<unknown>")
    registry = frame.f_globals.setdefault("__warningregistry__", {})
    file = frame.f_code.co_filename
    warnings.warn_explicit(message, category, file, frame.f_lineno, module, registry)


def _of_user(frame: FrameType | None) -> FrameType | None:
    """Return the innermost frame, from the given one outwards, that is not passed over."""
    while frame is not None and frame.f_code.co_filename.startswith(_PASSED_OVER):
        frame = frame.f_back
    return frame
