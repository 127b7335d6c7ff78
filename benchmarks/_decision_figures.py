"""What ``decisions.py`` prints: means over tables, the worst tables, and a verdict on each."""

import numpy as np
import pandas as pd
from _cleaners_compared import ASKED, FILTER, LEARNER, OURS, TUNED
from _noisy_tables import CLEAN, SHUFFLED
from _report import print_table, verdict

FLAGS = {
    "AP": "precision of ranking",
    "F1": "F1",
    "precision": "precision",
    "recall": "recall",
    "flagged": "flagged",
    "share off": "share off",
    "acted": "acted",
    "seconds": "seconds",
}
CHANGES = {name: f"{name} change" for name in ("log loss", "area", "balanced")}
WAYS = (OURS, FILTER, LEARNER)
#: Those that no table may be worse in.
CHANGES_TOLD = ("log loss", "area")
#: How much worse a table is to be before it counts, beside two standard errors.
WORSE = 0.015


def of(found, model, noise):
    """Return the records of one model and one noise."""
    kind, rate = noise
    return found[(found.model == model) & (found.kind == kind) & np.isclose(found.rate, rate)]


def mean(records, by, figure):
    """Return the mean over tables of the means over seeds of one way of cleaning."""
    return records[records.by == by].groupby("table")[figure].mean().mean()


def cells_of(found):
    """Yield (model, noise, records) in the order they were asked for."""
    for (model, kind, rate), records in found.groupby(["model", "kind", "rate"], sort=False):
        yield model, (kind, rate), records


def noise_name(kind, rate):
    """Return the name of a noise."""
    return f"{kind} {rate:.0%}" if rate else kind


def number(value, form="{:.3f}"):
    """Return a number as text, "-" where there is none."""
    return "-" if pd.isna(value) else form.format(value)


def print_by_noise(found):
    """Print, for every model and noise, what was flagged, and then what came of it."""
    flags, changes = [], []
    for model, noise, records in cells_of(found):
        name = f"{model}, {noise_name(*noise)}"
        tables = records["table"].nunique()
        for by in WAYS:
            own = records[records.by == by]
            means = [number(mean(records, by, figure)) for figure in FLAGS.values()]
            any_flag, least = (own.flagged > 0).mean(), own.kept.min()
            flags.append((name, tables, by, *means, number(any_flag), number(least, "{:.2f}")))
        for by in (*WAYS, TUNED):
            means = [number(mean(records, by, change), "{:+.4f}") for change in CHANGES.values()]
            if means[-1] != "-":
                changes.append((name, tables, by, *means))
    print(f"\nflags; {found.seed.nunique()} seeds\n")
    print_table(("model, noise", "tables", "by", *FLAGS, "any flag", "least kept"), flags)
    print("\nthe model that comes out, less no cleaning\n")
    print_table(("model, noise", "tables", "by", *CHANGES), changes)


def average_precisions(found):
    """Return [(model, noise, ours, cleanlab's)] of the cells where labels were made wrong."""
    figure = FLAGS["AP"]
    return [
        (model, noise, mean(records, OURS, figure), mean(records, FILTER, figure))
        for model, noise, records in cells_of(found)
        if noise not in (CLEAN, SHUFFLED)
    ]


def print_by_model(found):
    """Print average precisions of every model and noise."""
    rows = [
        (model, noise_name(*noise), f"{ours:.3f}", f"{theirs:.3f}", f"{ours - theirs:+.3f}")
        for model, noise, ours, theirs in average_precisions(found)
    ]
    print("\naverage precision, mean over tables\n")
    print_table(("model", "noise", OURS, FILTER, "difference"), rows)


def worse_by(records, by):
    """Return, by table, mean change and standard error of loss and area, and which are worse."""
    groups = records[records.by == by].groupby("table")
    told = pd.DataFrame({"seeds": groups.size()})
    for name, sign in (("log loss", 1), ("area", -1)):
        change = groups[CHANGES[name]]
        told[name], told[f"{name} error"] = change.mean(), change.sem()
        rise, error = sign * told[name], told[f"{name} error"].fillna(0)
        told[f"{name} worse"] = (rise > WORSE) & (rise > 2 * error)
    told["worse"] = told["log loss worse"] | told["area worse"]
    return told


def print_worst(found):
    """Print the change of every table at the noise that most is asked of."""
    records, rows = of(found, *ASKED), []
    if records.empty:
        return
    for by in WAYS:
        told = worse_by(records, by).sort_values("log loss", ascending=False)
        for table, line in told.iterrows():
            figures = [f"{line[name]:+.4f} ± {line[f'{name} error']:.4f}" for name in CHANGES_TOLD]
            rows.append((by, table, int(line.seeds), *figures, "worse" if line.worse else ""))
    print(
        f"\nevery table, {ASKED[0]}, {noise_name(*ASKED[1])}: less no cleaning, ± standard error\n"
    )
    print_table(("by", "table", "seeds", *CHANGES_TOLD, ""), rows)


def print_cover(cover):
    """Print how many intervals cover the share of wrong labels, by size and share."""
    rows = []
    for what in ("n", "share"):
        for value, records in cover.groupby(what):
            name = f"n = {value}" if what == "n" else f"share {value:.0%}"
            means = records[["covers", "too high", "too low", "estimate", "length"]].mean()
            rows.append((name, len(records), *(f"{figure:.3f}" for figure in means)))
    print("\nthe interval of 90%, where the model is right\n")
    header = ("data", "draws", "covers", "too high", "too low", "estimate", "length")
    print_table(header, rows)


def by_table(removed):
    """Return Pearson, slope and near of the witnesses of each table."""
    rows = {}
    for table, records in removed.groupby("table"):
        covariance = np.cov(records.predicted, records.real)
        rows[table] = {
            "flags": len(records),
            "Pearson": records.predicted.corr(records.real),
            "slope": covariance[0, 1] / covariance[0, 0],
            "near": records.near.mean(),
        }
    return pd.DataFrame(rows).T


def print_witnesses(removed):
    """Print how margins move when the witnesses are removed."""
    told = by_table(removed)
    print("\nten witnesses removed and refitted: the margin's real change on the predicted one\n")
    rows = [
        (name, int(line["flags"]), *(f"{line[what]:.3f}" for what in ("Pearson", "slope", "near")))
        for name, line in told.iterrows()
    ]
    print_table(("table", "flags", "Pearson", "slope", "near"), rows)


def print_verdicts(found, few, cover, removed):
    """Print line by line what was asked, what was got, and whether it was met."""
    lines = []
    if not of(few, *ASKED).empty:
        lines += [*of_flags(of(few, *ASKED)), *of_models(of(few, *ASKED)), of_worst(found)]
    if not of(few, "logistic", CLEAN).empty:
        lines += of_clean(of(few, "logistic", CLEAN))
    if not of(few, "logistic", SHUFFLED).empty:
        lines.append(of_shuffled(of(few, "logistic", SHUFFLED)))
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
    met = ours["log loss"] <= -0.02
    yield (
        "log loss",
        *_signed("log loss", theirs, learner),
        "<= -0.0200",
        f"{ours['log loss']:+.4f}",
        met,
    )
    for name, least in asked.items():
        cells = *_signed(name, theirs, learner), f">= {least:+.4f}", f"{ours[name]:+.4f}"
        yield (
            name if name == "area" else f"balanced (tuned {tuned:+.4f})",
            *cells,
            ours[name] >= least,
        )


def _signed(name, *changes):
    return [f"{each[name]:+.4f}" for each in changes]


def of_worst(found):
    """Return the line on tables that are worse."""
    records = of(found, *ASKED)
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
