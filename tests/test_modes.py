"""Who may read a store: its owner and its group, except refused rows and stage files. Nobody else."""

import os
import stat
from pathlib import Path

import pytest

from segmentation.promoting import PromotionRequest, promote_edition
from tests.nights import create_town, day, draw_customers

PRIVATE = {"quarantine.parquet"}


def list_modes(root: Path) -> dict[str, int]:
    """Permissions by path."""
    return {
        str(path.relative_to(root)): stat.S_IMODE(path.stat().st_mode) for path in [root, *root.rglob("*")]
    }


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_modes_of_a_store(tmp_path: Path, umask: int) -> None:
    """Folders 0750, files 0640, quarantine 0600 and staging 0700 after nights and a promotion."""
    town = create_town(tmp_path)
    earlier = os.umask(umask)
    try:
        for number in (1, 2):
            town.night(number, draw_customers({"a": 40, "b": 40}))
        promote_edition(town.home, PromotionRequest(day(1), None, "ana", "a test"))
    finally:
        os.umask(earlier)
    for path, mode in list_modes(town.store).items():
        place = town.store / path
        if place.is_dir():
            expected = 0o700 if place.name == ".staging" else 0o750
        else:
            expected = 0o600 if place.name in PRIVATE else 0o640
        assert (path, oct(mode)) == (path, oct(expected))
