"""A cleaner's report, and the real refits behind what it says of its own scores."""

import os
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ._parameters import check_whole
from .adapters import FittedModel
from .changes import Removed
from .diagnostics import Conditioning, compare
from .methods import Refit, RetrainAnswers
from .optimum import newton_decrement, typical_decrement
from .report import check_destination, cleaning_report, require_report_packages, write_whole
from .report._contents import check_table
from .report._pictures import check_image_shape
from .report._trust import REFITTED, Trust, figures_of_fit


class ReportedLabels:
    """The method of a fitted cleaner that writes what it found for people to read."""

    def to_html(
        self,
        path: str | os.PathLike,
        *,
        title: str | None = None,
        max_rows: int = 100,
        table: Any = None,
        image_shape: tuple | None = None,
    ) -> None:
        """Write a report: the labels to look at, and the rows that contradict each.

        One HTML file that stands alone: it asks for nothing from elsewhere, and can be read with
        scripting off, on a phone and in print. Ten rows are really refitted for it.

        Parameters
        ----------
        path : str or Path
            The file. It is written whole or not at all.
        title : str, default=None
            Heading of the report.
        max_rows : int, default=100
            Rows of the ranking to show, the most suspicious ones.
        table : DataFrame of n rows, default=None
            Columns to show for the training rows. None means the X that ``fit`` was given, as it
            is now: texts, columns, or pictures.
        image_shape : tuple (height, width) or (height, width, 3), default=None
            The images that rows are. None takes arrays of more than two axes for images, and,
            unless ``table`` is given, arrays without column names whose p = s² >= 64 columns are
            never negative for squares of side s.

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
        check_whole("max_rows", max_rows)
        X, y, _ = self._training
        check_table(table, len(y))
        if table is None or image_shape is not None:
            image_shape = check_image_shape(image_shape, X)
        shown = {"max_rows": max_rows, "table": table, "image_shape": image_shape}
        page = cleaning_report(
            self, self._refit_some(), self._diagnostics_of_scoring(), title=title, **shown
        )
        write_whole(path, page)

    def _diagnostics_of_scoring(self):
        scored = self._scored
        fit = Conditioning(scored.working, scored.inverse)
        if scored.factored:  # the scores have asked for every leverage already
            _ = fit.effective_dimension
        decrement = newton_decrement(scored.problem, scored.inverse)
        return figures_of_fit(fit, decrement, typical_decrement(scored.problem, scored.inverse))

    def _refit_some(self):
        """Really refit without some rows, flagged ones and others; compare their own losses.

        Returns
        -------
        trust : Trust or None
            None if no row can be left out, each being alone in its class.
        """
        scored, (_, y, weights) = self._scored, self._training
        problem, random = scored.problem, np.random.RandomState(0)
        rows, why = self._refittable(random)
        if not len(rows):
            return None
        known = {"inverse": scored.inverse} if scored.factored else {}
        model = FittedModel(scored.estimator, problem, np.asarray(y), weights)
        refits = RetrainAnswers(scored.fit, Refit.of(model, **known))
        raw, targets, left_out = problem.raw[rows], problem.y[rows], Removed(rows)
        estimated, refitted = (
            problem.reported(raw + change, targets) - problem.reported(raw, targets)
            for change in (scored.newton.own_raw(left_out), refits.own_raw(left_out))
        )
        found = compare(
            estimated[None],
            refitted[None],
            rows,
            confidence=0.95,
            random=random,
            selected_as=why,
            method="newton",
        )
        return Trust(found, "the loss of each row itself")

    def _refittable(self, random):
        """Choose the most suspicious rows, and random ones, that others of their class replace."""
        kinds = self._scored.problem.targets.kinds(self._scored.problem.y)
        several = [np.bincount(codes)[codes] > 1 for codes in kinds]
        able = np.all(several, axis=0) if several else np.ones(len(self.ranking_), dtype=bool)
        candidates = self.ranking_[able[self.ranking_]]
        n_worst = min((REFITTED + 1) // 2, len(candidates))
        drawn = random.permutation(candidates[n_worst:])[: REFITTED - n_worst]
        rows = np.concatenate([candidates[:n_worst], drawn])
        return rows, np.repeat(["most suspicious", "random"], [n_worst, len(drawn)])
