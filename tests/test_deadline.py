"""The deadline check and its command: published, without data, missing or unknown, from the store alone."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from resegment.deadline import deadline_app
from segmentation.deadline_check import check_deadline, check_latest_deadline
from segmentation.errors import Refused
from segmentation.promoting import PromotionRequest, promote_edition
from segmentation.store.files.objects import ObjectPath
from segmentation.store.layout import published_path
from segmentation.store.ledger import ledger_path
from tests.nights import Town, create_town, day, draw_customers

SIZES = {"a": 120, "b": 120, "c": 120}


@pytest.fixture(scope="module")
def four_nights(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """Two nights were published, the third is held, the input of the fourth is refused."""
    town = create_town(tmp_path_factory.mktemp("town"), timezone="Asia/Tokyo")
    customers = draw_customers(SIZES)
    for number in (1, 2):
        town.night(number, customers)
    assert town.night(3, customers.iloc[::3]).outcome == "held"
    with pytest.raises(Refused):
        town.night(4, customers.iloc[:0])
    return town


@pytest.fixture
def town(four_nights: Town, tmp_path: Path) -> Town:
    """A copy of the four nights."""
    return four_nights.copy_to(tmp_path)


def test_a_published_night_meets_its_deadline(town: Town) -> None:
    """The result names its edition."""
    deadline = check_deadline(town.home, day(2))
    assert deadline.status == "published"
    assert deadline.edition is not None
    assert deadline.edition in deadline.message


def test_a_held_night_is_missing_and_says_why(town: Town) -> None:
    """The message has the failed check, the next step, and the live edition."""
    deadline = check_deadline(town.home, day(3))
    assert deadline.status == "missing"
    assert "it was built but is held: " in deadline.message
    assert "promote it or correct the input" in deadline.message
    assert f"Live is {day(2)}" in deadline.message


def test_a_comparison_does_not_count_as_a_run(town: Town) -> None:
    """`resegment compare` leaves a row in the ledger too, which the check ignores."""
    row = {"run_id": "later", "as_of": str(day(3)), "outcome": "compared", "began": "2199-01-01T00:00:00Z"}
    ledger_path(town.home, "later").write_text(json.dumps(row))
    assert "it was built but is held: " in check_deadline(town.home, day(3)).message


def test_a_refused_night_says_why(town: Town) -> None:
    """The message has the refusal."""
    deadline = check_deadline(town.home, day(4))
    assert deadline.status == "missing"
    assert "its run was refused: no-rows: " in deadline.message


def test_a_night_that_never_began_is_missing(town: Town) -> None:
    """The message says what to check, and what is live."""
    deadline = check_deadline(town.home, day(5))
    assert deadline.status == "missing"
    assert "no run of it has begun" in deadline.message and f"Live is {day(2)}" in deadline.message


def test_a_run_that_has_not_ended_is_missing(town: Town) -> None:
    """The message says when it began: it may be running, or its process died."""
    row = {"run_id": "r", "as_of": str(day(6)), "began": "2026-01-06T02:30:00", "outcome": "begun"}
    ledger_path(town.home, "r").write_text(json.dumps({**row, "host": "nights-1"}))
    message = check_deadline(town.home, day(6)).message
    assert "began at 2026-01-06T02:30:00 on nights-1 and has not ended" in message


def test_a_night_that_may_have_no_data_is_not_missing(town: Town) -> None:
    """The definition allows days without data."""
    row = {"run_id": "r", "as_of": str(day(6)), "outcome": "no-data", "reasons": ["no-file: none"]}
    ledger_path(town.home, "r").write_text(json.dumps(row))
    assert check_deadline(town.home, day(6)).status == "no-data"


def test_a_superseded_edition_does_not_count(town: Town) -> None:
    """After a rollback the later date is published but not live."""
    promote_edition(town.home, PromotionRequest(day(1), None, "ana", ""))
    deadline = check_deadline(town.home, day(2))
    assert (deadline.status, "a promotion superseded edition" in deadline.message) == ("missing", True)


def test_a_held_night_that_was_promoted_is_published(town: Town) -> None:
    """A promotion counts as a publication."""
    promote_edition(town.home, PromotionRequest(day(3), None, "ana", ""))
    assert check_deadline(town.home, day(3)).status == "published"


def test_what_people_did_since_is_no_run(town: Town) -> None:
    """Rows of erasing or repairing do not hide why the night is held."""
    for outcome in ("erased", "repaired"):
        row = {"run_id": outcome, "as_of": str(day(3)), "outcome": outcome, "began": "2199-01-01T00:00:00Z"}
        ledger_path(town.home, outcome).write_text(json.dumps(row))
    assert "it was built but is held: " in check_deadline(town.home, day(3)).message


def test_a_table_that_is_gone_is_missing(town: Town) -> None:
    """The ledger knows that it was published, and the message sends to audit."""
    published_path(town.home, day(2)).unlink()
    report = check_deadline(town.home, day(2))
    assert (report.status, "its table is gone since. Run 'resegment audit planted'" in report.message) == (
        "missing",
        True,
    )


def test_what_cannot_be_read_is_unknown(town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the store, with a damaged file, or without an answer of its bucket, nothing is certain."""
    assert check_deadline(tmp_path / "elsewhere" / "planted", day(2)).status == "unknown"
    table = published_path(town.home, day(1))
    table.write_bytes(table.read_bytes()[:-5])
    cut = check_deadline(town.home, day(1))
    assert (cut.status, str(table) in cut.message) == ("unknown", True)
    (town.home / "live.json").write_bytes(b"")
    damaged = check_deadline(town.home, day(2))
    assert (damaged.status, "live.json is empty" in damaged.message) == ("unknown", True)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")  # the port that discards
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    report = check_deadline(ObjectPath("bucket", "store/planted"), day(2))
    assert (report.status, "cannot be reached" in report.message) == ("unknown", True)


def test_the_ledger_only_explains(town: Town) -> None:
    """A damaged row changes neither a published night nor a missing one."""
    ledger_path(town.home, "r").write_bytes(b"{")
    assert check_deadline(town.home, day(2)).status == "published"
    deadline = check_deadline(town.home, day(6))
    assert (deadline.status, "1 row of the ledger cannot be read" in deadline.message) == ("missing", True)


def test_today_is_that_of_the_live_edition(town: Town) -> None:
    """At 23:30 UTC it is tomorrow in Tokyo. Without the manifest the day is unknown, before it UTC's."""
    evening = datetime(2026, 1, 2, 23, 30, tzinfo=UTC)
    assert check_latest_deadline(town.home, None, evening).as_of == day(3)
    assert check_latest_deadline(town.home, "America/New_York", evening).as_of == day(2)
    live = json.loads((town.home / "live.json").read_text())
    (town.home / "editions" / live["as_of"] / live["edition"] / "manifest.json").write_text("{")
    unknown = check_latest_deadline(town.home, None, evening)
    assert (unknown.status, unknown.as_of, "manifest.json" in unknown.message) == ("unknown", None, True)
    first = town.store / "first"
    first.mkdir()
    assert check_latest_deadline(first, None, evening).as_of == day(2)


def call(*arguments: str) -> tuple[int, str]:
    """Exit status and standard output of the command."""
    result = CliRunner().invoke(deadline_app, arguments, catch_exceptions=False)
    return result.exit_code, result.stdout


def test_the_command_ends_with_0_1_or_2(town: Town, tmp_path: Path) -> None:
    """0 published, 1 missing, 2 unknown; of several, the missing one counts; --quiet prints misses only."""
    store = ["--store", str(town.store)]
    status, output = call("planted", "--as-of", str(day(2)), *store)
    assert (status, output.count("\n"), "is published" in output) == (0, 1, True)
    assert call("planted", "--as-of", str(day(2)), "--quiet", *store) == (0, "")
    status, output = call("planted", "--as-of", str(day(3)), "--quiet", *store)
    assert (status, output.count("\n"), "is held" in output) == (1, 1, True)
    assert call("planted", "other", "--as-of", str(day(2)), *store)[0] == 2
    assert call("planted", "other", "--as-of", str(day(3)), *store)[0] == 1
    status, output = call("planted", *store)  # today, long after the last night
    assert (status, "no run of it has begun" in output) == (1, True)
    assert call("planted", "--store", str(tmp_path / "unmounted"))[0] == 2


def test_all_is_every_segmentation_that_has_published(town: Town, tmp_path: Path) -> None:
    """One that was only ever held does not count; a store without any is unknown."""
    (town.store / "second" / "published").mkdir(parents=True)
    (town.store / "held-only" / "editions").mkdir(parents=True)
    status, output = call("--all", "--as-of", str(day(2)), "--json", "--store", str(town.store))
    notice = json.loads(output)
    assert status == 1
    assert [(night["name"], night["status"]) for night in notice["nights"]] == [
        ("planted", "published"),
        ("second", "missing"),
    ]
    assert notice["subject"] == "Resegment: second is not published"
    assert notice["text"] == f"{notice['subject']}\n{notice['body']}" and "planted" not in notice["body"]
    for folder in (tmp_path / "unmounted", tmp_path):
        status, output = call("--all", "--json", "--store", str(folder))
        assert (status, json.loads(output)["nights"][0]["status"]) == (2, "unknown")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "or --all"),
        (["planted", "--all"], "or --all"),
        (["../planted"], "not the name of a segmentation"),
        (["planted\n"], "not the name of a segmentation"),
        (["planted", "--timezone", "Europe/Nowhere"], "not a time zone"),
        (["planted", "--timezone", "/etc/passwd"], "not a time zone"),
        (["planted", "--as-of", "2026-02-30"], "not a date"),
    ],
)
def test_a_wrong_argument_is_refused(arguments: list[str], words: str) -> None:
    """With exit status 2, so that cron reports it."""
    with pytest.raises(Refused, match=words):
        call(*arguments)


def test_it_starts_without_heavy_libraries(town: Town) -> None:
    """What takes seconds to import is not needed to read a store, on a machine that only watches."""
    heavy = {"pandas", "prefect", "sklearn", "scipy", "pandera", "duckdb", "obstore"}
    arguments = ["resegment", "deadline", "planted", "--as-of", str(day(4)), "--store", str(town.store)]
    program = (
        f"import sys; sys.argv = {arguments!r}\n"
        "from resegment.cli import main\n"
        "try: main()\n"
        f"except SystemExit as end: print(end.code, sorted({heavy!r} & sys.modules.keys()))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert result.stdout.splitlines()[-1] == "1 []", result.stderr
