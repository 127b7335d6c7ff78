"""What a person who gave a table has to know: one sentence of what is wrong, one of what to do."""


class TableError(ValueError):
    """The table, or a question about it, cannot be worked with."""
