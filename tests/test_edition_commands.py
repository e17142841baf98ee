"""The commands about editions as a person uses them, on three nights that a real server ran."""

import json
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.client.schemas.objects import State
from prefect.settings import PREFECT_API_URL

from flows.promote import promote
from flows.resegment import resegment
from schemas.promotion import Promotion
from segmentation.errors import Refused
from segmentation.identity.given_names import name_segment, read_names
from segmentation.promoting import Asked, promote_edition
from segmentation.store.audit import audit_store
from segmentation.store.layout import published_edition
from segmentation.store.ledger import read_rows
from segmentation.store.objects import ObjectPath
from segmentation.store.pointer import read_live
from tests.conftest import Command
from tests.test_flow import TWO_GROUPS, definitions, run, write_demo
from tests.test_real_data import DAY

pytestmark = [pytest.mark.xdist_group("prefect"), pytest.mark.usefixtures("prefect_server")]
__all__ = ["definitions"]  # a fixture, used by its name
FIRST, SECOND, THIRD = "2026-01-29", "2026-01-30", "2026-01-31"


@pytest.fixture
def server() -> dict[str, str]:
    """The session's server, for the command's process."""
    return {"PREFECT_API_URL": PREFECT_API_URL.value() or ""}


@pytest.fixture
def nights(command: Command, server: dict[str, str], tmp_path: Path) -> None:
    """Two nights are published, the second with a customer more; the third lost its second half: held."""
    write_demo(tmp_path, TWO_GROUPS)
    assert command("run", "demo.yaml", "--as-of", FIRST, **server).returncode == 0
    write_demo(tmp_path, [*TWO_GROUPS, "z,10,1", "bad,-1,-1"])
    assert command("run", "demo.yaml", "--as-of", SECOND, **server).returncode == 0
    write_demo(tmp_path, TWO_GROUPS[::3])
    assert command("run", "demo.yaml", "--as-of", THIRD, **server).returncode == 4


@pytest.mark.usefixtures("nights")
def test_from_history_to_promote(command: Command) -> None:
    """The history says what was held and why; diff what differs; promote puts it live, and back."""
    shown = command("history", "demo").stdout
    assert "held" in shown and "smaller than the other by 50% or more" in shown
    assert "0.00% = 0.00% behaviour + 0.00% model" in shown and "+1 -0" in shown
    assert (
        "1 earlier ones" not in shown
        and "earlier ones: --last 0" in command("history", "demo", "--last", "1").stdout
    )

    differing = json.loads(command("diff", "demo", FIRST, SECOND, "--json").stdout)
    facts = {(one["part"], one["what"]): (one["before"], one["after"]) for one in differing}
    assert facts["data", "rows read"] == (50, 52)
    assert facts["segments", "S01 customers"] == (30, 31)
    assert not any(part in ("parameters", "versions") for part, _ in facts)
    assert command("diff", "demo", FIRST, FIRST).stdout == "They do not differ.\n"
    assert "51 (+2.0%)" in command("diff", "demo", FIRST, SECOND).stdout

    promoted = command("promote", "demo", "--as-of", THIRD, "--reason", "a sale", "--by", "ana")
    assert promoted.returncode == 0, promoted.stderr
    assert promoted.stdout.startswith(f"Live: demo as of {THIRD}, 17 customers")
    back = json.loads(command("promote", "demo", "--as-of", FIRST, "--by", "ben", "--json").stdout)
    assert (back["outcome"], back["set_aside"]) == ("promoted", [SECOND, THIRD])
    rows = json.loads(command("history", "demo", "--json").stdout)
    assert [row["outcome"] for row in rows] == ["published", "published", "held", "promoted", "promoted"]
    assert "by ana: a sale" in command("history", "demo").stdout
    assert command("audit", "demo").returncode == 0
    again = command("promote", "demo", "--as-of", FIRST)
    assert again.stdout.startswith("Live already")


@pytest.mark.usefixtures("nights")
def test_segments_and_their_names(command: Command, tmp_path: Path) -> None:
    """Until a person names them they are called by what sets them apart, in parentheses."""
    plain = command("segments", "demo")
    assert plain.returncode == 0, plain.stderr
    assert "(low spend, low orders)" in plain.stdout and "spend < " in plain.stdout
    assert command("name", "demo", "S01", "--name", "Best", "--owner", "crm").stdout == (
        "S01: name 'Best', owner 'crm'\n"
    )
    named = json.loads(command("segments", "demo", "--json").stdout)
    assert [(one["called"], one["owner"]) for one in named["segments"]] == [
        ("Best", "crm"),
        ("(high spend, high orders)", ""),
    ]
    held = json.loads(command("segments", "demo", "--as-of", THIRD, "--json").stdout)
    assert held["as_of"] == THIRD and held["segments"][0]["called"] == "Best"
    unknown = command("name", "demo", "S07", "--name", "x")
    assert (unknown.returncode, "there are S01, S02" in unknown.stderr) == (2, True)


@pytest.mark.usefixtures("nights")
def test_a_past_edition_is_rebuilt_or_it_is_said_what_is_missing(
    command: Command, server: dict[str, str], tmp_path: Path
) -> None:
    """Same bytes from the same input; another input, a lost edition before, another version are named."""
    write_demo(tmp_path, [*TWO_GROUPS, "z,10,1", "bad,-1,-1"])
    before = {path: path.read_bytes() for path in (tmp_path / "store").rglob("*") if path.is_file()}
    same = command("rebuild", "demo", "--as-of", SECOND, **server)
    assert (same.returncode, same.stdout) == (0, same.stdout), same.stderr
    assert same.stdout.startswith(f"Same bytes: demo as of {SECOND}")
    assert before == {path: path.read_bytes() for path in (tmp_path / "store").rglob("*") if path.is_file()}

    write_demo(tmp_path, [*TWO_GROUPS, "z,11,1", "bad,-1,-1"])
    other = command("rebuild", "demo", "--as-of", SECOND, **server)
    assert other.returncode == 1
    assert "data: input customers.csv was" in other.stdout and "Differs: demo" in other.stdout

    (tmp_path / "demo.yaml").unlink()
    edition = next((tmp_path / "store/demo/editions" / FIRST).iterdir())
    (edition / "model.json").unlink()
    manifest = next((tmp_path / "store/demo/editions" / SECOND).glob("*/manifest.json"))
    content = json.loads(manifest.read_text())
    content["versions"]["resegment"] = "0.0.1"
    manifest.write_text(json.dumps(content))
    missing = command("rebuild", "demo", "--as-of", SECOND, **server)
    assert (missing.returncode, len(missing.stderr.strip().splitlines())) == (2, 1)
    for words in ("cannot-rebuild", "resegment 0.0.1 made it", "is not whole: model.json: missing"):
        assert words in missing.stderr


def test_the_flow_promotes_from_a_form(tmp_path: Path, definitions: Path) -> None:
    """What the form gives is checked again; the run says what is live, and the artifact who and why."""
    write_demo(definitions, TWO_GROUPS)
    run("demo", tmp_path)
    write_demo(definitions, [*TWO_GROUPS, *(f"c{i},-5,1" for i in range(10))])
    state = resegment("demo", as_of=DAY, store=str(tmp_path), return_state=True)
    assert isinstance(state, State) and state.name == "Held"
    held = read_rows(tmp_path / "demo")[-1]["edition"]
    asked: dict[str, Any] = {"name": "demo", "as_of": str(DAY), "store": str(tmp_path)}
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"who": "ana"}, "could be any of 2 editions"),
        ({"who": ""}, "who must be one line"),
        ({"who": "ana", "name": "../demo"}, "holds no segmentation"),
        ({"who": "ana", "edition": "../../x"}, "is not an edition"),
        ({"who": "ana", "as_of": None}, "as_of is needed"),
        ({"who": "ana", "store": "a\0b"}, "store is not a path"),
    ]
    for values, words in wrong:
        with pytest.raises(Refused, match=words):
            promote(**{**asked, **values})
    promoted = promote(**asked, who="ana <b>", edition=held[:6], reason="a *sale*")
    assert isinstance(promoted, Promotion)
    assert read_live(tmp_path / "demo") == (DAY, held)
    with get_client(sync_client=True) as client:
        found = client.read_artifacts(
            artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=["demo-promotion"]))
        )
    assert "By ana &lt;b&gt;. a \\*sale\\*" in str(found[-1].data)


def test_a_held_edition_among_objects_goes_live(bucket: ObjectPath, definitions: Path) -> None:
    """The same by a conditional put; again is the same."""
    write_demo(definitions, TWO_GROUPS)
    resegment("demo", as_of=DAY, store=str(bucket))
    write_demo(definitions, [*TWO_GROUPS, *(f"c{i},-5,1" for i in range(10))])
    resegment("demo", as_of=DAY, store=str(bucket), return_state=True)
    home = bucket / "demo"
    held = read_rows(home)[-1]["edition"]
    assert promote_edition(home, Asked(DAY, held, "ana", "")).outcome == "promoted"
    assert (read_live(home), published_edition(home, DAY)) == ((DAY, held), held)
    assert promote_edition(home, Asked(DAY, held, "ana", "")).outcome == "already-live"
    assert audit_store(home)[1] == []
    assert name_segment(home, "S03", {"name": "Best"}, "ana").name == "Best"
    assert read_names(home)["S03"].name == "Best"
