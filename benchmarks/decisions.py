"""Flags, suggestions and the model that comes out, on tables with wrong labels.

``_noisy_tables.py`` says which tables, and how labels are made wrong; ``_cleaners_compared.py``
what cleans them. Test labels are right. Nothing here was used to choose a rule. All figures are
means over tables of means over seeds.

    AP                         average precision of the ranking: LabelCleaner's scores, cleanlab's
                               self confidence (the order it uses unless told otherwise)
    F1, precision, recall      of flags; precision only where anything is flagged
    flagged, any flag          share of the rows; share of the draws where any row is
    least kept                 least share of a class, as given, that is not flagged, of all draws
    share off                  mean absolute error of the estimated share of wrong labels: by
                               ``noise_rate_``, and by cleanlab's ``num_label_issues``; in the
                               verdicts by its joint distribution too, and the better one counts
    log loss, area, balanced   of the model on the test rows, less those of no cleaning; balanced is
                               accuracy, and its threshold tuned is no cleaning, only decided well
    acted                      share of the draws where LabelCleaner did anything
    worse                      tables whose mean log loss rises by 0.015 and two standard errors
                               over seeds, or whose area falls by as much
    covers                     intervals of the share of wrong labels that hold it (90% asked), on
                               generated data where the model is right (``_interval_cover.py``)
    Pearson, near              of the margin's change when witnesses are removed, real on predicted;
                               share of witnesses in the nearest tenth (``_witnesses_removed.py``)

The default is a part: the logistic regression at every noise and one seed, without Enron1 but where
most is asked (10% uniform, clean, shuffled), five seeds of 10% uniform, and forests and boosting at
10% on all but the largest tables: twelve minutes on one core. ``--full`` is everything, seeds 0 to
4, and 20 of 10% uniform: hours. With ``--store`` it goes on where it was stopped.
"""

import argparse
from pathlib import Path

import pandas as pd
from _cleaners_compared import ASKED, MODELS, draws
from _decision_figures import (
    print_by_model,
    print_by_noise,
    print_cover,
    print_witnesses,
    print_worst,
)
from _decision_verdicts import print_verdicts
from _interval_cover import intervals
from _noisy_tables import CLEAN, KINDS, NOISES, SHUFFLED, SPARSE, table_names
from _report import origin
from _witnesses_removed import witnesses
from joblib import Parallel, delayed

FEW = [(kind, 0.1) for kind in KINDS]
ALWAYS = [ASKED[1], CLEAN, SHUFFLED]
LARGEST = ("page-blocks0", "phoneme")


def wanted(table, seed, args):
    """Return the (model, noise) that are asked of a table and a seed."""
    asked = []
    for model in args.models:
        if table == SPARSE and model != "logistic":  # it would have to be dense
            continue
        noises = NOISES
        if not args.full and model != "logistic":
            noises = [] if table in LARGEST else FEW
        elif not args.full and table == SPARSE:
            noises = ALWAYS
        asked += [(model, noise) for noise in noises if seed < args.seeds]
    if "logistic" in args.models and args.seeds <= seed < args.many_seeds:
        asked.append(ASKED)
    return asked


def all_draws(args):
    """Return the records of all draws; those in the file ``--store`` names are not made again."""
    frames, done = [], set()
    if args.store and args.store.exists():
        frames.append(pd.read_csv(args.store))
        done = set(zip(*(frames[0][key] for key in ("table", "seed", "model", "kind", "rate"))))
    tasks = []
    for seed in range(max(args.seeds, args.many_seeds)):
        for table in args.tables:
            asked = [
                (model, noise)
                for model, noise in wanted(table, seed, args)
                if (table, seed, model, *noise) not in done
            ]
            tasks += [(table, seed, asked)] * bool(asked)
    parallel = Parallel(n_jobs=args.n_jobs, return_as="generator_unordered")
    for records in parallel(delayed(draws)(*task) for task in tasks):
        frames.append(pd.DataFrame(records))
        if args.store:
            pd.concat(frames).to_csv(args.store, index=False)
    return pd.concat(frames, ignore_index=True)


def options():
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="every model, noise and seed")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=[*MODELS])
    parser.add_argument("--tables", nargs="+", choices=table_names(), default=table_names())
    parser.add_argument("--seeds", type=int, help="of every noise; 1, full 5")
    parser.add_argument("--many-seeds", type=int, help="of 10%% uniform, logistic; 5, full 20")
    parser.add_argument("--cover-seeds", type=int, help="of generated data; 10, full 40")
    parser.add_argument("--witness-seeds", type=int, help="of removed witnesses; 1, full 5")
    parser.add_argument("--n-jobs", type=int, default=1)
    parser.add_argument("--store", type=Path, help="a CSV file that keeps the draws")
    args = parser.parse_args()
    numbers = {"seeds": (1, 5), "many_seeds": (5, 20), "cover_seeds": (10, 40)}
    for name, (part, full) in (numbers | {"witness_seeds": (1, 5)}).items():
        if getattr(args, name) is None:
            setattr(args, name, full if args.full else part)
    return args


def main():
    """Make the draws, and print their figures and what was asked of them."""
    args = options()
    found = all_draws(args)
    print(f"data: {origin('tables/australian.csv.gz')} and 14 beside it;")
    print(f"      {origin('enron1.csv.gz')};")
    print("      breast cancer and digits ship with scikit-learn")
    few = found[found["seed"] < args.seeds]
    print_by_noise(few)
    print_by_model(few)
    print_worst(found)
    cover = pd.DataFrame(intervals(args.cover_seeds, args.n_jobs))
    print_cover(cover)
    removed = pd.DataFrame(witnesses(args.witness_seeds, args.n_jobs))
    print_witnesses(removed)
    print_verdicts(found, few, cover, removed)


if __name__ == "__main__":
    main()
