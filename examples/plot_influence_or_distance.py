"""
Is influence just closeness?
============================

A logistic regression tells handwritten ones from sevens. What it says of a test image might come
from the training images that look most like it. Closeness is held here against what really happens
when a training image is left out, and so is influence: whole, and with a factor left out, the loss
of the training row or the inverse Hessian. A smaller version of Figure 1 of Koh and Liang (2017),
"Understanding Black-box Predictions via Influence Functions".
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from skinfluence import InfluenceExplainer, leave_one_out
from skinfluence.operators import Jacobian, Removal

X, y = load_digits(return_X_y=True)
X, y = X[np.isin(y, (1, 7))] / 16, y[np.isin(y, (1, 7))]
X, X_test, y, y_test = train_test_split(X, y, test_size=60, random_state=0)

model = LogisticRegression(C=1.0, fit_intercept=False)
explainer = InfluenceExplainer(model, method="influence", refine=True).fit(X, y)

# %%
# Ask about the test image that the model is least sure of.
asked = [np.argmin(explainer.predict_proba(X_test).max(axis=1))]
right = list(explainer.classes_).index(y_test[asked][0])
probability = explainer.predict_proba(X_test[asked])[0, right]
print(f"The test image is a {y_test[asked][0]}; the model says so with {probability:.2f}.")

# %%
# Influence is a product of three operators, ``J · H⁻¹ · Rᵀ``: the gradient of the test loss, the
# inverse Hessian, and what a training row pulled with. That pull is ``(p - y) x``, and without the
# loss of the row all that is left of ``p - y`` is its sign.
problem, inverse = explainer.problem_, explainer.inverse_
target = problem.targets.encode(y_test[asked], X.dtype)
gradient = problem.loss.gradient(problem.predict_raw(X_test[asked]), target)
question = Jacobian(problem.predictor, X_test[asked], gradient).dense()[0]
pulls = Removal(problem, np.arange(len(y)))
signs = pulls.with_own(np.sign(problem.gradients))
same = y == y_test[asked]
distance = np.linalg.norm(X - X_test[asked], axis=1)
measures = {
    "nearness": np.where(same, 1, -1) / distance,
    "inner product": signs @ question,
    "without the inverse Hessian": pulls @ question,
    "without the training loss": signs @ (inverse @ question),
    "influence": pulls @ (inverse @ question),
}

# %%
# The judge: really leave out every training image, one fit each.
truth = leave_one_out(model, X, y, X_test[asked], y_test[asked])[0]
pearson = {name: np.corrcoef(measure, truth)[0, 1] for name, measure in measures.items()}

figure, axes = plt.subplots(1, 2, figsize=(9, 4.2), sharey=True, layout="constrained")
for axis, name in zip(axes, ("nearness", "influence")):
    for mask, marker in ((same, "o"), (~same, "^")):
        axis.scatter(measures[name][mask], truth[mask], s=16, marker=marker, label=y[mask][0])
    axis.set_title(f"correlation {pearson[name]:.3f}")
axes[0].set_xlabel("1 / distance to the test image, negative for the other class")
axes[1].set_xlabel("influence, from one fit")
axes[0].set_ylabel("change of the test loss when the row is left out")
axes[0].legend(title="training row")
plt.show()

# %%
# The rows that matter most are near, but of rows as near most do nothing: they have been learnt,
# and pull no more. Influence tells them apart, and needs both its factors for that.
for name, correlation in pearson.items():
    print(f"{name:<27s} correlation with leaving the row out: {correlation:.3f}")
