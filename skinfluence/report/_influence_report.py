"""The report of an InfluenceExplainer: which training rows are behind each prediction."""

import os
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._parameters import check_whole
from .._sklearn_private import _num_samples, _safe_indexing
from ..adapters import final_estimator
from ..diagnostics import refittable_rows
from ..questions import Loss
from ._cleaning_report import Witness, witnesses
from ._contents import Content, Contents, check_table
from ._files import check_destination, write_whole
from ._page import render, require_report_packages
from ._pictures import check_image_shape
from ._trust import REFITTED, TESTED, Trust, figures_of_fit
from ._values import count, figure, text_of


@dataclass(frozen=True)
class ExplainedPrediction:
    """A test row, and the training rows behind what the model says of it."""

    number: int
    row: int
    name: str | None
    true: str
    predicted: str
    right: bool | None
    loss: str
    loss_value: float
    content: Content
    helpful: list[Witness]
    harmful: list[Witness]


def write_influence_report(
    explainer: Any,
    path: str | os.PathLike,
    X_test: Any,
    y_test: Any,
    *,
    title: str | None,
    k: int,
    table: Any,
    image_shape: tuple[int, ...] | None,
) -> None:
    """Write the HTML of an explainer's report about some test rows.

    Parameters
    ----------
    explainer : InfluenceExplainer
        Fitted.
    path, X_test, y_test, title, k, table, image_shape
        As in ``InfluenceExplainer.to_html``.
    """
    require_report_packages(f"{type(explainer).__name__}.to_html")
    path = check_destination(path)
    check_whole("k", k)
    model = explainer.answers_.fit.model
    check_table(table, model.n_rows)
    if table is None or image_shape is not None:
        image_shape = check_image_shape(image_shape, model.X_given)
    training = Contents(model.X_given, table, image_shape)
    explained = _explained(explainer, X_test, y_test, training, model.y, image_shape, k)
    known = [one.right for one in explained if one.right is not None]
    page = render(
        "explaining.html",
        title=title or "The rows behind the predictions",
        n_rows=count(model.n_rows),
        n_test=count(len(explained)),
        n_right=count(sum(known)) if known else None,
        explained=explained,
        method=explainer.method_,
        estimator=type(final_estimator(explainer.estimator_)).__name__,
        diagnostics=_figures(explainer),
        trust=_refit_some(explainer, X_test, y_test),
    )
    write_whole(path, page)


def _figures(explainer):
    """Return the diagnostics of the fit; none where the numbers are refits."""
    fit = explainer.conditioning_
    if fit is None:
        return []
    return figures_of_fit(fit, explainer.newton_decrement_, explainer.typical_decrement_)


def _refit_some(explainer, X_test, y_test):
    """Really refit without some training rows; None where that is what all numbers are."""
    fit = explainer.answers_.fit
    if fit.inverse is None or not len(refittable_rows(fit.model)):
        return None
    some = np.arange(min(TESTED, _num_samples(X_test)))
    asked = _safe_indexing(X_test, some), _safe_indexing(y_test, some)
    found = explainer.verify(*asked, n_rows=REFITTED, random_state=0)
    return Trust(found, "the losses of the rows asked about")


def _explained(
    explainer: Any,
    X_test: Any,
    y_test: Any,
    training: Contents,
    y: np.ndarray,
    image_shape: tuple[int, ...] | None,
    k: int,
) -> list[ExplainedPrediction]:
    """Return every test row with its witnesses, in the order given."""
    found = explainer.most_influential(X_test, y_test, k=min(k, len(y)))
    predicted, fit = _predictions(explainer, X_test), explainer.answers_.fit
    losses = Loss(X_test, y_test).encode(fit).value(fit.model, None)
    test = Contents(X_test, None, check_image_shape(image_shape, X_test))
    truths = np.asarray(y_test)
    explained = []
    for i, (truth, loss) in enumerate(zip(truths, losses)):
        sides = {
            side: witnesses(found[side][i], found[f"{side}_influence"][i], y, training, sign)
            for side, sign in (("helpful", 1), ("harmful", -1))
        }
        explained.append(
            ExplainedPrediction(
                number=i + 1,
                row=i,
                name=test.name(i),
                true=text_of(truth),
                predicted="unknown" if predicted is None else text_of(predicted[i]),
                right=_right(explainer, predicted, truths, i),
                loss=figure(loss),
                loss_value=float(loss),
                content=test[i],
                **sides,
            )
        )
    return explained


def _predictions(explainer: Any, X_test: Any) -> np.ndarray | None:
    return explainer.predict(X_test) if hasattr(explainer, "predict") else None


def _right(explainer: Any, predicted: np.ndarray | None, truths: np.ndarray, i: int) -> bool | None:
    """Tell whether a class was predicted right; None for a value, which is never quite."""
    if predicted is None or not hasattr(explainer.estimator_, "classes_"):
        return None
    return bool(np.all(predicted[i] == truths[i]))
