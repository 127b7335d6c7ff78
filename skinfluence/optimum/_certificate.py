"""How far a change of theta is from the optimum that it goes to: a theorem where there is one.

Δ is the change so far, δ the length of the first Newton step, both in the norm of H₋, the Hessian
at theta of the objective as it is changed; h_i = J_i H₋⁻¹ J_iᵀ; and M the constant by which the
loss is self-concordant (Bach 2010; Sun and Tran-Dinh 2019). What the first step leaves is

    r = Σ_i s_i J_iᵀ ε_i,    ρ = ‖r‖_{H₋⁻¹} / δ,    ‖ε_i‖_{A_i⁻¹} <= φ(M |J_i Δ|) ‖J_i Δ‖_{A_i}

with φ(x) = (eˣ - 1 - x) / x, so that ρ is at most φ(M max |J_i Δ|), of which |J_i Δ| <= √h_i δ.
From ρ to the distance that is left, with the span a = M max |J_i Δ| and the reach b = M √(max h) δ:

    ‖Δ* - Δ‖_{H₋} / δ  <=  c = -log(1 - b eᵃ ρ) / b        where b eᵃ ρ < 1, else no bound.

One more step with H₋ leaves at most ``(eᵃ (e^{bc} - 1) / (bc) - 1) c``, since the mean Hessian on
the way is at most eᵃ (e^{bc} - 1) / (bc) times H₋.
"""

import numpy as np


def curvature_missed(x):
    """Return φ(x) = (eˣ - 1 - x) / x, the share of a step that a changing curvature may leave."""
    x = np.asarray(x, dtype=float)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        return np.where(x < 1e-4, x / 2 + x**2 / 6, (np.expm1(x) - x) / x)


def growth(span):
    """Return (eᵃ - 1) / a, by which the mean H on the way exceeds that at its start at most."""
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        return np.where(span > 0, np.expm1(span) / span, 1.0)


def distance(residual, span, reach):
    """Return c, a bound on the distance to the optimum in units of δ; inf where there is none.

    Parameters
    ----------
    residual, span, reach : ndarray of shape (b,)
        ρ or a bound on it, a and b; nan where they are not known.
    """
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        grown = np.exp(span) * residual
        bound = np.where(reach > 0, -np.log1p(-reach * grown) / reach, grown)
        return np.where(reach * grown < 1, bound, np.inf)


def distance_after_step(known, span, reach, uneven=0.0):
    """Return a bound on the distance after one more step with H₋, from one before it.

    Parameters
    ----------
    known, span, reach : ndarray of shape (b,)
        The bound before it, a and b.
    uneven : float or ndarray of shape (b,), default=0.0
        By how much the H that the step is taken with differs from H₋, relative.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        further = np.exp(span) * growth(reach * known) - 1 + uneven
        return np.where(np.isfinite(known), further * known, np.inf)


def relative_error(known, size):
    """Return a bound on the error relative to the whole change.

    Parameters
    ----------
    known : ndarray of shape (b,)
        A bound on the distance to the optimum.
    size : float or ndarray of shape (b,)
        Length of the change so far, in the same units.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(known < size, known / (size - known), np.inf)
