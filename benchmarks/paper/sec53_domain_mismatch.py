"""Section 5.3 of Koh and Liang (2017): why does a model fail on children?

A logistic regression predicts from 127 features whether a patient will be readmitted to hospital
within 30 days. Of the 24 children under 10 among its 20,000 training patients 3 were readmitted.
All but one of the other 21 are taken out: now 3 of 4 were, and the model calls healthy children of
the test set wrong. Do influences name the four, and the feature that they share?

Ten thousand readmitted and ten thousand other encounters, drawn by RandomState(2) as in the
paper; 8 counts and dummies of 31 categories; no intercept, weight decay 1e-4 on the mean loss
(C = 1 / (n 1e-4)). The paper stopped after 1000 iterations; here the fit is at its optimum.

By the slope of the influence in the features of a child, its indicator comes second: first is
"died in hospital", which none of the four has, but whose coefficient is by far the largest. Of the
features that a child has the indicator is the first.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

from skinfluence import InfluenceExplainer, leave_one_out
from skinfluence.datasets import load_hospital_readmission

sys.path.insert(0, str(Path(__file__).parents[1]))
from _report import agreement, origin, print_paper, print_table, verdict

N_TRAIN, DECAY, CHILD = 20_000, 1e-4, "age_[0-10)"
COUNTS = (
    *("time_in_hospital", "num_lab_procedures", "num_procedures", "num_medications"),
    *("number_outpatient", "number_emergency", "number_inpatient", "number_diagnoses"),
)
#: Columns that the paper leaves out: identifiers, the target, and those mostly missing.
UNUSED = (
    *("encounter_id", "patient_nbr", "weight", "admission_type_id", "admission_source_id"),
    *("payer_code", "medical_specialty", "diag_1", "diag_2", "diag_3", "readmitted"),
)
#: Order of the first categories, as it decides nothing but the order of the features.
FIRST = ("gender", "race")


def features(frame):
    """Return the counts and the dummies of the categories, one column if there are two."""
    import pandas as pd

    rest = [name for name in frame if name not in (*COUNTS, *UNUSED, *FIRST)]
    parts = [frame[list(COUNTS)]]
    for name in (*FIRST, *rest):
        column = frame[name].astype(str if frame[name].dtype == object else frame[name].dtype)
        parts.append(pd.get_dummies(column, prefix=name, drop_first=column.nunique() == 2))
    return pd.concat(parts, axis=1).astype(float)


def split(readmitted):
    """Return training and test indices, drawn in the order of the paper's draws."""
    random = np.random.RandomState(2)
    classes = [np.flatnonzero(readmitted), np.flatnonzero(~readmitted)]
    for members in classes:
        random.shuffle(members)
    train = np.concatenate([members[: N_TRAIN // 2] for members in classes])
    test = np.concatenate([members[N_TRAIN // 2 :] for members in classes])
    random.shuffle(train)
    random.shuffle(test)
    return train, test


def without_healthy_children(train, child, readmitted):
    """Return the training indices without all but the last of the children not readmitted."""
    healthy = np.flatnonzero(child[train] & ~readmitted[train])
    return np.delete(train, healthy[:-1])


def model(n, **params):
    """Return the paper's model for n training patients."""
    C = 1 / (n * DECAY)
    return LogisticRegression(
        C=C, fit_intercept=False, solver="newton-cholesky", tol=1e-10, max_iter=100, **params
    )


def first_ranks(influence, children):
    """Return how many of the rows of largest influence are children before the first other."""
    order = np.argsort(-np.abs(influence), axis=1)
    others = ~np.isin(order, children)
    return others.argmax(axis=1)


def ratios(influence, children):
    """Return the largest influence of a child over the largest of any other row."""
    sizes = np.abs(influence)
    return sizes[:, children].max(axis=1) / np.delete(sizes, children, axis=1).max(axis=1)


def explain(rows, X, readmitted, method="influence"):
    """Return an explainer fitted on some patients."""
    return InfluenceExplainer(model(len(rows)), method=method).fit(X[rows], readmitted[rows])


def print_children(explainer, wrong, children, X, readmitted):
    """Print whether the children are the top rows for the test children; return the influences."""
    influence = explainer.loss_influence(X[wrong], readmitted[wrong])
    ranks, times = first_ranks(influence, children), ratios(influence, children)
    top, often = np.sum(ranks == len(children)), np.sum(times >= 30)
    rows = [
        (
            "the 4 children are the top 4",
            "all",
            f"{top} of {len(wrong)}",
            verdict(np.all(ranks == 4)),
        ),
        ("first child over first other row, median", "30 to 40", np.median(times), ""),
        ("  at least 30", "all", f"{often} of {len(wrong)}", verdict(often == len(wrong))),
        ("  least and largest", "", f"{times.min():.1f}, {times.max():.1f}", ""),
    ]
    print_table((f"influence on {len(wrong)} wrong test children", "paper", "ours", ""), rows)
    return influence, [
        ("wrong test children whose top 4 are the 4 children", "all", f"{top} of {len(wrong)}"),
        ("first child over first other row, median", "30 to 40", f"{np.median(times):.0f}"),
    ]


def print_features(explainer, wrong, children, X, readmitted, names):
    """Print where the child indicator stands among the features, by slope and by coefficient."""
    slopes = explainer.input_influence(X[wrong], readmitted[wrong], rows=children)
    sizes, child = np.abs(slopes), names.get_loc(CHILD)
    ranks = 1 + np.sum(sizes > sizes[..., [child]], axis=2)
    first = names[np.bincount(sizes.argmax(axis=2).ravel()).argmax()]
    has = np.where(explainer.problem_.X[children] != 0, sizes, 0)
    ranks_of_own = 1 + np.sum(has > has[..., [child]], axis=2)
    ahead = has[..., child] / np.delete(has, child, axis=2).max(axis=2)
    weights = np.abs(explainer.estimator_.coef_[0])
    larger = int(np.sum(weights > weights[child]))
    met = verdict(np.all(ranks == 1))
    rows = [
        ("rank by |input_influence|, of all 127", "1", f"{ranks.min()} to {ranks.max()}", met),
        (f"  first is {first}", "", "", ""),
        (
            "rank of those that the child has",
            "1",
            ranks_of_own.max(),
            verdict(ranks_of_own.max() == 1),
        ),
        ("  times the next of these, median", "", np.median(ahead), ""),
        ("coefficients larger than its own", "11", larger, ""),
    ]
    print_table(("the child indicator among the features", "paper", "ours", ""), rows)
    return [("coefficients larger than the child's", "11 of 127", f"{larger} of {len(weights)}")]


def print_refits(influence, rows, wrong, X, readmitted, fewer):
    """Print how first order and Newton steps agree with real refits."""
    data = X[fewer], readmitted[fewer], X[wrong], readmitted[wrong]
    truth = leave_one_out(model(len(fewer)), *data, rows=rows)
    newton = explain(fewer, X, readmitted, "newton").loss_influence(*data[2:], rows=rows)
    lines = [
        (name, *agreement(estimate, truth))
        for name, estimate in (("influence", influence[:, rows]), ("newton", newton))
    ]
    print_table((f"against {len(rows)} real refits", "Pearson", "slope"), lines)


def main():
    """Fit, ask, and print the paper's number beside ours."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    frame = load_hospital_readmission().frame
    print(f"data: {origin('diabetic_data.csv.gz')}\n")
    table, readmitted = features(frame), (frame["readmitted"] == "<30").to_numpy()
    X, names, child = table.to_numpy(), table.columns, table[CHILD].to_numpy() == 1
    train, test = split(readmitted)
    fewer = without_healthy_children(train, child, readmitted)
    full, explainer = explain(train, X, readmitted), explain(fewer, X, readmitted)
    young = test[child[test]]
    before, after = (young[m.predict(X[young]) != readmitted[young]] for m in (full, explainer))

    counts = [
        f"{readmitted[part][child[part]].sum()} of {child[part].sum()}" for part in (train, fewer)
    ]
    rows = [
        ("features", "127", X.shape[1], verdict(X.shape[1] == 127)),
        ("children readmitted, training", "3 of 24", counts[0], verdict(counts[0] == "3 of 24")),
        ("  once 20 healthy ones are out", "3 of 4", counts[1], verdict(counts[1] == "3 of 4")),
        ("test children predicted wrongly", "", f"{len(before)} of {len(young)}", ""),
        ("  once 20 healthy ones are out", "", f"{len(after)} of {len(young)}", ""),
    ]
    print_table((f"{len(fewer)} training patients", "paper", "ours", ""), rows)
    print()
    children = np.flatnonzero(child[fewer])
    influence, beside = print_children(explainer, after, children, X, readmitted)
    print()
    beside += print_features(explainer, after, children, X, readmitted, names)
    print()
    others = np.setdiff1d(np.argsort(-np.abs(influence).max(axis=0))[:16], children)
    print_refits(influence, np.append(children, others), after, X, readmitted, fewer)
    print_paper(beside)


if __name__ == "__main__":
    main()
