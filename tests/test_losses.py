"""Losses: the derivatives by autograd against finite differences, closed forms, and extremes."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit, softmax
from sklearn.metrics import hinge_loss, log_loss, mean_pinball_loss

from skinfluence.losses import (
    AverageLogLoss,
    AverageSquaredError,
    LogLoss,
    Loss,
    MultilabelLogLoss,
    MultinomialLogLoss,
    NegativeLogProbability,
    PairwiseLoss,
    SmoothEpsilonInsensitive,
    SmoothHinge,
    SmoothPinball,
    SquaredError,
    SumOfLosses,
)

EPS = np.finfo(float).eps


def one_hot(codes, n_classes=3):
    return np.eye(n_classes)[codes]


def examples():
    """Yield (loss, raw, y): every loss at one and at several outputs."""
    random = np.random.RandomState(0)
    one, three = 3 * random.standard_normal((8, 1)), 3 * random.standard_normal((8, 3))
    binary, several = random.randint(2, size=(8, 1)), random.randint(2, size=(8, 3))
    codes = random.randint(3, size=8)
    yield SquaredError(), one, random.standard_normal((8, 1))
    yield SquaredError(), three, random.standard_normal((8, 3))
    yield LogLoss(), one, binary.astype(float)
    yield LogLoss(), three, several.astype(float)
    yield MultinomialLogLoss(), three, one_hot(codes)
    yield MultilabelLogLoss(), three, several.astype(float)
    pairs = np.array([[-1.0, -1, 0], [1, 0, -1], [0, 1, 1]])[codes]
    yield PairwiseLoss(LogLoss()), three, pairs
    yield PairwiseLoss(SquaredError(), -1.0), three, pairs
    four, mixed = np.hstack([one, three]), np.hstack([binary, one_hot(codes)])
    log_losses = SumOfLosses(((LogLoss(), 1), (MultinomialLogLoss(), 3)))
    yield log_losses, four, mixed
    yield SumOfLosses(((SquaredError(), 1), (SquaredError(), 3))), four, mixed
    yield SumOfLosses(((LogLoss(), 3), (SquaredError(), 1))), four, mixed
    twice = SumOfLosses(((MultinomialLogLoss(), 3), (MultinomialLogLoss(), 3)))
    six = np.hstack([three, three[::-1]])
    yield AverageLogLoss(twice, (0.3, 0.7)), six, np.tile(one_hot(codes), 2)
    yield AverageSquaredError((0.3, 0.5, 0.2)), three, np.tile(one, 3)
    yield NegativeLogProbability(), random.uniform(0.1, 0.9, size=(8, 1)), binary.astype(float)
    yield NegativeLogProbability(), random.dirichlet(np.ones(3), size=8), one_hot(codes)
    signs = 2.0 * binary - 1, 2.0 * several - 1
    yield SmoothHinge(0.5), one, signs[0]
    yield SmoothHinge(0.2), three, signs[1]
    yield PairwiseLoss(SmoothHinge(0.3), -1.0), three, pairs
    yield SmoothEpsilonInsensitive(0.1, 2.0, 0.2), one, random.standard_normal((8, 1))
    yield SmoothEpsilonInsensitive(0.5, 1.0, 0.3), three, random.standard_normal((8, 3))
    yield SmoothPinball(0.3, 2.0, 0.2), one, random.standard_normal((8, 1))
    kinked = SmoothHinge(0.4), SmoothEpsilonInsensitive(0.2, 1.0, 0.3)
    yield SumOfLosses(((kinked[0], 1), (kinked[1], 3))), four, np.hstack([signs[0], three[::-1]])


EXAMPLES = pytest.mark.parametrize(
    ("loss", "raw", "y"), list(examples()), ids=lambda part: getattr(type(part), "__name__", "")
)


@EXAMPLES
def test_loss_is_one_number_a_row(loss, raw, y):
    assert loss(raw, y).shape == (len(raw),)
    many = loss(np.stack([raw, raw + 0.1]), y)
    assert_allclose(many, [loss(raw, y), loss(raw + 0.1, y)], rtol=1e-14)


@EXAMPLES
def test_gradient_is_a_finite_difference_of_the_loss(loss, raw, y):
    step = EPS ** (1 / 3) * np.eye(raw.shape[1])
    differences = np.stack([loss(raw + h, y) - loss(raw - h, y) for h in step], axis=1)
    assert_allclose(loss.gradient(raw, y), differences / (2 * EPS ** (1 / 3)), atol=1e-7, rtol=1e-7)


@EXAMPLES
def test_gradient_is_autograds(loss, raw, y):
    assert_allclose(loss.gradient(raw, y), Loss.gradient(loss, raw, y), rtol=1e-14)


@EXAMPLES
@pytest.mark.parametrize("size", [0.0, 1e-3, 1.0, 50.0])
def test_change_is_the_loss_after_minus_before(loss, raw, y, size):
    delta = size * np.random.RandomState(1).standard_normal((4, *raw.shape))
    if isinstance(loss, NegativeLogProbability):
        delta = np.clip(raw + delta, 0, 1) - raw
    change, oracle = loss.change(raw, y, delta), Loss.change(loss, raw, y, delta)
    assert change.shape == (4, len(raw))
    largest = loss(raw, y) + loss(raw + delta, y)
    assert np.all(np.abs(change - oracle) <= 8 * EPS * np.maximum(largest, 1 + size))


@EXAMPLES
def test_hessian_is_a_finite_difference_of_the_gradient(loss, raw, y):
    step = EPS ** (1 / 3) * np.eye(raw.shape[1])
    columns = [loss.gradient(raw + h, y) - loss.gradient(raw - h, y) for h in step]
    hessian = loss.hessian(raw, y)
    assert_allclose(hessian, np.stack(columns, axis=2) / (2 * EPS ** (1 / 3)), atol=1e-7, rtol=1e-7)
    assert_allclose(hessian, hessian.transpose(0, 2, 1), atol=10 * EPS)


@EXAMPLES
def test_what_a_loss_says_of_itself_is_so(loss, raw, y):
    hessian = loss.hessian(raw, y)
    off_diagonal = hessian * (1 - np.eye(raw.shape[1]))
    if loss.separable:
        assert_array_equal(off_diagonal, 0)
    if loss.shift_invariant:
        assert_allclose(loss(raw + 3.0, y), loss(raw, y), rtol=1e-13)
    if loss.quadratic:
        assert_array_equal(loss.hessian(raw + 1, y), hessian)


@EXAMPLES
def test_a_smoothed_loss_knows_the_loss_that_was_trained(loss, raw, y):
    """It exceeds that by at most the width of the smoothing times log 2 for every kink."""
    if not loss.smoothed:
        assert loss.trained == loss
        return
    difference = loss(raw, y) - loss.trained(raw, y)
    assert np.all(difference >= 0)
    assert np.all(difference <= 2 * raw.shape[1] * loss.width(raw, y) * np.log(2) + 8 * EPS)
    sharp = loss.at_temperature(1e-6)
    assert_allclose(sharp(raw, y), loss.trained(raw, y), atol=1e-5)
    assert_allclose(sharp.gradient(raw, y), loss.trained.gradient(raw, y), atol=1e-5)
    assert not np.any(loss.trained.hessian(raw, y))


@EXAMPLES
def test_hessian_is_autograds(loss, raw, y):
    expected = Loss.hessian(loss, raw, y)
    assert_allclose(loss.hessian(raw, y), expected, rtol=1e-10, atol=100 * EPS)


def test_trained_losses_are_scikit_learns():
    random = np.random.RandomState(0)
    raw, codes = 2 * random.standard_normal((20, 1)), np.arange(20) % 2
    hinge = SmoothHinge().trained(raw, 2.0 * codes[:, None] - 1)
    assert hinge.mean() == pytest.approx(hinge_loss(codes, raw[:, 0]))
    y = random.standard_normal((20, 1))
    pinball = SmoothPinball(0.3).trained(raw, y)
    assert pinball.mean() == pytest.approx(mean_pinball_loss(y, raw, alpha=0.3))
    tube = SmoothEpsilonInsensitive(0.1).trained(raw, y)
    assert_allclose(tube, np.maximum(np.abs(raw - y) - 0.1, 0)[:, 0])


@pytest.mark.parametrize("margin", [-500.0, -3.0, 5.0, 700.0])
def test_rows_far_from_the_kink_keep_the_digits_of_their_curvature(margin):
    loss, z = SmoothHinge(0.1), (1 - margin) / 0.1
    curvature = loss.hessian(np.array([[margin]]), np.ones((1, 1)))[0, 0, 0]
    assert_allclose(curvature, np.exp(-abs(z)) / 0.1 / (1 + np.exp(-abs(z))) ** 2, rtol=1e-12)


@EXAMPLES
def test_float32_stays_float32(loss, raw, y):
    raw, y = raw.astype(np.float32), y.astype(np.float32)
    assert loss(raw, y).dtype == np.float32
    if not isinstance(loss, NegativeLogProbability):  # evaluated only, by retrain
        assert loss.gradient(raw, y).dtype == loss.hessian(raw, y).dtype == np.float32


@EXAMPLES
def test_blocks_of_outputs_do_not_interact_and_add_up(loss, raw, y):
    blocks = loss.blocks(raw.shape[1])
    hessian, parts = loss.hessian(raw, y), np.zeros(len(raw))
    for part, outputs in blocks:
        inside = np.zeros(raw.shape[1], dtype=bool)
        inside[outputs] = True
        assert_array_equal(hessian[:, inside][:, :, ~inside], 0)
        assert_allclose(
            part.hessian(raw[:, inside], y[:, inside]), hessian[:, inside][:, :, inside]
        )
        parts += part(raw[:, inside], y[:, inside])
    assert_allclose(parts, loss(raw, y), rtol=1e-13)
    assert not loss.separable or len(blocks) == raw.shape[1]


def test_squared_error_has_its_closed_form():
    loss, raw, y = SquaredError(), np.array([[1.0, -2.0]]), np.array([[3.0, 1.0]])
    assert_allclose(loss(raw, y), [13])
    assert_allclose(loss.gradient(raw, y), [[-4, -6]])
    assert_allclose(loss.hessian(raw, y), [2 * np.eye(2)])


def test_log_loss_has_its_closed_form():
    raw = np.linspace(-5, 5, 11)[:, None]
    for label in (0.0, 1.0):
        y, p = np.full_like(raw, label), expit(raw)
        loss = LogLoss()
        assert_allclose(loss(raw, y), -np.log(p if label else 1 - p)[:, 0], rtol=1e-12)
        assert_allclose(loss.gradient(raw, y), p - y, rtol=1e-12, atol=1e-16)
        assert_allclose(loss.hessian(raw, y)[:, 0], p * (1 - p), rtol=1e-12)


def test_multinomial_log_loss_has_its_closed_form():
    raw, y = np.random.RandomState(0).standard_normal((5, 3)), one_hot([0, 1, 2, 1, 0])
    p, loss = softmax(raw, axis=1), MultinomialLogLoss()
    assert_allclose(loss(raw, y), -np.log(np.sum(p * y, axis=1)), rtol=1e-13)
    assert_allclose(loss.gradient(raw, y), p - y, rtol=1e-12, atol=1e-15)
    expected = p[:, :, None] * np.eye(3) - p[:, :, None] * p[:, None, :]
    assert_allclose(loss.hessian(raw, y), expected, rtol=1e-11, atol=1e-15)


def test_log_losses_are_scikit_learns_metric():
    random = np.random.RandomState(0)
    raw, codes = random.standard_normal((9, 3)), np.arange(9) % 3
    mean = MultinomialLogLoss()(raw, one_hot(codes)).mean()
    assert mean == pytest.approx(log_loss(codes, softmax(raw, axis=1)))
    raw, codes = raw[:, :1], np.arange(9) % 2
    mean = LogLoss()(raw, codes[:, None]).mean()
    assert mean == pytest.approx(log_loss(codes, LogLoss().probabilities(raw)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("label", [0, 1])
@pytest.mark.parametrize("value", [-800.0, -40.0, 0.0, 40.0, 800.0])
def test_log_losses_are_finite_and_right_at_extremes(value, label, dtype):
    raw, y = np.array([[value]], dtype=dtype), np.array([[label]], dtype=dtype)
    wrong = max(value if label == 0 else -value, 0)
    loss = LogLoss()
    assert loss(raw, y)[0] == pytest.approx(wrong, abs=0.7)
    assert_allclose(loss.gradient(raw, y), expit(raw) - y, atol=np.finfo(dtype).eps)
    assert 0 <= loss.hessian(raw, y)[0, 0, 0] <= 0.25
    raw, y = np.array([[value, 0, -1]], dtype=dtype), np.eye(3, dtype=dtype)[[label]]
    loss = MultinomialLogLoss()
    for part in (loss(raw, y), loss.gradient(raw, y), loss.hessian(raw, y)):
        assert np.all(np.isfinite(part))


def test_well_classified_row_keeps_the_digits_of_its_gradient():
    raw = np.array([[30.0], [300.0], [-300.0]])
    gradient = LogLoss().gradient(raw, np.array([[1.0], [1.0], [0.0]]))[:, 0]
    assert_allclose(gradient, [-np.exp(-30.0), -np.exp(-300.0), np.exp(-300.0)], rtol=1e-12)


@pytest.mark.parametrize("value", [-800.0, -40.0, -3.0, 0.0, 3.0, 40.0, 800.0])
@pytest.mark.parametrize("delta", [-1700.0, -30.0, -1e-9, 1e-9, 30.0, 1700.0])
def test_change_keeps_its_digits_at_extremes(value, delta):
    long = np.longdouble
    before, after = np.logaddexp(long(0), long(value)), np.logaddexp(long(0), long(value + delta))
    exact = after - before
    if abs(delta) < 1:  # the subtraction would lose it: the leading terms of Taylor's series
        p = 1 / (1 + np.exp(-long(value)))
        exact = p * delta + p * (1 - p) * long(delta) ** 2 / 2
    binary = LogLoss().change(np.array([[value]]), np.zeros((1, 1)), np.array([[delta]]))
    raw, change = np.array([[0.0, value]]), np.array([[0.0, delta]])
    several = MultinomialLogLoss().change(raw, np.array([[1.0, 0.0]]), change)
    assert_allclose([binary[0], several[0]], float(exact), rtol=1e-13, atol=1e-300)


def test_probabilities_sum_to_one_also_at_extremes():
    raw = np.array([[-800.0], [0.0], [800.0]])
    assert_allclose(LogLoss().probabilities(raw), [[1, 0], [0.5, 0.5], [0, 1]], atol=1e-300)
    wide = np.array([[-800.0, -800, -800], [800, -800, 0], [800, 800, 800]])
    for loss in (LogLoss(), MultinomialLogLoss()):
        assert_allclose(loss.probabilities(wide).sum(axis=1), 1)


def test_probability_of_zero_costs_a_finite_loss():
    loss = NegativeLogProbability()
    losses = loss(np.array([[0.0], [1.0]]), np.array([[1.0], [1.0]]))
    assert_allclose(losses, [-np.log(EPS), 0])
