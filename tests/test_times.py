"""Times as people write them: ISO 8601, declared forms, epochs and a file's own types."""

import locale
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from config.columns import Column
from config.sources import Csv
from segmentation.rows.casting.text_columns import Dialect, cast_column

NEW_YORK = "America/New_York"
CUT = "c has digits beyond microseconds, which were cut"


def read(
    values: pa.Array | list[str], declared: object = None, timezone: str = "UTC"
) -> tuple[list[object], dict[str, int]]:
    """Times as local times, None where unreadable, and how many are odd."""
    column = Column.model_validate({"type": "timestamp", "format": declared})
    array = values if isinstance(values, pa.Array) else pa.array(values, pa.string())
    cast = cast_column("c", pa.chunked_array([array]), column, Dialect(Csv(), timezone))
    return cast.values.to_pylist(), {sentence: int(mask.sum()) for sentence, mask in cast.oddities.items()}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-05-15", "2024-05-15T00:00"),
        (" 2024-05-15", "2024-05-15T00:00"),
        ("2024-05-15 ", "2024-05-15T00:00"),
        (" 2024-05-15 09:16", "2024-05-15T09:16"),
        ("2024-05-15T09", "2024-05-15T09:00"),
        ("2024-05-15 9:05", "2024-05-15T09:05"),
        ("2024/5/1", "2024-05-01T00:00"),
        ("20240515", "2024-05-15T00:00"),
        ("20240515T091617", "2024-05-15T09:16:17"),
        ("2024-05-15T09:16:17,5", "2024-05-15T09:16:17.5"),
        ("2024-05-15T09:16:17.123456", "2024-05-15T09:16:17.123456"),
        ("2024-05-15T24:00:00", "2024-05-16T00:00"),
        ("2024-05-15T09:16Z", "2024-05-15T05:16"),
        ("2024-05-15 09:16:17z", "2024-05-15T05:16:17"),
        ("2024-05-15 09:16:17+02", "2024-05-15T03:16:17"),
        ("2024-05-15 09:16:17+0200", "2024-05-15T03:16:17"),
        ("2024-05-15T09:16:17.25+02:00", "2024-05-15T03:16:17.25"),
        ("2024-05-15 09:16:17 +0200", "2024-05-15T03:16:17"),
        ("2024-05-15 09:16:17 -04:00", "2024-05-15T09:16:17"),
        ("2024-05-15 09:16:17 UTC", "2024-05-15T05:16:17"),
        ("2024-05-15 09:16:17 GMT", "2024-05-15T05:16:17"),
        ("2024-05-15 09:16:17.5 +0000 UTC", "2024-05-15T05:16:17.5"),
        ("2024-05-15T09:16:17+02:00[Europe/Berlin]", "2024-05-15T03:16:17"),
        ("20240515T091617Z", "2024-05-15T05:16:17"),
        ("2024-02-29", "2024-02-29T00:00"),
        *(
            (text, None)
            for text in (
                *("2023-02-29", "2024-13-01", "2024", "2024-05", "0000-00-00", "now", "15/05/2024"),
                *("2024-05-15 09:16 PM", "2024-05-15 24:01", "2024-05-15 25:00", "2024-05-15 09:60"),
                *("2024-05-15+02:00", "2024-05-15 09:16:17 EST", "2024-05-15 09:16:17+25:00"),
                *("0044-03-15 BC", "infinity", "1718000000", "2024-05-15 09:16:17 +2"),
            )
        ),
    ],
)
@pytest.mark.parametrize("neighbour", ["2024-05-15", "no time"])
def test_iso_times(text: str, expected: str | None, neighbour: str) -> None:
    """Every common shape of ISO 8601 is read as local time of the zone; other texts are unreadable."""
    values, _ = read([text, neighbour], timezone=NEW_YORK)
    assert values[0] == (None if expected is None else datetime.fromisoformat(expected))


@pytest.mark.parametrize("digits", range(1, 10))
def test_fractions_of_any_length_are_read(digits: int) -> None:
    """Digits beyond the sixth are cut, never rounded, and counted unless they are zeros."""
    fraction = "987654999"[:digits]
    texts = [f"2024-05-15T09:16:17.{fraction}{end}" for end in ("", "Z", "+00:00")]
    micros = int(fraction[:6].ljust(6, "0"))
    values, oddities = read(texts)
    assert values == [datetime(2024, 5, 15, 9, 16, 17, micros)] * 3
    assert oddities == ({CUT: 3} if digits > 6 else {})
    assert read(["2024-05-15T09:16:17.1230000000"])[1] == {}


@pytest.mark.parametrize(
    ("declared", "text", "expected"),
    [
        ("%d/%m/%Y %I:%M %p", "15/05/2024 9:05 PM", "2024-05-15T21:05"),
        ("%d/%m/%Y %I:%M %p", "1/2/2024 12:00 a.m.", "2024-02-01T00:00"),
        ("%d/%m/%Y %I:%M %p", "1/2/2024 12:00\u202fPM", "2024-02-01T12:00"),
        ("%d/%m/%Y %I:%M %p", "1/2/2024 13:00 PM", None),
        ("%d/%m/%Y", "31/02/2024", None),
        ("%b %d, %Y", "Sep 5, 2024", "2024-09-05T00:00"),
        ("%d %B %Y", "5 september 2024", "2024-09-05T00:00"),
        ("%d %B %Y", "5 septembre 2024", None),
        ("%d.%m.%y", "05.09.68", "2068-09-05T00:00"),
        ("%d.%m.%y", "05.09.69", "1969-09-05T00:00"),
        ("%a, %d %b %Y %H:%M:%S %z", "Wed, 15 May 2024 09:16:17 -0400", "2024-05-15T15:16:17"),
        ("%d/%b/%Y:%H:%M:%S %z", "15/May/2024:09:16:17 +0000", "2024-05-15T11:16:17"),
        ("%Y-%m-%d %H:%M:%S%z", "2024-05-15 09:16:17Z", "2024-05-15T11:16:17"),
        ("%Y-%m-%d %H:%M:%S %z", "2024-05-15 09:16:17", None),
        ("%Y-%m-%dT%H:%M:%SZ", "2024-05-15T09:16:17Z", "2024-05-15T11:16:17"),
        ("%Y-%m-%d %H:%M:%S UTC", "2024-05-15 09:16:17 UTC", "2024-05-15T11:16:17"),
        ("%d/%m/%Y %H:%M:%S utc", "15/05/2024 09:16:17 UTC", "2024-05-15T11:16:17"),
        ("%d/%m/%Y %H:%Mz", "15/05/2024 09:16Z", "2024-05-15T11:16:00"),
        ("%Y-%m-%d %H:%M:%S.%f", "2024-05-15 09:16:17.1234567", "2024-05-15T09:16:17.123456"),
        ("%Y%m%d%H%M%S", "20240515091617", "2024-05-15T09:16:17"),
        ("%d%m%Y", "1112024", None),
        ("%Y-%j", "2024-366", "2024-12-31T00:00"),
        ("%Y-%j", "2023-366", None),
        ("100%% %Y-%m-%d", "100% 2024-05-15", "2024-05-15T00:00"),
        ("epoch-seconds", "1715764577", "2024-05-15T11:16:17"),
        ("epoch-seconds", "1715764577.25", "2024-05-15T11:16:17.25"),
        ("epoch-milliseconds", "1715764577250", "2024-05-15T11:16:17.25"),
        ("epoch-microseconds", "1715764577000001", "2024-05-15T11:16:17.000001"),
        ("epoch-seconds", "-1", "1970-01-01T00:59:59"),
        ("epoch-seconds", "1715764577000000", None),
        ("epoch-seconds", "1.7E9", None),
        ("iso", "2024-05-15T09:16:17", "2024-05-15T09:16:17"),
    ],
)
def test_declared_forms(declared: str, text: str, expected: str | None) -> None:
    """A declared form is read as local time of Berlin; UTC in a form, offsets and epochs are converted."""
    values, _ = read([text], declared, "Europe/Berlin")
    assert values[0] == (None if expected is None else datetime.fromisoformat(expected))


def test_names_of_months_are_english_in_every_locale() -> None:
    """A process that has set another locale reads the same times."""
    usual_locale = locale.setlocale(locale.LC_TIME)
    try:
        for name in ("de_DE.UTF-8", "C.UTF-8", "C"):
            try:
                locale.setlocale(locale.LC_TIME, name)
            except locale.Error:
                continue  # the machine lacks it
            assert read(["1 Mai 2024", "1 May 2024"], "%d %b %Y")[0] == [None, datetime(2024, 5, 1)]
    finally:
        locale.setlocale(locale.LC_TIME, usual_locale)


def test_a_list_of_formats_reads_each_value_by_the_first_that_fits() -> None:
    """A file that changed its form is read throughout."""
    texts = ["15/05/2024", "2024-05-16 09:00", "17.05.24", "18-05-2024"]
    days = [datetime(2024, 5, 15), datetime(2024, 5, 16, 9), datetime(2024, 5, 17), None]
    assert read(texts, ["%d/%m/%Y", "iso", "%d.%m.%y"])[0] == days


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        (["%d/%m/%Y", "%m/%d/%Y"], "read one text as two times"),
        (["iso", "%Y-%d-%m"], "read one text as two times"),
        (["%d.%m.%y", "%y.%m.%d"], "read one text as two times"),
        (["epoch-seconds", "epoch-milliseconds"], "read one text as two times"),
        (["epoch-seconds", "%Y%m%d"], "read one text as two times"),
        (["iso", "epoch-seconds"], "read one text as two times"),
        ("%H:%M", "needs year, month and day"),
        ("%Y-%M-%d", "needs year, month and day"),
        ("%d/%m/%Y %H:%M %p", "go together"),
        ("%d/%m/%Y %I:%M", "go together"),
        ("%d/%m/%Y %d", "each once"),
        ("%d/%m/%b/%Y", "has both"),
        ("%d/%m/%Y %Q", "format may contain"),
        ("%d/%m/%Y %H:%M CEST", "names a time zone"),
        ("%d/%m/%Y %H:%M est", "names a time zone"),
        ("%d/%m/%Y %H:%M +0200", "offset such as"),
        ("%d/%m/%Y %H:%M:%S-05:00", "offset such as"),
        ("%d/%m/%Y %H:%M GMT+2", "offset such as"),
        ("epoch", "needs year, month and day"),
        ([], "at least"),
    ],
)
def test_forms_that_cannot_be_read_in_one_way_are_refused(declared: object, message: str) -> None:
    """The definition is refused before any file is opened."""
    with pytest.raises(ValidationError, match=message):
        read([], declared)


@pytest.mark.parametrize(
    ("instant", "local"),
    [
        ("2024-03-31T00:59Z", "2024-03-31T01:59"),
        ("2024-03-31T01:00Z", "2024-03-31T03:00"),
        ("2024-10-27T00:30Z", "2024-10-27T02:30"),
        ("2024-10-27T01:30Z", "2024-10-27T02:30"),
        ("2024-03-31T02:30", "2024-03-31T02:30"),
    ],
)
def test_daylight_saving_time(instant: str, local: str) -> None:
    """Instants skip and repeat hours as Berlin does; local times stay as written."""
    assert read([instant], timezone="Europe/Berlin")[0] == [datetime.fromisoformat(local)]


@given(
    st.datetimes(datetime(1950, 1, 1), datetime(2100, 1, 1)),
    st.sampled_from(
        ["%Y-%m-%d %H:%M:%S.%f", "%d/%m/%Y %I:%M:%S %p %f", "%B %d, %Y %H:%M:%S,%f", "%j.%Y %H-%M-%S %f"]
    ),
)
def test_a_form_reads_what_strftime_writes(stamp: datetime, declared: str) -> None:
    """Python writes, the column reads the same time."""
    assert read([stamp.strftime(declared)], declared)[0] == [stamp]


@given(
    st.datetimes(datetime(1950, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),
    st.sampled_from([NEW_YORK, "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe"]),
    st.integers(-14 * 60, 14 * 60),
)
def test_instants_become_local_times_as_zoneinfo_says(stamp: datetime, zone: str, minutes: int) -> None:
    """Whatever offset an instant is written with, and in text, in a file or as a number, it is the same."""
    offset = timedelta(minutes=minutes)
    local = stamp.astimezone(ZoneInfo("UTC")).replace(tzinfo=None) + offset
    sign, (hours, minutes) = "+-"[minutes < 0], divmod(abs(minutes), 60)
    expected = [stamp.astimezone(ZoneInfo(zone)).replace(tzinfo=None)]
    assert read([f"{local.isoformat(' ')} {sign}{hours:02}{minutes:02}"], timezone=zone)[0] == expected
    assert read(pa.array([stamp], pa.timestamp("us", "UTC")), timezone=zone)[0] == expected
    micros = (stamp - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    assert read(pa.array([micros]), "epoch-microseconds", zone)[0] == expected
