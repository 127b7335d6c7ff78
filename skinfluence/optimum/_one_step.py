"""What is known of one Newton step without a row.

The bounds of ``_certificate`` on the residual ρ, from cheap to dear, each for many rows at once:

1. φ(b), of the largest reach of any row;
2. the moves of the far rows found exactly, and of the rest the largest reach that is left:
   ``ρ² <= Σ_far φ(M |d_i|)² s_i d_iᵀ A_i d_i / δ² + φ(b_rest)² (1 - Σ_far s_i d_iᵀ A_i d_i / δ²)``;
3. all moves found exactly, half a pass over the data.
"""

import numpy as np

from ._certificate import curvature_missed, distance, relative_error

#: Roundings by which the part of a decrement that is left may be less than it is.
GUARD = 1000


def by_reach(rows, system, lengths, own=0.0, uneven=0.0):
    """Return the first bound on the relative error of steps without rows; inf where there is none.

    Parameters
    ----------
    rows : ndarray of int of shape (b,)
        The rows that leave.
    system : LeaveOneOutSystem
        With their H.
    lengths : ndarray of shape (b,)
        δ, the length of each step in H₋.
    own : float or ndarray of shape (b,), default=0.0
        ``M √h`` of a row that comes in place of each.
    uneven : float or ndarray of shape (b,), default=0.0
        By how much H₋ differs from the system's, relative.
    """
    if system.reaches is None:
        return np.full(len(rows), np.inf)
    reach = system.reach(rows, lengths, own)
    return _relative(curvature_missed(reach), reach, reach, lengths, uneven)


def by_moves(rows, system, lengths, moves, own=0.0, uneven=0.0):
    """Return the second bound; ``moves`` is the change of the raw predictions of the far rows.

    Parameters
    ----------
    rows, system, lengths, own, uneven
        As in ``by_reach``.
    moves : ndarray of shape (b, n_far, K)
        Of as many as there are, in the system's order of reach.
    """
    if system.reaches is None:
        return np.full(len(rows), np.inf)
    loss, far = system.problem.loss, system.in_order[: moves.shape[1]]
    spans = loss.self_concordance * loss.span(moves).astype(float)
    curvatures = system.own_curvatures(far)
    shares = np.einsum("nfk,fkl,nfl->nf", moves, curvatures, moves, optimize=True)
    shares = shares.astype(float) / np.where(lengths > 0, lengths, 1)[:, None] ** 2
    leaving = rows[:, None] == far
    spans[leaving], shares[leaving] = 0, 0
    rest = system.reach(rows, lengths, own, after=len(far))
    missed = np.where(shares > 0, curvature_missed(spans), 0)  # of no curvature nothing is missed
    left = np.maximum(1 - shares.sum(axis=1), 0) + GUARD * np.finfo(moves.dtype).eps
    with np.errstate(over="ignore"):
        squares = np.sum(missed**2 * shares, axis=1) + curvature_missed(rest) ** 2 * left
    residual = np.sqrt(squares)
    span = np.maximum(spans.max(axis=1, initial=0), rest)
    return _relative(residual, span, system.reach(rows, lengths, own), lengths, uneven)


def by_every_move(rows, system, lengths, change, uneven=0.0):
    """Return the third bound; ``change`` is the change of theta by each step, (b, P)."""
    squares, span = system.missed(rows, change)
    residual = np.sqrt(squares) / np.where(lengths > 0, lengths, 1)
    return _relative(residual, span, system.reach(rows, lengths), lengths, uneven)


def step_lengths(rows, system, steps):
    """Return δ of each row, ``δ² = R_j H₋⁻¹ R_jᵀ``: the length of its step in H₋.

    Parameters
    ----------
    rows : ndarray of int of shape (b,)
        Members of the system.
    system : LeaveOneOutSystem
    steps : Removal
        The R whose H⁻¹ Rᵀ is their Newton step.
    """
    problem = system.problem
    weights = problem.reweighting.own_weights(problem.weights, rows)
    gradients = weights[:, None] * problem.gradients[rows]
    squares = np.einsum("nk,nk->n", gradients, steps.own_change(system.inverse))
    if len(steps.directions):
        solved = system.inverse @ steps.directions.T
        squares = squares + np.einsum("nq,nq->n", steps.coefficients, steps @ solved)
    return np.sqrt(np.maximum(squares.astype(float), 0))


def _relative(residual, span, reach, lengths, uneven):
    """Return the relative error; where H is uneven, the step is off by as much."""
    known = relative_error(distance(residual + uneven, span, reach), 1.0)
    return np.where(lengths > 0, known, 0.0)
