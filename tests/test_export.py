"""`resegment export`: campaign lists, compared with pandas. The holdout itself is in test_holdout.py."""

import hashlib
import hmac
import json
import re
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from segmentation.exporting.hashing import Holdout
from segmentation.store.names_file import NAMES_FILE
from tests.conftest import Command
from tests.nights import FOUR, PLAN, Town, create_town, day, draw_customers, read

KEY = "0123456789abcdef"


@pytest.fixture(scope="module")
def town_with_nights(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """Nights 1, 2 and 9. Twenty customers of group a behave like d on night 9, fifty joined on night 2."""
    town = create_town(tmp_path_factory.mktemp("town"))
    customers = draw_customers({**FOUR, "a": 200})
    town.night(1, draw_customers(FOUR))
    town.night(2, customers)
    customers.loc[:19, ["spend", "visits"]] = (300.0, 30.0)
    town.night(9, customers)
    return town


@pytest.fixture
def town(town_with_nights: Town, tmp_path: Path) -> Town:
    """A copy in the folder in which commands run."""
    return town_with_nights.copy_to(tmp_path)


def read_segments(town: Town, number: int) -> pd.DataFrame:
    """A night's published table."""
    return pd.read_parquet(town.home / f"published/as_of={day(number)}/segments.parquet")


def test_a_list_has_a_segments_members(town: Town, main_command: Command) -> None:
    """A segment is chosen by id or name. The list has its members, its name and the columns asked for."""
    names = json.loads(main_command("segments", "planted", "--json").stdout)["segments"]
    text = main_command("export", "planted", "--segment", names[1]["name"].upper(), "--columns", "spend")
    table = read_segments(town, 9)
    members = table[table["segment_id"] == names[1]["segment_id"]]
    exported = pd.read_csv(StringIO(text.stdout))
    assert list(exported) == ["customer_id", "segment_id", "segment_name", "spend"]
    assert exported["customer_id"].tolist() == members["customer_id"].tolist()
    assert exported["spend"].tolist() == members["spend"].tolist()
    assert set(exported["segment_name"]) == {names[1]["name"]}
    assert f"{len(members)} customers on the list" in text.stderr


@pytest.mark.parametrize(("since", "night"), [("7d", 2), ("8d", 1), (str(day(5)), 2)])
def test_who_entered_since(town: Town, main_command: Command, since: str, night: int) -> None:
    """Only customers are listed who were not in their segment in the newest edition up to that date."""
    result = json.loads(
        main_command("export", "planted", "--entered-since", since, "-o", "list.csv", "--json").stdout
    )
    current, earlier = (read_segments(town, n).set_index("customer_id")["segment_id"] for n in (9, night))
    entered = current[current != earlier.reindex(current.index)]
    assert pd.read_csv("list.csv")["customer_id"].tolist() == entered.index.tolist()
    assert result["entered_since"] == str(day(night))
    assert (result["customers"], result["earlier"]) == (len(entered), len(current) - len(entered))


def test_members_near_a_border_are_left_out(town: Town, main_command: Command) -> None:
    """With a least margin only clear members are listed, and the others are counted."""
    output = main_command("export", "planted", "--min-margin", "0.9", "-o", "list.parquet", "--json").stdout
    table = read_segments(town, 9)
    clear = table[table["margin"].astype(float) >= 0.9]
    assert 0 < len(clear) < len(table)
    assert pd.read_parquet("list.parquet")["customer_id"].tolist() == clear["customer_id"].tolist()
    assert json.loads(output)["unclear"] == len(table) - len(clear)


def test_the_holdout_is_in_a_file_of_its_own(town: Town, main_command: Command) -> None:
    """Nobody is on both lists, and together they are the segment; only the owner can read them."""
    main_command("export", "planted", "--holdout", "20%", "--salt", "spring", "-o", "spring.csv")
    contacts, holdout = pd.read_csv("spring.csv"), pd.read_csv("spring.holdout.csv")
    table = read_segments(town, 9)
    ids = table["customer_id"].tolist()
    is_held_out = Holdout(0.2, "spring").detect(ids)
    assert holdout["customer_id"].tolist() == table["customer_id"][is_held_out].tolist()
    assert contacts["customer_id"].tolist() == table["customer_id"][~is_held_out].tolist()
    assert {Path(name).stat().st_mode & 0o777 for name in ("spring.csv", "spring.holdout.csv")} == {0o600}


def test_nobody_changes_side_over_nights(town: Town, main_command: Command) -> None:
    """A customer who is held out on one night is held out on every other."""
    sides: dict[str, set[bool]] = {}
    for number in (1, 2, 9):
        as_of = str(day(number))
        main_command("export", "planted", "--as-of", as_of, "--holdout", "30%", "-o", "list.csv")
        for name, is_held_out in (("list.csv", False), ("list.holdout.csv", True)):
            for customer in pd.read_csv(name)["customer_id"]:
                sides.setdefault(customer, set()).add(is_held_out)
    assert all(len(values) == 1 for values in sides.values())
    assert np.mean([True in values for values in sides.values()]) == pytest.approx(0.3, abs=0.06)


def test_hashed_ids(town: Town, main_command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashed ids are HMAC-SHA256 with the key of the environment, and the holdout stays the same."""
    monkeypatch.setenv("RESEGMENT_HASH_KEY", KEY)
    main_command("export", "planted", "--holdout", "20%", "-o", "plain.csv")
    main_command("export", "planted", "--holdout", "20%", "--hash-ids", "-o", "hashed.csv")
    plain, hashed = (pd.read_csv(name)["customer_id"].tolist() for name in ("plain.csv", "hashed.csv"))
    assert hashed == [hmac.new(KEY.encode(), text.encode(), hashlib.sha256).hexdigest() for text in plain]


@pytest.fixture
def known(town: Town) -> pd.DataFrame:
    """The table of known customers of night 9, put into the editions of nights 2 and 9."""
    ids = [*(f"l{number:03d}" for number in range(60)), *(f"n{number:03d}" for number in range(30))]
    table = pd.DataFrame({"customer_id": ids, "first_seen": "2025-11-01", "last_seen": "2025-12-24"})
    table["group"] = ["lapsed"] * 60 + ["new"] * 30
    table["previous_group"] = "segment"
    for number, rows in (
        (2, table.assign(group=["segment"] * 20 + ["lapsed"] * 40 + ["new"] * 30)),
        (9, table),
    ):
        (folder,) = (town.home / "editions" / str(day(number))).iterdir()
        rows.to_parquet(folder / "known.parquet", index=False)
    return table


def test_the_lapsed_and_the_new_can_be_listed(known: pd.DataFrame, main_command: Command) -> None:
    """Groups outside the segments are listed from known.parquet, with those who entered and the holdout."""
    text = main_command("export", "planted", "--segment", "Lapsed", "--columns", "first_seen").stdout
    lapsed = known[known["group"] == "lapsed"]
    columns = ["customer_id", "group", "last_seen", "first_seen"]
    pd.testing.assert_frame_equal(pd.read_csv(StringIO(text)), lapsed[columns].reset_index(drop=True))
    both = main_command("export", "planted", "--segment", "lapsed", "--segment", "new").stdout
    assert pd.read_csv(StringIO(both))["customer_id"].tolist() == known["customer_id"].tolist()
    since = ["--entered-since", "7d", "--holdout", "30%", "-o", "list.parquet"]
    output = main_command("export", "planted", "--segment", "lapsed", *since)
    listed = [*pd.read_parquet("list.parquet")["customer_id"]]
    listed += [*pd.read_parquet("list.holdout.parquet")["customer_id"]]
    assert sorted(listed) == known["customer_id"].tolist()[:20]
    assert "40 left out: already in the group" in output.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--segment", "lapsed", "--segment", "S01"], "segments and groups have different columns"),
        (["--segment", "new", "--min-margin", "0.1"], "so they have no margin"),
        (["--segment", "new", "--entered-since", "8d"], r"2026-01-01 has no known\.parquet"),
        (["--segment", "new", "--columns", "spend"], r"known\.parquet has no column spend"),
    ],
)
@pytest.mark.usefixtures("known")
def test_lists_of_groups_that_are_refused(main_command: Command, arguments: list[str], message: str) -> None:
    """What only segments have cannot be asked of a group."""
    result = main_command("export", "planted", *arguments)
    assert result.returncode == 2 and re.search(message, result.stderr)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--segment", "S99"], r"no segment is called 'S99'; the edition has S01 \("),
        (["--entered-since", "30d"], "nothing was published on or before 2025-12-10"),
        (["--entered-since", "2026-01-09"], "is not before the edition's date"),
        (["--entered-since", "soon"], "expected YYYY-MM-DD"),
        (["--columns", "age"], "no column age; it has customer_id, spend"),
        (["--holdout", "100%"], "expected more than 0 % and less than 100 %"),
        (["--holdout", "some"], "expected one such as 10% or 0.1"),
        (["--holdout", "10%", "--salt", "\udcff"], "not a line of UTF-8 text"),
        (["--hash-ids"], "RESEGMENT_HASH_KEY is not set"),
        (["--segment", "lapsed"], "its definition has no groups"),
        (["-o", "list.xlsx"], r"ends in \.csv or \.parquet"),
        (["-o", "nowhere/list.csv"], "folder nowhere does not exist"),
        (["--json"], "the list needs --output"),
    ],
)
@pytest.mark.usefixtures("town")
def test_refusals_write_nothing(
    main_command: Command, tmp_path: Path, arguments: list[str], message: str
) -> None:
    """A request that cannot be met ends with 2, says what was expected, and leaves no file behind."""
    names = {path.name for path in tmp_path.iterdir()}
    result = main_command("export", "planted", *arguments)
    assert result.returncode == 2 and re.search(message, result.stderr)
    assert {path.name for path in tmp_path.iterdir()} == names


def test_an_edition_that_is_gone_is_not_compared_with(town: Town, main_command: Command) -> None:
    """If the earlier edition is no longer in the store, nobody is taken for new."""
    (earlier,) = (town.home / "editions" / str(day(2))).iterdir()
    (earlier / "segments.parquet").unlink()
    result = main_command("export", "planted", "--entered-since", "7d")
    assert result.returncode == 2 and "is no longer in the store" in result.stderr


def test_formulas_in_ids_are_counted(tmp_path: Path, main_command: Command) -> None:
    """Ids that a spreadsheet would run as formulas stay as they are, so that they join, and are counted."""
    town = create_town(tmp_path)
    customers = draw_customers(FOUR)
    customers.loc[:2, "id"] = ["=1+1", "@sum", "-5"]
    published = town.night(1, customers)
    result = main_command("export", "planted", "-o", "list.csv")
    assert "3 texts begin with = + - or @" in result.stderr
    assert set(pd.read_csv("list.csv")["customer_id"]) == set(read(published)["customer_id"])


@pytest.mark.usefixtures("town")
def test_a_given_name_is_on_the_list(town: Town, main_command: Command) -> None:
    """The list carries the name that people gave, which also chooses the segment."""
    main_command("name", "planted", "S01", "--name", "Best customers")
    assert (town.home / NAMES_FILE).is_file()
    output = main_command("export", "planted", "--segment", "best customers").stdout
    assert set(pd.read_csv(StringIO(output))["segment_name"]) == {"Best customers"}


def test_row_numbers_are_no_customers(tmp_path: Path, main_command: Command) -> None:
    """Where rows have no id, nothing that follows a customer over nights is done with their numbers."""
    rows = {**PLAN["rows"], "id": None, "ignore": ["id"]}
    single_segment = {"min": 1, "max": 1, "rule": "fixed", "fixed": 1}
    create_town(tmp_path, rows=rows, k=single_segment).night(1, draw_customers({"a": 60}))
    for arguments in (["--holdout", "10%"], ["--entered-since", "1d"], ["--hash-ids"]):
        result = main_command("export", "planted", *arguments)
        assert result.returncode == 2 and "no-ids: rows of this segmentation have no id" in result.stderr
    clear = main_command("export", "planted", "--min-margin", "0.5").stdout
    assert len(clear.splitlines()) == 61  # a single segment has no border
