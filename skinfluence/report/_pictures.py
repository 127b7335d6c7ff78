"""Rows that are images: which are, and as PNG in a data URI."""

import base64
import io
import numbers
from collections.abc import Sequence

import numpy as np
from scipy import sparse

from .._typing import MatrixLike

#: Rows of fewer pixels than 8 x 8 are taken for columns of a table.
SMALLEST = 8
#: Rows looked at to tell images from columns, and to find the range of their pixels.
LOOKED_AT = 1000


def check_image_shape(image_shape: Sequence[int] | None, X: MatrixLike) -> tuple[int, ...] | None:
    """Return the shape of the images that rows of X are, None if they are none.

    Parameters
    ----------
    image_shape : None or tuple of int
        (height, width), or (height, width, 3) in colour. None guesses: an array of more than two
        axes holds images, and so does one without column names whose p = s² >= 64 columns, none
        below 0, are pixels of a square of side s.
    X : array-like
        Rows.

    Raises
    ------
    ValueError
        If a row does not have as many values.
    """
    if image_shape is None:
        return _guess(X)
    shape = tuple(image_shape)
    whole = all(isinstance(side, numbers.Integral) and int(side) > 0 for side in shape)
    if not whole or len(shape) not in (2, 3) or shape[2:] not in ((), (3,)):
        raise ValueError(f"`image_shape` must be (height, width) or (..., 3); got {image_shape!r}.")
    n_values = int(np.prod(np.shape(X)[1:]))
    if n_values != np.prod(shape):
        raise ValueError(
            f"`image_shape` {shape} has {np.prod(shape)} values, and rows have {n_values}."
        )
    return shape


def _guess(X):
    if sparse.issparse(X) or not isinstance(X, np.ndarray) or X.dtype.kind not in "fiub":
        return None
    if X.ndim > 2:
        shape = X.shape[1:]
        return shape if len(shape) == 2 or shape[2:] == (3,) else None
    side = int(np.sqrt(X.shape[-1]))
    square = X.ndim == 2 and side >= SMALLEST and side**2 == X.shape[1]
    return (side, side) if square and not np.min(X[:LOOKED_AT]) < 0 else None


class Pictures:
    """PNG images of rows, all on one scale of grey.

    Parameters
    ----------
    X : array-like
        Rows.
    shape : tuple of int
        Of each image.
    """

    def __init__(self, X: MatrixLike, shape: tuple[int, ...]) -> None:
        self.X, self.shape = X, shape
        dense = [self._pixels(i) for i in range(min(X.shape[0], LOOKED_AT))]
        self.low, self.high = np.nanmin(dense), np.nanmax(dense)

    def _pixels(self, i):
        row = self.X.iloc[i].to_numpy() if hasattr(self.X, "iloc") else self.X[[i]]
        row = row.toarray() if sparse.issparse(row) else np.asarray(row)
        return row.reshape(self.shape).astype(float)

    def uri(self, i: int) -> str:
        """Return row i as a ``data:`` URI."""
        from matplotlib.image import imsave

        span = self.high - self.low or 1.0
        pixels = np.clip((np.nan_to_num(self._pixels(i)) - self.low) / span, 0, 1)
        png = io.BytesIO()
        anonymous: dict = {"Software": None}  # the same picture is the same file
        imsave(png, pixels, cmap="gray", vmin=0, vmax=1, format="png", metadata=anonymous)
        return "data:image/png;base64," + base64.b64encode(png.getvalue()).decode("ascii")
