"""
Why does it fail on some patients?
==================================

A model that is right on adults calls healthy children ill. Which training patients made it do so,
and which of their features? Koh and Liang (2017) ask this of hospital data in their section 5.3,
whose figures ``benchmarks/paper/sec53_domain_mismatch.py`` repeats. Here is a small version of it:
of four children in training, three were ill.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skinfluence import InfluenceExplainer

NAMES = np.array(["temperature", "pulse", "days in hospital", "medicines", "visits", "is a child"])
random = np.random.RandomState(0)


def patients(n, n_children):
    """Return features, and who is ill: by the first five features, children or not."""
    X = np.c_[random.standard_normal((n, 5)), np.arange(n) < n_children]
    return X, X[:, :5] @ [1.0, 0.6, 0.4, -0.4, 0.2] + random.logistic(size=n) > 0


X, ill = patients(2000, 4)
ill[:4] = [True, True, True, False]
X_test, ill_test = patients(200, 100)
model = make_pipeline(StandardScaler(), LogisticRegression(tol=1e-8))
explainer = InfluenceExplainer(model).fit(X, ill)
child = X_test[:, -1] == 1
for who, rows in (("adults", ~child), ("children", child)):
    print(f"{who} who are healthy and called ill:", end=" ")
    print(f"{np.mean(explainer.predict(X_test[rows & ~ill_test])):.0%}")

# %%
# Take a healthy child that is called ill, and ask which training rows its loss hangs on, and which
# features of these rows: ``input_influence`` is the slope of the loss in each of them, in the
# features as they were given, before the scaler.
wrong = np.flatnonzero(child & ~ill_test & explainer.predict(X_test))[:1]
influence = explainer.loss_influence(X_test[wrong], ill_test[wrong])[0]
slopes = explainer.input_influence(X_test[wrong], ill_test[wrong], rows=slice(0, 4))[0]

figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
order = np.argsort(-np.abs(influence))[:12]
axes[0].bar(range(12), influence[order], color=np.where(order < 4, "C1", "C0"))
axes[0].set(xlabel="training rows, by size (orange: children)", ylabel="change of the loss")
axes[1].barh(NAMES, np.abs(slopes).mean(axis=0), color="C1")
axes[1].set(xlabel="slope of the loss in a feature of these children, mean size")
plt.show()

# %%
# The four children come first, and what makes them matter is that they are children: the model has
# learnt from three of them that children are ill. One of the three fewer would already help.
print("top rows:", order[:4].tolist())
print("feature :", NAMES[np.abs(slopes).mean(axis=0).argmax()])
change = explainer.replacement_influence(
    X_test[wrong], ill_test[wrong], rows=[0, 1, 2], y_new=[False] * 3
)
print("change of the loss if one of the ill children were healthy:", change.round(2)[0])
