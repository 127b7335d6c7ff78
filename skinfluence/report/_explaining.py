"""The report of an InfluenceExplainer: which training rows are behind each prediction."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .._typing import MatrixLike
from ..problems import final_estimator
from ._cleaning import witnesses
from ._contents import Content, Contents
from ._page import render
from ._pictures import check_image_shape
from ._trust import Figure, Trust
from ._values import count, figure, text_of


@dataclass(frozen=True)
class Asked:
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
    helpful: list
    harmful: list


def influence_report(
    explainer: Any,
    X_test: MatrixLike,
    y_test: ArrayLike,
    training: tuple[MatrixLike, np.ndarray],
    trust: Trust | None,
    diagnostics: list[Figure],
    *,
    title: str | None,
    k: int,
    table: Any,
    image_shape: tuple[int, ...] | None,
) -> str:
    """Return the HTML of an explainer's report about some test rows.

    Parameters
    ----------
    explainer : InfluenceExplainer
        Fitted.
    X_test, y_test : array-like of n_test rows
        Rows asked about.
    training : tuple (X, y)
        The rows of ``fit``, y in the user's labels.
    trust : Trust or None
        What real refits said; None where the numbers are refits.
    diagnostics : list of Figure
        Of the fit; empty where the numbers are refits.
    title, k, table, image_shape
        As in ``InfluenceExplainer.to_html``.
    """
    X, y = training
    asked = _asked(explainer, X_test, y_test, Contents(X, table, image_shape), y, image_shape, k)
    known = [one.right for one in asked if one.right is not None]
    return render(
        "explaining.html",
        title=title or "The rows behind the predictions",
        n_rows=count(len(y)),
        n_test=count(len(asked)),
        n_right=count(sum(known)) if known else None,
        asked=asked,
        method=explainer.method_,
        estimator=type(final_estimator(explainer.estimator_)).__name__,
        diagnostics=diagnostics,
        trust=trust,
    )


def _asked(explainer, X_test, y_test, training, y, image_shape, k):
    """Return every test row with its witnesses, in the order given."""
    found = explainer.most_influential(X_test, y_test, k=min(k, len(y)))
    losses, predicted = explainer._test_losses(X_test, y_test), _predictions(explainer, X_test)
    test = Contents(X_test, None, check_image_shape(image_shape, X_test))
    truths = np.asarray(y_test)
    asked = []
    for i, (truth, loss) in enumerate(zip(truths, losses)):
        sides = {
            side: witnesses(found[side][i], found[f"{side}_influence"][i], y, training, sign)
            for side, sign in (("helpful", 1), ("harmful", -1))
        }
        asked.append(
            Asked(
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
    return asked


def _predictions(explainer, X_test):
    return explainer.predict(X_test) if hasattr(explainer, "predict") else None


def _right(explainer, predicted, truths, i):
    """Tell whether a class was predicted right; None for a value, which is never quite."""
    if predicted is None or not hasattr(explainer.estimator_, "classes_"):
        return None
    return bool(np.all(predicted[i] == truths[i]))
