"""Runs a case and sorts its outcome."""

import re
import time
import traceback
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.exceptions import FitFailedWarning
from threadpoolctl import threadpool_limits

import skinfluence

from ._draw import unfitted
from ._judging import Wrong
from ._requests import REQUESTS
from ._rows import NoTruth
from ._timing import Hanging, given_up_after
from ._truth import counted

#: Seconds that a request may take, and after which it is given up.
SLOW, HANGING = 20, 60

#: Warnings that say nothing of an answer.
UNSPOKEN = (FutureWarning, DeprecationWarning, FitFailedWarning)

#: The outcomes that must not be.
FAILURES = ("silent", "crash", "slow")

#: What an error of the library's own, or of scikit-learn's validation, may be.
NAMED = (ValueError, TypeError, NotImplementedError, np.linalg.LinAlgError)


@dataclass(frozen=True)
class Outcome:
    """What became of a case: a word for it, the numbers or the error, and the seconds it took.

    right: agrees with the truth, or the law holds; warned: the same, with a warning; said: wrong,
    and a warning said so; refused: by an error that says why; no truth: answered, and nothing here
    can judge it; no fit: scikit-learn cannot fit it; silent: wrong without a word; crash: an error
    that nobody wrote for the user; slow: over 20 s.
    """

    word: str
    detail: str = ""
    seconds: float = 0.0
    signature: str = ""

    @property
    def failed(self):
        """Whether this must not be."""
        return self.word in FAILURES


def run(case):
    """Return the outcome of a case."""
    request = REQUESTS[case.request]
    with threadpool_limits(1), warnings.catch_warnings(record=True) as said:
        if problem := unfitted(case):
            return Outcome("no fit", problem)
        warnings.simplefilter("always")
        start = time.process_time()
        try:
            with given_up_after(HANGING):
                answer = request.ask(case)
        except Hanging:
            return Outcome("slow", f"given up after {HANGING} s", HANGING, "slow")
        except Exception as error:
            return refused_or_crashed(error, time.process_time() - start)
        seconds = time.process_time() - start
        spoken = [str(each.message) for each in said if counts(each)]
        if seconds > SLOW:
            return Outcome("slow", f"{seconds:.0f} s", seconds, "slow")
        warnings.simplefilter("ignore")
        return judged(case, request, answer, spoken, seconds)


def counts(warning):
    """Return whether a warning says that an answer may be off."""
    return not issubclass(warning.category, UNSPOKEN) and warning.category is not RuntimeWarning


def refused_or_crashed(error, seconds):
    """Return what an error means: one that was written for the user is a refusal."""
    frames = frames_of(error)
    last = Path(frames[-1].filename)
    package = Path(skinfluence.__file__).parent
    ours = package in last.parents
    validation = "sklearn" in last.parts and last.name in ("validation.py", "_param_validation.py")
    text = f"{type(error).__name__}: {error}"[:400]
    raised = (frames[-1].line or "").startswith(("raise", "warnings.warn"))
    if isinstance(error, NAMED) and (validation or (ours and raised)) and str(error):
        return Outcome("refused", text, seconds, text[:60])
    inside = [frame for frame in frames if package in Path(frame.filename).parents]
    where = f"{Path(inside[-1].filename).name}:{inside[-1].lineno}" if inside else "?"
    return Outcome(
        "crash", f"{text} (at {where}, from {last.name})", seconds, f"{where} {text[:40]}"
    )


def frames_of(error):
    """Return the frames of an error, those in the thread of joblib that it came from."""
    frames = traceback.extract_tb(error.__traceback__)
    if Path(frames[-1].filename).name == "parallel.py" and error.__cause__ is not None:
        lines = re.findall(r'File "(.+)", line (\d+), in (\w+)\n    (.*)', str(error.__cause__))
        frames = [traceback.FrameSummary(f, int(n), name, line=code) for f, n, name, code in lines]
    return frames


def judged(case, request, answer, spoken, seconds):
    """Return the outcome of an answer."""
    try:
        with np.errstate(all="ignore"), given_up_after(HANGING):
            request.check(counted(case), answer)
    except (NoTruth, Hanging) as reason:
        return Outcome("no truth", str(reason), seconds)
    except Wrong as wrong:
        detail = f"{wrong}" + "".join(f"\n    said: {text[:160]}" for text in spoken)
        if spoken and not wrong.proved:
            return Outcome("said", detail, seconds)
        return Outcome("silent", detail, seconds, f"{case.request} {type(case.estimator).__name__}")
    except Exception as error:  # the truth could not be found
        return Outcome("no truth", f"{type(error).__name__}: {error}"[:200], seconds)
    return Outcome("warned" if spoken else "right", "\n".join(spoken)[:300], seconds)
