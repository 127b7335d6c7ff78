"""The error of a transformer that a gradient cannot go back through."""


class NotAffineError(TypeError):
    """A step cannot be gone back through; the names of the steps around it are added.

    Parameters
    ----------
    what : str
        The step's class, and the setting that it is for.
    names : tuple of str
        Names of the steps that it is inside of, the outermost first.
    """

    def __init__(self, what: str, names: tuple[str, ...] = ()) -> None:
        self.what, self.names = what, names
        super().__init__(
            f"The gradient cannot go back through {' > '.join((*names, what))}: it is not known to "
            "be affine. Ask about the features after it: fit the explainer on the last step alone, "
            "with pipeline[:-1].transform(X). Or register an adapter of it, "
            "skinfluence.adapters.Transformer, with its transposed map as `pull_back` (for "
            "poisoning, `pull_back_at`)."
        )

    def of(self, name: str) -> "NotAffineError":
        """Return the error with the name of one more step around."""
        return NotAffineError(self.what, (repr(name), *self.names))
