"""Effects: what every change does to every number asked about, found a block of changes at a time.

The one place where answers are computed in parallel: blocks of changes, in threads.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import EllipsisType

import numpy as np
from joblib import Parallel, delayed
from sklearn.utils import Bunch

from .._blocks import strongest_of


@dataclass(frozen=True, eq=False)
class Effect:
    """The effect of several changes on what is asked.

    Parameters
    ----------
    shape : tuple of int
        Of the whole answer.
    axis : int
        Where the changes stand in it.
    dtype : dtype
    fill : callable
        ``fill(block, out)`` writes the effect of a slice of the changes.
    blocks : list of slice
        That cover the changes, and can be filled one by one.
    """

    shape: tuple[int, ...]
    axis: int
    dtype: np.dtype
    fill: Callable[[slice, np.ndarray], None]
    blocks: list[slice]

    def into(self, out: np.ndarray, n_jobs: int | None = None) -> np.ndarray:
        """Fill an array with the whole answer.

        Threads share memory and BLAS lets them run together; each writes changes of its own, so
        the answer depends neither on ``n_jobs`` nor, to rounding, on the blocks.
        """
        if len(self.blocks) == 1:  # in place: refits start processes of their own from here
            self.fill(self.blocks[0], out[self._where(self.blocks[0])])
            return out
        Parallel(n_jobs=n_jobs, require="sharedmem")(
            delayed(self.fill)(block, out[self._where(block)]) for block in self.blocks
        )
        return out

    def __call__(self, block: slice) -> np.ndarray:
        """Return the effect of a slice of the changes."""
        size = len(range(*block.indices(self.shape[self.axis])))
        shape = (*self.shape[: self.axis], size, *self.shape[self.axis + 1 :])
        out = np.empty(shape, dtype=self.dtype)
        self.fill(block, out)
        return out

    def _where(self, block):
        return (slice(None),) * self.axis + (block,)


def in_one_block(answers, question, change, fill) -> Effect:
    """Return the effect of changes that are all found at once."""
    shape = question.shape(len(change), change.features(answers.fit))
    blocks = [slice(0, len(change))]
    return Effect(shape, question.axis, answers.fit.model.dtype, fill, blocks)


#: Parts of an answer: where each stands in it, and its effect.
Effects = Iterable[tuple[slice | EllipsisType, Effect]]


def evaluate(answers, question, change, out=None, n_jobs: int | None = None) -> np.ndarray:
    """Return the whole answer to a question about changes, from its parts.

    Parameters
    ----------
    answers, question, change : Answers, EncodedQuestion, EncodedChange
        Who is asked, and what.
    out : ndarray, default=None
        Where to; a new array by default. If this is interrupted, the parts that were done are
        in it.
    n_jobs : int, default=None
        Blocks at the same time.

    Raises
    ------
    ValueError
        If ``out`` cannot hold the answer.
    """
    effects = answers.effects(question, change)
    shape = question.shape(len(change), change.features(answers.fit))
    out = _checked(out, shape, answers.fit.model.dtype)
    for where, effect in effects:
        effect.into(out[where], n_jobs)
    return out


def _checked(out, shape, dtype):
    if out is None:
        return np.empty(shape, dtype=dtype)
    if not isinstance(out, np.ndarray) or not np.issubdtype(out.dtype, np.floating):
        raise ValueError(f"`out` must be an array of floats, such as np.empty({shape}).")
    if out.shape != shape:
        raise ValueError(f"`out` must have shape {shape}; got {out.shape}.")
    if not out.flags.writeable:
        raise ValueError("`out` must be writeable; open a memmap with mode='r+' or 'w+'.")
    return out


class InfluentialRows(Bunch):
    """The training rows that raise and lower each test loss most by leaving, strongest first.

    Attributes
    ----------
    helpful, harmful : ndarray of int of shape (m, k)
        Indices of training rows.
    helpful_influence, harmful_influence : ndarray of shape (m, k)
        Their influence.
    """

    helpful: np.ndarray
    harmful: np.ndarray
    helpful_influence: np.ndarray
    harmful_influence: np.ndarray


def largest_effects(answers, question, change, k: int) -> InfluentialRows:
    """Return the k changes that raise and lower each number most; the whole matrix is not held."""
    parts = [_both_ends(effect, k) for _, effect in answers.effects(question, change)]
    found = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return InfluentialRows(**found)


def _both_ends(effect, k):
    """Return the strongest effects on the numbers of one part, either way."""

    def both_signs(block):
        found = effect(block)
        return np.concatenate([found, -found])

    positions, values = strongest_of(effect.blocks, both_signs, k)
    (helpful, harmful), (gain, loss) = np.split(positions, 2), np.split(values, 2)
    return {
        "helpful": helpful,
        "harmful": harmful,
        "helpful_influence": gain,
        "harmful_influence": -loss,
    }


def absolute_total(answers, question, change, n_jobs: int | None = None) -> np.ndarray:
    """Return every change's absolute effect, summed over what is asked, shape (c,)."""
    total = np.zeros(len(change))
    for _, effect in answers.effects(question, change):
        parts = Parallel(n_jobs=n_jobs, require="sharedmem")(
            delayed(lambda block, effect=effect: np.abs(effect(block)).sum(axis=0))(block)
            for block in effect.blocks
        )
        total += np.concatenate(parts)
    return total
