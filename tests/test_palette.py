"""Colours: one per id for ever, told apart by everybody, readable under their ink."""

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
SIGHTS = {
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


def to_lab(colour: str, sight: np.ndarray) -> np.ndarray:
    """CIE L*a*b* of #RRGGBB as somebody sees it."""
    parts = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    xyz = TO_XYZ @ np.clip(sight @ linear, 0, 1) / np.array([0.95047, 1.0, 1.08883])
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize(
    ("sight", "least"), [("full", 24), ("deuteranopia", 17), ("protanopia", 18), ("tritanopia", 11)]
)
def test_any_two_colours_differ_for_everybody(sight: str, least: float) -> None:
    """Of twelve colours any two lie far apart in CIE Lab, for full sight and each colour-blindness."""
    places = [to_lab(one, SIGHTS[sight]) for one in COLOURS]
    assert min(np.linalg.norm(a - b) for a, b in combinations(places, 2)) >= least


@pytest.mark.parametrize("colour", COLOURS)
def test_ink_is_readable_on_its_colour(colour: str) -> None:
    """Text on a segment's colour has a contrast of 4.5 at least, WCAG AA."""
    low, high = sorted((compute_luminance(colour), compute_luminance(ink_colour(colour))))
    assert (high + 0.05) / (low + 0.05) >= 4.5


def test_no_two_of_96_ids_look_alike() -> None:
    """Colour and mark, or colour and pattern, come together again after 96 ids only."""
    ids = [f"S{number:02d}" for number in range(1, 97)]
    assert len({(segment_colour(one), marker_symbol(one)) for one in ids}) == 96
    assert len({(segment_colour(one), fill_pattern(one)) for one in ids}) == 96
    assert len({colour_class(one) for one in ids}) == 96
    assert (segment_colour("S97"), marker_symbol("S97")) == (segment_colour("S01"), marker_symbol("S01"))
    assert len(MARKERS) == len(PATTERNS) == 8


def test_a_colour_is_the_ids_alone() -> None:
    """Which other segments there are, and how many digits an id has, changes no colour."""
    assert segment_colour("S03") == segment_colour("S003") == COLOURS[2]


def test_an_id_without_a_number_has_no_colour() -> None:
    """What is no id raises ValueError."""
    with pytest.raises(ValueError, match="invalid literal"):
        segment_colour("joined")


@pytest.mark.parametrize("theme", [0, 1])
def test_text_is_readable_on_every_shade_of_the_heat_map(theme: int) -> None:
    """In light and in dark, ink on each shade has a contrast of 4.5 at least; on the deepest it is white."""
    style = (Path(palette.__file__).with_name("report.css")).read_text(encoding="utf-8")
    block = re.findall(r":root \{(.*?)\}", style, re.DOTALL)[theme]
    shades = dict(re.findall(r"--(ink|card|soft|(?:up|down)\d): (#[0-9a-f]{6})", block))
    assert len(shades) == 13
    for name in shades.keys() - {"ink", "soft"}:
        ink = "#ffffff" if name[-1] == "5" else shades["ink"]
        low, high = sorted((compute_luminance(ink), compute_luminance(shades[name])))
        assert (high + 0.05) / (low + 0.05) >= 4.5, name
