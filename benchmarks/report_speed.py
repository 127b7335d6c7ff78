"""How long does a report take, from the start of fit to the file?

All 5172 mails of Enron1, a tenth of their labels flipped; words that occur in ten mails or more,
weighted by TF-IDF, and logistic regression. The report shows the hundred most suspicious mails,
each beside those that contradict it, and has ten mails really left out.
"""

import argparse
import os
import tempfile
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
from _report import origin, print_table, verdict
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from skinfluence import LabelCleaner
from skinfluence.datasets import load_enron1

FLIPPED, SECONDS = 0.1, 30


def flip(labels, rng):
    """Return labels of which a tenth are the other one, and the mask of these."""
    flipped = np.zeros(len(labels), dtype=bool)
    flipped[rng.choice(len(labels), round(FLIPPED * len(labels)), replace=False)] = True
    return np.where(flipped, np.where(labels == "ham", "spam", "ham"), labels), flipped


def main():
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, help="keep the report here")
    args = parser.parse_args()
    print(f"data: {origin('enron1.csv.gz')}\n")
    mails = load_enron1()
    labels, flipped = flip(mails.target, np.random.default_rng(0))
    model = make_pipeline(TfidfVectorizer(min_df=10), LogisticRegression())
    with tempfile.TemporaryDirectory() as folder:
        path = args.output or Path(folder) / "report.html"
        start, before = perf_counter(), process_time()
        cleaner = LabelCleaner(model).fit(mails.data, labels)
        fitted = perf_counter()
        cleaner.to_html(path)
        end, after = perf_counter(), process_time()
        megabytes = path.stat().st_size / 1e6
    n_words = cleaner.estimator_[-1].n_features_in_
    print(f"{len(labels)} mails, {n_words} words, {os.cpu_count()} cores\n")
    table = [
        ("seconds, fit", "-", fitted - start, ""),
        ("seconds, report", "-", end - fitted, ""),
        ("seconds, both", f"< {SECONDS}", end - start, verdict(end - start < SECONDS)),
        ("seconds of the processors", "-", after - before, ""),
        ("megabytes of the file", "-", megabytes, ""),
        ("mails flagged", "-", int(cleaner.flagged_.sum()), ""),
        ("   of these flipped", "-", int(flipped[cleaner.flagged_].sum()), ""),
    ]
    print_table(("what", "target", "measured", ""), table)


if __name__ == "__main__":
    main()
