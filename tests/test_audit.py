"""Auditing a store: besides damaged files, missing published dates and a wrong pointer are reported."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from schemas.night import Night
from schemas.rows import EditionKey
from segmentation.parts import hash_file
from segmentation.store.issued_ids import reserve_ids
from segmentation.store.layout import SEGMENTS, SUMS, published_path
from segmentation.store.ledger import begin_row, end_row
from segmentation.store.publication.commit import commit_edition
from segmentation.store.repair.audit import audit_store
from tests.test_commit import build
from tests.test_store import make_manifest

DAYS = (date(2026, 1, 30), date(2026, 1, 31))
FIRST = "e30" + "0" * 13


@pytest.fixture
def home(make_night: Callable[..., Night]) -> Path:
    """A store with two published dates, both intact."""
    night = make_night()
    for day in DAYS:
        run = night.model_copy(update={"run_id": str(day), "as_of": day})
        edition = f"e{day:%d}" + "0" * 13
        content = make_manifest(decision="published", as_of=str(day), edition=edition)
        folder = build(run, edition, manifest=json.dumps(content))
        sums = [f"{hash_file(path)}  {path.name}\n" for path in sorted(folder.iterdir())]
        (folder / SUMS).write_text("".join(sums))
        begin_row(run)
        key = EditionKey(edition=edition, previous=None, replaces=None)
        commit_edition(run, key, folder, live=True)
        end_row(run, "published", {"edition": edition})
    reserve_ids(night.home, FIRST, 1)
    return night.home


def test_an_untouched_store_has_no_damage(home: Path) -> None:
    """Four files in each edition and two published tables, nothing damaged."""
    assert audit_store(home) == (10, [])


def test_a_missing_published_date_is_reported(home: Path) -> None:
    """Even if the date is not the live one: its edition says that it was published."""
    published_path(home, DAYS[0]).unlink()
    (damage,) = audit_store(home).damage
    assert damage[:2] == (
        f"{home.name}/published/as_of=2026-01-30",
        f"missing, though edition {FIRST} is for it",
    )


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b'{"as_of": "2026-01-30", "edition": "e300000000000000"}',
        b'{"as_of": "2026-01-31", "edition": "x"}',
    ],
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
