"""
Which reviews taught the model that?
====================================

A Pipeline that reads raw text and learns string labels, explained without taking it apart: the
TF-IDF step is applied and held fixed, the matrix stays sparse, and rows are the texts themselves.
"""

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from skinfluence import InfluenceExplainer

reviews = {
    "the battery lasts two days and the screen is bright": "good",
    "a bright sharp screen and a light case": "good",
    "light to carry and quick to start": "good",
    "quick delivery and the keyboard is a joy to type on": "good",
    "silent even after hours of work": "good",
    "the sound is clear and the fan is silent": "good",
    "clear picture and long battery life": "good",
    "not a single crash in a year of daily work": "good",
    "sturdy hinge, easy to open and to repair": "good",
    "the battery was empty after an hour": "bad",
    "the screen was cracked when it arrived": "bad",
    "a crash every day and no answer from support": "bad",
    "the fan is loud and the case gets hot": "bad",
    "hot, heavy and slow to start": "bad",
    "the keyboard lost two keys in a week": "bad",
    "slow delivery and the box was open": "bad",
    "support told me to buy a new one": "bad",
    "the hinge broke and there is no repair": "bad",
}
texts, labels = np.array(list(reviews)), np.array(list(reviews.values()))
question, truth = np.array(["the fan is silent and it never gets hot"]), np.array(["good"])

# %%
# ``C=10`` because the texts are few; ``refine=True`` takes the fit to its optimum.
model = make_pipeline(TfidfVectorizer(), LogisticRegression(C=10))
explainer = InfluenceExplainer(model, refine=True).fit(texts, labels)
probability = explainer.predict_proba(question)[0]
print(f'"{question[0]}" is {truth[0]}')
print("the model says", *(f"{c} {p:.2f} " for c, p in zip(explainer.classes_, probability)))

# %%
# Which reviews speak for the true label, and which against it?
found = explainer.most_influential(question, truth, k=3)
for side in ("helpful", "harmful"):
    print(f"\n{side}: change of the loss without the review")
    for row, change in zip(found[side][0], found[f"{side}_influence"][0]):
        print(f"  {change:+.3f}  {labels[row]:<4s}  {texts[row]}")

# %%
# Reviews that share words with the question carry the decision, each for the side of its label:
# the prediction can be answered for with a handful of rows.
