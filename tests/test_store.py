"""The store's layout, and the edition as a digest of its content. Publishing is in test_commit.py."""

import json
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
from segmentation.errors import DamagedFile
from segmentation.parts import hash_file
from segmentation.store.catalogue.edition_key import make_edition_key
from segmentation.store.catalogue.published import (
    DAMAGED,
    is_intact,
    look_up_published,
    published_edition,
    readable_edition,
    replaced_edition,
)
from segmentation.store.dates import published_dates
from segmentation.store.files.durable import write_durably
from segmentation.store.layout import (
    EDITION_KEY,
    MANIFEST_KEY,
    SEGMENTS,
    SUMS,
    edition_folder,
    published_path,
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


def make_manifest(**changes: Any) -> dict[str, Any]:
    """The smallest manifest that can be read, with some keys changed."""
    manifest: dict[str, Any] = {"name": "demo", "as_of": str(DAY), "edition": "e1", "how": "cold", "k": 1}
    return {**manifest, "rows": {"customers": 1}, "inertia": 0.0, "sizes": {"S01": 1}, **changes}


def write_sealed(folder: Path, manifest: bytes) -> None:
    """A manifest, and SHA256SUMS with its digest."""
    (folder / "manifest.json").write_bytes(manifest)
    (folder / SUMS).write_text(f"{hash_file(folder / 'manifest.json')}  manifest.json\n")


def move_source(definition: Definition) -> Definition:
    """The same definition with another source path."""
    return definition.model_copy(update={"source": Source(path="elsewhere/*.csv")})


def test_a_table_names_its_edition(tmp_path: Path) -> None:
    """The edition of a date is read from its table. A broken or foreign table is damaged, not missing."""
    assert published_edition(tmp_path, DAY) is None
    path = publish(tmp_path, DAY, "e1")
    assert published_edition(tmp_path, DAY) == "e1"
    path.write_bytes(b"PAR1 and nothing")
    with pytest.raises(DamagedFile, match="is cut or not a Parquet file"):
        published_edition(tmp_path, DAY)
    assert (replaced_edition(tmp_path, DAY), readable_edition(tmp_path, DAY)) == (DAMAGED, None)
    pq.write_table(pa.table({"x": [1]}), path)
    with pytest.raises(DamagedFile, match="names no edition in its footer"):
        published_edition(tmp_path, DAY)


def test_dates_are_those_with_a_table(tmp_path: Path) -> None:
    """Published dates ascend; folders with other names or without a table are ignored."""
    assert published_dates(tmp_path) == []
    for day in (date(2026, 1, 3), date(2025, 12, 31)):
        publish(tmp_path, day, "e")
    for name in ("as_of=someday", "as_of=2026-01-09", "other"):
        (tmp_path / "published" / name).mkdir()
    (tmp_path / "published" / "as_of=someday" / SEGMENTS).touch()
    assert published_dates(tmp_path) == [date(2025, 12, 31), date(2026, 1, 3)]


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    """The folder of an intact, published edition e1."""
    return seal(tmp_path, DAY, "e1")


def seal(home: Path, day: date, edition: str) -> Path:
    """The folder of an intact, published edition."""
    folder = edition_folder(home, day, edition)
    folder.mkdir(parents=True)
    for name in ("manifest.json", "model.json", "report.html"):
        (folder / name).write_text(name)
    table = publish(home, day, edition, hash_file(folder / "manifest.json"))
    shutil.copyfile(table, folder / SEGMENTS)
    lines = [f"{hash_file(path)}  {path.name}\n" for path in sorted(folder.iterdir())]
    (folder / SUMS).write_text("".join(lines))
    return folder


def test_an_edition_is_intact_as_sealed(tmp_path: Path, sealed: Path) -> None:
    """An edition is intact if the published table names it and its files match SHA256SUMS."""
    assert is_intact(tmp_path, DAY, "e1")
    assert not is_intact(tmp_path, DAY, "e2")
    publish(tmp_path, DAY, "e2", hash_file(sealed / "manifest.json"))
    assert not is_intact(tmp_path, DAY, "e1")


@pytest.mark.parametrize("name", ["manifest.json", "model.json", "report.html", SEGMENTS, SUMS, "published"])
@pytest.mark.parametrize("harm", ["gone", "cut", "emptied"])
def test_an_edition_with_a_file_missing_or_cut_is_not_intact(
    tmp_path: Path, sealed: Path, name: str, harm: str
) -> None:
    """A plain re-run then builds it again instead of calling it published."""
    path = published_path(tmp_path, DAY) if name == "published" else sealed / name
    content = path.read_bytes()
    path.unlink()
    if harm != "gone":
        path.write_bytes(content[: len(content) // 2] if harm == "cut" else b"")
    assert not is_intact(tmp_path, DAY, "e1")


def test_an_edition_with_damaged_sums_is_not_intact(tmp_path: Path) -> None:
    """An edition whose SHA256SUMS cannot be parsed is not intact, so it is built again."""
    publish(tmp_path, DAY, "e1")
    folder = edition_folder(tmp_path, DAY, "e1")
    folder.mkdir(parents=True)
    (folder / SUMS).write_text("garbage\n")
    assert not is_intact(tmp_path, DAY, "e1")


def test_the_same_content_gives_the_same_edition(make_night: NightMaker) -> None:
    """Run id, store, source path and force do not change the edition."""
    night = make_night()
    edition = make_edition_key(night, INPUTS).edition
    changes: list[dict[str, Any]] = [
        {"run_id": "other"}, {"store": night.store / "elsewhere"}, {"force": True}, {"source": "other/place"}
    ]  # fmt: skip
    assert len(edition) == 16
    variants = [night.model_copy(update=change) for change in changes]
    assert {make_edition_key(variant, INPUTS).edition for variant in variants} == {edition}
    moved = night.model_copy(update={"definition": move_source(night.definition)})
    assert make_edition_key(moved, INPUTS).edition == edition


def test_other_content_gives_another_edition(make_night: NightMaker) -> None:
    """Definition, date, inputs and the previous edition each change the edition."""
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


def test_damage_to_the_previous_edition_changes_no_key(make_night: NightMaker) -> None:
    """The key is derived from its id alone; whether it can be continued is checked afterwards."""
    night = make_night()
    folder = seal(night.home, date(2026, 1, 1), "e0")
    key = make_edition_key(night, INPUTS)
    for damaged in (folder / "model.json", published_path(night.home, date(2026, 1, 1))):
        damaged.unlink()
        assert make_edition_key(night, INPUTS) == key


def test_the_key_records_the_edition_it_would_replace(make_night: NightMaker) -> None:
    """The date's own published edition is the one to replace, not the previous edition."""
    night = make_night()
    first = make_edition_key(night, INPUTS)
    publish(night.home, night.as_of, "mine")
    second = make_edition_key(night, INPUTS)
    assert (first.replaces, second.replaces, second.previous) == (None, "mine", None)
    assert second.edition == first.edition


def test_a_published_edition_is_described_by_its_manifest(make_night: NightMaker) -> None:
    """The record of an existing edition has k, customers and paths; without a manifest it is refused."""
    night = make_night()
    folder = edition_folder(night.home, night.as_of, "e1")
    folder.mkdir(parents=True)
    write_sealed(folder, json.dumps(make_manifest(k=3, rows={"customers": 12})).encode())
    published = look_up_published(night, "e1")
    assert (published.outcome, published.k, published.customers) == ("already-published", 3, 12)
    assert published.report_path == str(folder / "report.html")
    with pytest.raises(DamagedFile, match=r"manifest\.json is missing"):
        look_up_published(night, "e2")


def test_small_files_are_replaced_atomically(tmp_path: Path) -> None:
    """A durable write creates folders, replaces the file, and leaves no temporary file."""
    path = tmp_path / "a" / "live.json"
    for content in (b"one", b"", b"two"):
        write_durably(path, content)
        assert path.read_bytes() == content
    assert [file.name for file in path.parent.iterdir()] == ["live.json"]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    """If the target cannot be replaced, such as a folder, the error is raised."""
    (tmp_path / "live.json").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_durably(tmp_path / "live.json", b"x")
    assert [file.name for file in tmp_path.iterdir()] == ["live.json"]
