"""The days that the name of a file covers, by the pattern of the definition."""

from datetime import date

import pytest

from config.sources import Source
from segmentation.sources.dated_names import Span, detect_spans, span_in_name
from segmentation.sources.listing import covered_days


def days(first: str, end: str) -> Span:
    """The span from `first` to before `end`."""
    return Span(date.fromisoformat(first), date.fromisoformat(end))


@pytest.mark.parametrize(
    ("name", "pattern", "first", "end"),
    [
        ("2024-05-15.csv", "%Y-%m-%d", "2024-05-15", "2024-05-16"),
        ("15.05.2024.csv", "%d.%m.%Y", "2024-05-15", "2024-05-16"),
        ("orders_20240515T0300.csv", "%Y%m%d", "2024-05-15", "2024-05-16"),
        ("orders_20240515_0300.csv", "%Y%m%d_%H%M", "2024-05-15", "2024-05-16"),
        ("20240515031500.csv", "%Y%m%d", "2024-05-15", "2024-05-16"),
        ("shop-12345-20240515.csv", "%Y%m%d", "2024-05-15", "2024-05-16"),
        ("240515.csv", "%y%m%d", "2024-05-15", "2024-05-16"),
        ("2024-136.csv", "%Y-%j", "2024-05-15", "2024-05-16"),
        ("15-May-2024.csv", "%d-%b-%Y", "2024-05-15", "2024-05-16"),
        ("2024-W20-3.csv", "%G-W%V-%u", "2024-05-15", "2024-05-16"),
        ("2024/05/15.csv", "%Y/%m/%d", "2024-05-15", "2024-05-16"),
        ("2024/05/15/part-0.parquet", "%Y/%m/%d", "2024-05-15", "2024-05-16"),
        ("dt=2024-05-15/part-0.parquet", "dt=%Y-%m-%d", "2024-05-15", "2024-05-16"),
        ("dt=2024-05-15/part-0.parquet", "%Y-%m-%d", "2024-05-15", "2024-05-16"),
        ("year=2024/month=05/day=15/a.csv", "year=%Y/month=%m/day=%d", "2024-05-15", "2024-05-16"),
        ("2024/05/2024-05-15.csv", "%Y/%m/%Y-%m-%d", "2024-05-15", "2024-05-16"),
        ("2024-05-14/exported-2024-05-15.csv", "%Y-%m-%d", "2024-05-15", "2024-05-16"),
        ("year=2024/month=5/day=7/a.csv", "year=%Y/month=%m/day=%d", "2024-05-07", "2024-05-08"),
        ("2024-5-15.csv", "%Y-%m-%d", "2024-05-15", "2024-05-16"),
        ("7.5.2024.csv", "%d.%m.%Y", "2024-05-07", "2024-05-08"),
        ("2024/9.csv", "%Y/%m", "2024-09-01", "2024-10-01"),
        ("2024-W20.csv", "%G-W%V", "2024-05-13", "2024-05-20"),
        ("2026-W53.csv", "%G-W%V", "2026-12-28", "2027-01-04"),
        ("orders-2024-05.csv", "%Y-%m", "2024-05-01", "2024-06-01"),
        ("orders-2024-12.csv", "%Y-%m", "2024-12-01", "2025-01-01"),
        ("2024/02/orders.csv", "%Y/%m", "2024-02-01", "2024-03-01"),
        ("September 2024.csv", "%B %Y", "2024-09-01", "2024-10-01"),
        ("orders-2024.csv", "%Y", "2024-01-01", "2025-01-01"),
        ("2024-05-01_2024-05-31.csv", "%Y-%m-%d", "2024-05-01", "2024-06-01"),
    ],
)
def test_the_pattern_says_which_days_a_name_covers(name: str, pattern: str, first: str, end: str) -> None:
    """A day, a week, a month, a year, or from one date to another; in the file's name or in its folders."""
    Source(path="orders", date_in_name=pattern)
    assert span_in_name(name, pattern) == days(first, end)


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("orders.csv", "%Y-%m-%d"),
        ("2024-13.csv", "%Y-%m"),
        ("2024-02-30.csv", "%Y-%m-%d"),
        ("2023-366.csv", "%Y-%j"),
        ("2024-W53.csv", "%G-W%V"),
        ("2024/06/2024-05-15.csv", "%Y/%m/%Y-%m-%d"),
        ("20240515.csv", "%Y-%m-%d"),
        ("0000-01-01.csv", "%Y-%m-%d"),
    ],
)
def test_names_without_such_a_date_cover_no_known_days(name: str, pattern: str) -> None:
    """Another form, an impossible date and parts that contradict each other are no date."""
    assert span_in_name(name, pattern) is None


@pytest.mark.parametrize("pattern", ["%m-%d", "%Y-%d", "%d", "%G", "%V", "%Y-W%V", "%Y %q", "%Y-%U", "%"])
def test_patterns_that_name_no_span_are_refused(pattern: str) -> None:
    """Days without a month, weeks without their year and unknown directives are refused in the definition."""
    with pytest.raises(ValueError, match="date_in_name"):
        Source(path="orders", date_in_name=pattern)


def test_common_dates_are_recognised_in_any_form() -> None:
    """A name may hold a date in another form than the definition's; day and month may be exchanged."""
    assert detect_spans("orders_20240615.csv.zip") == [days("2024-06-15", "2024-06-16")]
    assert detect_spans("05-06-2024.csv") == [
        days("2024-05-06", "2024-05-07"),
        days("2024-06-05", "2024-06-06"),
    ]
    for name in ("Jun 15, 2024.csv", "15.06.24.csv", "240615.csv", "2024-167.csv", "20240615093000.csv"):
        assert detect_spans(name) == [days("2024-06-15", "2024-06-16")]
    assert detect_spans("orders_2024_06.csv") == [days("2024-06-01", "2024-07-01")]
    assert detect_spans("customers.csv") == detect_spans("order-1234567890.csv") == []


def test_covered_days_are_widened() -> None:
    """days_before and days_after widen the days that a file may hold; without a pattern it may hold any."""
    source = Source(path="orders", date_in_name="%Y-%m-%d", days_before=2, days_after=1)
    assert covered_days("eu/2024-05-15.csv", source) == days("2024-05-13", "2024-05-17")
    assert covered_days("orders.csv", source) is None
    assert covered_days("2024-05-15.csv", Source(path="orders")) is None
