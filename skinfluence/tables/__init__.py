"""Tables read from files: what their columns hold, and a model that fits them."""

from ._column_kinds import KINDS, Column, guess_columns
from ._feature_steps import typed_frame
from ._line_numbers import lines_of_rows
from ._model_choice import MODELS, model_for
from ._read_table import read_table
from ._table_error import TableError
from ._target_column import TASKS, Target, require_columns, target_of

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
