"""A segment's colour and mark, for ever: functions of the id's number and of nothing else.

Where colours are used is the other pages' and the style sheet's. The first six are Okabe and Ito's
(2008) but for black and yellow; six more were searched for the widest distance from all others, for full
sight and for each kind of colour-blindness. After twelve ids the colours come again with another mark.
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
OUTSIDE = "#8A8F98"  # who joined or left, and what belongs to no segment
MARKS = ("circle", "diamond", "square", "cross", "x", "circle-open", "diamond-open", "square-open")
FILLS = ("", "/", "x", "-", "|", "+", "\\", ".")
STEPS = 5  # of the heat map, to either side of the average


def number_of(segment_id: str) -> int:
    """The id's number.

    >>> number_of("S07")
    7
    """
    return int(segment_id[1:])


def colour_of(segment_id: str) -> str:
    """The colour of a segment, whatever edition it is in.

    >>> colour_of("S01") == colour_of("S13")
    True
    """
    return COLOURS[(number_of(segment_id) - 1) % len(COLOURS)]


def class_of(segment_id: str) -> str:
    """The style sheet's classes of a segment: its colour, and its pattern from the thirteenth on.

    >>> class_of("S02"), class_of("S14")
    ('c2', 'c2 p1')
    """
    place = number_of(segment_id) - 1
    pattern = place // len(COLOURS) % len(FILLS)
    return f"c{place % len(COLOURS) + 1}" + (f" p{pattern}" if pattern else "")


def mark_of(segment_id: str) -> str:
    """The mark of a segment's customers in a scatter plot.

    >>> mark_of("S12"), mark_of("S13")
    ('circle', 'diamond')
    """
    return MARKS[(number_of(segment_id) - 1) // len(COLOURS) % len(MARKS)]


def fill_of(segment_id: str) -> str:
    """The pattern of a segment's areas, as plotly names it; empty for a plain one."""
    return FILLS[(number_of(segment_id) - 1) // len(COLOURS) % len(FILLS)]


def luminance(colour: str) -> float:
    """Relative luminance of #RRGGBB, 0 to 1, as WCAG 2 defines it.

    >>> round(luminance("#FFFFFF"), 6), luminance("#000000")
    (1.0, 0.0)
    """
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def ink_on(colour: str) -> str:
    """Black or white, whichever is easier to read on the colour: at least 4.5 to 1 either way."""
    return "#FFFFFF" if luminance(colour) < 0.18 else "#000000"


def tint(colour: str, share: float) -> str:
    """The colour at an opacity, as CSS and plotly write it.

    >>> tint("#0072B2", 0.4)
    'rgba(0,114,178,0.4)'
    """
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{share:g})"


def style_colours() -> str:
    """The style sheet's rules for the colours: `--c` the colour, `--on` the ink on it."""
    return "\n".join(
        f".c{place} {{ --c: {colour}; --on: {ink_on(colour)}; }}" for place, colour in enumerate(COLOURS, 1)
    )
