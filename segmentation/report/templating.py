"""The one Jinja environment for every page: autoescaping, strict about missing names, offline.

Markup lives in templates/*.html.j2. View records are computed in the section modules, and pages are
assembled in page.py.
"""

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from segmentation.report.formatting import format_share
from segmentation.report.line_breaks import mark_breaks
from segmentation.report.palette import colour_class

# Unicode embeddings, overrides and isolates. Right-to-left letters work without them, and with them a
# customer's text could reverse the words after it.
_BIDI_CONTROLS = dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)), "\N{REPLACEMENT CHARACTER}")


@cache
def get_environment() -> Environment:
    """The environment that renders all pages.

    >>> get_environment().from_string("{{ name }}").render(name="<b>")
    '&lt;b&gt;'
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
        finalize=_replace_in_text,
    )
    environment.policies["json.dumps_kwargs"] = {
        "separators": (",", ":"),
        "ensure_ascii": False,
        "allow_nan": False,  # NaN is not JSON: the page's script would stop at it
    }
    environment.filters |= {
        "breaks": _mark_breaks_in_text,
        "colour_class": colour_class,
        "share": format_share,
    }
    return environment


def replace_bidi_controls(text: str) -> str:
    """Text whose invisible direction controls are visible replacement characters.

    >>> replace_bidi_controls("a\\u202eb")
    'a�b'
    """
    return text.translate(_BIDI_CONTROLS)


def _mark_breaks_in_text(value: object) -> Markup:
    """The filter `breaks`, for text between tags and not for attributes. finalize passes its Markup on."""
    return mark_breaks(value if isinstance(value, Markup) else replace_bidi_controls(str(value)))


def _replace_in_text(value: object) -> object:
    """Runs on every `{{ … }}` before it is escaped; Markup passes through unchanged."""
    if hasattr(value, "__html__"):
        return value
    return replace_bidi_controls(str(value))
