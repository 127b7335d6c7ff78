"""
Should I believe it?
====================

An estimate of what a training row did is as good as its agreement with fitting again without that
row. A few refits tell, for the model and the data at hand: here for the first-order influence of
Koh and Liang (2017), "Understanding Black-box Predictions via Influence Functions", and for a
Newton step without the row.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skinfluence import InfluenceExplainer
from skinfluence.inspection import FidelityDisplay

data = load_breast_cancer()
X, X_test, y, y_test = train_test_split(
    data.data, data.target_names[data.target], random_state=1, stratify=data.target
)

# %%
# ``verify`` leaves out the rows that are said to matter most, and as many random ones, one at a
# time. It fits again without each, and compares what that did to the test losses with the estimate.
model = make_pipeline(StandardScaler(), LogisticRegression())
found = {}
for method in ("influence", "newton"):
    explainer = InfluenceExplainer(model, method=method, refine=True, random_state=0).fit(X, y)
    found[method] = explainer.verify(X_test, y_test, n_rows=40)
    print(found[method], end="\n\n")

# %%
# Points on the grey line are right.
figure, axes = plt.subplots(1, 2, figsize=(10, 5.4), layout="constrained")
for axis, verification in zip(axes, found.values()):
    FidelityDisplay.from_verification(verification, ax=axis)
plt.show()

# %%
# Random rows do so little that any estimate of them looks right: it is on the rows one would act on
# that the first order falls short. It puts them in about the right order, but understates what they
# do. The Newton step, also from one fit, may be believed on both counts.
order, exact = found["influence"], found["newton"]
print(f"rank correlation, first order: {order.spearman:.3f}, Newton: {exact.spearman:.3f}")
print(f"share of the effect estimated, first order: {order.slope:.2f}, Newton: {exact.slope:.2f}")
