"""How far a cleaner's scores can be trusted: ten rows are really left out, the fit is judged."""

import numpy as np

from ..adapters import FittedModel
from ..changes import EncodedRemove
from ..diagnostics import Conditioning, compare
from ..methods import Newton, Refit, RetrainAnswers
from ..optimum import newton_decrement, typical_decrement
from ..report import REFITTED, Figure, Trust, figures_of_fit
from ._scored_model import ScoredModel


def figures_of_scores(scored: ScoredModel) -> list[Figure]:
    """Return the diagnostics of the model that scored, for a report."""
    fit = Conditioning(scored.working, scored.inverse)
    if scored.factored:  # the scores have asked for every leverage already
        _ = fit.effective_dimension
    decrement = newton_decrement(scored.problem, scored.inverse)
    typical = typical_decrement(scored.problem, scored.inverse)
    return figures_of_fit(fit, decrement, typical)


def refit_some(
    scored: ScoredModel, ranking: np.ndarray, y: np.ndarray, weights: np.ndarray | None
) -> Trust | None:
    """Really refit without some rows, flagged ones and others; compare their own losses.

    Returns
    -------
    trust : Trust or None
        None if no row can be left out, each being alone in its class.
    """
    problem, random = scored.problem, np.random.RandomState(0)
    rows, why = _refittable(scored, ranking, random)
    if not len(rows):
        return None
    known = {"inverse": scored.inverse} if scored.factored else {}
    model = FittedModel(scored.estimator, problem, np.asarray(y), weights)
    refits = RetrainAnswers(scored.fit, Refit.of(model, **known))
    raw, targets, left_out = problem.raw[rows], problem.y[rows], EncodedRemove(rows)
    estimated, refitted = (
        problem.reported_loss(raw + change, targets) - problem.reported_loss(raw, targets)
        for change in (scored.newton.own_raw(left_out), refits.own_raw(left_out))
    )
    found = compare(
        estimated[None],
        refitted[None],
        rows,
        confidence=0.95,
        random=random,
        selected_as=why,
        method=Newton.name,
        remedy=Newton.remedy,
    )
    return Trust(found, "the loss of each row itself")


def _refittable(
    scored: ScoredModel, ranking: np.ndarray, random: np.random.RandomState
) -> tuple[np.ndarray, np.ndarray]:
    """Choose the most suspicious rows, and random ones, that are not alone in their class."""
    kinds = scored.problem.targets.kinds(scored.problem.y)
    several = [np.bincount(codes)[codes] > 1 for codes in kinds]
    able = np.all(several, axis=0) if several else np.ones(len(ranking), dtype=bool)
    candidates = ranking[able[ranking]]
    n_worst = min((REFITTED + 1) // 2, len(candidates))
    drawn = random.permutation(candidates[n_worst:])[: REFITTED - n_worst]
    rows = np.concatenate([candidates[:n_worst], drawn])
    return rows, np.repeat(["most suspicious", "random"], [n_worst, len(drawn)])
