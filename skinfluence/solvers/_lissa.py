"""LiSSA: the stochastic estimate of H⁻¹v of Agarwal et al. (2017), as Koh & Liang use it."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from joblib import Parallel, delayed
from sklearn.exceptions import ConvergenceWarning

from .._blocks import row_blocks
from .._parameters import check_seed
from .._typing import Array
from .._warnings import warn
from ..operators import Hessian
from ._inverse import Inverse
from ._solver import Solver
from ._spectrum import largest_eigenvalue

#: Steps whose rows are gathered at once.
GATHERED = 256
#: Relative move of a solution by the second half of the steps that is no convergence, where it is
#: beyond so many standard errors.
MOVING, NOISE = 0.1, 3


@dataclass(frozen=True)
class LiSSA(Solver):
    """Solve by LiSSA, the recursion of Koh & Liang (2017), section 3.

    With H_B / n the mean Hessian of a random batch, penalty and damping folded into every row's
    loss as in the paper, and σ a ``scale``::

        x_0 = v,    x_t = v + (I - H_B / (σ n)) x_{t-1},    H⁻¹ v ≈ x_depth / (σ n)

    averaged over independent ``repeats``. ``LiSSA(batch_size=1, scale=1)`` is the paper's
    recursion to the letter, for a Hessian ``∇²L(z_i) ⪯ I``; a scale brings any other one there,
    as its footnote asks. The bias falls like exp(-depth λ_min / σ), λ_min of H / n.

    Parameters
    ----------
    depth : int, default=5000
        Steps of the recursion, the paper's t.
    repeats : int, default=10
        Independent recursions that are averaged, the paper's r.
    batch_size : int, default=32
        Rows in a draw, with replacement; 1 is the paper's single sample.
    scale : float or "auto", default="auto"
        σ > 0, in units of the mean Hessian H / n, as ``damping``. "auto" takes
        ``λ_max(H / n) (1 - 1/b) + max_i λ_max(s_i J_iᵀ A_i J_i) / b``, s of mean 1, plus the
        largest ridge / n, for a batch of b: the smallest bound under which the recursion's second
        moment contracts for any draw. For single samples it is the footnote's: every
        ``∇²L(z_i) ⪯ σ I``. A smaller one has less bias, and diverges if it is too small.
    random_state : int, RandomState instance or None, default=None
        Seeds the draws.
    n_jobs : int, default=None
        Repeats run at the same time; the answer does not depend on it.
    """

    depth: int = 5000
    repeats: int = 10
    batch_size: int = 32
    scale: float | Literal["auto"] = "auto"
    random_state: int | np.random.RandomState | None = None
    n_jobs: int | None = None

    #: What it returns estimates products, rather than solving them to a tolerance.
    exact: ClassVar[bool] = False

    def order(self, hessian: Hessian) -> None:
        """Return None: nothing is factored, every product is sampled."""
        return None

    def invert(self, hessian: Hessian) -> Inverse:
        """Return the estimate of H⁻¹; every product with it uses the same draws."""
        for name in ("depth", "repeats", "batch_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"`{name}` must be >= 1; got {getattr(self, name)}.")
        scale = self._spectral_scale(hessian) if self.scale == "auto" else self.scale
        if isinstance(scale, str) or not scale > 0:
            raise ValueError(f"`scale` must be > 0, or 'auto'; got {self.scale}.")
        seeds = check_seed(self.random_state).randint(2**31 - 1, size=self.repeats)
        return LiSSAInverse(hessian, self, float(scale), seeds)

    def _spectral_scale(self, hessian: Hessian) -> float:
        rows, ridge = hessian.problem.n_rows, float(hessian.ridge.max(initial=0))
        single = rows * float(hessian.row_bounds().max(initial=0))
        scale = single + ridge
        if self.batch_size > 1 and hessian.shape[0] >= 3:
            largest = largest_eigenvalue(hessian)
            scale = largest * (1 - 1 / self.batch_size) + single / self.batch_size + ridge
        return scale / hessian.problem.n


class LiSSAInverse(Inverse):
    """H⁻¹ estimated by averages of stochastic recursions.

    Attributes
    ----------
    scale : float
        σ in use, in units of H / n.
    spread : ndarray of shape (m,) or None
        Standard error of the last product, relative to its norm: one number a right-hand side.
        None for a single repeat.
    """

    exact = False

    def __init__(self, hessian: Hessian, solver: LiSSA, scale: float, seeds: Array) -> None:
        super().__init__(hessian)
        self.solver, self.scale, self.seeds = solver, scale, seeds
        self.spread: Array | None = None

    def _matmat(self, B: Array) -> Array:
        B = self.project(np.asarray(B, dtype=self.dtype))
        estimates = Parallel(n_jobs=self.solver.n_jobs)(
            delayed(_recursion)(self.hessian, B, seed, self.solver, self.scale)
            for seed in self.seeds
        )
        halfway, ends = (np.asarray(each) for each in zip(*estimates))
        mean = np.mean(ends, axis=0)
        norms = np.linalg.norm(mean, axis=0)
        norms = np.where(norms > 0, norms, 1)
        if len(ends) > 1:
            variance = np.var(ends, axis=0, ddof=1).sum(axis=0) / len(ends)
            self.spread = np.sqrt(variance) / norms
        self._warn_if_moving(np.linalg.norm(mean - halfway.mean(axis=0), axis=0) / norms)
        return self.project(mean)

    def _warn_if_moving(self, moved: Array) -> None:
        """Warn where the second half of the steps moved the mean by more than it is spread."""
        noise = 0.0 if self.spread is None else NOISE * self.spread
        moving = moved - noise > MOVING
        if self.spread is not None and np.any(moving):
            warn(
                f"LiSSA has not converged: the second half of its steps still moved "
                f"{np.count_nonzero(moving)} of {len(moved)} solutions by more than {MOVING:.0%}, "
                f"the most by {moved.max():.0%}. Take a larger `depth`, or add damping.",
                ConvergenceWarning,
            )


def _recursion(
    hessian: Hessian, B: Array, seed: int, solver: LiSSA, scale: float
) -> tuple[Array, Array]:
    """Return x_{depth / 2} / (σ n) and x_depth / (σ n), with one stream of draws."""
    draws, X = np.random.RandomState(seed), B.copy()
    problem, sigma = hessian.problem, hessian.dtype.type(scale * hessian.problem.n)
    hessian.curvatures  # noqa: B018  computed once here, then handed on to every draw
    row_bytes = (problem.X.shape[1] + problem.n_outputs**2) * hessian.dtype.itemsize
    halfway, first = X, solver.depth // 2
    for n_steps in (first, solver.depth - first):
        halfway = X
        for steps in row_blocks(n_steps, solver.batch_size * row_bytes, at_most=GATHERED):
            drawn = (steps.stop - steps.start) * solver.batch_size
            X = _advance(hessian, B, X, draws.randint(problem.n_rows, size=drawn), solver, sigma)
    if not np.all(np.isfinite(X)):
        raise ValueError(
            f"LiSSA diverged at scale={scale:.3g}; set a larger `scale` or leave it 'auto'. If it "
            "was 'auto', the Hessian is not positive definite: set damping='auto'."
        )
    return halfway / sigma, X / sigma


def _advance(
    hessian: Hessian, B: Array, X: Array, rows: Array, solver: LiSSA, sigma: np.floating
) -> Array:
    """Take a step from X for every batch of ``rows``, which are gathered once.

    The draws of all steps together stand for n rows, so that a step's share is multiplied by
    their number.
    """
    drawn = hessian.restrict(rows)
    kept = 1 - hessian.ridge[:, None] / sigma
    gain = hessian.dtype.type(len(rows) // solver.batch_size) / sigma
    for batch in row_blocks(len(rows), 1, solver.batch_size):
        change = gain * drawn.share(batch, X)
        if hessian.coupling is not None:
            change += (hessian.coupling @ X) / sigma
        X = kept * X + B - change
        if hessian.free is not None:
            X *= hessian.free[:, None]
    return X
