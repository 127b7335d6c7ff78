"""LiSSA: the stochastic estimate of H⁻¹v of Agarwal et al. (2017), as Koh & Liang use it."""

from dataclasses import dataclass

import numpy as np
from joblib import Parallel, delayed
from sklearn.utils import check_random_state

from ._inverse import Inverse
from ._spectrum import largest_eigenvalue


@dataclass(frozen=True)
class LiSSA:
    """Solve by LiSSA, the recursion of Koh & Liang (2017), section 3.

    With H_B the Hessian of a random batch, scaled up to estimate H, and σ a ``scale``,

        x_0 = v,    x_t = v + (I - H_B / σ) x_{t-1},    H⁻¹ v ≈ x_depth / σ

    averaged over independent ``repeats``. The bias falls like exp(-depth λ_min / σ).

    Parameters
    ----------
    depth : int, default=5000
        Steps of the recursion, the paper's t.
    repeats : int, default=10
        Independent recursions that are averaged, the paper's r.
    batch_size : int, default=32
        Rows in a draw, with replacement; 1 is the paper's single sample.
    scale : float or "auto", default="auto"
        σ. "auto" takes ``λ_max(H) (1 - 1/b) + n max_i λ_max(s_i J_iᵀ A_i J_i) / b``, plus the
        largest ridge, for a batch of b: the smallest bound under which the recursion's second
        moment contracts for any draw.
    random_state : int, RandomState instance or None, default=None
        Seeds the draws.
    n_jobs : int, default=None
        Repeats run at the same time; the answer does not depend on it.
    """

    depth: int = 5000
    repeats: int = 10
    batch_size: int = 32
    scale: float | str = "auto"
    random_state: object = None
    n_jobs: int | None = None

    def invert(self, hessian):
        """Return the estimate of H⁻¹; every product with it uses the same draws."""
        for name in ("depth", "repeats", "batch_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"`{name}` must be >= 1; got {getattr(self, name)}.")
        scale = self._spectral_scale(hessian) if self.scale == "auto" else float(self.scale)
        seeds = check_random_state(self.random_state).randint(2**31 - 1, size=self.repeats)
        return LiSSAInverse(hessian, self, scale, seeds)

    def _spectral_scale(self, hessian):
        n, ridge = hessian.problem.n_rows, float(hessian.ridge.max(initial=0))
        single = n * float(hessian.row_bounds().max(initial=0))
        if self.batch_size == 1 or hessian.shape[0] < 3:
            return single + ridge
        largest = largest_eigenvalue(hessian)
        return largest * (1 - 1 / self.batch_size) + single / self.batch_size + ridge


class LiSSAInverse(Inverse):
    """H⁻¹ estimated by averages of stochastic recursions.

    Attributes
    ----------
    scale : float
        σ in use.
    spread : ndarray of shape (m,) or None
        Standard error of the last product, relative to its norm: one number a right-hand side.
        None for a single repeat.
    """

    exact = False

    def __init__(self, hessian, solver, scale, seeds):
        super().__init__(hessian)
        self.solver, self.scale, self.seeds, self.spread = solver, scale, seeds, None

    def _matmat(self, B):
        B = self.project(np.asarray(B, dtype=self.dtype))
        estimates = Parallel(n_jobs=self.solver.n_jobs)(
            delayed(_recursion)(self.hessian, B, seed, self.solver, self.scale)
            for seed in self.seeds
        )
        mean = np.mean(estimates, axis=0)
        if len(estimates) > 1:
            variance = np.var(estimates, axis=0, ddof=1).sum(axis=0) / len(estimates)
            norms = np.linalg.norm(mean, axis=0)
            self.spread = np.sqrt(variance) / np.where(norms > 0, norms, 1)
        return self.project(mean)


def _recursion(hessian, B, seed, solver, scale):
    """Return x_depth / σ for every column of B, with one stream of draws."""
    draws = np.random.RandomState(seed)
    n, X = hessian.problem.n_rows, B.copy()
    hessian.curvatures  # noqa: B018  computed once here, then handed on to every batch
    for _ in range(solver.depth):
        batch = hessian.restrict(draws.randint(n, size=solver.batch_size))
        X = B + X - (batch @ X) / hessian.dtype.type(scale)
    if not np.all(np.isfinite(X)):
        raise ValueError(
            f"LiSSA diverged at scale={scale:.3g}; set a larger `scale` or leave it 'auto'. If it "
            "was 'auto', the Hessian is not positive definite: set damping='auto'."
        )
    return X / hessian.dtype.type(scale)
