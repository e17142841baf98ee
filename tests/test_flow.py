"""The whole night through real Prefect: outcomes, bytes, retries. Crashes are in test_crash.py."""

import hashlib
import json
import random
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from prefect import State

import tasks.fit
from config.settings import read_settings
from flows.resegment import resegment
from resegment.outcome import format_published
from schemas.night import Published
from segmentation.errors import Conflict, Refused
from segmentation.store.ledger import read_rows

pytestmark = pytest.mark.usefixtures("prefect_server")

DAY = "2026-01-31"


def digests(home: Path) -> dict[str, str]:
    """sha256 of every published file and every file of every edition, by relative path."""
    files = [p for name in ("published", "editions") for p in (home / name).rglob("*") if p.is_file()]
    return {str(p.relative_to(home)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def hide_ids(text: str) -> str:
    """The text with each edition's id as EDITION-1, EDITION-2, … in the order of their first use.

    Ids on pages are examples: each change of a source gives another one. That an id is the same in all its
    places is not left to chance.
    """
    ids = list(dict.fromkeys(re.findall(r"\b[0-9a-f]{16}\b", text)))
    return re.sub(r"\b[0-9a-f]{16}\b", lambda match: f"EDITION-{ids.index(match[0]) + 1}", text)


def run(name: str, store: Path, **parameters: Any) -> Published:
    """Run the flow for DAY and return its result."""
    result = resegment(name, **{"as_of": DAY, "store": str(store), **parameters})
    assert isinstance(result, Published)
    return result


@pytest.fixture
def definitions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of definitions for one test."""
    folder = tmp_path / "definitions"
    folder.mkdir(exist_ok=True)
    monkeypatch.setenv("RESEGMENT_DEFINITIONS", str(folder))
    read_settings.cache_clear()
    return folder


def write_demo(definitions: Path, rows: list[str], **extra: Any) -> None:
    """A definition `demo` over a CSV file with these rows."""
    path = definitions / "customers.csv"
    path.write_text("id,spend,orders\n" + "".join(f"{row}\n" for row in rows))
    content = {
        "name": "demo",
        "source": {"path": str(path)},
        "rows": {"id": "id", "columns": {"spend": {"type": "float", "ge": 0}, "orders": {"type": "int"}}},
        "features": ["spend", "orders"],
        "k": {"rule": "fixed", "fixed": 2, "max": 4},
        **extra,
    }
    (definitions / "demo.yaml").write_text(json.dumps(content))


TWO_GROUPS = [f"a{i},{10 + i % 3},{1 + i % 2}" for i in range(30)] + [
    f"b{i},{500 + i % 7},{9 + i % 2}" for i in range(20)
]


@pytest.fixture(scope="module")
def article(prefect_server: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Published]:
    """A store with the article's night, and what the night returned."""
    store = tmp_path_factory.mktemp("article")
    return store, run("article", store)


def test_the_article_gives_the_articles_result(article: tuple[Path, Published]) -> None:
    """k = 5, five segments of 4,800 rows, and the article's centres of money_spent."""
    store, published = article
    profiles = pd.read_parquet(Path(published.report_path).with_name("profiles.parquet"))
    money = profiles[profiles["feature"] == "money_spent"]
    assert published.k == 5
    assert money["size"].tolist() == [4800] * 5
    assert sorted(money["centre"]) == pytest.approx([103.75, 234.95, 261.0, 792.7, 891.75], abs=1e-9)
    segments = pd.read_parquet(published.segments_path)
    assert len(segments) == segments["customer_id"].nunique() == 24_000
    shown = hide_ids(format_published(published).replace(str(store), "store"))
    for page in ("README.md", "docs/start.md"):
        text = (Path(__file__).parents[1] / page).read_text(encoding="utf-8")
        assert shown in hide_ids(text)


def test_the_same_run_again_changes_nothing(article: tuple[Path, Published]) -> None:
    """A second run of the same input says so, and every file keeps its bytes and modification time."""
    store, first = article
    times = {p: p.stat().st_mtime_ns for p in (store / "article" / "editions").rglob("*")}
    second = run("article", store)
    assert (first.outcome, second.outcome) == ("published", "already-published")
    assert second.edition == first.edition
    assert times == {p: p.stat().st_mtime_ns for p in (store / "article" / "editions").rglob("*")}
    assert [row["outcome"] for row in read_rows(store / "article")] == ["published", "already-published"]


@pytest.mark.slow
def test_another_store_and_another_number_of_threads_give_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing in an edition depends on where, when or with how many threads it was made."""
    for threads in ("1", "5"):
        monkeypatch.setenv("RESEGMENT_THREADS", threads)
        read_settings.cache_clear()
        run("shop", tmp_path / threads)
    assert digests(tmp_path / "1" / "shop") == digests(tmp_path / "5" / "shop") != {}


@pytest.mark.slow
def test_shuffled_rows_give_the_same_segments_and_numbers(tmp_path: Path, definitions: Path) -> None:
    """With ids, the order of the source's rows changes no label and no digit."""
    write_demo(definitions, TWO_GROUPS)
    tables = []
    for store in ("a", "b"):
        published = run("demo", tmp_path / store)
        tables.append(pd.read_parquet(published.segments_path))
        shuffled = TWO_GROUPS.copy()
        random.Random(7).shuffle(shuffled)  # noqa: S311 - a test order, no secret
        write_demo(definitions, shuffled)
    pd.testing.assert_frame_equal(tables[0], tables[1])


def test_a_task_that_fails_once_is_retried(
    tmp_path: Path, definitions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transient fault costs a retry, not the night."""
    write_demo(definitions, TWO_GROUPS)
    real, calls = tasks.fit.refine, []

    def fail_once(*arguments: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) == 1:
            raise OSError("the disk hiccuped")
        return real(*arguments, **options)

    monkeypatch.setattr(tasks.fit, "refine", fail_once)
    impatient = tasks.fit.fit.task.with_options(retry_delay_seconds=0, retry_jitter_factor=0)
    monkeypatch.setattr(tasks.fit.fit, "task", impatient)
    assert run("demo", tmp_path).outcome == "published"
    assert len(calls) == 2


def test_a_refusal_is_not_retried_and_does_not_change_the_store(tmp_path: Path, definitions: Path) -> None:
    """Bad input ends at once with its reason; the published edition stays, and the ledger records it."""
    write_demo(definitions, TWO_GROUPS)
    run("demo", tmp_path)
    digests_before = digests(tmp_path / "demo")
    write_demo(definitions, ["x,not-a-number,1"])
    with pytest.raises(Refused, match="no-rows"):
        run("demo", tmp_path)
    assert digests(tmp_path / "demo") == digests_before
    assert [row["outcome"] for row in read_rows(tmp_path / "demo")] == ["published", "refused"]
    assert not list((tmp_path / "demo" / ".staging").iterdir())


def test_a_failed_check_holds_the_night(tmp_path: Path, definitions: Path) -> None:
    """A held edition is kept and readable, is not live, and its state is named Held."""
    write_demo(definitions, TWO_GROUPS)
    live = run("demo", tmp_path)
    write_demo(definitions, [*TWO_GROUPS, *(f"c{i},-5,1" for i in range(10))])
    state = resegment("demo", as_of=DAY, store=str(tmp_path), return_state=True)
    assert isinstance(state, State)
    assert state.name == "Held"
    held = state.result()
    assert isinstance(held, Published)
    assert (held.outcome, Path(held.segments_path).is_file()) == ("held", True)
    assert "quarantined-share" in held.reasons[0]
    metadata = json.loads((tmp_path / "demo" / "live.json").read_bytes())
    assert metadata["edition"] == live.edition != held.edition


def test_a_run_that_was_overtaken_ends_in_conflict(
    tmp_path: Path, definitions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If another run publishes the date first, the later one ends in Conflict and changes nothing."""
    write_demo(definitions, TWO_GROUPS)
    real = tasks.fit.refine
    nested: list[Published] = []
    entered: list[bool] = []

    def overtake(*arguments: Any, **options: Any) -> Any:
        if not entered:
            entered.append(True)
            write_demo(definitions, TWO_GROUPS[1:])
            nested.append(run("demo", tmp_path))
        return real(*arguments, **options)

    monkeypatch.setattr(tasks.fit, "refine", overtake)
    with pytest.raises(Conflict, match="another run published it"):
        run("demo", tmp_path)
    assert json.loads((tmp_path / "demo" / "live.json").read_bytes())["edition"] == nested[0].edition


def test_untrusted_parameters_are_refused_with_a_reason(tmp_path: Path) -> None:
    """Names, dates and places are checked again in the flow, whatever the form accepted."""
    for name in ("../article", "Article", "", "a/b", "article\n"):
        with pytest.raises(Refused, match="definition"):
            run(name, tmp_path)
    with pytest.raises(Refused, match="future-date"):
        run("article", tmp_path, as_of="2199-01-01")
    for day in (20260131, "2026-02-30", "../../etc", "2026-01-31T00:00:00Z"):
        with pytest.raises(Exception, match="YYYY-MM-DD"):
            run("article", tmp_path, as_of=day)
    assert list(tmp_path.iterdir()) == []
