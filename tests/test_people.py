"""The sample `people` and its five example definitions: the article's four kinds, and a blend."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from config.definition import BUILT_IN
from flows.resegment import resegment
from schemas.night import Published
from segmentation.samples.people import ATTITUDES, CUSTOMER_TYPES, DIRTY_SHARE, people_table
from tests.test_real_data import DAY

EXAMPLES = ["geographic", "demographic", "behavioural", "psychographic", "blended"]


def test_people_are_seeded() -> None:
    """The same seed gives the same table, a different seed a different one."""
    assert people_table(0, 500, 1).equals(people_table(0, 500, 1))
    assert not people_table(0, 500, 1).equals(people_table(0, 500, 2))


def test_people_look_like_people() -> None:
    """Zip codes have five digits, ages and answers are in range, and gaps and dirt have their shares."""
    table = people_table(0, 50_000, 7)
    assert pc.all(pc.equal(pc.utf8_length(table["zip_code"]), 5)).as_py()
    assert pc.any(pc.starts_with(table["zip_code"], "0")).as_py()
    age = pd.to_numeric(table["age"].to_pandas(), errors="coerce")
    assert (age.min(), age.max() <= 99) == (18, True)
    assert age.isna().mean() == pytest.approx(0.03, abs=0.005)
    for name in ATTITUDES:
        assert set(table[name].to_pylist()) == {"", "1", "2", "3", "4", "5"}
    blank = pc.mean(pc.equal(table["customer_id"], "")).as_py()
    assert blank == pytest.approx(DIRTY_SHARE / 2, rel=0.4)
    assert sum(type_.share for type_ in CUSTOMER_TYPES) == pytest.approx(1)


def test_chunks_have_ids_in_a_row() -> None:
    """Two chunks have consecutive ids, each once."""
    table = pa.concat_tables([people_table(0, 300, 7), people_table(300, 300, 7)])
    ids = [id_ for id_ in table["customer_id"].to_pylist() if id_]
    assert ids == sorted(set(ids))
    assert ids[-1] == "P000000600"


@pytest.mark.slow
@pytest.mark.usefixtures("prefect_server")
@pytest.mark.parametrize("name", EXAMPLES)
def test_each_example_publishes(tmp_path: Path, name: str) -> None:
    """The shipped definition runs unchanged, and every feature has a profile."""
    published = resegment(name, as_of=DAY, store=str(tmp_path))
    assert isinstance(published, Published)
    assert published.outcome == "published"
    assert 2 <= published.k <= 8
    profiles = pd.read_parquet(Path(published.report_path).with_name("profiles.parquet"))
    shares = profiles[profiles["unit"] == "share"]
    assert shares["mean"].between(0, 1).all()
    levels = shares[shares["feature"].str.contains(" = ")]
    column = levels["feature"].str.split(" = ").str[0]
    totals = levels.groupby([levels["segment_id"], column])["mean"].sum()
    assert totals.tolist() == pytest.approx([1.0] * len(totals))
    assert "zip_code" not in set(profiles["feature"])
    assert (BUILT_IN / f"{name}.yaml").is_file()
