"""Reading manifest.json: only as it was sealed, and of other versions too."""

import json
from datetime import date
from pathlib import Path

import pytest

from segmentation.errors import DamagedFile
from segmentation.store.edition.manifests import read_manifest, try_read_manifest
from tests.test_store import make_manifest, write_sealed


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"5", b"{}", b"\xff", b'{"k": 3}', b'{"k": "many"}'])
def test_a_damaged_manifest_cannot_be_read(tmp_path: Path, content: bytes) -> None:
    """An empty, cut or foreign manifest.json is refused, or None where damage is audit's concern."""
    write_sealed(tmp_path, content)
    assert try_read_manifest(tmp_path) is None
    with pytest.raises(DamagedFile, match="damaged-store"):
        read_manifest(tmp_path)


def test_a_changed_manifest_cannot_be_read(tmp_path: Path) -> None:
    """A manifest that could be parsed, but is not the one that was sealed, is refused."""
    write_sealed(tmp_path, json.dumps(make_manifest()).encode())
    assert read_manifest(tmp_path).sizes == {"S01": 1}
    (tmp_path / "manifest.json").write_text(json.dumps(make_manifest(sizes={"S07": 1})))
    with pytest.raises(DamagedFile, match="holds something else"):
        read_manifest(tmp_path)


def test_a_manifest_of_another_version_can_be_read(tmp_path: Path) -> None:
    """Keys that a later version adds are ignored, and optional ones may be missing."""
    later = make_manifest(rows={"customers": 3, "read": 4, "new": 1}, future=[1], checks=[])
    write_sealed(tmp_path, json.dumps(later).encode())
    manifest = read_manifest(tmp_path)
    assert (manifest.rows.customers, manifest.rows.read, manifest.rows.merged) == (3, 4, 0)
    assert (manifest.churn, manifest.previous_ref, manifest.wanted_nights) == (None, None, 0)
    previous = make_manifest(previous="e0", previous_as_of="2026-01-30")
    write_sealed(tmp_path, json.dumps(previous).encode())
    assert read_manifest(tmp_path).previous_ref == (date(2026, 1, 30), "e0")
