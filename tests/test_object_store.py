"""A source and a store of objects, on a real S3 server over HTTP: runs end as they do with files."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

import segmentation.store.publication.object_commit
from bench.nights import run_night
from config.settings import read_settings
from flows.resegment import resegment
from schemas.night import Night, Published
from segmentation.errors import Refused, ResegmentError
from segmentation.store.files.objects import ObjectPath, parse_path
from segmentation.store.layout import SEGMENTS
from segmentation.store.ledger import read_rows
from segmentation.store.repair.audit import audit_store
from tasks.ingest import ingest
from tasks.publish import publish
from tests.test_object_commit import PowerCut
from tests.test_real_data import DAY
from tests.test_sql import places

pytestmark = pytest.mark.usefixtures("prefect_server")
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
    """Every file of every edition, the published tables and live.json, by path in the store."""
    files = {}
    for pattern in ("editions/*/*/*", "published/*/*", "live.json"):
        for path in home.glob(pattern):
            files[str(path).removeprefix(f"{home}/")] = path.read_bytes()
    return files


def test_a_store_of_objects_has_the_same_bytes_as_a_folder(bucket: ObjectPath, tmp_path: Path) -> None:
    """With source and store in a bucket or in folders, the edition is the same, byte by byte."""
    (tmp_path / "customers.csv").write_bytes(csv(TWO_GROUPS))
    (bucket / "in/customers.csv").put(csv(TWO_GROUPS))
    local = run(tmp_path / "customers.csv", tmp_path / "store")
    remote = run(bucket / "in/customers.csv", bucket / "out")
    assert remote.segments_path == f"{bucket}/out/demo/published/as_of={DAY}/{SEGMENTS}"
    assert remote.edition == local.edition
    assert contents(bucket / "out" / "demo") == contents(tmp_path / "store" / "demo")
    assert len(contents(bucket / "out" / "demo")) == 19
    assert run(bucket / "in/customers.csv", bucket / "out").outcome == "already-published"
    assert audit_store(bucket / "out" / "demo") == (18, [])
    outcomes = [row["outcome"] for row in read_rows(bucket / "out" / "demo")]
    assert outcomes == ["published", "already-published"]
    assert list((tmp_path / "state" / "object-stores").rglob("*.parquet")) == []


@pytest.mark.parametrize(
    "location",
    [
        *("in/", "in/day-*.csv", "*/day-2026-01-3?.csv"),
        pytest.param("in/day-2026-01-30.csv", marks=pytest.mark.slow),
    ],
)
def test_objects_are_listed_like_files(
    bucket: ObjectPath, location: str, make_night: Callable[..., Night]
) -> None:
    """A folder, a pattern or one object; of two objects with one name both are read."""
    (bucket / "in/day-2026-01-30.csv").put(csv(TWO_GROUPS[:25]))
    (bucket / "in/notes.txt").put(b"not a table")
    (bucket / "in/sub/day-2026-01-30.csv").put(b"not directly in the folder")
    customers = 25
    if location != "in/day-2026-01-30.csv":
        (bucket / "in/day-2026-01-31.csv").put(csv(TWO_GROUPS[25:40]))
        customers = 40
    if location.startswith("*/"):
        (bucket / "other/day-2026-01-31.csv").put(csv(TWO_GROUPS[40:]))
        customers = 50
    assert run_night(make_night(f"{bucket}/{location}")).customers == customers


@pytest.mark.slow
def test_a_night_that_died_before_its_commit_is_run_again(
    bucket: ObjectPath, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old edition stays live; a plain re-run publishes the edition that the first run would have."""
    (tmp_path / "old.csv").write_bytes(csv(TWO_GROUPS))
    (tmp_path / "new.csv").write_bytes(csv(TWO_GROUPS[5:]))
    home = bucket / "demo"
    run(tmp_path / "old.csv", bucket)
    old_contents = contents(home)

    def die(*_: Any) -> None:
        raise PowerCut

    with monkeypatch.context() as broken:
        broken.setattr(publish, "task", publish.task.with_options(retries=0))
        broken.setattr(segmentation.store.publication.object_commit, "move_live_object", die)
        broken.setattr(segmentation.store.publication.object_commit, "check_race", die)
        with pytest.raises(PowerCut):
            run(tmp_path / "new.csv", bucket)
    assert contents(home) == old_contents
    published = run(tmp_path / "new.csv", bucket)
    assert (published.outcome, published.customers) == ("published", 45)
    run(tmp_path / "old.csv", tmp_path / "store")
    run(tmp_path / "new.csv", tmp_path / "store")
    assert contents(home) == contents(tmp_path / "store" / "demo")


@pytest.mark.slow
def test_a_damaged_edition_is_reported_and_built_again(bucket: ObjectPath, tmp_path: Path) -> None:
    """Audit names the object; a plain re-run replaces it."""
    (tmp_path / "customers.csv").write_bytes(csv(TWO_GROUPS))
    published = run(tmp_path / "customers.csv", bucket)
    as_published = contents(bucket / "demo")
    report = parse_path(published.report_path)
    assert isinstance(report, ObjectPath)
    report.put(b"half a rep")
    assert [damage.problem[:7] for damage in audit_store(bucket / "demo").damage] == ["damaged"]
    assert run(tmp_path / "customers.csv", bucket).outcome == "published"
    assert contents(bucket / "demo") == as_published


def test_a_missing_bucket_is_named(bucket: ObjectPath, tmp_path: Path) -> None:
    """A store in a missing bucket ends in one line that names the bucket."""
    (tmp_path / "customers.csv").write_bytes(csv(TWO_GROUPS))
    assert bucket.bucket != "no-such"
    with pytest.raises(ResegmentError, match="s3://no-such"):
        run(tmp_path / "customers.csv", "s3://no-such/store")
    assert list((tmp_path / "state").rglob("night.json")) == []


@pytest.mark.slow
def test_the_keys_are_written_nowhere(
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
    local_files = [path for folder in (tmp_path, *places()) for path in folder.rglob("*") if path.is_file()]
    assert len(stored) == 21
    assert len(local_files) > 5
    for content in (*stored, *(path.read_bytes() for path in local_files)):
        assert b"canary-42" not in content


def test_roots_apply_to_objects_too(
    bucket: ObjectPath, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With RESEGMENT_ROOTS, only files and objects below a root are read or written."""
    monkeypatch.setenv("RESEGMENT_ROOTS", f"{bucket}/in, {bucket}/out/, {tmp_path}")
    read_settings.cache_clear()
    (bucket / "in/customers.csv").put(csv(TWO_GROUPS))
    assert run(bucket / "in/customers.csv", bucket / "out").outcome == "published"
    for source in (bucket / "inner/x.csv", bucket / "x.csv", "s3://other/in/x.csv", "/etc/passwd"):
        with pytest.raises(Refused, match="RESEGMENT_ROOTS"):
            run(source, bucket / "out")
