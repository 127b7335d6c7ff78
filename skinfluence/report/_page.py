"""The one place where templates become HTML: everything that they are given is escaped.

Besides, characters that HTML forbids (control characters, halves of surrogate pairs) are replaced
by visible ones, and a policy in the page forbids every request and every script but its own.
"""

import base64
import hashlib
import re
from importlib.resources import files
from importlib.util import find_spec
from typing import Any

#: Control characters but tab and line ends, the byte order mark, surrogates and noncharacters.
FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufeff\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)


def require_report_packages(caller: str) -> None:
    """Raise ImportError that names the extra, unless what reports are made with is installed."""
    missing = [name for name in ("jinja2", "matplotlib") if find_spec(name) is None]
    if missing:
        raise ImportError(
            f"{caller} needs {' and '.join(missing)}; install with "
            "`pip install skinfluence[report]`."
        )


def render(template: str, **context: Any) -> str:
    """Return the HTML page that a template makes of a context.

    Parameters
    ----------
    template : str
        File name in the ``templates`` folder.
    **context : dict
        Its variables. Strings are escaped wherever they stand, unless they are ``Markup``.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    def finalize(value):
        plain = isinstance(value, str) and not isinstance(value, Markup)
        return visible(value) if plain else value

    environment = Environment(
        loader=PackageLoader("skinfluence.report"),
        autoescape=True,
        finalize=finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    script = _asset("records.js")
    page = environment.get_template(template).render(
        script=Markup(script), style=Markup(_asset("page.css")), policy=_policy(script), **context
    )
    return page + "\n"


def visible(text: str) -> str:
    """Return text in which what HTML forbids is shown: NUL as ␀, a lone surrogate as �."""
    return FORBIDDEN.sub(_symbol, text)


def _symbol(match):
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else "�"


def _asset(name):
    return (files("skinfluence.report") / "templates" / name).read_text(encoding="utf-8").strip()


def _policy(script):
    """Return a Content-Security-Policy: nothing is fetched, and no other script runs."""
    digest = base64.b64encode(hashlib.sha256(f"\n{script}\n".encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
