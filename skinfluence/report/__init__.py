"""What a cleaner or an explainer found, for people: one HTML file, or a DataFrame.

``LabelCleaner.to_html`` and ``InfluenceExplainer.to_html`` write the files. They need the "report"
extra: ``pip install skinfluence[report]``.
"""

from ._cleaning_report import CONTRADICTING, LabelFindings, cleaning_report
from ._contents import check_table
from ._files import check_destination, is_stream, replaced_whole, write_whole
from ._frames import import_pandas, influence_frame, label_columns, row_names
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
    "import_pandas",
    "influence_frame",
    "is_stream",
    "label_columns",
    "replaced_whole",
    "require_report_packages",
    "row_names",
    "write_influence_report",
    "write_whole",
]
