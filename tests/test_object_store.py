"""A source and a store of objects, on a real S3 server over HTTP: nights end as they do among files."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

import flows.resegment
import segmentation.store.object_commit
from config.settings import read_settings
from flows.resegment import resegment
from schemas.night import Published
from segmentation.errors import Refused, ResegmentError
from segmentation.store.audit import audit_store
from segmentation.store.layout import SEGMENTS
from segmentation.store.ledger import read_rows
from segmentation.store.objects import ObjectPath, parse_path
from tasks.ingest import ingest
from tasks.publish import publish
from tests.test_object_commit import PowerCut
from tests.test_real_data import DAY
from tests.test_sql import places

pytestmark = [pytest.mark.xdist_group("prefect"), pytest.mark.usefixtures("prefect_server")]
TWO_GROUPS = [f"a{i},{10 + i % 3},{1 + i % 2}" for i in range(30)] + [
    f"b{i},{500 + i % 5},{9 - i % 2}" for i in range(20)
]


def csv(rows: list[str]) -> bytes:
    """A table of the demo definition."""
    return ("id,spend,orders\n" + "\n".join(rows) + "\n").encode()


def run(source: object, store: object, as_of: date = DAY, **options: Any) -> Published:
    """Run the flow of the demo definition."""
    result = resegment("demo", as_of=as_of, source=str(source), store=str(store), **options)
    assert isinstance(result, Published)
    return result


def contents(home: ObjectPath | Path) -> dict[str, bytes]:
    """Every file of every edition, the published tables and live.json, by its place in the store."""
    found = {}
    for pattern in ("editions/*/*/*", "published/*/*", "live.json"):
        for path in home.glob(pattern):
            found[str(path).removeprefix(f"{home}/")] = path.read_bytes()
    return found


def test_a_store_of_objects_holds_the_bytes_a_folder_would(bucket: ObjectPath, tmp_path: Path) -> None:
    """Source and store among objects or among files: the same edition, byte by byte."""
    (tmp_path / "customers.csv").write_bytes(csv(TWO_GROUPS))
    (bucket / "in/customers.csv").put(csv(TWO_GROUPS))
    here = run(tmp_path / "customers.csv", tmp_path / "store")
    there = run(bucket / "in/customers.csv", bucket / "out")
    assert there.segments_path == f"{bucket}/out/demo/published/as_of={DAY}/{SEGMENTS}"
    assert there.edition == here.edition
    assert contents(bucket / "out" / "demo") == contents(tmp_path / "store" / "demo")
    assert len(contents(bucket / "out" / "demo")) == 16
    assert run(bucket / "in/customers.csv", bucket / "out").outcome == "already-published"
    files, damage = audit_store(bucket / "out" / "demo")
    assert (files, damage) == (15, [])
    outcomes = [row["outcome"] for row in read_rows(bucket / "out" / "demo")]
    assert outcomes == ["published", "already-published"]
    assert list((tmp_path / "state" / "object-stores").rglob("*.parquet")) == []


@pytest.mark.parametrize("place", ["in/", "in/day-*.csv", "*/day-2026-01-3?.csv", "in/day-2026-01-30.csv"])
def test_objects_are_found_like_files(bucket: ObjectPath, place: str, tmp_path: Path) -> None:
    """A folder, a pattern or one object; of two objects with one name both are read."""
    (bucket / "in/day-2026-01-30.csv").put(csv(TWO_GROUPS[:25]))
    (bucket / "in/notes.txt").put(b"not a table")
    (bucket / "in/sub/day-2026-01-30.csv").put(b"not directly in the folder")
    wanted = 25
    if place != "in/day-2026-01-30.csv":
        (bucket / "in/day-2026-01-31.csv").put(csv(TWO_GROUPS[25:40]))
        wanted = 40
    if place.startswith("*/"):
        (bucket / "other/day-2026-01-31.csv").put(csv(TWO_GROUPS[40:]))
        wanted = 50
    assert run(f"{bucket}/{place}", tmp_path / "store").customers == wanted


def test_a_night_that_died_before_its_commit_is_run_again(
    bucket: ObjectPath, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old edition stays live; a plain re-run publishes what the night would have."""
    (tmp_path / "old.csv").write_bytes(csv(TWO_GROUPS))
    (tmp_path / "new.csv").write_bytes(csv(TWO_GROUPS[5:]))
    home = bucket / "demo"
    run(tmp_path / "old.csv", bucket)
    before = contents(home)

    def die(*_: Any) -> None:
        raise PowerCut

    with monkeypatch.context() as broken:
        broken.setattr(publish, "task", publish.task.with_options(retries=0))
        broken.setattr(segmentation.store.object_commit, "move_live_object", die)
        broken.setattr(segmentation.store.object_commit, "check_race", die)
        with pytest.raises(PowerCut):
            run(tmp_path / "new.csv", bucket)
    assert contents(home) == before
    published = run(tmp_path / "new.csv", bucket)
    assert (published.outcome, published.customers) == ("published", 45)
    run(tmp_path / "old.csv", tmp_path / "store")
    run(tmp_path / "new.csv", tmp_path / "store")
    assert contents(home) == contents(tmp_path / "store" / "demo")


def test_a_damaged_edition_is_found_and_built_again(bucket: ObjectPath, tmp_path: Path) -> None:
    """Audit names the object; a plain re-run mends it."""
    (tmp_path / "customers.csv").write_bytes(csv(TWO_GROUPS))
    published = run(tmp_path / "customers.csv", bucket)
    as_published = contents(bucket / "demo")
    report = parse_path(published.report_path)
    assert isinstance(report, ObjectPath)
    report.put(b"half a rep")
    assert [one.problem[:7] for one in audit_store(bucket / "demo")[1]] == ["damaged"]
    assert run(tmp_path / "customers.csv", bucket).outcome == "published"
    assert contents(bucket / "demo") == as_published


def test_a_missing_bucket_is_named(bucket: ObjectPath, tmp_path: Path) -> None:
    """A store in a bucket that is not there ends in one line that names it."""
    (tmp_path / "customers.csv").write_bytes(csv(TWO_GROUPS))
    assert bucket.bucket != "no-such"
    with pytest.raises(ResegmentError, match="s3://no-such"):
        run(tmp_path / "customers.csv", "s3://no-such/store")
    assert list((tmp_path / "state").rglob("night.json")) == []


def test_the_keys_are_found_nowhere(
    bucket: ObjectPath,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """After a failing and a succeeding run: not in logs, store, or the server's database."""
    caplog.set_level("DEBUG")
    impatient = ingest.task.with_options(retry_delay_seconds=0, retry_jitter_factor=0, retries=1)
    monkeypatch.setattr(ingest, "task", impatient)
    (bucket / "in/customers.csv").put(csv(TWO_GROUPS))
    with pytest.raises(ResegmentError):
        run("s3://no-such/in", bucket)
    assert run(bucket / "in", bucket).outcome == "published"
    captured = capfd.readouterr()
    assert "canary-42" not in captured.out + captured.err + caplog.text
    stored = [path.read_bytes() for path in (bucket / "demo/ledger").iterdir()]
    stored += contents(bucket / "demo").values()
    here = [path for folder in (tmp_path, *places()) for path in folder.rglob("*") if path.is_file()]
    assert len(stored) == 18
    assert len(here) > 5
    for content in (*stored, *(path.read_bytes() for path in here)):
        assert b"canary-42" not in content


def test_roots_hold_for_objects_too(
    bucket: ObjectPath, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With RESEGMENT_ROOTS, only what lies below a root, file or object, is read or written."""
    monkeypatch.setenv("RESEGMENT_ROOTS", f"{bucket}/in, {bucket}/out/, {tmp_path}")
    read_settings.cache_clear()
    (bucket / "in/customers.csv").put(csv(TWO_GROUPS))
    assert run(bucket / "in/customers.csv", bucket / "out").outcome == "published"
    for source in (bucket / "inner/x.csv", bucket / "x.csv", "s3://other/in/x.csv", "/etc/passwd"):
        with pytest.raises(Refused, match="RESEGMENT_ROOTS"):
            run(source, bucket / "out")
