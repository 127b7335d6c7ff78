"""All 4147 self-influences of a spam filter, exactly: how far from the bare LAPACK calls?

The model of Figure 6 (Enron1, 4147 training mails, counts of about 6300 words, C = 1 / (n 1e-4),
no intercept), one BLAS thread. Timed in seconds of the processor (there is one thread, and what
else the machine does then does not count), in turn, the median of several runs each:

    ours     InfluenceExplainer(FrozenEstimator(fitted), method="influence").fit(X, y) and
             .self_influence(): validation, raw predictions, gradients and curvatures, the
             4147 x 4147 Gram matrix of the sparse mails, its factor and the factor's inverse,
             every leverage, the check that the fit is at its optimum
    bare     the same factor and triangular solve alone: LAPACK potrf of a 4147 x 4147 system
             that is already there, and trtri of its factor

and beside them the triangular solve as trsm with the identity, which does three times the work.
"""

import argparse
import sys
from pathlib import Path
from time import process_time

import numpy as np
from _report import origin, print_table, verdict
from scipy.linalg import cho_factor, cho_solve, solve_triangular
from scipy.linalg.lapack import dpotrf, dtrtri
from scipy.special import expit
from sklearn.frozen import FrozenEstimator
from threadpoolctl import threadpool_limits

from skinfluence import InfluenceExplainer
from skinfluence.datasets import load_enron1

sys.path.insert(0, str(Path(__file__).parent / "paper"))
from fig6_mislabelled_mail import flip, spam_filter, split_mails


def ours(model, X, labels):
    """Return every self-influence."""
    explainer = InfluenceExplainer(FrozenEstimator(model), method="influence")
    return explainer.fit(X, labels).self_influence()


def dual_system(model, X):
    """Return I + D^½ X Xᵀ D^½ C, in the column order that LAPACK works on."""
    roots = np.sqrt(model.C * curvatures(model, X))
    gram = (X @ X.T).toarray() * roots * roots[:, None]
    gram[np.diag_indices_from(gram)] += 1
    return np.asfortranarray(gram)


def curvatures(model, X):
    """Return p (1 - p), the second derivative of the log loss of every mail."""
    probabilities = expit(model.decision_function(X))
    return probabilities * (1 - probabilities)


def direct(model, X, labels, rows):
    """Return the self-influences of some rows by a dense Cholesky of the Hessian."""
    dense = X.toarray()
    hessian = (dense * curvatures(model, X)[:, None]).T @ dense
    hessian[np.diag_indices_from(hessian)] += 1 / model.C
    signs = np.where(labels == model.classes_[1], 1, -1)
    slopes = -signs * expit(-signs * model.decision_function(X))  # keeps the digits of tiny ones
    gradients = slopes[rows, None] * dense[rows]
    solved = cho_solve(cho_factor(hessian, overwrite_a=True), gradients.T)
    return np.einsum("np,pn->n", gradients, solved)


def stopwatch(call, *args, **kwargs):
    """Return the seconds a call takes, and what it returns."""
    start = process_time()
    result = call(*args, **kwargs)
    return process_time() - start, result


def measure(model, X, labels, repeats):
    """Return seconds {what: one a repeat}, the calls taking turns."""
    system = dual_system(model, X)
    identity = np.eye(len(system), order="F")
    runs = []
    for _ in range(repeats):
        scoring, _ = stopwatch(ours, model, X, labels)
        potrf, (factor, _) = stopwatch(dpotrf, system.copy(order="F"), overwrite_a=True)
        trsm, _ = stopwatch(solve_triangular, factor, identity, check_finite=False)
        trtri, _ = stopwatch(dtrtri, factor, overwrite_c=True)
        runs.append({"ours": scoring, "potrf": potrf, "trsm": trsm, "trtri": trtri})
    return {name: np.array([run[name] for run in runs]) for name in runs[0]}


def main():
    """Print times, multiples and the error."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--sample", type=int, default=200, help="rows compared with a dense solve")
    args = parser.parse_args()
    print(f"data: {origin('enron1.csv.gz')}\n")
    rng = np.random.default_rng(0)
    X, _, y, _ = split_mails(load_enron1(), 0, "counts")
    labels, _ = flip(y, rng)
    model = spam_filter(len(y), tol=1e-8).fit(X, labels)
    with threadpool_limits(1):
        seconds = measure(model, X, labels, args.repeats)
    rows = rng.choice(len(y), min(args.sample, len(y)), replace=False)
    truth = direct(model, X, labels, rows)
    difference = np.abs(ours(model, X, labels)[rows] - truth)
    errors = difference / np.maximum(truth, np.finfo(float).tiny)
    bare = seconds["potrf"] + seconds["trtri"]
    solve = seconds["potrf"] + seconds["trsm"]
    print(f"{len(y)} mails, {X.shape[1]} words, one BLAS thread, median of {args.repeats} runs\n")
    table = [
        ("ours, from the fitted estimator", np.median(seconds["ours"])),
        ("bare: potrf + trtri", np.median(bare)),
        ("   potrf", np.median(seconds["potrf"])),
        ("   trtri", np.median(seconds["trtri"])),
        ("   trsm with the identity", np.median(seconds["trsm"])),
    ]
    print_table(("time", "seconds"), table)
    print()
    ratio = np.median(seconds["ours"] / bare)
    table = [
        ("ours / (potrf + trtri)", "<= 1.5", f"{ratio:.2f}", verdict(ratio <= 1.5)),
        ("ours / (potrf + trsm)", "-", f"{np.median(seconds['ours'] / solve):.2f}", ""),
        (f"largest relative error, {len(rows)} rows", "-", f"{errors.max():.1e}", ""),
    ]
    print_table(("what", "target", "measured", ""), table)


if __name__ == "__main__":
    main()
