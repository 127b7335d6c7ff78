"""Tables of people: read from files, their columns understood, and a model that fits them."""

from ._error import TableError
from ._features import typed_frame
from ._kinds import KINDS, Column, guess_columns
from ._lines import lines_of_rows
from ._models import MODELS, model_for
from ._reading import read_table
from ._target import TASKS, Target, require_columns, target_of

__all__ = [
    "KINDS",
    "MODELS",
    "TASKS",
    "Column",
    "TableError",
    "Target",
    "guess_columns",
    "lines_of_rows",
    "model_for",
    "read_table",
    "require_columns",
    "target_of",
    "typed_frame",
]
