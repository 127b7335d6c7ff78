"""An explainer's report: the training rows behind each prediction, for people to read."""

import os
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from ._parameters import check_whole
from ._sklearn_private import _num_samples, _safe_indexing
from ._typing import MatrixLike
from .report import check_destination, influence_report, require_report_packages, write_whole
from .report._contents import check_table
from .report._pictures import check_image_shape
from .report._trust import REFITTED, TESTED, Trust, diagnostics


class ReportedInfluence:
    """The method of a fitted explainer that writes a report."""

    def to_html(
        self,
        path: str | os.PathLike,
        X_test: MatrixLike,
        y_test: ArrayLike,
        *,
        title: str | None = None,
        k: int = 5,
        table: Any = None,
        image_shape: tuple | None = None,
    ) -> None:
        """Write a report: test rows, what is predicted, and the training rows behind it.

        One HTML file that stands alone: it asks for nothing from elsewhere, and can be read with
        scripting off, on a phone and in print. Unless ``method="retrain"``, ten training rows are
        really left out for it, and the losses of the first twenty test rows compared.

        Parameters
        ----------
        path : str or Path
            The file. It is written whole or not at all.
        X_test, y_test : array-like of n_test rows
            Rows asked about, y in the user's labels. Each has its place in the report.
        title : str, default=None
            Heading of the report.
        k : int, default=5
            Helpful and harmful rows to show, of each at most k.
        table : DataFrame of n_train rows, default=None
            Columns to show for the training rows. None means the X that ``fit`` was given, as it
            is now: texts, columns, or pictures.
        image_shape : tuple (height, width) or (height, width, 3), default=None
            The images that rows are, as in ``LabelCleaner.to_html``.

        Raises
        ------
        ImportError
            If the "report" extra is not installed.
        OSError
            If there can be no file at ``path``.
        ValueError
            If ``table`` has another number of rows, or ``image_shape`` of values.
        """
        check_is_fitted(self)
        require_report_packages(f"{type(self).__name__}.to_html")
        path = check_destination(path)
        check_whole("k", k)
        check_table(table, self._n_rows)
        if table is None or image_shape is not None:
            image_shape = check_image_shape(image_shape, self._shown)
        y, _ = self._training
        shown = {"title": title, "k": k, "table": table, "image_shape": image_shape}
        trust, figures = self._refit_some(X_test, y_test), self._figures_of_fit()
        page = influence_report(self, X_test, y_test, (self._shown, y), trust, figures, **shown)
        write_whole(path, page)

    def _figures_of_fit(self):
        fit = self._fit_diagnostics
        return (
            [] if fit is None else diagnostics(fit, self.newton_decrement_, self.typical_decrement_)
        )

    def _refit_some(self, X_test, y_test):
        """Really refit without some training rows; None where that is what all numbers are."""
        if self.method_ == "retrain" or not len(self._refittable_rows()):
            return None
        some = np.arange(min(TESTED, _num_samples(X_test)))
        asked = _safe_indexing(X_test, some), _safe_indexing(y_test, some)
        found = self.verify(*asked, n_rows=REFITTED, random_state=0)
        return Trust(found, "the losses of the rows asked about")

    def _test_losses(self, X_test, y_test):
        """Return the loss of every test row, shape (n_test,)."""
        X, y = self._encode(X_test, y_test)
        if self.problem_ is None:
            return self.scores_.losses(X, y)
        return self.problem_.reported(self.problem_.predict_raw(X), y)
