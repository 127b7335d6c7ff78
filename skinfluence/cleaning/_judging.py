"""What is made of out-of-sample predictions: skill, noise, flags and suggestions."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import norm
from sklearn.utils import Bunch

from .._typing import as_dense
from ._flagging import FEW_COLUMNS, first_of, outlying, wrong_labels
from ._label_noise import LabelNoise, label_noise
from ._models import numbers
from ._out_of_sample import OutOfSample

#: Deviations of a value from the mean, in medians, that squared errors are counted up to.
FAR_OUT = 5
#: Chance that labels which have nothing to do with X are judged at all.
CHANCE = 0.01


@dataclass(frozen=True, eq=False)
class Judged:
    """What was found of every label.

    Parameters
    ----------
    found : OutOfSample
    second : ndarray of shape (n, K) or None
        Probabilities by a second view.
    given : ndarray of shape (n,) or (n, n_outputs)
        The labels.
    codes : ndarray of int of shape (n,) or None
        The given classes, -1 for rows that are not judged.
    scores, flagged, suggested : ndarray of shape (n,)
    skill : Bunch
    noise : LabelNoise or None
    wrong : ndarray of shape (n,) or None
        Probability that each label is wrong.
    """

    found: OutOfSample
    second: np.ndarray | None
    given: np.ndarray
    codes: np.ndarray | None
    scores: np.ndarray
    flagged: np.ndarray
    suggested: np.ndarray
    skill: Bunch
    noise: LabelNoise | None = None
    wrong: np.ndarray | None = None

    @property
    def ranking(self) -> np.ndarray:
        """Rows, most suspicious first."""
        return np.argsort(-self.scores, kind="stable")

    @property
    def warning(self) -> str:
        """What is to be said of the model, "" if nothing."""
        if self.skill.skilled:
            return ""
        than = "the shares of the classes" if self.noise is not None else "the mean"
        return (
            f"The model predicts rows that it has not seen no better than {than} "
            f"({self.skill.score} {self.skill.model:.3g} against {self.skill.baseline:.3g}, "
            f"p = {self.skill.p_value:.2g}): it can judge no label. Give it columns, or an "
            "estimator, that tell the labels apart."
        )

    def attributes(self) -> dict[str, Any]:
        """Return the fitted attributes of a cleaner."""
        noise = self.noise
        return {
            "_given": self.given,
            "_codes": self.codes,
            "_scored": self.found.scored,
            "label_scores_": self.scores,
            "ranking_": self.ranking,
            "flagged_": self.flagged,
            "suggested_labels_": self.suggested,
            "loo_probabilities_": self.found.probabilities,
            "probabilities_from_": self.found.source,
            "second_view_probabilities_": self.second,
            "penalty_": self.found.penalty,
            "skill_": self.skill,
            "wrong_probabilities_": self.wrong,
            "noise_rate_": None if noise is None else noise.rate,
            "noise_rate_interval_": None if noise is None else noise.rate_interval,
            "noise_matrix_": None if noise is None else noise.matrix,
            "noise_matrix_interval_": None if noise is None else noise.matrix_interval,
        }


def judged(
    found: OutOfSample,
    second: np.ndarray | None,
    X: Any,
    given: Any,
    labels: Any,
    weights: np.ndarray | None,
    lost: np.ndarray | None,
    contamination: Any,
) -> Judged:
    """Judge labels by predictions of rows that a model has not seen.

    Parameters
    ----------
    found : OutOfSample
    second : ndarray of shape (n, K) or None
        Probabilities by a second view.
    X, given, labels, weights
        The training rows; ``labels`` are what was fitted on.
    lost : ndarray of bool of shape (n,) or None
        Rows whose class has no weight: nothing is known of them, and they are ranked last.
    contamination : "auto" or float
        As in ``LabelCleaner``.
    """
    if found.probabilities is None:
        return _judged_values(found, X, given, labels, weights, contamination)
    return _judged_classes(found, second, given, weights, lost, contamination)


def _judged_classes(found, second, given, weights, lost, contamination):
    n, scores, codes = len(found.codes), found.label_scores, found.codes
    views = [found.probabilities] if second is None else [found.probabilities, second]
    known = np.ones(n, dtype=bool) if lost is None else ~lost
    counted = known if weights is None else known & (weights > 0)
    part = None if weights is None else weights[counted]
    noise = label_noise([view[counted] for view in views], codes[counted], part)
    wrong = np.full(n, np.nan)
    wrong[known] = noise.wrong_probabilities([view[known] for view in views], codes[known])
    probable = found.probabilities if second is None else noise.true_probabilities(views)
    predicted = probable.argmax(axis=1)
    suggested = found.predicted if second is None else found.classes[predicted]
    if lost is not None:
        scores, codes = np.where(lost, np.nan, scores), np.where(lost, -1, codes)
        suggested = np.where(lost, given, suggested)
    skill = _skill("log loss", noise.log_loss, noise.baseline_log_loss, noise.p_value)
    flagged = np.zeros(n, dtype=bool)
    if contamination != "auto":
        count = round(contamination * np.count_nonzero(known))
        flagged = first_of(np.argsort(-scores, kind="stable"), count, codes)
        others = found.classes[_best_other(probable, codes)]
        suggested = np.where(flagged & (predicted == codes), others, suggested)
    elif skill.skilled:
        flagged[known] = wrong_labels(wrong[known], codes[known], predicted[known], scores[known])
    kept = np.array(given)
    return Judged(found, second, kept, codes, scores, flagged, suggested, skill, noise, wrong)


def _skill(score, model, baseline, p_value):
    skilled = p_value < CHANCE
    return Bunch(score=score, model=model, baseline=baseline, p_value=p_value, skilled=skilled)


def _best_other(probabilities, codes):
    """Return the most probable class beside the given one."""
    others = np.array(probabilities)
    others[np.arange(len(codes)), np.maximum(codes, 0)] = -1
    return others.argmax(axis=1)


def _judged_values(found, X, given, labels, weights, contamination):
    counted = slice(None) if weights is None else weights > 0
    values = np.asarray(labels, dtype=float).reshape(len(found.predicted), -1)
    predicted = np.reshape(found.predicted, values.shape)
    n_rows, columns = len(values), _columns(found, X)
    values, predicted = values[counted], predicted[counted]
    n = len(values)
    means = (values.sum(axis=0) - values) / max(n - 1, 1)
    losses, baselines = (np.sum((values - each) ** 2, axis=1) for each in (predicted, means))
    most = FAR_OUT**2 * np.median(baselines)  # what is looked for must not decide
    losses, baselines = np.minimum(losses, most), np.minimum(baselines, most)
    gains = baselines - losses
    error = np.std(gains) / np.sqrt(n)
    p_value = float(norm.sf(gains.mean() / error)) if error > 0 else float(gains.mean() <= 0)
    skill = _skill("squared error", float(losses.mean()), float(baselines.mean()), p_value)
    flagged = np.zeros(n_rows, dtype=bool)
    if contamination != "auto":
        ranking = np.argsort(-found.label_scores, kind="stable")
        flagged = first_of(ranking, round(contamination * n_rows))
    elif skill.skilled:
        nearby = None if columns is None else columns[counted]
        flagged[counted] = outlying(found.residuals[counted], nearby, predicted)
    parts = None, found.label_scores, flagged, found.predicted, skill
    return Judged(found, None, np.array(given), *parts)


def _columns(found, X):
    """Return the columns that tell which rows are nearby, where they are few numbers."""
    if found.scored is not None:
        problem = found.scored.problem
        X = None if problem.in_kernel_features else problem.X
    columns = numbers(X)
    if columns is None or columns.shape[1] > FEW_COLUMNS:
        return None
    return as_dense(columns).astype(float)
