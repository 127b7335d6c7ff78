"""What a request is, and how the library is asked."""

from dataclasses import replace

from skinfluence import InfluenceExplainer

from ._estimators import either


class Request:
    """Something to ask; ``weight`` is how often it is drawn."""

    weight = 1

    def fits(self, case):
        """Return whether the request has a meaning for a case."""
        return True

    def prepared(self, case, name, rng):
        """Return the case with this request and the options it is made with."""
        return replace(case, request=name, options=self.options(rng))

    def options(self, rng):
        """Draw the options of the explainer."""
        drawn = {
            "method": "newton",
            "tolerance": either(rng, None, None, 0.01),
            "block_size": either(rng, None, None, 1, 3),
            "n_jobs": either(rng, None, None, None, 2),
        }
        return {name: value for name, value in drawn.items() if value is not None}

    def ask(self, case):
        """Return what the library answers."""
        raise NotImplementedError

    def check(self, case, answer):
        """Raise ``Wrong`` where the answer is not right."""
        raise NotImplementedError


def explained(case, **options):
    """Return a fitted explainer of a case."""
    explainer = InfluenceExplainer(case.fresh(), **{**case.options, **options})
    return explainer.fit(case.handed(case.X), case.targets(case.y), sample_weight=case.weights)


def test_rows(case):
    """Return the test rows as they are handed over."""
    return case.handed(case.X_test), case.targets(case.y_test)


def tolerance(case):
    """Return the relative error that is asked for."""
    return case.options.get("tolerance", 0.05)


def precision(case):
    """Return what rounding may move a number by, and how far a fit is from its optimum, relative.

    A fit that is within 1e-4 of a row's move counts as being there.
    """
    if case.container == "float32":
        return 2e-2
    as_it_comes = "max_iter=5000" in repr(case.estimator)
    return 5e-4 if as_it_comes or "LinearRegression" in repr(case.estimator) else 1e-6
