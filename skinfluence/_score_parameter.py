"""A parameter named ``score`` beside scikit-learn's method of that name."""

from ._delegation import DelegatingEstimator


class ScoreParameter:
    """The attribute ``score``, which is a parameter's name and scikit-learn's method at once.

    ``get_params`` returns the parameter as it was given. The attribute reads as that string, and
    calls as ``score(X, y)``, so that pipelines and searches score a cleaner as any estimator. Of
    the class it is the method, whose arguments metadata routing reads there.
    """

    def __get__(self, cleaner, owner):
        if cleaner is None:
            return DelegatingEstimator.score
        name = vars(cleaner)["score"]
        return ScoreName(name, cleaner) if isinstance(name, str) else name

    def __set__(self, cleaner, name):
        vars(cleaner)["score"] = str.__str__(name) if isinstance(name, ScoreName) else name


class ScoreName(str):
    """The parameter's string, which scores when it is called."""

    cleaner: DelegatingEstimator

    def __new__(cls, name, cleaner):
        """Return ``name``, which calls the method that every delegating estimator has."""
        self = super().__new__(cls, name)
        self.cleaner = cleaner
        return self

    def __reduce__(self):
        return str, (str.__str__(self),)

    def __call__(self, X, y, sample_weight=None):
        return DelegatingEstimator.score(self.cleaner, X, y, sample_weight)
