"""
Which of these labels are wrong, and which rows say so?
=======================================================

A tenth of the labels of scikit-learn's handwritten digits are changed to another digit. The
cleaner is not told which. It flags labels that the other rows contradict, suggests what each
should be, and the explainer names the rows that contradict it most.

Needs nothing but skinfluence itself; ``make demo`` runs it.
"""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from skinfluence import InfluenceExplainer, LabelCleaner

X, y = load_digits(return_X_y=True)
X = X / 16  # pixels from 0 to 1

# %%
# Flip a tenth of the labels, each to one of the nine other digits.
random = np.random.default_rng(0)
flipped = np.zeros(len(y), dtype=bool)
flipped[random.choice(len(y), size=len(y) // 10, replace=False)] = True
given = np.where(flipped, (y + random.integers(1, 10, size=len(y))) % 10, y)

# %%
# One fit scores every label by its probability under the model without its row; no
# cross-validation, no refits.
print(f"Looking for wrong labels among {len(y)} digits, of which {flipped.sum()} were flipped ...")
cleaner = LabelCleaner(LogisticRegression(max_iter=1000)).fit(X, given)
flagged = cleaner.ranking_[cleaner.flagged_[cleaner.ranking_]]
probability = cleaner.loo_probabilities_[flagged, given[flagged]]

# %%
# Which of the rows that were not flagged contradict a flagged label? Ask about the flagged row as a
# test row with its given label: the harmful rows are those whose removal would lower its loss. Of
# these, the ones with another label are its witnesses.
kept = cleaner.sample_indices_
model = LogisticRegression(C=cleaner.penalty_, max_iter=1000)
explainer = InfluenceExplainer(model, method="influence", refine=True).fit(X[kept], given[kept])
harmful = kept[explainer.most_influential(X[flagged], given[flagged], k=50).harmful]


def witnesses(row, harmful):
    """Return the three most harmful rows that carry another label, as text."""
    others = [other for other in harmful if given[other] != given[row]]
    return "  ".join(f"{other:4d} ({given[other]})" for other in others[:3])


# %%
# The rows, the most suspicious at the top.
print("""
         given  suggested  probability     contradicted most by
    row  label      label  of the given    row (its label)                  flipped?
  -----  -----  ---------  ------------    -----------------------------    --------""")
for i, row in enumerate(flagged):
    print(
        f"  {row:5d}  {given[row]:5d}  {cleaner.suggested_labels_[row]:9d}  {probability[i]:12.0e}"
        f"    {witnesses(row, harmful[i]):<29s}    {'yes' if flipped[row] else 'no'}"
    )

# %%
# What came of it.
found = flipped & cleaner.flagged_
right = cleaner.suggested_labels_[found] == y[found]
print(f"""
  flipped labels found                          {found.sum():4d} of {flipped.sum()}
  flagged labels that had not been flipped      {len(flagged) - found.sum():4d} of {len(flagged)}
  found labels whose suggestion is the truth    {right.sum():4d} of {found.sum()}
  flips among the {flipped.sum()} most suspicious rows     \
{flipped[cleaner.ranking_[: flipped.sum()]].sum():4d} of {flipped.sum()}""")
