"""A segment's colour, marker and pattern: functions of its id's number only, so that they never change.

The first six colours are those of Okabe and Ito (2008) without black and yellow. The other six were searched
for the largest distance from all others, for full colour vision and each kind of colour blindness. After
twelve ids the colours repeat with another marker and pattern.
"""

COLOURS = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#A53C2D",
    "#6987FF",
    "#694B5A",
    "#B4B469",
    "#1E4BB4",
    "#783C78",
)
OUTSIDE = "#8A8F98"  # not a segment: customers who joined or left, levels, totals
MARKERS = ("circle", "diamond", "square", "cross", "x", "circle-open", "diamond-open", "square-open")
PATTERNS = ("", "/", "x", "-", "|", "+", "\\", ".")
SHADES = 5  # of the heat map, on either side of the average


def segment_number(segment_id: str) -> int:
    """The number in an id.

    >>> segment_number("S07")
    7
    """
    return int(segment_id[1:])


def segment_colour(segment_id: str) -> str:
    """A segment's colour, the same in every edition.

    >>> segment_colour("S01") == segment_colour("S13")
    True
    """
    return COLOURS[(segment_number(segment_id) - 1) % len(COLOURS)]


def colour_class(segment_id: str) -> str:
    """The style sheet's classes for a segment: its colour, and its pattern from the thirteenth on.

    >>> colour_class("S02"), colour_class("S14")
    ('c2', 'c2 p1')
    """
    round_number, position = divmod(segment_number(segment_id) - 1, len(COLOURS))
    pattern = round_number % len(PATTERNS)
    return f"c{position + 1}" + (f" p{pattern}" if pattern else "")


def marker_symbol(segment_id: str) -> str:
    """The marker of a segment's customers in a scatter plot, as plotly.js names it.

    >>> marker_symbol("S12"), marker_symbol("S13")
    ('circle', 'diamond')
    """
    return MARKERS[(segment_number(segment_id) - 1) // len(COLOURS) % len(MARKERS)]


def fill_pattern(segment_id: str) -> str:
    """The pattern of a segment's areas, as plotly.js names it; empty for plain areas."""
    return PATTERNS[(segment_number(segment_id) - 1) // len(COLOURS) % len(PATTERNS)]


def compute_luminance(colour: str) -> float:
    """Relative luminance of #RRGGBB, 0 to 1, as defined by WCAG 2.

    >>> round(compute_luminance("#FFFFFF"), 6), compute_luminance("#000000")
    (1.0, 0.0)
    """
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [
        channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4 for channel in channels
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def ink_colour(colour: str) -> str:
    """Black or white, whichever is easier to read on a colour. Contrast is 4.5 or more either way."""
    # At a luminance of 0.179, black and white have equal contrast.
    return "#FFFFFF" if compute_luminance(colour) < 0.18 else "#000000"


def with_opacity(colour: str, opacity: float) -> str:
    """A colour at an opacity, as CSS and plotly.js write it.

    >>> with_opacity("#0072B2", 0.4)
    'rgba(0,114,178,0.4)'
    """
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity:g})"


def render_colour_rules() -> str:
    """The style sheet's rules for the colours. `--c` is the colour, `--on` is text on it."""
    return "\n".join(
        f".c{number} {{ --c: {colour}; --on: {ink_colour(colour)}; }}"
        for number, colour in enumerate(COLOURS, 1)
    )
