"""One noisy table cleaned by LabelCleaner and by cleanlab, and what came of it.

A draw is a table, a seed, a model and a noise. It gives one record a way of cleaning:

    no cleaning        the model fitted on the noisy labels
    tuned threshold    the same, decided at the threshold of best balanced accuracy in five folds;
                       of several classes, by probabilities over the shares of the classes. Only
                       where it is asked for, and nothing but its balanced accuracy
    LabelCleaner       as it comes
    cleanlab           ``find_label_issues``, from five shuffled folds, and a refit without them
    CleanLearning      cleanlab's meta-estimator, from the same folds
"""

import logging
import warnings
from time import perf_counter

import numpy as np
from _noisy_tables import split_of
from cleanlab.classification import CleanLearning
from cleanlab.count import estimate_joint, num_label_issues
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_self_confidence_for_each_label
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, balanced_accuracy_score, roc_auc_score
from sklearn.model_selection import TunedThresholdClassifierCV, cross_val_predict
from threadpoolctl import threadpool_limits

from skinfluence import LabelCleaner

NONE, TUNED = "no cleaning", "tuned threshold"
OURS, FILTER, LEARNER = "LabelCleaner", "cleanlab", "CleanLearning"
#: The model and the noise that most is asked of.
ASKED = "logistic", ("uniform", 0.1)
MODELS = {
    "logistic": LogisticRegression(max_iter=1000),
    "forest": RandomForestClassifier(100, min_samples_leaf=3),
    "boosting": HistGradientBoostingClassifier(max_iter=30, max_leaf_nodes=8, early_stopping=False),
}
#: Smallest probability in a log loss.
TINY = 1e-7


def draws(name, seed, wanted):
    """Return the records of every (model, noise) of a table and a seed."""
    records = []
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        split = split_of(name, seed)
        for model, (kind, rate) in wanted:
            drawn = {"table": name, "seed": seed, "model": model, "kind": kind, "rate": rate}
            given = split.noisy(kind, rate)
            if given is not None:
                tuned = (model, (kind, rate)) == ASKED
                found = compared(split, model, given, tuned)
                records += [drawn | {"by": by} | record for by, record in found.items()]
    return records


def compared(split, name, given, tuned):
    """Return {way of cleaning: record} of one draw."""
    model = clone(MODELS[name])
    if "random_state" in model.get_params():
        model.set_params(random_state=split.seed)
    start = clone(model).fit(split.X, given)
    found = {NONE: outcome(start, split)}
    if tuned:
        found[TUNED] = {"balanced": tuned_balance(start, split, given)}
    found |= {OURS: ours(model, split, given)} | theirs(model, split, given)
    before = dict(found[NONE])
    for record in found.values():
        for figure in [figure for figure in before if figure in record]:
            record[f"{figure} change"] = record[figure] - before[figure]
    return found


def ours(model, split, given):
    """Return the record of LabelCleaner."""
    start = perf_counter()
    cleaner = LabelCleaner(clone(model), random_state=split.seed).fit(split.X, given)
    seconds = perf_counter() - start
    wrong = given != split.y
    return {
        **flag_figures(cleaner.flagged_, wrong, given),
        **outcome(cleaner.estimator_, split),
        "precision of ranking": ranked(cleaner.label_scores_, wrong),
        "share off": abs(cleaner.noise_rate_ - wrong.mean()),
        "acted": cleaner.action_ != "keep",
        "seconds": seconds,
    }


def theirs(model, split, given):
    """Return {way: record} of cleanlab's filter and of its meta-estimator."""
    start = perf_counter()
    found = cross_val_predict(model, split.X, given, cv=split.folds, method="predict_proba")
    issues = find_label_issues(given, found, n_jobs=1)
    kept = clone(model).fit(split.X[~issues], given[~issues])
    seconds = perf_counter() - start
    wrong = given != split.y
    ranking = ranked(-get_self_confidence_for_each_label(given, found), wrong)
    shares = {
        "share off": abs(num_label_issues(given, found) / len(given) - wrong.mean()),
        "share off, joint": abs(1 - np.trace(estimate_joint(given, found)) - wrong.mean()),
    }
    start = perf_counter()
    one_process = {"n_jobs": 1}
    learner = CleanLearning(clone(model), seed=split.seed, find_label_issues_kwargs=one_process)
    learner.fit(split.X, given, pred_probs=found)
    by_learner = learner.get_label_issues()["is_label_issue"].to_numpy()
    common = {"precision of ranking": ranking} | shares
    return {
        FILTER: flag_figures(issues, wrong, given)
        | outcome(kept, split)
        | common
        | {"seconds": seconds},
        LEARNER: flag_figures(by_learner, wrong, given)
        | outcome(learner.clf, split)
        | common
        | {"seconds": perf_counter() - start},
    }


def flag_figures(flagged, wrong, given):
    """Return F1, precision, recall, share flagged, and the least share of a class that is kept."""
    hit = np.sum(flagged & wrong)
    kept = [1 - flagged[given == label].mean() for label in np.unique(given)]
    return {
        "F1": 2 * hit / (flagged.sum() + wrong.sum()) if wrong.any() else np.nan,
        "precision": hit / flagged.sum() if flagged.any() else np.nan,
        "recall": hit / wrong.sum() if wrong.any() else np.nan,
        "flagged": flagged.mean(),
        "kept": min(kept),
    }


def ranked(scores, wrong):
    """Return the average precision of a ranking; nan where no label is wrong."""
    return average_precision_score(wrong, scores) if wrong.any() else np.nan


def outcome(model, split):
    """Return log loss, area under the ROC curve and balanced accuracy on the test rows."""
    y = split.y_test
    found = np.zeros((len(y), split.y.max() + 1))
    found[:, model.classes_] = model.predict_proba(split.X_test)  # a class may have been lost
    found = np.clip(found, TINY, 1)
    found /= found.sum(axis=1, keepdims=True)
    score = found[:, 1] if found.shape[1] == 2 else found
    return {
        "log loss": -np.log(found[np.arange(len(y)), y]).mean(),
        "area": roc_auc_score(y, score, multi_class="ovr"),
        "balanced": balanced_accuracy_score(y, found.argmax(axis=1)),
    }


def tuned_balance(model, split, given):
    """Return the balanced accuracy of no cleaning, decided at its best threshold."""
    if len(model.classes_) == 2:
        chosen = TunedThresholdClassifierCV(
            clone(model), scoring="balanced_accuracy", cv=split.folds
        )
        predicted = chosen.fit(split.X, given).predict(split.X_test)
    else:
        shares = np.bincount(given) / len(given)
        predicted = (model.predict_proba(split.X_test) / shares).argmax(axis=1)
    return balanced_accuracy_score(split.y_test, predicted)
