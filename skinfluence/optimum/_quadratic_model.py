"""The minimum of a convex quadratic function plus a norm with kinks, by an active-set method.

    m(u) = gradient · (u - start) + ½ (u - start)ᵀ H (u - start) + Σ_g strength_g ‖u_g‖

On a *face* (some groups at 0, the others away from it) the norm is smooth. Newton steps go to the
minimum on the face of u, holding a group that would pass zero on the way; of l1 each is exact, and
there are no more of them than parameters. Groups at 0 that are pulled harder than their strength
are freed then, each to its own minimum. m falls from face to face, so that none comes twice, but
for rounding, which ends the search (feature-sign search: Lee, Battle, Raina and Ng 2007).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import get_lapack_funcs, solve_triangular

from ..penalties import GroupNorm

#: Faces after which the model is left where it is: the next starts from there.
MAX_FACES = 50
#: Faces from which one group is freed at a time: of several some go back to zero.
EAGER = 20
#: Newton steps on a face of groups, whose norm curves; halvings of each, and points on its way.
MAX_STEPS, HALVINGS, MANY = 50, 10, 50
#: Roundings of a sum that may be left of it.
ROUNDINGS = 10


@dataclass(frozen=True, eq=False)
class QuadraticModel:
    """A quadratic function plus a norm with kinks.

    Parameters
    ----------
    matrix : ndarray of shape (P, P)
        H, positive semi-definite.
    gradient, start : ndarray of shape (P,)
        Gradient of the smooth part at ``start``.
    norm : GroupNorm
        The part with the kinks.
    """

    matrix: np.ndarray
    gradient: np.ndarray
    start: np.ndarray
    norm: GroupNorm

    def minimum(self) -> np.ndarray:
        """Return where it is least; shape (P,).

        It is looked for from ``start``, or from where every group is held at zero if that is lower.
        """
        everywhere = np.ones(len(self.norm.positions), dtype=bool)
        held = self._minimum_on_face(self._held(self.start.copy(), everywhere))
        begin, _ = self._lowest(self.start, np.array([self.start, held]))
        point, faces = self._minimum_on_face(begin.copy()), set[bytes]()
        while self._face(point) not in faces and len(faces) < MAX_FACES:
            faces.add(self._face(point))
            pulled = self._pulled(point)
            pulled = pulled if len(faces) <= EAGER else pulled[:1]
            if not len(pulled):
                break
            point = self._minimum_on_face(self._free(point, pulled))
        return point

    def _face(self, point):
        """Return what tells the face of a point from others; of l1 with the signs on it."""
        straight = self.norm.positions.shape[1] == 1
        return (np.sign(point) if straight else self.norm.free(point)).tobytes()

    def slope(self, point: np.ndarray) -> np.ndarray:
        """Return the gradient of the smooth part, shape (P,)."""
        return self.gradient + self.matrix @ (point - self.start)

    def _rounding(self, point):
        """Return the rounding of the slope, shape (P,)."""
        terms = np.abs(self.matrix) @ np.abs(point - self.start) + np.abs(self.gradient)
        return ROUNDINGS * np.finfo(terms.dtype).eps * terms

    def _flat(self, point):
        """Return the rounding of the model's value."""
        terms = self.norm.value(point) + np.abs(self.slope(point)) @ np.abs(point)
        return ROUNDINGS * np.finfo(point.dtype).eps * terms

    def _pulled(self, point):
        """Return the groups at 0 that are pulled harder than their strength, the hardest first."""
        norm = self.norm
        excess = norm.sizes(self.slope(point)) - norm.strength
        allowed = norm.sizes(self._rounding(point))
        pulled = np.flatnonzero((norm.sizes(point) == 0) & (excess > allowed) & (self._bounds > 0))
        return pulled[np.argsort(-(excess[pulled] ** 2) / self._bounds[pulled], kind="stable")]

    @cached_property
    def _bounds(self):
        """The largest eigenvalue of every group's block of H, shape (G,)."""
        positions = self.norm.positions
        blocks = self.matrix[positions[:, :, None], positions[:, None, :]]
        return np.linalg.norm(blocks, ord=2, axis=(1, 2)) if len(blocks) else np.zeros(0)

    def _free(self, point, groups):
        """Return the point with some groups moved to their minimum, one after the other."""
        point, slope = point.copy(), self.slope(point)
        for group in groups:
            where, bound = self.norm.positions[group], self._bounds[group]
            strength = self.norm.strength[group]
            moved = _shrink(point[where] - slope[where] / bound, strength / bound) - point[where]
            point[where] += moved
            slope += self.matrix[:, where] @ moved
        return point

    def _minimum_on_face(self, point):
        """Return the minimum on the face of a point, or on one of the faces that bound it."""
        straight = self.norm.positions.shape[1] == 1
        for _ in range(MAX_STEPS + len(self.norm.positions)):
            free = self.norm.free(point)
            pull = self._pull(point, free)
            if not np.any(np.abs(pull) > self._rounding(point)):
                return point
            step, endless = self._newton_step(point, pull, free)
            passing = self._passing(point, step, endless)
            if not np.isfinite(passing).any():
                after = point + step
                if straight:
                    return after
                if np.abs(self._pull(after, free)).max() <= np.abs(pull).max() / 2:
                    point = after
                    continue
                if -(pull @ step) <= self._flat(point):
                    return point
            stops = self._stops(point, step, passing, endless)
            lowest, falls = self._lowest(point, stops)
            if not (falls or straight):
                return point
            point = lowest if falls else stops[0]  # one group less, which rounding hides
        return point

    def _pull(self, point, free):
        """Return the gradient on the face of a point, 0 where groups are held; shape (P,)."""
        return np.where(free, self.norm.subgradient(point, self.slope(point)), 0)

    def _newton_step(self, point, pull, free):
        """Return the step to the minimum on the face, and whether it falls without an end.

        That is where H is singular, and the norm pulls along a direction in which it is flat.
        """
        matrix, coupling = self.matrix[np.ix_(free, free)], self.norm.hessian(point)
        if coupling is not None:
            matrix = matrix + coupling[free][:, free].toarray()
        step = np.zeros_like(point)
        regular, flat = _solve(matrix, pull[free])
        step[free] = -flat
        if flat.any() and np.isfinite(self._passing(point, step, endless=True)).any():
            return step, True
        step[free] = -regular
        return step, False

    def _passing(self, point, step, endless):
        """Return the length at which a step takes each group past zero, or where it is nearest.

        It is inf where it does not, and where it is above 1 and the step is not endless.
        """
        here, there = point[self.norm.positions], step[self.norm.positions]
        squares = np.sum(there**2, axis=1)
        passing = (squares > 0) & (self.norm.sizes(point) > 0) & (self.norm.strength > 0)
        lengths = -np.sum(here * there, axis=1) / np.where(passing, squares, 1)
        passing &= (lengths > 0) & (endless | (lengths < 1))
        return np.where(passing, lengths, np.inf)

    def _stops(self, point, step, passing, endless):
        """Return points on the way of a step, at some of which groups that passed zero are held.

        They are where a group passes it; and along the step that is projected on the face.
        """
        lengths = np.unique(passing[np.isfinite(passing)])
        lengths = lengths[np.linspace(0, len(lengths) - 1, min(len(lengths), MANY)).astype(int)]
        halved = lengths if endless else 0.5 ** np.arange(HALVINGS)
        stops = [self._held(point + t * step, passing == t) for t in lengths]
        stops += [self._held(point + t * step, passing <= t) for t in halved]
        if self.norm.positions.shape[1] > 1:
            stops += [point + t * step for t in halved]
        return np.array(stops)

    def _held(self, point, groups):
        """Return the point with some groups held at zero."""
        point[self.norm.positions[groups]] = 0
        return point

    def _lowest(self, point, stops):
        """Return the point at which the model is lowest, and whether that is below where it is."""
        steps = stops - point
        changes = steps @ self.slope(point) + np.sum((steps @ self.matrix) * steps, axis=1) / 2
        sizes = self.norm.sizes(stops) - self.norm.sizes(point)
        changes += sizes @ self.norm.strength
        return stops[np.argmin(changes)], bool(np.min(changes) < 0)


def _solve(matrix, vector):
    """Return a solution x of ``matrix x = vector``, and a flat direction along which that has none.

    A pivoted Cholesky factor stops at the rank of the matrix, its columns scaled alike. With the
    pivots first and ``L = [L₁₁; L₂₁]`` its null space is spanned by ``N = [-L₁₁⁻ᵀ L₂₁ᵀ; I]``,
    and the flat direction is ``N Nᵀ vector``.
    """
    diagonal = np.diag(matrix)
    scale = 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1))
    scaled = np.asfortranarray(matrix * scale * scale[:, None])
    rounding = len(scaled) * np.finfo(scaled.dtype).eps
    (pstrf,) = get_lapack_funcs(("pstrf",), (scaled,))
    factor, order, rank, _ = pstrf(scaled, tol=rounding, lower=True, overwrite_a=True)
    kept, rest = order[:rank] - 1, order[rank:] - 1
    vector, solved, flat = scale * vector, np.zeros_like(vector), np.zeros_like(vector)
    half = _forward(factor[:rank, :rank], vector[kept])
    solved[kept] = _backward(factor[:rank, :rank], half)
    below = factor[rank:, :rank]
    left = vector[rest] - below @ half
    left[np.abs(left) <= ROUNDINGS * rounding * np.abs(vector).max()] = 0
    flat[rest], flat[kept] = left, -_backward(factor[:rank, :rank], below.T @ left)
    flat[np.abs(flat) <= ROUNDINGS * rounding * np.abs(flat).max()] = 0  # of other directions
    return scale * solved, scale * flat


def _forward(factor, vector):
    return solve_triangular(factor, vector, lower=True, check_finite=False)


def _backward(factor, vector):
    return solve_triangular(factor, vector, lower=True, trans=1, check_finite=False)


def _shrink(values, threshold):
    """Return the group moved towards 0 by ``threshold``, its proximal point."""
    size = np.linalg.norm(values)
    return values * (max(size - threshold, 0) / size) if size > 0 else values
