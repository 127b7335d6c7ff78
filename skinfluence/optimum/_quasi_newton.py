"""A fixed inverse, corrected by the curvature that the steps so far have met (L-BFGS).

Of every step s and the rise y of the gradient along it, ``H s = y`` is known (Nocedal and Wright
2006, section 7.2). Arrays hold one problem a row, shape (b, P).
"""

import numpy as np


def curvature_pair(step, before, solved_before, after, solved_after, tangent):
    """Return (s, y, H_{-j}⁻¹ y): the gradient changes by y along s.

    A step that meets the quadratic it was taken on leaves the residual r, half of what its far
    end is steeper by: y + r is the slope there (``tangent``), as long as that rises.
    """
    risen, solved = after - before, solved_after - solved_before
    if tangent:
        rises = 4 * dots(step, after) > dots(step, before)
        risen = risen + rises[:, None] * after
        solved = solved + rises[:, None] * solved_after
    return step, risen, solved


def solve_lbfgs(residual, solved, pairs):
    """Return H⁻¹ r, with an H that agrees with every pair (the two-loop recursion)."""
    passed = []
    for step, risen, solved_risen in reversed(pairs):
        share = dots(step, residual) / _nonzero(dots(step, risen))
        residual = residual - share[:, None] * risen
        solved = solved - share[:, None] * solved_risen
        passed.append(share)
    for (step, risen, _), share in zip(pairs, reversed(passed)):
        share = share - dots(risen, solved) / _nonzero(dots(step, risen))
        solved = solved + share[:, None] * step
    return solved


def _nonzero(squares):
    return np.where(squares != 0, squares, 1)


def dots(A, B):
    """Return the inner products of the rows of A with those of B."""
    return np.einsum("bp,bp->b", A, B)
