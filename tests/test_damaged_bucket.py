"""Damage to last night's edition in a bucket, where a conditional put restores a table."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bench.nights import run_night
from segmentation.errors import DamagedFile
from segmentation.store.files.locking import LOCK
from segmentation.store.files.objects import AnyPath, ObjectPath
from segmentation.store.layout import SEGMENTS, edition_folder, published_path
from segmentation.store.pointer import read_live
from tests.damaged_nights import TwoNights
from tests.nights import day

BUCKET_DAMAGE: dict[str, tuple[Callable[[ObjectPath, ObjectPath], None], bool]] = {
    "a cut published table": (lambda folder, table: table.put(table.read_bytes()[:-5]), True),
    "no table of the edition": (lambda folder, table: remove(folder / SEGMENTS), True),
    "no model": (lambda folder, table: remove(folder / "model.json"), False),
    "no edition": (lambda folder, table: remove(*folder.iterdir()), False),
}


def remove(*paths: AnyPath) -> None:
    """Remove objects."""
    import obstore

    for path in paths:
        assert isinstance(path, ObjectPath)
        obstore.delete(path._bucket, path.key)


@pytest.fixture
def bucket_store(two_nights: TwoNights, bucket: ObjectPath) -> ObjectPath:
    """The segmentation's folder in a bucket, with the two nights."""
    for path in two_nights.town.store.rglob("*"):
        if path.is_file() and path.name != LOCK:
            (bucket / str(path.relative_to(two_nights.town.store))).put(path)
    return bucket / two_nights.town.definition.name


@pytest.mark.parametrize(("damage", "continues"), BUCKET_DAMAGE.values(), ids=BUCKET_DAMAGE)
def test_damage_in_a_bucket_costs_no_ids_either(
    two_nights: TwoNights,
    bucket_store: ObjectPath,
    tmp_path: Path,
    damage: Callable[[ObjectPath, ObjectPath], None],
    continues: bool,
) -> None:
    """Tables are restored by conditional puts; what cannot be restored is refused."""
    folder, table = edition_folder(bucket_store, *two_nights.second), published_path(bucket_store, day(2))
    damage(folder, table)
    place = {"store": tmp_path / "work", "objects": str(bucket_store.parent)}
    night = two_nights.make_third().model_copy(update=place)
    if not continues:
        with pytest.raises(DamagedFile, match="accept_new_ids"):
            run_night(night)
        assert read_live(bucket_store) == two_nights.second
        return
    third = run_night(night)
    third_folder = edition_folder(bucket_store, day(3), third.edition)
    assert {path.name: path.read_bytes() for path in third_folder.iterdir()} == two_nights.expected
    assert table.read_bytes() == (folder / SEGMENTS).read_bytes()
