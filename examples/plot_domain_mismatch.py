"""
Why is the model wrong about these people?
==========================================

A model does well on everyone but one small group. The training rows of that group are not like its
members elsewhere, and nothing in the coefficients says so; the rows that the wrong predictions were
learnt from do. Section 5.3 of Koh and Liang (2017), "Understanding Black-box Predictions via
Influence Functions", on made-up patients; ``benchmarks/paper/sec53_domain_mismatch.py`` has the
paper's own.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import LogisticRegression

from skinfluence import InfluenceExplainer

# %%
# Two thousand patients, one in three of whom comes back to hospital. Of the four children in the
# training data three did, by chance; of other children few do.
rng = np.random.default_rng(0)
names = ["age", "stay", "tests", "drugs", "visits", "child"]
X = rng.normal(size=(2100, 6))
X[:, 5] = 0
X[:4, 5] = X[2000:, 5] = 1
chances = 1 / (1 + np.exp(0.8 - X[:, :5] @ [0.5, 0.8, 0.1, 0.4, 0.9] + 2 * X[:, 5]))
y = (rng.random(2100) < chances).astype(int)
y[:4] = [1, 1, 1, 0]
X, X_test, y, y_test = X[:2000], X[2000:], y[:2000], y[2000:]

explainer = InfluenceExplainer(LogisticRegression(), method="influence", refine=True).fit(X, y)
wrong = np.flatnonzero((explainer.predict(X_test) == 1) & (y_test == 0))
print(f"{len(wrong)} of {len(y_test)} children elsewhere are wrongly said to come back")

# %%
# Ask about one of them: which training rows, and which of their features?
asked = X_test[wrong[:1]], y_test[wrong[:1]]
influence = explainer.loss_influence(*asked)[0]
strongest = np.argsort(-np.abs(influence))[:4]
slopes = np.abs(explainer.input_influence(*asked, rows=strongest)[0]).mean(axis=0)

figure, axes = plt.subplots(1, 2, figsize=(9.5, 3.8), layout="constrained")
axes[0].scatter(np.arange(4, 2000), influence[4:], s=6, c="0.6", label="others")
axes[0].scatter(np.arange(4), influence[:4], s=40, c="tab:red", label="children")
axes[0].set(xlabel="training row", ylabel="influence on the wrong prediction's loss")
axes[0].legend()
axes[1].bar(names, slopes, color=["0.6"] * 5 + ["tab:red"])
axes[1].set_ylabel("input influence of the four strongest rows")
plt.show()

# %%
# The four children are the four strongest rows, and what is responsible in them is that they are
# children. Three of the four harm: they taught the model that children come back.
print(f"strongest rows: {sorted(strongest.tolist())}, feature: {names[np.argmax(slopes)]}")
print(
    f"strongest row over the strongest that is no child: "
    f"{np.abs(influence[:4]).max() / np.abs(influence[4:]).max():.0f}"
)
