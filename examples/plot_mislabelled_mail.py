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
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from skinfluence import LabelCleaner
from skinfluence.datasets import load_enron1
from skinfluence.inspection import CleaningCurveDisplay

try:
    mails = load_enron1()
except (FileNotFoundError, ImportError) as error:
    print(f"Nothing to show: {error}")
    sys.exit()

N_TRAIN = 800

# %%
# The paper's model: bag of words, no intercept, weight decay 1e-4 on the mean of the losses.
spam_filter = make_pipeline(
    CountVectorizer(min_df=3, dtype=float),
    LogisticRegression(C=1 / (N_TRAIN * 1e-4), fit_intercept=False, max_iter=1000),
)
texts, texts_test, true, true_test = train_test_split(
    mails.data, mails.target, train_size=N_TRAIN, test_size=1000, random_state=0
)

# %%
# Flip a tenth of the labels, three times. After each share of mails read, count the flips found,
# correct them, fit again, and look at the accuracy on other mails.
display = CleaningCurveDisplay.from_estimator(
    LabelCleaner(spam_filter, penalty="keep"),
    texts,
    true,
    texts_test,
    true_test,
    baselines=("self_influence", "loss", "random"),
    n_draws=3,
    random_state=0,
    plot_kw={"score_name": "test accuracy"},
)
plt.show()

# %%
# The loss of a mail under the model *without* it finds most for the least reading. Its loss under
# the model that was fitted on it finds least of the three: with more words than mails, much of what
# is wrong has been learnt by heart.
print(f"share of the flipped labels found after reading 20% of {N_TRAIN} mails, mean of 3 draws:")
for name, shares in display.found.items():
    print(f"  {name:<15s} {shares.mean(axis=0)[display.shares == 0.20][0]:.2f}")
