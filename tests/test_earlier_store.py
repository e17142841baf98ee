"""A store written by version 0.1.0 stays readable: commands work on it, and the next night builds on it.

The store is in tests/data/store-0.1.0, where its README says how it was made.
"""

import json
import shutil
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
import typer
from typer.testing import CliRunner

from resegment.editions import editions_app
from resegment.history import history_app
from resegment.segments import segments_app
from schemas.manifest import Manifest
from segmentation.canonical import to_json
from segmentation.model import read_model
from segmentation.promoting import PromotionRequest, promote_edition
from segmentation.report.index.index_entries import collect_editions
from segmentation.store.catalogue.edition_diff import diff_editions
from segmentation.store.catalogue.editions import list_editions
from segmentation.store.earlier_ids import collect_issued_ids
from segmentation.store.edition.manifests import read_manifest
from segmentation.store.issued_ids import IDS_FILE, reserve_ids
from segmentation.store.ledger import read_rows
from segmentation.store.pointer import read_live, read_pointer
from segmentation.store.repair.audit import audit_store
from tests.nights import Town, create_town, day, draw_customers, draw_group, ids, manifest

EARLIER_STORE = Path(__file__).parent / "data" / "store-0.1.0"
FIRST, SECOND = "2333a6f4a2951399", "1d96ec99d54cf3b4"


@pytest.fixture
def town(tmp_path: Path) -> Town:
    """A copy of the earlier store, with the definition of its nights."""
    shutil.copytree(EARLIER_STORE, tmp_path / "store")
    return create_town(tmp_path)


def call(*arguments: str) -> str:
    """What a command prints. It must succeed."""
    app = typer.Typer()
    for subcommand in (history_app, segments_app, editions_app):
        app.add_typer(subcommand)
    result = CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    return result.stdout


def draw_second_night() -> pd.DataFrame:
    """The customers of the store's second night."""
    first = draw_customers({"a": 50, "b": 45, "c": 40})
    second = pd.concat([first.iloc[3:], draw_group("c", range(40, 46))])
    second.loc[second["id"].isin(["a00010", "a00011"]), "spend"] += 200
    return second


def list_damage(town: Town) -> list[str]:
    """What audit finds, but for the reports, which were shortened when the fixture was made."""
    return [entry.path for entry in audit_store(town.home).damage if not entry.path.endswith("report.html")]


@pytest.mark.usefixtures("town")
def test_history_lists_earlier_runs() -> None:
    """Both runs are listed with their outcome, model and moves."""
    rows = json.loads(call("history", "planted", "--json"))
    assert [(row["edition"], row["outcome"], row["how"]) for row in rows] == [
        (FIRST, "published", "cold"),
        (SECOND, "published", "scored"),
    ]
    assert "+6 -3" in call("history", "planted")


def test_audit_reports_no_damage(town: Town) -> None:
    """Every file is as its SHA256SUMS says, and published tables name their editions."""
    assert audit_store(town.home).files == 2 * 14 + 2
    assert list_damage(town) == []


def test_editions_have_typed_manifests(town: Town) -> None:
    """Manifests are parsed whole, and written again they have the same bytes."""
    assert [(entry.edition, entry.state) for entry in list_editions(town.home)] == [
        (FIRST, "published"),
        (SECOND, "published"),
    ]
    folder = town.home / "editions" / str(day(2)) / SECOND
    parsed = read_manifest(folder)
    assert (parsed.previous_ref, parsed.rows.customers, parsed.rows.read) == ((day(1), FIRST), 138, 138)
    assert parsed.churn and (parsed.churn.behaviour, parsed.churn.joined, parsed.churn.left) == (2, 6, 3)
    assert all(check.passed for check in parsed.checks)
    content = (folder / "manifest.json").read_bytes()
    assert to_json(Manifest.model_validate_json(content)) == content


def test_the_model_is_written_with_the_same_bytes(town: Town) -> None:
    """model.json keeps its keys and values."""
    path = town.home / "editions" / str(day(2)) / SECOND / "model.json"
    assert to_json(read_model(path)) == path.read_bytes()


def test_published_tables_keep_their_metadata(town: Town) -> None:
    """The footer of segments.parquet still leads to the edition and its manifest."""
    metadata = pq.read_metadata(town.home / "published" / f"as_of={day(2)}" / "segments.parquet").metadata
    assert metadata is not None
    assert metadata[b"resegment.edition"].decode() == SECOND
    assert len(metadata[b"resegment.manifest_sha256"]) == 64


def test_editions_can_be_compared(town: Town) -> None:
    """diff shows what differs between the two nights, and nothing between an edition and itself."""
    facts = {
        (fact["part"], fact["what"]): fact
        for fact in json.loads(call("diff", "planted", FIRST, SECOND, "--json"))
    }
    assert facts["data", "rows customers"] == {
        "part": "data", "what": "rows customers", "before": 135, "after": 138
    }  # fmt: skip
    assert facts["metrics", "churn joined"]["after"] == 6
    edition = list_editions(town.home)[0]
    assert diff_editions(town.home, edition, edition) == []


@pytest.mark.usefixtures("town")
def test_segments_are_listed() -> None:
    """The live edition's segments have their sizes and factual names."""
    document = json.loads(call("segments", "planted", "--json"))
    assert [segment["size"] for segment in document["segments"]] == [45, 47, 46]


def test_the_index_is_kept_and_rebuilt_alike(town: Town) -> None:
    """index.json of version 0.1.0 gives the same entries as reading all manifests again."""
    index = collect_editions(town.home)
    assert [entry.state for entry in index.entries] == ["live", "published"]
    assert index == collect_editions(town.home, reread=True)


def test_an_earlier_edition_can_be_promoted(town: Town) -> None:
    """Rolling back works, with the ledger and live.json keys of version 0.1.0."""
    promotion = promote_edition(town.home, PromotionRequest(day(1), None, "ana", ""))
    assert (promotion.edition, promotion.superseded) == (FIRST, (day(2),))
    assert read_pointer(town.home).superseded == {SECOND}
    assert json.loads((town.home / "live.json").read_bytes())["set_aside"] == [SECOND]
    row = read_rows(town.home)[-1]
    assert (row["was_live"], row["set_aside"]) == ([str(day(2)), SECOND], [str(day(2))])


def test_issued_ids_are_kept(town: Town) -> None:
    """ids.json is read, and restored from the manifests if it is missing; no id is issued twice."""
    assert reserve_ids(town.home, "new", 1) == 3
    (town.home / IDS_FILE).unlink()
    assert collect_issued_ids(town.home) == (3, {FIRST: (0, 3)})
    assert reserve_ids(town.home, "new", 1) == 3


def test_the_next_night_keeps_model_and_ids(town: Town) -> None:
    """The third night scores with the earlier model: the same customers are in the same segments."""
    second = pd.read_parquet(town.home / "published" / f"as_of={day(2)}" / "segments.parquet")
    published = town.night(3, draw_second_night())
    assert published.outcome == "published"
    facts = manifest(published)
    assert (facts["previous"], facts["how"], facts["ids_before"]) == (SECOND, "scored", None)
    assert facts["churn"] == {"stayed": 138, "behaviour": 0, "model": 0, "joined": 0, "left": 0}
    pd.testing.assert_series_equal(ids(published), second.set_index("customer_id")["segment_id"])
    assert read_live(town.home) == (day(3), published.edition)
    assert list_damage(town) == []
