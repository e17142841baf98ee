"""The samples `article` and `shop`."""

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.csv as arrow_csv
import pytest

from config.definition import BUILT_IN
from config.definition_files import read_definition
from config.sources import Source
from segmentation.samples import catalogue as samples
from segmentation.samples.catalogue import article_table, shop_table, write_sample


def test_article_sample_is_the_articles_data(shared_data: Path) -> None:
    """It has the article's 24,000 feature rows, each as often as in the article."""
    with (shared_data / "article_customers.csv").open(newline="") as file:
        expected = Counter(
            (int(row["products_purchased"]), int(row["complains"]), float(row["money_spent"]))
            for row in csv.DictReader(file)
        )
    rows = Counter(zip(*(column.to_pylist() for column in article_table().columns), strict=True))
    assert rows == expected


def test_article_sample_has_the_articles_segments() -> None:
    """Sorted by money spent, it has five groups of 4,800 with the article's centres."""
    money = np.sort(article_table()["money_spent"].to_numpy())
    means = money.reshape(5, 4800).mean(axis=1)
    assert means == pytest.approx([103.75, 234.95, 261.0, 792.7, 891.75])


def test_shop_is_seeded() -> None:
    """The same seed gives the same rows, a different seed different ones."""
    assert shop_table(0, 500, 1).equals(shop_table(0, 500, 1))
    assert not shop_table(0, 500, 1).equals(shop_table(0, 500, 2))


def test_shop_is_written_chunk_by_chunk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of several chunks has one header and each chunk's rows in order, with unique ids."""
    monkeypatch.setattr(samples, "_CHUNK", 300)
    path = write_sample(Source(sample="shop", customers=1000), 5, tmp_path)
    table = arrow_csv.read_csv(path)
    assert table.num_rows == 1000
    ids = [i for i in table["customer_id"].to_pylist() if i]
    assert len(set(ids)) == len(ids)
    expected = [
        value
        for start in (0, 300, 600, 900)
        for value in shop_table(start, min(300, 1000 - start), 5)["items"]
    ]
    assert table["items"].to_pylist() == [int(str(value)) for value in expected]


def test_more_customers_keep_the_first_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The customers of whole chunks do not depend on the total number."""
    monkeypatch.setattr(samples, "_CHUNK", 200)
    lines = []
    for customers in (200, 400):
        folder = tmp_path / str(customers)
        folder.mkdir()
        path = write_sample(Source(sample="shop", customers=customers), 5, folder)
        lines.append(path.read_text().splitlines())
    assert lines[1][:201] == lines[0]


def test_shop_is_mostly_clean_and_a_little_dirty() -> None:
    """About two rows in a thousand are damaged, and the others meet the shop's contract."""
    table = shop_table(0, 30_000, 3).to_pandas()
    numbers = table.drop(columns="customer_id").apply(pd.to_numeric, errors="coerce")
    dirty = (table["customer_id"] == "") | numbers["orders"].isna() | (numbers["revenue"] < 0)
    assert 20 <= dirty.sum() <= 120
    clean = numbers[~dirty]
    assert (clean["recency_days"].between(0, 364)).all()
    assert (clean["orders"] >= 1).all()
    assert list(table.columns)[1:] == list(read_definition(BUILT_IN / "shop.yaml").features)


def test_one_customer_is_a_shop(tmp_path: Path) -> None:
    """The smallest shop has a header, one row and a final newline."""
    text = write_sample(Source(sample="shop", customers=1), 1, tmp_path).read_text()
    assert text.count("\n") == 2
    assert text.endswith("\n")


def test_negative_seeds_are_an_error() -> None:
    """A seed below 0 raises ValueError."""
    with pytest.raises(ValueError, match="non-negative"):
        shop_table(0, 10, -1)
