"""Colours: fixed by the id, distinct for every kind of colour vision, and readable under their text."""

import re
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from segmentation.report import palette
from segmentation.report.palette import (
    COLOURS,
    MARKERS,
    PATTERNS,
    colour_class,
    compute_luminance,
    fill_pattern,
    ink_colour,
    marker_symbol,
    segment_colour,
)

# Machado, Oliveira, Fernandes (2009), severity 1, on linear RGB.
COLOUR_VISIONS = {
    "full": np.eye(3),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)


def to_lab(colour: str, vision: np.ndarray) -> np.ndarray:
    """CIE L*a*b* of #RRGGBB under a kind of colour vision."""
    channels = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    xyz = TO_XYZ @ np.clip(vision @ linear, 0, 1) / np.array([0.95047, 1.0, 1.08883])
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize(
    ("vision", "min_distance"), [("full", 24), ("deuteranopia", 17), ("protanopia", 18), ("tritanopia", 11)]
)
def test_any_two_colours_are_distinct(vision: str, min_distance: float) -> None:
    """Any two of the twelve colours are far apart in CIE Lab, under every kind of colour vision."""
    points = [to_lab(colour, COLOUR_VISIONS[vision]) for colour in COLOURS]
    assert min(np.linalg.norm(a - b) for a, b in combinations(points, 2)) >= min_distance


@pytest.mark.parametrize("colour", COLOURS)
def test_ink_is_readable_on_its_colour(colour: str) -> None:
    """Text on a segment's colour has a contrast of at least 4.5, WCAG AA."""
    low, high = sorted((compute_luminance(colour), compute_luminance(ink_colour(colour))))
    assert (high + 0.05) / (low + 0.05) >= 4.5


def test_96_ids_look_different() -> None:
    """The same colour with the same marker, or the same pattern, repeats only after 96 ids."""
    ids = [f"S{number:02d}" for number in range(1, 97)]
    assert len({(segment_colour(segment), marker_symbol(segment)) for segment in ids}) == 96
    assert len({(segment_colour(segment), fill_pattern(segment)) for segment in ids}) == 96
    assert len({colour_class(segment) for segment in ids}) == 96
    assert (segment_colour("S97"), marker_symbol("S97")) == (segment_colour("S01"), marker_symbol("S01"))
    assert len(MARKERS) == len(PATTERNS) == 8


def test_a_colour_depends_on_the_number_only() -> None:
    """The number of digits in an id does not change its colour."""
    assert segment_colour("S03") == segment_colour("S003") == COLOURS[2]


def test_an_id_without_a_number_has_no_colour() -> None:
    """A text that is not an id raises ValueError."""
    with pytest.raises(ValueError, match="invalid literal"):
        segment_colour("joined")


@pytest.mark.parametrize("theme", [0, 1])
def test_text_is_readable_on_every_shade_of_the_heat_map(theme: int) -> None:
    """In light and dark, text on each shade has a contrast of at least 4.5. On the darkest it is white."""
    style = (Path(palette.__file__).with_name("report.css")).read_text(encoding="utf-8")
    block = re.findall(r":root \{(.*?)\}", style, re.DOTALL)[theme]
    shades = dict(re.findall(r"--(ink|card|soft|(?:up|down)\d): (#[0-9a-f]{6})", block))
    assert len(shades) == 13
    for name in shades.keys() - {"ink", "soft"}:
        ink = "#ffffff" if name[-1] == "5" else shades["ink"]
        low, high = sorted((compute_luminance(ink), compute_luminance(shades[name])))
        assert (high + 0.05) / (low + 0.05) >= 4.5, name
