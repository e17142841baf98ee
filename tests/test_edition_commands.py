"""The commands about editions and segments, on three nights that a real server ran."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.client.schemas.objects import State
from prefect.settings import PREFECT_API_URL

from config.settings import read_settings
from flows.promote import promote
from flows.resegment import resegment
from schemas.promotion import Promotion
from segmentation.errors import Refused
from segmentation.identity.given_names import name_segment
from segmentation.parts import hash_file
from segmentation.promoting import PromotionRequest, promote_edition
from segmentation.store.catalogue.published import published_edition
from segmentation.store.files.objects import ObjectPath
from segmentation.store.ledger import read_rows
from segmentation.store.names_file import read_given_names
from segmentation.store.pointer import read_live
from segmentation.store.repair.audit import audit_store
from tests.conftest import Command
from tests.test_flow import TWO_GROUPS, definitions, run, write_demo
from tests.test_real_data import DAY

pytestmark = pytest.mark.usefixtures("prefect_server")
__all__ = ["definitions"]  # a fixture, used by its name
SOURCE = {"path": "customers.csv"}  # below the folder in which the command runs, so that it can be copied
FIRST, SECOND, THIRD = "2026-01-29", "2026-01-30", "2026-01-31"


@pytest.fixture
def server() -> dict[str, str]:
    """The session's server, for the command's process."""
    return {"PREFECT_API_URL": PREFECT_API_URL.value() or ""}


@pytest.fixture(scope="session")
def three_nights(prefect_server: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two published nights, the second with one more customer, and a held third one with few customers."""
    folder = tmp_path_factory.mktemp("nights")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name, value in (("DEFINITIONS", "."), ("STORE", "store"), ("STATE", "state")):
            patch.setenv(f"RESEGMENT_{name}", str(folder / value))
        read_settings.cache_clear()
        for as_of, rows, outcome in (
            (FIRST, TWO_GROUPS, "published"),
            (SECOND, [*TWO_GROUPS, "z,10,1", "bad,-1,-1"], "published"),
            (THIRD, TWO_GROUPS[::3], "held"),
        ):
            write_demo(folder, rows, source=SOURCE)
            state: Any = resegment("demo", as_of=as_of, return_state=True)
            assert state.result().outcome == outcome
    read_settings.cache_clear()
    return folder


@pytest.fixture
def nights(three_nights: Path, tmp_path: Path) -> None:
    """A copy of the three nights in the folder in which commands run."""
    shutil.copytree(three_nights, tmp_path, dirs_exist_ok=True)


@pytest.mark.usefixtures("nights")
def test_from_history_to_promote(main_command: Command) -> None:
    """history shows what was held and why, diff what differs; promote makes it live, and goes back."""
    table = main_command("history", "demo").stdout
    assert "held" in table and "a change of 50% or more is not allowed" in table
    assert "0.00% = 0.00% behaviour + 0.00% model" in table and "+1 -0" in table
    assert "earlier rows" not in table
    assert "2 earlier rows: --last 0 shows all" in main_command("history", "demo", "--last", "1").stdout

    differing = json.loads(main_command("diff", "demo", FIRST, SECOND, "--json").stdout)
    facts = {(fact["part"], fact["what"]): (fact["before"], fact["after"]) for fact in differing}
    assert facts["data", "rows read"] == (50, 52)
    assert facts["segments", "S01 customers"] == (30, 31)
    assert not any(part in ("parameters", "versions") for part, _ in facts)
    assert main_command("diff", "demo", FIRST, FIRST).stdout == "They do not differ.\n"
    assert "51 (+2.0%)" in main_command("diff", "demo", FIRST, SECOND).stdout

    promoted = main_command("promote", "demo", "--as-of", THIRD, "--reason", "a sale", "--by", "ana")
    assert promoted.returncode == 0, promoted.stderr
    assert promoted.stdout.startswith(f"Live: demo as of {THIRD}, 17 customers")
    back = json.loads(main_command("promote", "demo", "--as-of", FIRST, "--by", "ben", "--json").stdout)
    assert (back["outcome"], back["set_aside"]) == ("promoted", [SECOND, THIRD])
    rows = json.loads(main_command("history", "demo", "--json").stdout)
    assert [row["outcome"] for row in rows] == ["published", "published", "held", "promoted", "promoted"]
    assert "by ana: a sale" in main_command("history", "demo").stdout
    assert main_command("audit", "demo").returncode == 0
    repeated = main_command("promote", "demo", "--as-of", FIRST)
    assert repeated.stdout.startswith("Live already")


@pytest.mark.usefixtures("nights")
def test_segments_and_their_names(main_command: Command, tmp_path: Path) -> None:
    """A segment has a factual name in parentheses until somebody names it."""
    unnamed = main_command("segments", "demo")
    assert unnamed.returncode == 0, unnamed.stderr
    assert "(low spend, low orders)" in unnamed.stdout and "spend < " in unnamed.stdout
    assert main_command("name", "demo", "S01", "--name", "Best", "--owner", "crm").stdout == (
        "S01: name 'Best', owner 'crm'\n"
    )
    document = json.loads(main_command("segments", "demo", "--json").stdout)
    assert [(segment["called"], segment["owner"]) for segment in document["segments"]] == [
        ("Best", "crm"),
        ("(high spend, high orders)", ""),
    ]
    held = json.loads(main_command("segments", "demo", "--as-of", THIRD, "--json").stdout)
    assert held["as_of"] == THIRD and held["segments"][0]["called"] == "Best"
    unknown = main_command("name", "demo", "S07", "--name", "x")
    assert (unknown.returncode, "there are S01, S02" in unknown.stderr) == (2, True)


@pytest.mark.slow
@pytest.mark.usefixtures("nights")
def test_a_past_edition_is_rebuilt_or_the_reason_is_given(
    command: Command, server: dict[str, str], tmp_path: Path
) -> None:
    """The same input gives the same bytes; a changed input, a lost edition and another version are named."""
    write_demo(tmp_path, [*TWO_GROUPS, "z,10,1", "bad,-1,-1"], source=SOURCE)
    store = {path: path.read_bytes() for path in (tmp_path / "store").rglob("*") if path.is_file()}
    rebuilt = command("rebuild", "demo", "--as-of", SECOND, **server)
    assert rebuilt.returncode == 0, rebuilt.stderr
    assert rebuilt.stdout.startswith(f"Same bytes: demo as of {SECOND}")
    assert store == {path: path.read_bytes() for path in (tmp_path / "store").rglob("*") if path.is_file()}

    write_demo(tmp_path, [*TWO_GROUPS, "z,11,1", "bad,-1,-1"], source=SOURCE)
    differing = command("rebuild", "demo", "--as-of", SECOND, **server)
    assert differing.returncode == 1
    assert "data: input customers.csv was" in differing.stdout and "Differs: demo" in differing.stdout

    (tmp_path / "demo.yaml").unlink()
    edition = next((tmp_path / "store/demo/editions" / FIRST).iterdir())
    (edition / "model.json").unlink()
    manifest = next((tmp_path / "store/demo/editions" / SECOND).glob("*/manifest.json"))
    content = json.loads(manifest.read_text())
    content["versions"]["resegment"] = "0.0.1"
    digest, sums = hash_file(manifest), manifest.with_name("SHA256SUMS")
    manifest.write_text(json.dumps(content))
    sums.write_text(sums.read_text().replace(digest, hash_file(manifest)))
    missing = command("rebuild", "demo", "--as-of", SECOND, **server)
    assert (missing.returncode, len(missing.stderr.strip().splitlines())) == (2, 1)
    for words in ("cannot-rebuild", "resegment 0.0.1 made it", "is damaged: model.json is missing"):
        assert words in missing.stderr


def test_the_flow_promotes_from_a_form(tmp_path: Path, definitions: Path) -> None:
    """The form's values are checked again; the edition goes live, and the artifact shows who and why."""
    write_demo(definitions, TWO_GROUPS)
    run("demo", tmp_path)
    write_demo(definitions, [*TWO_GROUPS, *(f"c{i},-5,1" for i in range(10))])
    state = resegment("demo", as_of=DAY, store=str(tmp_path), return_state=True)
    assert isinstance(state, State) and state.name == "Held"
    held = read_rows(tmp_path / "demo")[-1]["edition"]
    parameters: dict[str, Any] = {"name": "demo", "as_of": str(DAY), "store": str(tmp_path)}
    refused_values: list[tuple[dict[str, Any], str]] = [
        ({"who": "ana"}, "could be any of 2 editions"),
        ({"who": ""}, "who must be one line"),
        ({"who": "ana", "name": "../demo"}, "has no segmentation"),
        ({"who": "ana", "edition": "../../x"}, "is not an edition"),
        ({"who": "ana", "as_of": None}, "as_of is missing"),
        ({"who": "ana", "store": "a\0b"}, "store is not a path"),
    ]
    for values, words in refused_values:
        with pytest.raises(Refused, match=words):
            promote(**{**parameters, **values})
    promoted = promote(**parameters, who="ana <b>", edition=held[:6], reason="a *sale*")
    assert isinstance(promoted, Promotion)
    assert read_live(tmp_path / "demo") == (DAY, held)
    with get_client(sync_client=True) as client:
        artifacts = client.read_artifacts(
            artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=["demo-promotion"]))
        )
    assert "By ana &lt;b&gt;. a \\*sale\\*" in str(artifacts[-1].data)


@pytest.mark.slow
def test_a_held_edition_among_objects_goes_live(bucket: ObjectPath, definitions: Path) -> None:
    """In a bucket the promotion is a conditional put, and promoting again changes nothing."""
    write_demo(definitions, TWO_GROUPS)
    resegment("demo", as_of=DAY, store=str(bucket))
    write_demo(definitions, [*TWO_GROUPS, *(f"c{i},-5,1" for i in range(10))])
    resegment("demo", as_of=DAY, store=str(bucket), return_state=True)
    home = bucket / "demo"
    held = read_rows(home)[-1]["edition"]
    assert promote_edition(home, PromotionRequest(DAY, held, "ana", "")).outcome == "promoted"
    assert (read_live(home), published_edition(home, DAY)) == ((DAY, held), held)
    assert promote_edition(home, PromotionRequest(DAY, held, "ana", "")).outcome == "already-live"
    assert audit_store(home).damage == []
    assert name_segment(home, "S03", {"name": "Best"}, "ana").name == "Best"
    assert read_given_names(home)["S03"].name == "Best"
