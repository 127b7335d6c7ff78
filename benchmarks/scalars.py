"""Numbers of one's own by Newton steps, against real refits.

Two tables, half of the rows to train on: the gap in mean prediction between two groups of test
rows, and the area under the ROC curve, when each of 60 training rows leaves. Thirty of them are
those of the largest self-influence, thirty are drawn at random.

    german        credits, good or bad; the groups are the two ages, up to 30 and above
    page-blocks0  blocks of a page, text or not; the groups are low and high blocks
"""

import argparse

import numpy as np
import pandas as pd
from _report import agreement, origin, print_table, verdict
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skinfluence import InfluenceExplainer
from skinfluence.changes import Remove
from skinfluence.datasets import data_path
from skinfluence.questions import ROCAUC, DemographicParity

#: Table: the column of the groups, and the value up to which a row is of the first.
TABLES = {"german": ("x12", 30), "page-blocks0": ("x0", 8)}
N_ROWS = 60


def model():
    """Return a logistic regression of numbers and categories."""
    columns = make_column_transformer(
        (StandardScaler(), make_column_selector(dtype_include="number")),
        (OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_exclude="number")),
    )
    return make_pipeline(columns, LogisticRegression(C=1.0, tol=1e-8, max_iter=10_000))


def compare(name, n_jobs):
    """Yield (question, Pearson, slope) of a table."""
    column, most = TABLES[name]
    table = pd.read_csv(data_path(f"tables/{name}.csv.gz"))
    X, y = table.drop(columns="label"), table["label"].to_numpy()
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.5, random_state=0, stratify=y)
    fits = {
        method: InfluenceExplainer(model(), method=method, refine=True, n_jobs=n_jobs).fit(X, y)
        for method in ("newton", "retrain")
    }
    rows = chosen(fits["newton"].self_influence())
    questions = {
        "gap in mean prediction": DemographicParity(X_test, X_test[column] > most),
        "area under the ROC curve": ROCAUC(X_test, y_test),
    }
    for what, question in questions.items():
        estimate, truth = (fit.effect(question, Remove(rows)) for fit in fits.values())
        yield what, *agreement(estimate, truth)


def chosen(self_influence):
    """Return the rows that leave: the most influential on themselves, and random ones."""
    order = np.argsort(-self_influence)
    drawn = np.random.default_rng(0).choice(order[N_ROWS // 2 :], N_ROWS // 2, replace=False)
    return np.r_[order[: N_ROWS // 2], drawn]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n-jobs", type=int, default=1)
    n_jobs = parser.parse_args().n_jobs
    rows = []
    for name in TABLES:
        print(origin(f"tables/{name}.csv.gz"))
        for what, pearson, slope in compare(name, n_jobs):
            met = pearson >= 0.99 and abs(slope - 1) <= 0.03
            rows.append((f"{name}, {what}", pearson, slope, verdict(met)))
    print()
    print_table(("newton against 60 refits", "Pearson >= 0.99", "slope 1 ± 0.03", ""), rows)


if __name__ == "__main__":
    main()
