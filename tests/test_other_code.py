"""Other code makes another edition, and a date that it did not publish stays as it is until a person asks."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import pytest

import segmentation.store.edition.source_digest
import segmentation.store.edition.versions
import tasks.ingest
from flows.resegment import as_state
from resegment.outcome import format_published
from schemas.night import Night, Published
from segmentation.errors import Refused
from segmentation.rebuilding import plan_rebuild
from segmentation.store.catalogue.edition_diff import diff_editions
from segmentation.store.catalogue.editions import list_editions
from segmentation.store.edition.source_digest import PACKAGES, compute_source_digest
from segmentation.store.edition.versions import list_libraries
from segmentation.store.ledger import read_rows
from segmentation.store.pointer import read_live
from segmentation.store.repair.audit import audit_store
from tests.nights import Town, create_town, day, draw_customers, files, ids, manifest
from tests.test_earlier_store import EARLIER_STORE, FIRST, draw_second_night

ROOT = Path(__file__).parents[1]
SIZES = {"a": 40, "b": 35, "c": 30}
OTHER_CODE = "0123456789abcdef"


@pytest.fixture(scope="module")
def two_nights(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """A town whose first two nights are published; tests work on copies of it."""
    town = create_town(tmp_path_factory.mktemp("town"))
    town.night(1, draw_customers(SIZES))
    town.night(2, draw_customers({**SIZES, "a": 42}))
    return town


@pytest.fixture
def town(two_nights: Town, tmp_path: Path) -> Town:
    """A copy of the town."""
    return two_nights.copy_to(tmp_path / "town")


@pytest.fixture
def edit_sources(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """From its call on, the sources of this process are other ones."""

    def edit() -> None:
        monkeypatch.setattr(segmentation.store.edition.source_digest, "digest_sources", lambda _: OTHER_CODE)
        compute_source_digest.cache_clear()

    yield edit
    compute_source_digest.cache_clear()


@pytest.fixture
def upgrade_numpy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """From its call on, another numpy is installed."""

    def look_up_version(name: str) -> str:
        return "99.0" if name == "numpy" else version(name)

    def upgrade() -> None:
        monkeypatch.setattr(segmentation.store.edition.versions, "version", look_up_version)
        list_libraries.cache_clear()

    yield upgrade
    list_libraries.cache_clear()


def rerun(town: Town, number: int, force: bool = False) -> Published:
    """The night of that number again, on the same file."""
    return town.run(number, town.folder / f"night-{number}.csv", force=force)


@pytest.mark.parametrize("change", ["edit_sources", "upgrade_numpy"])
def test_a_date_that_other_code_published_stays(
    town: Town, change: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plain run says so before it judges a row, and changes no byte of the edition."""
    published = rerun(town, 2)
    original = files(published)
    request.getfixturevalue(change)()
    monkeypatch.setattr(tasks.ingest, "judge_rows", None)  # what comes after is the long part of a night
    record = rerun(town, 2)
    assert (record.outcome, record.edition) == ("published-by-other-code", published.edition)
    (reason,) = record.other_code
    assert reason.endswith("is installed") and ("numpy" in reason) == (change == "upgrade_numpy")
    assert files(record) == original and read_live(town.home) == (day(2), published.edition)
    assert audit_store(town.home).damage == []


def test_people_and_scripts_are_told(town: Town, edit_sources: Callable[[], None]) -> None:
    """In the terminal, in --json, as the state of the Prefect run, and in the ledger."""
    code = compute_source_digest()
    edit_sources()
    record = rerun(town, 2)
    reason = f"code {code} made it, {OTHER_CODE} is installed"
    text = format_published(record)
    assert text.startswith("Already published, by other code: planted") and f"other code: {reason}" in text
    assert "--force, or a backfill with mode rebuild" in text
    facts = json.loads(record.model_dump_json())
    assert (facts["outcome"], facts["other_code"]) == ("published-by-other-code", [reason])
    state = as_state(record)
    assert (getattr(state, "name", ""), getattr(state, "message", "")) == ("OtherCode", reason)
    row = read_rows(town.home)[-1]
    assert (row["outcome"], row["edition"], row["reasons"]) == (
        facts["outcome"],
        record.edition,
        [reason],
    )


def test_force_makes_the_edition_of_this_code(town: Town, edit_sources: Callable[[], None]) -> None:
    """It has another name; the edition of the other code keeps its folder and every byte."""
    earlier = rerun(town, 2)
    original = files(earlier)
    edit_sources()
    forced = rerun(town, 2, force=True)
    assert (forced.outcome, forced.edition != earlier.edition) == ("published", True)
    assert manifest(forced)["code"] == OTHER_CODE
    assert files(earlier) == original
    assert rerun(town, 2).outcome == "already-published"
    assert audit_store(town.home).damage == []


@pytest.mark.slow
def test_other_code_gives_the_first_date_new_ids(town: Town, edit_sources: Callable[[], None]) -> None:
    """Ids are given to an edition once. A date with one before it keeps them, whatever code makes it."""
    first_ids = set(ids(rerun(town, 1)))
    edit_sources()
    assert set(ids(rerun(town, 2, force=True))) == first_ids
    assert not set(ids(rerun(town, 1, force=True))) & first_ids


def test_the_next_night_builds_on_an_edition_of_other_code(
    town: Town, edit_sources: Callable[[], None]
) -> None:
    """An upgrade does not interrupt the history: model and ids continue."""
    second = rerun(town, 2)
    edit_sources()
    third = town.night(3, draw_customers({**SIZES, "a": 42}))
    assert (third.outcome, manifest(third)["previous"]) == ("published", second.edition)
    assert manifest(third)["how"] == "scored" and manifest(third)["churn"]["joined"] == 0


def test_other_rows_are_published_by_any_code(town: Town, edit_sources: Callable[[], None]) -> None:
    """A corrected source makes a new edition, as ever."""
    edit_sources()
    assert town.night(2, draw_customers({**SIZES, "b": 36})).outcome == "published"


def test_a_damaged_edition_of_other_code_is_not_replaced(
    town: Town, edit_sources: Callable[[], None]
) -> None:
    """A person has to decide: this code cannot make its bytes again."""
    edition = rerun(town, 2)
    Path(edition.report_path).write_text("cut")
    edit_sources()
    record = rerun(town, 2)
    assert (record.outcome, record.edition) == ("published-by-other-code", edition.edition)
    assert any("files are damaged" in warning for warning in record.warnings)


def test_an_edition_without_a_digest_counts_as_other_code(tmp_path: Path) -> None:
    """Version 0.1.0 recorded none, and its definitions lack later keys: still the same content."""
    shutil.copytree(EARLIER_STORE, tmp_path / "store")
    town = create_town(tmp_path)
    customers = draw_customers({"a": 50, "b": 45, "c": 40})
    record = town.night(1, customers)
    assert (record.outcome, record.edition) == ("published-by-other-code", FIRST)
    assert record.other_code[0].startswith("code without a digest made it")
    assert town.night(2, draw_second_night()).outcome == "published-by-other-code"


def test_diff_shows_code_and_environment(town: Town, edit_sources: Callable[[], None]) -> None:
    """The digests of the sources, and what is recorded without being part of the name."""
    rerun(town, 2)
    edit_sources()
    rerun(town, 2, force=True)
    old, new = sorted(list_editions(town.home, day(2)), key=lambda entry: entry.manifest.code == OTHER_CODE)
    changed = old.manifest.model_copy(update={"environment": {"python": "3.0.0"}})
    facts = {
        (difference.part, difference.fact): (difference.old, difference.new)
        for difference in diff_editions(town.home, old._replace(manifest=changed), new)
    }
    assert facts["code", "sources"] == (old.manifest.code, OTHER_CODE)
    assert facts["environment", "python"] == ("3.0.0", new.manifest.environment["python"])
    assert facts["environment", "prefect"][0] is None


def test_a_rebuild_with_other_code_is_refused(town: Town, edit_sources: Callable[[], None]) -> None:
    """It could not promise the bytes. It names the code that made the edition, and its commit if known."""
    edition = next(entry for entry in list_editions(town.home, day(2)) if entry.state == "published")
    commits = [row["commit"] for row in read_rows(town.home) if row["edition"] == edition.edition]
    edit_sources()
    place = f", at commit {commits[0]}" if commits[0] else ""  # an installed package has none
    reason = f"code {edition.manifest.code} made it{place}, code {OTHER_CODE} is installed"
    with pytest.raises(Refused, match=reason):
        plan_rebuild(town.home, edition, str(town.folder / "night-2.csv"))


def test_a_retry_with_other_code_starts_over(make_night: Callable[..., Night]) -> None:
    """Records of stages that other code has run are not used: the code is part of every stage's cache key."""
    policy, context = tasks.ingest.ingest.task.cache_policy, SimpleNamespace(task=tasks.ingest.ingest.task)
    nights = [make_night().model_copy(update={"code": code}) for code in ("", "a", "a", "b")]
    keys = {policy.compute_key(context, {"night": night}, {}) for night in nights}  # type: ignore[arg-type]
    assert len(keys) == 3


_DRIVER = """
import pathlib, sys, tests.nights
town = tests.nights.create_town(pathlib.Path(sys.argv[1]))
print(town.run(2, town.folder / "night-2.csv", force=True).edition)
"""


@pytest.mark.slow
def test_an_edited_stage_makes_another_edition(town: Town, tmp_path: Path) -> None:
    """A copy of the sources makes the same edition with --force; once a stage is edited, another one."""
    copy = tmp_path / "copy"
    for package in PACKAGES:
        shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
    earlier = rerun(town, 2)
    original = files(earlier)

    def force() -> str:
        command = [sys.executable, "-c", _DRIVER, str(town.folder)]
        environment = {"PYTHONPATH": f"{copy}:{ROOT}", "PATH": "", "HOME": str(tmp_path)}
        # In another folder: Python looks there before it looks in PYTHONPATH.
        process = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
        )
        assert process.returncode == 0, process.stderr
        return process.stdout.strip()

    assert force() == earlier.edition
    with (copy / "tasks" / "summarise.py").open("a") as file:
        file.write("\n# edited\n")
    assert force() != earlier.edition
    assert files(earlier) == original
