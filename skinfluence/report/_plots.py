"""Plots of a report, as SVG that stands in a page: no fonts, no fixed size, ids of its own."""

import io
import re
from xml.etree import ElementTree

import numpy as np

from .._verification import Verification

SVG, XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
CALM, ACCENT = "#8fa3bf", "#d1495b"
STYLE: dict = {
    "svg.fonttype": "none",  # text stays text, in the page's own font
    "svg.hashsalt": "skinfluence",  # the same picture is the same file
    "font.family": "sans-serif",
    "font.size": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#5c6470",
    "text.color": "#3a4250",
    "axes.labelcolor": "#3a4250",
    "xtick.color": "#5c6470",
    "ytick.color": "#5c6470",
    "legend.frameon": False,
}


def histogram(
    values: np.ndarray, flagged: np.ndarray, *, label: str, description: str, logarithmic: bool
) -> str:
    """Return the SVG of how values are spread, the flagged ones in another colour.

    Parameters
    ----------
    values : ndarray of shape (n,)
        One number a row.
    flagged : ndarray of bool of shape (n,)
        Which are flagged.
    label : str
        Of the horizontal axis.
    description : str
        What the picture shows, for who cannot see it.
    logarithmic : bool
        Whether few rows must show beside very many.
    """

    def draw(ax):
        finite = np.isfinite(values)
        bins = np.histogram_bin_edges(values[finite], bins=25)
        parts = [values[finite & ~flagged], values[finite & flagged]]
        names = ["not flagged", "flagged"]
        ax.hist(parts, bins, stacked=True, color=[CALM, ACCENT], label=names, rwidth=0.92)
        if logarithmic:
            ax.set_yscale("symlog", linthresh=10)
        ax.yaxis.set_major_formatter("{x:,.0f}")
        ax.set(xlabel=label, ylabel="rows")
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, 1.18), ncols=2)

    return _svg(draw, (5.0, 3.0), "spread", description)


def fidelity(verification: Verification, description: str) -> str:
    """Return the SVG of estimated against refitted changes."""

    def draw(ax):
        truth, estimate = np.ravel(verification.refitted), np.ravel(verification.estimated)
        ends = [min(truth.min(), estimate.min()), max(truth.max(), estimate.max())]
        margin = 0.08 * (ends[1] - ends[0]) or 1.0
        ends = [ends[0] - margin, ends[1] + margin]
        ax.plot(ends, ends, color="#5c6470", lw=1, zorder=1)
        ax.scatter(truth, estimate, s=34, color=ACCENT, alpha=0.75, lw=0, zorder=2)
        ax.set(xlim=ends, ylim=ends, aspect="equal")
        ax.set(xlabel="really fitted again", ylabel="estimated")

    return _svg(draw, (4.0, 3.9), "fidelity", description)


def _svg(draw, size, name, description):
    """Draw on an axes, and return the figure as SVG markup."""
    import matplotlib as mpl
    from markupsafe import Markup
    from matplotlib.figure import Figure

    with mpl.rc_context(STYLE):
        figure = Figure(figsize=size, layout="constrained")
        draw(figure.subplots())
        file = io.StringIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(file, format="svg", transparent=True, metadata=nothing)
    return Markup(_inline(file.getvalue(), name, description))


def _inline(svg, name, description):
    """Return an SVG file as an element of a page.

    Its style sheet would hold for the page: what it says is said at the root. Its ids would meet
    those of other plots: the ones that are referred to get the plot's name, others go.
    """
    ElementTree.register_namespace("", SVG)
    ElementTree.register_namespace("xlink", XLINK)
    root = ElementTree.fromstring(svg)
    used = set(re.findall(r"(?:url\(|href=\")#([^)\"]+)", svg))
    for element in root.iter():
        for child in [c for c in element if c.tag in (f"{{{SVG}}}style", f"{{{SVG}}}metadata")]:
            element.remove(child)
        own = element.attrib.pop("id", None)
        if own in used:
            element.set("id", f"{name}-{own}")
        for key, value in list(element.attrib.items()):
            if "#" in value:
                value = re.sub(r"url\(#", f"url(#{name}-", value)
                element.set(key, f"#{name}-{value[1:]}" if key == f"{{{XLINK}}}href" else value)
    for side in ("width", "height"):
        del root.attrib[side]
    root.attrib |= {"role": "img", "aria-label": description}
    root.attrib |= {"stroke-linejoin": "round", "stroke-linecap": "butt"}
    return ElementTree.tostring(root, encoding="unicode").replace("xlink:href", "href")
