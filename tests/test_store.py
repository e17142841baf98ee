"""The store's layout, and the edition as a digest of content. Publishing is test_commit.py's."""

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from config.definition import Definition
from config.sources import Source
from schemas.night import Night
from schemas.rows import Digest
from segmentation.parts import hash_file
from segmentation.store.durable import write_durably
from segmentation.store.edition_key import make_edition_key
from segmentation.store.layout import (
    EDITION_KEY,
    MANIFEST_KEY,
    SEGMENTS,
    SUMS,
    edition_folder,
    published_path,
)
from segmentation.store.published import (
    is_intact,
    look_up_published,
    previous_edition,
    published_dates,
    published_edition,
)

NightMaker = Callable[..., Night]
DAY = date(2026, 1, 31)
INPUTS = (Digest(of="bytes", name="a.csv", sha256="aa"), Digest(of="rows", sha256="bb"))


def publish(home: Path, day: date, edition: str, manifest: str = "00") -> Path:
    """A published table that names its edition and its manifest's sha256."""
    path = published_path(home, day)
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.table({"customer_id": ["a"]}).replace_schema_metadata(
        {EDITION_KEY: edition.encode(), MANIFEST_KEY: manifest.encode()}
    )
    pq.write_table(table, path)
    return path


def move_source(definition: Definition) -> Definition:
    """The same definition with its source elsewhere."""
    return definition.model_copy(update={"source": Source(path="elsewhere/*.csv")})


def test_a_table_names_its_edition(tmp_path: Path) -> None:
    """The edition of a date is read from its table; a missing, broken or foreign table has none."""
    assert published_edition(tmp_path, DAY) is None
    path = publish(tmp_path, DAY, "e1")
    assert published_edition(tmp_path, DAY) == "e1"
    path.write_bytes(b"PAR1 and nothing")
    assert published_edition(tmp_path, DAY) is None
    pq.write_table(pa.table({"x": [1]}), path)
    assert published_edition(tmp_path, DAY) is None


def test_dates_are_those_with_a_table(tmp_path: Path) -> None:
    """Published dates ascend; folders of other names and without a table are left out."""
    assert published_dates(tmp_path) == []
    for day in (date(2026, 1, 3), date(2025, 12, 31)):
        publish(tmp_path, day, "e")
    for name in ("as_of=someday", "as_of=2026-01-09", "other"):
        (tmp_path / "published" / name).mkdir()
    (tmp_path / "published" / "as_of=someday" / SEGMENTS).touch()
    assert published_dates(tmp_path) == [date(2025, 12, 31), date(2026, 1, 3)]


def test_the_edition_before_is_that_of_the_newest_earlier_date(tmp_path: Path) -> None:
    """Later dates and the date itself do not come before it."""
    assert previous_edition(tmp_path, DAY) is None
    for day, edition in ((date(2026, 1, 1), "old"), (date(2026, 1, 30), "near"), (DAY, "own")):
        publish(tmp_path, day, edition)
    assert previous_edition(tmp_path, DAY) == (date(2026, 1, 30), "near")
    assert previous_edition(tmp_path, date(2026, 1, 1)) is None


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    """The folder of a whole, published edition e1."""
    return seal(tmp_path, DAY, "e1")


def seal(home: Path, day: date, edition: str) -> Path:
    """The folder of a whole, published edition."""
    folder = edition_folder(home, day, edition)
    folder.mkdir(parents=True)
    for name in ("manifest.json", "model.json", "report.html"):
        (folder / name).write_text(name)
    table = publish(home, day, edition, hash_file(folder / "manifest.json"))
    shutil.copyfile(table, folder / SEGMENTS)
    lines = [f"{hash_file(path)}  {path.name}\n" for path in sorted(folder.iterdir())]
    (folder / SUMS).write_text("".join(lines))
    return folder


def test_an_edition_is_whole_as_it_was_sealed(tmp_path: Path, sealed: Path) -> None:
    """It counts as published if the table names it, and its files are those of its sums."""
    assert is_intact(tmp_path, DAY, "e1")
    assert not is_intact(tmp_path, DAY, "e2")
    publish(tmp_path, DAY, "e2", hash_file(sealed / "manifest.json"))
    assert not is_intact(tmp_path, DAY, "e1")


@pytest.mark.parametrize("name", ["manifest.json", "model.json", "report.html", SEGMENTS, SUMS, "published"])
@pytest.mark.parametrize("harm", ["gone", "cut", "emptied"])
def test_an_edition_with_a_file_gone_or_cut_is_not_whole(
    tmp_path: Path, sealed: Path, name: str, harm: str
) -> None:
    """So a plain re-run builds it again instead of calling it published."""
    path = published_path(tmp_path, DAY) if name == "published" else sealed / name
    content = path.read_bytes()
    path.unlink()
    if harm != "gone":
        path.write_bytes(content[: len(content) // 2] if harm == "cut" else b"")
    assert not is_intact(tmp_path, DAY, "e1")


def test_damaged_sums_are_not_whole(tmp_path: Path) -> None:
    """A sums file that cannot be understood makes the edition not whole, so that it is built again."""
    publish(tmp_path, DAY, "e1")
    folder = edition_folder(tmp_path, DAY, "e1")
    folder.mkdir(parents=True)
    (folder / SUMS).write_text("garbage\n")
    assert not is_intact(tmp_path, DAY, "e1")


def test_the_same_content_is_the_same_edition(make_night: NightMaker) -> None:
    """Run, store, place of the source and force do not change the edition."""
    night = make_night()
    wanted = make_edition_key(night, INPUTS).edition
    changes: list[dict[str, Any]] = [
        {"run_id": "other"}, {"store": night.store / "elsewhere"}, {"force": True}, {"source": "other/place"}
    ]  # fmt: skip
    assert len(wanted) == 16
    assert {make_edition_key(night.model_copy(update=one), INPUTS).edition for one in changes} == {wanted}
    moved = night.model_copy(update={"definition": move_source(night.definition)})
    assert make_edition_key(moved, INPUTS).edition == wanted


def test_other_content_is_another_edition(make_night: NightMaker) -> None:
    """Definition, date, inputs and the edition before each change the edition."""
    night = make_night()
    keys = [
        make_edition_key(night, INPUTS),
        make_edition_key(make_night(seed=7), INPUTS),
        make_edition_key(night.model_copy(update={"as_of": date(2026, 2, 1)}), INPUTS),
        make_edition_key(night, INPUTS[:1]),
        make_edition_key(night, [INPUTS[0], INPUTS[1].model_copy(update={"sha256": "cc"})]),
    ]
    seal(night.home, date(2026, 1, 1), "e0")
    keys.append(make_edition_key(night, INPUTS))
    assert (keys[-1].previous, keys[-1].previous_as_of) == ("e0", date(2026, 1, 1))
    assert len({key.edition for key in keys}) == len(keys)


def test_a_damaged_edition_before_does_not_count(make_night: NightMaker) -> None:
    """Nothing is built on it, unless the edition that builds on it is there already."""
    night = make_night()
    first = make_edition_key(night, INPUTS)
    folder = seal(night.home, date(2026, 1, 1), "e0")
    on_it = make_edition_key(night, INPUTS)
    (folder / "model.json").unlink()
    assert make_edition_key(night, INPUTS) == first
    seal(night.home, night.as_of, on_it.edition)
    assert make_edition_key(night, INPUTS).edition == on_it.edition


def test_the_key_remembers_what_the_date_held(make_night: NightMaker) -> None:
    """A date's own published edition is what the run would replace, not what came before."""
    night = make_night()
    before = make_edition_key(night, INPUTS)
    publish(night.home, night.as_of, "mine")
    after = make_edition_key(night, INPUTS)
    assert (before.replaces, after.replaces, after.previous) == (None, "mine", None)
    assert after.edition == before.edition


def test_a_published_edition_is_found_by_its_manifest(make_night: NightMaker) -> None:
    """The record of an edition that is there tells k, customers and where to look."""
    night = make_night()
    folder = edition_folder(night.home, night.as_of, "e1")
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text('{"k": 3, "rows": {"customers": 12}}')
    found = look_up_published(night, "e1")
    assert (found.outcome, found.k, found.customers) == ("already-published", 3, 12)
    assert found.report_path == str(folder / "report.html")
    with pytest.raises(FileNotFoundError):
        look_up_published(night, "e2")


def test_small_files_are_replaced_whole(tmp_path: Path) -> None:
    """A durable write makes folders, replaces what was there, and leaves nothing beside it."""
    path = tmp_path / "a" / "live.json"
    for content in (b"one", b"", b"two"):
        write_durably(path, content)
        assert path.read_bytes() == content
    assert [one.name for one in path.parent.iterdir()] == ["live.json"]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    """Where the file cannot be replaced, as a folder cannot, the error is raised."""
    (tmp_path / "live.json").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_durably(tmp_path / "live.json", b"x")
    assert [one.name for one in tmp_path.iterdir()] == ["live.json"]
