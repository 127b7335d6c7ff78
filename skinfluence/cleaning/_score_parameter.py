"""A parameter named ``score`` beside scikit-learn's method of that name."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, overload

from numpy.typing import ArrayLike

from .._typing import MatrixLike
from .._wrapping import DelegatingEstimator

if TYPE_CHECKING:
    from ._cleaner import LabelCleaner


class ScoreParameter:
    """The attribute ``score``, which is a parameter's name and scikit-learn's method at once.

    ``get_params`` returns the parameter as it was given. The attribute reads as that string, and
    calls as ``score(X, y)``, so that pipelines and searches score a cleaner as any estimator. Of
    the class it is the method, whose arguments metadata routing reads there.
    """

    @overload
    def __get__(self, cleaner: None, owner: type) -> Callable[..., float]: ...
    @overload
    def __get__(self, cleaner: "LabelCleaner", owner: type) -> "ScoreName": ...
    def __get__(self, cleaner: Any, owner: type) -> Any:
        if cleaner is None:
            return DelegatingEstimator.score
        name = cleaner.__dict__["score"]
        return ScoreName(name, cleaner) if isinstance(name, str) else name

    def __set__(self, cleaner: "LabelCleaner", name: str) -> None:
        cleaner.__dict__["score"] = str.__str__(name) if isinstance(name, ScoreName) else name


class ScoreName(str):
    """The parameter's string, which scores when it is called."""

    cleaner: "LabelCleaner"

    def __new__(cls, name: str, cleaner: "LabelCleaner") -> "ScoreName":
        """Return ``name``, which calls the method that every delegating estimator has."""
        self = super().__new__(cls, name)
        self.cleaner = cleaner
        return self

    def __reduce__(self) -> tuple:
        return str, (str.__str__(self),)

    def __call__(
        self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> float:
        return DelegatingEstimator.score(self.cleaner, X, y, sample_weight)
