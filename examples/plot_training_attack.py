"""
How little of the training data must change to turn a prediction?
=================================================================

Whoever can touch a few training rows, ever so little and with the right labels left on them, can
change what a model says of a row that they never touch. How few, and how little, is a measure of
how far to trust it. A smaller version of Figure 5 of Koh and Liang (2017), "Understanding Black-box
Predictions via Influence Functions".
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from skinfluence import InfluenceExplainer
from skinfluence.poisoning import poison

X, y = load_digits(return_X_y=True)
X, y = X[np.isin(y, (3, 8))], y[np.isin(y, (3, 8))]
X, X_test, y, y_test = train_test_split(X, y, test_size=100, random_state=0)
model = LogisticRegression(C=0.001)
explainer = InfluenceExplainer(model, refine=True).fit(X, y)

# %%
# Of the test images that the model gets right, attack the one that it is least sure of: a few
# training images move by at most one of their seventeen grey levels.
right = np.flatnonzero(explainer.predict(X_test) == y_test)
margin = np.abs(explainer.decision_function(X_test[right]))
asked = right[[np.argmin(margin)]]
sizes = (1, 2, 4, 8, 16, 32)
limits = {"epsilon": 1, "bounds": (0, 16), "grid": 1, "n_iter": 5}
attacks = [poison(explainer, X, y, X_test[asked], y_test[asked], n_rows=n, **limits) for n in sizes]

# %%
# Random noise of the same size in the same images is the yardstick.
rng = np.random.default_rng(0)
noise = []
for attack in attacks:
    noisy = X.copy()
    noisy[attack.rows] += rng.choice([-1, 1], size=attack.X_new.shape)
    noisy = noisy.clip(0, 16)
    again = InfluenceExplainer(model, refine=True).fit(noisy, y)
    probability = again.predict_proba(X_test[asked])[0]
    noise.append(-np.log(probability[again.estimator_.classes_ == y_test[asked]][0]))

figure, axes = plt.subplots(1, 4, figsize=(11, 3), layout="constrained", width_ratios=[3, 1, 1, 1])
axes[0].plot(sizes, [a.loss_after[0] for a in attacks], "o-", label="attack")
axes[0].plot(sizes, noise, "s--", c="0.5", label="noise")
axes[0].axhline(np.log(2), c="tab:red", lw=1, label="above: wrong")
axes[0].set(xscale="log", xlabel="training images touched", ylabel="loss of the test image")
axes[0].legend()
touched, moved = attacks[-1].rows[0], attacks[-1].X_new[0]
for axis, title, pixels in (
    (axes[1], "test image", X_test[asked[0]]),
    (axes[2], "a training image", X[touched]),
    (axes[3], "touched", moved),
):
    axis.imshow(pixels.reshape(8, 8), cmap="gray_r", vmin=0, vmax=16)
    axis.set(title=title, xticks=[], yticks=[])
plt.show()

# %%
# The prediction turns with the first attack whose loss is above log 2; noise does nothing.
turned = [n for n, a in zip(sizes, attacks) if a.prediction_after[0] != a.prediction_before[0]]
print(f"turned by touching {turned[0] if turned else 'more than 32'} of {len(y)} training images")
print(
    f"loss before {attacks[0].loss_before[0]:.2f}, after touching 32: "
    f"{attacks[-1].loss_after[0]:.2f}, after as much noise: {noise[-1]:.2f}"
)
