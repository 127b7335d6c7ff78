"""What was asked of decisions, what was got, and whether it was met, line by line.

Where cleanlab's filter and its meta-estimator differ, the better of the two counts.
"""

import numpy as np
from _cleaners_compared import ASKED, FILTER, LEARNER, OURS, TUNED
from _decision_figures import (
    CHANGES,
    WAYS,
    average_precisions,
    by_table,
    mean,
    noise_name,
    records_of,
    worse_by,
)
from _noisy_tables import CLEAN, SHUFFLED
from _report import print_table, verdict


def print_verdicts(found, few, cover, removed):
    """Print line by line what was asked, what was got, and whether it was met."""
    lines = []
    asked, clean, shuffled = (
        records_of(few, "logistic", noise) for noise in (ASKED[1], CLEAN, SHUFFLED)
    )
    if len(asked):
        lines += [*of_flags(asked), *of_models(asked), of_worst(found)]
    if len(clean):
        lines += of_clean(clean)
    if len(shuffled):
        lines.append(of_shuffled(shuffled))
    lines += [*of_shares(few), *of_cover(cover), of_kept(found), *of_rankings(few)]
    lines += of_witnesses(by_table(removed))
    print(f"\nwhat was asked; {ASKED[0]} and {noise_name(*ASKED[1])} unless another is named\n")
    print_table(
        ("what", FILTER, LEARNER, "asked", OURS, ""), [(*row, verdict(met)) for *row, met in lines]
    )


def of_flags(records):
    """Yield the lines on flags."""
    ours, theirs, learner = (
        {figure: mean(records, by, figure) for figure in ("F1", "precision", "recall")}
        for by in WAYS
    )
    asked = max(theirs["F1"], learner["F1"]) + 0.03
    others = f"{theirs['F1']:.3f}", f"{learner['F1']:.3f}"
    yield "F1 of flags", *others, f">= {asked:.3f}", f"{ours['F1']:.3f}", ours["F1"] >= asked
    asked = max(theirs["precision"], learner["precision"]) + 0.1
    cells = [f"{each['precision']:.3f} / {each['recall']:.3f}" for each in (theirs, learner, ours)]
    met = ours["precision"] >= asked and ours["recall"] >= 0.55
    yield "precision / recall", *cells[:2], f">= {asked:.3f} / 0.550", cells[2], met


def of_models(records):
    """Yield the lines on the model that comes out."""
    ours, theirs, learner = (
        {name: mean(records, by, change) for name, change in CHANGES.items()} for by in WAYS
    )
    tuned = mean(records, TUNED, CHANGES["balanced"])
    best = {name: max(theirs[name], learner[name]) for name in CHANGES}
    asked = {"area": max(0.005, best["area"]), "balanced": best["balanced"]}
    cells = *_signed("log loss", theirs, learner), "<= -0.0200", *_signed("log loss", ours)
    yield "log loss", *cells, ours["log loss"] <= -0.02
    names = {"area": "area", "balanced": f"balanced (tuned {tuned:+.4f})"}
    for name, least in asked.items():
        cells = *_signed(name, theirs, learner), f">= {least:+.4f}", *_signed(name, ours)
        yield names[name], *cells, ours[name] >= least


def _signed(name, *changes):
    return [f"{each[name]:+.4f}" for each in changes]


def of_worst(found):
    """Return the line on tables that are worse."""
    records = records_of(found, *ASKED)
    counts = [int(worse_by(records, by).worse.sum()) for by in (FILTER, LEARNER, OURS)]
    seeds = records.groupby("table").seed.nunique().min()
    return f"tables worse, {seeds} seeds", *counts[:2], "0", counts[2], counts[2] == 0


def of_clean(records):
    """Yield the lines on tables without wrong labels."""
    ours, theirs, learner = (
        [mean(records, by, each) for each in (CHANGES["log loss"], CHANGES["area"], "flagged")]
        for by in WAYS
    )
    cells = [f"{each[0]:+.4f} / {each[1]:+.4f}" for each in (theirs, learner, ours)]
    met = ours[0] <= 0.005 and ours[1] >= -0.003
    yield "clean: log loss / area", *cells[:2], "<= +0.005 / >= -0.003", cells[2], met
    cells = [f"{each[2]:.4f}" for each in (theirs, learner, ours)]
    asked = min(theirs[2], learner[2]) / 2
    yield "clean: rows flagged", *cells[:2], f"<= {asked:.4f}", cells[2], ours[2] <= asked


def of_shuffled(records):
    """Return the line on labels that are noise."""
    shares = [(records[records.by == by].flagged > 0).mean() for by in (FILTER, LEARNER, OURS)]
    cells = [f"{share:.3f}" for share in shares]
    return "shuffled: draws with any flag", *cells[:2], "<= 0.050", cells[2], shares[2] <= 0.05


def of_shares(found):
    """Yield the line on the estimated share of wrong labels, over all rates."""
    records = found[(found.kind != "shuffled") & (found.model == "logistic")]
    if records.empty:
        return
    means = records.groupby(["by", "kind", "rate", "table"])[["share off", "share off, joint"]]
    off = means.mean().groupby("by").mean()
    theirs, ours = off.loc[FILTER], off.loc[OURS, "share off"]
    asked = theirs.min() / 2
    name = "share off (cleanlab: counted, joint)"
    both = [f"{each:.4f}" for each in theirs]
    yield name, *both, f"<= {asked:.4f}", f"{ours:.4f}", ours <= asked


def of_cover(cover):
    """Yield the lines on the cover of intervals, with and without clean labels."""
    for name, part in (("all", cover), ("share > 0", cover[cover.share > 0])):
        share, error = part.covers.mean(), part.covers.sem()
        got = f"{share:.3f} ± {error:.3f}"
        yield f"interval covers, {name}", "-", "-", ">= 0.900", got, share >= 0.9


def of_kept(found):
    """Return the line on the least share of a class that is kept, of all draws."""
    least = [found[found.by == by].kept.min() for by in (FILTER, LEARNER, OURS)]
    cells = [f"{share:.3f}" for share in least]
    return "least share kept, all draws", *cells[:2], ">= 0.500", cells[2], least[2] >= 0.5


def of_rankings(found):
    """Yield the lines on average precision over models and noises."""
    cells = average_precisions(found)
    if not cells:
        return
    ours, theirs = (np.mean([cell[i] for cell in cells]) for i in (2, 3))
    name = f"average precision, {len(cells)} models × noises"
    yield name, f"{theirs:.4f}", "-", f"> {theirs:.4f}", f"{ours:.4f}", ours > theirs
    gap, model, noise = min((cell[2] - cell[3], *cell[:2]) for cell in cells)
    name = f"least gain: {model}, {noise_name(*noise)}"
    yield name, "-", "-", ">= -0.0200", f"{gap:+.4f}", gap >= -0.02


def of_witnesses(told):
    """Yield the lines on witnesses, means over tables."""
    pearson, near = told.Pearson.mean(), told.near.mean()
    got = f"{pearson:.3f} (least {told.Pearson.min():.3f})"
    yield "witnesses removed: Pearson", "-", "-", ">= 0.950", got, pearson >= 0.95
    got = f"{near:.3f} (least {told.near.min():.3f})"
    yield "witnesses near", "-", "-", ">= 0.500", got, near >= 0.5
