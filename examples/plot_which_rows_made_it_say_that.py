"""
Which rows made the model say that?
===================================

A logistic regression calls a malignant tumour benign. Which training rows pushed it there, which
held against it, and is the estimate right? The last question is answered by really fitting the
model again without each row.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skinfluence import InfluenceExplainer, leave_one_out

data = load_breast_cancer()
X, X_test, y, y_test = train_test_split(
    data.data, data.target_names[data.target], random_state=1, stratify=data.target
)

# %%
# ``refine=True`` takes the fit to its optimum: what one row changes is smaller than what a fit at
# the default tolerance leaves undone.
model = make_pipeline(StandardScaler(), LogisticRegression())
explainer = InfluenceExplainer(model, method="newton", refine=True).fit(X, y)

# %%
# Take the malignant tumour that the model is most sure is benign.
benign = explainer.predict_proba(X_test)[:, explainer.classes_ == "benign"].ravel()
worst = np.argmax(np.where(y_test == "malignant", benign, 0))
question = X_test[[worst]], y_test[[worst]]
print(f"Test row {worst} is {y_test[worst]}; the model says benign with {benign[worst]:.2f}.\n")

# %%
# Numbers are after minus before. Without a *helpful* row the loss of this prediction would rise;
# without a *harmful* one it would fall.
found = explainer.most_influential(*question, k=5)
for side in ("helpful", "harmful"):
    print(f"{side} training rows    label        change of the loss without it")
    for row, change in zip(found[side][0], found[f"{side}_influence"][0]):
        print(f"{row:21d}    {y[row]:<9s}    {change:+.4f}")
    print()

# %%
# Really leave every row out, one fit a row, and compare.
estimate = explainer.loss_influence(*question)[0]
truth = leave_one_out(model, X, y, *question)[0]

figure, axis = plt.subplots(figsize=(5.5, 5), layout="constrained")
limits = [min(truth.min(), estimate.min()), max(truth.max(), estimate.max())]
axis.plot(limits, limits, color="0.7", lw=1, zorder=0)
for label, marker in {"benign": "o", "malignant": "^"}.items():
    axis.scatter(truth[y == label], estimate[y == label], s=18, marker=marker, label=label)
for row, side in {found.helpful[0, 0]: "right", found.harmful[0, 0]: "left"}.items():
    axis.annotate(f"  row {row}  ", (truth[row], estimate[row]), ha=side, va="center", fontsize=9)
axis.set_xlabel("change of the loss when the row is really left out")
axis.set_ylabel("estimate, from one fit")
axis.set_title(f"{len(y)} training rows, one wrong prediction")
axis.legend(title="label of the training row")
plt.show()

# %%
# The estimate takes one fit, the truth one for every row, and they agree: the rows named above are
# the ones to look at.
pearson = np.corrcoef(estimate, truth)[0, 1]
print(f"correlation of estimate and truth over {len(y)} rows: {pearson:.4f}")
