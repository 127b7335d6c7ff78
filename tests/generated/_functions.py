"""The cleaner, the embedding, and the functions around the explainer."""

from dataclasses import replace

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import Pipeline

from skinfluence import InfluenceEmbedding, InfluenceExplainer, LabelCleaner
from skinfluence.metrics import (
    approximate_cross_val_score,
    cleaning_curve,
    linear_datamodeling_score,
    removal_curve,
)
from skinfluence.poisoning import poison, vulnerability
from skinfluence.selection import label_changes, removals

from ._asking import Request, explained, precision, test_rows, tolerance
from ._estimators import either
from ._judging import Wrong, agree, same
from ._losses import Squared
from ._rows import NoTruth
from ._truth import truth_of


class Strongest(Request):
    """``most_influential`` against the whole matrix."""

    def ask(self, case):
        found = explained(case, method="auto")
        k = min(3, case.n_rows)
        return found.most_influential(*test_rows(case), k=k), found.loss_influence(*test_rows(case))

    def check(self, case, answer):
        strongest, whole = answer
        k = min(3, case.n_rows)
        same("helpful", strongest.helpful_influence, -np.sort(-whole, axis=1)[:, :k], 1e-9)
        same("harmful", strongest.harmful_influence, np.sort(whole, axis=1)[:, :k], 1e-9)


class Diagnostics(Request):
    """Classical diagnostics: numbers that are finite, of their shapes."""

    def ask(self, case):
        found = explained(case)
        return found.leverage(), found.cooks_distance(), found.dffits(), found.dfbetas()

    def check(self, case, answer):
        for name, values in zip(("leverage", "cooks", "dffits", "dfbetas"), answer, strict=True):
            if len(values) != case.n_rows:
                raise Wrong(f"{name} of shape {values.shape}")
            may_be = answer[0] > 1 - 1e-4  # of which Cook's distance is infinite
            if name in ("dffits", "dfbetas") and not np.isfinite(values[~may_be]).all():
                may_be = may_be | explained_without(case)
            if not np.isfinite(values[~may_be]).all():
                raise Wrong(f"{name} is not finite")


def explained_without(case):
    """Return the rows without which a fit meets all targets of an output: no spread is left.

    What moves a prediction by anything then moves it by infinitely many standard errors.
    """
    truth = truth_of(case)
    if not isinstance(getattr(truth.model, "loss", None), Squared):
        return np.zeros(case.n_rows, bool)
    meets = []
    for row in range(case.n_rows):
        rest = truth.rows.without([row])
        targets, counted = truth.model.encode(rest.y), rest.weights > 0
        off = np.abs(truth.model.fit(rest).raw(rest.X) - targets)[counted].max(axis=0)
        meets.append(np.any(off < 1e-9 * np.abs(targets).max()))
    return np.array(meets)


class Verified(Request):
    """``verify``: it agrees, or says why not."""

    def ask(self, case):
        return explained(case).verify(*test_rows(case), rows=list(case.rows))

    def check(self, case, answer):
        slope = getattr(answer, "slope", np.nan)
        if np.isfinite(slope) and abs(slope - 1) > 4 * tolerance(case):
            raise Wrong(f"slope of refits on estimates {slope:.4f}: {answer!r}"[:300])


class Cleaned(Request):
    """``LabelCleaner``: its decisions hang together, and its scores are losses of real refits."""

    weight = 3

    def options(self, rng):
        return {
            "score": either(rng, "loo_loss", "loo_loss", "self_influence", "loss"),
            "penalty": either(rng, "tune", "keep"),
            "action": either(rng, "drop", "keep"),
        }

    def fits(self, case):
        return case.kind != "outputs"

    def ask(self, case):
        cleaner = LabelCleaner(case.fresh(), **case.options, random_state=0)
        cleaner.fit(case.handed(case.X), case.targets(case.y), sample_weight=case.weights)
        names = ("label_scores_", "flagged_", "ranking_", "suggested_labels_", "sample_indices_")
        names = (*names, "action_", "wrong_probabilities_")
        told = {name: getattr(cleaner, name, None) for name in names}
        predicted = cleaner.predict(test_rows(case)[0])
        return {**told, "frame": len(cleaner.to_frame()), "predicted": predicted}

    def check(self, case, answer):
        n_rows, scores = case.n_rows, np.asarray(answer["label_scores_"])
        if scores.shape != (n_rows,) or np.isnan(scores).any():
            raise Wrong(f"label_scores_ {scores!r}"[:200])
        if sorted(answer["ranking_"]) != list(range(n_rows)):
            raise Wrong("ranking_ is no permutation")
        if (np.diff(scores[answer["ranking_"]]) > 1e-12 * np.abs(scores).max()).any():
            raise Wrong("ranking_ does not follow the scores")
        flagged = np.asarray(answer["flagged_"])
        if answer["action_"] not in (case.options["action"], "keep"):
            raise Wrong(f"action_ {answer['action_']!r}")
        kept = n_rows - flagged.sum() if answer["action_"] == "drop" else n_rows
        if len(answer["sample_indices_"]) != kept or answer["frame"] != n_rows:
            raise Wrong(f"{kept} rows should be kept")
        if case.labels is not None:
            left = np.unique(case.y[~flagged])
            if len(left) < len(np.unique(case.y)) and case.options["action"] == "drop":
                raise Wrong("a class is gone")
            wrong = np.asarray(answer["wrong_probabilities_"])
            if wrong.shape != (n_rows,) or not np.all((wrong >= 0) & (wrong <= 1)):
                raise Wrong(f"wrong_probabilities_ {wrong!r}"[:200])
        if case.options["penalty"] == "keep" and case.options["score"] == "loo_loss":
            self._check_scores(case, scores)

    @staticmethod
    def _check_scores(case, scores):
        truth = truth_of(case)
        rows = list(case.rows)
        for row in rows:
            after = truth.model.fit(truth.rows.without([row]), truth.before)
            own = truth.rows.X[[row]], case.y[[row]]
            expected = after.losses(*own)[0]
            moved_by = abs(expected - truth.before.losses(*own)[0])
            noise = after.loss_noise(*own)[0] if hasattr(after, "loss_noise") else 0
            allowed = 0.2 * moved_by + 1e-6 * abs(expected) + 10 * noise + 1e-9
            agree(f"label_scores_[{row}]", scores[row], expected, allowed)


class Embedded(Request):
    """``InfluenceEmbedding``: finite features, one row each."""

    def options(self, rng):
        return {}

    def ask(self, case):
        embedding = InfluenceEmbedding(case.fresh(), random_state=0)
        embedding.fit(case.handed(case.X), case.targets(case.y), sample_weight=case.weights)
        return embedding.transform(case.handed(case.X_test))

    def check(self, case, answer):
        if len(answer) != len(case.X_test) or not np.isfinite(answer).all():
            raise Wrong(f"embedding of shape {answer.shape}, or not finite")


class Metrics(Request):
    """The functions of ``metrics``: numbers in their ranges."""

    weight = 2

    def fits(self, case):
        return case.n_rows > 12

    def prepared(self, case, name, rng):
        names = ["linear_datamodeling_score", "removal_curve", "approximate_cross_val_score"]
        if is_classifier(case.estimator):
            names.append("cleaning_curve")
        case = replace(case, weights=None)
        return replace(case, request=name, options={"function": str(rng.choice(names))})

    def ask(self, case):
        function, X, y = case.options["function"], case.handed(case.X), case.targets(case.y)
        if function == "approximate_cross_val_score":
            return approximate_cross_val_score(case.fresh(), X, y, cv=3)
        if function == "cleaning_curve":
            cleaner = LabelCleaner(case.fresh(), penalty="keep")
            return cleaning_curve(
                cleaner, X, y, *test_rows(case), shares=(0.1, 0.3), n_draws=1, random_state=0
            )
        explainer = InfluenceExplainer(case.fresh()).fit(X, y)
        if function == "removal_curve":
            return removal_curve(
                explainer, *test_rows(case), shares=(0.05, 0.2), n_draws=1, random_state=0
            )
        return linear_datamodeling_score(
            explainer, *test_rows(case), n_subsets=5, subset_size=0.7, random_state=0
        )

    def check(self, case, answer):
        function = case.options["function"]
        if function == "approximate_cross_val_score":
            if answer.shape != (3,) or np.any(~np.isfinite(answer) & ~unscored(case)):
                raise Wrong(f"scores {answer}")
        elif function == "linear_datamodeling_score":
            score = answer.score
            if not (np.isnan(score) or -1 - 1e-9 <= score <= 1 + 1e-9):
                raise Wrong(f"score {score}")
        elif function == "removal_curve":
            if answer.helpful.shape != (2,) or answer.random.shape != (1, 2):
                raise Wrong(f"shapes {answer.helpful.shape}, {answer.random.shape}")
        elif not all(0 <= found <= 1 for each in answer.found.values() for found in each.ravel()):
            raise Wrong(f"shares {answer.found}")


def unscored(case):
    """Return the folds that the estimator's own score is no number of, as of constant targets."""
    X, y = case.handed(case.X), case.targets(case.y)
    return ~np.isfinite(cross_val_score(case.fresh(), X, y, cv=3))


class Selected(Request):
    """``selection``: what is said to be confirmed holds after really refitting."""

    weight = 2

    def prepared(self, case, name, rng):
        names = ["prediction", "coefficient", *["labels"] * is_classifier(case.estimator)]
        return replace(case, request=name, options={"what": str(rng.choice(names))})

    def ask(self, case):
        X, y = case.handed(case.X), case.targets(case.y)
        rest = {"sample_weight": case.weights}
        one = case.handed(case.X_test[:1])
        if case.options["what"] == "labels":
            return label_changes(
                case.fresh(), X, y, one, case.targets(case.y_test[:1]), max_changes=5, **rest
            )
        if case.options["what"] == "coefficient":
            return removals(case.fresh(), X, y, coefficient=0, max_rows=5, **rest)
        return removals(case.fresh(), X, y, one, max_rows=5, **rest)

    def check(self, case, answer):
        rows = np.asarray(answer.rows)
        if len(np.unique(rows)) != len(rows) or (len(rows) and rows.max() >= case.n_rows):
            raise Wrong(f"rows {rows}")
        if not answer.confirmed or case.options["what"] != "prediction" or case.labels is None:
            return
        keep = ~np.isin(np.arange(case.n_rows), rows)
        weights = {} if case.weights is None else last_weights(case, case.weights[keep])
        X, y = case.handed(case.X[keep]), case.targets(case.y[keep])
        whole = {} if case.weights is None else last_weights(case, case.weights)
        one = case.handed(case.X_test[:1])
        if isinstance(case.estimator, Pipeline) or "CV(" in repr(case.estimator):
            raise NoTruth("of steps that are held")
        if precision(case) > 1e-6 or "saga" in repr(case.estimator):
            raise NoTruth("of fits that stop short")
        before = case.fresh().fit(case.handed(case.X), case.targets(case.y), **whole).predict(one)
        after = clone(case.estimator).fit(X, y, **weights).predict(one)
        if before[0] == after[0]:
            if undecided(clone(case.estimator).fit(X, y, **weights), one):
                raise NoTruth("the prediction is a toss-up")
            raise Wrong(f"confirmed, but without {rows} the prediction is still {after[0]!r}")


def undecided(model, one):
    """Return whether a model's prediction of a row is within a thousandth of another."""
    if not hasattr(model, "decision_function"):
        return False
    values = np.sort(np.atleast_1d(model.decision_function(one)[0]))
    gap = np.abs(values[0]) if len(values) == 1 else values[-1] - values[-2]
    return gap < 1e-3


def last_weights(case, weights):
    """Return weights as arguments of ``fit``."""
    return {"sample_weight": weights}


class Poisoned(Request):
    """``poisoning``: rows stay within their box."""

    weight = 1

    def fits(self, case):
        return case.kind in ("binary", "classes", "real")

    def options(self, rng):
        return {"epsilon": 0.5, "what": either(rng, "poison", "poison", "vulnerability")}

    def ask(self, case):
        X, y = case.handed(case.X), case.targets(case.y)
        rest = {"epsilon": case.options["epsilon"], "sample_weight": case.weights}
        if case.options["what"] == "vulnerability" and is_classifier(case.estimator):
            return vulnerability(
                case.fresh(), X, y, case.handed(case.X_test[:2]), max_rows=4, **rest
            )
        return poison(case.fresh(), X, y, *test_rows(case), n_rows=min(2, case.n_rows), **rest)

    def check(self, case, answer):
        if not hasattr(answer, "X_new"):
            if answer.shape != (2,) or (answer < 0).any():
                raise Wrong(f"vulnerability {answer}")
            return
        X_new = np.asarray(answer.X_new.todense() if hasattr(answer.X_new, "todense")
                           else answer.X_new, float)  # fmt: skip
        before = np.asarray(case.X)[answer.rows]
        room = case.options["epsilon"] * (1 + 1e-6) + 1e-6 * np.abs(before).max()
        agree("X_new", X_new, before, room)
        for name in ("loss_before", "loss_after", "realised_change"):
            if not np.isfinite(getattr(answer, name)).all():
                raise Wrong(f"{name} is {getattr(answer, name)}")
