"""
What does a kernel look at, and what does a network?
====================================================

Two models may be right about the same image for different reasons, and the training rows that they
were right because of show it. A smaller version of Figure 4 of Koh and Liang (2017),
"Understanding Black-box Predictions via Influence Functions".
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import euclidean_distances
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC

from skinfluence import InfluenceExplainer

X, y = load_digits(return_X_y=True)
X, y = X[np.isin(y, (4, 9))] / 16, y[np.isin(y, (4, 9))]
X, X_test, y, y_test = train_test_split(X, y, test_size=100, random_state=0)
network = {"activation": "tanh", "solver": "lbfgs", "alpha": 0.1, "max_iter": 5000}
models = {
    "RBF SVM": SVC(C=10.0, gamma=0.5, tol=1e-6),
    "network": MLPClassifier((8,), **network, random_state=0),
}

# %%
# Ask about test images inside the SVM's margin: its loss is flat outside.
inside = np.abs(models["RBF SVM"].fit(X, y).decision_function(X_test)) < 1
asked = np.flatnonzero(inside)[:20]
distance = euclidean_distances(X_test[asked], X)

figure, axes = plt.subplots(1, 2, figsize=(9.5, 4), layout="constrained")
nearest = {}
for axis, (name, model) in zip(axes, models.items()):
    explainer = InfluenceExplainer(model, method="influence", refine=True, temperature=0.01)
    influence = explainer.fit(X, y).loss_influence(X_test[asked], y_test[asked])
    for label, colour in ((y_test[asked[0]], "tab:green"), (13 - y_test[asked[0]], "tab:red")):
        kind = y == label
        axis.scatter(distance[0, kind], influence[0, kind], s=14, c=colour, label=label, alpha=0.6)
    sizes = np.abs(influence)
    shares = [s[np.argsort(d)[: len(y) // 10]].sum() / s.sum() for s, d in zip(sizes, distance)]
    nearest[name] = np.mean(shares)
    axis.set(title=name, xlabel="distance in pixels")
axes[0].set_ylabel("influence on the test loss")
axes[0].legend(title="training image")
plt.show()

# %%
# The kernel looks at images that are close in pixels, and hardly at others. The network sees what
# they have in common: distance says less about which images it learnt this one from.
for name, share in nearest.items():
    print(f"{name}: the nearest tenth of the images has {share:.0%} of the influence")
