"""Auditing a store: besides damaged files, missing published dates and a wrong pointer are reported."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from schemas.night import Night
from schemas.rows import EditionKey
from segmentation.parts import hash_file
from segmentation.store.audit import audit_store
from segmentation.store.commit import commit_edition
from segmentation.store.layout import SEGMENTS, SUMS, published_path
from tests.test_commit import build
from tests.test_store import make_manifest

DAYS = (date(2026, 1, 30), date(2026, 1, 31))


@pytest.fixture
def home(make_night: Callable[..., Night]) -> Path:
    """A store with two published dates, both intact."""
    night = make_night()
    for day in DAYS:
        run = night.model_copy(update={"run_id": str(day), "as_of": day})
        manifest = json.dumps(make_manifest(decision="published"))
        folder = build(run, f"e{day:%d}", manifest=manifest)
        sums = [f"{hash_file(path)}  {path.name}\n" for path in sorted(folder.iterdir())]
        (folder / SUMS).write_text("".join(sums))
        key = EditionKey(edition=f"e{day:%d}", previous=None, replaces=None)
        commit_edition(run, key, folder, live=True)
    return night.home


def test_an_untouched_store_has_no_damage(home: Path) -> None:
    """Four files in each edition and two published tables, nothing damaged."""
    assert audit_store(home) == (10, [])


def test_a_missing_published_date_is_reported(home: Path) -> None:
    """Even if the date is not the live one: its edition says that it was published."""
    published_path(home, DAYS[0]).unlink()
    assert audit_store(home).damage == [
        (f"{home.name}/published/as_of=2026-01-30", "missing, though edition e30 is for it")
    ]


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b'{"as_of": "2026-01-30", "edition": "e30"}', b'{"as_of": "2026-01-31", "edition": "x"}'],
)
def test_a_pointer_to_another_edition_is_reported(home: Path, content: bytes) -> None:
    """live.json names the newest published date and the edition that its table names."""
    (home / "live.json").write_bytes(content)
    assert [damage.path for damage in audit_store(home).damage] == [f"{home.name}/live.json"]


def test_a_table_of_another_date_is_reported(home: Path) -> None:
    """A table copied over another date's table names an edition that this date does not have."""
    published_path(home, DAYS[1]).write_bytes(published_path(home, DAYS[0]).read_bytes())
    paths = {damage.path for damage in audit_store(home).damage}
    assert f"{home.name}/published/as_of=2026-01-31/{SEGMENTS}" in paths
