"""The parameters of the model."""

from dataclasses import dataclass
from typing import Any

from ..adapters import Model


@dataclass(frozen=True)
class Parameters:
    """The parameters themselves: J is the identity (Koh & Liang 2017, equation 1).

    Answers are of shape (changes, n_params), in the layout of ``coef_``, row by row, then
    ``intercept_``. Of a kernel model (SVC and SVR with any kernel, KernelRidge,
    GaussianProcessRegressor) the dual coefficients β, n_train for each output, then the intercepts
    if it has any: raw predictions are ``K β + intercept``, and the coefficient of a row that
    leaves goes to 0. SVC has an output for each pair of classes, positive for the second; two
    classes are one.
    """

    def encode(self, fit: Any) -> "EncodedParameters":
        """Return the question of a model; TypeError where its parameters are not known."""
        _ = fit.model.theta
        return EncodedParameters(fit.model)


@dataclass(frozen=True, eq=False)
class EncodedParameters:
    """The parameters of a model."""

    model: Model

    axis = 0

    def ask(self, answers, change):
        """Look at theta."""
        return answers.on_parameters(self, change)

    def shape(self, n_changes, features):
        """Return (n_changes, features, n_params)."""
        problem = self.model.known_problem
        n_params = len(problem.theta)
        if problem.kernel is not None:  # a coefficient a row and output
            n_params += problem.y.size - problem.predictor.n_coefficients
        return (n_changes, *features, n_params)

    def to_user(self, answer):
        """Return the answer as it is."""
        return answer

    def value(self, model, row):
        """Return theta of another model, shape (P,)."""
        return model.theta
