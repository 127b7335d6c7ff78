"""Reports: what a cleaner or an explainer found, as one HTML file that stands alone.

``LabelCleaner.to_html`` and ``InfluenceExplainer.to_html`` write them. They need the "report"
extra: ``pip install skinfluence[report]``.
"""

from ._cleaning_report import CONTRADICTING, LabelFindings, cleaning_report
from ._files import check_destination, is_stream, replaced_whole, write_whole
from ._influence_report import influence_report
from ._page import require_report_packages

__all__ = [
    "CONTRADICTING",
    "LabelFindings",
    "check_destination",
    "cleaning_report",
    "influence_report",
    "is_stream",
    "replaced_whole",
    "require_report_packages",
    "write_whole",
]
