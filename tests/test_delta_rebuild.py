"""An edition that was made from a Delta table is rebuilt from the version that it was made from."""

from datetime import date
from io import StringIO
from pathlib import Path

import pandas as pd
import pytest

from schemas.night import Night
from segmentation.errors import Refused
from segmentation.rebuilding import plan_rebuild
from segmentation.store.catalogue.editions import list_editions
from tasks.ingest import ingest
from tests.test_flow import DAY, TWO_GROUPS, definitions, run, write_demo

deltalake = pytest.importorskip("deltalake")
pytestmark = pytest.mark.usefixtures("prefect_server")
__all__ = ["definitions"]  # a fixture, used by its name


def write_version(table: Path, rows: list[str]) -> None:
    """Overwrite the table with these customers."""
    frame = pd.read_csv(StringIO("\n".join(["id,spend,orders", *rows])))
    deltalake.write_deltalake(str(table), frame, mode="overwrite")


def test_a_rebuild_reads_the_version_of_the_edition(definitions: Path, tmp_path: Path) -> None:
    """The manifest has the version; a rebuild reads it, or says that VACUUM removed it."""
    table, store = tmp_path / "t", tmp_path / "store"
    write_demo(definitions, TWO_GROUPS, source={"path": str(table)})
    write_version(table, TWO_GROUPS[:40])
    write_version(table, TWO_GROUPS)
    assert run("demo", store).customers == 50
    write_version(table, TWO_GROUPS[10:])
    (edition,) = list_editions(store / "demo", date.fromisoformat(DAY))
    assert [digest.version for digest in edition.manifest.inputs] == [1]

    plan = plan_rebuild(store / "demo", edition, None)
    assert plan.definition.source.version == 1
    parameters = {"definition": plan.definition, "as_of": date.fromisoformat(DAY), "source": plan.source}
    night = Night(run_id="rebuild", store=tmp_path / "scratch", force=False, **parameters)
    assert ingest(night).key.edition == edition.edition

    deltalake.DeltaTable(str(table)).vacuum(0, enforce_retention_duration=False, dry_run=False)
    with pytest.raises(Refused, match="vacuumed: version 1 of Delta table t can no longer be read"):
        ingest(night)
