"""Models whose trained loss is in straight pieces, as the support vector machines that they are.

Every output is a machine of its own (``_support_path``): one class against the rest, or one pair of
classes. With D the ridge of an output, ``Φ = X D^-½``; an intercept that is penalised is one more
feature, and one that is not is free.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, cast

import numpy as np
from scipy import sparse

from ..predictors import LinearPredictor
from ..problem import Problem
from ..problem._kinks import kinked_duals, loss_pieces
from ._ends import Ends
from ._gram import FeatureGram, KernelGram
from ._linear_program import is_linear_program, program_machine, program_weights
from ._newton_steps import refine
from ._support_path import Machine, SupportPath

#: Numbers in the largest kernel that is kept whole (320 MB).
LARGE = 4 * 10**7
#: Relative change of a weight that is none.
ROUNDING = 1e-14
#: Times that a linear program is gone on to its solution.
ROUNDS = 100
#: Share of the largest target by which its predictions may yet move.
STAYED = 1e-9
#: Temperature at which a loss with kinks is minimised where its own optimum is not found.
SHARP = 1e-4


def support_machines(problem: Problem, near: np.ndarray | None = None) -> "SupportMachines | None":
    """Return the machines that a problem is made of, trained; None where it is of another kind.

    Parameters
    ----------
    problem : Problem
        Its loss smoothed or not.
    near : ndarray of shape (P,), default=None
        Of several optima the one nearest to these parameters is taken; None means theta.
    """
    if not is_made_of_machines(problem):
        return None
    pieces = loss_pieces(problem)
    if is_linear_program(problem):
        near = (problem.theta if near is None else near).astype(float)
        trained = _trained_program(problem, cast(tuple, pieces[0]), near)
        return trained and SupportMachines(problem, [trained])
    return _ridge_machines(problem, pieces)


def is_made_of_machines(problem: Problem) -> bool:
    """Tell whether a problem's trained loss is in straight pieces, with a penalty that fits."""
    linear = isinstance(problem.predictor, LinearPredictor)
    if not linear or any(each is None for each in loss_pieces(problem)):
        return False
    ridged = np.all(problem.penalty[: problem.predictor.n_coefficients] > 0)
    alone = problem.norm is None and problem.mass is None and bool(ridged)
    return alone or is_linear_program(problem)


def _ridge_machines(problem, pieces):
    """Return the machines of a ridge, one an output."""
    guess, intercepts = kinked_duals(problem), _intercepts(problem)
    trained: list[TrainedMachine] = []
    known: dict[bytes, tuple] = {}  # outputs of the same penalty have one kernel
    for k, (kinks, slopes) in enumerate(cast(list[tuple], pieces)):
        penalty = _penalty(problem, k)
        if penalty.tobytes() not in known:
            known[penalty.tobytes()] = _features(problem, penalty)
        features, scale, free, gram = known[penalty.tobytes()]
        path = SupportPath(Machine(gram, kinks, slopes, free), program_weights(problem))
        if not (path.train(guess[:, k], intercepts[k]) or path.train(0 * guess[:, k], 0.0)):
            return None
        trained.append(TrainedMachine(path, features, scale))
    return SupportMachines(problem, trained)


def _trained_program(problem, pieces, near):
    """Return the machine of a linear program, trained."""
    machine, features, scale, guess = program_machine(problem, pieces[0], pieces[1], near)
    path = SupportPath(machine, program_weights(problem))
    if not (path.train(guess, 0.0) or path.train(0 * guess, 0.0)):
        return None
    path, moved = TrainedMachine(path, features, scale).to_program()
    return TrainedMachine(path, features, scale, near + moved)


def trained_optimum(problem: Problem, near: np.ndarray | None = None) -> Problem | None:
    """Return the problem of the loss as it is trained, at its optimum; None if it is not found.

    Of several optima it is the one nearest to ``near``, or to theta.
    """
    machines = support_machines(problem, near)
    return None if machines is None else machines.trained


def refine_as_trained(problem: Problem, solver: Any, near: np.ndarray | None = None) -> Problem:
    """Return the problem at its optimum: that of the loss as it is trained, where it is found.

    Of several optima it is the one nearest to ``near``, or to theta.
    """
    trained = trained_optimum(problem, near)
    if trained is not None:
        return trained
    sharp = problem.loss.smoothed and problem.loss.temperature == 0
    return refine(problem.at_temperature(SHARP) if sharp else problem, solver)


@dataclass(frozen=True, eq=False)
class TrainedMachine:
    """A machine at its optimum, and its parameters.

    Parameters
    ----------
    path : SupportPath
        At the optimum.
    features : {ndarray, CSR matrix} of shape (n, p or p + 1)
        Φ.
    scale : ndarray of shape (p or p + 1,)
        ``D^-½``, by which w becomes the parameters.
    program : ndarray of shape (p or p + 1,), default=None
        The parameters, where they are those of a linear program, and w is the distance from them.
    """

    path: SupportPath
    features: Any
    scale: np.ndarray
    program: np.ndarray | None = None

    def parameters(self, dual: np.ndarray, intercept: float) -> np.ndarray:
        """Return coefficients and intercept, shape (p,) or (p + 1,)."""
        support = np.flatnonzero(dual)
        combined = np.asarray(dual[support] @ self.features[support]).ravel() * self.scale
        return np.append(combined, intercept) if self.path.machine.free else combined

    @cached_property
    def theta(self) -> np.ndarray:
        """The parameters."""
        if self.program is not None:
            return self.program
        return self.parameters(self.path.dual, self.path.intercept)

    def to_program(self) -> tuple[SupportPath, np.ndarray]:
        """Go on to a solution of the linear program, as far as it is found; return it and how far.

        Where w stays as it is the way is along an edge, and is gone to its end.
        """
        path, w = self.path, self.parameters(self.path.dual, 0.0)
        size = max(np.abs(path.machine.kinks).max(), np.abs(path.raw).max())
        moved, raw_w, ahead = w, 0 * path.raw, 0.0
        for _ in range(ROUNDS):
            after, origin, last = path.fork(), path.raw + ahead * raw_w, np.abs(raw_w).max()
            if not after.recentre(origin):
                break
            moved, w = moved + ahead * w, self.parameters(after.dual, 0.0)
            moved, raw_w, path = moved + w, after.raw - origin, after
            away = np.abs(raw_w).max()
            if away <= STAYED * size:
                break
            ahead = path.room(raw_w) if 0.99 * last < away < 1.01 * last else 0.0
        return path, moved

    def change(self, weights: np.ndarray) -> np.ndarray | None:
        """Return the change of the parameters with other weights; None if it is not found."""
        before = self.path
        changed = np.abs(weights - before.weights) > ROUNDING * before.weights
        lighter = np.all(weights[changed] <= before.weights[changed])
        if lighter and before.held and not np.any(before.dual[changed]):
            return np.zeros(len(self.theta))
        after = before.fork()
        if not after.toward(weights):
            return None
        if self.program is not None:
            return replace(self, path=after).to_program()[1]
        return self.parameters(after.dual - before.dual, after.intercept - before.intercept)


@dataclass(frozen=True, eq=False)
class SupportMachines:
    """The trained machines of a problem, and where they go when weights change.

    Parameters
    ----------
    problem : Problem
        Its loss smoothed or not.
    machines : list of TrainedMachine
        One an output.
    """

    problem: Problem
    machines: list[TrainedMachine]

    @cached_property
    def trained(self) -> Problem:
        """The problem of the loss as it is trained, at its optimum."""
        theta = self._flat([machine.theta for machine in self.machines])
        return self.problem.at_temperature(0.0).at(theta)

    @property
    def proves(self) -> bool:
        """Whether their optima are those of the problem, and not those with a small ridge.

        Of a linear program they are where the ridge is small enough, and nobody says when it is.
        """
        return not is_linear_program(self.problem)

    def without(self, rows: np.ndarray) -> Ends:
        """Return where the optimum goes without each row, nan where it is not found."""
        ends = Ends.empty(len(rows), len(self.problem.theta), self.problem.theta.dtype)
        every = np.arange(self.problem.n_rows)
        for i, row in enumerate(rows):
            change = self.with_weights(program_weights(self.problem.without(every == row)))
            if change is not None:
                ends.changes[i], ends.certificates[i], ends.proved[i] = change, 0.0, self.proves
        return ends

    def of(self, changed: Problem) -> np.ndarray | None:
        """Return the change of theta with other weights or rows; None if it is not found."""
        if changed.X is self.problem.X and changed.y is self.problem.y:
            return self.with_weights(program_weights(changed))
        start = changed.at_temperature(0.0).at(self.trained.theta)
        end = trained_optimum(start)
        return None if end is None else end.theta - start.theta

    def with_weights(self, weights: np.ndarray) -> np.ndarray | None:
        """Return the change of theta with other weights; None if it is not found."""
        changes = [machine.change(weights) for machine in self.machines]
        return None if any(change is None for change in changes) else self._flat(changes)

    def _flat(self, parts):
        """Return theta from the parameters of every output."""
        linear = cast(LinearPredictor, self.problem.predictor)
        parameters = np.stack(parts)
        return linear.flatten(parameters[:, : linear.n_features], parameters[:, -1])


def _intercepts(problem):
    return cast(LinearPredictor, problem.predictor).unflatten(problem.theta)[1].astype(float)


def _penalty(problem, k):
    """Return the ridge of an output, that of its intercept last if it has one."""
    _, where = cast(LinearPredictor, problem.predictor).block(slice(k, k + 1))
    return problem.penalty[where].astype(float)


def _features(problem, penalty):
    """Return Φ of a ridge, the scale of its columns, whether the intercept is free, and K."""
    linear, X = cast(LinearPredictor, problem.predictor), problem.X.astype(float)
    free = linear.fit_intercept and bool(penalty[-1] == 0)
    scale = 1 / np.sqrt(penalty[: linear.n_features] if free else penalty)
    if linear.fit_intercept and not free:
        ones = np.ones((X.shape[0], 1))
        X = sparse.hstack([X, ones]) if sparse.issparse(X) else np.hstack([X, ones])
    features = sparse.csr_matrix(X @ sparse.diags(scale)) if sparse.issparse(X) else X * scale
    return features, scale, free, _gram(features)


def _gram(features):
    """Return K in the form in which a row of it is least."""
    n, p = features.shape
    squares = features.multiply(features) if sparse.issparse(features) else features**2
    diagonal = np.asarray(squares.sum(axis=1)).ravel()
    if 2 * p > n and n**2 <= LARGE:
        kernel = features @ features.T
        return KernelGram(kernel.toarray() if sparse.issparse(kernel) else kernel, diagonal)
    return FeatureGram(features, diagonal)
