"""How far a cleaner's scores can be trusted: ten rows are really left out, the fit is judged."""

import numpy as np

from .._diagnostics_of_fit import FitDiagnostics
from .._verification import compare
from ..report import REFITTED, Figure, Trust, diagnostics
from ..scores import Refit, newton_decrement, typical_decrement
from ._scored_model import ScoredModel


def figures_of_fit(scored: ScoredModel) -> list[Figure]:
    """Return the diagnostics of the model that scored, for a report."""
    fit = FitDiagnostics(scored.working, scored.inverse)
    if scored.factored:  # the scores have asked for every leverage already
        _ = fit.effective_dimension
    decrement = newton_decrement(scored.problem, scored.inverse)
    return diagnostics(fit, decrement, typical_decrement(scored.problem, scored.inverse))


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
    refit = Refit.around(scored.estimator, problem, np.asarray(y), weights, **known)
    raw, targets = problem.raw[rows], problem.y[rows]
    estimated, refitted = (
        problem.reported(raw + change, targets) - problem.reported(raw, targets)
        for change in (scored.newton.on_own_raw(rows), refit.on_own_raw(rows))
    )
    found = compare(
        estimated[None],
        refitted[None],
        rows,
        confidence=0.95,
        random=random,
        selected_as=why,
        method="newton",
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
