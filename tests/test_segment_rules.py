"""Rules of segments: inferred, rounded, measured, and written as text and SQL."""

from typing import Literal

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from schemas.numbers import Encoding
from schemas.words import Condition, SegmentWords
from segmentation.features.encoding import encode
from segmentation.report.words.round_thresholds import Threshold, matches_rule, shortest_number_between
from segmentation.report.words.rule_text import format_rule, write_case, write_condition
from segmentation.report.words.segment_rules import (
    count_matches,
    count_overlaps,
    infer_rules,
    merge_counts,
    score_rules,
)
from segmentation.report.words.traits import make_indicator, make_number, make_rank


def test_a_rule_recovers_planted_thresholds() -> None:
    """A box of customers is described by two round thresholds, with precision and recall of all customers."""
    random = np.random.default_rng(3)
    matrix = random.uniform(0, 100, (3, 2000))
    labels = ((matrix[0] >= 60.4) & (matrix[2] < 29.7)).astype(np.int64)
    rules = infer_rules(matrix, labels, 2)
    assert rules[1] == (Threshold(0, True, 60.0), Threshold(2, False, 30.0))
    scores = score_rules(count_matches(matrix, labels, rules))
    assert scores[1].recall == 1.0
    assert scores[1].precision and 0.97 < scores[1].precision < 1
    assert scores[0].precision and scores[0].precision > 0.85


def test_a_range_is_one_rule() -> None:
    """A segment in the middle of a feature has two thresholds on it."""
    matrix = np.arange(1000.0)[None]
    rules = infer_rules(matrix, ((matrix[0] >= 300) & (matrix[0] < 500)).astype(np.int64), 2)
    assert rules[1] == (Threshold(0, True, 300.0), Threshold(0, False, 500.0))


def test_precision_and_recall_are_shares_of_customers() -> None:
    """Three of the four customers who match are in the segment of five, also when counted in parts."""
    matrix = np.array([[9.0, 8, 7, 6, 1, 2, 3, 4]])
    labels = np.array([0, 0, 0, 1, 0, 0, 1, 1])
    rules = [(Threshold(0, True, 5.0),), ()]
    parts = [count_matches(matrix[:, half], labels[half], rules) for half in (slice(0, 3), slice(3, 8))]
    for counts in (count_matches(matrix, labels, rules), merge_counts(parts)):
        scores = score_rules(counts)
        assert (scores[0].precision, scores[0].recall) == (0.75, 0.6)
        assert (scores[1].precision, scores[1].recall) == (None, 0.0)


def test_overlaps_count_everyone_once() -> None:
    """Customers match none, one or several rules, and the first of them is right or not."""
    matrix = np.array([[1.0, 2, 3, 4, 5]])
    labels = np.array([0, 0, 1, 1, 1])
    rules = [(Threshold(0, False, 4.0),), (Threshold(0, True, 3.0), Threshold(0, False, 5.0))]
    counts = count_matches(matrix, labels, rules)
    assert count_overlaps(counts, [1, 0]) == (1, 3, 1, 4)
    assert count_overlaps(counts, [0, 1]) == (1, 3, 1, 3)


def test_a_further_condition_needs_a_gain() -> None:
    """A segment that one threshold describes exactly gets one condition."""
    matrix = np.vstack([np.arange(100.0), np.arange(100.0) % 7])
    rules = infer_rules(matrix, (matrix[0] >= 40).astype(np.int64), 2)
    assert rules == [(Threshold(0, False, 40.0),), (Threshold(0, True, 40.0),)]
    assert np.count_nonzero(matches_rule(rules[0], matrix)) == 40


def test_no_rule_for_everyone_or_nobody_or_constant_features() -> None:
    """Then the rule is empty."""
    assert infer_rules(np.arange(6.0)[None], np.zeros(6, np.int64), 2) == [(), ()]
    assert infer_rules(np.ones((2, 6)), np.arange(6) % 2, 2) == [(), ()]


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e7])
def test_thresholds_have_few_digits_at_any_size(scale: float) -> None:
    """Between overlapping groups it has one or two digits, and loses at most half a percent of F1."""
    random = np.random.default_rng(8)
    values = np.append(random.lognormal(0, 0.4, 4000), random.lognormal(1.2, 0.4, 4000)) * scale
    labels = np.repeat([0, 1], 4000)
    threshold = infer_rules(values[None], labels, 2)[1][0].value
    assert len(f"{threshold:.6g}".strip("0.").replace(".", "").split("e")[0].rstrip("0")) <= 2
    best = max(
        2 * np.count_nonzero(labels[values >= cut]) / (np.count_nonzero(values >= cut) + 4000)
        for cut in values
    )
    f1 = 2 * np.count_nonzero(labels[values >= threshold]) / (np.count_nonzero(values >= threshold) + 4000)
    assert f1 >= best - 0.005


@pytest.mark.parametrize(
    ("low", "high", "shortest"),
    [(59.93, 60.21, 60.0), (0.0, 1.0, 1.0), (-3.0, 4.0, 0.0), (-12.6, -12.2, -12.2), (1e-9, 2e-9, 2e-9)],
)
def test_a_threshold_is_the_shortest_number_between(low: float, high: float, shortest: float) -> None:
    """It has as few digits as possible, because people read it."""
    assert shortest_number_between(low, high) == shortest


def test_the_threshold_of_two_neighbouring_numbers_is_the_greater() -> None:
    """No number is between them, and a rule compares with >= or <."""
    high = float(np.nextafter(1.0, 2.0))
    assert shortest_number_between(1.0, high) == high


def make_level(name: str, *levels: str) -> Encoding:
    """An indicator of one level of a city, or of the rare levels."""
    kind: Literal["level", "other"] = "level" if len(levels) == 1 else "other"
    return Encoding(name=name, column="city", kind=kind, levels=levels, block=3, fill="(missing)")


QUOTED, TITLE = 'the "best"; DROP', "O'Brien's"
ENCODINGS = {
    encoding.name: encoding
    for encoding in (
        Encoding(name=QUOTED, column=QUOTED, fill=2.5),
        make_level(f"city = {TITLE}", TITLE),
        make_level("city = (missing)", "(missing)"),
        make_level("city = (other)", TITLE, "(missing)"),
        Encoding(name="city is missing", column="city", kind="missing"),
        Encoding(name="size", column="size", kind="rank", levels=("S", "M", "L"), fill="M"),
        Encoding(name="member", column="member"),
        Encoding(name="orders", column="orders"),
    )
}  # fmt: skip
TRAITS = {
    name: make_rank(name, "size", encoding.levels)
    if encoding.kind == "rank"
    else make_number(name)
    if name in (QUOTED, "orders")
    else make_indicator(name)
    for name, encoding in ENCODINGS.items()
}
TABLE = pa.table(
    {
        QUOTED: pa.array([1.0, None, 2.4999, 2.5, 1e9, -3.0]),
        "city": pa.array([TITLE, None, "Bonn", "Köln", TITLE, None]),
        "size": pa.array(["S", "M", "L", None, "M", "S"]),
        "member": pa.array([True, False, True, True, False, False]),
        "orders": pa.array([0, 3, 2**40, 7, 1, 2]),
    }
)


@pytest.mark.parametrize("at_least", [True, False])
@pytest.mark.parametrize(
    ("feature", "threshold"),
    [
        (QUOTED, 2.5),
        (f"city = {TITLE}", 1.0),
        ("city = (missing)", 1.0),
        ("city = (other)", 1.0),
        ("city is missing", 1.0),
        ("size", 1.0),
        ("size", 2.0),
        ("orders", 3.0),
        ("orders", 1e-9),
        ("orders", 1e25),
    ],
)
def test_sql_selects_the_customers_that_the_rule_matches(
    feature: str, threshold: float, at_least: bool
) -> None:
    """Filled gaps, levels, rare levels and hostile names: DuckDB agrees with the model's own numbers."""
    numbers = encode(TABLE, [ENCODINGS[feature]])[feature].to_numpy()
    expected = numbers >= threshold if at_least else numbers < threshold
    rule = (Condition(feature=feature, at_least=at_least, threshold=threshold),)
    customers = TABLE
    sql = write_condition(rule, ENCODINGS)
    assert customers.num_rows == 6
    selected = duckdb.sql(f"SELECT {sql} FROM customers").fetchall()  # noqa: S608
    assert [row[0] for row in selected] == expected.tolist()


def test_true_and_false_are_compared_as_numbers() -> None:
    """A column of true and false has the threshold 1, and SQL without such a type reads it too."""
    rule = (Condition(feature="member", at_least=True, threshold=1.0),)
    customers = TABLE
    sql = write_condition(rule, ENCODINGS)
    assert customers.num_rows == 6
    rows = duckdb.sql(f"SELECT {sql} FROM customers").fetchall()  # noqa: S608
    assert [row[0] for row in rows] == TABLE["member"].to_pylist()


def test_all_rules_are_one_case() -> None:
    """Segments without a rule are left out; without any rule nothing is stated."""
    rule = (Condition(feature="orders", at_least=True, threshold=3.0),)
    words = [SegmentWords(segment_id="S01", rule=rule), SegmentWords(segment_id="S02")]
    assert write_case(words, ENCODINGS) == "CASE\n  WHEN \"orders\" >= 3 THEN 'S01'\nEND"
    assert write_case(words[1:], ENCODINGS) == ""


def test_a_rule_is_readable() -> None:
    """Numbers have thresholds, two on one feature are a range, categories and levels have their names."""
    rule = (
        Condition(feature="orders", at_least=True, threshold=3.0),
        Condition(feature="orders", at_least=False, threshold=1200.5),
        Condition(feature=f"city = {TITLE}", at_least=False, threshold=1.0),
        Condition(feature="size", at_least=True, threshold=0.4),
        Condition(feature="member", at_least=True, threshold=1.0),
    )
    text = format_rule(rule, ENCODINGS, TRAITS)
    assert text == f"3 <= orders < 1200.5 and not city = {TITLE} and size >= M and member"
    middle = [
        Condition(feature="size", at_least=at_least, threshold=t)
        for at_least, t in ((True, 1.0), (False, 2.0))
    ]
    assert format_rule(middle, ENCODINGS, TRAITS) == "size = M"
