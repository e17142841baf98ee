"""Sketches of rows: hashes that depend on values alone, samples, and overlaps against Python's sets."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from schemas.rows import Input
from segmentation.rows.judging import deliveries as module
from segmentation.rows.judging.deliveries import Deliveries, measure_overlap
from segmentation.rows.judging.sketches import Sketch, hash_table, hash_words, sketch_rows
from tests.deliveries import draw_days
from tests.event_inputs import define


def test_overlaps_are_counted_as_sets() -> None:
    """Shares and partners agree with Python's sets, with rows that repeat within files too."""
    rng = np.random.default_rng(2)
    files = np.sort(rng.integers(0, 6, 3000)).astype(np.int32)
    hashes = rng.integers(0, 400, 3000).astype(np.uint64) + (files // 2 * 300).astype(np.uint64)
    order = rng.permutation(3000)
    overlap = measure_overlap(hashes[order], files[order], 7)
    sets = [set(hashes[files == number].tolist()) for number in range(7)]
    for number, hashes_of_file in enumerate(sets):
        elsewhere = set().union(*sets[:number], *sets[number + 1 :])
        assert overlap.rows[number] == len(hashes_of_file)
        assert overlap.shared[number] == len(hashes_of_file & elsewhere)
        partner = overlap.partners[number]
        assert (partner == -1) == (not hashes_of_file & elsewhere)
        assert partner == -1 or hashes_of_file & sets[partner]
    assert overlap.sampled.tolist() == np.bincount(files, minlength=7).tolist()
    empty = measure_overlap(hashes[:0], files[:0], 2)
    assert empty.shares.tolist() == [0, 0] and empty.repeated_within == 0


def test_sketches_are_thinned_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of hashes stays bounded, and the same rows remain of each file."""
    monkeypatch.setattr(module, "SKETCHED_ROWS", 500)
    inputs = [Input(name=f"{n}.csv", size=1, sha256=f"{n}") for n in range(40)]
    deliveries = Deliveries(inputs)
    hashes = np.random.default_rng(1).integers(0, 2**64, 700, np.uint64)
    for number in range(40):
        deliveries.add(
            Sketch(hashes, np.full(700, number, np.int32), np.array([number]), hashes, hashes, 1.0)
        )
        assert len(deliveries.hashes) <= 1000
    overlap = measure_overlap(deliveries.hashes, deliveries.files, 40)
    assert overlap.shares.min() == 1 and overlap.rows.max() - overlap.rows.min() == 0


def test_hashes_depend_on_values_alone() -> None:
    """Equal rows have equal hashes in any chunks and slices; rows that differ anywhere have others."""
    texts = ["", "a", "b", "12345678", "123456789", "12345678 ", "é", "漢字漢字漢字", "x" * 40, "x" * 41]
    keys = hash_words(pa.array(texts))
    assert len(set(keys.tolist())) == len(texts)
    padded = pa.array(["other", *texts, "other"]).slice(1, len(texts))
    assert hash_words(padded).tolist() == keys.tolist()
    table = pa.table(
        {
            "text": pa.array(["a", "a", "a", "a", "b", None, ""]),
            "number": pa.array([0.0, -0.0, None, 1.0, 0.0, 0.0, 0.0]),
            "flag": pa.array([True, True, True, True, True, True, None]),
        }
    )
    rows = hash_table(table).tolist()
    assert rows[0] == rows[1] and len(set(rows)) == 6
    assert hash_table(pa.concat_tables([table.slice(0, 3), table.slice(3)])).tolist() == rows


def test_samples_hold_the_same_rows_of_every_file() -> None:
    """A row is in the sample of each file that holds it, whatever else is in the file."""
    definition = define()
    good = pa.Table.from_pandas(pd.concat(draw_days(rows=2000)), preserve_index=False)
    texts = {"customer_id": good["id"].cast(pa.string()), "invoice": good["invoice"].cast(pa.string())}
    good = pa.table({**texts, "day": good["day"].cast(pa.timestamp("us")), "price": good["price"]})
    good = good.append_column("source_row", pa.array(np.arange(len(good))))
    first = good.append_column("source_file", pa.array(np.zeros(len(good), np.int32)))
    part = good.slice(3000, 9000).append_column("source_file", pa.array(np.ones(9000, np.int32)))
    sketches = [sketch_rows(table, definition.rows, 0.1) for table in (first, part)]
    assert 0.08 < len(sketches[0].hashes) / len(first) < 0.12
    assert set(sketches[1].hashes.tolist()) <= set(sketches[0].hashes.tolist())
    assert sketches[1].present.tolist() == [1]
