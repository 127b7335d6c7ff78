"""
How many mails must be read to find the mislabelled ones?
=========================================================

A tenth of the labels of a spam filter's training mails are flipped. Someone reads the mails in the
order of a score and corrects what is wrong. A smaller version of Figure 6 of Koh and Liang (2017),
"Understanding Black-box Predictions via Influence Functions".

Needs the file ``enron1.csv.gz`` of the Enron-Spam corpus in the folder that the environment
variable ``SKINFLUENCE_DATA`` names.
"""

import sys

import matplotlib.pyplot as plt
import numpy as np
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from skinfluence import LabelCleaner
from skinfluence.datasets import load_enron1

try:
    mails = load_enron1()
except (FileNotFoundError, ImportError) as error:
    print(f"Nothing to show: {error}")
    sys.exit()

N_TRAIN = 800
SHARES = np.array([0.05, 0.10, 0.15, 0.20, 0.30])
SCORES = {"loo_loss": "leave-one-out loss", "self_influence": "self-influence", "loss": "loss"}

# %%
# The paper's model: bag of words, no intercept, weight decay 1e-4 on the mean of the losses.
spam_filter = make_pipeline(
    CountVectorizer(min_df=3, dtype=float),
    LogisticRegression(C=1 / (N_TRAIN * 1e-4), fit_intercept=False, max_iter=1000),
)


def flip(labels, rng):
    """Return labels of which a tenth are the other one, and the mask of these."""
    flipped = np.zeros(len(labels), dtype=bool)
    flipped[rng.choice(len(labels), size=len(labels) // 10, replace=False)] = True
    return np.where(flipped, np.where(labels == "ham", "spam", "ham"), labels), flipped


def rankings(texts, given, rng):
    """Return {score: mails, most suspicious first}."""
    cleaner = LabelCleaner(spam_filter, penalty="keep", action="keep")
    found = {
        name: cleaner.set_params(score=score).fit(texts, given).ranking_
        for score, name in SCORES.items()
    }
    return found | {"random": rng.permutation(len(given))}


# %%
# Two draws of mails and of flips. After each share of mails read, count the flips found, correct
# them, fit again, and look at the accuracy on other mails.
found = {name: [] for name in (*SCORES.values(), "random")}
accuracy = {name: [] for name in found}
for draw in range(2):
    texts, texts_test, true, true_test = train_test_split(
        mails.data, mails.target, train_size=N_TRAIN, test_size=1000, random_state=draw
    )
    rng = np.random.default_rng(draw)
    given, flipped = flip(true, rng)
    for name, ranking in rankings(texts, given, rng).items():
        read = [ranking[: round(share * N_TRAIN)] for share in SHARES]
        found[name].append([flipped[rows].sum() / flipped.sum() for rows in read])
        corrected = [np.where(np.isin(np.arange(N_TRAIN), rows), true, given) for rows in read]
        accuracy[name].append(
            [spam_filter.fit(texts, labels).score(texts_test, true_test) for labels in corrected]
        )

figure, axes = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
for name, marker in zip(found, "os^x"):
    axes[0].plot(100 * SHARES, np.mean(found[name], axis=0), marker=marker, label=name)
    axes[1].plot(100 * SHARES, np.mean(accuracy[name], axis=0), marker=marker, label=name)
axes[0].set_ylabel("share of the flipped labels found")
axes[1].set_ylabel("test accuracy after correcting them")
for axis in axes:
    axis.set_xlabel("training mails read (%)")
figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
plt.show()

# %%
# The loss of a mail under the model *without* it finds most for the least reading. Its loss under
# the model that was fitted on it finds least of the three: with more words than mails, much of what
# is wrong has been learnt by heart.
print(f"share of the flipped labels found after reading 20% of {N_TRAIN} mails, mean of 2 draws:")
for name, shares in found.items():
    print(f"  {name:<20s} {np.mean(shares, axis=0)[SHARES == 0.20][0]:.2f}")
