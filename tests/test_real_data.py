"""Public data end to end through Prefect, checked with pandas. The data is not part of this repository."""

import json
import random
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from config.settings import read_settings
from flows.resegment import resegment
from schemas.night import Published
from segmentation.errors import Refused

pytestmark = pytest.mark.usefixtures("prefect_server")

DAY = date(2026, 1, 31)
DEFINITIONS = Path(__file__).parent / "definitions"
ARTICLE_CENTRES = [103.75, 234.95, 261.0, 792.7, 891.75]


@pytest.fixture
def definitions_of_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the flow read definitions from tests/definitions."""
    monkeypatch.setenv("RESEGMENT_DEFINITIONS", str(DEFINITIONS))
    read_settings.cache_clear()


def run(name: str, file: Path, store: Path) -> Published:
    """Run the flow for DAY over one file."""
    result = resegment(name, as_of=DAY, source=str(file), store=str(store))
    assert isinstance(result, Published)
    return result


def count_rows(name: str, file: Path) -> dict[str, int]:
    """Rows read, used, merged and quarantined, as pandas counts them."""
    content = yaml.safe_load((DEFINITIONS / f"{name}.yaml").read_text())
    rows = content["rows"]
    texts = pd.read_csv(file, dtype=str, keep_default_na=False, encoding="latin-1")
    good = pd.Series(True, texts.index)
    for column, contract in rows["columns"].items():
        values = texts[column]
        if contract["type"] in ("int", "float"):
            values = pd.to_numeric(values, errors="coerce")
            good &= values.between(contract.get("ge", float("-inf")), contract.get("le", float("inf")))
        if "isin" in contract:
            good &= values.isin(contract["isin"])
    good_rows = texts[good]
    declared = [rows["id"], *rows["columns"]]
    distinct = good_rows if rows["id"] is None else good_rows.drop_duplicates(declared)
    used = distinct if rows["id"] is None else distinct.drop_duplicates(rows["id"], keep=False)
    merged = 0 if rows["id"] is None else int(good_rows.duplicated(declared).sum())
    return {
        "read": len(texts), "used": len(used), "merged": merged,
        "quarantined": len(texts) - len(used) - merged,
    }  # fmt: skip


def read_manifest(published: Published) -> dict[str, Any]:
    """The edition's manifest.json."""
    manifest: dict[str, Any] = json.loads(Path(published.report_path).with_name("manifest.json").read_bytes())
    return manifest


@pytest.mark.usefixtures("definitions_of_tests")
@pytest.mark.parametrize(
    ("name", "file", "quarantined"),
    [
        pytest.param("mall", "mall_customers.csv", 0, marks=pytest.mark.slow),
        ("mall", "mall_customers_dirty.csv", 100),
        pytest.param("wholesale", "wholesale_customers.csv", 0, marks=pytest.mark.slow),
        pytest.param("wholesale", "wholesale_customers_tampered.csv", None, marks=pytest.mark.slow),
        pytest.param("wholesale-latin1", "wholesale_customers_latin1.csv", 0, marks=pytest.mark.slow),
        pytest.param("telco", "telco_churn.csv", 11, marks=pytest.mark.slow),
    ],
)
def test_every_row_of_a_real_file_is_accounted_for(
    tmp_path: Path, shared_data: Path, name: str, file: str, quarantined: int | None
) -> None:
    """The night is published, and read = used + merged + quarantined, as counted by pandas."""
    published = run(name, shared_data / file, tmp_path)
    rows = read_manifest(published)["rows"]
    expected = count_rows(name, shared_data / file)
    assert published.outcome == "published"
    assert rows["read"] == rows["used"] + rows["merged"] + rows["quarantined"]
    assert {key: rows[key] for key in expected} == expected
    assert sum(rows["reasons"].values()) == rows["quarantined"]
    if quarantined is not None:
        assert rows["quarantined"] == quarantined
    segments = pd.read_parquet(published.segments_path)
    refused = pd.read_parquet(Path(published.report_path).with_name("quarantine.parquet"))
    assert (len(segments), len(refused)) == (rows["used"], rows["quarantined"])
    assert segments["customer_id"].is_unique
    assert 2 <= published.k == segments["segment_id"].nunique()


@pytest.mark.usefixtures("definitions_of_tests")
@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        ("wholesale", "missingcol", "Detergents_Paper"),
        pytest.param("mall", "lfs_pointer", "Git LFS pointer", marks=pytest.mark.slow),
    ],
)
def test_a_damaged_file_is_refused_and_the_last_edition_stays(
    tmp_path: Path, shared_data: Path, name: str, damage: str, message: str
) -> None:
    """The refusal names the damage, and no file in published/ changes."""
    run(name, shared_data / f"{name}_customers.csv", tmp_path)
    home = tmp_path / name / "published"
    files = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    with pytest.raises(Refused, match=message):
        run(name, shared_data / f"{name}_customers_{damage}.csv", tmp_path)
    assert files
    assert {path: path.read_bytes() for path in home.rglob("*") if path.is_file()} == files


@pytest.mark.usefixtures("definitions_of_tests")
@pytest.mark.slow
def test_the_latin1_copy_gives_the_same_segments_as_the_original(tmp_path: Path, shared_data: Path) -> None:
    """Nameless columns, line endings and the encoding do not change the segments."""
    original = run("wholesale", shared_data / "wholesale_customers.csv", tmp_path)
    copy = run("wholesale-latin1", shared_data / "wholesale_customers_latin1.csv", tmp_path)
    pd.testing.assert_frame_equal(
        pd.read_parquet(original.segments_path), pd.read_parquet(copy.segments_path)
    )


@pytest.mark.slow
def test_the_articles_file_gives_the_articles_answer_in_any_order(tmp_path: Path, shared_data: Path) -> None:
    """It gives k = 5, segments of 4,800 and the article's centres, in any order of rows."""
    file = shared_data / "article_customers.csv"
    header, *lines = file.read_bytes().splitlines()
    random.Random(11).shuffle(lines)  # noqa: S311 - a test order, not a secret
    shuffled = tmp_path / "shuffled.csv"
    shuffled.write_bytes(b"\r\n".join([header, *lines]) + b"\r\n")
    first, second = run("article", file, tmp_path / "a"), run("article", shuffled, tmp_path / "b")
    tables = {
        name: [
            pd.read_parquet(Path(run_.report_path).with_name(f"{name}.parquet")) for run_ in (first, second)
        ]
        for name in ("profiles", "sweep")
    }
    money = tables["profiles"][0].query("feature == 'money_spent'")
    assert first.k == second.k == 5
    assert money["size"].tolist() == [4800] * 5
    assert sorted(money["centre"]) == pytest.approx(ARTICLE_CENTRES, abs=1e-9)
    for original, reordered in tables.values():
        pd.testing.assert_frame_equal(original, reordered, check_exact=True)
