"""Passes on a Dask cluster: the same bytes, also when one of its workers is killed in the middle."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from distributed import LocalCluster

import segmentation.store.edition.source_digest
from bench.nights import run_night
from config.definition_files import read_definition, resolve_definition
from config.settings import read_settings
from schemas.night import Night
from schemas.part import Part
from segmentation.errors import ClusterGone, Refused
from segmentation.partitions import map_part_files
from segmentation.parts import read_part, write_part
from segmentation.store.edition.source_digest import compute_source_digest
from tests.nights import day, files

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(300)]


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalCluster]:
    """Two worker processes, and the setting that names their scheduler."""
    with LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1", memory_limit=None
    ) as cluster:
        monkeypatch.setenv("RESEGMENT_DASK_SCHEDULER", cluster.scheduler_address)
        read_settings.cache_clear()
        yield cluster


def sum_slowly(part: Part) -> int:
    """A part's sum; the first part that is seen kills its worker, once."""
    mark = part.path.with_name("killed")
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return int(np.sum(read_part(part)["x"].to_numpy()))


def own_process(part: Part) -> int:
    """The process that does it."""
    return os.getpid() + 0 * part.rows


def write_parts(folder: Path) -> list[Part]:
    """Eight small parts."""
    return [write_part(folder / f"part-{i}.parquet", pa.table({"x": np.arange(100) + i})) for i in range(8)]


def test_an_edition_made_on_a_cluster_has_the_same_bytes(
    tmp_path: Path, cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every file of it is the one that threads here make; and the passes did run over there."""
    assert os.getpid() not in set(map_part_files(own_process, write_parts(tmp_path)))
    on_cluster = run_night(make_night(tmp_path / "there"))
    monkeypatch.delenv("RESEGMENT_DASK_SCHEDULER")
    read_settings.cache_clear()
    in_threads = run_night(make_night(tmp_path / "here"))
    assert files(on_cluster) == files(in_threads)
    assert on_cluster.k == in_threads.k > 1


def make_night(store: Path) -> Night:
    """A night of the shop's customers."""
    definition = read_definition(resolve_definition("shop", read_settings().definitions))
    return Night(run_id="night", definition=definition, as_of=day(31), source=None, store=store, force=False)


def test_a_killed_worker_changes_nothing(tmp_path: Path, cluster: LocalCluster) -> None:
    """Its part is done again by another; sums come in the order of the parts."""
    parts = write_parts(tmp_path)
    assert list(map_part_files(sum_slowly, parts)) == [4950 + 100 * i for i in range(8)]
    assert (tmp_path / "killed").exists()


@pytest.mark.usefixtures("cluster")
def test_a_cluster_with_other_code_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its results would be part of an edition that has the name of the code here."""
    monkeypatch.setattr(
        segmentation.store.edition.source_digest, "digest_sources", lambda _: "0123456789abcdef"
    )
    compute_source_digest.cache_clear()
    try:
        with pytest.raises(Refused, match="2 of 2 workers"):
            list(map_part_files(own_process, write_parts(tmp_path)))
    finally:
        compute_source_digest.cache_clear()


def test_a_cluster_that_is_not_there_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One message, and a failure of the kind that is tried again."""
    monkeypatch.setenv("RESEGMENT_DASK_SCHEDULER", "tcp://127.0.0.1:9")
    monkeypatch.setattr("segmentation.partitions._CONNECT_S", 1)
    read_settings.cache_clear()
    with pytest.raises(ClusterGone, match="RESEGMENT_DASK_SCHEDULER"):
        list(map_part_files(own_process, write_parts(tmp_path)))
