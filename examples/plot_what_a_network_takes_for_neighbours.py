"""
What does a network take for neighbours?
========================================

In pixel space, neighbours are images that look alike. In the influence embedding they are images
from which the network would learn the same: an inner product there, times how wrong the network is
about a training image, is what that image does to a prediction. Which of the two names a digit?
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier

from skinfluence import InfluenceEmbedding, InfluenceExplainer

X, y = load_digits(return_X_y=True)
X, X_test, y, y_test = train_test_split(X / 16, y, random_state=0, stratify=y, train_size=500)

# %%
# The network is taken to its optimum first. Its embedding has 10 outputs × 910 parameters; the
# best 30 columns are found without the others ever being formed.
network = MLPClassifier(
    (12,), activation="tanh", solver="lbfgs", alpha=1.0, max_iter=5000, max_fun=100_000
)
network.set_params(tol=1e-8, random_state=0)
network = InfluenceExplainer(network, refine=True).fit(X, y).estimator_
embedding = InfluenceEmbedding(FrozenEstimator(network), n_components=30, random_state=0).fit(X, y)
rows, rows_test = embedding.transform(X), embedding.transform(X_test)
kept = embedding.explained_energy_ratio_.cumsum()


# %%
# The nearest training image's label, as a prediction. An embedding of c columns is the first c of
# these.
def nearest(train, test):
    return KNeighborsClassifier(1).fit(train, y).kneighbors(test, n_neighbors=3)[1]


in_pixels, in_embedding = nearest(X, X_test), nearest(rows, rows_test)
right, right_too = (y[found[:, 0]] == y_test for found in (in_pixels, in_embedding))
columns = np.arange(1, 31)
accuracy = [np.mean(y[nearest(rows[:, :c], rows_test[:, :c])[:, 0]] == y_test) for c in columns]
for c in (2, 5, 10, 20, 30):
    print(f"{c:2d} columns keep {kept[c - 1]:.2f} of the energy: accuracy {accuracy[c - 1]:.3f}")
print(f"64 pixels: {right.mean():.3f}; the network: {network.score(X_test, y_test):.3f}")
print(f"right in pixels only: {np.sum(right & ~right_too)}", end=", ")
print(f"in the embedding only: {np.sum(right_too & ~right)}, of {len(y_test)}")

# %%
# The first two test digits of each kind: the embedding's neighbour is right and that in pixels is
# not, and the other way round.
shown = [*np.flatnonzero(right_too & ~right)[:2], *np.flatnonzero(right & ~right_too)[:2]]
figure, (left, axis) = plt.subplots(
    1, 2, figsize=(10, 4.4), width_ratios=(1.2, 1), layout="constrained"
)
left.axis("off")
grid = left.get_subplotspec().subgridspec(len(shown), 7)
for i, row in enumerate(shown):
    images = [X_test[row], *X[in_pixels[row]], *X[in_embedding[row]]]
    labels = [y_test[row], *y[in_pixels[row]], *y[in_embedding[row]]]
    for j, (image, label) in enumerate(zip(images, labels)):
        cell = figure.add_subplot(grid[i, j])
        cell.imshow(image.reshape(8, 8), cmap="gray_r")
        cell.set(xticks=[], yticks=[])
        wrong = label != y_test[row]
        cell.set_xlabel(label, color="tab:red" if wrong else "black", labelpad=1)
        if i == 0 and j in (0, 2, 5):
            names = {0: "test digit", 2: "nearest in pixels", 5: "nearest in embedding"}
            cell.set_title(names[j], fontsize=9)
axis.plot(columns, accuracy, marker=".", label="nearest in the embedding")
axis.plot(columns, kept, color="0.6", ls=":", label="share of energy kept")
axis.axhline(right.mean(), color="tab:orange", lw=1, label="nearest of 64 pixels")
axis.set(xlabel="columns of the embedding", ylabel="test accuracy, or share", ylim=(0, 1.02))
axis.legend(loc="lower right")
plt.show()

# %%
# Fifteen columns of the 9100 name a digit as well as 64 pixels do: the network sees digits along
# few directions. The two kinds of neighbours are wrong about different images.
