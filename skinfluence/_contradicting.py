"""Which training rows contradict a label: those without which its own loss would fall most.

``influence[i, j] = ∇loss_i · H⁻¹ · R_jᵀ`` of two training rows, and the most negative j of each i.
"""

import numpy as np
from sklearn.utils import Bunch
from sklearn.utils.validation import check_is_fitted

from ._blocks import row_blocks, take_rows
from ._parallel import strongest_by_block
from ._parameters import check_whole
from ._typing import RowsLike
from .changes import Removed, check_rows
from .methods import whole
from .questions import AskedLoss

#: Contradicting rows that are looked through for convincing ones.
CONSIDERED = 100


class ContradictingRows:
    """The method of a fitted cleaner that names the rows which speak against a label."""

    def contradicting_rows(self, rows: RowsLike | None = None, *, k: int = 5) -> Bunch:
        """Return the training rows that contradict the labels of some rows most.

        They are the most harmful rows for the loss of a row with its given label, under the model
        that scored it: those whose removal would lower that loss most, to first order. Most carry
        another label; one with the same label may be among them where it pulls the model away.

        Parameters
        ----------
        rows : None, int indices, bool mask or slice, default=None
            Training rows asked about. None means the flagged ones, most suspicious first.
        k : int, default=5
            Rows to return for each, between 1 and n - 1.

        Returns
        -------
        contradicting : Bunch
            ``rows`` (n_asked, k): indices of training rows, the strongest first, never the row
            itself; ``influence`` (n_asked, k): the change of the loss of the row asked about
            without each, negative where it contradicts the label.

        Raises
        ------
        ValueError
            If ``k`` or ``rows`` are out of range.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.linear_model import LogisticRegression
        >>> from skinfluence import LabelCleaner
        >>> X = np.r_[np.linspace(-2, -1, 30), np.linspace(1, 2, 30)][:, None]
        >>> y = np.where(np.arange(60) < 30, "low", "high")
        >>> y[29] = "high"
        >>> cleaner = LabelCleaner(LogisticRegression()).fit(X, y)
        >>> found = cleaner.contradicting_rows([29], k=2)
        >>> y[found.rows[0]]
        array(['low', 'low'], dtype='<U4')
        >>> bool(np.all(found.influence < 0))
        True
        """
        check_is_fitted(self)
        n = len(self.label_scores_)
        check_whole("k", k)
        if k >= n:
            raise ValueError(f"`k` must be at most n - 1 = {n - 1}, the other rows; got {k}.")
        asked = self.ranking_[self.flagged_[self.ranking_]] if rows is None else check_rows(rows, n)
        problem = self._scored.working
        found = Bunch(rows=np.empty((len(asked), k), int), influence=np.empty((len(asked), k)))
        row_bytes = 3 * (problem.n_outputs * len(problem.theta) + n) * problem.theta.itemsize
        for block in row_blocks(len(asked), row_bytes):
            found.rows[block], found.influence[block] = self._contradict(asked[block], k)
        return found

    def _contradict(self, asked, k):
        """Return indices and influence of the k rows that contradict each row asked about."""
        problem, answers = self._scored.working, self._scored.first_order
        losses = AskedLoss(answers.fit.model, None, take_rows(problem.X, asked), problem.y[asked])

        def against(rows):
            strength = -whole(answers, losses, Removed(rows))
            strength[asked[:, None] == rows] = -np.inf  # a row does not contradict itself
            return strength

        n = problem.n_rows
        row_bytes = 3 * len(asked) * problem.theta.itemsize
        rows, strength = strongest_by_block(against, np.arange(n), k, row_bytes)
        return rows, -strength


def convincing(cleaner, labels, rows, k):
    """Yield, for each row asked about, up to k rows that contradict it, and their influence.

    A row that is suspicious itself, or is called the same, does not convince: a wrong label in a
    class draws the model away from its right ones, and so "contradicts" them too.
    """
    found = cleaner.contradicting_rows(rows, k=min(CONSIDERED, len(labels) - 1))
    classifies = cleaner.loo_probabilities_ is not None
    for row, others, influence in zip(rows, found.rows, found.influence):
        fit = ~cleaner.flagged_[others] & (influence < 0)
        if classifies:
            fit &= labels[others] != labels[row]
        yield others[fit][:k], influence[fit][:k]
