"""Problem: loss + predictor + penalty + the data, at the fitted parameters.

The objective is ``Σ_i s_i loss(raw_i(theta), y_i) + ½ Σ_j penalty_j theta_j² + norm(theta)``.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import cast

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from .._typing import MatrixLike, as_dense
from ..losses import Loss
from ..penalties import GroupNorm
from ..predictors import CurvedPredictor, LinearPredictor, Predictor, Tangent
from ._kernels import KernelModel
from ._reweighting import FixedWeights, Reweighting
from ._targets import Continuous, Targets

#: Columns up to which drawn rows are dense.
FEW_COLUMNS = 1000


@dataclass(frozen=True, eq=False)
class Problem:
    """What an estimator minimised, at the theta it found.

    Parameters
    ----------
    loss : Loss
        Pointwise loss in the raw prediction.
    predictor : Predictor
        ``raw(theta, X)`` and its derivatives.
    theta : ndarray of shape (P,)
        Fitted parameters, flat, in the predictor's layout.
    X : {ndarray, CSR matrix} of shape (n, p)
        Training rows as the final estimator saw them.
    y : ndarray of shape (n, K)
        Encoded targets.
    weights : ndarray of shape (n,)
        s: sample weight × class weight × any factor the estimator puts on the loss.
    penalty : ndarray of shape (P,)
        Diagonal of the penalty's Hessian; 0 where a parameter is not penalised.
    targets : Targets
        The user's y to ``y`` and back: ``Continuous``, ``Labels``, or another.
    reweighting : Reweighting
        How the weights of the others change when a row leaves.
    norm : GroupNorm or None
        The part of the penalty that has a kink at zero (l1, or groups). Parameters that it holds
        at zero stay there, to first order.
    mass : ndarray of shape (n,) or None
        For a penalty that multiplies the *mean* of the losses: what each row counts for in it. A
        row that leaves takes the share mass_j / Σ mass of the penalty with it. None means that
        the penalty belongs to the sum, and stays.
    question : Loss or None
        What is asked about a row, where it is not ``loss``.
    kernel : KernelModel or None
        The kernel model that this is one of, X being its features: what its users' rows and
        parameters are.
    """

    loss: Loss
    predictor: Predictor
    theta: np.ndarray
    X: MatrixLike
    y: np.ndarray
    weights: np.ndarray
    penalty: np.ndarray
    targets: Targets = field(default_factory=Continuous)
    reweighting: Reweighting = field(default_factory=FixedWeights)
    norm: GroupNorm | None = None
    mass: np.ndarray | None = None
    question: Loss | None = None
    kernel: KernelModel | None = None

    def __post_init__(self) -> None:
        # A curved predictor is taken at theta, whatever it was made with.
        object.__setattr__(self, "predictor", self.predictor.at(self.theta))

    @property
    def evaluation_loss(self) -> Loss:
        """The loss that questions are about."""
        return self.loss if self.question is None else self.question

    @property
    def reported_loss(self) -> Loss:
        """The loss whose values after a removal are reported: of evaluation, with its kink."""
        return self.evaluation_loss.trained

    @property
    def evaluation_gradients(self) -> np.ndarray:
        """Gradient of what is asked about every training row, in its raw prediction, (n, K)."""
        return self.gradients if self.question is None else self.question.gradient(self.raw, self.y)

    @property
    def n_outputs(self) -> int:
        """K, the number of raw predictions of a row."""
        return self.predictor.n_outputs

    @property
    def n_rows(self) -> int:
        """Number of training rows."""
        return self.X.shape[0]

    @property
    def n(self) -> float:
        """Sum of the weights, the n of ``damping`` and ``scale="upweight"``.

        An estimator whose mean counts rows (``mass`` of ones, unlike the weights) counts them
        here too.
        """
        return float((self.weights if self.mass is None else self.mass).sum())

    @cached_property
    def raw(self) -> np.ndarray:
        """Raw predictions of the training rows, shape (n, K)."""
        return self.predict_raw(self.X)

    @cached_property
    def gradients(self) -> np.ndarray:
        """Gradient g_i of every row's loss in its raw prediction, unweighted, shape (n, K)."""
        return self._of_rows(self.loss.gradient)

    @cached_property
    def curvatures(self) -> np.ndarray:
        """Hessian A_i of every row's loss in its raw prediction, unweighted, shape (n, K, K)."""
        return self._of_rows(self.loss.hessian)

    def _of_rows(self, function: Callable[..., np.ndarray]) -> np.ndarray:
        """Return what the loss says of every row, 0 where it overflows for a row of weight 0.

        Nothing holds the prediction of a row that has left, and it may go where no loss is finite.
        """
        left = np.flatnonzero(self.weights == 0)
        if not len(left):
            return function(self.raw, self.y)
        with np.errstate(over="ignore", invalid="ignore"):
            values = function(self.raw, self.y)
            over = left[~np.isfinite(values[left].sum(axis=tuple(range(1, values.ndim))))]
        if len(over):
            values = values.copy()
            values[over] = 0
        return values

    @cached_property
    def term_sizes(self) -> np.ndarray:
        """Size of what every raw prediction is a sum of, which it is rounded by, shape (n, K).

        Terms are large where their sum is not: of columns far from zero, and of powers of a column.
        """
        return np.maximum(np.abs(self.raw), self.predictor.term_sizes(self.theta, self.X))

    def predict_raw(self, X: MatrixLike) -> np.ndarray:
        """Return the raw predictions of rows as the final estimator sees them, shape (m, K)."""
        return self.predictor.raw(self.theta, X)

    @property
    def penalised(self) -> bool:
        """Whether every coefficient carries a penalty, so that no row is needed for any."""
        bare = self.penalty[: self.predictor.n_coefficients] == 0
        if self.norm is not None:
            held = self.norm.positions[self.norm.strength > 0]
            bare[held[held < len(bare)]] = False
        return not bare.any()

    @property
    def in_kernel_features(self) -> bool:
        """Whether X holds features of a kernel, rather than rows as the estimator takes them."""
        return self.kernel is not None and self.kernel.features is not None

    def encode(self, X: MatrixLike) -> MatrixLike:
        """Return rows as the predictor takes them, from rows as the final estimator sees them."""
        return X if self.kernel is None else self.kernel.encode(X)

    def parameter_change(
        self, rows: np.ndarray, change: np.ndarray, linear: bool = False
    ) -> np.ndarray:
        """Return the change of the user's parameters once each of rows has left.

        ``change`` is that of theta, (n_rows, P); they are theta itself but for kernel models.
        """
        index = np.arange(self.n_rows)
        return self.user_change((self.without(index == row) for row in rows), change, linear)

    def user_change(
        self, changed: Iterable["Problem"], change: np.ndarray, linear: bool = False
    ) -> np.ndarray:
        """Return the changes of the user's parameters where each comes from another objective.

        ``changed`` are these, still at this theta.
        """
        if self.kernel is None:
            return change
        parts = zip(changed, change)
        dual = [self.kernel.change(self, each, moved, linear) for each, moved in parts]
        width = self.y.size + change.shape[1] - self.predictor.n_coefficients
        return np.reshape(dual, (len(change), width)).astype(change.dtype, copy=False)

    def with_targets(self, X: MatrixLike, y: np.ndarray) -> MatrixLike:
        """Return rows as the predictor takes them: with their targets where it is a loss."""
        return X if self.loss.predicts else np.hstack([X, y])

    def at(self, theta: ArrayLike) -> "Problem":
        """Return the same problem at other parameters."""
        return replace(self, theta=np.asarray(theta, dtype=self.theta.dtype))

    def at_temperature(self, temperature: float) -> "Problem":
        """Return the same problem, a loss that is smoothed having this width; else unchanged."""
        if not self.loss.smoothed:
            return self
        return replace(self, loss=self.loss.at_temperature(temperature))

    def reweighted(self, weights: np.ndarray, share: float = 1.0) -> "Problem":
        """Return the same problem, at the same parameters, with other row weights.

        ``share`` is what is left of the penalty.
        """
        share = self.theta.dtype.type(share)
        norm = None if self.norm is None else self.norm.scaled(share)
        part = replace(self, weights=weights, penalty=share * self.penalty, norm=norm)
        return self._known(part, slice(None))

    def with_weights_of(self, stated: "Problem") -> "Problem":
        """Return the same problem, at the same parameters, weighted and penalised as another.

        The other is of the same rows; what depends on weights is its own.
        """
        part = replace(
            self,
            weights=stated.weights,
            penalty=stated.penalty,
            norm=stated.norm,
            mass=stated.mass,
            reweighting=stated.reweighting,
        )
        return self._known(part, slice(None))

    def without(self, members: np.ndarray) -> "Problem":
        """Return the problem, at the same parameters, once the rows of a mask have left."""
        weights = self.reweighting.weights_without(self.weights, members)
        share = 1.0 if self.mass is None else self.mass[~members].sum() / self.mass.sum()
        return self.reweighted(weights, share)

    def rest(self, members: np.ndarray) -> "Problem":
        """Return what is left of the problem as ``assign`` takes it, without the rows of a mask.

        A kernel model keeps its other rows; the parameters of the others tell everything.
        """
        if self.kernel is None:
            return self
        left, kept = self.without(members), np.flatnonzero(~members)
        part = replace(left, X=left.X[kept], y=left.y[kept], weights=left.weights[kept])
        return replace(part, kernel=self.kernel.take(kept))

    def refitted(self, full: "Problem", kept: np.ndarray) -> "Problem":
        """Return the problem of a refit to some rows, in the terms of the full fit's problem.

        A smoothed loss has the width that it has there; a kernel model was refitted in features.
        """
        loss = full.loss if self.loss.smoothed else self.loss
        kernel = None if full.kernel is None else full.kernel.take(kept)
        return replace(self, loss=loss, kernel=kernel)

    def penalty_shares(self, rows: np.ndarray) -> np.ndarray:
        """Return the share of the penalty that each row takes with it, shape (n_rows,)."""
        if self.mass is None:
            return np.zeros(len(rows), dtype=self.theta.dtype)
        return (self.mass[rows] / self.mass.sum()).astype(self.theta.dtype)

    def leave_one_out_problems(self) -> list[tuple[np.ndarray, "Problem"]]:
        """Return what the others see once a row has left: its weight zeroed last, not here.

        Rows that leave the same weights and penalty behind are taken together; where they differ
        a little (by unequal mass) they share the mean.

        Returns
        -------
        parts : list of (members, Problem)
            Boolean mask of shape (n,), and the problem with the weights and the penalty that the
            others have; it is this very problem where nothing changes.
        """
        parts = []
        for members, weights in self.reweighting.leave_one_out_weights(self.weights):
            shares = self.penalty_shares(np.flatnonzero(members))
            total = shares.sum()
            share = float(1 - shares @ shares / total) if total > 0 else 1.0
            changed = share != 1.0 or weights is not self.weights
            parts.append((members, self.reweighted(weights, share) if changed else self))
        return parts

    def shared_coefficients(self, rows: np.ndarray) -> np.ndarray:
        """Return c_jd, by how much each shared direction grows when a row leaves, (n_rows, q)."""
        coefficients = self.reweighting.coefficients(rows).astype(self.theta.dtype)
        if self.mass is None:
            return coefficients
        return np.hstack([coefficients, -self.penalty_shares(rows)[:, None]])

    def shared_directions(self) -> np.ndarray:
        """Return D, shape (q, P): gradients of the terms whose weight changes when a row leaves.

        They are the losses of each class if the weights are balanced, and the penalty if it
        multiplies the mean of the losses.
        """
        directions = [
            self.data_gradient(self.weights * members) for members in self.reweighting.memberships()
        ]
        if self.mass is not None:
            directions.append(self.penalty_gradient())
        return np.reshape(directions, (-1, len(self.theta))).astype(self.theta.dtype)

    def restrict(self, rows: np.ndarray) -> "Problem":
        """Return the problem of some rows, their weights scaled up to stand for all n.

        Sparse rows of few columns become dense: small slices cost more than their products.
        """
        scale, X = self.n_rows / len(rows), self.X[rows]
        part = replace(
            self,
            X=X.toarray() if sparse.issparse(X) and X.shape[1] <= FEW_COLUMNS else X,
            y=self.y[rows],
            weights=self.weights[rows] * scale,
            mass=None if self.mass is None else self.mass[rows] * scale,
        )
        return self._known(part, rows)

    def centred(self, centre: np.ndarray) -> "Problem":
        """Return the same problem with ``X - centre``, its intercepts moved to match.

        Columns that are constant up to rounding become zero. ``centre`` is (p,); where X is sparse,
        the columns that it moves become full.
        """
        far = np.flatnonzero(centre)
        columns = as_dense(self.X[:, far])
        constant = np.ptp(columns, axis=0) <= 16 * np.finfo(columns.dtype).eps * abs(centre[far])
        moved = np.where(constant, 0, columns - centre[far])
        X = _with_columns(self.X, far, moved.astype(columns.dtype, copy=False))
        linear = cast(LinearPredictor, self.predictor)
        coef, intercept = linear.unflatten(self.theta)
        theta = linear.flatten(coef, intercept + coef @ centre)
        return self._known(replace(self, X=X, theta=theta), slice(None))

    def _known(self, part: "Problem", rows: np.ndarray | slice) -> "Problem":
        """Hand the derivatives of ``rows`` on to ``part``, which has the same theta."""
        for name in ("raw", "gradients", "curvatures"):
            if name in self.__dict__:
                part.__dict__[name] = self.__dict__[name][rows]
        return part

    def linearised(self) -> "Problem":
        """Return the problem whose prediction is the tangent of this one's at theta.

        Its gradient is the same, and its Hessian the Gauss-Newton matrix of this problem.
        """
        if self.predictor.is_linear:
            return self
        tangent = Tangent(cast(CurvedPredictor, self.predictor))
        return self._known(replace(self, predictor=tangent), slice(None))

    def raw_changes(self, X: MatrixLike, changes: np.ndarray) -> np.ndarray:
        """Return the change of the raw predictions of X under each change of theta, (m, b, K)."""
        if self.predictor.is_linear:
            return self.predictor.jvp(X, changes.T).transpose(0, 2, 1)
        raw = np.empty((X.shape[0], len(changes), self.n_outputs), dtype=self.theta.dtype)
        before = self.predict_raw(X)
        for i, change in enumerate(changes):
            raw[:, i] = self.predictor.raw(self.theta + change, X) - before
        return raw

    def own_raw_changes(self, rows: np.ndarray, changes: np.ndarray) -> np.ndarray:
        """Return the change of every row's own raw prediction under its change of theta, (b, K)."""
        if self.predictor.is_linear:
            return self.predictor.row_jvp(self.X[rows], changes)
        after = [
            self.predictor.raw(self.theta + change, self.X[[row]])
            for row, change in zip(rows, changes)
        ]
        return np.reshape(after, (len(rows), self.n_outputs)) - self.raw[rows]

    def blocks(self) -> list[tuple[Loss, slice]]:
        """Split the outputs into blocks that share no parameters and whose losses add up.

        Returns
        -------
        blocks : list of (Loss, slice)
        """
        if not self.predictor.separable:
            return [(self.loss, slice(0, self.n_outputs))]
        return self.loss.blocks(self.n_outputs)

    def block(self, loss: Loss, outputs: slice) -> tuple["Problem", np.ndarray]:
        """Return the problem of a slice of outputs with their loss, and its part of theta."""
        predictor, positions = self.predictor.block(outputs)
        part = replace(
            self,
            loss=loss,
            predictor=predictor,
            theta=self.theta[positions],
            y=self.y[:, outputs],
            penalty=self.penalty[positions],
            norm=None if self.norm is None else self.norm.restrict(positions, len(self.theta)),
        )
        return part, positions

    @cached_property
    def free(self) -> np.ndarray | None:
        """Mask of the parameters that the norm does not hold at zero, (P,); None if all are."""
        if self.norm is None:
            return None
        free = self.norm.free(self.theta)
        return None if free.all() else free

    def active_set(self, free: np.ndarray | None = None) -> tuple["Problem", np.ndarray]:
        """Return the problem of the features that are free in some output, and their positions.

        ``free`` is a mask of theta; by default that of the parameters the norm does not hold.
        """
        free = self.free if free is None else free
        if self.norm is None or free is None:
            raise ValueError("No norm holds parameters of this problem at zero.")
        predictor, columns, positions = self.predictor.active_set(free)
        part = replace(
            self,
            predictor=predictor,
            theta=self.theta[positions],
            X=self.X[:, columns],
            penalty=self.penalty[positions],
            norm=self.norm.restrict(positions, len(self.theta)),
        )
        if not np.any(self.theta[~free]):  # else it predicts without them
            self._known(part, slice(None))
        return part, positions

    def objective(self) -> float:
        """Return the value of the objective at theta."""
        losses = self._of_rows(self.loss)
        smooth = self.weights @ losses + 0.5 * self.penalty @ self.theta**2
        return float(smooth) if self.norm is None else float(smooth) + self.norm.value(self.theta)

    def gradient(self) -> np.ndarray:
        """Return the objective's gradient at theta, shape (P,): zero if the fit converged.

        With a norm it is the shortest subgradient.
        """
        smooth = self.smooth_gradient()
        return smooth if self.norm is None else self.norm.subgradient(self.theta, smooth)

    def smooth_gradient(self) -> np.ndarray:
        """Return the gradient of the objective without the norm, shape (P,)."""
        return self.data_gradient(self.weights) + self.penalty * self.theta

    def penalty_gradient(self) -> np.ndarray:
        """Return the gradient of the penalty, on the active set of the norm, shape (P,)."""
        ridge = self.penalty * self.theta
        return ridge if self.norm is None else ridge + self.norm.gradient(self.theta)

    def data_gradient(self, weights: np.ndarray) -> np.ndarray:
        """Return sum_i weights_i J_iᵀ g_i, shape (P,)."""
        weighted = weights[:, None] * self.gradients
        return self.predictor.vjp(self.X, weighted[:, :, None])[:, 0]


def _with_columns(X: MatrixLike, columns: np.ndarray, values: np.ndarray) -> MatrixLike:
    """Return rows with other values in some columns, sparse where X is."""
    if not sparse.issparse(X):
        X = X.copy()
        X[:, columns] = values
        return X
    kept = np.ones(X.shape[1], dtype=X.dtype)
    kept[columns] = 0
    where = (np.ones(len(columns), dtype=X.dtype), (np.arange(len(columns)), columns))
    placed = sparse.csr_array(values) @ sparse.csr_array(where, shape=(len(columns), X.shape[1]))
    return type(X)(X @ sparse.dia_array((kept[None], [0]), shape=(len(kept),) * 2) + placed)


def require_predictions(problem: Problem | None) -> None:
    """Raise ValueError if a problem is known by its losses alone, without a prediction.

    Parameters
    ----------
    problem : Problem or None
        None is let through.

    Raises
    ------
    ValueError
        With the remedy.
    """
    if problem is not None and not problem.loss.predicts:
        raise ValueError(
            "This model is known by its losses alone, which are no predictions; ask about losses "
            "or parameters, or give it as a prediction and a loss of it (`problem_of_function`)."
        )
