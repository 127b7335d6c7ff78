"""
Can I ask a network of my own?
==============================

Any model whose prediction is a function in ``autograd.numpy`` can be asked, and no derivative is
written by hand. Here a small convolutional network with tanh units, of the kind in section 4.2 of
Koh and Liang (2017), reads handwritten digits, and we ask which training images one of its answers
rests on.
"""

import autograd.numpy as anp
import matplotlib.pyplot as plt
import numpy as np
from autograd import value_and_grad
from scipy.optimize import minimize
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_digits

from skinfluence import InfluenceExplainer, as_problem
from skinfluence.inspection import FidelityDisplay
from skinfluence.losses import MultinomialLogLoss
from skinfluence.problems import problem_of_function


# %%
# The model: a 4 × 4 convolution with stride 2, tanh, a 3 × 3 one over what is left, 10 logits;
# 331 parameters in all.
# A convolution is slices of the image, side by side, and one matrix product.
def raw(theta, X):
    images = anp.reshape(X, (-1, 8, 8))
    windows = [images[:, i : i + 5 : 2, j : j + 5 : 2] for i in range(4) for j in range(4)]
    hidden = anp.dot(anp.stack(windows, axis=-1), anp.reshape(theta[:48], (16, 3))) + theta[48:51]
    flat = anp.reshape(anp.tanh(hidden), (-1, 27))
    return anp.dot(flat, anp.reshape(theta[51:321], (27, 10))) + theta[321:]


# %%
# An estimator that trains it, in whatever way.
class Network(ClassifierMixin, BaseEstimator):
    def __init__(self, alpha=1.0):
        self.alpha = alpha

    def fit(self, X, y):
        self.classes_, codes = np.unique(y, return_inverse=True)
        targets = np.eye(10)[codes]

        def objective(theta):
            losses = MultinomialLogLoss()(raw(theta, X), targets)
            return anp.sum(losses) + 0.5 * self.alpha * anp.sum(theta**2)

        start = np.random.RandomState(0).standard_normal(331) / 4
        found = minimize(value_and_grad(objective), start, jac=True, method="L-BFGS-B")
        self.theta_ = found.x
        return self

    def decision_function(self, X):
        return raw(self.theta_, X)

    def predict(self, X):
        return self.classes_[self.decision_function(X).argmax(axis=1)]


# %%
# What it minimised, said once: the prediction, a loss of it, and a penalty. That is all that the
# library needs; ``problem_of_loss`` takes a whole loss instead.
@as_problem.register(Network)
def _(estimator, X, y, sample_weight=None):
    return problem_of_function(
        raw,
        MultinomialLogLoss(),
        estimator.theta_,
        X,
        y,
        penalty=estimator.alpha,
        sample_weight=sample_weight,
        classes=estimator.classes_,
    )


# %%
# Every method is there. Take the test image whose answer is least sure.
X, y = load_digits(return_X_y=True)
X, X_test, y, y_test = X[:100] / 16, X[100:300] / 16, y[:100], y[100:300]
explainer = InfluenceExplainer(Network(), method="newton", refine=True, random_state=0).fit(X, y)
losses = MultinomialLogLoss()(explainer.decision_function(X_test), np.eye(10)[y_test])
worst = np.argmax(losses)
question = X_test[[worst]], y_test[[worst]]
answer = explainer.predict(X_test[[worst]])[0]
found = explainer.most_influential(*question, k=4)
print(f"The network reads {answer} where {y_test[worst]} was meant. The rows that")
print(f"help most are {y[found.helpful[0]]}, those that harm most {y[found.harmful[0]]}.")

# %%
# The optimum without a row starts from the fit, and stays at its minimum: it is really refitted.
verified = explainer.verify(*question, n_rows=10)
print(verified)

figure = plt.figure(figsize=(10, 4.2), layout="constrained")
left, right = figure.subfigures(1, 2)
FidelityDisplay.from_verification(verified, ax=left.subplots())
axes = right.subplots(2, 5)
for axis, (images, name) in zip(axes[:, 0], ((question[0], "asked"), (question[0], ""))):
    axis.imshow(images[0].reshape(8, 8), cmap="gray_r")
    axis.set_title(name)
for row, side in zip(axes, ("helpful", "harmful")):
    for axis, index in zip(row[1:], found[side][0]):
        axis.imshow(X[index].reshape(8, 8), cmap="gray_r")
        axis.set_title(side, fontsize=9)
for axis in axes.flat:
    axis.set_axis_off()
axes[1, 0].set_visible(False)
plt.show()

# %%
# Estimates from one fit agree with refits, for a model that the library has never heard of.
print(f"correlation with refits: {verified.pearson:.3f}, slope {verified.slope:.2f}")
