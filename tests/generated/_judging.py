"""How an answer is held against the truth: what it may be off by, and what makes it wrong."""

import numpy as np

from ._refits import Refitted
from ._rows import NoTruth
from ._sparse_logistic import SparseOptimum


class Wrong(Exception):
    """An answer that is not right, with the numbers.

    ``proved`` where the answer came with a bound that it exceeds: no warning excuses that.
    """

    def __init__(self, text, proved=False):
        super().__init__(text)
        self.proved = proved


def agree(name, found, expected, allowed, proved=False):
    """Raise ``Wrong`` where numbers are off by more than is allowed, the worst with its place."""
    found, expected = np.asarray(found, float), np.asarray(expected, float)
    if found.shape != expected.shape:
        raise Wrong(f"{name}: shape {found.shape}, should be {expected.shape}")
    allowed = np.broadcast_to(allowed, found.shape)
    off = np.where(np.isfinite(found), np.abs(found - expected), np.inf)
    excess = np.where(off > allowed, off / np.maximum(allowed, 1e-300), 0)
    if excess.max(initial=0) > 0:
        worst = np.unravel_index(excess.argmax(), excess.shape)
        raise Wrong(
            f"{name}[{', '.join(map(str, worst))}] is {found[worst]:.8g}, should be "
            f"{expected[worst]:.8g}; allowed ± {allowed[worst]:.3g}",
            proved,
        )


def bounded(name, found, errors, expected, slack, otherwise):
    """Hold answers with error bounds against the truth; ``otherwise`` is allowed without one."""
    known = np.isfinite(errors)
    agree(name, np.where(known, found, expected), expected, errors * 1.001 + slack, proved=True)
    agree(name, np.where(known, expected, found), expected, otherwise)


def same(name, first, second, rtol):
    """Raise ``Wrong`` unless two answers are the same, relative to the largest of each row."""
    first, second = np.asarray(first, float), np.asarray(second, float)
    largest = np.abs(second).max(axis=-1, keepdims=True, initial=0) if second.ndim else 1
    agree(name, first, second, rtol * largest + 1e-14)


def moved(truth, change):
    """Return the move of a smooth model's optimum, in its coordinates, and its length in H.

    The norm is that of the Hessian of the changed objective at the fit. Raises where the truth is
    not known to a thousandth of the move.
    """
    before, after = truth.before, truth.model.fit(change, truth.before)
    theta = before.coordinates(after.user_theta())
    delta = theta - before.theta
    hessian = changed(truth, change).hessian(before.theta)
    length = norm(hessian, delta)
    rounding = 1e-15 * norm(hessian, before.theta)  # all that a row of weight 0 moves
    if before.left + after.left + rounding > 1e-4 * length:
        raise NoTruth("the move is below the rounding of the optimum")
    return delta, length, hessian


def changed(truth, change):
    """Return a changed objective in the coordinates of the fit, not solved."""
    before = truth.before
    other = object.__new__(type(before))
    other.__dict__.update(vars(before))
    other.__dict__.pop("ridge", None)
    other.rows = change
    other.y = truth.model.encode(change.y)
    other.s = truth.model.factor * change.weights * other._balance()
    other.design = before.designed(change.X)
    return other


def norm(hessian, delta):
    """Return the length of a move in the norm of a Hessian."""
    flat = delta.ravel()
    return float(np.sqrt(max(flat @ hessian @ flat, 0)))


def losses_after(truth, change, y_test):
    """Return the change of the test losses (n_test,), and its noise."""
    before, after = truth.before, truth.model.fit(change, truth.before)
    difference = after.losses(truth.X_test, y_test) - before.losses(truth.X_test, y_test)
    return difference, noise_of(before, after, truth, y_test)


def raw_after(truth, change):
    """Return the change of the raw predictions (n_test, K), and its noise."""
    before, after = truth.before, truth.model.fit(change, truth.before)
    difference = after.raw(truth.X_test) - before.raw(truth.X_test)
    if isinstance(after, Refitted | SparseOptimum):
        noise = before.raw_noise(truth.X_test) + after.raw_noise(truth.X_test)
        return difference, noise + 1e-5 * np.abs(difference) + 1e-9 * np.abs(
            after.raw(truth.X_test)
        )
    spans = np.linalg.norm(truth.before.designed(truth.X_test), axis=1)
    hardest = np.abs(np.diag(after.inverted)).max() ** 0.5
    noise = (before.left + after.left) * hardest * spans + 1e-9 * np.abs(difference).max()
    return difference, np.broadcast_to(noise[:, None], difference.shape)


def noise_of(before, after, truth, y_test):
    """Return the noise of a difference of losses (n_test,)."""
    rounding = 1e-12 * (1 + np.abs(before.losses(truth.X_test, y_test)))
    if isinstance(after, Refitted | SparseOptimum):
        noises = (fit.loss_noise(truth.X_test, y_test) for fit in (before, after))
        known = np.abs(after.losses(truth.X_test, y_test) - before.losses(truth.X_test, y_test))
        size = 1e-12 * np.abs(before.raw(truth.X_test)).max(axis=1) ** 2
        return 10 * sum(noises) + 1e4 * rounding + 1e-4 * known + size
    loss, encode = truth.model.loss, truth.model.encode
    slopes = np.abs(loss.slopes(after.raw(truth.X_test), encode(y_test))).sum(axis=1)
    spans = np.linalg.norm(after.designed(truth.X_test), axis=1)
    hardest = np.abs(np.diag(after.inverted)).max() ** 0.5
    return rounding + slopes * (before.left + after.left) * hardest * spans
