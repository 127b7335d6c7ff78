"""The figures of ``decisions.py``: means over tables, every table, intervals and witnesses."""

import numpy as np
import pandas as pd
from _cleaners_compared import ASKED, FILTER, LEARNER, OURS, TUNED
from _noisy_tables import CLEAN, SHUFFLED
from _report import print_table

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


def records_of(found, model, noise):
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
    print(f"\nflags; seeds of each: {found.seed.nunique()}\n")
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
    records, rows = records_of(found, *ASKED), []
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
