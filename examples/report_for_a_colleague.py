"""
Which labels should a colleague look at?
========================================

Eight of 569 patients get the wrong label. The cleaner writes what it found as one HTML file, for
someone who knows the patients and not Python: the labels to look at, each beside the patients who
contradict it, and how far all of this can be trusted.

Needs the "report" and "data" extras. The file opens in any browser, and asks for nothing online.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skinfluence import LabelCleaner

data = load_breast_cancer(as_frame=True)
labels = data.target_names[data.target]
wrong = np.random.default_rng(0).choice(len(labels), 8, replace=False)
labels[wrong] = np.where(labels[wrong] == "benign", "malignant", "benign")

# %%
# The columns of the table are shown as they were given, not as the scaler made them.
cleaner = LabelCleaner(make_pipeline(StandardScaler(), LogisticRegression()))
cleaner.fit(data.data, labels)
folder = sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp()
path = Path(folder) / "labels.html"
cleaner.to_html(path, title="Tumours that may be called wrongly")

# %%
found = cleaner.flagged_[wrong].sum()
print(f"{found} of 8 wrong labels are among the {cleaner.flagged_.sum()} that are flagged.")
print(f"Open {path} in a browser.")
