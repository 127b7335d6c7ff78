"""How Sphinx builds the documentation: ``make doc``, with no network and every warning an error."""

import os
import warnings
from pathlib import Path

import skinfluence
from skinfluence.datasets import data_path

project = "skinfluence"
author = "The skinfluence developers"
copyright = author
version = release = skinfluence.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build"]
templates_path = ["_templates"]
nitpicky = True
# Inner classes have no page, nor have those that examples register.
nitpick_ignore_regex = [("py:class", r"skinfluence\..*\._.*|__main__\..*")]

# The pages are Markdown; the anchors of their headings are those that repositories make.
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

# Docstrings. Members stand on the page of their class, where the template says which.
autodoc_typehints = "none"  # docstrings say more: shapes, ranges, what None means
autodoc_default_options = {"member-order": "bysource"}
autosummary_generate = True
toc_object_entries_show_parents = "hide"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

#: Examples that end early, and Sphinx with them, without a file: then they are shown, not run.
NEEDED = {"plot_mislabelled_mail": "enron1.csv.gz"}


def is_there(name):
    """Tell whether a data file is on this machine."""
    try:
        return data_path(name).is_file()
    except FileNotFoundError:
        return False


not_run = "".join(f"(?!{example})" for example, name in NEEDED.items() if not is_there(name))
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": rf"/{not_run}\w+\.py$",
    "within_subsection_order": "FileNameSortKey",
    "show_memory": False,
    "show_signature": False,
    "default_thumb_file": str(Path(__file__).parent / "_static" / "text.svg"),
    "min_reported_time": 0,
    "plot_gallery": True,
    "abort_on_example_error": True,
    "download_all_examples": False,
    "doc_module": ("skinfluence",),
    "reference_url": {"skinfluence": None},
    "backreferences_dir": "generated/backreferences",
    "remove_config_comments": True,
}
warnings.filterwarnings("error", module="skinfluence")

# The build needs no network. Where there is one, SKINFLUENCE_INTERSPHINX=1 links to the others.
if os.environ.get("SKINFLUENCE_INTERSPHINX"):
    extensions.append("sphinx.ext.intersphinx")
    intersphinx_mapping = {
        "numpy": ("https://numpy.org/doc/stable/", None),
        "scipy": ("https://docs.scipy.org/doc/scipy/", None),
        "sklearn": ("https://scikit-learn.org/stable/", None),
    }
else:
    nitpick_ignore_regex.append(("py:.*", r"(numpy|scipy|sklearn|autograd|matplotlib)\..*"))

html_theme = "pydata_sphinx_theme"
html_title = f"skinfluence {version}"
html_static_path = ["_static"]
html_css_files = ["skinfluence.css"]
html_show_sourcelink = False
html_show_sphinx = False
html_sidebars = {name: [] for name in ("index", "api", "generated/*", "results", "changelog")}
html_theme_options = {
    "logo": {"text": "skinfluence"},
    "show_prev_next": False,
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "show_toc_level": 2,
}


def skip_inherited_from_elsewhere(app, what, name, obj, skip, options):
    """Leave out members that are scikit-learn's or SciPy's, whose documentation is theirs."""
    module = getattr(getattr(obj, "fget", obj), "__module__", None) or ""
    return True if module and not module.startswith("skinfluence") else None


def setup(app):
    app.connect("autodoc-skip-member", skip_inherited_from_elsewhere)
