"""Reports: what a cleaner or an explainer found, as one HTML file that stands alone.

``LabelCleaner.to_html`` and ``InfluenceExplainer.to_html`` write them. They need the "report"
extra: ``pip install skinfluence[report]``.
"""

from ._cleaning_report import CONTRADICTING, LabelFindings, cleaning_report
from ._contents import check_table
from ._files import check_destination, is_stream, replaced_whole, write_whole
from ._influence_report import write_influence_report
from ._page import require_report_packages
from ._pictures import check_image_shape
from ._trust import REFITTED, Figure, Trust, figures_of_fit

__all__ = [
    "CONTRADICTING",
    "REFITTED",
    "Figure",
    "LabelFindings",
    "Trust",
    "check_destination",
    "check_image_shape",
    "check_table",
    "cleaning_report",
    "figures_of_fit",
    "is_stream",
    "replaced_whole",
    "require_report_packages",
    "write_influence_report",
    "write_whole",
]
