"""Try an installed skinfluence from outside its checkout, with nothing but its dependencies."""

import importlib.metadata as metadata
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skinfluence
from skinfluence import InfluenceExplainer, LabelCleaner, as_problem, leave_one_out

# What is installed: this environment's copy, the package alone, and five dependencies.
assert Path(skinfluence.__file__).is_relative_to(sys.prefix), skinfluence.__file__
assert metadata.version("skinfluence") == skinfluence.__version__
command = f"skinfluence{'.exe' if sys.platform == 'win32' else ''}"
files = [path for path in metadata.files("skinfluence") if path.name != command]
folders = {path.parts[0] for path in files}
assert folders == {"skinfluence", f"skinfluence-{skinfluence.__version__}.dist-info"}, folders
needed = {
    re.match(r"[\w-]+", line)[0]
    for line in metadata.requires("skinfluence")
    if "extra ==" not in line
}
assert needed == {"scikit-learn", "numpy", "scipy", "autograd", "joblib"}, needed
for optional in ("pandas", "matplotlib", "pytest"):
    assert optional not in sys.modules, f"{optional} was imported"

# What it does: the estimate agrees with really leaving rows out, and a wrong label is found.
X, y = load_breast_cancer(return_X_y=True)
X, X_test, y, y_test = X[50:], X[:50], y[50:].copy(), y[:50]
model = make_pipeline(StandardScaler(), LogisticRegression())
explainer = InfluenceExplainer(model, method="newton", refine=True).fit(X, y)
rows = np.arange(5)
estimate = explainer.loss_influence(X_test, y_test, rows=rows)
truth = leave_one_out(model, X, y, X_test, y_test, rows=rows)
pearson = np.corrcoef(estimate.ravel(), truth.ravel())[0, 1]
assert pearson > 0.99, pearson
assert as_problem(explainer.estimator_, X, y).n_rows == len(y)
y[7] = 1 - y[7]
assert 7 in LabelCleaner(model).fit(X, y).ranking_[:10]

# The command says which extra it needs.
ran = subprocess.run([sys.executable, "-m", "skinfluence"], capture_output=True, text=True)
assert ran.returncode == 2 and ran.stderr.count("\n") == 1, ran
assert "pip install skinfluence[cli]" in ran.stderr, ran
print(f"skinfluence {skinfluence.__version__} works where only its dependencies are installed")
