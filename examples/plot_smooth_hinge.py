"""
What does a support vector machine owe to each row?
===================================================

The hinge loss of a support vector machine has no curvature but at its kink, and influence needs
curvature: without it the estimate knows nothing of how the other rows give way when one leaves.
Smoothing the kink brings it back. A smaller version of Figure 3 of Koh and Liang (2017),
"Understanding Black-box Predictions via Influence Functions".
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.svm import LinearSVC

from skinfluence import InfluenceExplainer

X, y = load_digits(return_X_y=True)
X, y = X[np.isin(y, (3, 8))] / 16, y[np.isin(y, (3, 8))]
X, X_test, y, y_test = train_test_split(X, y, test_size=60, random_state=0)
model = LinearSVC(loss="hinge", C=0.1, fit_intercept=False, tol=1e-8, max_iter=100_000)

# %%
# Ask about the test image that is closest to the other side, and really leave out the rows that
# matter most to it, one fit each.
model.fit(X, y)
asked = [np.argmin(np.abs(model.decision_function(X_test)))]
question = X_test[asked], y_test[asked]
truth = InfluenceExplainer(model, method="retrain").fit(X, y)
rows = np.flatnonzero(np.abs(model.decision_function(X)) < 1.2)
changes = truth.loss_influence(*question, rows=rows)[0]

# %%
# The width of the smoothing, ``temperature``, is in units of the margin.
estimates = {}
for method, temperature in (("influence", 1e-4), ("influence", 1e-1), ("newton", 1e-3)):
    explainer = InfluenceExplainer(model, method=method, temperature=temperature).fit(X, y)
    name = f"{method}, temperature {temperature:g}"
    estimates[name] = explainer.loss_influence(*question, rows=rows)[0]

figure, axes = plt.subplots(1, 3, figsize=(11, 3.8), sharey=True, layout="constrained")
for axis, (name, estimate) in zip(axes, estimates.items()):
    axis.axline((0, 0), slope=1, c="0.8", zorder=0)
    axis.scatter(estimate, changes, s=14)
    axis.set_title(f"{name}\ncorrelation {np.corrcoef(estimate, changes)[0, 1]:.3f}", fontsize=10)
    axis.set_xlabel("estimated change of the test loss")
axes[0].set_ylabel("change after really fitting again")
plt.show()

# %%
# Most rows are far from the margin and owe nothing. Of the others a Newton step at a small
# temperature, followed to where the margin comes to rest, tells what fitting again does.
for name, estimate in estimates.items():
    print(f"{name:<30s} correlation {np.corrcoef(estimate, changes)[0, 1]:.3f}")
